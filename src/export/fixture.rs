//! A fixed snapshot for tests.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::{
    LadderView, PassView, ProbeErrors, ProbeView, ReloadView, RungOf, RungView, Snapshot, Standing, TargetView,
    ThresholdView,
};
use crate::config::{Action, Bound, Budget, Config, Daemon, End, Expect, Host, Ladder, Peer, Target, Threshold, Web};
use crate::model::{
    ActionScope, Base, BootId, Cause, Event, Identity, KillScope, Level, Measure, MemberKey, Metric, Moment, Note,
    Order, OrderId, OutcomeKind, OwnFacts, PerLevel, Pid, Reading, Reason, SOCKET_STATES, Signal, Unknown, Value,
};
use crate::record::{Counters, Logs, Recorder};

const HOUR: Duration = Duration::from_secs(3600);
/// The metrics that every target has, in the order in which configurations list them.
fn metrics(peers: &[&str]) -> Vec<Metric> {
    let mut all = vec![Metric::plain(Base::OpenFds), Metric::plain(Base::MaxFds)];
    for state in SOCKET_STATES {
        all.push(Metric::plain(state));
        let named = peers.iter().filter(|_| state.info().per_peer);
        all.extend(named.map(|peer| Metric { base: state, peer: Some(Arc::from(*peer)) }));
    }
    all.extend([Base::Rss, Base::Swap, Base::Threads].map(Metric::plain));
    all
}

fn threshold(metrics: &[Metric], base: Base, bounds: [f64; 4]) -> Threshold {
    let mut set = PerLevel::default();
    for ((_, slot), at) in set.iter_mut().zip(bounds) {
        *slot = (at > 0.0).then_some(Bound { at, clear: at * 0.9, hold: Duration::ZERO });
    }
    Threshold {
        metric: metrics.iter().position(|metric| metric.base == base).unwrap(),
        ladder: 0,
        expected: Some(bounds[0] / 2.0),
        bounds: set,
        clear_hold: Duration::from_secs(30),
    }
}

fn action(name: &str, measure: Measure) -> Action {
    let cooldown = Duration::from_secs(60);
    Action { name: Arc::from(name), measure, cooldown, ..Action::default() }
}

/// A target with a ladder of a signal and a kill.
pub(crate) fn target(name: &str, peers: &[&str]) -> Target {
    let metrics = metrics(peers);
    let mut steps = PerLevel::default();
    *steps.get_mut(Level::Elevated).unwrap() = vec![0];
    *steps.get_mut(Level::Fatal).unwrap() = vec![1];
    Target {
        name: Arc::from(name),
        expect: Some(Expect { min: Some(1), max: None }),
        settle: Duration::from_secs(5),
        kill_budget: Budget { max: 3, per: HOUR },
        thresholds: vec![
            threshold(&metrics, Base::OpenFds, [300.0, 600.0, 800.0, 900.0]),
            threshold(&metrics, Base::Rss, [900e6, 0.0, 0.0, 0.0]),
        ],
        metrics,
        ladders: vec![Ladder { name: Arc::from("default"), steps }],
        actions: vec![
            action("reset_pool", Measure::Signal { signal: Signal::new(10).unwrap(), assume_handled: false }),
            action("kill", Measure::Kill { grace: Duration::from_secs(45), scope: KillScope::Process }),
        ],
        ..Target::default()
    }
}

/// A configuration of these targets with as many peers as each has.
pub(crate) fn config(targets: Vec<Target>) -> Config {
    let peer = |name: &str| Peer { name: Arc::from(name), end: End::Remote, address: None, port: Some(443) };
    Config {
        daemon: Daemon { interval: Duration::from_secs(1), dry_run: false, kill_budget: Budget { max: 10, per: HOUR } },
        web: Web { listen: Vec::new(), max_series: 10_000 },
        peers: vec![peer("broker")],
        host: Host {
            metrics: HOST.map(|(base, peer, _)| Metric { base, peer: peer.map(Arc::from) }).to_vec(),
            ..Host::default()
        },
        targets,
        files: vec![PathBuf::from("/etc/tradedog/watchdog.toml")],
        ..Config::default()
    }
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
        }),
        decided: Moment::from_secs(9_995),
        attempt: 1,
    })
}

