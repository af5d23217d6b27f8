//! Series of orders: what became of them, and what waits.

use std::collections::BTreeMap;

use super::scrape::Scrape;
use super::{Family, Series, counter, gauge};
use crate::export::{RungView, Standing};
use crate::model::{Moment, Reason};

const ACTION_REASON: &[&str] = &["target", "action", "reason"];

pub(super) const FAMILIES: &[Family] = &[
    counter(
        "tradedog_orders_total",
        &["target", "action", "outcome", "reason"],
        "Orders at their final outcome, each once; a hold counts once for each rung and brake.",
        |scrape, series| {
            for (key, count) in scrape.snapshot.counters.orders() {
                series.push(&[&key.target, &key.action, key.outcome.name(), key.reason.name()], count as f64);
            }
        },
    ),
    counter(
        "tradedog_effects_total",
        &["target", "action", "effect"],
        "Orders by what they did, measured by the metric that caused them; several in one window count once.",
        |scrape, series| {
            for (key, count) in scrape.snapshot.counters.effects() {
                series.push(&[&key.target, &key.action, key.effect.name()], count as f64);
            }
        },
    ),
    counter(
        "tradedog_undo_failures_total",
        ACTION_REASON,
        "Failed tries to take a measure back; it is tried until it is taken back.",
        |scrape, series| {
            for (key, count) in scrape.snapshot.counters.undo_failures() {
                series.push(&[&key.target, &key.action, key.reason.name()], count as f64);
            }
        },
    ),
    gauge(
        "tradedog_order_waiting",
        ACTION_REASON,
        "Orders that are due and wait, by the brake that holds them or the failure after which they are tried again.",
        |scrape, series| groups(scrape, series, waiting, |_, group| Some(f64::from(group.count))),
    ),
    gauge(
        "tradedog_brake_opens_timestamp_seconds",
        ACTION_REASON,
        "When the first of the waiting orders may go out, in seconds since 1970; only where that is known.",
        |scrape, series| groups(scrape, series, waiting, |scrape, group| group.opens.map(|at| scrape.unix_seconds(at))),
    ),
    gauge(
        "tradedog_gave_up",
        ACTION_REASON,
        "Processes for which an action is not tried again until its level was left, by the last failure; none: it had no effect.",
        |scrape, series| groups(scrape, series, given_up, |_, group| Some(f64::from(group.count))),
    ),
];

/// Rungs of one target, action and reason.
#[derive(Default)]
struct Group {
    count: u32,
    opens: Option<Moment>,
}

/// Why a rung is in a group, and until when.
type Membership = Option<(Reason, Option<Moment>)>;

fn groups(
    scrape: &Scrape<'_>,
    series: &mut Series,
    membership: fn(&RungView) -> Membership,
    value: fn(&Scrape<'_>, &Group) -> Option<f64>,
) {
    let mut groups: BTreeMap<(u16, u16, Reason), Group> = BTreeMap::new();
    for rung in &scrape.snapshot.rungs {
        let Some((reason, opens)) = membership(rung) else { continue };
        let group = groups.entry((rung.member.target, rung.action, reason)).or_default();
        group.count += 1;
        group.opens = [group.opens, opens].into_iter().flatten().min();
    }
    for ((target, action, reason), group) in &groups {
        let Some(target) = scrape.snapshot.config.targets.get(usize::from(*target)) else { continue };
        let Some(action) = target.actions.get(usize::from(*action)) else { continue };
        series.push_known(&[&target.name, &action.name, reason.name()], value(scrape, group));
    }
}

const fn waiting(rung: &RungView) -> Membership {
    match rung.standing {
        Standing::Held { reason, opens } => Some((reason, opens)),
        Standing::Retrying { reason, at } => Some((reason, Some(at))),
        Standing::Waiting
        | Standing::InFlight
        | Standing::Vetoed { .. }
        | Standing::GaveUp { .. }
        | Standing::InForce { .. }
        | Standing::Done { .. } => None,
    }
}

const fn given_up(rung: &RungView) -> Membership {
    if let Standing::GaveUp { reason } = rung.standing { Some((reason, None)) } else { None }
}
