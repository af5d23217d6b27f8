//! The daemon behind TLS and passwords, as `tradedog status` asks it, and what it says of its certificate.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a test starts programs, waits, writes files, and fails by panicking"
)]

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

const BINARY: &str = env!("CARGO_BIN_EXE_tradedog");
const FIRST: &str = include_str!("../src/export/server/tests/first.pem");
const SECOND: &str = include_str!("../src/export/server/tests/second.pem");
/// Of "a long secret".
const HASH: &str = "$2y$04$/APiJUfERMh9tgxS9cRVw.NsrIjpegTWIl4tjukPTwknoA6b2.ALK";

struct Daemon {
    child: Child,
    folder: TempDir,
    address: SocketAddr,
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = kill(Pid::from_raw(i32::try_from(self.child.id()).unwrap()), Signal::SIGTERM);
        let _ = self.child.wait();
    }
}

impl Daemon {
    fn start() -> Self {
        let folder = TempDir::new().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let path = |name: &str| folder.path().join(name);
        put(&path("cert.pem"), FIRST, 0o644);
        put(&path("key.pem"), FIRST, 0o600);
        put(&path("right"), "a long secret\n", 0o600);
        put(&path("wrong"), "a wrong secret\n", 0o600);
        let text = format!(
            "[web]\nlisten = [\"{address}\"]\ntls = {{ cert = {:?}, key = {:?} }}\nusers = {{ anna = \"{HASH}\" }}\n",
            path("cert.pem"),
            path("key.pem")
        );
        put(&path("watchdog.toml"), &text, 0o644);
        let log = fs::File::create(path("log")).unwrap();
        let child = tradedog(&folder).args(["run", "--config"]).arg(path("watchdog.toml")).stderr(log).spawn().unwrap();
        Self { child, folder, address }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap()
    }

    /// `tradedog status` of the daemon at its address, as one who believes `ca`.
    fn status(&self, ca: Option<&str>, password: &str) -> Output {
        let mut command = tradedog(&self.folder);
        command.args(["status", "--json", "--url", &format!("https://{}", self.address)]);
        command.args(["--user", "anna", "--password-file"]).arg(self.path(password));
        if let Some(ca) = ca {
            put(&self.path("ca.pem"), ca, 0o644);
            command.arg("--ca").arg(self.path("ca.pem"));
        }
        command.stdin(Stdio::null()).output().unwrap()
    }
}

fn tradedog(folder: &TempDir) -> Command {
    let mut command = Command::new(BINARY);
    command.env("RUNTIME_DIRECTORY", folder.path().join("run")).env("STATE_DIRECTORY", folder.path().join("state"));
    command
}

fn put(path: &Path, text: &str, mode: u32) {
    let new = path.with_extension("new");
    fs::write(&new, text).unwrap();
    fs::set_permissions(&new, fs::Permissions::from_mode(mode)).unwrap();
    fs::rename(new, path).unwrap();
}

fn eventually(what: &str, holds: impl Fn() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(60), "it never came to be: {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn who_knows_certificate_and_password_is_answered_and_nobody_else() {
    let daemon = Daemon::start();
    eventually("an answer", || daemon.status(Some(FIRST), "right").status.success());
    let answer = daemon.status(Some(FIRST), "right");
    assert!(String::from_utf8_lossy(&answer.stdout).contains("\"targets\": []"));
    let wrong = said(&daemon.status(Some(FIRST), "wrong"));
    assert!(wrong.contains("another user or password"), "{wrong}");
    for ca in [Some(SECOND), None] {
        let stranger = said(&daemon.status(ca, "right"));
        assert!(stranger.contains("no TLS (--ca names the certificates to believe)"), "{stranger}");
    }
    let here = tradedog(&daemon.folder)
        .args(["status", "--user", "anna", "--password-file"])
        .arg(daemon.path("right"))
        .arg("--config")
        .arg(daemon.path("watchdog.toml"))
        .output()
        .unwrap();
    assert!(here.status.success(), "the certificate that the configuration names is believed: {}", said(&here));

    put(&daemon.path("key.pem"), SECOND, 0o600);
    put(&daemon.path("cert.pem"), SECOND, 0o644);
    eventually("the renewed certificate", || daemon.status(Some(SECOND), "right").status.success());
    eventually("a line of it", || daemon.log().contains("cert.pem was read again"));
    put(&daemon.path("key.pem"), FIRST, 0o600);
    eventually("a complaint", || daemon.log().contains("does not belong to the certificate in"));
    assert!(daemon.status(Some(SECOND), "right").status.success(), "the one before goes on");
    let log = daemon.log();
    assert!(!log.contains("$2y$") && !log.contains("secret") && !log.contains("PRIVATE"), "{log}");
}

#[test]
fn check_and_run_name_the_file_that_cannot_be_used() {
    let daemon = Daemon::start();
    put(&daemon.path("key.pem"), SECOND, 0o644);
    for command in ["check", "run"] {
        let output =
            tradedog(&TempDir::new().unwrap()).args([command, "--config"]).arg(daemon.path("watchdog.toml")).output();
        let output = output.unwrap();
        let told = String::from_utf8_lossy(&output.stdout).into_owned() + &said(&output);
        assert!(!output.status.success() && told.contains("key.pem does not belong to"), "{command}: {told}");
    }
    put(&daemon.path("key.pem"), FIRST, 0o644);
    let check =
        tradedog(&daemon.folder).args(["check", "--config"]).arg(daemon.path("watchdog.toml")).output().unwrap();
    let told = String::from_utf8_lossy(&check.stdout).into_owned();
    assert!(told.contains("key.pem is open to others (mode 0644)"), "{told}");
}
