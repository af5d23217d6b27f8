//! What the demo is played on: a folder, a broker and a database, the trader with its supervisor, and
//! the real daemon. All of it is gone when the stage is dropped.
#![expect(clippy::disallowed_methods, reason = "the demo has a folder of its own, and starts its own program")]

use std::fs::{self, File};
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use tempfile::TempDir;

use super::super::lookup::shown;
use super::super::status::client;
use super::child::Child;
use super::configuration;
use super::peers::Peers;
use super::trader::Mood;
use super::wait::Wait;
use crate::export::status::Status;
use crate::kernel;
use crate::model::Moment;

/// First and last of the ports that are tried: below those that the kernel gives to connections, so
/// that no leaking connection takes one.
const PORTS: (u32, u32) = (20_000, 32_000);
/// How often others may be faster at a port.
const TRIES: u32 = 3;
/// Until then everybody must have started.
const START: Duration = Duration::from_secs(15);
/// How long the daemon may take over an answer, on a host that is busy with other things.
const ANSWER: Duration = Duration::from_secs(10);
/// How long a supervisor waits before it starts a successor.
const RESTART: Duration = Duration::from_secs(1);
/// Time for each child to leave by itself.
const FAREWELL: Duration = Duration::from_secs(5);
/// How much of the log is shown when the story goes wrong.
const LOG_TAIL: usize = 15;

/// The stage.
pub(super) struct Stage {
    kept: bool,
    peers: Peers,
    /// The text of watchdog.toml.
    text: String,
    /// The trader's admin port.
    admin: SocketAddr,
    web: SocketAddr,
    trader: Option<Child>,
    daemon: Option<Child>,
    /// Where each trader's lines go.
    voice: Sender<String>,
    lines: Receiver<String>,
    /// When the supervisor starts a successor.
    restart: Option<Moment>,
    /// Dropped last: a daemon that still runs would make anew what is removed.
    folder: TempDir,
}

