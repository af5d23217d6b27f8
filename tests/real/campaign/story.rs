//! One ladder, up and down, with a kill at its end; and what must be true of it wherever it was
//! interrupted.

use std::fmt;
use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use nix::libc::SIGKILL;
use tempfile::TempDir;

use super::super::support::{BINARY, Daemon, Endpoint, Leaker, eventually, output, watching};
use super::{Dice, Interruption, Moment, interrupt, is_frozen};

/// Between SIGTERM and SIGKILL.
const GRACE: Duration = Duration::from_secs(2);
/// Longest that a freeze lasts, whether the daemon is killed meanwhile or not.
const FREEZE: Duration = Duration::from_millis(800);

/// What happened, over all ladders.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    moments: u64,
    frozen: u64,
    longest_frozen: Duration,
    /// Kills of the daemon after SIGTERM and before SIGKILL.
    in_grace: u64,
    signals: u64,
    notes: u64,
    disabled: u64,
    paused: u64,
    terminated: u64,
}

impl Tally {
    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            moments: self.moments + other.moments,
            frozen: self.frozen + other.frozen,
            longest_frozen: self.longest_frozen.max(other.longest_frozen),
            in_grace: self.in_grace + other.in_grace,
            signals: self.signals + other.signals,
            notes: self.notes + other.notes,
            disabled: self.disabled + other.disabled,
            paused: self.paused + other.paused,
            terminated: self.terminated + other.terminated,
        }
    }

    /// At most once, and yet not lost but where the daemon died between intent and deed.
    pub(crate) fn assert_that_most_came(&self, ladders: u64) {
        assert_eq!(self.moments, 3 * ladders);
        for count in [self.signals, self.notes, self.disabled, self.paused, self.terminated] {
            assert!(2 * count > ladders, "of {ladders} ladders: {self}");
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { moments, frozen, longest_frozen, in_grace, signals, notes, disabled, paused, terminated } = self;
        write!(f, "{moments} kills and restarts, {frozen} while frozen, {in_grace} within the grace; ")?;
        write!(f, "thawed {longest_frozen:?} after the restart at the latest; came: ")?;
        write!(f, "{signals} signals, {notes} notes, {disabled} disables, {paused} pauses, {terminated} SIGTERMs")
    }
}

/// A daemon, the process that it watches, and the other sides of its measures.
pub(crate) struct Story {
    number: u64,
    dice: Dice,
    daemon: Daemon,
    leaker: Leaker,
    endpoint: Endpoint,
    folder: TempDir,
    tally: Tally,
}

impl Story {
    pub(crate) fn begin(number: u64, dice: Dice) -> Self {
        let leaker = Leaker::handling(&["SIGUSR1", "SIGTERM"]).start();
        let (endpoint, folder) = (Endpoint::start(), TempDir::new().unwrap());
        let tables = r#"
[target.trader.thresholds]
open_fds = { elevated = 100, warning = 200, critical = 300, fatal = 400, clear_hold = "200ms" }
[target.trader.ladder]
elevated = ["reset_pool", "note"]
warning = ["disable_websocket"]
critical = ["pause", "hold_still"]
fatal = ["kill"]
[target.trader.actions]
reset_pool = { signal = "SIGUSR1", cooldown = "1h" }
note = { command = ["/bin/sh", "-c", "echo note >> FOLDER/notes"], cooldown = "1h" }
disable_websocket = { http = { post = "OFF" }, undo = { http = { post = "ON" } }, undo_after = "0s", cooldown = "1h" }
hold_still = { freeze = { deadline = "FREEZE" }, cooldown = "1h" }
kill = { kill = { grace = "GRACE" } }
[target.trader.actions.pause]
command = ["/bin/sh", "-c", "echo pause >> FOLDER/pauses; touch FOLDER/paused"]
undo = { command = ["/bin/rm", "-f", "FOLDER/paused"] }
undo_after = "0s"
cooldown = "1h"
"#;
        let tables = tables
            .replace("FOLDER", folder.path().to_str().unwrap())
            .replace("OFF", &endpoint.url("/off"))
            .replace("ON", &endpoint.url("/on"))
            .replace("FREEZE", &format!("{}ms", FREEZE.as_millis()))
            .replace("GRACE", &format!("{}s", GRACE.as_secs()));
        let daemon = watching(&leaker, &tables);
        Self { number, dice, daemon, leaker, endpoint, folder, tally: Tally::default() }
    }

    /// Half of them go down before they are killed; the others leave their measures to a successor.
    pub(crate) fn tell(mut self) -> Tally {
        self.part(Duration::from_millis(1800), &["files 150", "files 250", "files 350"]);
        if self.number.is_multiple_of(2) {
            self.part(Duration::from_millis(1500), &["files 5"]);
            self.assert_undone("its level was left");
            self.kill();
        } else {
            self.kill();
            self.leaker = Leaker::handling(&["SIGUSR1", "SIGTERM"]).beside(&self.leaker).start();
            self.part(Duration::from_millis(1000), &["files 5"]);
            self.assert_undone("its process has a successor");
        }
        self.assert_nothing_twice();
        self.assert_history_verifies();
        self.tally
    }

