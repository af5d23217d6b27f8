//! What holds of every series of readings, whatever comes of the orders: properties of judging, on the engine
//! of the backtest. Those of a single threshold, of cooldowns, budgets and leases over restarts stand beside
//! the judge (`src/judge/tests/properties.rs`).
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "the test fails by panicking")]

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use proptest::prelude::*;
use tradedog::config::{self, Config, Source};
use tradedog::model::{
    Base, Event, Level, MemberKey, Metric, Moment, Note, OutcomeKind, Reading, Reason, Unknown, Value,
};
use tradedog::replay::{Answer, Player};

const START: Moment = Moment::from_secs(1_000_000);
const MEMBER: MemberKey = MemberKey { target: 0, slot: 0 };

/// How each action, and its undo, was answered.
type Seen = Rc<RefCell<BTreeMap<(String, bool), Vec<OutcomeKind>>>>;

/// A ladder with a measure that is undone at each of its upper levels.
fn config(elevated: u32, more: &str) -> Arc<Config> {
    let text = format!(
        r#"
[target.t]
match = {{ unit = "t.service" }}
settle = "0s"
kill_budget = {{ max = 2, per = "1m" }}
{more}
[target.t.thresholds]
open_fds = {{ elevated = {{ at = {elevated}, hold = "2s" }}, warning = 600, critical = 800, fatal = {{ at = 900, hold = "1s" }}, clear_hold = "2s" }}
[target.t.ladder]
elevated = ["reset"]
warning = ["off"]
critical = ["pause"]
fatal = ["kill"]
[target.t.actions]
reset = {{ signal = "SIGUSR1", cooldown = "4s", repeat = "9s", max_attempts = 50 }}
off = {{ http = {{ post = "http://127.0.0.1:1/off" }}, undo = {{ http = {{ post = "http://127.0.0.1:1/on" }} }}, undo_after = "3s", cooldown = "0s", max_cycles = {{ max = 1000, per = "1h" }}, max_attempts = 50 }}
pause = {{ command = ["/bin/true"], scope = "process", undo = {{ command = ["/bin/true"] }}, undo_after = "0s", cooldown = "0s", max_cycles = {{ max = 1000, per = "1h" }}, max_attempts = 50 }}
kill = {{ kill = {{ grace = "30s" }}, cooldown = "0s" }}
"#
    );
    Arc::new(config::parse(vec![Source::new("watchdog.toml", &text)]).expect("a good configuration"))
}

/// A series, and what was told of it.
struct World {
    player: Player,
    now: Moment,
    events: Vec<Event>,
}

impl World {
    fn new(config: Arc<Config>) -> Self {
        let mut player = Player::new(config, (Timestamp::UNIX_EPOCH, START));
        // Nobody is read in the very moment in which he is first seen.
        player.arrive(MEMBER, (Moment::default(), START - Duration::from_secs(1)));
        Self { player, now: START, events: Vec::new() }
    }

    /// A tick later; with none there is no new reading.
    fn pass(&mut self, value: Option<Value>) {
        let at =
            self.player.config().targets[0].metrics.iter().position(|m| *m == Metric::plain(Base::OpenFds)).unwrap();
        if let (Some(value), Some(readings)) = (value, self.player.readings(MEMBER)) {
            readings[at] = Reading { at: self.now, period: Duration::from_secs(1), value };
        }
        self.player.tick(self.now, &mut self.events);
        self.now = self.now + Duration::from_secs(1);
    }

    fn play(&mut self, values: &[Option<Value>]) {
        for value in values {
            self.pass(*value);
        }
    }

    /// What was told but for words about waiting: `(second, action, undo, outcome)`.
    fn ended(&self) -> Vec<(u64, String, bool, &'static str)> {
        let ended = self.events.iter().filter_map(|event| {
            let Note::Ended { order, kind, .. } = &event.note else { return None };
            Some((event.at.since(START).as_secs(), order.action.to_string(), order.undo, kind.name()))
        });
        ended.collect()
    }

    fn level(&self) -> Level {
        self.player
            .state()
            .member(MEMBER)
            .and_then(|member| member.ladders().next())
            .map_or(Level::Normal, |view| view.level)
    }
}

fn readings() -> impl Strategy<Value = Vec<Option<Value>>> {
    let reading = prop_oneof![
        8 => (0u32..1000).prop_map(|v| Some(Value::Known(f64::from(v)))),
        1 => (0u32..1000).prop_map(|v| Some(Value::AtLeast(f64::from(v)))),
        1 => Just(Some(Value::Unknown(Unknown::Denied))),
        1 => Just(None),
    ];
    prop::collection::vec((reading, 1usize..9), 1..25)
        .prop_map(|runs| runs.into_iter().flat_map(|(value, times)| vec![value; times]).collect())
}

