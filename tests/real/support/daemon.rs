//! The daemon under test.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, User, getuid};
use tempfile::TempDir;

use super::scrape::{Sample, Scrape, get};
use super::{NOBODY, eventually};

pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_tradedog");

/// `tradedog run` on a configuration of its own.
pub(crate) struct Daemon {
    child: Child,
    folder: TempDir,
    server: SocketAddr,
}

/// A configuration, and how to run it.
pub(crate) struct Setup {
    text: String,
    binary: PathBuf,
    nobody: bool,
    descriptors: Option<u32>,
}

impl Setup {
    /// With no more descriptors than that.
    pub(crate) fn descriptors(mut self, most: u32) -> Self {
        self.descriptors = Some(most);
        self
    }

    /// As a user who may read and signal nobody else.
    pub(crate) fn run_by_nobody(mut self) -> Self {
        self.nobody = true;
        self
    }

    /// Another build of it.
    pub(crate) fn binary(mut self, path: &Path) -> Self {
        self.binary = path.to_owned();
        self
    }

    pub(crate) fn start(self) -> Daemon {
        let folder = tempfile::Builder::new().prefix("watchdog").rand_bytes(10).tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let server = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
        let file = folder.path().join("watchdog.toml");
        let head = format!("[daemon]\ninterval = \"200ms\"\n[web]\nlisten = [\"{server}\"]\n");
        // A text that has a [daemon] of its own says all of it.
        let head =
            if self.text.contains("[daemon]") { head.replace("[daemon]\ninterval = \"200ms\"\n", "") } else { head };
        fs::write(&file, format!("{head}{}", self.text)).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        let mut command = self.command(&folder);
        for (variable, name) in [("RUNTIME_DIRECTORY", "run"), ("STATE_DIRECTORY", "state")] {
            let path = folder.path().join(name);
            fs::create_dir(&path).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
            if self.nobody {
                // The daemon believes nothing in a folder that others than itself may write.
                std::os::unix::fs::chown(&path, Some(NOBODY), Some(NOBODY)).unwrap();
            }
            command.env(variable, path);
        }
        let log = fs::File::create(folder.path().join("log")).unwrap();
        command.args(["run", "--config"]).arg(&file).stdin(Stdio::null());
        let child = command.stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
        let mut daemon = Daemon { child, folder, server };
        daemon.wait_until_healthy();
        daemon
    }

    /// Another user needs a copy where it may go.
    fn command(&self, folder: &TempDir) -> Command {
        if let Some(most) = self.descriptors {
            let mut command = Command::new("prlimit");
            command.arg(format!("--nofile={most}:{most}")).arg(&self.binary);
            return command;
        }
        if !self.nobody {
            return Command::new(&self.binary);
        }
        let copy = folder.path().join("tradedog");
        fs::copy(&self.binary, &copy).unwrap();
        let id = NOBODY.to_string();
        let mut command = Command::new("setpriv");
        command.args(["--reuid", &id, "--regid", &id, "--clear-groups", "--bounding-set=-all"]).arg(copy);
        command
    }
}

impl Daemon {
    /// `{user}` in the text becomes the user of the tests; the address is added.
    pub(crate) fn told(text: &str) -> Setup {
        Setup { text: text.replace("{user}", &user()), binary: BINARY.into(), nobody: false, descriptors: None }
    }

    fn wait_until_healthy(&mut self) {
        eventually(15, "an answer of /-/healthy", || {
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none(), "the daemon ended with {ended:?}:\n{}", self.log());
            self.get("/-/healthy").filter(|(status, _)| *status == 200)
        });
    }

    pub(crate) fn pid(&self) -> i32 {
        self.child.id().try_into().unwrap()
    }

    pub(crate) fn runtime_directory(&self) -> PathBuf {
        self.folder.path().join("run")
    }

    /// The file that it was started with.
    pub(crate) fn configuration(&self) -> PathBuf {
        self.folder.path().join("watchdog.toml")
    }

    /// Ends it as nobody should.
    pub(crate) fn kill_9(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(crate) fn get(&self, path: &str) -> Option<(u16, String)> {
        get(self.server, path).ok()
    }

    pub(crate) fn server(&self) -> SocketAddr {
        self.server
    }

    /// The text of `/metrics`.
    pub(crate) fn metrics(&self) -> String {
        let (status, text) = self.get("/metrics").unwrap();
        assert_eq!(status, 200, "{text}");
        text
    }

    pub(crate) fn scrape(&self) -> Scrape {
        Scrape::of(self.server).unwrap()
    }

    pub(crate) fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        self.scrape().value(name, labels)
    }

    /// Waits until a series has that value; the log is shown where it never does.
    pub(crate) fn wait_for(&self, seconds: u64, (name, labels): (&str, &[(&str, &str)]), value: f64) {
        let mut last = None;
        let end = std::time::Instant::now() + Duration::from_secs(seconds);
        while std::time::Instant::now() < end {
            last = self.value(name, labels);
            if last == Some(value) {
                return;
            }
            std::thread::sleep(Duration::from_millis(25));
        }
        panic!("{name}{labels:?} is {last:?}, not {value}, after {seconds} s; log:\n{}", self.log());
    }

    /// How many orders of an action ended so; 0 where no series says.
    pub(crate) fn orders(&self, action: &str, outcome: &str, reason: &str) -> f64 {
        self.value("tradedog_orders_total", &[("action", action), ("outcome", outcome), ("reason", reason)])
            .unwrap_or(0.0)
    }

    pub(crate) fn wait_for_order(&self, seconds: u64, action: &str, (outcome, reason): (&str, &str)) {
        self.wait_for(
            seconds,
            ("tradedog_orders_total", &[("action", action), ("outcome", outcome), ("reason", reason)]),
            1.0,
        );
    }

    /// Every series of one process.
    pub(crate) fn series_of_processes(&self) -> Vec<Sample> {
        let is_one = |sample: &Sample| sample.labels.iter().any(|(label, _)| label == "process");
        self.scrape().samples.into_iter().filter(is_one).collect()
    }

    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.folder.path().join("log")).unwrap()).into_owned()
    }

    /// Stops it as systemd would; how it ended.
    pub(crate) fn stop(&mut self) -> ExitStatus {
        kill(Pid::from_raw(self.pid()), Signal::SIGTERM).unwrap();
        eventually(10, "the end of the daemon", || self.child.try_wait().unwrap())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the daemon's log:\n{}", self.log());
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The user of the tests, as `match = { user = ... }` names it.
fn user() -> String {
    User::from_uid(getuid()).unwrap().map_or_else(|| getuid().to_string(), |user| user.name)
}

/// A port below those that the kernel gives to connections, so that no leaking process takes it first.
fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    (0..1000)
        .map(|_| u32::from(NEXT.fetch_add(1, Ordering::Relaxed)) + std::process::id().wrapping_mul(31))
        .map(|number| 20_000 + u16::try_from(number % 12_000).unwrap())
        .find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
        .unwrap()
}
