//! A reading as a bar, with its bounds marked. To the right is worse, whichever way the metric goes.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use maud::{Markup, html};

use super::words::{amount, badge, direction, help, level, reading, span, text, unit};
use crate::export::status::{Reading, Threshold};
use crate::model::{Direction, Level, Unit};

/// So much of the width is left behind the last bound.
const HEADROOM: f64 = 1.1;

/// From values to places.
#[derive(Clone, Copy, Debug)]
struct Scale {
    end: f64,
    direction: Direction,
}

impl Scale {
    /// Wide enough for all of `marks`, which are not negative.
    fn over(marks: impl Iterator<Item = f64>, direction: Direction) -> Self {
        let highest = marks.filter(|mark| mark.is_finite()).fold(0.0, f64::max);
        Self { end: if highest > 0.0 { highest * HEADROOM } else { 1.0 }, direction }
    }

    /// The place of `value` in percent of the width.
    fn place(self, value: f64) -> f64 {
        let share = (value / self.end).clamp(0.0, 1.0);
        let share = if self.direction == Direction::Down { 1.0 - share } else { share };
        (share * 1000.0).round() / 10.0
    }

    /// Whether `value` is at or past `bound`.
    fn past(self, value: f64, bound: f64) -> bool {
        match self.direction {
            Direction::Up => value >= bound,
            Direction::Down => value <= bound,
        }
    }
}

/// What a bar is drawn from.
struct Bar<'a> {
    row: &'a Threshold,
    value: Option<f64>,
    at_least: bool,
    scale: Scale,
}

/// The thresholds in the order in which they are looked at: the highest level, then as configured.
pub(super) fn worst_first(rows: &[Threshold]) -> Vec<&Threshold> {
    let mut rows: Vec<&Threshold> = rows.iter().collect();
    rows.sort_by_key(|row| Reverse(level(&row.level)));
    rows
}

/// One row: the metric, its reading, its level and since when, the bar, the bounds in words.
pub(super) fn threshold(row: &Threshold, readings: &BTreeMap<String, Reading>, now: f64) -> Markup {
    let bar = Bar::of(row, readings);
    html! {
        div.gauge data-key={ (text(&row.ladder)) "/" (text(&row.metric)) } {
            p.reading {
                span.metric title=(help(&row.metric)) { (text(&row.metric)) } " "
                b.value { (reading(&row.metric, readings)) } " "
                (badge(&row.level))
                @if level(&row.level) > Level::Normal { " for " (span(now - row.since)) }
                @if let Some(why) = &row.unknown { " " span.unknown { "blind: " (text(why)) ", its level is kept" } }
            }
            (bar.drawing())
            (bar.bounds())
        }
    }
}

impl<'a> Bar<'a> {
    fn of(row: &'a Threshold, readings: &BTreeMap<String, Reading>) -> Self {
        let read = readings.get(&row.metric);
        let value = read.and_then(|reading| if reading.unlimited { Some(f64::INFINITY) } else { reading.value });
        // What is a share of something ends with all of it.
        let whole = (unit(&row.metric) == Unit::Ratio).then_some(1.0 / HEADROOM);
        let marks = row.bounds.values().copied().chain([value, row.expected, whole].into_iter().flatten());
        let scale = Scale::over(marks, direction(&row.metric));
        Self { row, value, at_least: read.is_some_and(|reading| reading.at_least), scale }
    }

    /// Decoration: everything it shows is in words beside it.
    fn drawing(&self) -> Markup {
        let class = level(&self.row.level).name();
        html! {
            svg.bar width="100%" height="28" aria-hidden="true" focusable="false" {
                rect.track x="0" y="8" width="100%" height="12" {}
                @match self.value {
                    None => rect.hatched x="0" y="8" width="100%" height="12" {},
                    Some(value) => {
                        rect class={ "fill " (class) } x="0" y="8" width={ (self.scale.place(value)) "%" } height="12" {}
                        @if self.at_least {
                            line.open x1={ (self.scale.place(value)) "%" } x2="100%" y1="14" y2="14" {}
                        }
                    }
                }
                @if let Some(expected) = self.row.expected {
                    (self.tick("expected", expected))
                }
                @for level in Level::ABOVE_NORMAL {
                    @if let Some(bound) = self.row.bounds.get(level.name()) { (self.tick(level.name(), *bound)) }
                }
            }
        }
    }

    /// The higher the level, the taller its mark.
    fn tick(&self, name: &str, at: f64) -> Markup {
        let place = self.scale.place(at);
        let height = if name == "expected" { 8 } else { level(name).number() + 9 };
        html! {
            line class={ "tick " (name) } x1={ (place) "%" } x2={ (place) "%" } y1=(14 - height) y2=(14 + height) {}
        }
    }

    fn bounds(&self) -> Markup {
        let metric = &self.row.metric;
        let past = |bound: f64| self.value.is_some_and(|value| self.scale.past(value, bound));
        html! {
            ul.bounds {
                @if let Some(expected) = self.row.expected { li { "expected " (amount(metric, expected)) } }
                @for level in Level::ABOVE_NORMAL {
                    @if let Some(bound) = self.row.bounds.get(level.name()) {
                        li.past[past(*bound)] {
                            @if past(*bound) { "past " }
                            (level.name()) " " (amount(metric, *bound))
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn to_the_right_is_worse_whichever_way_the_metric_goes() {
        let up = Scale::over([300.0, 900.0].into_iter(), Direction::Up);
        assert!(up.place(0.0) < up.place(300.0) && up.place(300.0) < up.place(900.0));
        assert!(up.place(900.0) < 100.0 && up.place(1e300).total_cmp(&100.0).is_eq());
        assert!(up.past(300.0, 300.0) && !up.past(299.0, 300.0));
        let down = Scale::over([7200.0, 1200.0].into_iter(), Direction::Down);
        assert!(down.place(f64::INFINITY) < down.place(7200.0) && down.place(7200.0) < down.place(1200.0));
        assert!(down.place(0.0).total_cmp(&100.0).is_eq());
        assert!(down.past(1200.0, 1200.0) && !down.past(1201.0, 1200.0));
    }
}
