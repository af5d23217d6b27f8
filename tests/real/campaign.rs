//! kill -9 of the daemon at any moment of a ladder: no measure comes twice, none is forgotten, and
//! nobody stays frozen.
//!
//! Several ladders run at once, each with a daemon of its own. A part of the story of each is
//! interrupted at a moment drawn from the seed: after a time, or after so many writes of the state
//! file, which is where intents and outcomes are. `CAMPAIGN_SEED` takes the seed of an earlier run.

mod story;

use std::os::unix::fs::MetadataExt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::support::{Daemon, Survived};
use story::{Story, Tally};

/// Each is interrupted three times.
const LADDERS: u64 = 20;
/// How many run at once.
const AT_ONCE: usize = 5;
/// A daemon that starts lets run whom the last one froze, within this.
const THAWED_WITHIN: Duration = Duration::from_secs(2);

/// Numbers that look like chance and are not.
pub(super) struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Less than `end`.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    pub(super) fn up_to(&mut self, longest: Duration) -> Duration {
        Duration::from_micros(self.below(u64::try_from(longest.as_micros()).unwrap() + 1))
    }
}

/// When the daemon is killed, counted from the beginning of a part of the story.
#[derive(Clone, Copy, Debug)]
pub(super) enum Moment {
    After(Duration),
    /// So long after so many writes of the state file.
    Written(u64, Duration),
}

impl Moment {
    /// Somewhere in a part of that length.
    pub(super) fn within(length: Duration, dice: &mut Dice) -> Self {
        match dice.below(2) {
            0 => Self::After(dice.up_to(length)),
            _ => Self::Written(1 + dice.below(6), dice.up_to(Duration::from_millis(8))),
        }
    }

    fn wait(self, daemon: &Daemon, longest: Duration) {
        match self {
            Self::After(time) => thread::sleep(time),
            Self::Written(count, then) => {
                let file = daemon.runtime_directory().join("state.json");
                let inode = || std::fs::metadata(&file).map_or(0, |found| found.ino());
                let (end, mut last, mut seen) = (Instant::now() + longest, inode(), 0);
                while seen < count && Instant::now() < end {
                    thread::sleep(Duration::from_micros(500));
                    seen += u64::from(std::mem::replace(&mut last, inode()) != last);
                }
                thread::sleep(then);
            }
        }
    }
}

/// A kill of the daemon.
pub(super) struct Interruption {
    pub(super) at: SystemTime,
    /// How long the process was still frozen after the restart, if it was.
    pub(super) frozen: Option<Duration>,
}

/// Kills the daemon at that moment of a part of at most that length, and starts it again after a pause.
pub(super) fn interrupt(
    daemon: &mut Daemon,
    (moment, length): (Moment, Duration),
    (pid, pause): (i32, Duration),
) -> Interruption {
    moment.wait(daemon, length);
    let at = SystemTime::now();
    daemon.kill_9();
    thread::sleep(Duration::from_millis(5).max(pause));
    let frozen = is_frozen(pid);
    let started = Instant::now();
    thread::scope(|scope| {
        let thawed = scope.spawn(move || {
            while frozen && is_frozen(pid) {
                let waited = started.elapsed();
                assert!(waited < THAWED_WITHIN, "{pid} is still frozen {waited:?} after the restart");
                thread::sleep(Duration::from_millis(1));
            }
            started.elapsed()
        });
        daemon.start_again();
        let thawed = thawed.join().unwrap_or_else(|_| panic!("frozen after the restart; log:\n{}", daemon.log()));
        Interruption { at, frozen: frozen.then_some(thawed) }
    })
}

/// Whether it lives and stands still.
pub(super) fn is_frozen(pid: i32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"));
    stat.is_ok_and(|stat| stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with('T')))
}

/// Enough for two hundred interruptions where `CAMPAIGN` is set.
fn ladders() -> u64 {
    if std::env::var_os("CAMPAIGN").is_some() { 67 } else { LADDERS }
}

fn seed() -> u64 {
    let given = std::env::var("CAMPAIGN_SEED").ok();
    let clock = || u64::from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().subsec_nanos());
    given.map_or_else(clock, |text| text.parse().unwrap())
}

#[test]
fn a_ladder_survives_kill_9_of_the_daemon_at_any_moment() {
    let (seed, began, next) = (seed(), Instant::now(), AtomicU64::new(0));
    eprintln!("CAMPAIGN_SEED={seed}");
    let work = || {
        let mut tally = Tally::default();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= ladders() {
                return tally;
            }
            tally = tally.plus(Story::begin(number, Dice(seed.wrapping_mul(1000) + number)).tell());
        }
    };
    let tally = thread::scope(|scope| {
        let workers: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(work)).collect();
        let tallies = workers.into_iter().map(|worker| worker.join());
        let all: Result<Vec<Tally>, _> = tallies.collect();
        all.unwrap_or_else(|_| panic!("CAMPAIGN_SEED={seed}")).into_iter().fold(Tally::default(), Tally::plus)
    });
    let ladders = ladders();
    eprintln!("{ladders} ladders in {:?}: {tally}", began.elapsed());
    tally.assert_that_most_came(ladders);
    let tried = format!("{} times at random moments of {ladders} ladders", 3 * ladders);
    let lost = "no order, no lease, none doubled";
    Survived { fault: "kill -9 of the daemon", tried: &tried, next_order: None, lost }.tell();
}
