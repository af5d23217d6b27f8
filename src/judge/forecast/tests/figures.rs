//! The trend of many shapes, against what each of them truly does: a line grows as fast as it does, to the last digit;
//! what is less plain reaches a bound when the shape itself does when it goes on, within some hundredths. Whoever changes
//! a comparison or a constant of the trend sees which shapes are taken for another thing then.

use Says::{By, Grows, No, Pace, Within};

use crate::judge::forecast::trend::{Point, Trend, trend};
use crate::model::Growth;

type Shape = fn(f64, f64) -> f64;

/// What the trend has to say.
#[derive(Clone, Copy)]
enum Says {
    /// Nothing grows.
    No,
    /// It grows by so much with each point, from its highest one.
    By(f64),
    /// A bound of eight times its height is reached when the shape reaches it, within so many hundredths.
    Within(f64),
    /// It comes to an end before, and grows as fast as it does now, within so many hundredths.
    Pace(f64),
    /// It grows. How fast is not known yet: it has changed of late, or there is too much noise, or too little of it.
    Grows,
}

/// Between -1 and 1, the same each time.
fn noise(at: f64) -> f64 {
    ((at * 7919.0 + 13.0) % 101.0) / 50.5 - 1.0
}

/// From 0 up to `height` and back at once, in `period`.
fn saw(at: f64, period: f64, height: f64) -> f64 {
    (at % period) / period * height
}

/// From 0 up to `height` and slowly back, in `period`.
fn breath(at: f64, period: f64, height: f64) -> f64 {
    let phase = (at % period) / period;
    if phase < 0.5 { 2.0 * phase * height } else { 2.0 * (1.0 - phase) * height }
}

/// What came later than at this share of the time.
fn after(at: f64, count: f64, share: f64) -> f64 {
    (at - share * count).max(0.0)
}

