//! The figures as text: for a terminal, for README.md, for docs/cost.md.

use std::time::Duration;

use super::figures::{Bar, Cost, Limit, Measured, Report, milliseconds};

/// What a row is called, and its figure at one workload.
type Row = (&'static str, fn(&Measured) -> String);

const ROWS: [Row; 14] = [
    ("processes x descriptors of each", |one| format!("{} x {}", grouped(one.size.processes), grouped(one.size.fds))),
    ("sockets established, in CLOSE_WAIT", |one| {
        format!("{}, {}", grouped(one.size.established), grouped(one.size.close_wait))
    }),
    ("other processes", |one| grouped(one.size.bystanders)),
    ("started by others meanwhile, a second", |one| format!("{:.0}", one.others)),
    ("CPU, ms: floor, a bare loop of the same kernel calls", |one| time(one.floor)),
    ("CPU, ms: the same, passes back to back", |one| time(one.hot)),
    ("CPU, ms: **tradedog** (descriptors, memory, sockets)", |one| {
        format!("**{}** ({:.2} x floor)", time(one.tradedog.per_pass), one.ratio_to_floor())
    }),
    ("CPU, ms: the same while segments come and go", |one| {
        format!("{} ({:.2} x floor)", time(one.busy[1]), one.busy_ratio_to_floor())
    }),
    ("CPU, ms: monit (descriptors, memory)", |one| of(&one.monit, |cost| time(cost.per_pass))),
    ("CPU, ms: process-exporter (descriptors, memory)", |one| of(&one.exporter, |cost| time(cost.per_pass))),
    ("CPU, ms: one `GET /metrics` of tradedog", |one| time(one.scrape)),
    ("resident (anonymous) MiB: **tradedog**", |one| mebibytes(&one.tradedog)),
    ("resident (anonymous) MiB: monit", |one| of(&one.monit, mebibytes)),
    ("resident (anonymous) MiB: process-exporter", |one| of(&one.exporter, mebibytes)),
];

/// CPU per pass and memory, a column each workload. Empty where no workload was measured.
pub(crate) fn costs(report: &Report) -> String {
    if report.measured.is_empty() {
        return String::new();
    }
    let names = report.measured.iter().map(|one| one.size.name.clone());
    let head = std::iter::once("of one pass".to_owned()).chain(names).collect();
    let row = |(name, figure): &Row| {
        let figures = report.measured.iter().map(figure);
        std::iter::once((*name).to_owned()).chain(figures).collect()
    };
    lay_out(&std::iter::once(head).chain(ROWS.iter().map(row)).collect::<Vec<_>>())
}

/// Each figure that has a bar, beside its bar. Empty where none has one.
pub(crate) fn bars(report: &Report) -> String {
    if report.bars().is_empty() {
        return String::new();
    }
    let head = ["bar", "may be", "is", ""].map(str::to_owned).to_vec();
    let row = |bar: &Bar| {
        let may = match bar.limit {
            Limit::AtMost(limit) => format!("at most {limit} {}", bar.unit),
            Limit::AtLeast(limit) => format!("at least {limit} {}", bar.unit),
        };
        let is = format!("{} {}", number(bar.value), bar.unit);
        vec![bar.of.clone(), may, is, if bar.is_met() { "ok" } else { "MISSED" }.to_owned()]
    };
    lay_out(&std::iter::once(head).chain(report.bars().iter().map(row)).collect::<Vec<_>>())
}

/// How many bars are met, and which are not.
pub(crate) fn verdict(report: &Report) -> String {
    let bars = report.bars();
    let missed: Vec<&str> = bars.iter().filter(|bar| !bar.is_met()).map(|bar| bar.of.as_str()).collect();
    match missed.as_slice() {
        [] => format!("All of its {} bars are met.\n", bars.len()),
        [one] => format!("Of its {} bars one is missed: {one}.\n", bars.len()),
        missed => format!("Of its {} bars {} are missed: {}.\n", bars.len(), missed.len(), missed.join("; ")),
    }
}

/// What grows, in milliseconds a pass.
pub(crate) fn growth(report: &Report) -> String {
    let line = |growth: &super::figures::Growth| {
        let [tradedog, floor] =
            [growth.tradedog, growth.floor].map(|[from, to]| format!("{} to {}", time(from), time(to)));
        format!("- {}: tradedog {tradedog}, floor {floor}\n", growth.of)
    };
    report.growth.iter().map(line).collect()
}

/// A Markdown table whose columns are aligned in the source, so that a terminal can show it too.
fn lay_out(rows: &[Vec<String>]) -> String {
    let columns = rows.first().map_or(0, Vec::len);
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).enumerate().map(|(at, (cell, &width))| match at {
            0 => format!(" {cell:<width$} |"),
            _ => format!(" {cell:>width$} |"),
        });
        format!("|{}\n", cells.collect::<String>())
    };
    let rule = |(at, width): (usize, &usize)| match at {
        0 => format!("{}|", "-".repeat(width + 2)),
        _ => format!("{}:|", "-".repeat(width + 1)),
    };
    let rule: String = widths.iter().enumerate().map(rule).collect();
    let mut lines = rows.iter().map(line);
    let head = lines.next().unwrap_or_default();
    format!("{head}|{rule}\n{}", lines.collect::<String>())
}

fn of(cost: &Result<Cost, String>, figure: fn(&Cost) -> String) -> String {
    cost.as_ref().map_or_else(|_| "not measured".to_owned(), figure)
}

fn mebibytes(cost: &Cost) -> String {
    format!("{:.1} ({:.1})", cost.resident, cost.anonymous)
}

/// Milliseconds.
pub(crate) fn time(time: Duration) -> String {
    number(milliseconds(time))
}

/// With as many digits as tell something.
fn number(value: f64) -> String {
    match value {
        value if value < 9.995 => format!("{value:.2}"),
        value if value < 99.95 => format!("{value:.1}"),
        value => format!("{value:.0}"),
    }
}

/// `50000` is `50,000`.
pub(crate) fn grouped(number: u32) -> String {
    let digits = number.to_string();
    let comma = |at: usize| at > 0 && (digits.len() - at).is_multiple_of(3);
    digits.chars().enumerate().flat_map(|(at, digit)| comma(at).then_some(',').into_iter().chain([digit])).collect()
}
