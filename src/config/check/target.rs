//! `[target.NAME]`: who is watched, its brakes, and the parts that [`join`](super::join) connects.

use std::time::Duration;

use super::super::keys;
use super::super::problem::Report;
use super::super::reader::{Entry, Table, Value};
use super::super::value::{budget, duration, word};
use super::super::{Budget, Expect, Forecasts, Members, Per, Selector, Target, Threshold, Usual};
use super::daemon::{FORECAST_WINDOW, span};
use super::join::{Joined, Parts, join};
use super::row::Owner;
use super::{Common, action, during, incidents, ladder, row, schedule, select};
use crate::model::{Base, Metric, Scope};

/// Default of `settle`.
const SETTLE: Duration = Duration::from_secs(5);
/// Default of `kill_budget`.
const KILLS: Budget = Budget { max: 3, per: Duration::from_secs(3600) };
/// Most members that can be expected or kept.
const MEMBERS: u64 = 1_000_000;

/// Reads one target; none where something in it is wrong.
pub(super) fn read(entry: &Entry<'_>, common: &Common<'_>, report: &mut Report) -> Option<Target> {
    let mut table = entry.value.table("[target.NAME]", report)?;
    let matching = table.take("match");
    let selector = matching.and_then(|value| select::read(value, report));
    let members = table.take("members").map_or(Some(Members::All), |value| members(value, report));
    let shared = table.take("shared").map_or(Some(false), |value| value.flag(report));
    let per = table.take("per").map_or(Some(Per::Process), |value| per(value, report));
    let expect = table.take("expect").map_or(Some(None), |value| expect(value, report).map(Some));
    let brakes = brakes(&mut table, report);
    let window = window(&mut table, common, report);
    let wanted = incidents::wanted(&mut table, report);
    let parts = parts(&mut table, common, report);
    let place = table.place;
    if table.finish(&keys::TARGET, report) && matching.is_none() {
        report
            .missing(place, format!("target `{}` has no `match`", entry.key))
            .help("say which processes it is: match = { unit = \"trader.service\" }");
    }
    let mut parts = join(entry.key, parts, common, report);
    if let Some(selector) = &selector {
        follow(selector, &mut parts, report);
    }
    let (brakes, selector) = (brakes?, selector?);
    Some(Target {
        name: entry.key.into(),
        written: entry.written(),
        selector,
        members: members?,
        shared: shared?,
        expect: expect?,
        startup_grace: brakes.startup_grace,
        settle: brakes.settle,
        kill_budget: brakes.kill_budget,
        keep_at_least: brakes.keep_at_least,
        per: per?,
        wanted: wanted?,
        ..judged(parts, window)
    })
}

/// A target with what is read of it and what follows from that.
fn judged(parts: Joined, window: Duration) -> Target {
    let at_times = parts.during.iter().flat_map(|during| during.thresholds.iter().filter_map(|(_, row)| row.as_ref()));
    let rows: Vec<&Threshold> = parts.thresholds.iter().chain(at_times).collect();
    let mut forecasts = Forecasts::of(window, &rows, &parts.metrics);
    forecasts.end_at(&parts.thresholds);
    Target {
        usual: usual(&parts),
        forecasts,
        metrics: parts.metrics,
        thresholds: parts.thresholds,
        ladders: parts.ladders,
        during: parts.during,
        actions: parts.actions,
        schedule: parts.schedule,
        ..Target::default()
    }
}

/// Kept apart only where other hours put something in its place.
fn usual(parts: &Joined) -> Usual {
    if parts.during.is_empty() {
        return Usual::default();
    }
    Usual { thresholds: parts.thresholds.clone(), ladders: parts.ladders.clone() }
}

/// What the match means for the rest.
fn follow(selector: &Selector, parts: &mut Joined, report: &mut Report) {
    imitable(selector, &parts.guarded, report);
    show_cgroup(selector, &mut parts.metrics);
}

/// `forecast_window`, as in `[daemon]` where the target does not say otherwise.
fn window(table: &mut Table<'_>, common: &Common<'_>, report: &mut Report) -> Duration {
    let mut window = common.window;
    span(table, FORECAST_WINDOW, &mut window, report);
    window
}

