//! Clocks: a host that sleeps, a wall clock that is set. On a fake clock, for no test may set that of the host; that the
//! daemon counts by a clock that goes on while the host sleeps, and that nobody can set, is tested beside the clock
//! (`src/kernel/clock.rs`).

use std::sync::Arc;
use std::time::Duration;

use jiff::{Span, Timestamp};
use tradedog::config::{self, Config, Source};
use tradedog::model::{Base, Event, MemberKey, Metric, Moment, Note, Reading, Value};
use tradedog::replay::Player;

use super::super::support::Survived;

const MEMBER: MemberKey = MemberKey { target: 0, slot: 0 };
const BEGIN: Moment = Moment::from_secs(1_000_000);
const HOUR: u64 = 3600;
/// A Monday, while the market is open.
const WALL: &str = "2026-03-02T15:00:00Z";

/// A signal at once, a kill after 20 s, by the hours of a market or by none.
fn config(calendar: bool) -> Arc<Config> {
    let hours = "[calendar.nyse]\nzone = \"America/New_York\"\ndays = [\"mon\", \"tue\", \"wed\", \"thu\", \"fri\"]\n\
                 sessions = { open = \"09:30-16:00\" }\n";
    let during = "[target.t.during.nyse.thresholds]\nrss = { elevated = \"1GB\" }\n";
    let text = format!(
        r#"
{}
[target.t]
match = {{ unit = "t.service" }}
settle = "0s"
[target.t.thresholds]
open_fds = {{ elevated = 300, fatal = {{ at = 900, hold = "20s" }} }}
rss = {{ elevated = "2GB" }}
{}
[target.t.ladder]
elevated = ["reset_pool"]
fatal = ["kill"]
[target.t.actions]
reset_pool = {{ signal = "SIGUSR1", cooldown = "1m", repeat = "5m" }}
kill = {{ kill = {{ grace = "5s" }} }}
"#,
        if calendar { hours } else { "" },
        if calendar { during } else { "" },
    );
    Arc::new(
        config::parse(vec![Source::new("watchdog.toml", &text)]).unwrap_or_else(|all| panic!("{}", all.render(false))),
    )
}

/// A leak that is fatal from the start, read each second.
struct Host {
    player: Player,
    now: Moment,
    wall: Timestamp,
    told: Vec<Event>,
}

impl Host {
    fn of(config: Arc<Config>) -> Self {
        let wall = WALL.parse().unwrap();
        let mut player = Player::new(config, (wall, BEGIN));
        player.arrive(MEMBER, (Moment::default(), BEGIN));
        Self { player, now: BEGIN, wall, told: Vec::new() }
    }

    fn pass(&mut self, seconds: u64) {
        for _ in 0..seconds {
            self.now = self.now + Duration::from_secs(1);
            self.wall += Span::new().seconds(1);
            let at = self.player.config().targets[0].metrics.iter().position(|m| *m == Metric::plain(Base::OpenFds));
            let reading = Reading { at: self.now, period: Duration::from_secs(1), value: Value::Known(950.0) };
            self.player.readings(MEMBER).unwrap()[at.unwrap()] = reading;
            self.tick();
        }
    }

    /// A tick on what was read last.
    fn tick(&mut self) {
        self.player.tell_time(self.wall, self.now, &mut self.told);
        self.player.tick(self.now, &mut self.told);
    }

    /// Goes to sleep; awake again, it judges before anything is read.
    fn sleep(&mut self, seconds: u64) {
        self.now = self.now + Duration::from_secs(seconds);
        self.wall += Span::new().seconds(i64::try_from(seconds).unwrap());
        self.tick();
    }

    /// When this was ordered, in seconds from the beginning.
    fn ordered(&self, action: &str) -> Vec<u64> {
        let orders =
            self.told.iter().filter(|event| matches!(&event.note, Note::Ordered(order) if *order.action == *action));
        orders.map(|event| event.at.since(BEGIN).as_secs()).collect()
    }
}

#[test]
fn a_host_that_sleeps_acts_on_nothing_that_it_read_before() {
    for asleep_at in 1..40 {
        let mut host = Host::of(config(false));
        host.pass(asleep_at);
        let before = (host.ordered("reset_pool"), host.ordered("kill"));
        assert_eq!(before.1.len(), usize::from(asleep_at >= 21));
        host.sleep(8 * HOUR);
        assert_eq!((host.ordered("reset_pool"), host.ordered("kill")), before, "nothing was read since");
        host.pass(60);
        let woke = asleep_at + 8 * HOUR;
        let signals = host.ordered("reset_pool");
        let killed = asleep_at >= 21;
        // Its `repeat` goes on while the host sleeps; beside a kill there is no other order.
        assert_eq!(signals, if killed { vec![1] } else { vec![1, woke + 1] }, "asleep at {asleep_at}");
        // Who is to be killed is so only once it was fatal for as long anew.
        let kill = if killed { 21 } else { woke + 21 };
        assert_eq!(host.ordered("kill"), [kill], "asleep at {asleep_at}");
    }
    let tried = "8 h at 39 moments of a ladder, on a fake clock";
    let lost = "readings of before, which count as unknown";
    let next_order = Some(Duration::from_secs(1));
    Survived { fault: "the host sleeps (suspend)", tried, next_order, lost }.tell();
}

#[test]
fn a_wall_clock_that_is_set_changes_no_order_and_no_duration() {
    let steps = [HOUR, 24 * HOUR, 30 * 24 * HOUR].map(|seconds| Span::new().seconds(i64::try_from(seconds).unwrap()));
    for step in steps.into_iter().flat_map(|step| [step, step.negate()]) {
        let mut host = Host::of(config(false));
        for _ in 0..10 {
            host.pass(4);
            host.wall += step;
        }
        assert_eq!((host.ordered("reset_pool"), host.ordered("kill")), (vec![1], vec![21]), "{step}");
    }
    // By whose hours there are bounds: a kill waits five minutes for somebody to look.
    let mut host = Host::of(config(true));
    host.pass(10);
    host.wall += Span::new().hours(2);
    host.pass(400);
    assert_eq!(host.ordered("kill").len(), 1);
    let (fault, tried) = ("the wall clock is set", "by an hour, a day, a month, both ways, on a fake clock");
    let lost = "nothing; a kill that has to do with a calendar is held for 5 minutes";
    Survived { fault, tried, next_order: Some(Duration::from_secs(1)), lost }.tell();
}
