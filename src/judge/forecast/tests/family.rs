//! Whole families of series, drawn by lot: heights, bounds, teeth, noise, hours and how often they are read.

use super::shapes::Dice;
use super::{SECOND, START, row};
use crate::judge::forecast::Series;
use crate::model::{Reading, Value};

/// Series of each kind; more with `FORECAST_SERIES=100`, for whoever changes how is foretold.
const MANY: u64 = 5;
const MINUTE: f64 = 60.0;
const HOUR: f64 = 3600.0;

/// One series: a value for each second.
struct Drawn {
    text: String,
    /// When it begins to leak.
    begins: f64,
    bound: f64,
    /// Seconds between two readings.
    period: u32,
    values: Vec<f64>,
}

/// What all series of a draw have in common.
struct Frame {
    dice: Dice,
    base: f64,
    bound: f64,
    period: u32,
    noise: f64,
    spikes: bool,
    /// Bytes are not whole numbers.
    bytes: bool,
}

impl Dice {
    fn between(&mut self, low: f64, high: f64) -> f64 {
        (high - low).mul_add(self.share(), low)
    }

    /// As likely between 1 and 10 as between 10 and 100.
    fn scale(&mut self, low: f64, high: f64) -> f64 {
        self.between(low.ln(), high.ln()).exp()
    }

    fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        let mut at = 0;
        let mark = self.share();
        while at + 1 < all.len()
            && mark * f64::from(u32::try_from(all.len()).unwrap()) >= f64::from(u32::try_from(at + 1).unwrap())
        {
            at += 1;
        }
        all[at]
    }
}

impl Frame {
    fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed * 7919 + 11);
        (0..8).for_each(|_| _ = dice.share());
        let (base, bound) = (dice.between(30.0, 250.0), dice.between(600.0, 1100.0));
        let period = dice.one_of(&[1, 1, 1, 5, 10, 15]);
        let noise = (bound - base) * dice.scale(0.0005, 0.01);
        let (spikes, bytes) = (dice.share() < 0.25, dice.share() < 0.3);
        Self { dice, base, bound, period, noise, spikes, bytes }
    }

    fn way(&self) -> f64 {
        self.bound - self.base
    }

    fn noise(&mut self) -> f64 {
        if !self.spikes {
            return self.noise * self.dice.normal();
        }
        let high = if self.dice.share() < 0.005 { 8.0 } else { 0.3 };
        high * self.noise * self.dice.share()
    }

    /// The series until it comes to its bound, or so long.
    fn drawn(mut self, text: String, (begins, length): (f64, f64), shape: impl Fn(f64) -> f64) -> Drawn {
        let unit = if self.bytes { 1_572_864.0 } else { 1.0 };
        let mut values = Vec::new();
        let mut at = 0.0;
        while at < length {
            let value = (self.base + shape(at) + self.noise()).max(0.0);
            let value = if self.bytes { value * unit } else { value.floor() };
            if value >= self.bound * unit {
                break;
            }
            values.push(value);
            at += f64::from(self.period);
        }
        Drawn { text, begins, bound: self.bound * unit, period: self.period, values }
    }
}

impl Drawn {
    /// What was foretold at each of so many readings.
    fn told(&self, readings: usize) -> Vec<Option<f64>> {
        let mut series = Series::new(SECOND * 1800);
        let row = row(self.bound);
        let period = SECOND * self.period;
        let told = (0_u32..).zip(self.values.iter().take(readings)).map(|(at, value)| {
            let now = START + period * at;
            series.observe(&row, &[Reading { at: now, period, value: Value::Known(*value) }], now);
            series.view().time_left.number()
        });
        told.collect()
    }

    fn length(&self) -> f64 {
        f64::from(u32::try_from(self.values.len()).unwrap()) * f64::from(self.period)
    }

