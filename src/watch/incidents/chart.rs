//! The last hour of a process as a chart: a panel for each metric that a threshold is about, with its bounds.

use std::time::Duration;

use jiff::Timestamp;
use maud::{Markup, PreEscaped, html};

use crate::config::{Target, units};
use crate::model::{Level, Metric, Moment, Value};
use crate::record::samples::LastHour;

/// Room for what is written to the left and to the right, and the width between.
const LEFT: f64 = 120.0;
const RIGHT: f64 = 160.0;
const WIDTH: f64 = 720.0;
/// Height of a panel, and of the space between.
const PANEL: f64 = 140.0;
const SPACE: f64 = 36.0;
/// Most panels: those of thresholds, in their order.
const MOST: usize = 12;
/// Readings further apart are not joined: in between none was known.
const GAP: Duration = Duration::from_secs(45);
/// How the levels look, as on the page.
const STYLE: &str = "text{font:12px system-ui,'DejaVu Sans',sans-serif;fill:#16191d}.frame{fill:none;stroke:#c9ced4}\
    .line{fill:none;stroke:#16191d;stroke-width:1.2}.life{stroke:#6a7178}.bound{stroke-dasharray:5 3}.elevated{stroke:#1f5fae}\
    .warning{stroke:#8a4b00}.critical{stroke:#b3141e}.fatal{stroke:#7a0b5c}";

/// When, on both clocks.
#[derive(Clone, Copy, Debug)]
pub(super) struct When {
    pub(super) at: Moment,
    /// Milliseconds since 1970.
    pub(super) wall: i64,
}

/// A metric with its readings, and the bounds that it has.
struct Panel<'a> {
    metric: &'a Metric,
    points: Vec<(Moment, f64)>,
    bounds: Vec<(Level, f64)>,
}

/// The chart; none where nothing was read of what the target is judged by.
pub(super) fn draw(hour: &LastHour, target: &Target, (name, when): (&str, When)) -> Option<String> {
    let panels = panels(hour, target);
    let first = panels.iter().filter_map(|panel| panel.points.first()).map(|(at, _)| *at).min()?;
    // Who was there before is another process.
    let lives = hour.lives().iter().skip(1).map(|life| (life.since, life.identity.pid.get())).collect();
    let axis = Axis { first, last: when.at.max(first + Duration::from_secs(10)), when, lives };
    let height = SPACE + panels.len() as f64 * (PANEL + SPACE);
    let width = LEFT + WIDTH + RIGHT;
    let drawing = html! {
        svg xmlns="http://www.w3.org/2000/svg" viewBox={ "0 0 " (width) " " (height) } width=(width) height=(height) role="img" {
            title { "The last hour of " (name) }
            style { (PreEscaped(STYLE)) }
            rect width=(width) height=(height) fill="#fff" {}
            @for (at, panel) in panels.iter().enumerate() {
                (panel.draw(SPACE + at as f64 * (PANEL + SPACE), &axis))
            }
        }
    };
    Some(format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{}\n", drawing.into_string()))
}

fn panels<'a>(hour: &LastHour, target: &'a Target) -> Vec<Panel<'a>> {
    let mut panels: Vec<Panel<'a>> = Vec::new();
    for threshold in &target.thresholds {
        let Some(metric) = target.metrics.get(threshold.metric) else { continue };
        // Of what is foretold the bounds are on another scale: the quantity is shown, once.
        let own = threshold.name == *metric;
        let bounds = threshold.bounds.iter().filter_map(|(level, bound)| Some((level, bound.as_ref()?.at)));
        let bounds: Vec<(Level, f64)> = bounds.filter(|_| own).collect();
        let room = panels.len() < MOST;
        match panels.iter_mut().find(|panel| panel.metric == metric) {
            Some(panel) => panel.bounds.extend(bounds),
            None if room => {
                let known = |(at, value): (Moment, Value)| match value {
                    Value::Known(value) | Value::AtLeast(value) => Some((at, value)),
                    Value::Unknown(_) => None,
                };
                let points = hour.series(metric).into_iter().filter_map(known).collect();
                panels.push(Panel { metric, points, bounds });
            }
            None => {}
        }
    }
    panels.retain(|panel| !panel.points.is_empty());
    panels
}

/// From the first reading to the time that it was asked for.
struct Axis {
    first: Moment,
    last: Moment,
    when: When,
    /// Processes that came into the seat of others: since when, and their pids.
    lives: Vec<(Moment, i32)>,
}

impl Axis {
    fn x(&self, at: Moment) -> f64 {
        let whole = self.last.since(self.first).as_secs_f64();
        LEFT + WIDTH * (at.since(self.first).as_secs_f64() / whole).clamp(0.0, 1.0)
    }

    /// `23:06:39`, UTC.
    fn clock(&self, at: Moment) -> String {
        let ago = i64::try_from(self.when.at.since(at).as_millis()).unwrap_or(0);
        let time = Timestamp::from_millisecond(self.when.wall.saturating_sub(ago)).unwrap_or_default();
        time.strftime("%H:%M:%S").to_string()
    }
}

impl Panel<'_> {
    fn draw(&self, top: f64, axis: &Axis) -> Markup {
        let bounds = self.bounds.iter().map(|(_, bound)| *bound);
        let values = self.points.iter().map(|(_, value)| *value);
        let highest = values.chain(bounds).filter(|value| value.is_finite()).fold(0.0, f64::max);
        let highest = if highest > 0.0 { highest * 1.05 } else { 1.0 };
        let y = |value: f64| top + PANEL * (1.0 - (value / highest).clamp(0.0, 1.0));
        let unit = self.metric.info().unit;
        html! {
            rect.frame x=(LEFT) y=(top) width=(WIDTH) height=(PANEL) {}
            text x="8" y=(top + 14.0) { (self.metric) }
            text x=(LEFT - 6.0) y=(top + 10.0) text-anchor="end" { (units::show(highest, unit)) }
            text x=(LEFT) y=(top + PANEL + 16.0) { (axis.clock(axis.first)) }
            text x=(LEFT + WIDTH) y=(top + PANEL + 16.0) text-anchor="end" { (axis.clock(axis.last)) " UTC" }
            @for (level, bound) in &self.bounds {
                line.bound.(level.name()) x1=(LEFT) x2=(LEFT + WIDTH) y1=(number(y(*bound))) y2=(number(y(*bound))) {}
                text x=(LEFT + WIDTH + 6.0) y=(number(y(*bound) + 4.0)) { (level.name()) " " (units::show(*bound, unit)) }
            }
            @for (since, pid) in &axis.lives {
                line.life x1=(number(axis.x(*since))) x2=(number(axis.x(*since))) y1=(top) y2=(top + PANEL) {}
                text x=(number(axis.x(*since) + 4.0)) y=(top + PANEL - 6.0) { "pid " (pid) }
            }
            path.line d=(self.path(axis, y)) {}
        }
    }

    fn path(&self, axis: &Axis, y: impl Fn(f64) -> f64) -> String {
        let mut path = String::new();
        let mut before: Option<Moment> = None;
        for (at, value) in &self.points {
            let joined = before.is_some_and(|before| at.since(before) <= GAP);
            path.push_str(if joined { " L" } else { " M" });
            path.push_str(&format!("{} {}", number(axis.x(*at)), number(y(*value))));
            if !joined {
                // A reading by itself shows as a dot.
                path.push_str(" h1");
            }
            before = Some(*at);
        }
        path
    }
}

/// A tenth of a pixel is enough.
fn number(value: f64) -> String {
    format!("{value:.1}")
}

#[cfg(test)]
mod tests;
