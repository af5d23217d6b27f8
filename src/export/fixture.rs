//! A fixed snapshot for tests.

mod hours;
mod targets;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::{
    EscalationView, LadderView, LeaseStanding, LeaseView, PassView, PeriodsView, ProbeErrors, ProbeView, ReloadView,
    RungOf, RungView, Snapshot, Standing, TargetView, ThresholdView, WindowView,
};
use crate::config::{Address, Config, Daemon, End, Forecast, Forecasts, Host, Peer, Target, Usual, Web};
use crate::model::{
    ActionScope, Base, BootId, Cause, Effect, Escalation, Event, ForecastView, Growth, Identity, Level, Measured,
    MemberKey, Metric, Moment, Note, Order, OrderId, OutcomeKind, OwnFacts, Pid, Reading, Reason, UndoBy, Unknown,
    Value,
};
use crate::record::history::Figures;
use crate::record::{Counters, Logs, Recorder};
pub(crate) use targets::target;
use targets::{WHERE_READ, threshold, workers};

/// Of `workers`: one that waits for the operator, one that is tried again, one of a target that is
/// configured no more.
fn leases() -> Vec<LeaseView> {
    let pause = LeaseView {
        target: Arc::from("workers"),
        action: Arc::from("pause"),
        process: None,
        since: Moment::from_secs(9_760),
        level: Level::Critical,
        freeze: false,
        after: Duration::from_secs(600),
        by: UndoBy::Operator,
        standing: LeaseStanding::Needed,
    };
    let retry = LeaseStanding::Retrying { at: Moment::from_secs(10_012) };
    let freeze =
        LeaseView { action: Arc::from("freeze"), process: Some(1), freeze: true, standing: retry, ..pause.clone() };
    let old = LeaseStanding::Undone { at: Moment::from_secs(10_180) };
    let old = LeaseView { target: Arc::from("removed"), by: UndoBy::Daemon, standing: old, ..pause.clone() };
    vec![pause, freeze, old]
}

/// A configuration of these targets with as many peers as each has.
pub(crate) fn config(targets: Vec<Target>) -> Config {
    let peer = |name: &str| Peer { name: Arc::from(name), end: End::Remote, address: Address::Any, port: Some(443) };
    Config {
        daemon: Daemon::default(),
        web: Web { listen: Vec::new(), max_series: 10_000, ..Web::default() },
        peers: vec![peer("broker")],
        host: Host {
            metrics: HOST.map(|(base, peer, _)| Metric::of(base, peer.map(Arc::from))).to_vec(),
            ..Host::default()
        },
        targets,
        files: vec![PathBuf::from("/etc/tradedog/watchdog.toml")],
        ..Config::default()
    }
}

/// The time at which the snapshot is looked at.
pub(crate) fn clock() -> Moment {
    Moment::from_secs(10_001)
}

fn identity(pid: i32) -> Identity {
    Identity { boot: BootId(1), pid: Pid::new(pid).unwrap(), start_ticks: 900_000, pidfs_inode: Some(7) }
}

/// An order for slot 0 of `target`, caused by `open_fds`.
pub(crate) fn order(target: &Target, action: usize, level: Level) -> Arc<Order> {
    Arc::new(Order {
        id: OrderId(17),
        member: MemberKey { target: 0, slot: 0 },
        identity: identity(1234),
        target: Arc::clone(&target.name),
        ladder: Arc::from("default"),
        level,
        action: Arc::clone(&target.actions[action].name),
        measure: target.actions[action].measure.clone(),
        undo: false,
        scope: ActionScope::Process,
        thaw: None,
        cause: Some(Cause {
            metric: Metric::plain(Base::OpenFds),
            value: 305.0,
            bound: 300.0,
            since: Moment::from_secs(9_990),
            escalated: None,
        }),
        decided: Moment::from_secs(9_995),
        attempt: 1,
        by: None,
    })
}

