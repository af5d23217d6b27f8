//! The daemon under test.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, User, getuid};
use tempfile::TempDir;

use super::overseer::{self, Overseer};
use super::sandbox::{Forbidden, within};
use super::scrape::{Sample, Scrape, get};
use super::{NOBODY, eventually, output};

pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_tradedog");

/// `tradedog run` on a configuration of its own.
pub(crate) struct Daemon {
    child: Child,
    folder: TempDir,
    server: SocketAddr,
    /// The other end of its log, where nobody reads it.
    _unread: Option<OwnedFd>,
}

/// How a daemon is run.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Plain,
    /// As a user who may read and signal nobody else.
    ByNobody,
    /// With somebody who is asked about its system calls.
    Overseen,
}

/// A configuration, and how to run it.
pub(crate) struct Setup {
    text: String,
    binary: PathBuf,
    way: Way,
    /// What that user may do beside, as `setpriv` names it.
    capabilities: Option<&'static str>,
    descriptors: Option<u32>,
    unread: bool,
    forbidden: &'static [Forbidden],
}

impl Setup {
    /// With somebody who is asked before it opens, reads or signals: see [`Daemon::overseer`].
    pub(crate) fn overseen(mut self) -> Self {
        self.way = Way::Overseen;
        self
    }

    /// Where these system calls are missing.
    pub(crate) fn without(mut self, forbidden: &'static [Forbidden]) -> Self {
        self.forbidden = forbidden;
        self
    }

    /// With a log that is full from the start, and nobody reads it.
    pub(crate) fn with_unread_log(mut self) -> Self {
        self.unread = true;
        self
    }

    /// With no more descriptors than that.
    pub(crate) fn descriptors(mut self, most: u32) -> Self {
        self.descriptors = Some(most);
        self
    }

    /// As a user who may read and signal nobody else.
    pub(crate) fn run_by_nobody(mut self) -> Self {
        self.way = Way::ByNobody;
        self
    }

    /// That user with these capabilities, as a unit of systemd gives them: `kill,sys_ptrace`.
    pub(crate) fn with_capabilities(mut self, names: &'static str) -> Self {
        self.capabilities = Some(names);
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
        write(&file, server, &self.text);
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        for (_, name) in FOLDERS {
            let path = folder.path().join(name);
            fs::create_dir(&path).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
            if self.way == Way::ByNobody {
                // The daemon believes nothing in a folder that others than itself may write.
                std::os::unix::fs::chown(&path, Some(NOBODY), Some(NOBODY)).unwrap();
            }
        }
        let (log, unread) = if self.unread {
            let (reader, writer) = full_pipe();
            (Stdio::from(writer), Some(reader))
        } else {
            (log(folder.path()), None)
        };
        let command = self.command(&folder);
        let child = within(self.forbidden, || launch(command, folder.path(), log));
        let mut daemon = Daemon { child, folder, server, _unread: unread };
        daemon.wait_until_healthy();
        daemon
    }

    /// Another user needs a copy where it may go.
    fn command(&self, folder: &TempDir) -> Command {
        if self.way == Way::Overseen {
            let mut words = overseer::words(folder.path());
            let mut command = Command::new(words.remove(0));
            command.args(words).arg(&self.binary);
            return command;
        }
        if let Some(most) = self.descriptors {
            let mut command = Command::new("prlimit");
            command.arg(format!("--nofile={most}:{most}")).arg(&self.binary);
            return command;
        }
        if self.way != Way::ByNobody {
            return Command::new(&self.binary);
        }
        let copy = folder.path().join("tradedog");
        fs::copy(&self.binary, &copy).unwrap();
        let id = NOBODY.to_string();
        let mut command = Command::new("setpriv");
        command.args(["--reuid", &id, "--regid", &id, "--clear-groups"]);
        let given: Vec<String> =
            self.capabilities.iter().flat_map(|names| names.split(',')).map(|one| format!(",+{one}")).collect();
        for set in ["bounding-set", "inh-caps", "ambient-caps"] {
            command.arg(format!("--{set}=-all{}", given.concat()));
        }
        command.arg(copy);
        command
    }
}

