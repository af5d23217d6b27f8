//! The chart for README.md: CPU per pass on a logarithmic scale, a group of bars each workload.

use std::time::Duration;

use maud::{Markup, PreEscaped, html};

use super::figures::{Measured, Report, milliseconds};
use super::table::{grouped, time};

const WIDTH: f64 = 780.0;
/// Where bars begin, and where the longest may end; its figure comes behind it.
const LEFT: f64 = 170.0;
const RIGHT: f64 = 690.0;
const TOP: f64 = 60.0;
const BAR: f64 = 16.0;
const STEP: f64 = 21.0;
/// Of the line that names a workload, and of the gap before it.
const HEAD: f64 = 22.0;
const GAP: f64 = 18.0;

/// Text keeps to the reader's fonts; colours follow the reader's choice of light or dark.
const STYLE: &str = "text{font:13px system-ui,-apple-system,'Segoe UI',Helvetica,Arial,sans-serif;fill:#1f2328}\
.quiet{fill:#59636e}.title{font-size:15px;font-weight:600}.group{font-weight:600}.end{text-anchor:end}\
.middle{text-anchor:middle}.grid{stroke:#d1d9e0}.floor{fill:#818b98}.tradedog{fill:#0969da}.other{fill:#bf8700}\
@media(prefers-color-scheme:dark){text{fill:#f0f6fc}.quiet{fill:#9198a1}.grid{stroke:#3d444d}\
.floor{fill:#9198a1}.tradedog{fill:#4493f8}.other{fill:#d29922}}";

/// The whole file.
pub(crate) fn svg(report: &Report) -> String {
    let scale = Scale::over(report);
    let heights = report.measured.iter().map(height);
    let bottom = TOP + heights.sum::<f64>();
    let mut top = TOP;
    let groups: Vec<Markup> = report.measured.iter().map(|one| group(one, &mut top, &scale)).collect();
    let drawn = html! {
        svg xmlns="http://www.w3.org/2000/svg" width=(WIDTH) height=(bottom + 34.0)
            viewBox=(format!("0 0 {WIDTH} {}", bottom + 34.0)) role="img" aria-labelledby="title" {
            title id="title" { "Milliseconds of CPU per pass" }
            style { (PreEscaped(STYLE)) }
            text.title x="12" y="24" { "Milliseconds of CPU per pass" }
            text.quiet x="12" y="44" { "One pass a second, all threads. Each step of the scale is ten times the one before." }
            @for power in scale.low..=scale.high { (grid(power, &scale, bottom)) }
            @for group in groups { (group) }
            text.quiet x="12" y=(bottom + 24.0) { (report.place) }
        }
    };
    drawn.into_string() + "\n"
}

/// Powers of ten, from `low` to `high` milliseconds.
struct Scale {
    low: i32,
    high: i32,
}

impl Scale {
    fn over(report: &Report) -> Self {
        let times = report.measured.iter().flat_map(bars).filter_map(|(_, _, time)| time).map(milliseconds);
        let (low, high) = times.fold((f64::MAX, 0.0_f64), |(low, high), time| (low.min(time), high.max(time)));
        let power = (-3..=4).rev().find(|&power| 10.0_f64.powi(power) <= low).unwrap_or(-3);
        let top = (power + 1..=6).find(|&top| high <= 10.0_f64.powi(top)).unwrap_or(6);
        Self { low: power, high: top }
    }

    fn at(&self, milliseconds: f64) -> f64 {
        let part = (milliseconds.log10() - f64::from(self.low)) / f64::from(self.high - self.low);
        LEFT + part.clamp(0.0, 1.0) * (RIGHT - LEFT)
    }
}

/// Name, class and time of each bar of a workload; no time where it was not measured.
fn bars(one: &Measured) -> [(&'static str, &'static str, Option<Duration>); 5] {
    let peer = |cost: &Result<super::figures::Cost, String>| cost.as_ref().ok().map(|cost| cost.per_pass);
    [
        ("kernel's floor", "floor", Some(one.floor)),
        ("tradedog", "tradedog", Some(one.tradedog.per_pass)),
        ("… with TCP traffic", "tradedog", Some(one.busy[1])),
        ("monit *", "other", peer(&one.monit)),
        ("process-exporter *", "other", peer(&one.exporter)),
    ]
}

fn height(one: &Measured) -> f64 {
    GAP + HEAD + STEP * f64::from(u32::try_from(bars(one).len()).unwrap_or(0))
}

/// One workload, from `top` on, which is moved to the next one.
fn group(one: &Measured, top: &mut f64, scale: &Scale) -> Markup {
    let first = *top + GAP;
    *top += height(one);
    let size = &one.size;
    let about = format!(
        "{}: {} processes x {} descriptors, {} sockets ({} in CLOSE_WAIT), {} other processes",
        size.name,
        grouped(size.processes),
        grouped(size.fds),
        grouped(size.established + size.close_wait),
        grouped(size.close_wait),
        grouped(size.bystanders)
    );
    let rows = (0_u32..).zip(bars(one)).map(|(at, bar)| row(bar, first + HEAD + STEP * f64::from(at), scale));
    html! {
        text.group x="12" y=(first + 13.0) { (about) }
        @for row in rows { (row) }
    }
}

fn row((name, class, time_taken): (&str, &str, Option<Duration>), top: f64, scale: &Scale) -> Markup {
    let base = top + BAR - 3.5;
    let end = time_taken.map_or(LEFT, |time| scale.at(milliseconds(time)));
    html! {
        text.end x=(LEFT - 8.0) y=(base) { (name) }
        @if let Some(taken) = time_taken {
            rect.(class) x=(LEFT) y=(top) width=(round(end - LEFT)) height=(BAR) rx="2" {}
            text x=(round(end + 6.0)) y=(base) { (time(taken)) }
        } @else {
            text.quiet x=(LEFT + 6.0) y=(base) { "not measured" }
        }
    }
}

fn grid(power: i32, scale: &Scale, bottom: f64) -> Markup {
    let value = 10.0_f64.powi(power);
    let at = round(scale.at(value));
    html! {
        line.grid x1=(at) x2=(at) y1=(TOP + 4.0) y2=(bottom) {}
        text.quiet.middle x=(at) y=(TOP) { (value) }
    }
}

fn round(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}
