//! tradedog itself, as it is shipped, told to watch the targets.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

use super::figures::{Cost, Size};
use super::{cpu, web};

/// It has that long to see all targets and their sockets.
const PATIENCE: Duration = Duration::from_secs(60);
/// What is done once, at the start, is done by then.
const SETTLES: u32 = 8;
/// More than what a process has.
const SERIES: u32 = 40;

/// The running daemon.
pub(crate) struct Daemon {
    child: Child,
    port: u16,
    folder: TempDir,
}

impl Daemon {
    /// What the floor reads, all bounds far away, no ceiling on itself, and room for all in /metrics; all
    /// else as by default.
    fn configuration(comm: &str, size: &Size, port: u16) -> String {
        let series = 10_000.max(size.processes * SERIES);
        format!(
            "[daemon]\ninterval = \"1s\"\nmax_cpu = \"off\"\n[web]\nlisten = [\"127.0.0.1:{port}\"]\n\
             max_series = {series}\n[target.bench]\nmatch = {{ comm = \"{comm}\" }}\n[target.bench.thresholds]\n\
             open_fds = {{ elevated = 100000 }}\nclose_wait = {{ elevated = 100000 }}\n\
             rss = {{ elevated = \"100GiB\" }}\nswap = {{ elevated = \"100GiB\" }}\n"
        )
    }

    /// Comes back when it reads all that there is to read, and is ready to be measured for so many seconds.
    pub(crate) fn start(comm: &str, size: &Size, seconds: u32) -> Self {
        let (folder, port) = (tempfile::tempdir().unwrap(), web::free_port());
        let path = |name: &str| folder.path().join(name);
        let file = path("watchdog.toml");
        std::fs::write(&file, Self::configuration(comm, size, port)).unwrap();
        std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        for name in ["runtime", "state"] {
            std::fs::create_dir(path(name)).unwrap();
        }
        let log = std::fs::File::create(path("log")).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_tradedog"))
            .args(["run", "--config"])
            .arg(&file)
            .env("RUNTIME_DIRECTORY", path("runtime"))
            .env("STATE_DIRECTORY", path("state"))
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let daemon = Self { child, port, folder };
        daemon.await_readings(size);
        std::thread::sleep(Duration::from_secs(SETTLES.min(seconds).into()));
        daemon
    }

    fn await_readings(&self, size: &Size) {
        let wanted = [size.processes, size.processes * size.fds, size.close_wait].map(f64::from);
        let begun = Instant::now();
        loop {
            let text = web::metrics(self.port);
            let seen = [
                ("tradedog_target_processes", "bench"),
                ("tradedog_process_open_fds", "bench"),
                ("tradedog_process_sockets", "close_wait"),
            ]
            .map(|family| web::sum(&text, family));
            if seen == wanted {
                return;
            }
            if begun.elapsed() > PATIENCE {
                let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap();
                let log: Vec<&str> = log.lines().take(20).collect();
                panic!("tradedog reads {seen:?} where there is {wanted:?}; its log begins:\n{}", log.join("\n"));
            }
            std::thread::sleep(Duration::from_millis(500));
        }
    }

    /// Processor time of all its threads so far.
    pub(crate) fn cpu(&self) -> Duration {
        cpu::of_process(self.child.id())
    }

    pub(crate) fn cost(&self, per_pass: Duration) -> Cost {
        let (resident, anonymous) = cpu::memory(self.child.id());
        Cost { per_pass, resident, anonymous }
    }

    /// Half an interval after its passes, as a part of the second of the wall clock: whoever is at work
    /// then finds the caches as cold as the daemon does.
    pub(crate) fn between_passes(&self) -> Duration {
        let last = web::sum(&web::metrics(self.port), ("tradedog_last_sample_timestamp_seconds", ""));
        Duration::from_secs_f64((last + 0.5).fract())
    }

    /// Passes that came so late that the next one took their place.
    pub(crate) fn missed_passes(&self) -> f64 {
        web::sum(&web::metrics(self.port), ("tradedog_missed_passes_total", ""))
    }

    /// Processor time of one scrape of /metrics: what it uses more in a while with so many than in one without.
    pub(crate) fn scrape(&self, scrapes: u32, per_pass: Duration) -> Duration {
        let (begun, before) = (Instant::now(), self.cpu());
        for _ in 0..scrapes {
            assert!(!web::metrics(self.port).is_empty(), "a scrape failed");
            std::thread::sleep(Duration::from_millis(100));
        }
        let (used, elapsed) = (self.cpu() - before, begun.elapsed());
        used.saturating_sub(per_pass.mul_f64(elapsed.as_secs_f64())) / scrapes
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let pid = Pid::from_raw(self.child.id().try_into().unwrap());
        kill(pid, Signal::SIGTERM).unwrap();
        for _ in 0..100 {
            if self.child.try_wait().unwrap().is_some() {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}