/// Adds a member whose readings are `value` throughout, its memory apart.
pub(crate) fn push_member(snapshot: &mut Snapshot, key: MemberKey, value: Value) {
    let at = Moment::from_secs(9_999);
    let config = Arc::clone(&snapshot.config);
    let target = &config.targets[usize::from(key.target)];
    let read = |metric: &Metric| {
        let special = [(Base::Rss, 412_876_800.0), (Base::MaxFds, 1024.0), (Base::Listen, 1.0), (Base::SynSent, 0.0)];
        let special = special.iter().find(|(base, _)| *base == metric.base);
        let value = special.map_or(value, |(_, value)| Value::Known(*value));
        Reading { at, period: Duration::from_secs(1), value }
    };
    let readings: Vec<Reading> = target.metrics.iter().map(read).collect();
    let since = Moment::from_secs(9_990);
    let level = if key.slot == 0 { Level::Elevated } else { Level::Normal };
    let unknown = |metric: usize| {
        let reading = readings.get(metric).map(|reading| reading.value);
        if let Some(Value::Unknown(why)) = reading { Some(why) } else { None }
    };
    let pid = Pid::new(1234 + i32::try_from(key.slot).unwrap()).unwrap();
    snapshot
        .push_member(key, pid, Moment::from_secs(9_000))
        .readings(&readings)
        .ladders(target.ladders.iter().map(|_| LadderView { level, since }))
        .thresholds(target.thresholds.iter().map(|row| ThresholdView { level, since, unknown: unknown(row.metric) }));
}

/// Two targets, three processes, one of which cannot be read, and one of everything else.
pub(crate) fn snapshot() -> Snapshot {
    let observed = Target { ladders: Vec::new(), thresholds: Vec::new(), expect: None, ..target("gateway", &[]) };
    let config = Arc::new(config(vec![target("trader", &["broker", "postgres"]), observed]));
    let mut snapshot = Snapshot::empty(Arc::clone(&config));
    snapshot.taken = Moment::from_secs(10_000);
    snapshot.wall.observe(snapshot.taken, Duration::from_secs(1_790_000_000));
    snapshot.targets =
        [2, 3].map(|kill_budget_remaining| TargetView { kill_budget_remaining, successor_missing: false }).to_vec();
    push_member(&mut snapshot, MemberKey { target: 0, slot: 0 }, Value::Known(305.0));
    push_member(&mut snapshot, MemberKey { target: 0, slot: 1 }, Value::Unknown(Unknown::Denied));
    push_member(&mut snapshot, MemberKey { target: 1, slot: 0 }, Value::AtLeast(12.0));
    fill_the_rest(&mut snapshot, &config);
    snapshot
}

/// One order delivered, one held.
fn counters(config: &Arc<Config>) -> Arc<Counters> {
    let (logs, _lines) = Logs::captured();
    let mut recorder = Recorder::new(Arc::clone(config), logs);
    let target = &config.targets[0];
    let (signal, kill) = (order(target, 0, Level::Elevated), order(target, 1, Level::Fatal));
    let delivered = Note::Ended { order: signal, kind: OutcomeKind::Delivered, reason: Reason::None, detail: None };
    let held = Note::Held { order: kill, reason: Reason::KillBudget, opens: None };
    recorder.record(&[delivered, held].map(|note| Event { at: Moment::from_secs(9_996), note }));
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
    vec![rung(0, held(10_600)), rung(1, held(10_300)), rung(1, Standing::GaveUp { reason: Reason::Refused })]
}

/// What is read of the host, with a value each.
const HOST: [(Base, Option<&str>, Value); 8] = [
    (Base::HostMemoryUsed, None, Value::Known(0.806)),
    (Base::HostSwapUsed, None, Value::Known(0.999)),
    (Base::HostMemoryPressure, None, Value::Unknown(Unknown::Denied)),
    (Base::HostOpenFiles, None, Value::Known(4_096.0)),
    (Base::HostTimeWait, None, Value::Known(12.0)),
    (Base::HostTimeWait, Some("broker"), Value::Known(7.0)),
    (Base::HostEstablished, None, Value::Known(310.0)),
    (Base::HostEstablished, Some("broker"), Value::Known(0.0)),
];

fn host_readings() -> Vec<Reading> {
    let (at, period) = (Moment::from_secs(9_999), Duration::from_secs(1));
    HOST.map(|(_, _, value)| Reading { at, period, value }).to_vec()
}

fn fill_the_rest(snapshot: &mut Snapshot, config: &Arc<Config>) {
    snapshot.counters = counters(config);
    snapshot.rungs = rungs();
    snapshot.probes = vec![ProbeView { name: "sockets", duration: Duration::from_micros(180) }];
    snapshot.probe_errors = vec![ProbeErrors { probe: "sockets", reason: "denied", count: 4 }];
    snapshot.unattributed = vec![(Base::CloseWait, 0), (Base::Established, 3)];
    snapshot.host = host_readings();
    snapshot.pass = PassView {
        duration: Duration::from_micros(350),
        late: Duration::from_micros(40),
        last_sample: Some(Moment::from_secs(9_999)),
    };
    snapshot.not_ready = vec![String::from("trader[1]: open_fds is denied")];
    snapshot.reload = ReloadView { failed: false, last_success: Some(Moment::from_secs(9_000)), set_aside: 0 };
    snapshot.own = OwnFacts {
        cpu_seconds: Some(1.25),
        resident_bytes: Some(9_437_184),
        virtual_bytes: Some(71_303_168),
        open_fds: Some(31),
        max_fds: Some(f64::INFINITY),
        threads: Some(4),
        started: Some(Moment::from_secs(9_000)),
    };
}
