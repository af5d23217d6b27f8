//! Situations, each a snapshot.

use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::config::{Source, parse};
use crate::export::{LadderView, LeaseStanding, LeaseView, RungView, ThresholdView, WindowView};
use crate::model::{
    BrakeView, Cause, End, Event, ForecastView, Growth, Holds, Identity, Order, OrderId, OutcomeKind, OwnFacts, Pid,
    Reading, UndoBy,
};
use crate::record::{Logs, Recorder};

/// The case it was born from.
const TRADER: &str = r#"
[host.thresholds]
host_memory_used = { elevated = "60%", warning = "72%" }
[host.ladder]
elevated = ["trader.reset_pool"]
warning = ["trader.pause"]
[target.trader]
match = { unit = "trader.service" }
expect = { min = 1, max = 2 }
[target.trader.thresholds]
open_fds = { expected = 150, elevated = 300, warning = 600, critical = 800, fatal = { at = 900, hold = "3s" } }
[target.trader.ladder]
elevated = ["reset_pool"]
critical = ["pause"]
fatal = ["kill"]
[target.trader.actions.reset_pool]
signal = "SIGUSR1"
repeat = "5m"
[target.trader.actions.pause]
command = ["/usr/local/bin/trader-ctl", "pause"]
undo = { command = ["/usr/local/bin/trader-ctl", "resume"] }
[target.trader.actions.kill]
kill = { grace = "45s" }
needs = { action = "pause", within = "20s", otherwise = "kill" }
expect_successor = "60s"
"#;

pub(super) fn parsed(text: &str) -> Config {
    parse(vec![Source::new("watchdog.toml", text)]).unwrap_or_else(|problems| panic!("{problems}"))
}

pub(super) fn config() -> Config {
    parsed(TRADER)
}

/// A snapshot in the making, taken at 10000 s after boot.
pub(super) struct Stage {
    pub(super) snapshot: Snapshot,
    /// What is foretold of whoever comes.
    forecast: Option<ForecastView>,
}

impl Stage {
    pub(super) fn open() -> Self {
        Self::of(config())
    }

    fn of(config: Config) -> Self {
        let mut snapshot = Snapshot::empty(Arc::new(config));
        snapshot.begun = true;
        snapshot.not_ready.clear();
        snapshot.taken = Moment::from_secs(10_000);
        snapshot.targets[0].kill_budget_remaining = 3;
        snapshot.own = OwnFacts { started: Some(Moment::from_secs(1_000)), ..OwnFacts::default() };
        Self { snapshot, forecast: None }
    }

    pub(super) fn dry(&mut self) {
        let config = Config::clone(&self.snapshot.config);
        let daemon = Daemon { dry_run: true, ..config.daemon };
        self.snapshot.config = Arc::new(Config { daemon, ..config });
    }

    pub(super) fn member(&mut self, slot: u32, (fds, level): (f64, Level)) {
        self.member_with(slot, Value::Known(fds), level);
    }

    pub(super) fn member_with(&mut self, slot: u32, fds: Value, level: Level) {
        let config = Arc::clone(&self.snapshot.config);
        let target = &config.targets[0];
        let read = |metric: &Metric| {
            let value = if metric.base == Base::OpenFds { fds } else { Value::Known(1.0) };
            Reading { at: Moment::from_secs(9_999), period: Duration::from_secs(1), value }
        };
        let readings: Vec<Reading> = target.metrics.iter().map(read).collect();
        let since = Moment::from_secs(9_280);
        let unknown = if let Value::Unknown(why) = fds { Some(why) } else { None };
        let key = MemberKey { target: 0, slot };
        self.snapshot
            .push_member(key, pid(slot), Moment::from_secs(5_000))
            .readings(&readings)
            .ladders([LadderView { level, since }])
            .thresholds([ThresholdView { level, since, unknown }])
            .forecasts(self.forecast);
    }

    /// Open files grow by so many a minute, from so many.
    fn grows(&mut self, per_minute: f64, from: f64) {
        let growing = Growth { height: from, slope: per_minute / 60.0, bend: 0.0 };
        self.forecast = Some(ForecastView {
            at: Moment::from_secs(9_995),
            growth: Value::Known(per_minute),
            time_left: Value::Known(growing.until(900.0)),
            end: Some(End::Fatal),
            growing: Some(growing),
        });
    }

    fn brake(&mut self, whom: Option<u32>, (holds, reason): (Holds, Reason), opens: Option<u64>) {
        let whom = whom.map(|slot| MemberKey { target: 0, slot });
        let opens = opens.map(Moment::from_secs);
        self.snapshot.brakes.push(BrakeView { whom, holds, reason, opens });
    }

