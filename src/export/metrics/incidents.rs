//! Series of incidents: how many were kept, and why others were not.

use super::{Family, counter};

pub(super) const FAMILIES: &[Family] = &[
    counter(
        "tradedog_incidents_total",
        &["target", "trigger"],
        "Folders of evidence that were kept: at the first critical of a process, and before a kill.",
        |scrape, series| {
            for (target, trigger, count) in scrape.snapshot.counters.incidents() {
                series.push(&[target, trigger.name()], count as f64);
            }
        },
    ),
    counter(
        "tradedog_incident_flaws_total",
        &["reason"],
        "How often evidence was not kept, or a kill went ahead before all of it was there.",
        |scrape, series| {
            for (flaw, count) in scrape.snapshot.counters.flaws() {
                series.push(&[flaw.name()], count as f64);
            }
        },
    ),
];