/// Known readings that stay below fatal.
fn calmer() -> impl Strategy<Value = Vec<Option<Value>>> {
    prop::collection::vec((0u32..890, 1usize..9), 1..25).prop_map(|runs| {
        let known = |value: u32| Some(Value::Known(f64::from(value)));
        runs.into_iter().flat_map(|(value, times)| vec![known(value); times]).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    /// The same series has the same verdicts, to the letter.
    #[test]
    fn a_replay_is_deterministic(values in readings()) {
        let told = || {
            let mut world = World::new(config(300, ""));
            world.play(&values);
            format!("{:?}", world.events)
        };
        prop_assert_eq!(told(), told());
    }

    /// With a higher bound a level is entered later, or never, and so is its first order.
    #[test]
    fn a_raised_bound_never_orders_earlier(values in readings(), by in 1u32..290) {
        let first = |elevated: u32| {
            let mut world = World::new(config(elevated, ""));
            world.play(&values);
            let reset = world.ended().into_iter().find(|(_, action, ..)| action == "reset");
            reset.map_or(u64::MAX, |(second, ..)| second)
        };
        prop_assert!(first(300 + by) >= first(300));
    }

    /// Between the clear bound and the bound nothing is entered and nothing is left.
    #[test]
    fn nothing_flaps_inside_the_band(inside in prop::collection::vec(271u32..300, 1..60), entered in any::<bool>()) {
        let mut world = World::new(config(300, ""));
        let known = |value: u32| Some(Value::Known(f64::from(value)));
        world.play(&[known(if entered { 310 } else { 100 }); 5]);
        let before = world.level();
        world.events.clear();
        world.play(&inside.into_iter().map(known).collect::<Vec<_>>());
        prop_assert_eq!(world.level(), before);
        let stepped = world.events.iter().any(|event| matches!(event.note, Note::LevelChanged { .. }));
        prop_assert!(!stepped);
    }

    /// Whenever the daemon dies and is started again between two readings, on what it had remembered, the same
    /// orders go out at the same times, if nothing was pending.
    #[test]
    fn a_restart_in_the_middle_changes_nothing(values in calmer(), at in 0usize..100) {
        // Without holds nothing is pending that a restart would begin anew.
        let still = |restart: bool| {
            let text = config(300, "");
            let mut config = Config::clone(&text);
            for threshold in &mut config.targets[0].thresholds {
                threshold.clear_hold = Duration::ZERO;
                for (_, bound) in threshold.bounds.iter_mut() {
                    *bound = bound.map(|bound| config::Bound { hold: Duration::ZERO, ..bound });
                }
            }
            let mut world = World::new(Arc::new(config));
            for (index, value) in values.iter().enumerate() {
                if restart && index == at.min(values.len() - 1) {
                    let now = world.now;
                    let mut told = Vec::new();
                    world.player.restart(now - Duration::from_millis(1), &mut told);
                    world.events.extend(told);
                }
                world.pass(*value);
            }
            (world.ended(), world.level())
        };
        prop_assert_eq!(still(true), still(false));
    }

    /// A brake that closes and opens again loses no order: what held while its level held goes out as soon as it
    /// opens.
    #[test]
    fn no_order_is_lost_behind_a_brake(value in 600u32..890, held in 1usize..40) {
        let mut world = World::new(config(300, ""));
        world.player.state_mut().inhibit(tradedog::model::Inhibition {
            target: "t".into(),
            action: None,
            by: "alice".into(),
            since: START,
            until: START + Duration::from_secs(u64::try_from(held).unwrap()),
            until_successor: false,
        });
        let known = Some(Value::Known(f64::from(value)));
        world.play(&vec![known; held]);
        prop_assert!(world.ended().is_empty(), "{:?}", world.ended());
        world.play(&[known; 4]);
        let out: Vec<String> = world.ended().into_iter().map(|(_, action, ..)| action).collect();
        let expected: &[&str] = if value >= 800 { &["reset", "off", "pause"] } else { &["reset", "off"] };
        prop_assert_eq!(out, expected);
    }

    /// Each measure in force is undone once after its last owner has left, whatever fails on the way, and an
    /// acknowledged undo is not repeated.
    #[test]
    fn each_lease_is_undone_once(values in calmer(), trouble in 0u64..5) {
        let seen = Seen::default();
        let mut world = World::new(config(300, ""));
        let (book, mut count) = (Rc::clone(&seen), 0u64);
        world.player.answer_by(move |order| {
            count += 1;
            let fails = trouble > 0 && count.is_multiple_of(trouble + 1) && count < 60;
            let kind = if fails { OutcomeKind::Failed } else { OutcomeKind::Acknowledged };
            book.borrow_mut().entry((order.action.to_string(), order.undo)).or_default().push(kind);
            let reason = if fails { Reason::Timeout } else { Reason::None };
            Some(Answer { untouched: false, ..Answer::at_once(kind, reason) })
        });
        world.play(&values);
        world.play(&vec![Some(Value::Known(1.0)); 400]);
        prop_assert_eq!(world.player.state().leases(world.now).count(), 0);
        let seen = seen.borrow();
        for action in ["off", "pause"] {
            let of = |undo| seen.get(&(action.to_owned(), undo)).cloned().unwrap_or_default();
            let (taken, undone) = (of(false), of(true));
            let good = |kinds: &[OutcomeKind]| kinds.iter().filter(|kind| **kind == OutcomeKind::Acknowledged).count();
            prop_assert!(good(&undone) <= taken.len(), "{action}: {taken:?} {undone:?}");
            prop_assert_eq!(good(&undone) > 0, !taken.is_empty(), "{}: {:?} {:?}", action, taken, undone);
            if trouble == 0 {
                prop_assert_eq!(good(&undone), good(&taken), "{}", action);
            }
        }
    }

    /// At most `max` kills in any span of `per`, at most one delivery of an action within its cooldown.
    #[test]
    fn budgets_and_cooldowns_hold_in_every_window(values in readings()) {
        let mut world = World::new(config(300, ""));
        world.play(&values);
        let at = |wanted: &str| -> Vec<u64> {
            let ended = world.ended().into_iter().filter(|(_, action, undo, kind)| {
                action == wanted && !undo && *kind == OutcomeKind::Acknowledged.name()
            });
            ended.map(|(second, ..)| second).collect()
        };
        let (kills, resets) = (at("kill"), at("reset"));
        prop_assert!(kills.windows(3).all(|three| three[2] - three[0] >= 60), "{kills:?}");
        prop_assert!(resets.windows(2).all(|two| two[1] - two[0] >= 4), "{resets:?}");
    }
}
