//! What a window of points says: whether the quantity grows and goes on growing, how fast, and from
//! where. Pure arithmetic on a fixed number of points; which bounds there are is not known here.
//!
//! Robust slopes are medians over pairs (Theil 1950, Sen 1968): a third of the points may be anything. That
//! alone takes a step for a slope and is led astray by a sawtooth, so three questions come before it. Is
//! what was gained given back (teeth)? Was it gained all along, or at once (shares)? Is it still
//! gained (stall)?

mod pairs;
mod teeth;

use crate::model::Growth;
use pairs::{fall, median, slope};
use teeth::Teeth;

/// Most points that are looked at.
pub(super) const MOST: usize = 180;
/// Of so many together the highest is taken for slopes and noise: the pairs of 60 points take some
/// microseconds, those of 180 ten times that.
const TOGETHER: usize = 3;
/// Most points of which each pair is looked at.
const FEW: usize = MOST / TOGETHER;
/// Pairs of so many points.
const PAIRS: usize = FEW * (FEW - 1) / 2;
/// Fewest points that say anything.
const FEWEST: usize = 8;
/// The share of the whole window that must have grown steadily for growth that began within it.
const RECENT: f64 = 0.5;
/// What fills up gains so much in one quarter of the time,
const BURST: f64 = 0.38;
/// and in the last less than this share of what it did in the one before.
const FILLING: f64 = 0.75;
/// And is slower in the last third than this share of what it is in all.
const FADING: f64 = 0.9;
/// What gains less than this share in the last quarter, and less in each than in the one before, is about to end.
const EASING: f64 = 0.19;
/// So much of the growth in three steps is no slope.
const STEPS: f64 = 0.75;
/// Slopes are different only if they differ by this share.
const DIFFERENT: f64 = 0.15;
/// And by this many of their standard errors.
const ERRORS: f64 = 3.0;
/// From the median of absolute deviations to the standard deviation, for normal noise.
const MAD: f64 = 1.4826;

/// Seconds, and a value.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Point {
    pub(super) at: f64,
    pub(super) value: f64,
}

/// What the points say.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Trend {
    /// No growth that goes on.
    Steady {
        /// A second, where it falls; else 0.
        slope: f64,
    },
    /// It grows.
    Growing(Growth),
}

/// What `points`, by time, say of a window of that many seconds.
pub(super) fn trend(fine: &[Point], window: f64) -> Trend {
    let fine = &fine[fine.len().saturating_sub(MOST)..];
    let mut few = [Point::default(); FEW];
    let points = fewer(fine, &mut few);
    let noise = noise(points);
    let falling = || Trend::Steady { slope: fall(points) };
    if points.len() < FEWEST {
        return falling();
    }
    let mut teeth = Teeth::default();
    teeth.find(fine, noise);
    let growth = match teeth.falls {
        0 => rising(points, window, noise).or_else(|| teeth.growth_in_noise(fine)),
        1 => whole(points, noise).map(|(line, _)| line.growth()).or_else(|| teeth.gain(points, window, noise)),
        _ => teeth.growth(fine),
    };
    growth.filter(|growth| growth.slope > 0.0).map_or_else(falling, Trend::Growing)
}

/// The highest of so many together, the last of them whole.
fn fewer<'a>(fine: &[Point], few: &'a mut [Point; FEW]) -> &'a [Point] {
    let chunks = fine.rchunks(TOGETHER).rev();
    let count = chunks.zip(&mut *few).map(|(chunk, slot)| *slot = highest(chunk)).count();
    &few[..count]
}

/// The highest value, at the time of the last.
fn highest(points: &[Point]) -> Point {
    let value = points.iter().map(|point| point.value).fold(f64::NEG_INFINITY, f64::max);
    Point { at: points.last().map_or(0.0, |last| last.at), value }
}

/// The standard deviation of the noise: by second differences, in which neither slope nor step is left.
fn noise(points: &[Point]) -> f64 {
    let mut differences = [0.0; MOST];
    let triples = points.windows(3).map(|three| three[0].value - 2.0 * three[1].value + three[2].value);
    let count = triples.zip(&mut differences).map(|(difference, slot)| *slot = difference.abs()).count();
    // The variance of x - 2y + z is six times that of each.
    MAD * median(&mut differences[..count]).unwrap_or(0.0) / 6.0_f64.sqrt()
}

