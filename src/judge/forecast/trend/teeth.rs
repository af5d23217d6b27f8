//! What is given back again and again: the teeth of a garbage collector, a pool that breathes. They grow only
//! if they do so as a whole.

use super::{ERRORS, Growth, Line, MOST, Point, RECENT, rising};

/// A fall by this share of the range is a tooth, not noise.
const TOOTH: f64 = 0.25;
/// Teeth grow only if they have grown by this share of the range.
const CLEAR: f64 = 0.06;
/// From so many teeth on their means say how they grow.
const CYCLES: usize = 4;
/// A full window has so many of those that are as short as what noise is told by.
const MANY: usize = 12;
/// Highs and lows must not rise less than this share of what the means do.
const ALIKE: f64 = 0.4;
/// Of fewer highs and lows than these each pair is a line: they must rise alike,
const ROUNDS: usize = 3;
/// the one by this share of the other.
const ALIKE_OF_FEW: f64 = 0.9;
/// The slope of means must be so many of its errors.
const SURE: f64 = 4.0;
/// The error of the slope of half as many points over half the time, as a multiple of that of all: 2 to the
/// power of 3/2.
const HALF: f64 = 2.83;
/// What rises by less than this share of what it did has slowed down.
const SLOWER: f64 = 0.6;
/// A fall by this many deviations of the noise is one.
const TOOTH_DEVIATIONS: f64 = 3.0;

/// The highs before each fall and the lows after it.
#[derive(Debug)]
pub(super) struct Teeth {
    highs: [Point; MOST],
    lows: [Point; MOST],
    pub(super) falls: usize,
    range: f64,
}

impl Default for Teeth {
    fn default() -> Self {
        Self { highs: [Point::default(); MOST], lows: [Point::default(); MOST], falls: 0, range: 0.0 }
    }
}

impl Teeth {
    pub(super) fn find(&mut self, points: &[Point], noise: f64) {
        let values = || points.iter().map(|point| point.value);
        let range = values().fold(f64::NEG_INFINITY, f64::max) - values().fold(f64::INFINITY, f64::min);
        self.range = range;
        let least = (TOOTH * range).max((TOOTH_DEVIATIONS * noise).min(range / 2.0));
        let (mut high, mut low, mut down) = (points[0], points[0], false);
        for &point in points {
            if point.value > high.value {
                high = point;
            }
            if point.value < low.value {
                low = point;
            }
            if !down && high.value - point.value >= least && least > 0.0 {
                self.highs[self.falls] = high;
                (low, down) = (point, true);
            } else if down && point.value - low.value >= least {
                self.lows[self.falls] = low;
                self.falls += 1;
                (high, down) = (point, false);
            }
        }
        if down {
            self.lows[self.falls] = low;
            self.falls += 1;
        }
    }

    /// Of one fall it is not known how much the next one gives back: only what is above the last high is
    /// gained for sure.
    pub(super) fn gain(&self, points: &[Point], window: f64, noise: f64) -> Option<Growth> {
        let (peak, low, last) = (self.highs.first()?, self.lows.first()?, points.last()?);
        let (gain, time) = (last.value - peak.value, last.at - peak.at);
        let since = last.at - low.at;
        rising(&points[points.partition_point(|point| point.at < low.at)..], window, noise)?;
        (gain > 0.0 && since >= RECENT * window).then(|| Growth { height: last.value, slope: gain / time, bend: 0.0 })
    }

    /// What was gained and not given back by several.
    pub(super) fn growth(&self, points: &[Point]) -> Option<Growth> {
        let (first, last) = (points.first()?, points.last()?);
        let mut means = [Point::default(); MOST];
        let means = self.means(points, &mut means);
        let whole = middle(means);
        // Nearly always they do not grow, and the rest need not be worked out.
        if whole.is_some_and(|middle| !is_sure(middle)) {
            return None;
        }
        let all = self.rise(first.at, whole).filter(|all| all.sure)?;
        let clear = |slope: f64| slope * (last.at - first.at) > CLEAR * self.range;
        if !clear(all.slope) {
            return None;
        }
        // Whether it still goes on: as fast as of late, where that is clearly slower.
        let half = f64::midpoint(first.at, last.at);
        let late = self.rise(half, middle(since(means, half)));
        let late = late.map(|late| late.slope.max(0.0) + HALF * all.error);
        let slope = late.filter(|late| *late < SLOWER * all.slope).unwrap_or(all.slope);
        clear(slope).then(|| Growth { height: all.height.max(last.value), slope, bend: 0.0 })
    }

    /// Of teeth as short as what noise is told by, which look like it: only of many.
    pub(super) fn growth_in_noise(&mut self, points: &[Point]) -> Option<Growth> {
        self.find(points, 0.0);
        if self.falls >= MANY { self.growth(points) } else { None }
    }

    /// How those since then rise, with the line through their means: highs and lows must do so alike.
    fn rise(&self, from: f64, middle: Option<Line>) -> Option<Rise> {
        let (highs, lows) = (since(&self.highs[..self.falls], from), since(&self.lows[..self.falls], from));
        let (upper, lower) = (Line::through(highs, 0.0)?, Line::through(lows, 0.0)?);
        let (least, most) = (upper.slope.min(lower.slope), upper.slope.max(lower.slope));
        if middle.is_none() && highs.len().min(lows.len()) < ROUNDS && least < ALIKE_OF_FEW * most {
            return None;
        }
        let slope = middle.map_or(least, |middle| middle.slope.clamp(least, most));
        let agree = [upper, lower].iter().all(|line| line.slope + line.error >= ALIKE * slope);
        let both = || upper.slope > ERRORS * upper.error && lower.slope > ERRORS * lower.error;
        let sure = middle.map_or_else(both, is_sure);
        let error = middle.map_or(upper.error.max(lower.error), |middle| middle.error);
        Some(Rise { slope, error, height: upper.height, sure: agree && sure })
    }

    /// The mean of what lies between two highs, of all of them.
    fn means<'a>(&self, points: &[Point], means: &'a mut [Point; MOST]) -> &'a [Point] {
        let until = |at: f64| points.partition_point(|point| point.at <= at);
        let pairs = self.highs[..self.falls].windows(2);
        let mean = |pair: &[Point]| {
            let between = &points[until(pair[0].at)..until(pair[1].at)];
            let (sum, count) = between.iter().fold((0.0, 0.0), |(sum, count), point| (sum + point.value, count + 1.0));
            Point { at: f64::midpoint(pair[0].at, pair[1].at), value: sum / count }
        };
        let count = pairs.zip(&mut *means).map(|(pair, slot)| *slot = mean(pair)).count();
        &means[..count]
    }
}

/// How teeth rise.
#[derive(Clone, Copy, Debug)]
struct Rise {
    slope: f64,
    error: f64,
    /// Where the upper ones of the highs would be at the end.
    height: f64,
    sure: bool,
}

/// The points from then on.
fn since(points: &[Point], from: f64) -> &[Point] {
    &points[points.partition_point(|point| point.at < from)..]
}

/// The line through the means, where there are enough of them.
fn middle(means: &[Point]) -> Option<Line> {
    if means.len() >= CYCLES { Line::through(means, 0.0) } else { None }
}

/// Whether means rise beyond doubt.
fn is_sure(middle: Line) -> bool {
    middle.slope > SURE * middle.error
}

#[cfg(test)]
mod tests;