/// By the number of the point, and how many there are; what is said of 60 points in a full window and in one that is
/// longer by six tenths, and of 180.
const SHAPES: &[(&str, Shape, [Says; 4])] = &[
    ("a line", |at, _| 100.0 + 2.0 * at, [By(2.0); 4]),
    ("a line in noise", |at, _| 100.0 + at + 20.0 * noise(at), [Within(2.0); 4]),
    ("a slow line in noise", |at, _| 100.0 + 0.1 * at + 20.0 * noise(at), [No, No, Within(6.0), Within(6.0)]),
    ("a slow line in little noise", |at, _| 100.0 + 0.2 * at + 3.0 * noise(at), [Within(2.0); 4]),
    ("whole numbers", |at, _| (100.0 + 0.3 * at).floor(), [By(0.3); 4]),
    ("noise", |at, _| 100.0 + 20.0 * noise(at), [No; 4]),
    ("nothing", |_, _| 100.0, [No; 4]),
    ("a fall", |at, _| 500.0 - at, [No; 4]),
    ("faster and faster", |at, _| 100.0 + 0.02 * at * at, [Within(2.0); 4]),
    (
        "faster and faster in noise",
        |at, _| 100.0 + 0.02 * at * at + 5.0 * noise(at),
        [Grows, Grows, Within(1.0), Within(1.0)],
    ),
    ("slower and slower", |at, n| 100.0 + 4.0 * at - 1.5 * at * at / n, [Pace(20.0), Pace(20.0), Pace(6.0), Pace(6.0)]),
    ("filling up", |at, _| 500.0 * at / (at + 40.0), [Pace(7.0), Pace(7.0), No, No]),
    ("filling up soon", |at, n| 500.0 * at / (at + n / 10.0), [No; 4]),
    ("nearly full", |at, n| 100.0 + 5.0 * at - 4.6 * after(at, n, 0.7), [Grows; 4]),
    ("late by a third", |at, n| 100.0 + 3.0 * after(at, n, 0.33), [Within(11.0); 4]),
    ("late by half", |at, n| 100.0 + 3.0 * after(at, n, 0.5), [By(3.0), No, By(3.0), No]),
    ("late by half in noise", |at, n| 100.0 + 3.0 * after(at, n, 0.5) + 8.0 * noise(at), [No, No, Within(1.0), No]),
    ("very late", |at, n| 100.0 + 3.0 * after(at, n, 0.75), [No; 4]),
    ("a plateau", |at, n| 100.0 + 3.0 * (at - after(at, n, 0.4)), [No; 4]),
    ("a late plateau", |at, n| 100.0 + 3.0 * (at - after(at, n, 0.85)), [Grows, Grows, No, No]),
    ("a step", |at, n| if at < n / 2.0 { 100.0 } else { 300.0 }, [No; 4]),
    ("two steps", |at, n| 100.0 + 100.0 * (3.0 * at / n).floor(), [No; 4]),
    ("a step on a line", |at, n| 100.0 + 0.5 * at + if at < n / 2.0 { 0.0 } else { 300.0 }, [By(0.5), No, By(0.5), No]),
    ("bursts", |at, n| 100.0 + 60.0 * (at / (n / 9.0)).floor(), [Within(3.0); 4]),
    ("bursts in noise", |at, n| 100.0 + 60.0 * (at / (n / 6.0)).floor() + 4.0 * noise(at), [Within(5.0); 4]),
    ("slower since half", |at, n| 100.0 + 3.0 * at - 1.2 * after(at, n, 0.5), [By(1.8), Grows, By(1.8), Grows]),
    ("a little slower since half", |at, n| 100.0 + 3.0 * at - 0.4 * after(at, n, 0.5), [Within(8.0); 4]),
    ("faster since half", |at, n| 100.0 + at + 2.0 * after(at, n, 0.5), [By(3.0), Grows, By(3.0), Grows]),
    ("faster since two thirds in noise", |at, n| 100.0 + at + 2.0 * after(at, n, 0.67) + 6.0 * noise(at), [Grows; 4]),
    ("teeth", |at, _| 100.0 + saw(at, 11.0, 100.0), [No; 4]),
    ("teeth that look like noise, on a line", |at, _| 100.0 + 0.4 * at + saw(at, 6.0, 60.0), [By(0.4); 4]),
    ("small teeth on a line", |at, _| 100.0 + 2.0 * at + saw(at + 12.0, 26.0, 45.0), [Grows, Grows, By(2.0), By(2.0)]),
    ("teeth on a line", |at, _| 100.0 + 0.8 * at + saw(at, 11.0, 100.0), [By(0.8); 4]),
    (
        "teeth on a line in noise",
        |at, _| 100.0 + 0.8 * at + saw(at, 13.0, 100.0) + 6.0 * noise(at),
        [Grows, Grows, Within(1.0), Within(1.0)],
    ),
    ("long teeth", |at, n| 100.0 + saw(at, n / 2.6, 100.0), [No; 4]),
    (
        "long teeth on a line",
        |at, n| 100.0 + 0.8 * at + saw(at, n / 2.6, 100.0),
        [Within(3.0), Within(3.0), Within(1.0), Within(1.0)],
    ),
    (
        "three long teeth on a line",
        |at, n| 100.0 + 0.8 * at + saw(at, n / 3.4, 60.0),
        [Within(4.0), Within(4.0), Within(1.0), Within(1.0)],
    ),
    ("five teeth on a line", |at, n| 100.0 + 0.8 * at + saw(at, n / 5.3, 60.0), [Within(1.0); 4]),
    ("teeth that slow down", |at, n| 100.0 + 2.0 * (at - 0.8 * after(at, n, 0.5)) + saw(at, n / 9.0, 60.0), [No; 4]),
    ("teeth whose highs alone rise", |at, n| 100.0 + saw(at, 10.0, 60.0) * (1.0 + at / n), [No; 4]),
    (
        "teeth whose lows alone rise",
        |at, n| 200.0 - (60.0 - saw(at, 10.0, 60.0)) * (1.0 - 0.8 * at / n),
        [Grows, Grows, No, No],
    ),
    ("teeth that hardly rise", |at, _| 100.0 + 0.05 * at + saw(at, 9.0, 80.0), [No, No, By(0.05), By(0.05)]),
    ("one fall, early", |at, n| 100.0 + 3.0 * at - if at < 0.3 * n { 0.0 } else { 0.6 * n }, [By(3.0); 4]),
    ("one fall, late", |at, n| 100.0 + 3.0 * at - if at < 0.7 * n { 0.0 } else { 1.5 * n }, [No; 4]),
    (
        "one fall, and higher than before",
        |at, n| 100.0 + 4.0 * at - if at < 0.4 * n { 0.0 } else { 1.2 * n },
        [Grows, Grows, By(4.0), By(4.0)],
    ),
    ("a repair", |at, n| if at < 0.8 * n { 100.0 + 4.0 * at } else { 90.0 }, [No; 4]),
    ("breathing", |at, _| 100.0 + breath(at, 20.0, 80.0), [No; 4]),
    ("breathing on a line", |at, _| 100.0 + at + breath(at, 20.0, 80.0), [By(1.0); 4]),
    ("one long breath", |at, n| 100.0 + breath(at, n, 200.0), [No; 4]),
    ("half a breath on a line", |at, n| 100.0 + 0.5 * at + breath(at, 1.6 * n, 200.0), [Grows, Grows, No, No]),
];

