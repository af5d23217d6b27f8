//! From the snapshot to the document.

mod configuration;
mod host;
mod lease;

use std::collections::BTreeMap;
use std::time::Duration;

use super::{
    Daemon, EndedOrder, Escalated, Forecast, Inhibited, Judged, Ladder, Lease, Member, Pass, Reading, Rung, Status,
    Target, Threshold, account, ahead, calendar, peer,
};
use crate::config;
use crate::export::{Lists, MemberView, RungOf, RungView, Snapshot, Standing, ThresholdView, WallClock, metrics};
use crate::model::{self, Derived, Effect, ForecastView, Level, MemberKey, Metric, Moment, Reason, Value};
use crate::record::{Ended, show_effect};

impl Status {
    /// What `snapshot` knows.
    pub fn of(snapshot: &Snapshot) -> Self {
        let unix = |moment: Moment| snapshot.wall.unix_seconds(moment);
        Self {
            version: String::from(env!("CARGO_PKG_VERSION")),
            time: unix(snapshot.taken),
            dry_run: snapshot.config.daemon.dry_run,
            not_ready: snapshot.not_ready.clone(),
            banners: account::banners(snapshot),
            inhibitions: snapshot.inhibitions.iter().map(|one| Inhibited::of(one, &snapshot.wall)).collect(),
            processes_left_out: metrics::left_out(snapshot),
            pass: Pass {
                duration_seconds: snapshot.pass.duration.as_secs_f64(),
                late_seconds: snapshot.pass.late.as_secs_f64(),
                last_sample: snapshot.pass.last_sample.map(unix),
            },
            daemon: Daemon {
                resident_bytes: snapshot.own.resident_bytes,
                open_fds: snapshot.own.open_fds,
                cpu_seconds: snapshot.own.cpu_seconds,
                started: snapshot.own.started.map(unix),
            },
            configuration: configuration::of(snapshot),
            host: host::host(snapshot),
            unattributed_sockets: snapshot.unattributed.iter().map(|(s, n)| (s.info().name.to_owned(), *n)).collect(),
            peers: peer::peers(snapshot),
            calendars: calendar::calendars(snapshot),
            targets: (0..).zip(&snapshot.config.targets).map(|(index, t)| target(snapshot, index, t)).collect(),
            leases: snapshot.leases.iter().map(|view| Lease::of(view, &snapshot.wall)).collect(),
            undo_failures: lease::failures(&snapshot.counters),
            recent_orders: snapshot.counters.recent().rev().map(|ended| ended_order(snapshot, ended)).collect(),
        }
    }
}

fn target(snapshot: &Snapshot, index: u16, target: &config::Target) -> Target {
    let of_target = |member: &&MemberView| member.key.target == index;
    let members = || snapshot.members().iter().filter(of_target);
    let group = snapshot.group(index);
    let lists = members().map(|member| &member.lists).chain(group.map(|group| &group.lists));
    let view = snapshot.targets.get(usize::from(index)).copied().unwrap_or_default();
    Target {
        name: target.name.to_string(),
        level: lists.map(|lists| snapshot.level(lists)).max().unwrap_or(Level::Normal).name().to_owned(),
        armed: !snapshot.config.daemon.dry_run && target.has_ladder(),
        expected_min: target.expect.and_then(|expect| expect.min),
        expected_max: target.expect.and_then(|expect| expect.max),
        during: target.inside_names().into_iter().map(str::to_owned).collect(),
        bounds_change: bounds_change(snapshot, target),
        kill_budget_remaining: view.kill_budget_remaining,
        successor_missing: view.successor_missing,
        incident_since: view.incident.map(|since| snapshot.wall.unix_seconds(since)),
        group: group.map(|group| judged(snapshot, target, (MemberKey::all_of(index), &group.lists))),
        ahead: ahead::of_target(snapshot, index, target),
        account: account::of_target(snapshot, index, target),
        members: members().map(|view| member(snapshot, target, view)).collect(),
    }
}

fn bounds_change(snapshot: &Snapshot, target: &config::Target) -> Option<f64> {
    snapshot.config.bounds_change(target, snapshot.wall.instant(snapshot.taken)).map(calendar::seconds)
}

fn member(snapshot: &Snapshot, target: &config::Target, view: &MemberView) -> Member {
    let mut judged = judged(snapshot, target, (view.key, &view.lists));
    if let Some(group) = snapshot.group(view.key.target) {
        judged.level = snapshot.level(&group.lists).name().to_owned();
    }
    Member { process: view.key.slot, pid: view.pid.get(), started: snapshot.wall.unix_seconds(view.started), judged }
}