    /// However often its writer was killed, no event is missing and none was changed.
    fn assert_history_verifies(&self) {
        let folder = self.daemon.state_directory();
        let verified = output(Command::new(BINARY).args(["history", "--verify"]).arg(folder));
        assert!(verified.status.success(), "{verified:?}");
    }

    fn line(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn lines(&self, name: &str) -> u64 {
        std::fs::read_to_string(self.line(name)).map_or(0, |text| text.lines().count() as u64)
    }

    /// Tells the process one line after the other; the daemon is killed somewhere on the way.
    fn part(&mut self, length: Duration, lines: &[&str]) {
        self.part_until(length, lines, |_| ());
    }

    /// ... and then waits for something; when the daemon was killed, and what was waited for.
    fn part_until<T: Send>(
        &mut self,
        length: Duration,
        lines: &[&str],
        then: impl FnOnce(&mut Leaker) -> T + Send,
    ) -> (SystemTime, T) {
        let moment = Moment::within(length, &mut self.dice);
        let pause = self.dice.up_to(Duration::from_millis(200));
        let between = self.dice.up_to(Duration::from_millis(400));
        eprintln!("ladder {}, {lines:?}: killed {moment:?}, down for {pause:?}", self.number);
        let Self { daemon, leaker, .. } = self;
        let pid = leaker.pid();
        thread::scope(|scope| {
            let told = scope.spawn(|| {
                for line in lines {
                    // Whoever is frozen answers when it runs again.
                    leaker.tell(line);
                    thread::sleep(between);
                }
                then(leaker)
            });
            let Interruption { at, frozen } = interrupt(daemon, (moment, length), (pid, pause));
            self.tally.moments += 1;
            self.tally.frozen += u64::from(frozen.is_some());
            self.tally.longest_frozen = self.tally.longest_frozen.max(frozen.unwrap_or_default());
            (at, told.join().unwrap_or_else(|_| panic!("log:\n{}", daemon.log())))
        })
    }

    /// On the way there nothing goes out whose cooldown has begun. The process ignores SIGTERM, which
    /// comes at most once, and dies when the grace is over that began with it.
    fn kill(&mut self) {
        let end = |leaker: &mut Leaker| (leaker.end_signal(10, "forced"), SystemTime::now());
        let (interrupted, (signal, died)) = self.part_until(GRACE, &["files 350", "files 450"], end);
        let log = || format!("log:\n{}", self.daemon.log());
        assert_eq!(signal, Some(SIGKILL), "{}", log());
        let terms = self.signals("SIGTERM");
        assert!(terms <= 1, "{terms} SIGTERMs; {}", log());
        if terms == 1 {
            // Its last signal; where both cores are busy it takes a while to note it.
            let asked = self.leaker.last_signal();
            let took = died.duration_since(asked).unwrap();
            let about = GRACE - Duration::from_millis(500)..GRACE + Duration::from_millis(1500);
            assert!(about.contains(&took), "forced {took:?} after SIGTERM; {}", log());
            self.tally.in_grace += u64::from(interrupted > asked && interrupted < died);
        }
        self.daemon.wait_for(5, ("tradedog_target_processes", &[("target", "trader")]), 0.0);
        self.tally.terminated += terms;
        self.tally.signals += self.signals("SIGUSR1");
    }

    fn signals(&self, name: &str) -> u64 {
        self.leaker.signals().iter().filter(|signal| *signal == name).count() as u64
    }

    /// Everything that reached the other side was taken back after it.
    fn assert_undone(&self, why: &str) {
        let measures = ["disable_websocket", "pause", "hold_still"];
        let all = || {
            !self.line("paused").exists()
                && self.endpoint.paths().last().is_none_or(|last| last == "/on")
                && !is_frozen(self.leaker.pid())
                && measures.iter().all(|action| self.daemon.in_force(action) == 0)
        };
        let end = Instant::now() + Duration::from_secs(8);
        while !all() {
            let (asked, paused) = (self.endpoint.paths(), self.line("paused").exists());
            let so_far = format!("asked {asked:?}, paused: {paused}");
            assert!(Instant::now() < end, "not undone though {why}: {so_far}; log:\n{}", self.daemon.log());
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn assert_nothing_twice(&mut self) {
        let off = self.endpoint.count("/off") as u64;
        let came = [("/off", off), ("notes", self.lines("notes")), ("pauses", self.lines("pauses"))];
        for (what, count) in came {
            assert!(count <= 1, "{what} came {count} times; log:\n{}", self.daemon.log());
        }
        let undos = self.endpoint.asked("/on");
        let mut keys: Vec<_> = undos.iter().map(|undo| undo.header("idempotency-key")).collect();
        keys.dedup();
        assert!(keys.len() <= 1, "one undo under several keys: {keys:?}; log:\n{}", self.daemon.log());
        self.tally.disabled += off;
        self.tally.notes += self.lines("notes");
        self.tally.paused += self.lines("pauses");
        eventually(5, "nobody frozen", || (!is_frozen(self.leaker.pid())).then_some(()));
    }
}
