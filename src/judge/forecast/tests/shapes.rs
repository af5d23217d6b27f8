//! Series of a day on a trading host: leaks, and what only looks like one.

/// Seconds to a value.
pub(super) type Shape = Box<dyn Fn(f64, &mut Dice) -> f64>;

/// One series.
pub(super) struct Case {
    pub(super) name: &'static str,
    /// When the leak begins, in seconds; none of what never leaks.
    pub(super) begins: Option<u32>,
    pub(super) shape: Shape,
}

/// The same numbers each time.
pub(super) struct Dice(u64);

impl Dice {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// Between 0 and 1.
    #[expect(clippy::cast_precision_loss, reason = "53 bits")]
    pub(super) fn share(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Normal, with deviation 1.
    pub(super) fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.share()).sum::<f64>() - 6.0
    }
}

const HOUR: f64 = 3600.0;

fn leak(name: &'static str, shape: impl Fn(f64, &mut Dice) -> f64 + 'static) -> Case {
    Case { name, begins: Some(0), shape: Box::new(shape) }
}

fn late(name: &'static str, shape: impl Fn(f64, &mut Dice) -> f64 + 'static) -> Case {
    Case { begins: Some(3600), ..leak(name, shape) }
}

fn calm(name: &'static str, shape: impl Fn(f64, &mut Dice) -> f64 + 'static) -> Case {
    Case { begins: None, ..leak(name, shape) }
}

/// From 0 to 1 within `period`, again and again.
fn tooth(at: f64, period: f64) -> f64 {
    (at % period) / period
}

fn wave(at: f64, period: f64) -> f64 {
    (at / period * std::f64::consts::TAU).sin()
}

/// From 0 at one hour to 1 after `length` more.
fn ramp(at: f64, length: f64) -> f64 {
    ((at - HOUR) / length).clamp(0.0, 1.0)
}

/// Times with such gaps between them, the same for each look.
fn times(seed: u64, gap: fn(&mut Dice) -> f64) -> Vec<f64> {
    let mut dice = Dice::new(seed);
    let mut at = 0.0;
    std::iter::repeat_with(|| {
        at += gap(&mut dice);
        at
    })
    .take_while(|at| *at < 8.0 * HOUR)
    .collect()
}

/// All of them lead to 900.
pub(super) fn leaks() -> Vec<Case> {
    let random = times(77, |dice| -240.0 * dice.share().max(1e-9).ln());
    vec![
        leak("linear, 85 to 900 in 2 h", |at, _| 85.0 + 815.0 * at / (2.0 * HOUR)),
        leak("linear, in 50 min", |at, _| 85.0 + 815.0 * at / 3000.0),
        leak("linear, in 6 h, whole numbers", |at, _| (85.0 + 815.0 * at / (6.0 * HOUR)).floor()),
        leak("accelerating, by the square", |at, _| 85.0 + 815.0 * (at / (2.0 * HOUR)).powi(2)),
        leak("accelerating, by a constant factor", |at, _| 85.0 * (900.0_f64 / 85.0).powf(at / (2.0 * HOUR))),
        leak("sawtooth with drift, teeth of 100 in 5 min", |at, _| {
            85.0 + 715.0 * at / (2.0 * HOUR) + 100.0 * tooth(at, 300.0)
        }),
        leak("sawtooth with drift, teeth of 200 in 8 min", |at, _| {
            85.0 + 615.0 * at / (2.0 * HOUR) + 200.0 * tooth(at, 480.0)
        }),
        leak("sawtooth with drift, teeth of 300 in 90 s", |at, _| {
            85.0 + 515.0 * at / (2.0 * HOUR) + 300.0 * tooth(at, 90.0)
        }),
        leak("sawtooth with drift, teeth of 30 in 5 min", |at, _| {
            85.0 + 785.0 * at / (2.0 * HOUR) + 30.0 * tooth(at, 300.0)
        }),
        leak("sawtooth with drift, teeth of 60 in 1 min", |at, _| {
            85.0 + 755.0 * at / (4.0 * HOUR) + 60.0 * tooth(at, 60.0)
        }),
        leak("pool that breathes, with drift", |at, _| 150.0 + 700.0 * at / (2.0 * HOUR) + 50.0 * wave(at, 180.0)),
        leak("noise, deviation 20", |at, dice| 85.0 + 815.0 * at / (2.0 * HOUR) + 20.0 * dice.normal()),
        leak("bursts of 34 every 5 min", |at, _| 85.0 + 34.0 * (at / 300.0).floor()),
        leak("bursts of 28 at random, every 4 min or so", move |at, _| {
            random.iter().filter(|burst| **burst <= at).fold(85.0, |sum, _| sum + 28.0)
        }),
        late("late, 1 h calm, then in 1 h", |at, _| 95.0 + 805.0 * (at - HOUR).max(0.0) / HOUR),
        late("late, 1 h of noise, then in 2 h", |at, dice| {
            95.0 + 8.0 * dice.normal() + 805.0 * (at - HOUR).max(0.0) / (2.0 * HOUR)
        }),
        late("late, 1 h calm, then in 40 min", |at, _| 95.0 + 805.0 * (at - HOUR).max(0.0) / 2400.0),
    ]
}

