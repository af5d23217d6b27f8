//! Which bounds follow from what is usual. Pure.

use crate::config::units::{self, Size};
use crate::model::{Level, Unit};
use crate::replay::Usual;

/// Above nearly all calm values: so many times, and at least so many steps more.
const ABOVE: [(Level, f64, f64); 4] =
    [(Level::Elevated, 1.25, 1.0), (Level::Warning, 1.5, 2.0), (Level::Critical, 2.0, 4.0), (Level::Fatal, 2.5, 8.0)];
/// Shares: so much of the way from there to all.
const OF_THE_WAY: [f64; 4] = [0.25, 0.5, 0.75, 0.9];

/// A bound for each of the levels, ascending; none at or beyond all that there is.
pub(super) fn bounds(usual: &Usual, unit: Unit, levels: &[Level]) -> Vec<(Level, f64)> {
    let top = usual.nearly_all;
    let mut below = usual.highest;
    let mut bounds = Vec::new();
    for ((level, times, steps), way) in ABOVE.into_iter().zip(OF_THE_WAY) {
        let bound = if unit == Unit::Ratio {
            whole((1.0 - top).mul_add(way, top), unit)
        } else {
            whole((top * times).max(step(unit).mul_add(steps, top)), unit)
        };
        let fits = bound > below && (unit != Unit::Ratio || bound < 1.0);
        if fits && levels.contains(&level) {
            bounds.push((level, bound));
            below = bound;
        }
    }
    bounds
}

/// Where the normal range ends.
pub(super) fn expected(usual: &Usual, unit: Unit) -> f64 {
    whole(usual.most, unit)
}

/// What is not worth telling apart.
fn step(unit: Unit) -> f64 {
    if unit == Unit::Bytes { 50e6 } else { 5.0 }
}

/// Rounded up: to two digits, of bytes to whole megabytes at least, of shares to whole percents.
fn whole(value: f64, unit: Unit) -> f64 {
    if unit == Unit::Ratio {
        return (value * 100.0 - 1e-9).ceil() / 100.0;
    }
    let least = if unit == Unit::Bytes { 1e6 } else { 1.0 };
    let digits = if value > 0.0 { 10f64.powf(value.log10().floor() - 1.0) } else { 0.0 };
    let step = digits.max(least);
    ((value / step - 1e-9).ceil() * step).max(0.0)
}

/// As it is written in watchdog.toml.
pub(super) fn written(value: f64, unit: Unit) -> String {
    if unit == Unit::Count {
        return format!("{value:.0}");
    }
    if unit == Unit::Bytes {
        return format!("\"{}\"", Size(bytes(value)));
    }
    format!("\"{}\"", units::show(value, unit))
}

/// Bounds are whole megabytes, far below what a number holds exactly.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounds are positive and whole")]
fn bytes(value: f64) -> u64 {
    value.max(0.0).round() as u64
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn usual(median: f64, nearly_all: f64) -> Usual {
        let calm = Duration::from_secs(3600);
        Usual { calm, whole: calm, median, most: nearly_all, nearly_all, highest: nearly_all, grows: false }
    }

    fn shown(top: f64, unit: Unit) -> Vec<String> {
        let bounds = bounds(&usual(top / 2.0, top), unit, &Level::ABOVE_NORMAL);
        bounds.into_iter().map(|(_, bound)| written(bound, unit)).collect()
    }

    #[test]
    fn bounds_are_clear_of_what_is_usual_and_round() {
        assert_eq!(shown(105.0, Unit::Count), ["140", "160", "210", "270"]);
        assert_eq!(shown(0.0, Unit::Count), ["5", "10", "20", "40"]);
        assert_eq!(shown(812e6, Unit::Bytes), ["\"1100MB\"", "\"1300MB\"", "\"1700MB\"", "\"2100MB\""]);
        assert_eq!(shown(0.6, Unit::Ratio), ["\"70%\"", "\"80%\"", "\"90%\"", "\"96%\""]);
        assert_eq!(shown(0.97, Unit::Ratio), ["\"98%\"", "\"99%\""]);
        assert_eq!(shown(1.0, Unit::Ratio), [""; 0]);
        assert_eq!(shown(40.0, Unit::PerSecond), ["\"50/s\"", "\"60/s\"", "\"80/s\"", "\"100/s\""]);
        assert_eq!(written(expected(&usual(95.0, 105.0), Unit::Count), Unit::Count), "110");
    }

    #[test]
    fn only_the_levels_that_are_asked_for() {
        let bounds = bounds(&usual(95.0, 105.0), Unit::Count, &[Level::Warning]);
        assert_eq!(bounds, [(Level::Warning, 160.0)]);
    }

    proptest! {
        /// They rise, are above whatever was calm, and are read again as they are written.
        #[test]
        fn they_rise_and_are_read_again(top in 0.0_f64..1e12, unit in prop::sample::select(&[Unit::Count, Unit::Bytes, Unit::PerSecond])) {
            let mut below = top;
            for (_, bound) in bounds(&usual(top / 2.0, top), unit, &Level::ABOVE_NORMAL) {
                prop_assert!(bound > below);
                below = bound;
                let text = written(bound, unit);
                let inner = text.trim_matches('"');
                if unit == Unit::Bytes {
                    prop_assert_eq!(inner.parse::<Size>().unwrap().0 as f64, bound);
                }
            }
        }
    }
}