impl Daemon {
    /// `{user}` in the text becomes the user of the tests; the address is added.
    pub(crate) fn told(text: &str) -> Setup {
        Setup {
            text: text.replace("{user}", &user()),
            binary: BINARY.into(),
            way: Way::Plain,
            capabilities: None,
            descriptors: None,
            unread: false,
            forbidden: &[],
        }
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

    /// Whoever is asked about its system calls.
    pub(crate) fn overseer(&self) -> Overseer {
        Overseer::of(self.folder.path())
    }

    pub(crate) fn runtime_directory(&self) -> PathBuf {
        self.folder.path().join("run")
    }

    pub(crate) fn state_directory(&self) -> PathBuf {
        self.folder.path().join("state")
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

    /// How many measures of that action are in force.
    pub(crate) fn in_force(&self, action: &str) -> usize {
        let scrape = self.scrape();
        scrape.all("tradedog_lease").filter(|one| one.label("action") == action && one.value == 1.0).count()
    }

    /// Waits until so many measures of that action are in force.
    pub(crate) fn wait_for_lease(&self, seconds: u64, action: &str, count: usize) {
        eventually(seconds, &format!("{count} in force of {action}"), || {
            (self.in_force(action) == count).then_some(())
        });
    }

    /// Every series of one process.
    pub(crate) fn series_of_processes(&self) -> Vec<Sample> {
        let is_one = |sample: &Sample| !sample.label("process").is_empty();
        self.scrape().samples.into_iter().filter(is_one).collect()
    }

    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.folder.path().join("log")).unwrap_or_default()).into_owned()
    }

    /// Another configuration in the place of the one that it was started with.
    pub(crate) fn rewrite(&self, text: &str) {
        write(&self.folder.path().join("watchdog.toml"), self.server, &text.replace("{user}", &user()));
    }

    /// Has it read its configuration again, as systemd would; waits until it says how that went.
    pub(crate) fn reload(&self) {
        let said = |log: &str| log.matches("the configuration was ").count();
        let before = said(&self.log());
        kill(Pid::from_raw(self.pid()), Signal::SIGHUP).unwrap();
        eventually(10, "a word on the reload", || (said(&self.log()) > before).then_some(()));
    }

    /// Runs `tradedog` with these arguments on this daemon, to its end.
    pub(crate) fn ask(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(BINARY);
        command.args(arguments).arg("--runtime-directory").arg(self.runtime_directory()).env("NO_COLOR", "1");
        output(&mut command)
    }

    /// Starts it anew, after its end.
    pub(crate) fn start_again(&mut self) {
        self.child = launch(Command::new(BINARY), self.folder.path(), log(self.folder.path()));
        self.wait_until_healthy();
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

/// Where the daemon finds its folders, and what they are called here.
const FOLDERS: [(&str, &str); 2] = [("RUNTIME_DIRECTORY", "run"), ("STATE_DIRECTORY", "state")];

/// The configuration file: `text`, and the address of the server.
fn write(file: &Path, server: SocketAddr, text: &str) {
    // A text that has a [daemon] of its own says all of it.
    let daemon =
        if text.contains("[daemon]") { "" } else { "[daemon]\ninterval = \"200ms\"\nsockets_interval = \"1s\"\n" };
    fs::write(file, format!("{daemon}[web]\nlisten = [\"{server}\"]\n{text}")).unwrap();
}

fn log(folder: &Path) -> Stdio {
    let file = fs::OpenOptions::new().append(true).create(true).open(folder.join("log"));
    Stdio::from(file.unwrap())
}

fn launch(mut command: Command, folder: &Path, log: Stdio) -> Child {
    for (variable, name) in FOLDERS {
        command.env(variable, folder.join(name));
    }
    command.args(["run", "--config"]).arg(folder.join("watchdog.toml")).stdin(Stdio::null());
    command.stdout(Stdio::null()).stderr(log).spawn().unwrap()
}

/// A pipe that takes nothing more until somebody reads.
fn full_pipe() -> (OwnedFd, OwnedFd) {
    let (reader, writer) = nix::unistd::pipe().unwrap();
    let flags = OFlag::from_bits_truncate(fcntl(&writer, FcntlArg::F_GETFL).unwrap());
    fcntl(&writer, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK)).unwrap();
    for size in [1 << 16, 1] {
        while nix::unistd::write(&writer, &vec![b'.'; size]).is_ok() {}
    }
    fcntl(&writer, FcntlArg::F_SETFL(flags)).unwrap();
    (reader, writer)
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