/// So many points of a window that is as long, or longer by that factor.
fn seen(shape: Shape, count: u32, share: f64) -> Trend {
    let n = f64::from(count);
    let point = |at: u32| Point { at: 10.0 * f64::from(at), value: shape(f64::from(at - 1), n) };
    trend(&(1..=count).map(point).collect::<Vec<_>>(), share * 10.0 * n)
}

/// The highest of so many points.
fn top(shape: Shape, count: u32) -> f64 {
    (0..count).map(|at| shape(f64::from(at), f64::from(count))).fold(f64::NEG_INFINITY, f64::max)
}

/// How many seconds later the shape is there when it goes on.
fn reached(shape: Shape, count: u32, bound: f64) -> f64 {
    let later = (count..1_000_000).find(|at| shape(f64::from(*at), f64::from(count)) >= bound);
    10.0 * f64::from(later.unwrap() - (count - 1))
}

fn is_within(told: f64, truth: f64, hundredths: f64) -> bool {
    (told / truth - 1.0).abs() <= hundredths / 100.0
}

fn is_so(says: Says, (shape, count): (Shape, u32), growth: Growth) -> bool {
    let n = f64::from(count);
    match says {
        No => false,
        Grows => growth.slope > 0.0,
        By(each) => {
            let right = [(growth.slope, each / 10.0), (growth.height, top(shape, count)), (growth.bend, 0.0)];
            right.iter().all(|(told, truth)| (told - truth).abs() < 1e-9)
        }
        Within(hundredths) => {
            let bound = 8.0 * growth.height;
            is_within(growth.until(bound), reached(shape, count, bound), hundredths)
        }
        Pace(hundredths) => is_within(10.0 * growth.slope, shape(n, n) - shape(n - 1.0, n), hundredths),
    }
}

#[test]
fn each_shape_is_taken_for_what_it_is() {
    let mut wrong = Vec::new();
    for (name, shape, says) in SHAPES {
        for ((count, share), says) in [(60, 1.0), (60, 1.6), (180, 1.0), (180, 1.6)].into_iter().zip(says) {
            let right = match seen(*shape, count, share) {
                Trend::Steady { .. } => matches!(says, No),
                Trend::Growing(growth) => is_so(*says, (*shape, count), growth),
            };
            if !right {
                wrong.push(format!("{name}, {count} points of {:.0}", share * f64::from(count)));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_few_points_say_nothing_whatever_they_look_like() {
    for (name, shape, _) in SHAPES {
        for count in [1, 7, 8, 20] {
            assert!(matches!(seen(*shape, count, 1.0), Trend::Steady { .. }), "{name}, {count} points");
        }
    }
}

#[test]
fn what_falls_falls_as_fast_as_it_does() {
    for count in [20, 60, 180] {
        assert_eq!(seen(|at, _| 500.0 - at, count, 1.0), Trend::Steady { slope: -0.1 });
    }
}
