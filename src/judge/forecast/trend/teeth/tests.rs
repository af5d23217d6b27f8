//! What is found of teeth whose highs, lows and growth are known beforehand.

use super::*;

/// A point each ten seconds, from 0 on.
fn each(values: &[f64]) -> Vec<Point> {
    (0_u32..).zip(values).map(|(at, value)| Point { at: f64::from(10 * at), value: *value }).collect()
}

fn find(points: &[Point], noise: f64) -> Teeth {
    let mut teeth = Teeth::default();
    teeth.find(points, noise);
    teeth
}

/// The highs and the lows, each with its second.
fn found(values: &[f64]) -> [Vec<(f64, f64)>; 2] {
    let teeth = find(&each(values), 0.0);
    let told = |points: &[Point]| points[..teeth.falls].iter().map(|point| (point.at, point.value)).collect();
    [told(&teeth.highs), told(&teeth.lows)]
}

#[test]
fn a_tooth_has_its_high_before_the_fall_and_its_low_after_it() {
    assert_eq!(found(&[0.0, 4.0, 8.0, 12.0, 0.0, 4.0, 8.0, 12.0]), [[(30.0, 12.0)], [(40.0, 0.0)]]);
    // It falls in several steps, each of them a tooth by itself.
    assert_eq!(found(&[0.0, 12.0, 8.0, 4.0, 0.0, 4.0, 8.0]), [[(10.0, 12.0)], [(40.0, 0.0)]]);
    // It was there, and down, first.
    assert_eq!(found(&[0.0, 12.0, 12.0, 0.0, 0.0, 4.0, 8.0]), [[(10.0, 12.0)], [(30.0, 0.0)]]);
    // It is down still.
    assert_eq!(found(&[0.0, 6.0, 12.0, 2.0]), [[(20.0, 12.0)], [(30.0, 2.0)]]);
}

#[test]
fn a_quarter_of_the_range_is_a_tooth() {
    assert_eq!(find(&each(&[0.0, 8.0, 6.0, 8.0]), 0.0).falls, 1);
    assert_eq!(find(&each(&[0.0, 8.0, 6.25, 8.0]), 0.0).falls, 0);
    // In noise, three deviations of it.
    assert_eq!(find(&each(&[0.0, 8.0, 5.0, 8.0]), 1.0).falls, 1);
    assert_eq!(find(&each(&[0.0, 8.0, 5.5, 8.0]), 1.0).falls, 0);
    // But half of the range whatever the noise.
    assert_eq!(find(&each(&[0.0, 8.0, 4.0, 8.0]), 9.0).falls, 1);
}

#[test]
fn what_is_flat_has_no_teeth() {
    assert_eq!(find(&each(&[5.0; 20]), 0.0).falls, 0);
    assert_eq!(find(&each(&[5.0; 20]), 1.0).falls, 0);
}

/// One tooth with its high of 50 at 100 s, its low of 10 at 110 s, and 2 more each ten seconds since.
fn one(high: f64) -> (Teeth, Vec<Point>) {
    let mut teeth = Teeth::default();
    (teeth.highs[0], teeth.lows[0]) = (Point { at: 100.0, value: high }, Point { at: 110.0, value: 10.0 });
    teeth.falls = 1;
    let points = (0..30_u32).map(|at| Point { at: f64::from(110 + 10 * at), value: f64::from(10 + 2 * at) });
    (teeth, points.collect())
}

#[test]
fn after_one_fall_only_what_is_above_the_last_high_is_gained() {
    let (teeth, points) = one(50.0);
    // 68 at 400 s: 18 in five minutes.
    let growth = Growth { height: 68.0, slope: 0.06, bend: 0.0 };
    assert_eq!(teeth.gain(&points, 580.0, 0.0), Some(growth));
    assert_eq!(teeth.gain(&points, 590.0, 0.0), None, "the fall is not half of the window ago");
    assert_eq!(one(68.0).0.gain(&points, 580.0, 0.0), None, "it is where it was");
    assert_eq!(one(70.0).0.gain(&points, 580.0, 0.0), None, "it is not there again");
    let flat: Vec<Point> = points.iter().map(|point| Point { value: 68.0, ..*point }).collect();
    assert_eq!(teeth.gain(&flat, 580.0, 0.0), None, "it does not rise");
}

#[test]
fn after_one_fall_only_what_came_since_says_whether_it_rises() {
    let (teeth, mut points) = one(50.0);
    // In two bursts: not even, but spread.
    for point in &mut points {
        let at = (point.at - 110.0) / 10.0;
        point.value = 10.0 + 3.0 * at - 2.0 * (at - 8.0).clamp(0.0, 7.0) - 2.0 * (at - 22.0).max(0.0);
    }
    let since = teeth.gain(&points, 580.0, 0.0);
    assert!(since.is_some());
    let mut all: Vec<Point> = (0..11_u32).map(|at| Point { at: f64::from(10 * at), value: 50.0 }).collect();
    all.append(&mut points);
    assert_eq!(teeth.gain(&all, 580.0, 0.0), since);
}

#[test]
fn the_low_itself_is_the_first_of_what_came_since() {
    let (mut teeth, points) = one(12.0);
    teeth.highs[0].at = 100.0;
    // 10, 12, 14, 16: four points are the fewest that have a growth.
    assert!(teeth.gain(&points[..4], 60.0, 0.0).is_some());
    assert!(teeth.gain(&points[..3], 40.0, 0.0).is_none());
}