    /// By how much it is missed half way; infinite where no end is foretold.
    fn missed(&self) -> f64 {
        let left = f64::midpoint(self.length(), self.begins);
        let truth = self.length() - left;
        let before = (0_u32..).take_while(|at| f64::from(*at * self.period) < left).count();
        let told = self.told(before + 1);
        told[before].map_or(f64::INFINITY, |told| ((told - truth) / truth).abs())
    }
}

fn tooth(at: f64, period: f64) -> f64 {
    (at % period) / period
}

/// From 0 to 1 within `length` from `begins` on.
fn ramp(at: f64, begins: f64, length: f64) -> f64 {
    ((at - begins) / length).clamp(0.0, 1.0)
}

fn linear(seed: u64) -> Drawn {
    let mut frame = Frame::new(seed);
    let (length, way) = (frame.dice.scale(40.0 * MINUTE, 5.0 * HOUR), frame.way());
    let text = format!("{seed}: in {:.0} min", length / MINUTE);
    frame.drawn(text, (0.0, 2.0 * length), move |at| way * at / length)
}

fn late(seed: u64) -> Drawn {
    let mut frame = Frame::new(seed);
    let (length, calm) = (frame.dice.scale(40.0 * MINUTE, 4.0 * HOUR), frame.dice.between(10.0 * MINUTE, 3.0 * HOUR));
    let way = frame.way();
    let text = format!("{seed}: after {:.0} min, in {:.0} min", calm / MINUTE, length / MINUTE);
    frame.drawn(text, (calm, calm + 2.0 * length), move |at| way * ((at - calm) / length).max(0.0))
}

/// Teeth of 30 seconds to 10 minutes, as high as half of the way.
fn sawtooth(seed: u64) -> Drawn {
    let mut frame = Frame::new(seed);
    frame.noise /= 2.0;
    let (length, period) = (frame.dice.scale(HOUR, 4.0 * HOUR), frame.dice.scale(30.0, 600.0));
    let teeth = frame.way() * frame.dice.scale(0.02, 0.5);
    let calm = if frame.dice.share() < 0.5 { 0.0 } else { frame.dice.between(20.0, 100.0) * MINUTE };
    let rise = frame.way() - teeth;
    let text = format!("{seed}: teeth of {teeth:.0} in {period:.0} s, in {:.0} min after {calm:.0} s", length / MINUTE);
    frame.drawn(text, (calm, calm + 2.0 * length), move |at| {
        teeth.mul_add(tooth(at, period), rise * ((at - calm) / length).max(0.0))
    })
}

fn collector(seed: u64) -> Drawn {
    let mut frame = Frame::new(seed);
    let (period, teeth) = (frame.dice.scale(30.0, 600.0), frame.way() * frame.dice.between(0.05, 0.85));
    let text = format!("{seed}: teeth of {teeth:.0} in {period:.0} s");
    frame.drawn(text, (0.0, 3.0 * HOUR), move |at| teeth * tooth(at, period))
}

fn plateau(seed: u64) -> Drawn {
    let mut frame = Frame::new(seed);
    let (begins, length) = (frame.dice.between(15.0, 120.0) * MINUTE, frame.dice.scale(5.0, 180.0) * MINUTE);
    let (rise, height) = (frame.dice.scale(1.0, 600.0), frame.way() * frame.dice.between(0.1, 0.93));
    let text = format!("{seed}: {height:.0} for {:.0} min, within {rise:.0} s", length / MINUTE);
    frame.drawn(text, (0.0, 3.0 * HOUR), move |at| height * (ramp(at, begins, rise) - ramp(at, begins + length, rise)))
}

fn batches(seed: u64) -> Drawn {
    let mut frame = Frame::new(seed);
    let (period, share) = (frame.dice.scale(4.0, 120.0) * MINUTE, frame.dice.between(0.1, 0.9));
    let height = frame.way() * frame.dice.between(0.1, 0.93);
    let text = format!("{seed}: {height:.0} each {:.0} min, for {share:.1} of it", period / MINUTE);
    frame.drawn(text, (0.0, 3.0 * HOUR), move |at| if tooth(at, period) < share { height } else { 0.0 })
}

