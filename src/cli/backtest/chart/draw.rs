//! The drawing: a panel a metric, a lane an action. Plain SVG that names everything it shows.

use std::fmt::Write as _;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use maud::{Markup, PreEscaped, html};

use super::super::side::Side;
use super::{Chart, Lane, Mark, Panel, WIDTH, bounds};
use crate::config::units;
use crate::model::{Level, Metric};

/// Room for what is written to the left and to the right.
const LEFT: usize = 150;
const RIGHT: usize = 120;
/// Heights of a panel, of a lane, and of the space between.
const PANEL: usize = 160;
const LANE: usize = 18;
const SPACE: usize = 34;
/// Colours of processes.
const LINES: [&str; 8] = ["#1f5fae", "#3c6e47", "#8a4b00", "#7a0b5c", "#51585f", "#0b7285", "#b3141e", "#5f3dc4"];
/// How the levels look, as on the page.
const STYLE: &str = "text{font:12px system-ui,'DejaVu Sans',sans-serif;fill:#16191d}.faint{fill:#51585f}\
    .frame{fill:none;stroke:#c9ced4}.bound{stroke-dasharray:5 3}.elevated{stroke:#1f5fae;fill:#1f5fae}\
    .warning{stroke:#8a4b00;fill:#8a4b00}.critical{stroke:#b3141e;fill:#b3141e}.fatal{stroke:#7a0b5c;fill:#7a0b5c}\
    .normal{stroke:#3c6e47;fill:#3c6e47}.undo{fill:#fff}.line{fill:none;stroke-width:1.2}";

impl Chart {
    /// All of it.
    pub(in crate::cli::backtest) fn draw(&self, side: &Side) -> String {
        let lanes = self.lanes.len();
        let height = self.panels.len() * (PANEL + SPACE) + (lanes * LANE + SPACE) * usize::from(lanes > 0) + 2 * SPACE;
        let width = LEFT + WIDTH + RIGHT;
        let panels = self.panels.iter().enumerate();
        let drawing = html! {
            svg xmlns="http://www.w3.org/2000/svg" viewBox={ "0 0 " (width) " " (height) } width=(width) height=(height) role="img" {
                title { "What would have been ordered by " (side.about.config) }
                style { (PreEscaped(STYLE)) }
                rect width=(width) height=(height) fill="#fff" {}
                @for (at, ((target, column), panel)) in panels {
                    @if let Some(Some(metric)) = self.judged.get(*column) {
                        (self.panel((SPACE + at * (PANEL + SPACE), side), (target.as_deref(), metric), panel))
                    }
                }
                @for (at, (whose, marks)) in self.lanes.iter().enumerate() {
                    (lane(self.panels.len() * (PANEL + SPACE) + SPACE + at * LANE, whose, marks))
                }
                (self.axis(height - SPACE))
            }
        };
        format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{}\n", drawing.into_string())
    }

    fn panel(&self, (top, side): (usize, &Side), (target, metric): (Option<&str>, &Metric), panel: &Panel) -> Markup {
        let bounds = bounds(side.replay.config(), target, metric);
        let highest = bounds.iter().filter_map(|(_, bound)| *bound).fold(panel.highest(), f64::max);
        let scale = Scale { top, highest: if highest > 0.0 { highest * 1.05 } else { 1.0 } };
        let unit = metric.info().unit;
        html! {
            text x=(LEFT) y=(top - 6) { @if let Some(target) = target { (target) " " } (metric.to_string()) }
            rect.frame x=(LEFT) y=(top) width=(WIDTH) height=(PANEL) {}
            text.faint x=(LEFT - 6) y=(top + 10) text-anchor="end" { (units::show(scale.highest, unit)) }
            text.faint x=(LEFT - 6) y=(top + PANEL) text-anchor="end" { "0" }
            @for (level, bound) in bounds.iter() {
                @if let Some(bound) = bound {
                    @let y = scale.place(*bound);
                    line class={ "bound " (level.name()) } x1=(LEFT) x2=(LEFT + WIDTH) y1=(y) y2=(y) {}
                    text x=(LEFT + WIDTH + 6) y={ (y) } { (level.name()) " " (units::show(*bound, unit)) }
                }
            }
            @for ((process, points), colour) in panel.lines.iter().zip(LINES.iter().cycle()) {
                path.line d=(path(points, &scale)) stroke=(colour) { title { (process) } }
            }
        }
    }