    fn group(&mut self, fds: f64, level: Level) {
        let config = Arc::clone(&self.snapshot.config);
        let value = Value::Known(fds);
        let reading = Reading { at: Moment::from_secs(9_999), period: Duration::from_secs(1), value };
        let since = Moment::from_secs(9_280);
        self.snapshot
            .push_group(0)
            .readings(&vec![reading; config.targets[0].metrics.len()])
            .ladders([LadderView { level, since }])
            .thresholds([ThresholdView { level, since, unknown: None }]);
    }

    pub(super) fn host(&mut self, used: f64, level: Level) {
        let since = Moment::from_secs(9_400);
        let config = Arc::clone(&self.snapshot.config);
        let value = Value::Known(used);
        let reading = Reading { at: Moment::from_secs(9_999), period: Duration::from_secs(1), value };
        self.snapshot.host = vec![reading; config.host.metrics.len()];
        self.snapshot.host_ladder = LadderView { level, since };
        self.snapshot.host_thresholds = vec![ThresholdView { level, since, unknown: None }];
    }

    fn action(&self, name: &str) -> u16 {
        let actions = &self.snapshot.config.targets[0].actions;
        u16::try_from(actions.iter().position(|action| *action.name == *name).unwrap()).unwrap()
    }

    pub(super) fn rung(&mut self, level: Level, action: &str, standing: Standing) {
        self.rung_of(RungOf::Ladder(0), (level, action), standing);
    }

    pub(super) fn rung_of(&mut self, ladder: RungOf, (level, action): (Level, &str), standing: Standing) {
        let action = self.action(action);
        let member = MemberKey { target: 0, slot: 0 };
        self.snapshot.rungs.push(RungView { member, ladder, level, action, standing });
    }

    /// The same rung of each member.
    pub(super) fn rung_at(&mut self, standing: Standing, members: u32) {
        for slot in 0..members {
            let member = MemberKey { target: 0, slot };
            let (ladder, level) = (RungOf::Ladder(0), Level::Fatal);
            self.snapshot.rungs.push(RungView { member, ladder, level, action: 0, standing });
        }
    }

    fn lease(&mut self, action: &str, standing: LeaseStanding) {
        self.snapshot.leases.push(LeaseView {
            target: Arc::clone(&self.snapshot.config.targets[0].name),
            action: action.into(),
            process: (action == "freeze").then_some(0),
            since: Moment::from_secs(9_760),
            level: Level::Critical,
            freeze: action == "freeze",
            after: Duration::from_secs(300),
            by: UndoBy::Daemon,
            standing,
        });
    }

    /// Orders that ended, ten seconds apart; in dry run they would have been.
    pub(super) fn ended(&mut self, actions: &[&str]) {
        let dry = self.snapshot.config.daemon.dry_run;
        let kind = if dry { OutcomeKind::DryRun } else { OutcomeKind::Delivered };
        let notes = actions.iter().map(|name| self.note((name, false), (kind, Reason::None))).collect();
        self.record(notes);
    }

    fn note(&self, (action, undo): (&str, bool), (kind, reason): (OutcomeKind, Reason)) -> Note {
        Note::Ended { order: Arc::new(self.order(action, undo)), kind, reason, detail: None }
    }

    fn order(&self, action: &str, undo: bool) -> Order {
        let target = &self.snapshot.config.targets[0];
        let action = &target.actions[usize::from(self.action(action))];
        let value = 655.0;
        let cause = Cause {
            metric: Metric::plain(Base::OpenFds),
            value,
            bound: 600.0,
            since: Moment::from_secs(9_280),
            escalated: None,
        };
        Order {
            id: OrderId(17),
            member: MemberKey { target: 0, slot: 0 },
            identity: Identity { boot: crate::model::BootId(1), pid: pid(0), start_ticks: 1, pidfs_inode: None },
            target: Arc::clone(&target.name),
            ladder: Arc::from("default"),
            level: Level::Warning,
            action: Arc::clone(&action.name),
            undo,
            scope: action.scope,
            measure: action.measure.clone(),
            thaw: None,
            cause: Some(cause),
            decided: Moment::from_secs(9_900),
            attempt: 1,
            by: None,
        }
    }

    fn record(&mut self, notes: Vec<Note>) {
        let (logs, _lines) = Logs::captured();
        let mut recorder = Recorder::new(Arc::clone(&self.snapshot.config), logs);
        let events = (0..).zip(notes).map(|(n, note)| Event { at: Moment::from_secs(9_900 + 10 * n), note });
        recorder.record(&events.collect::<Vec<_>>());
        self.snapshot.counters = recorder.counters();
    }
}