/// Each of the target's readings is `value`, its memory apart.
fn readings(target: &Target, value: Value) -> Vec<Reading> {
    let read = |metric: &Metric| {
        let special = [(Base::Rss, 412_876_800.0), (Base::MaxFds, 1024.0), (Base::Listen, 1.0), (Base::SynSent, 0.0)];
        let special = special.iter().chain(&WHERE_READ).find(|(base, _)| *base == metric.base);
        let value = special.map_or(value, |(_, value)| Value::Known(*value));
        Reading { at: Moment::from_secs(9_999), period: Duration::from_secs(1), value }
    };
    target.metrics.iter().map(read).collect()
}

fn pid(number: u32) -> Pid {
    Pid::new(i32::try_from(number).unwrap()).unwrap()
}

/// Adds a member whose readings are `value` throughout, its memory apart.
pub(crate) fn push_member(snapshot: &mut Snapshot, key: MemberKey, value: Value) {
    let config = Arc::clone(&snapshot.config);
    let target = &config.targets[usize::from(key.target)];
    let readings = readings(target, value);
    let since = Moment::from_secs(9_990);
    let level = if key.slot == 0 { Level::Elevated } else { Level::Normal };
    let unknown = |metric: usize| {
        let reading = readings.get(metric).map(|reading| reading.value);
        if let Some(Value::Unknown(why)) = reading { Some(why) } else { None }
    };
    snapshot
        .push_member(key, pid(1234 + key.slot), Moment::from_secs(9_000))
        .readings(&readings)
        .ladders(target.ladders.iter().map(|_| LadderView { level, since }))
        .thresholds(target.thresholds.iter().map(|row| ThresholdView { level, since, unknown: unknown(row.metric) }))
        .forecasts(target.forecasts.rows.iter().map(|row| forecast(row, unknown(row.metric))));
}

/// Open files end in 40 minutes, memory grows and ends nowhere.
fn forecast(row: &Forecast, unknown: Option<Unknown>) -> ForecastView {
    let at = Moment::from_secs(9_995);
    match (unknown, row.fatal) {
        (Some(why), _) => ForecastView::unknown(at, why),
        (None, Some(_)) => ForecastView {
            at,
            growth: Value::Known(14.875),
            time_left: Value::Known(2_400.0),
            end: Some(crate::model::End::Fatal),
            // As it was then: 900 in 40 minutes.
            growing: Some(Growth { height: 305.0, slope: 14.875 / 60.0, bend: 0.0 }),
        },
        (None, None) => ForecastView {
            at,
            growth: Value::Known(0.0),
            time_left: Value::Unknown(Unknown::TooShort),
            end: None,
            growing: None,
        },
    }
}

/// Two members and what they come to; ladders and thresholds are the group's alone.
fn push_group(snapshot: &mut Snapshot, index: u16) {
    let config = Arc::clone(&snapshot.config);
    let target = &config.targets[usize::from(index)];
    for slot in 0..2 {
        let key = MemberKey { target: index, slot };
        let own = readings(target, Value::Known(405.0));
        snapshot.push_member(key, pid(2000 + slot), Moment::from_secs(9_000)).readings(&own);
    }
    let (level, since) = (Level::Critical, Moment::from_secs(9_700));
    let seen = |level| ThresholdView { level, since, unknown: None };
    snapshot
        .push_group(index)
        .readings(&readings(target, Value::Known(810.0)))
        .ladders([LadderView { level, since }])
        .thresholds([seen(level), seen(Level::Normal)])
        .forecasts([ForecastView {
            at: Moment::from_secs(9_995),
            growth: Value::Known(0.0),
            time_left: Value::Known(f64::INFINITY),
            end: Some(crate::model::End::Fatal),
            growing: None,
        }]);
}

