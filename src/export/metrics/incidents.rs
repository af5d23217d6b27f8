//! Series of incidents: which targets are in one, how much evidence was kept, and why other was not.

use super::scrape::Scrape;
use super::{Family, Series, counter, gauge};

pub(super) const FAMILIES: &[Family] = &[
    gauge(
        "tradedog_incident",
        &["target"],
        "Whether the target has not returned to normal since a ladder's order: a level holds, a measure is in force, or \
         the successor after a kill is not past its start-up grace.",
        open,
    ),
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

fn open(scrape: &Scrape<'_>, series: &mut Series) {
    for (seen, view) in scrape.targets.iter().zip(&scrape.snapshot.targets) {
        series.push(&[&seen.target.name], f64::from(u8::from(view.incident.is_some())));
    }
}
