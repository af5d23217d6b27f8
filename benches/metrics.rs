//! What a scrape costs: 100 processes with 500 descriptors and three peers each.
#![expect(clippy::unwrap_used, reason = "a bench fails by panicking")]

use std::sync::Arc;
use std::time::Duration;

use tradedog::config::{Action, Bound, Budget, Config, Daemon, Ladder, Target, Threshold, Web};
use tradedog::export::{LadderView, Snapshot, TargetView, ThresholdView, metrics};
use tradedog::model::{Base, Level, Measure, MemberKey, Metric, Moment, PerLevel, Pid, Reading, Signal, Value};

const PROCESSES: u32 = 100;
const PEERS: [&str; 3] = ["postgres", "redis", "broker"];

fn main() {
    divan::main();
}

#[divan::bench]
fn render(bencher: divan::Bencher<'_, '_>) {
    let snapshot = snapshot();
    bencher.bench_local(|| {
        let mut out = String::new();
        metrics::render(&snapshot, &mut out).unwrap();
        out
    });
}

#[divan::bench]
fn status(bencher: divan::Bencher<'_, '_>) {
    let snapshot = snapshot();
    bencher.bench_local(|| serde_json::to_string_pretty(&tradedog::export::status::Status::of(&snapshot)).unwrap());
}

fn snapshot() -> Snapshot {
    let config = Arc::new(config());
    let mut snapshot = Snapshot::empty(Arc::clone(&config));
    snapshot.targets = vec![TargetView { kill_budget_remaining: 3, successor_missing: false, incident: None }];
    let target = &config.targets[0];
    let read = |_: &Metric| Reading {
        at: Moment::from_secs(1_000),
        period: Duration::from_secs(1),
        value: Value::Known(412_876_800.0),
    };
    let readings: Vec<Reading> = target.metrics.iter().map(read).collect();
    let since = Moment::from_nanos(123_456_789_012_345);
    for slot in 0..PROCESSES {
        let pid = Pid::new(i32::try_from(slot + 4_000_000).unwrap()).unwrap();
        let unseen = ThresholdView { level: Level::Normal, since, unknown: None };
        snapshot
            .push_member(MemberKey { target: 0, slot }, pid, since)
            .readings(&readings)
            .ladders(target.ladders.iter().map(|_| LadderView { level: Level::Normal, since }))
            .thresholds(target.thresholds.iter().map(|_| unseen));
    }
    snapshot
}

fn config() -> Config {
    let plain = [Base::OpenFds, Base::MaxFds, Base::Rss, Base::Swap, Base::Threads, Base::Listen].map(Metric::plain);
    let sockets = [Base::CloseWait, Base::Established].into_iter().flat_map(|base| {
        let of = move |peer: Option<&str>| Metric::of(base, peer.map(Arc::from));
        std::iter::once(of(None)).chain(PEERS.into_iter().map(move |peer| of(Some(peer))))
    });
    let metrics: Vec<Metric> = plain.into_iter().chain(sockets).collect();
    let hour = Duration::from_secs(3600);
    let budget = Budget { max: 3, per: hour };
    Config {
        daemon: Daemon { kill_budget: budget, ..Daemon::default() },
        web: Web { listen: Vec::new(), ..Web::default() },
        peers: Vec::new(),
        targets: vec![Target {
            name: Arc::from("trader"),
            kill_budget: budget,
            thresholds: thresholds(&metrics),
            metrics,
            ladders: vec![Ladder { name: Arc::from("default"), steps: PerLevel::default() }],
            actions: vec![action()],
            ..Target::default()
        }],
        ..Config::default()
    }
}

fn action() -> Action {
    let measure = Measure::Signal { signal: Signal::new(10).unwrap(), assume_handled: false };
    let cooldown = Duration::from_secs(60);
    Action { name: Arc::from("reset_pool"), measure, cooldown, ..Action::default() }
}

fn thresholds(metrics: &[Metric]) -> Vec<Threshold> {
    let rows = metrics.iter().enumerate().filter(|(_, metric)| metric.info().bounded);
    rows.map(|(index, metric)| {
        let mut bounds = PerLevel::default();
        for (_, bound) in bounds.iter_mut() {
            *bound = Some(Bound { at: 900.0, clear: 810.0, hold: Duration::ZERO });
        }
        Threshold {
            metric: index,
            name: metric.clone(),
            ladder: 0,
            expected: Some(150.0),
            bounds,
            clear_hold: Duration::ZERO,
        }
    })
    .collect()
}
