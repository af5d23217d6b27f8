//! Series of measures in force, which must be undone.

use std::collections::BTreeMap;

use super::scrape::Scrape;
use super::{Family, gauge};
use crate::config::{Action, Target};
use crate::export::LeaseView;
use crate::model::ActionScope;

const LEASE: &[&str] = &["target", "action", "process"];

pub(super) const FAMILIES: &[Family] = &[
    gauge(
        "tradedog_lease",
        LEASE,
        "Whether a measure is in force that must be undone; the empty process is the whole target.",
        |scrape, series| {
            for ((target, action, process), lease) in leases(scrape) {
                series.push(&[target, action, &process], f64::from(u8::from(lease.is_some())));
            }
        },
    ),
    gauge(
        "tradedog_lease_since_timestamp_seconds",
        LEASE,
        "Since when the measure is in force, in seconds since 1970.",
        |scrape, series| {
            for ((target, action, process), lease) in leases(scrape) {
                series.push_known(&[target, action, &process], lease.map(|lease| scrape.unix_seconds(lease.since)));
            }
        },
    ),
];

/// The actions of `target` of that scope whose measure stays in force until it is undone.
pub(super) fn undone(target: &Target, scope: ActionScope) -> impl Iterator<Item = &Action> {
    target
        .actions
        .iter()
        .filter(move |action| (action.undo.is_some() || action.measure.is_freeze()) && action.scope == scope)
}

/// Every lease, and a place for each that may come: a series that begins with 1 raises no alert on
/// its rise. Those in force are shown even if nothing of the configuration speaks of them any more.
fn leases<'a>(scrape: &'a Scrape<'_>) -> BTreeMap<(&'a str, &'a str, String), Option<&'a LeaseView>> {
    let mut all = BTreeMap::new();
    for seen in &scrape.targets {
        for action in undone(seen.target, ActionScope::Target) {
            all.insert((&*seen.target.name, &*action.name, String::new()), None);
        }
    }
    for seat in scrape.seats.iter().filter(|seat| seat.process.is_some()) {
        for action in undone(seat.target, ActionScope::Process) {
            all.insert((&*seat.target.name, &*action.name, seat.slot.clone()), None);
        }
    }
    for lease in &scrape.snapshot.leases {
        let process = lease.process.map_or_else(String::new, |slot| slot.to_string());
        all.insert((&*lease.target, &*lease.action, process), Some(lease));
    }
    all
}