/// None of them ever comes to 900.
pub(super) fn calms() -> Vec<Case> {
    let collections = times(99, |dice| 180.0 + 420.0 * dice.share());
    vec![
        calm("breathes between 80 and 110", |_, dice| (95.0 + 5.0 * dice.normal()).floor()),
        calm("market opens: 95 to 350 in 5 min", |at, dice| 95.0 + 3.0 * dice.normal() + 255.0 * ramp(at, 300.0)),
        calm("market opens: 95 to 500 in 10 min", |at, dice| 95.0 + 3.0 * dice.normal() + 405.0 * ramp(at, 600.0)),
        calm("market opens: 95 to 500, ever slower", |at, dice| {
            95.0 + 3.0 * dice.normal() + 405.0 * (1.0 - (-(at - HOUR).max(0.0) / 240.0).exp())
        }),
        calm("market opens and closes: 95 to 350 and back in an hour", |at, dice| {
            95.0 + 3.0 * dice.normal() + 255.0 * (ramp(at, 600.0) - ramp(at - HOUR, 600.0))
        }),
        calm("batch: a plateau of 650 for 40 min", |at, dice| {
            100.0 + 5.0 * dice.normal() + if (3600.0..6000.0).contains(&at) { 550.0 } else { 0.0 }
        }),
        calm("batches: 10 min of 600 in each half hour", |at, dice| {
            100.0 + 5.0 * dice.normal() + if at % 1800.0 < 600.0 { 500.0 } else { 0.0 }
        }),
        calm("two steps that stay: 100, 350, 600", |at, dice| {
            100.0 + 5.0 * dice.normal() + 250.0 * (ramp(at, 1.0) + ramp(at - 900.0, 1.0))
        }),
        calm("a cache that fills: 100 to 700 within 8 min of the start", |at, _| 100.0 + 600.0 * (at / 480.0).min(1.0)),
        calm("garbage collector: 200 to 650 every 3 min", |at, dice| {
            200.0 + 5.0 * dice.normal() + 450.0 * tooth(at, 180.0)
        }),
        calm("garbage collector: 200 to 650 every 10 min", |at, dice| {
            200.0 + 5.0 * dice.normal() + 450.0 * tooth(at, 600.0)
        }),
        calm("garbage collector: every 3 to 10 min, to 500 to 800", move |at, _| {
            let done = collections.partition_point(|time| *time <= at);
            let from = done.checked_sub(1).map_or(0.0, |last| collections[last]);
            let top = Dice::new(1000 + u64::try_from(done).unwrap()).share().mul_add(300.0, 300.0);
            200.0 + top * (at - from) / (collections[done] - from)
        }),
        calm("pool that breathes: 300 to 500 every 3 min", |at, dice| {
            400.0 + 5.0 * dice.normal() + 100.0 * wave(at, 180.0)
        }),
        calm("tide: 250 to 350 every hour", |at, dice| 300.0 + 5.0 * dice.normal() + 50.0 * wave(at, HOUR)),
    ]
}
