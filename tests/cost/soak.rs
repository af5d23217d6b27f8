//! A long run over processes that come and go: what the daemon takes stays flat, and no pass is lost that it does
//! not count. `benches/soak` runs it, for half an hour where nothing else is said.

use std::collections::{BTreeSet, VecDeque};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::support::{Daemon, status};

/// Processes that are watched at any time.
const TARGETS: usize = 100;
/// Of them, so many end each second, and as many come.
const CHURN: usize = 10;
/// Between two looks at when the last pass was: no pass is missed by them.
const LOOK: Duration = Duration::from_millis(200);
/// What it takes is noted so often.
const NOTED: Duration = Duration::from_secs(30);
/// At most: the allocator and the kernel's own counting move by as much.
const KIB_AN_HOUR: f64 = 512.0;

/// What the daemon took at a time.
struct Taken {
    seconds: f64,
    anonymous: f64,
    resident: f64,
    descriptors: f64,
}

impl Taken {
    fn by(daemon: &Daemon, since: Instant) -> Self {
        let descriptors = std::fs::read_dir(format!("/proc/{}/fd", daemon.pid())).unwrap().count();
        Self {
            seconds: since.elapsed().as_secs_f64(),
            anonymous: status(daemon.pid(), "RssAnon") as f64,
            resident: status(daemon.pid(), "VmRSS") as f64,
            descriptors: descriptors as f64,
        }
    }
}

/// How much it grows in an hour, by least squares over the second half: the first fills what is kept.
fn slope(noted: &[Taken], value: impl Fn(&Taken) -> f64) -> f64 {
    let late = &noted[noted.len() / 2..];
    let count = late.len() as f64;
    let mean = |of: &dyn Fn(&Taken) -> f64| late.iter().map(of).sum::<f64>() / count;
    let (time, level) = (mean(&|one| one.seconds), mean(&|one| value(one)));
    let moved: f64 = late.iter().map(|one| (one.seconds - time) * (value(one) - level)).sum();
    let spread: f64 = late.iter().map(|one| (one.seconds - time).powi(2)).sum();
    moved / spread * 3600.0
}

/// The processes: the one that came first ends first.
struct Churn {
    seconds: String,
    living: VecDeque<Child>,
    came: usize,
}

impl Churn {
    fn start() -> Self {
        let mut churn = Self { seconds: format!("9000.{}", std::process::id()), living: VecDeque::new(), came: 0 };
        churn.come(TARGETS);
        churn
    }

    fn come(&mut self, count: usize) {
        let one = |_| Command::new("sleep").arg(&self.seconds).stdin(Stdio::null()).spawn().unwrap();
        self.living.extend((0..count).map(one).collect::<Vec<_>>());
        self.came += count;
    }

    fn turn(&mut self) {
        self.living.drain(..CHURN).for_each(end);
        self.come(CHURN);
    }
}

fn end(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

impl Drop for Churn {
    fn drop(&mut self) {
        self.living.drain(..).for_each(end);
    }
}

fn watched(churn: &Churn) -> Daemon {
    let text = format!(
        "[daemon]\ninterval = \"1s\"\n[target.churn]\nmatch = {{ cmdline = \"sleep {}$\", user = \"{{user}}\" }}\n\
         [target.churn.thresholds]\nopen_fds = {{ elevated = 200 }}\n\"open_fds.time_left\" = {{ elevated = \"20m\" }}\n\
         close_wait = {{ elevated = 50 }}\nrss = {{ elevated = \"1GB\" }}\n",
        churn.seconds
    );
    let setup = Daemon::told(&text);
    match std::env::var_os("TRADEDOG_RELEASE") {
        Some(path) => setup.binary(path.as_ref()).start(),
        None => setup.start(),
    }
}

#[test]
#[ignore = "takes half an hour: see benches/soak"]
fn over_processes_that_come_and_go_it_stays_flat() {
    let minutes = std::env::var("SOAK_MINUTES").map_or(30, |text| text.parse().unwrap());
    let mut churn = Churn::start();
    let daemon = watched(&churn);
    let began = Instant::now();
    let (mut noted, mut passes, mut turned) = (Vec::new(), BTreeSet::new(), 0);
    while began.elapsed() < Duration::from_secs(60 * minutes) {
        let due = Duration::from_secs(turned + 1);
        if began.elapsed() >= due {
            churn.turn();
            turned += 1;
        }
        if began.elapsed() >= NOTED * u32::try_from(noted.len()).unwrap() {
            let taken = Taken::by(&daemon, began);
            println!(
                "{:5.0} s: {} processes came, {:6.0} KiB anonymous, {:6.0} KiB resident, {:4.0} descriptors",
                taken.seconds, churn.came, taken.anonymous, taken.resident, taken.descriptors
            );
            noted.push(taken);
        }
        let last = daemon.value("tradedog_last_sample_timestamp_seconds", &[]).unwrap();
        passes.insert((last * 1000.0).round().to_bits());
        thread::sleep(LOOK);
    }
    let expected = began.elapsed().as_secs();
    let missed = daemon.value("tradedog_missed_passes_total", &[]).unwrap();
    let readings = daemon.value("tradedog_missed_readings_total", &[]).unwrap();
    println!("{} passes seen in {expected} s, {missed} missed and counted, {readings} readings", passes.len());
    let [anonymous, resident, descriptors] =
        [slope(&noted, |one| one.anonymous), slope(&noted, |one| one.resident), slope(&noted, |one| one.descriptors)];
    println!(
        "slope over the second half: {anonymous:+.0} KiB anonymous, {resident:+.0} KiB resident, {descriptors:+.1} \
         descriptors an hour"
    );
    assert!(passes.len() as f64 + missed + 3.0 >= expected as f64, "passes were lost that nobody counted");
    assert!(anonymous <= KIB_AN_HOUR, "memory grows by {anonymous:.0} KiB an hour");
    assert!(descriptors <= 12.0, "descriptors grow by {descriptors:.1} an hour");
}