impl Stage {
    /// Opens the folder, which stays if it is `kept`, and both peers; nobody plays yet.
    pub(super) fn open(kept: bool) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("tradedog-demo-").tempdir();
        let mut folder = folder.context("cannot make a folder for the demo: set TMPDIR to one that can be written")?;
        folder.disable_cleanup(kept);
        let peers = Peers::open().context("cannot listen on loopback")?;
        let (voice, lines) = channel();
        let (admin, web) = (free_address()?, free_address()?);
        Ok(Self {
            folder,
            kept,
            peers,
            text: String::new(),
            admin,
            web,
            trader: None,
            daemon: None,
            voice,
            lines,
            restart: None,
        })
    }

    /// Starts trader and daemon, with other ports where somebody was faster.
    pub(super) fn begin(&mut self, mood: Mood, wait: &mut Wait) -> anyhow::Result<()> {
        let mut tries = 1;
        while let Err(error) = self.try_to_begin(mood, wait) {
            let taken = [self.admin, self.web].iter().any(|address| TcpListener::bind(address).is_err());
            self.trader = None;
            self.daemon = None;
            if !taken || tries == TRIES {
                return Err(error);
            }
            tries += 1;
            self.admin = free_address()?;
            self.web = free_address()?;
        }
        Ok(())
    }

    fn try_to_begin(&mut self, mood: Mood, wait: &mut Wait) -> anyhow::Result<()> {
        self.text = configuration::text(self.admin, self.web, self.peers)?;
        write_private(&self.configuration(), &self.text)?;
        self.start_trader(mood)?;
        let early = kernel::now() + START;
        self.start_daemon()?;
        while self.status().is_err() {
            for child in [&mut self.trader, &mut self.daemon].into_iter().flatten() {
                if let Some(status) = child.ended()? {
                    bail!("the {} ended at once with {status}", child.name());
                }
            }
            ensure!(kernel::now() < early, "the daemon does not answer at http://{}", self.web);
            wait.pause(Duration::from_millis(50))?;
        }
        Ok(())
    }

    fn start_trader(&mut self, mood: Mood) -> anyhow::Result<()> {
        let mut command = own_command()?;
        command.args(["demo", "trader", "--admin", &self.admin.to_string(), "--mood", mood.name()]);
        command.args(["--broker", &self.peers.broker.to_string(), "--database", &self.peers.database.to_string()]);
        command.args(["--parent", &std::process::id().to_string()]);
        command.stdout(Stdio::piped()).stderr(self.log()?);
        let mut trader = Child::start("trader", &mut command)?;
        trader.tell_lines(self.voice.clone())?;
        self.trader = Some(trader);
        Ok(())
    }

    fn start_daemon(&mut self) -> anyhow::Result<()> {
        let mut command = own_command()?;
        command.args(["demo", "daemon", "--parent", &std::process::id().to_string(), "--config"]);
        command.arg(self.configuration());
        for (variable, name) in [("RUNTIME_DIRECTORY", "run"), ("STATE_DIRECTORY", "state")] {
            let path = self.folder.path().join(name);
            fs::create_dir_all(&path)?;
            command.env(variable, path);
        }
        command.stdout(Stdio::null()).stderr(self.log()?);
        self.daemon = Some(Child::start("daemon", &mut command)?);
        Ok(())
    }

    /// What the supervisor does: a trader that ended is told of, and gets a successor.
    pub(super) fn supervise(&mut self) -> anyhow::Result<Option<Turn>> {
        if let Some(status) = self.daemon.as_mut().map(Child::ended).transpose()?.flatten() {
            bail!("the daemon ended with {status}");
        }
        if let Some(status) = self.trader.as_mut().map(Child::ended).transpose()?.flatten() {
            self.trader = None;
            self.restart = Some(kernel::now() + RESTART);
            return Ok(Some(Turn::Ended(status)));
        }
        if self.restart.is_none_or(|at| kernel::now() < at) {
            return Ok(None);
        }
        self.restart = None;
        self.start_trader(Mood::Calm)?;
        Ok(Some(Turn::Restarted))
    }

    /// What the trader said since the last call.
    pub(super) fn said(&self) -> Vec<String> {
        self.lines.try_iter().collect()
    }

    /// What the daemon knows.
    pub(super) fn status(&self) -> anyhow::Result<Status> {
        let answer = client::get(&self.web.into(), "/api/v1/status", ANSWER).map_err(anyhow::Error::msg)?;
        serde_json::from_str(&answer).context("the daemon's status cannot be read")
    }

    /// What the daemon was told.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Where the daemon is asked.
    pub(super) const fn web(&self) -> SocketAddr {
        self.web
    }

    pub(super) fn configuration(&self) -> PathBuf {
        self.folder.path().join("watchdog.toml")
    }

    /// What is needed to find out what went wrong: the end of the log, and where the rest is.
    pub(super) fn remains(&self) -> String {
        let log = fs::read(self.folder.path().join("log")).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().collect();
        let tail = lines.get(lines.len().saturating_sub(LOG_TAIL)..).unwrap_or_default().join("\n");
        let place = if self.kept { shown(self.folder.path()) } else { "gone; --keep leaves it".to_owned() };
        format!("The log ends with:\n{tail}\nThe folder with all of it: {place}")
    }

    /// Ends daemon and trader as systemd would.
    pub(super) fn end(&mut self) -> anyhow::Result<()> {
        for mut child in [self.daemon.take(), self.trader.take()].into_iter().flatten() {
            child.stop(FAREWELL)?;
        }
        Ok(())
    }

    /// Puts the folder away, unless it is kept. Returns where it was.
    pub(super) fn close(self) -> anyhow::Result<PathBuf> {
        let path = self.folder.path().to_owned();
        if !self.kept {
            self.folder.close().with_context(|| format!("cannot remove {}", shown(&path)))?;
        }
        Ok(path)
    }

    fn log(&self) -> anyhow::Result<File> {
        let log = fs::OpenOptions::new().create(true).append(true).mode(0o600).open(self.folder.path().join("log"));
        log.context("the log cannot be written")
    }
}

/// What the supervisor saw or did.
pub(super) enum Turn {
    /// The trader ended.
    Ended(ExitStatus),
    /// It has a successor.
    Restarted,
}

fn own_command() -> anyhow::Result<Command> {
    Ok(Command::new(std::env::current_exe().context("cannot find the own program")?))
}

/// One that nobody listens at now.
fn free_address() -> anyhow::Result<SocketAddr> {
    let (first, last) = PORTS;
    let begin = std::process::id().wrapping_mul(31).wrapping_add(u32::try_from(kernel::now().as_nanos() % 10_007)?);
    let ports = (0..last - first).map(|step| first + begin.wrapping_add(step) % (last - first));
    let addresses = ports.filter_map(|port| u16::try_from(port).ok()).map(|port| (Ipv4Addr::LOCALHOST, port).into());
    let mut free = addresses.filter(|address: &SocketAddr| TcpListener::bind(address).is_ok());
    free.next().context("no port is free on loopback")
}

/// The daemon refuses a file that others may write, and the umask may be lax.
fn write_private(path: &Path, text: &str) -> anyhow::Result<()> {
    let file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes())).context("the configuration cannot be written")
}