/// Teeth of eight points, eight seconds apart, that rise by so much with each point; the range of nine of them is 100
/// where that is 3/32.
fn teeth(from: f64, each: f64) -> Vec<Point> {
    let tooth = [0.0, 13.0, 26.0, 39.0, 52.0, 65.0, 80.0, 94.093_75];
    let value = |at: u32| tooth[usize::try_from(at % 8).unwrap()] + each * f64::from(at);
    (0..65).map(|at| Point { at: from + f64::from(8 * at), value: value(at) }).collect()
}

#[test]
fn teeth_grow_when_they_have_grown_by_more_than_six_hundredths_of_their_range() {
    for from in [0.0, 1024.0] {
        let growth = |each: f64| {
            let points = teeth(from, each);
            let found = find(&points, 0.0);
            assert_eq!(found.falls, 8);
            found.growth(&points)
        };
        // 6 of 100 in 512 seconds.
        assert_eq!(growth(0.093_75), None);
        // 8 of 102, and up to where the last high would be now.
        let higher = growth(0.125).unwrap();
        assert_eq!((higher.slope, higher.bend), (0.015_625, 0.0));
        assert_eq!(higher.height, 94.093_75 + 0.125 * 63.0);
        assert_eq!(growth(0.0), None);
        assert_eq!(growth(-0.125), None);
    }
}

fn some(values: [(f64, f64); 4]) -> [Point; 4] {
    values.map(|(at, value)| Point { at, value })
}

/// So many highs and lows.
fn of(highs: [(f64, f64); 4], lows: [(f64, f64); 4]) -> Teeth {
    let mut teeth = Teeth { falls: 4, ..Teeth::default() };
    teeth.highs[..4].copy_from_slice(&some(highs));
    teeth.lows[..4].copy_from_slice(&some(lows));
    teeth
}

const FLAT: [(f64, f64); 4] = [(0.0, 5.0), (8.0, 5.0), (16.0, 5.0), (24.0, 5.0)];
/// Two a second.
const STEEP: [(f64, f64); 4] = [(0.0, 0.0), (8.0, 16.0), (16.0, 32.0), (24.0, 48.0)];
/// By the median 0.375 a second, with an error of 0.214.
const ROUGH: [(f64, f64); 4] = [(0.0, 0.0), (8.0, 5.0), (16.0, 4.0), (24.0, 9.0)];

#[test]
fn few_teeth_grow_only_where_highs_and_lows_do() {
    let sure = |highs, lows| of(highs, lows).rise(0.0, None).unwrap().sure;
    assert!(sure(STEEP, STEEP));
    assert!(!sure(FLAT, STEEP) && !sure(STEEP, FLAT) && !sure(FLAT, FLAT));
    // As fast as the slower of them.
    let slower = of(STEEP, STEEP.map(|(at, value)| (at, value / 2.0))).rise(0.0, None).unwrap();
    assert_eq!((slower.slope, slower.sure), (1.0, true));
}

#[test]
fn highs_and_lows_agree_with_the_means_within_their_errors() {
    let middle = |slope| Some(Line { slope, error: 0.0, height: 0.0 });
    let rough = of(ROUGH, STEEP);
    // Four tenths of the slope of the means: 0.375 is less, but not by more than it may be wrong.
    assert!(rough.rise(0.0, middle(1.0)).unwrap().sure);
    assert!(!rough.rise(0.0, middle(1.5)).unwrap().sure);
    // Never faster than the faster of them, nor slower than the slower.
    assert_eq!(rough.rise(0.0, middle(3.0)).unwrap().slope, 2.0);
    assert_eq!(rough.rise(0.0, middle(0.125)).unwrap().slope, 0.375);
}

#[test]
fn means_rise_beyond_four_of_their_errors() {
    let line = |slope| Line { slope, error: 1.0, height: 0.0 };
    assert!(!is_sure(line(4.0)) && is_sure(line(4.5)));
}

#[test]
fn what_is_since_then_begins_then() {
    let points = each(&[1.0, 2.0, 3.0]);
    assert_eq!(since(&points, 10.0), &points[1..]);
    assert_eq!(since(&points, 11.0), &points[2..]);
}

#[test]
fn the_line_of_means_takes_four_of_them() {
    let points = each(&[1.0, 2.0, 3.0, 4.0]);
    assert_eq!(middle(&points).unwrap().slope, 0.1);
    assert!(middle(&points[..3]).is_none());
}

/// Five teeth of ten seconds whose means rise by one a second, but for a bump of that height, and the highs of which by
/// `late` since half.
fn slowing(late: f64, bump: f64) -> f64 {
    let mut teeth = Teeth { falls: 5, range: 100.0, ..Teeth::default() };
    for (at, (high, low)) in (0_u32..5).zip(teeth.highs.iter_mut().zip(&mut teeth.lows)) {
        let at = f64::from(10 * at);
        *high = Point { at, value: 50.0 + at.min(20.0) + late * (at - 20.0).max(0.0) };
        *low = Point { at, value: at };
    }
    let height = |at: f64| at + if (15.0..=30.0).contains(&at) { bump } else { 0.0 };
    let points: Vec<Point> = (0..9_u32).map(|at| f64::from(5 * at)).map(|at| Point { at, value: height(at) }).collect();
    teeth.growth(&points).unwrap().slope
}

#[test]
fn teeth_have_slowed_down_when_they_rise_less_than_six_tenths_as_fast_as_in_all() {
    assert_eq!(slowing(0.75, 0.0), 1.0);
    assert_eq!(slowing(0.6, 0.0), 1.0);
    assert_eq!(slowing(0.5, 0.0), 0.5);
    // As fast as they may be, where the means do not lie on a line: two of four are a tenth beside it, over thirty seconds.
    let error = 1.4826 * 0.1 * (12.0_f64 / 4.0).sqrt() / 30.0;
    assert!((slowing(0.5, 0.1) - (0.5 + HALF * error)).abs() < 1e-9);
}