    /// Times of day where there is room.
    fn axis(&self, y: usize) -> Markup {
        let parts = 8;
        let whole = self.last.as_nanosecond() - self.first.as_nanosecond();
        let at = |part: i128| Timestamp::from_nanosecond(self.first.as_nanosecond() + whole * part / parts);
        let long = whole > 86_400 * 1_000_000_000;
        html! {
            @for part in 0..=parts {
                @let x = LEFT + usize::try_from(part).unwrap_or(0) * WIDTH / 8;
                line.frame x1=(x) x2=(x) y1=(y - 8) y2=(y - 2) {}
                text.faint x=(x) y=(y + 12) text-anchor="middle" { (at(part).map(|at| clock(at, long)).unwrap_or_default()) }
            }
            text.faint x=(LEFT - 6) y=(y + 12) text-anchor="end" dx="-20" { "UTC" }
        }
    }
}

/// From values to places.
struct Scale {
    top: usize,
    highest: f64,
}

impl Scale {
    #[expect(clippy::cast_precision_loss, reason = "places on a drawing are small")]
    fn place(&self, value: f64) -> String {
        let share = (value / self.highest).clamp(0.0, 1.0);
        format!("{:.1}", self.top as f64 + PANEL as f64 * (1.0 - share))
    }
}

/// From the lowest to the highest value of each point; broken where nothing was read for long.
fn path(points: &[Option<(f64, f64)>], scale: &Scale) -> String {
    let known: Vec<usize> = (0..points.len()).filter(|at| points.get(*at).is_some_and(Option::is_some)).collect();
    // Fewer readings than points leave points empty that are no gap.
    let mut steps: Vec<usize> = known.windows(2).map(|pair| pair[1] - pair[0]).collect();
    steps.sort_unstable();
    let usual = steps.get(steps.len() / 2).copied().unwrap_or(1);
    let (mut out, mut before) = (String::new(), None);
    for at in known {
        let Some(Some((low, high))) = points.get(at) else { continue };
        let joined = before.is_some_and(|before| at - before <= 3 * usual);
        // Writing into a String cannot fail.
        let _ = write!(out, "{}{} {}", if joined { "L" } else { "M" }, LEFT + at, scale.place(*low));
        if high > low {
            let _ = write!(out, "V{}", scale.place(*high));
        }
        before = Some(at);
    }
    out
}

fn lane(y: usize, (target, process, action): &Lane, marks: &[Mark]) -> Markup {
    html! {
        text x=(LEFT - 6) y=(y + 12) text-anchor="end" { (action) }
        line.frame x1=(LEFT) x2=(LEFT + WIDTH) y1=(y + 8) y2=(y + 8) {}
        text.faint x=(LEFT + WIDTH + 6) y=(y + 12) { (target) "[" (process) "]" }
        @for mark in marks {
            @let undo = if mark.undo { " undo" } else { "" };
            @let level = if mark.level == Level::Normal { "normal" } else { mark.level.name() };
            circle class={ (level) (undo) } cx=(LEFT + mark.at) cy=(y + 8) r="4" {
                title { @if mark.undo { "undo of " } (action) " (" (level) ")" }
            }
        }
    }
}

fn clock(at: Timestamp, long: bool) -> String {
    let civil = TimeZone::UTC.to_datetime(at);
    let clock = format!("{:02}:{:02}", civil.hour(), civil.minute());
    if long { format!("{:02}-{:02} {clock}", civil.month(), civil.day()) } else { clock }
}