/// Three targets, five processes, one of which cannot be read, and one of everything else.
pub(crate) fn snapshot() -> Snapshot {
    let observed = Target {
        ladders: Vec::new(),
        thresholds: Vec::new(),
        expect: None,
        forecasts: Forecasts::default(),
        ..target("gateway", &[])
    };
    let targets = vec![target("trader", &["broker", "postgres"]), observed, workers()];
    let mut config = config(targets);
    config.targets[0].metrics.push(Metric::of(Base::Sockets, Some(Arc::from("postgres"))));
    let (calendar, during) = hours::calendar();
    config.calendars.push(calendar);
    let trader = &mut config.targets[0];
    trader.usual = Usual { thresholds: trader.thresholds.clone(), ladders: trader.ladders.clone() };
    (trader.during, trader.inside) = (vec![during], vec![0]);
    config.host.thresholds = vec![threshold(&config.host.metrics, Base::HostSwapUsed, [0.0, 0.8, 1.0, 0.0])];
    let config = Arc::new(config);
    let mut snapshot = Snapshot::empty(Arc::clone(&config));
    snapshot.begun = true;
    snapshot.taken = Moment::from_secs(10_000);
    snapshot.host_name = Arc::from("h1");
    snapshot.wall.observe(snapshot.taken, Duration::from_secs(1_790_000_000));
    let since = |second| Some(Moment::from_secs(second));
    snapshot.targets = [(2, false, since(9_970)), (3, false, None), (0, true, since(9_000))]
        .map(|(kill_budget_remaining, successor_missing, incident)| TargetView {
            kill_budget_remaining,
            successor_missing,
            incident,
        })
        .to_vec();
    push_member(&mut snapshot, MemberKey { target: 0, slot: 0 }, Value::Known(305.0));
    push_member(&mut snapshot, MemberKey { target: 0, slot: 1 }, Value::Unknown(Unknown::Denied));
    push_member(&mut snapshot, MemberKey { target: 1, slot: 0 }, Value::AtLeast(12.0));
    push_group(&mut snapshot, 2);
    fill_the_rest(&mut snapshot, &config);
    snapshot
}

/// One order delivered, one held, one that undoes a freeze tried twice in vain.
fn counters(config: &Arc<Config>) -> Arc<Counters> {
    let (logs, _lines) = Logs::captured();
    let mut recorder = Recorder::new(Arc::clone(config), logs);
    let target = &config.targets[0];
    let (signal, kill) = (order(target, 0, Level::Elevated), order(target, 1, Level::Fatal));
    let delivered = Note::Ended { order: signal, kind: OutcomeKind::Delivered, reason: Reason::None, detail: None };
    let held = Note::Held { order: kill, reason: Reason::KillBudget, opens: None };
    let measured = in_vain(target);
    let (signalled, effect) = (order(target, 0, Level::Elevated), Some(Effect::Ineffective));
    let in_vain = Note::Measured { order: signalled, effect, measured: Arc::new(measured) };
    let member = MemberKey { target: 2, slot: 1 };
    let thaw = Order { member, undo: true, ..Order::clone(&order(&config.targets[2], 3, Level::Critical)) };
    let at = Moment::from_secs(10_012);
    let failed = Note::Retrying { order: Arc::new(thaw), reason: Reason::Refused, detail: None, at };
    recorder.record(
        &[delivered, in_vain, held, failed.clone(), failed].map(|note| Event { at: Moment::from_secs(9_996), note }),
    );
    recorder.counters()
}

fn rungs() -> Vec<RungView> {
    let rung = |slot, standing| RungView {
        member: MemberKey { target: 0, slot },
        ladder: RungOf::Ladder(0),
        level: Level::Fatal,
        action: 1,
        standing,
    };
    let held = |opens| Standing::Held { reason: Reason::KillBudget, opens: Some(Moment::from_secs(opens)) };
    let all = MemberKey::all_of(2);
    let in_force = Standing::InForce { since: Moment::from_secs(9_760) };
    vec![
        rung(0, held(10_600)),
        rung(1, held(10_300)),
        rung(1, Standing::GaveUp { reason: Reason::Refused }),
        RungView { member: all, level: Level::Critical, action: 2, ..rung(0, in_force) },
        RungView { member: all, ladder: RungOf::Host, level: Level::Warning, action: 4, ..rung(0, Standing::InFlight) },
    ]
}

/// What was measured of a signal that changed nothing.
fn in_vain(target: &Target) -> Measured {
    Measured {
        action: Arc::clone(&target.actions[0].name),
        metric: Metric::plain(Base::OpenFds),
        from: 305.0,
        to: Some(310.0),
        within: Duration::from_secs(60),
        growth: None,
    }
}