fn pid(slot: u32) -> Pid {
    Pid::new(4_711 + i32::try_from(slot).unwrap()).unwrap()
}

/// Half an hour before New York opens, where these bounds and measures hold.
fn hours(stage: &mut Stage, bounds: &str, ladder: &str) {
    let text = format!(
        "{TRADER}\n[calendar.nyse]\nzone = \"America/New_York\"\ndays = \"mon-fri\"\nvalid_until = \"2026-12-31\"\n\
         sessions = {{ open = \"09:30-16:00\" }}\n[target.trader.during.nyse.thresholds]\nopen_fds = {bounds}\n\
         [target.trader.during.nyse.ladder]\n{ladder}\n"
    );
    *stage = Stage::of(parsed(&text));
    // 2026-09-21, a Monday, 09:00 there.
    stage.snapshot.wall.observe(stage.snapshot.taken, Duration::from_secs(1_789_995_600));
}

/// A situation: its name, and what makes it.
type Scene = (&'static str, fn(&mut Stage));

pub(super) const ALL: &[Scene] = &[
    ("nobody there", |stage| {
        stage.snapshot.targets[0].successor_missing = false;
    }),
    ("nobody came after a kill", |stage| {
        stage.snapshot.targets[0].successor_missing = true;
        let kill = stage.note(("kill", false), (OutcomeKind::Gone, Reason::None));
        stage.record(vec![kill]);
    }),
    ("more than there should be", |stage| {
        for slot in 0..3 {
            stage.member(slot, (92.0, Level::Normal));
        }
    }),
    ("two processes, one raised", |stage| {
        stage.member(0, (92.0, Level::Normal));
        stage.member(1, (655.0, Level::Warning));
        stage.rung(Level::Elevated, "reset_pool", Standing::Done { at: Moment::from_secs(9_900) });
        stage.snapshot.targets[0].incident = Some(Moment::from_secs(9_900));
    }),
    ("a group", |stage| {
        stage.member(0, (405.0, Level::Normal));
        stage.member(1, (405.0, Level::Normal));
        stage.group(810.0, Level::Critical);
    }),
    ("orders and their outcomes", |stage| {
        stage.member(0, (655.0, Level::Warning));
        let note = |ended: (&str, bool), outcome| stage.note(ended, outcome);
        let mut wanted = stage.order("reset_pool", false);
        (wanted.by, wanted.cause) = (Some("alice (uid 1000, pid 4711)".into()), None);
        let wanted = Arc::new(wanted);
        let by_alice = Note::Ended { order: wanted, kind: OutcomeKind::Delivered, reason: Reason::None, detail: None };
        let notes = vec![
            note(("reset_pool", false), (OutcomeKind::Vetoed, Reason::Unhandled)),
            by_alice,
            note(("pause", false), (OutcomeKind::Acknowledged, Reason::None)),
            note(("pause", true), (OutcomeKind::Failed, Reason::Timeout)),
            note(("kill", false), (OutcomeKind::Lapsed, Reason::LevelLeft)),
        ];
        stage.record(notes);
    }),
    ("measures in force", |stage| {
        stage.member(0, (810.0, Level::Critical));
        let at = Moment::from_secs(10_012);
        stage.lease("pause", LeaseStanding::Needed);
        stage.lease("freeze", LeaseStanding::Undone { at });
        stage.lease("off", LeaseStanding::Doubtful);
        stage.lease("shed", LeaseStanding::Retrying { at });
    }),
    ("measures that stay", |stage| {
        stage.member(0, (92.0, Level::Normal));
        stage.lease("pause", LeaseStanding::Operator);
        stage.lease("off", LeaseStanding::Cycling { opens: None });
        stage.lease("shed", LeaseStanding::Undoing);
        stage.lease("halt", LeaseStanding::Waiting);
    }),
    ("inhibited", |stage| {
        stage.member(0, (905.0, Level::Fatal));
        let until = Moment::from_secs(11_680);
        let held = Standing::Held { reason: Reason::Inhibited, opens: Some(until) };
        stage.rung(Level::Fatal, "kill", held);
        let (target, by) = (Arc::from("trader"), Arc::from("alice (uid 1000, pid 4711)"));
        let since = Moment::from_secs(9_880);
        let all = Inhibition { target, action: None, by, since, until, until_successor: false };
        let pause = Inhibition { action: Some("pause".into()), until_successor: true, ..all.clone() };
        stage.snapshot.inhibitions = vec![all, pause];
    }),
    ("dry run", |stage| {
        stage.dry();
        stage.member(0, (655.0, Level::Warning));
        stage.rung(Level::Elevated, "reset_pool", Standing::Done { at: Moment::from_secs(9_900) });
        stage.ended(&["reset_pool", "reset_pool"]);
    }),
    ("unknown", |stage| {
        stage.member_with(0, Value::Unknown(Unknown::Denied), Level::Warning);
        stage.snapshot.not_ready = vec!["trader[0]: open_fds is denied: its threshold is blind".to_owned()];
    }),
    ("an operator's order", |stage| {
        stage.member(0, (92.0, Level::Normal));
        stage.rung_of(RungOf::Operator, (Level::Normal, "pause"), Standing::InFlight);
    }),
    ("a schedule", |stage| {
        let text = format!("{TRADER}\n[[target.trader.schedule]]\nevery = \"5m\"\naction = \"reset_pool\"\n");
        *stage = Stage::of(parsed(&text));
        stage.member(0, (92.0, Level::Normal));
        let held = Standing::Held { reason: Reason::Cooldown, opens: Some(Moment::from_secs(10_020)) };
        stage.rung_of(RungOf::Schedule, (Level::Normal, "reset_pool"), held);
    }),
    ("only observed", |stage| {
        *stage = Stage::of(parsed("[target.trader]\nmatch = { comm = \"trader\" }\n"));
        stage.snapshot.own = OwnFacts::default();
    }),
    ("files set aside, an old configuration", |stage| {
        stage.member(0, (92.0, Level::Normal));
        (stage.snapshot.reload.failed, stage.snapshot.reload.set_aside) = (true, 1);
    }),
    ("a leak, and all that is ahead", |stage| {
        // 85 to 1025 in two hours.
        stage.grows(7.8, 310.0);
        stage.member(0, (312.0, Level::Elevated));
        // The first opens before its measure comes, the second just after, the third long after.
        stage.brake(Some(0), (Holds::Action(1), Reason::Cooldown), Some(10_030));
        stage.brake(None, (Holds::Kills, Reason::KillBudget), Some(15_000));
        stage.brake(Some(MemberKey::ALL), (Holds::Action(1), Reason::Inhibited), Some(13_800));
    }),
    ("a leak in two processes, one of them unknown yet", |stage| {
        stage.grows(12.0, 90.0);
        stage.member(0, (92.0, Level::Normal));
        stage.forecast = Some(ForecastView::unknown(Moment::from_secs(9_995), Unknown::TooShort));
        stage.member(1, (92.0, Level::Normal));
    }),
    ("growth that is not known yet", |stage| {
        stage.forecast = Some(ForecastView::unknown(Moment::from_secs(9_995), Unknown::TooShort));
        stage.member(0, (655.0, Level::Warning));
        stage.brake(Some(0), (Holds::Action(1), Reason::Cooldown), Some(10_030));
    }),
    ("other bounds come before the metric does", |stage| {
        hours(stage, "{ elevated = 300, warning = 400, critical = 800, fatal = 900 }", "warning = [\"pause\"]");
        stage.grows(7.8, 310.0);
        stage.member(0, (312.0, Level::Elevated));
    }),
    ("other hours have no such bound", |stage| {
        hours(stage, "{ elevated = 300, fatal = 1200 }", "");
        stage.grows(7.8, 310.0);
        stage.member(0, (312.0, Level::Elevated));
    }),
    ("a bound comes to what stands still", |stage| {
        hours(stage, "{ elevated = 80, fatal = 900 }", "");
        stage.grows(0.0, 92.0);
        stage.forecast = stage.forecast.map(|forecast| ForecastView { growing: None, ..forecast });
        stage.member(0, (92.0, Level::Normal));
    }),
    ("a measure that steps up without effect", |stage| {
        let text = TRADER.replace("repeat = \"5m\"", "escalate = true");
        *stage = Stage::of(parsed(&text));
        stage.grows(7.8, 210.0);
        stage.member(0, (212.0, Level::Normal));
    }),
    ("past the bound, and not for long enough", |stage| {
        stage.grows(7.8, 899.0);
        stage.member(0, (901.0, Level::Critical));
    }),
    ("an effect that each order puts off", |stage| {
        let text = TRADER.replace("repeat = \"5m\"", "repeat = \"20s\"\ncooldown = \"5s\"");
        *stage = Stage::of(parsed(&text));
        stage.member(0, (305.0, Level::Elevated));
        stage.rung(Level::Elevated, "reset_pool", Standing::Done { at: Moment::from_secs(9_990) });
        let (member, action) = (MemberKey { target: 0, slot: 0 }, "reset_pool".into());
        stage.snapshot.windows = vec![WindowView { member, action, until: Moment::from_secs(10_050) }];
    }),
];
