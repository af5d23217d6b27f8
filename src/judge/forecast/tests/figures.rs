//! The trend of many shapes, in figures: whoever changes a comparison or a constant of it sees which shapes are
//! taken for another thing then. Shapes of whole numbers and fractions alone, so that every machine has the same.

use std::fmt::Write as _;

use crate::judge::forecast::trend::{Point, Trend, trend};
use crate::model::Growth;

type Shape = fn(f64, f64) -> f64;

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

/// By the number of the point, and how many there are.
const SHAPES: &[(&str, Shape)] = &[
    ("a line", |at, _| 100.0 + 2.0 * at),
    ("a line in noise", |at, _| 100.0 + at + 20.0 * noise(at)),
    ("a slow line in noise", |at, _| 100.0 + 0.1 * at + 20.0 * noise(at)),
    ("a slow line in little noise", |at, _| 100.0 + 0.2 * at + 3.0 * noise(at)),
    ("whole numbers", |at, _| (100.0 + 0.3 * at).floor()),
    ("noise", |at, _| 100.0 + 20.0 * noise(at)),
    ("nothing", |_, _| 100.0),
    ("a fall", |at, _| 500.0 - at),
    ("faster and faster", |at, _| 100.0 + 0.02 * at * at),
    ("faster and faster in noise", |at, _| 100.0 + 0.02 * at * at + 5.0 * noise(at)),
    ("slower and slower", |at, n| 100.0 + 4.0 * at - 1.5 * at * at / n),
    ("filling up", |at, _| 500.0 * at / (at + 40.0)),
    ("filling up soon", |at, n| 500.0 * at / (at + n / 10.0)),
    ("nearly full", |at, n| 100.0 + 5.0 * at - 4.6 * after(at, n, 0.7)),
    ("late by a third", |at, n| 100.0 + 3.0 * after(at, n, 0.33)),
    ("late by half", |at, n| 100.0 + 3.0 * after(at, n, 0.5)),
    ("late by half in noise", |at, n| 100.0 + 3.0 * after(at, n, 0.5) + 8.0 * noise(at)),
    ("very late", |at, n| 100.0 + 3.0 * after(at, n, 0.75)),
    ("a plateau", |at, n| 100.0 + 3.0 * (at - after(at, n, 0.4))),
    ("a late plateau", |at, n| 100.0 + 3.0 * (at - after(at, n, 0.85))),
    ("a step", |at, n| if at < n / 2.0 { 100.0 } else { 300.0 }),
    ("two steps", |at, n| 100.0 + 100.0 * (3.0 * at / n).floor()),
    ("a step on a line", |at, n| 100.0 + 0.5 * at + if at < n / 2.0 { 0.0 } else { 300.0 }),
    ("bursts", |at, n| 100.0 + 60.0 * (at / (n / 9.0)).floor()),
    ("bursts in noise", |at, n| 100.0 + 60.0 * (at / (n / 6.0)).floor() + 4.0 * noise(at)),
    ("slower since half", |at, n| 100.0 + 3.0 * at - 1.2 * after(at, n, 0.5)),
    ("a little slower since half", |at, n| 100.0 + 3.0 * at - 0.4 * after(at, n, 0.5)),
    ("faster since half", |at, n| 100.0 + at + 2.0 * after(at, n, 0.5)),
    ("faster since two thirds in noise", |at, n| 100.0 + at + 2.0 * after(at, n, 0.67) + 6.0 * noise(at)),
    ("teeth", |at, _| 100.0 + saw(at, 11.0, 100.0)),
    ("teeth on a line", |at, _| 100.0 + 0.8 * at + saw(at, 11.0, 100.0)),
    ("teeth on a line in noise", |at, _| 100.0 + 0.8 * at + saw(at, 13.0, 100.0) + 6.0 * noise(at)),
    ("long teeth", |at, n| 100.0 + saw(at, n / 2.6, 100.0)),
    ("long teeth on a line", |at, n| 100.0 + 0.8 * at + saw(at, n / 2.6, 100.0)),
    ("three long teeth on a line", |at, n| 100.0 + 0.8 * at + saw(at, n / 3.4, 60.0)),
    ("five teeth on a line", |at, n| 100.0 + 0.8 * at + saw(at, n / 5.3, 60.0)),
    ("teeth that slow down", |at, n| 100.0 + 2.0 * (at - 0.8 * after(at, n, 0.5)) + saw(at, n / 9.0, 60.0)),
    ("teeth whose highs alone rise", |at, n| 100.0 + saw(at, 10.0, 60.0) * (1.0 + at / n)),
    ("teeth whose lows alone rise", |at, n| 200.0 - (60.0 - saw(at, 10.0, 60.0)) * (1.0 - 0.8 * at / n)),
    ("teeth that hardly rise", |at, _| 100.0 + 0.05 * at + saw(at, 9.0, 80.0)),
    ("one fall, early", |at, n| 100.0 + 3.0 * at - if at < 0.3 * n { 0.0 } else { 0.6 * n }),
    ("one fall, late", |at, n| 100.0 + 3.0 * at - if at < 0.7 * n { 0.0 } else { 1.5 * n }),
    ("one fall, and higher than before", |at, n| 100.0 + 4.0 * at - if at < 0.4 * n { 0.0 } else { 1.2 * n }),
    ("a repair", |at, n| if at < 0.8 * n { 100.0 + 4.0 * at } else { 90.0 }),
    ("breathing", |at, _| 100.0 + breath(at, 20.0, 80.0)),
    ("breathing on a line", |at, _| 100.0 + at + breath(at, 20.0, 80.0)),
    ("one long breath", |at, n| 100.0 + breath(at, n, 200.0)),
    ("half a breath on a line", |at, n| 100.0 + 0.5 * at + breath(at, 1.6 * n, 200.0)),
];

/// Six figures: what a machine adds in another order is the same to that.
fn figures(value: f64) -> String {
    if value.abs() < 1e-9 { "0".to_owned() } else { format!("{value:.5e}") }
}

#[test]
fn trends_in_figures() {
    let mut told = String::new();
    for (name, shape) in SHAPES {
        for count in [7, 8, 20, 60, 180_u32] {
            for share in [1.0, 1.6] {
                let n = f64::from(count);
                let points: Vec<Point> = (1..=count)
                    .map(|at| Point { at: 10.0 * f64::from(at), value: shape(f64::from(at - 1), n) })
                    .collect();
                let said = match trend(&points, share * 10.0 * n) {
                    Trend::Steady { slope } => format!("steady {}", figures(slope)),
                    Trend::Growing(Growth { height, slope, bend }) => {
                        let growth = Growth { height, slope, bend };
                        let until = [1.5, 8.0].map(|times| figures(growth.until(times * height)));
                        let [height, slope, bend] = [height, slope, bend].map(figures);
                        format!("from {height} by {slope} bent {bend}, in {}", until.join(" and "))
                    }
                };
                writeln!(told, "{name}, {count} of {:.0}: {said}", share * n).unwrap();
            }
        }
    }
    insta::assert_snapshot!(told);
}
