//! From a breach to the signal: the built daemon, over real processes that open descriptors until they are at a
//! bound, and note when they were and when SIGUSR1 reached them. `benches/latency --help` says how to start it.
//!
//! Two distributions, each of 200 breaches by 20 processes. At an interval of a second, without any speed beyond
//! that, everything is opened at once, at a moment that the daemon's readings know nothing of: half a second on
//! average passes until the next reading is due. At adaptive speed (the defaults) the process leaks a hundred
//! descriptors a second, and the daemon can see the bound come.
//!
//! Each is told twice: from the breach to the signal, and from the moment when the reading that saw it was due,
//! which is the daemon's own part. That moment is when the pass began (since when the level holds, as /metrics
//! says it) less how late it began, which is told of whole passes only; where the breach came between that and the
//! reading, it is the breach.
//! Times depend on the machine, so nothing is asserted, except that each breach has its signal.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a program of its own that starts processes, waits, prints, and fails by panicking"
)]

use std::thread;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

#[path = "../tests/cost/crowd.rs"]
mod crowd;
#[path = "../tests/real/support/scrape.rs"]
mod scrape;

mod breaching;

use breaching::child::{self, Child};
use breaching::daemon::Daemon;
use breaching::report::{self, Breach, Measured, Mode};
use crowd::{Crowd, Size};

const PROCESSES: usize = 20;
/// After its descriptors are closed a process is left alone until the next reading must have seen that.
const CLEARED: Duration = Duration::from_millis(1300);

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [first, _tag, files, bound] = &arguments[..]
        && first == child::ARGUMENT
    {
        return child::serve(files.parse().unwrap(), bound.parse().unwrap());
    }
    let after = |name: &str| {
        let at = arguments.iter().position(|argument| argument == name)?;
        Some(arguments.get(at + 1).unwrap_or_else(|| panic!("{name} needs a value")).as_str())
    };
    let breaches: usize = after("--breaches").map_or(200, |text| text.parse().unwrap());
    let workload = after("--workload");
    let _crowd = workload.map(|name| Crowd::start("beside", size(name)));
    println!("{breaches} breaches by {PROCESSES} processes, beside {}", workload.unwrap_or("nobody else"));
    let measured = [Mode::Fixed, Mode::Adaptive].map(|mode| {
        let selector = _crowd.as_ref().map(Crowd::selector);
        Measured { mode, breaches: measure(mode, breaches, selector.as_deref()) }
    });
    println!("{}", report::text(&measured));
    if arguments.iter().any(|argument| argument == "--write") {
        report::write(&measured);
    }
}

/// The workloads that the daemon is made for.
fn size(name: &str) -> Size {
    let (processes, files, established, close_wait) = match name {
        "W1" => (10, 100, 500, 50),
        "W2" => (100, 500, 10_000, 1_000),
        "W3" => (1_000, 500, 50_000, 10_000),
        other => panic!("there is no workload {other}: W1, W2 or W3"),
    };
    Size { processes, files, established, close_wait }
}

fn measure(mode: Mode, breaches: usize, crowd: Option<&str>) -> Vec<Breach> {
    let tag = format!("breaching-{}-{}", mode.tag(), std::process::id());
    let children: Vec<Child> = (0..PROCESSES).map(|_| Child::start(&tag)).collect();
    let daemon = Daemon::start(mode, &tag, crowd);
    daemon.wait_for_processes(PROCESSES);
    thread::scope(|scope| {
        let drive = |(number, child): (usize, Child)| {
            let rounds = breaches / PROCESSES + usize::from(number < breaches % PROCESSES);
            let daemon = &daemon;
            scope.spawn(move || drive(child, number, rounds, (mode, daemon)))
        };
        let threads: Vec<_> = children.into_iter().enumerate().map(drive).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    })
}

/// One process, breach by breach.
fn drive(mut child: Child, number: usize, rounds: usize, (mode, daemon): (Mode, &Daemon)) -> Vec<Breach> {
    let slot = daemon.slot(child.pid());
    let mut chance = Chance(boot() ^ (number as u64) << 32);
    let one = |_| {
        thread::sleep(Duration::from_secs(1).mul_f64(chance.next()));
        let (breach, signal) = child.breach(mode);
        let pass = daemon.pass_since(&slot, breach);
        child.clear();
        thread::sleep(CLEARED);
        let due = pass.due.max(breach);
        let millis = |from: u64| signal.saturating_sub(from) as f64 / 1e6;
        Breach { total: millis(breach), after_due: millis(due) }
    };
    (0..rounds).map(one).collect()
}

/// Now, in nanoseconds of the clock that the daemon counts with.
fn boot() -> u64 {
    let time = clock_gettime(ClockId::Boottime);
    u64::try_from(time.tv_sec).unwrap() * 1_000_000_000 + u64::try_from(time.tv_nsec).unwrap()
}

/// Moments that nobody can foresee (splitmix64).
struct Chance(u64);

impl Chance {
    /// From 0 to 1.
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}
