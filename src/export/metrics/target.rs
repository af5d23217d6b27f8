//! Series of targets.

use super::scrape::{Scrape, TargetSeen};
use super::{Family, Series, gauge};
use crate::model::Level;

const TARGET: &[&str] = &["target"];

pub(super) const FAMILIES: &[Family] = &[
    gauge("tradedog_target_processes", TARGET, "Live processes of the target.", |scrape, series| {
        each(scrape, series, |seen| Some(seen.members as f64));
    }),
    gauge(
        "tradedog_target_expected_processes",
        &["target", "bound"],
        "How many processes the target should have, at least (min) and at most (max).",
        expected_processes,
    ),
    gauge(
        "tradedog_target_level",
        TARGET,
        "Highest level among the processes of the target: 0 normal, 1 elevated, 2 warning, 3 critical, 4 fatal.",
        |scrape, series| each(scrape, series, |seen| Some(f64::from(seen.level.number()))),
    ),
    gauge(
        "tradedog_target_armed",
        TARGET,
        "Whether the target has measures that would really be taken: a ladder, and no dry run.",
        armed,
    ),
    gauge("tradedog_inhibited", TARGET, "Whether an operator holds back the measures of the target.", inhibited),
    gauge(
        "tradedog_kill_budget_remaining",
        TARGET,
        "Kills that the budget of the target still allows.",
        kill_budget_remaining,
    ),
    gauge(
        "tradedog_successor_missing",
        TARGET,
        "Whether nobody has come after a kill within expect_successor.",
        successor_missing,
    ),
    gauge(
        "tradedog_threshold",
        &["target", "metric", "level"],
        "Where a level begins, in the unit of the metric; expected is where the normal range ends.",
        thresholds,
    ),
];

fn each(scrape: &Scrape<'_>, series: &mut Series, value: fn(&TargetSeen<'_>) -> Option<f64>) {
    for seen in &scrape.targets {
        series.push_known(&[&seen.target.name], value(seen));
    }
}

fn expected_processes(scrape: &Scrape<'_>, series: &mut Series) {
    for seen in &scrape.targets {
        let Some(expect) = seen.target.expect else { continue };
        series.push_known(&[&seen.target.name, "min"], expect.min.map(f64::from));
        series.push_known(&[&seen.target.name, "max"], expect.max.map(f64::from));
    }
}

fn armed(scrape: &Scrape<'_>, series: &mut Series) {
    let dry_run = scrape.snapshot.config.daemon.dry_run;
    for seen in &scrape.targets {
        let armed = !dry_run && seen.target.has_ladder();
        series.push(&[&seen.target.name], f64::from(u8::from(armed)));
    }
}

fn kill_budget_remaining(scrape: &Scrape<'_>, series: &mut Series) {
    for (seen, view) in scrape.targets.iter().zip(&scrape.snapshot.targets) {
        series.push(&[&seen.target.name], f64::from(view.kill_budget_remaining));
    }
}

fn successor_missing(scrape: &Scrape<'_>, series: &mut Series) {
    for (seen, view) in scrape.targets.iter().zip(&scrape.snapshot.targets) {
        let expected = seen.target.actions.iter().any(|action| action.expect_successor.is_some());
        let missing = f64::from(u8::from(view.successor_missing));
        series.push_known(&[&seen.target.name], expected.then_some(missing));
    }
}

fn thresholds(scrape: &Scrape<'_>, series: &mut Series) {
    for seen in &scrape.targets {
        for (threshold, metric) in seen.target.thresholds.iter().zip(&seen.thresholds) {
            series.push_known(&[&seen.target.name, metric, "expected"], threshold.expected);
            for level in Level::ABOVE_NORMAL {
                let bound = threshold.bounds.get(level).and_then(Option::as_ref);
                series.push_known(&[&seen.target.name, metric, level.name()], bound.map(|bound| bound.at));
            }
        }
    }
}

fn inhibited(scrape: &Scrape<'_>, series: &mut Series) {
    for seen in &scrape.targets {
        let held = scrape.snapshot.inhibitions.iter().any(|inhibition| inhibition.target == seen.target.name);
        series.push(&[&seen.target.name], f64::from(u8::from(held)));
    }
}
