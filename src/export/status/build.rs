//! From the snapshot to the document.

use super::{Configuration, EndedOrder, Host, Ladder, Member, Pass, Reading, Rung, Status, Target, Threshold};
use crate::config;
use crate::export::{MemberView, RungOf, RungView, Snapshot, Standing, WallClock, metrics};
use crate::model::{self, Base, Level, Moment, Reason, Value, printable};
use crate::record::Ended;

/// Longest path shown.
const PATH_CHARS: usize = 300;

impl Status {
    /// What `snapshot` knows.
    pub fn of(snapshot: &Snapshot) -> Self {
        let unix = |moment: Moment| snapshot.wall.unix_seconds(moment);
        let path = |path: &std::path::PathBuf| printable(path.as_os_str().as_encoded_bytes(), PATH_CHARS);
        Self {
            version: String::from(env!("CARGO_PKG_VERSION")),
            time: unix(snapshot.taken),
            dry_run: snapshot.config.daemon.dry_run,
            not_ready: snapshot.not_ready.clone(),
            processes_left_out: metrics::left_out(snapshot),
            pass: Pass {
                duration_seconds: snapshot.pass.duration.as_secs_f64(),
                late_seconds: snapshot.pass.late.as_secs_f64(),
                last_sample: snapshot.pass.last_sample.map(unix),
            },
            configuration: Configuration {
                files: snapshot.config.files.iter().map(path).collect(),
                last_reload_successful: !snapshot.reload.failed,
                last_reload_success: snapshot.reload.last_success.map(unix),
                files_set_aside: snapshot.reload.set_aside,
            },
            host: Host {
                memory_used_ratio: snapshot.host_number(Base::HostMemoryUsed),
                swap_used_ratio: snapshot.host_number(Base::HostSwapUsed),
            },
            unattributed_sockets: snapshot.unattributed.iter().map(|(s, n)| (s.info().name.to_owned(), *n)).collect(),
            targets: (0..).zip(&snapshot.config.targets).map(|(index, t)| target(snapshot, index, t)).collect(),
            recent_orders: snapshot.counters.recent().rev().map(|ended| ended_order(snapshot, ended)).collect(),
        }
    }
}

fn target(snapshot: &Snapshot, index: u16, target: &config::Target) -> Target {
    let of_target = |member: &&MemberView| member.key.target == index;
    let members = || snapshot.members().iter().filter(of_target);
    let level = members().map(|member| snapshot.level(&member.lists)).max().unwrap_or(Level::Normal);
    Target {
        name: target.name.to_string(),
        level: level.name().to_owned(),
        armed: !snapshot.config.daemon.dry_run && target.has_ladder(),
        expected_min: target.expect.and_then(|expect| expect.min),
        expected_max: target.expect.and_then(|expect| expect.max),
        kill_budget_remaining: snapshot.targets.get(usize::from(index)).map_or(0, |view| view.kill_budget_remaining),
        members: members().map(|view| member(snapshot, target, view)).collect(),
    }
}

fn member(snapshot: &Snapshot, target: &config::Target, view: &MemberView) -> Member {
    let readings = target.metrics.iter().zip(snapshot.readings(&view.lists));
    let ladders = target.ladders.iter().zip(snapshot.ladders(&view.lists));
    let rungs = snapshot.rungs.iter().filter(|rung| rung.member == view.key);
    Member {
        process: view.key.slot,
        pid: view.pid.get(),
        started: snapshot.wall.unix_seconds(view.started),
        level: snapshot.level(&view.lists).name().to_owned(),
        ladders: ladders
            .map(|(ladder, view)| Ladder {
                name: ladder.name.to_string(),
                level: view.level.name().to_owned(),
                since: snapshot.wall.unix_seconds(view.since),
            })
            .collect(),
        readings: readings.map(|(metric, seen)| (metric.to_string(), Reading::of(seen, &snapshot.wall))).collect(),
        thresholds: thresholds(snapshot, target, view),
        rungs: rungs.map(|view| rung(snapshot, target, view)).collect(),
    }
}