fn judged(snapshot: &Snapshot, target: &config::Target, (key, lists): (MemberKey, &Lists)) -> Judged {
    let ladders = target.ladders.iter().zip(snapshot.ladders(lists));
    let rows = target.thresholds.iter().zip(snapshot.thresholds(lists));
    let name = |index: usize| target.ladders.get(index).map_or("", |ladder| &*ladder.name);
    let rungs = snapshot.rungs.iter().filter(|rung| rung.member == key);
    Judged {
        level: snapshot.level(lists).name().to_owned(),
        ladders: ladders
            .map(|(ladder, view)| Ladder {
                name: ladder.name.to_string(),
                level: view.level.name().to_owned(),
                since: snapshot.wall.unix_seconds(view.since),
                escalated: escalated(snapshot, Some(key), &ladder.name),
            })
            .collect(),
        readings: readings(&target.metrics, snapshot.readings(lists), &snapshot.wall),
        forecasts: forecasts((&target.metrics, &target.forecasts), snapshot.forecasts(lists), &snapshot.wall),
        thresholds: rows
            .map(|(row, view)| {
                let row = Row { threshold: row, ladder: name(row.ladder) };
                row.seen(*view, &snapshot.wall)
            })
            .collect(),
        rungs: rungs.map(|view| rung(snapshot, target, view)).collect(),
    }
}

/// Why a ladder stands where it does, if that is not by its readings.
fn escalated(snapshot: &Snapshot, member: Option<MemberKey>, ladder: &str) -> Option<Escalated> {
    let raised = snapshot.escalations.iter().filter(|view| view.member == member && *view.what.ladder == *ladder);
    let highest = raised.map(|view| &view.what).max_by_key(|what| what.to)?;
    Some(Escalated {
        action: highest.why.action.to_string(),
        from: highest.from.name().to_owned(),
        to: highest.to.name().to_owned(),
        since: snapshot.wall.unix_seconds(highest.since),
        metric: highest.why.metric.to_string(),
        reason: show_effect(Some(Effect::Ineffective), &highest.why),
    })
}

fn readings(metrics: &[Metric], seen: &[model::Reading], wall: &WallClock) -> BTreeMap<String, Reading> {
    metrics.iter().zip(seen).map(|(metric, seen)| (metric.to_string(), Reading::of(seen, wall))).collect()
}

fn forecasts(
    (metrics, configured): (&[Metric], &config::Forecasts),
    seen: &[ForecastView],
    wall: &WallClock,
) -> BTreeMap<String, Forecast> {
    let named = configured.rows.iter().zip(seen).filter_map(|(row, seen)| Some((metrics.get(row.metric)?, seen)));
    let forecast = |seen: &ForecastView| Forecast {
        growth_per_minute: seen.growth.number(),
        time_left: seen.end.map(|_| Reading::of(&seen.reading(Derived::TimeLeft, Duration::ZERO), wall)),
        end: seen.end.map(|end| end.name().to_owned()),
        unknown: seen.growth.unknown().map(|why| why.name().to_owned()),
        at: wall.unix_seconds(seen.at),
    };
    named.map(|(metric, seen)| (metric.to_string(), forecast(seen))).collect()
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

/// A threshold as configured, with the names that it speaks of by index.
struct Row<'a> {
    threshold: &'a config::Threshold,
    ladder: &'a str,
}

impl Row<'_> {
    fn seen(&self, view: ThresholdView, wall: &WallClock) -> Threshold {
        let bounds = self.threshold.bounds.iter();
        Threshold {
            metric: self.threshold.name.to_string(),
            ladder: self.ladder.to_owned(),
            level: view.level.name().to_owned(),
            since: wall.unix_seconds(view.since),
            unknown: view.unknown.map(|why| why.name().to_owned()),
            expected: self.threshold.expected,
            bounds: bounds.filter_map(|(level, bound)| Some((level.name().to_owned(), bound.as_ref()?.at))).collect(),
        }
    }
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
        RungOf::Operator => "operator".to_owned(),
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
    let (order, effect) = (&ended.order, ended.effect.as_ref());
    let escalated_by = order.cause.as_ref().and_then(|cause| cause.escalated.as_ref());
    EndedOrder {
        order: order.id.0,
        time: snapshot.wall.unix_seconds(ended.at),
        target: order.target.to_string(),
        process: order.member.slot,
        pid: order.identity.pid.get(),
        action: order.action.to_string(),
        undo: order.undo,
        level: order.level.name().to_owned(),
        metric: order.cause.as_ref().map(|cause| cause.metric.to_string()),
        value: order.cause.as_ref().map(|cause| cause.value),
        bound: order.cause.as_ref().map(|cause| cause.bound),
        escalated_by: escalated_by.map(|in_vain| in_vain.action.to_string()),
        outcome: ended.outcome.name().to_owned(),
        reason: ended.reason.name().to_owned(),
        effect: effect.map(|told| told.effect.map_or("unknown", Effect::name).to_owned()),
        effect_value: effect.and_then(|told| told.measured.to),
        effect_reason: effect.map(|told| show_effect(told.effect, &told.measured)),
    }
}