/// Of the first process: its signal was in vain.
fn escalation(target: &Target) -> EscalationView {
    let why = in_vain(target);
    let (from, to, own) = (Level::Elevated, Level::Warning, Level::Elevated);
    let (target, ladder) = (Arc::clone(&target.name), Arc::from("default"));
    let what = Escalation { target, ladder, from, to, since: Moment::from_secs(9_940), own, why: Arc::new(why) };
    EscalationView { member: Some(MemberKey { target: 0, slot: 0 }), what }
}

/// An order of its first action that is being judged.
fn window(target: &Target) -> WindowView {
    let (member, action) = (MemberKey { target: 0, slot: 0 }, Arc::clone(&target.actions[0].name));
    WindowView { member, action, until: Moment::from_secs(10_034) }
}

/// What is read of the host, with a value each.
const HOST: [(Base, Option<&str>, Value); 10] = [
    (Base::HostMemoryUsed, None, Value::Known(0.806)),
    (Base::HostSwapUsed, None, Value::Known(0.999)),
    (Base::HostSwapIn, None, Value::Known(640.0)),
    (Base::HostSwapOut, None, Value::Known(0.0)),
    (Base::HostMemoryPressure, None, Value::Known(0.02)),
    (Base::HostOpenFiles, None, Value::Known(4_096.0)),
    (Base::HostTimeWait, None, Value::Known(12.0)),
    (Base::HostTimeWait, Some("broker"), Value::Known(7.0)),
    (Base::HostEstablished, None, Value::Known(310.0)),
    (Base::HostEstablished, Some("broker"), Value::Known(0.0)),
];

/// A reading of the host.
pub(crate) fn host_reading(value: Value) -> Reading {
    Reading { at: Moment::from_secs(9_999), period: Duration::from_secs(1), value }
}

fn fill_the_rest(snapshot: &mut Snapshot, config: &Arc<Config>) {
    snapshot.counters = counters(config);
    snapshot.rungs = rungs();
    snapshot.escalations = vec![escalation(&config.targets[0])];
    snapshot.windows = vec![window(&config.targets[0])];
    snapshot.probes = vec![ProbeView { name: "sockets", duration: Duration::from_micros(180) }];
    snapshot.probe_errors = vec![ProbeErrors { probe: "sockets", reason: "denied", count: 4 }];
    snapshot.unattributed = vec![(Base::CloseWait, 0), (Base::Established, 3)];
    snapshot.host = HOST.map(|(_, _, value)| host_reading(value)).to_vec();
    let since = Moment::from_secs(9_940);
    snapshot.host_ladder = LadderView { level: Level::Warning, since };
    snapshot.host_thresholds = vec![ThresholdView { level: Level::Warning, since, unknown: None }];
    snapshot.leases = leases();
    snapshot.pass = PassView {
        duration: Duration::from_micros(350),
        late: Duration::from_micros(40),
        last_sample: Some(Moment::from_secs(9_999)),
        periods: PeriodsView {
            pass: Duration::from_secs(1),
            close_wait: Duration::from_secs(2),
            states: Duration::from_secs(60),
            namespaces: Duration::from_secs(10),
            shown: Duration::from_secs(10),
            shown_of_process: Duration::from_secs(30),
        },
        missed_passes: 2,
        missed_readings: 17,
    };
    snapshot.not_ready = vec![String::from("trader[1]: open_fds is denied")];
    snapshot.reload = ReloadView { failed: false, last_success: Some(Moment::from_secs(9_000)), set_aside: 0 };
    snapshot.history = Some(kept());
    snapshot.own = OwnFacts {
        cpu_seconds: Some(1.25),
        resident_bytes: Some(9_437_184),
        virtual_bytes: Some(71_303_168),
        open_fds: Some(31),
        max_fds: Some(f64::INFINITY),
        threads: Some(4),
        hour_bytes: Some(123_456),
        started: Some(Moment::from_secs(9_000)),
    };
}

/// A history that the disk did not take once.
fn kept() -> Figures {
    Figures {
        stored: 1234,
        size: 1 << 20,
        errors: [1, 0, 0, 0, 0, 0],
        last_error: Some(1_700_000_000_500),
        is_written: true,
        ..Figures::default()
    }
}
