//! What is suggested, as tables and as rows to be copied.

use std::time::Duration;

use super::super::propose;
use super::Suggestion;
use crate::cli::output::Table;
use crate::config::units;
use crate::model::{Level, Unit};
use crate::record::show_duration;

pub(super) fn usual(suggestions: &[Suggestion]) -> Table {
    let mut table = Table::new(&["in calm times", ">median", ">99 %", ">99.9 %", ">highest", ">calm for", ">of"]);
    for one in suggestions {
        let unit = one.name.info().unit;
        let numbers =
            [one.median, one.quantile_99, one.quantile_999, one.highest].map(|value| units::show(value, unit));
        let spans = [one.calm_seconds, one.seconds].map(span);
        let name = one.title();
        table.row(Level::Normal, [name].into_iter().chain(numbers).chain(spans).collect());
    }
    table
}

pub(super) fn bounds(suggestions: &[Suggestion]) -> Table {
    let heads = ["bound", "level", ">suggested", ">entered", ">held", ">now", ">entered", ">held"];
    let mut table = Table::new(&heads);
    for one in suggestions {
        let unit = one.name.info().unit;
        for bound in &one.bounds {
            let (name, level) = (one.title(), bound.level.to_owned());
            let mut cells = vec![name, level, units::show(bound.bound, unit)];
            cells.extend([times(bound.entered), span(bound.entered_seconds)]);
            match &bound.now {
                Some(now) => {
                    cells.extend([units::show(now.bound, unit), times(now.entered), span(now.entered_seconds)]);
                }
                None => cells.extend(["-", "-", "-"].map(str::to_owned)),
            }
            table.row(bound.at, cells);
        }
    }
    table
}

fn times(count: u64) -> String {
    match count {
        0 => "never".to_owned(),
        1 => "once".to_owned(),
        many => format!("{many} times"),
    }
}

fn span(seconds: f64) -> String {
    if seconds == 0.0 { "-".to_owned() } else { show_duration(Duration::from_secs_f64(seconds)) }
}

/// `open_fds = { expected = 110, elevated = 140 }`; of what grew all the time as a comment.
pub(super) fn line(one: &Suggestion) -> String {
    let unit: Unit = one.name.info().unit;
    let name = if one.metric.contains('.') { format!("\"{}\"", one.metric) } else { one.metric.clone() };
    let expected = std::iter::once(format!("expected = {}", propose::written(one.expected, unit)));
    let bounds = one.bounds.iter().map(|bound| format!("{} = {}", bound.level, propose::written(bound.bound, unit)));
    let mark = if one.grows { "# it grew: " } else { "" };
    format!("{mark}{name} = {{ {} }}", expected.chain(bounds).collect::<Vec<_>>().join(", "))
}