/// The growth of points among which no fall is to be seen.
fn rising(points: &[Point], window: f64, noise: f64) -> Option<Growth> {
    let last = points.last()?.at;
    let recent = &points[points.partition_point(|point| point.at < last - RECENT * window)..];
    let all = whole(points, noise);
    let late = Shares::of(recent).filter(|shares| shares.are_even() && !Records::of(recent).are_stalled(recent));
    let late = late.and_then(|shares| {
        // Small teeth make one of the two slow at times, and seldom both.
        let slower = (shares.late() / (2.0 * shares.quarter)).max(slope(&recent[recent.len() / 2..]));
        Some((Line::of(recent, noise)?.slowed_to(slower), shares))
    });
    match (all, late) {
        (Some((all, shares)), Some((late, _))) if !late.differs(&all) || shares.bend(noise).is_some() => {
            Some(shares.growth(points, all, noise))
        }
        (_, Some((late, shares))) => Some(shares.growth(recent, late, noise)),
        (Some((all, shares)), None) => Some(shares.growth(points, all, noise)),
        (None, None) => None,
    }
}

/// Growth over all of the window, be it in bursts.
fn whole(points: &[Point], noise: f64) -> Option<(Line, Shares)> {
    let records = Records::of(points);
    let shares = Shares::of(points).filter(Shares::are_spread)?;
    if records.are_stalled(points) || records.are_steps() {
        return None;
    }
    Some((Line::of(points, noise)?, shares))
}

/// How much of the growth fell into each quarter of the time.
#[derive(Clone, Copy, Debug)]
struct Shares {
    quarters: [f64; 4],
    /// How long such a quarter is, in seconds.
    quarter: f64,
    /// All of it.
    growth: f64,
}

impl Shares {
    fn of(points: &[Point]) -> Option<Self> {
        // Each the median of three points, so that none stands for a quarter: they begin one point from the ends.
        let around = |at: usize| {
            let mut three = [0.0; 3];
            points.get(at - 1..=at + 1)?.iter().zip(&mut three).for_each(|(point, slot)| *slot = point.value);
            median(&mut three)
        };
        let inner = points.len().checked_sub(3)?;
        let mut edges = [0.0; 5];
        for (edge, slot) in edges.iter_mut().enumerate() {
            let (at, beyond) = (1 + inner * edge / 4, inner * edge % 4);
            let (before, after) = (around(at)?, if beyond > 0 { around(at + 1)? } else { 0.0 });
            *slot = match beyond {
                0 => before,
                1 => 0.75 * before + 0.25 * after,
                2 => f64::midpoint(before, after),
                _ => 0.25 * before + 0.75 * after,
            };
        }
        let growth = edges[4] - edges[0];
        let quarters = [0, 1, 2, 3].map(|quarter: usize| (edges[quarter + 1] - edges[quarter]) / growth);
        let quarter = (points.get(inner + 1)?.at - points.get(1)?.at) / 4.0;
        (growth > 0.0).then_some(Self { quarters, quarter, growth })
    }

    /// In the later half: a share, and of how much.
    const fn late(&self) -> f64 {
        (self.quarters[2] + self.quarters[3]) * self.growth
    }

    fn most(&self) -> f64 {
        self.quarters.iter().copied().fold(0.0, f64::max)
    }

    /// Growth in bursts, or in noise: in most quarters, and in none the most of it.
    fn are_spread(&self) -> bool {
        let most = self.quarters.iter().filter(|share| **share >= 0.08).count() >= 3 && self.most() <= 0.6;
        most && self.late() >= 0.25 * self.growth
    }

    /// Growth that is the same all along, or nearly.
    fn are_even(&self) -> bool {
        self.quarters.iter().all(|share| *share >= 0.2) && self.most() <= 0.4
    }

    /// How much faster it becomes, or slower, a second in each second: only where it does so from each
    /// quarter to the next.
    fn bend(&self, noise: f64) -> Option<f64> {
        let steps = [0, 1, 2].map(|quarter: usize| self.quarters[quarter + 1] - self.quarters[quarter]);
        let whole = self.quarters[3] - self.quarters[0];
        let even = steps.iter().all(|step| step * whole.signum() >= 0.25 * whole.abs());
        let clear = whole.abs() >= 0.05 && whole.abs() * self.growth > 6.0 * noise;
        (even && clear).then(|| whole * self.growth / (3.0 * self.quarter * self.quarter))
    }

    /// A second, at the end, where the last quarter brought clearly less than those before, and the last third is
    /// slower than all: what fills up.
    fn slowing(&self, points: &[Point], line: Line) -> Option<f64> {
        let [.., before, last] = self.quarters.map(|share| share.max(0.0));
        let fills = self.most() >= BURST && last <= 0.5 * self.most() && last <= FILLING * before;
        let third = points.get(points.len() * 2 / 3..).filter(|_| fills)?;
        let slower = slope(third) < FADING * line.slope;
        slower.then(|| last * self.growth / self.quarter * (last / before).sqrt())
    }