impl Reading {
    /// A reading, its time on the wall.
    pub fn of(reading: &model::Reading, wall: &WallClock) -> Self {
        let nothing = Self { at: wall.unix_seconds(reading.at), ..Self::default() };
        match reading.value {
            Value::Known(value) if value.is_infinite() => Self { unlimited: true, ..nothing },
            Value::Known(value) => Self { value: Some(value), ..nothing },
            Value::AtLeast(value) => Self { value: Some(value), at_least: true, ..nothing },
            Value::Unknown(why) => Self { unknown: Some(why.name().to_owned()), ..nothing },
        }
    }
}

fn thresholds(snapshot: &Snapshot, target: &config::Target, view: &MemberView) -> Vec<Threshold> {
    let name = |index: usize| target.ladders.get(index).map_or_else(String::new, |ladder| ladder.name.to_string());
    let bounds = |threshold: &config::Threshold| {
        let set =
            threshold.bounds.iter().filter_map(|(level, bound)| Some((level.name().to_owned(), bound.as_ref()?.at)));
        set.collect()
    };
    let rows = target.thresholds.iter().zip(snapshot.thresholds(&view.lists));
    rows.map(|(threshold, view)| Threshold {
        metric: target.metrics.get(threshold.metric).map_or_else(String::new, ToString::to_string),
        ladder: name(threshold.ladder),
        level: view.level.name().to_owned(),
        since: snapshot.wall.unix_seconds(view.since),
        unknown: view.unknown.map(|why| why.name().to_owned()),
        expected: threshold.expected,
        bounds: bounds(threshold),
    })
    .collect()
}

fn rung(snapshot: &Snapshot, target: &config::Target, view: &RungView) -> Rung {
    let (standing, reason, time) = match view.standing {
        Standing::Waiting => ("waiting", Reason::None, None),
        Standing::InForce { since } => ("in_force", Reason::None, Some(since)),
        Standing::Done { at } => ("done", Reason::None, Some(at)),
        Standing::InFlight => ("in_flight", Reason::None, None),
        Standing::Held { reason, opens } => ("held", reason, opens),
        Standing::Retrying { reason, at } => ("retrying", reason, Some(at)),
        Standing::Vetoed { reason } => ("vetoed", reason, None),
        Standing::GaveUp { reason } => ("gave_up", reason, None),
    };
    let ladder = match view.ladder {
        RungOf::Ladder(index) => {
            target.ladders.get(usize::from(index)).map_or_else(String::new, |l| l.name.to_string())
        }
        RungOf::Host => "host".to_owned(),
        RungOf::Schedule => "schedule".to_owned(),
    };
    let action = target.actions.get(usize::from(view.action));
    Rung {
        ladder,
        level: view.level.name().to_owned(),
        action: action.map_or_else(String::new, |action| action.name.to_string()),
        standing: standing.to_owned(),
        reason: reason.name().to_owned(),
        time: time.map(|at| snapshot.wall.unix_seconds(at)),
    }
}

fn ended_order(snapshot: &Snapshot, ended: &Ended) -> EndedOrder {
    let order = &ended.order;
    EndedOrder {
        order: order.id.0,
        time: snapshot.wall.unix_seconds(ended.at),
        target: order.target.to_string(),
        process: order.member.slot,
        pid: order.identity.pid.get(),
        action: order.action.to_string(),
        level: order.level.name().to_owned(),
        metric: order.cause.as_ref().map_or_else(String::new, |cause| cause.metric.to_string()),
        value: order.cause.as_ref().map_or(f64::NAN, |cause| cause.value),
        bound: order.cause.as_ref().map_or(f64::NAN, |cause| cause.bound),
        outcome: ended.outcome.name().to_owned(),
        reason: ended.reason.name().to_owned(),
    }
}