fn parts<'a>(table: &mut Table<'a>, common: &Common<'_>, report: &mut Report) -> Parts<'a> {
    let (rows, ladders, actions) = (table.take("thresholds"), table.take("ladder"), table.take("actions"));
    let (schedule, during) = (table.take("schedule"), table.take("during"));
    let known = (&common.peers, &common.calendars);
    Parts {
        rows: rows.map_or_else(|| Some(Vec::new()), |value| row::read(value, &common.peers, Owner::Target, report)),
        ladders: ladders.map_or_else(|| Some(Vec::new()), |value| ladder::read(value, report)),
        actions: actions.map_or_else(|| Some(Vec::new()), |value| action::read(value, report)),
        schedule: schedule.map_or_else(|| Some(Vec::new()), |value| schedule::read(value, report)),
        during: during.map_or_else(|| Some(Vec::new()), |value| during::read(value, known, report)),
    }
}

fn members(value: Value<'_>, report: &mut Report) -> Option<Members> {
    match word(value, &["all", "main"], report)? {
        "main" => Some(Members::Main),
        _ => Some(Members::All),
    }
}

fn per(value: Value<'_>, report: &mut Report) -> Option<Per> {
    match word(value, &["process", "group"], report)? {
        "group" => Some(Per::Group),
        _ => Some(Per::Process),
    }
}

fn expect(value: Value<'_>, report: &mut Report) -> Option<Expect> {
    let mut table = value.table("expect = { min = 1, max = 1 }", report)?;
    let place = table.place;
    let (min, max) = (table.take("min"), table.take("max"));
    if table.finish(&keys::EXPECT, report) && min.is_none() && max.is_none() {
        report.missing(place, "`expect` says nothing").help("write { min = 1 }, { max = 1 } or both");
    }
    let number = |value: Option<Value<'_>>, report: &mut Report| match value {
        Some(value) => value.whole(0..=MEMBERS, report).and_then(|n| u32::try_from(n).ok()).map(Some),
        None => Some(None),
    };
    let (least, most) = (number(min, report), number(max, report));
    let (least, most) = (least?, most?);
    if least.zip(most).is_some_and(|(least, most)| least > most) {
        report.error(place, "`min` is above `max`").help("no number of members would be right");
        return None;
    }
    Some(Expect { min: least, max: most })
}

/// What holds orders back for this target alone.
struct Brakes {
    startup_grace: Duration,
    settle: Duration,
    kill_budget: Budget,
    keep_at_least: u32,
}

fn brakes(table: &mut Table<'_>, report: &mut Report) -> Option<Brakes> {
    let mut span = |key: &str, default: Duration, report: &mut Report| {
        table.take(key).map_or(Some(default), |value| duration(value, "0s"..="7d", report))
    };
    let startup_grace = span("startup_grace", Duration::ZERO, report);
    let settle = span("settle", SETTLE, report);
    let kill_budget = table.take("kill_budget").map_or(Some(KILLS), |value| budget(value, &keys::BUDGET, report));
    let keep = table.take("keep_at_least").map_or(Some(0), |value| value.whole(0..=MEMBERS, report));
    Some(Brakes {
        startup_grace: startup_grace?,
        settle: settle?,
        kill_budget: kill_budget?,
        keep_at_least: u32::try_from(keep?).ok()?,
    })
}

/// What is exported of the cgroups of a target: where it is matched by them, or a threshold has to do with
/// them. Of other processes they are as likely as not a session or a slice, with half of the host in it.
fn show_cgroup(selector: &Selector, metrics: &mut Vec<Metric>) {
    if !selector.names_cgroup() && metrics.iter().all(|metric| metric.info().scope != Scope::Cgroup) {
        return;
    }
    let exported = [Base::CgroupMemory, Base::CgroupWorkingSet, Base::CgroupMemoryLimit, Base::CgroupSwap];
    for metric in exported.map(Metric::plain) {
        if !metrics.contains(&metric) {
            metrics.push(metric);
        }
    }
}

/// A kill or freeze that the veto on imitable matches will always stop.
fn imitable(selector: &Selector, guarded: &[super::super::source::Place], report: &mut Report) {
    if selector.may_be_anchored() {
        return;
    }
    for place in guarded {
        report
            .warning(*place, "it will always be vetoed as imitable: any local user can look like this match")
            .help("a kill and a freeze need user, unit, container, or a pidfile or cidfile of root's in `match`");
    }
}