    /// From where the line is at the end, as fast as it is there. That it slows down counts where it clearly does.
    fn growth(&self, points: &[Point], line: Line, noise: f64) -> Growth {
        if let Some(slope) = self.slowing(points, line) {
            let height = points.last().map_or(line.height, |last| last.value);
            return Growth { height, slope, bend: 0.0 };
        }
        let Some(bend) = self.bend(noise) else { return line.growth() };
        let slope = self.quarters[3] * self.growth / self.quarter + bend * self.quarter / 2.0;
        let height = points.last().map_or(line.height, |last| last.value);
        let bend = if self.quarters[3] < EASING { bend } else { bend.max(0.0) };
        Growth { height, slope, bend }
    }
}

/// How new highs have come.
#[derive(Clone, Copy, Debug, Default)]
struct Records {
    /// By how much they rose in all.
    all: f64,
    /// By how much in the three largest steps.
    steps: [f64; 3],
    /// Longest time between two.
    longest: f64,
    /// Time since the last.
    since: f64,
}

impl Records {
    fn of(points: &[Point]) -> Self {
        let mut records = Self::default();
        let Some(mut high) = points.first().copied() else { return records };
        for &point in points.iter().filter(|point| point.value.is_finite()) {
            let step = point.value - high.value;
            records.since = point.at - high.at;
            if step > 0.0 {
                records.all += step;
                let [largest, second, third] = records.steps;
                records.steps = [largest.max(step), second.max(step.min(largest)), third.max(step.min(second))];
                records.longest = records.longest.max(records.since);
                records.since = 0.0;
                high = point;
            }
        }
        records
    }

    /// Whether none has come for longer than it took between any two of them.
    fn are_stalled(&self, points: &[Point]) -> bool {
        let step = points.get(1).map_or(0.0, |second| second.at - points[0].at);
        self.since > (1.5 * self.longest).max(4.0 * step)
    }

    /// Whether it was a step or two or three, and hardly anything beside.
    fn are_steps(&self) -> bool {
        self.steps.iter().sum::<f64>() > STEPS * self.all
    }
}

/// A line through points.
#[derive(Clone, Copy, Debug)]
struct Line {
    slope: f64,
    /// Of the slope.
    error: f64,
    /// Where the upper ones of the points would be at the end.
    height: f64,
}

impl Line {
    /// The line, if its slope can be told from noise.
    fn of(points: &[Point], noise: f64) -> Option<Self> {
        // What is left beside the line comes in runs: each point counts for a quarter.
        let line = Self::through(points, noise / 2.0)?;
        (line.slope > 2.0 * ERRORS * line.error && line.slope > 0.0).then_some(Self { error: 2.0 * line.error, ..line })
    }

    /// The line, whether it rises or not.
    fn through(points: &[Point], noise: f64) -> Option<Self> {
        let (first, last) = (points.first()?, points.last()?);
        let span = last.at - first.at;
        let slope = slope(points);
        let mut ends = [0.0; MOST];
        for (point, end) in points.iter().zip(&mut ends) {
            *end = point.value + slope * (last.at - point.at);
        }
        let ends = &mut ends[..points.len()];
        let upper = points.len() * 9 / 10;
        let highest = points.iter().map(|point| point.value).fold(f64::NEG_INFINITY, f64::max);
        let height = ends.select_nth_unstable_by(upper, f64::total_cmp).1.min(highest);
        let count = f64::from(u32::try_from(points.len()).ok()?);
        let middle = *ends.select_nth_unstable_by(points.len() / 2, f64::total_cmp).1;
        ends.iter_mut().for_each(|end| *end = (*end - middle).abs());
        let beside = (MAD * median(ends)?).max(noise);
        let error = beside * (12.0 / count).sqrt() / span;
        (span > 0.0).then_some(Self { slope, error, height })
    }

    /// As fast as in the later half, if that was clearly slower.
    fn slowed_to(self, slope: f64) -> Self {
        if slope < (1.0 - DIFFERENT) * self.slope { Self { slope, ..self } } else { self }
    }

    fn differs(&self, other: &Self) -> bool {
        let faster = self.slope - other.slope;
        let errors = if faster > 0.0 { ERRORS } else { 1.0 };
        faster.abs() > (DIFFERENT * other.slope).max(errors * self.error)
    }

    const fn growth(&self) -> Growth {
        Growth { height: self.height, slope: self.slope, bend: 0.0 }
    }
}

#[cfg(test)]
mod tests;