fn opening(seed: u64) -> Drawn {
    let mut frame = Frame::new(seed);
    let (begins, rise) = (frame.dice.between(0.0, 120.0) * MINUTE, frame.dice.scale(1.0, 11.0) * MINUTE);
    let height = frame.way() * frame.dice.between(0.1, 0.85);
    let text = format!("{seed}: {height:.0} within {:.0} min", rise / MINUTE);
    frame.drawn(text, (0.0, 3.0 * HOUR), move |at| height * ramp(at, begins, rise))
}

fn opening_ever_slower(seed: u64) -> Drawn {
    let mut frame = Frame::new(seed);
    let (begins, rise) = (frame.dice.between(0.0, 120.0) * MINUTE, frame.dice.scale(0.5, 9.0) * MINUTE);
    let height = frame.way() * frame.dice.between(0.1, 0.7);
    let text = format!("{seed}: {height:.0}, two thirds of what is left in {:.0} min", rise / MINUTE);
    frame.drawn(text, (0.0, 3.0 * HOUR), move |at| height * (1.0 - (-(at - begins).max(0.0) / rise).exp()))
}

/// Up and down by chance, each time for some minutes.
fn steps(seed: u64) -> Drawn {
    let mut frame = Frame::new(seed);
    let stays = frame.dice.scale(3.0, 60.0) * MINUTE;
    let highest = 0.8 * frame.way();
    let mut at = 0.0;
    let steps: Vec<(f64, f64)> = std::iter::repeat_with(|| {
        at += frame.dice.between(stays, 3.0 * stays);
        (at, frame.dice.between(0.0, highest))
    })
    .take_while(|(at, _)| *at < 4.0 * HOUR)
    .collect();
    let text = format!("{seed}: steps, each for {:.0} min or more", stays / MINUTE);
    frame.drawn(text, (0.0, 3.0 * HOUR), move |at| {
        let before = steps.partition_point(|(from, _)| *from <= at);
        before.checked_sub(1).map_or(0.0, |step| steps[step].1)
    })
}

#[expect(clippy::disallowed_methods, reason = "who changes how is foretold asks for more of them")]
fn many() -> u64 {
    std::env::var("FORECAST_SERIES").map_or(MANY, |many| many.parse().unwrap())
}

/// So few in a hundred may be missed by more than a fifth half way.
#[track_caller]
fn is_right(draw: fn(u64) -> Drawn, few: usize) {
    let missed: Vec<String> = (0..many())
        .map(draw)
        .filter_map(|drawn| {
            let missed = drawn.missed();
            (missed > 0.2).then(|| format!("{} by {missed:.2}", drawn.text))
        })
        .collect();
    assert!(missed.len() * 100 <= few * usize::try_from(many()).unwrap(), "{missed:#?}");
}

#[track_caller]
fn never_alarms(draw: fn(u64) -> Drawn) {
    for drawn in (0..many()).map(draw) {
        let length = drawn.length();
        assert!(length >= 3.0 * HOUR, "{} is not calm", drawn.text);
        let alarm = (0_u32..).zip(drawn.told(usize::MAX)).find(|(_, left)| left.is_some_and(|left| left < 1200.0));
        assert_eq!(alarm.map(|(at, left)| (at * drawn.period, left)), None, "{}", drawn.text);
    }
}

#[test]
fn linear_leaks_are_foretold() {
    is_right(linear, 0);
}

#[test]
fn late_leaks_are_foretold() {
    is_right(late, 5);
}

#[test]
fn leaks_below_teeth_are_foretold() {
    is_right(sawtooth, 10);
}

#[test]
fn collectors_are_no_leaks() {
    never_alarms(collector);
}

#[test]
fn plateaus_are_no_leaks() {
    never_alarms(plateau);
    never_alarms(batches);
    never_alarms(steps);
}

#[test]
fn openings_are_no_leaks() {
    never_alarms(opening);
    never_alarms(opening_ever_slower);
}
