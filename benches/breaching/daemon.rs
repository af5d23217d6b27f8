//! The daemon that is measured, and what it says of its passes.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, SystemTime};

use nix::unistd::{User, getuid};
use tempfile::TempDir;

use super::child::BOUND;
use super::report::Mode;
use crate::boot;
use crate::scrape::Scrape;

/// Times in /metrics are numbers of seconds since 1970, which are exact to less than a microsecond.
const EXACT: f64 = 1e-6;
/// Nothing that is waited for takes longer.
const PATIENCE: Duration = Duration::from_secs(60);

/// `tradedog run`, until this value ends.
pub(crate) struct Daemon {
    child: std::process::Child,
    server: SocketAddr,
    _folder: TempDir,
}

/// A pass that saw a breach.
pub(crate) struct Pass {
    /// When it was due, in nanoseconds since the boot.
    pub(crate) due: u64,
}

impl Daemon {
    pub(crate) fn start(mode: Mode, tag: &str, crowd: Option<&str>) -> Self {
        // As systemd gives it, the runtime directory is in memory: an order is written there before it goes out.
        let place = Some(Path::new("/dev/shm")).filter(|memory| memory.is_dir());
        let place = place.map_or_else(std::env::temp_dir, Path::to_owned);
        let folder = tempfile::Builder::new().prefix("tradedog-latency-").tempdir_in(place).unwrap();
        let server = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let file = folder.path().join("watchdog.toml");
        fs::write(&file, configuration(mode, server, (tag, crowd))).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_tradedog"));
        for (variable, name) in [("RUNTIME_DIRECTORY", "run"), ("STATE_DIRECTORY", "state")] {
            let path = folder.path().join(name);
            fs::DirBuilder::new().mode(0o700).create(&path).unwrap();
            command.env(variable, path);
        }
        let log = fs::File::create(folder.path().join("log")).unwrap();
        command.args(["run", "--config"]).arg(&file).stdin(Stdio::null()).stderr(log);
        Self { child: command.spawn().unwrap(), server, _folder: folder }
    }

    /// Until all are found, and some passes have seen them.
    pub(crate) fn wait_for_processes(&self, count: usize) {
        self.wait("all processes found", |scrape| {
            let found = scrape.value("tradedog_target_processes", &[("target", "breaching")])?;
            (found == count as f64).then_some(())
        });
        thread::sleep(Duration::from_secs(4));
    }

    /// The label `process` of that process.
    pub(crate) fn slot(&self, pid: u32) -> String {
        self.wait("the slot of a process", |scrape| {
            let is_it = |value: f64| value == f64::from(pid);
            let found = scrape.all("tradedog_process_pid").find(|sample| is_it(sample.value));
            found.map(|sample| sample.label("process").to_owned())
        })
    }

    /// The pass that saw the breach of that process.
    pub(crate) fn pass_since(&self, slot: &str, breach: u64) -> Pass {
        let labels = [("target", "breaching"), ("process", slot), ("ladder", "default")];
        // Not while it still carries out what others in the same pass are due.
        thread::sleep(Duration::from_millis(50));
        // The wall clock is set as it was a moment ago: both clocks are read one after the other.
        let wall =
            SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs_f64() - boot() as f64 / 1e9;
        self.wait("the pass that saw the breach", |scrape| {
            let high = scrape.value("tradedog_level", &labels)? > 0.0;
            let since = scrape.value("tradedog_level_since_timestamp_seconds", &labels)?;
            let last = scrape.value("tradedog_last_sample_timestamp_seconds", &[])?;
            let late = scrape.value("tradedog_pass_late_seconds", &[])?;
            // Of an earlier pass it is no longer known how late it began.
            let due = if (since - last).abs() < EXACT { since - late } else { since };
            let due = Duration::try_from_secs_f64(due - wall).ok()?;
            let due = u64::try_from(due.as_nanos()).unwrap();
            // The one before was left a second ago at least.
            let new = Duration::from_nanos(breach.saturating_sub(due)) < Duration::from_millis(500);
            (high && new).then_some(Pass { due })
        })
    }

    fn wait<T>(&self, what: &str, mut found: impl FnMut(&Scrape) -> Option<T>) -> T {
        let begun = boot();
        loop {
            // It refuses connections until it serves them.
            if let Some(found) = Scrape::of(self.server).ok().and_then(|scrape| found(&scrape)) {
                return found;
            }
            let over = Duration::from_nanos(boot() - begun) > PATIENCE;
            assert!(!over, "not within {PATIENCE:?}: {what}");
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What is not said is the default.
fn configuration(mode: Mode, server: SocketAddr, (tag, crowd): (&str, Option<&str>)) -> String {
    let daemon = mode.configuration();
    let user = User::from_uid(getuid()).unwrap().map_or_else(|| getuid().to_string(), |user| user.name);
    let crowd = crowd.map_or_else(String::new, |selector| {
        let thresholds =
            "open_fds = { elevated = 20000 }\nclose_wait = { elevated = 20000 }\nrss = { elevated = \"90GB\" }";
        format!("[target.crowd]\n{}\n[target.crowd.thresholds]\n{thresholds}\n", selector.replace("{user}", &user))
    });
    format!(
        r#"
[daemon]
{daemon}
[web]
listen = ["{server}"]
max_series = 100000
[target.breaching]
match = {{ cmdline = "{tag}", user = "{user}" }}
[target.breaching.thresholds]
open_fds = {{ elevated = {BOUND}, clear_hold = "0s" }}
close_wait = {{ elevated = 20000 }}
rss = {{ elevated = "90GB" }}
[target.breaching.ladder]
elevated = ["reset_pool"]
[target.breaching.actions.reset_pool]
signal = "SIGUSR1"
assume_handled = true
cooldown = "100ms"
{crowd}"#
    )
}
