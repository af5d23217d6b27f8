//! What lines, shares and records say of points whose answer is known beforehand.

use super::*;

/// A point each `step` seconds, from 0 on.
fn each(step: u32, values: impl IntoIterator<Item = f64>) -> Vec<Point> {
    (0_u32..).zip(values).map(|(at, value)| Point { at: f64::from(at * step), value }).collect()
}

/// So many points ten seconds apart, by their number.
fn shape(count: u32, value: impl Fn(f64) -> f64) -> Vec<Point> {
    each(10, (0..count).map(|at| value(f64::from(at))))
}

fn near(one: f64, other: f64) -> bool {
    (one - other).abs() < 1e-9
}

#[test]
fn a_straight_line_has_the_slope_and_the_height_that_it_has() {
    for count in [24, 59, 60, 61, 180, 300] {
        for per_second in [0.03125, 0.5, 4096.0] {
            let points = shape(count, |at| 100.0 + 10.0 * per_second * at);
            let height = points.last().unwrap().value;
            let growth = Growth { height, slope: per_second, bend: 0.0 };
            assert_eq!(trend(&points, 10.0 * f64::from(count)), Trend::Growing(growth), "{count} points");
        }
    }
}

#[test]
fn fewer_than_eight_points_of_three_say_nothing() {
    let line = |count| trend(&shape(count, |at| at), 10.0 * f64::from(count));
    assert_eq!(line(21), Trend::Steady { slope: 0.0 });
    assert_eq!(line(22), Trend::Growing(Growth { height: 21.0, slope: 0.1, bend: 0.0 }));
}

#[test]
fn what_has_become_slower_goes_on_as_slowly_as_it_is() {
    // 59 points of three; the quarters of its time meet where it became slower.
    let points = shape(177, |at| 2.9 * at - 0.9 * (at - 89.0).max(0.0));
    let Trend::Growing(growth) = trend(&points, 2.0 * 1770.0) else { panic!("it grows") };
    assert!(near(growth.slope, 0.2), "{growth:?}");
}

#[test]
fn what_has_brought_nothing_in_the_last_quarter_does_not_grow() {
    // In bursts; the last of them was not long enough ago to be sure that it was the last.
    let heights = |at: f64| match at {
        ..15.0 => 0.0,
        ..50.0 => 25.0,
        ..85.0 => 50.0,
        ..128.0 => 75.0,
        _ => 100.0,
    };
    let points = shape(180, heights);
    assert!(!Records::of(&points).are_stalled(&points) && !Records::of(&points).are_steps());
    assert_eq!(trend(&points, 1800.0), Trend::Steady { slope: 0.0 });
}

#[test]
fn what_does_not_grow_has_no_shares_of_growth() {
    assert!(Shares::of(&shape(20, |_| 7.0)).is_none());
    assert!(Shares::of(&shape(20, |at| -at)).is_none());
}

#[test]
fn of_a_line_each_quarter_has_its_share() {
    for count in [8, 9, 10, 11, 60] {
        let shares = Shares::of(&shape(count, |at| 3.0 * at)).unwrap();
        assert!(shares.quarters.iter().all(|share| near(*share, 0.25)), "{shares:?}");
        // Without the first and the last point.
        let inner = f64::from(count - 3);
        assert!(near(shares.growth, 3.0 * inner) && near(shares.quarter, 10.0 * inner / 4.0), "{shares:?}");
    }
}

#[test]
fn a_parabola_bends_as_it_does_and_noise_hides_it() {
    // 1, 3, 5 and 7 of 16 in each quarter: the square of the time.
    let quarters = [0.0625, 0.1875, 0.3125, 0.4375];
    let shares = Shares { quarters, quarter: 1.0, growth: 8.0 };
    // The last quarter brought 3 more than the first: 1 more each second in each.
    assert_eq!(shares.bend(0.49), Some(1.0));
    assert_eq!(shares.bend(0.5), None, "six deviations of the noise are no more than it");
    let slower = Shares { quarters: [0.4375, 0.3125, 0.1875, 0.0625], ..shares };
    assert_eq!(slower.bend(0.0), Some(-1.0));
}

/// Growth of 16 in four seconds, of a line of two a second; the last third of its points rise by so much each ten seconds.
fn slowing(quarters: [f64; 4], rise: f64) -> Option<f64> {
    let shares = Shares { quarters, quarter: 1.0, growth: 16.0 };
    let points = shape(30, |at| 40.0 * at.min(19.0) + rise * (at - 19.0).max(0.0));
    shares.slowing(&points, Line { slope: 2.0, error: 0.0, height: 0.0 })
}

#[test]
fn what_fills_up_is_as_fast_as_in_its_last_quarter_and_goes_on_slowing_down() {
    let filling = [0.5, 0.25, 0.1875, 0.0625];
    // One a second in the last quarter, a third of the one before.
    assert!(near(slowing(filling, 10.0).unwrap(), (1.0_f64 / 3.0).sqrt()));
    assert_eq!(slowing(filling, 18.0), None, "nine tenths of the slope of all are not slower");
    assert!(slowing(filling, 17.5).is_some());
    assert_eq!(slowing([0.5, 0.25, 0.125, 0.125], 0.0), None, "the last quarter has brought as much as the one before");
    assert_eq!(slowing([0.4, 0.08, 0.3, 0.22], 0.0), None, "it has brought more than half of the most");
    assert_eq!(slowing([0.37, 0.33, 0.25, 0.05], 0.0), None, "there was no burst to fill it");
}

#[test]
fn growth_is_stalled_when_the_next_high_is_half_as_late_again_as_any_was() {
    let stalled = |values: &[f64]| {
        let points = each(10, values.iter().copied());
        Records::of(&points).are_stalled(&points)
    };
    let mut regular = vec![0.0, 1.0, 2.0, 3.0];
    regular.extend([3.0; 4]);
    assert!(!stalled(&regular), "four points are nothing");
    regular.push(3.0);
    assert!(stalled(&regular));
    // A minute between the first and the second.
    let mut seldom = vec![0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0];
    seldom.extend([1.0; 9]);
    assert!(!stalled(&seldom), "a minute and a half");
    seldom.push(1.0);
    assert!(stalled(&seldom));
}

#[test]
fn growth_by_three_steps_is_none() {
    let steps = |values: &[f64]| Records::of(&each(10, values.iter().copied())).are_steps();
    assert!(steps(&[0.0, 5.0, 7.0, 8.0]), "all of it");
    assert!(steps(&[0.0, 1.0, 6.0, 7.0, 6.0, 9.0]), "five, two and one of nine, whenever they came");
    assert!(steps(&[0.0, 4.0, 6.0, 7.0, 8.0]), "seven of eight");
    assert!(!steps(&[0.0, 3.0, 5.0, 6.0, 7.0, 8.0]), "three quarters");
    assert!(!steps(&[0.0, 2.0, 4.0, 6.0, 8.0]));
}

#[test]
fn a_line_rises_when_its_slope_is_more_than_three_of_its_errors() {
    // Twelve points over 16 seconds: the error of the slope is that of a point, divided by 16.
    let ats = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 16.0];
    let points = ats.map(|at| Point { at, value: 3.0 * at });
    assert!(Line::of(&points, 16.0).is_none(), "three is three times the error");
    let line = Line::of(&points, 15.0).unwrap();
    assert_eq!((line.slope, line.error, line.height), (3.0, 0.9375, 48.0));
    assert!(Line::of(&points.map(|point| Point { value: 3.0, ..point }), 0.0).is_none(), "what is flat does not rise");
}

#[test]
fn lines_are_different_by_a_share_and_by_their_errors() {
    let line = |slope, error| Line { slope, error, height: 0.0 };
    let differs = |slope, error| line(slope, error).differs(&line(2.0, 9.0));
    assert!(differs(2.5, 0.125) && !differs(2.25, 0.0), "by fifteen hundredths at least");
    assert!(!differs(2.75, 0.25), "three errors faster are not more than three");
    assert!(differs(2.875, 0.25));
    assert!(differs(1.5, 0.25) && !differs(1.5, 0.5), "slower by more than one");
    assert!(!differs(2.0, 0.0), "neither is the same");
}

#[test]
fn a_line_takes_the_slope_of_its_later_half_where_that_is_clearly_slower() {
    let line = Line { slope: 2.0, error: 0.5, height: 7.0 };
    let slowed = |slope| line.slowed_to(slope).growth();
    let fast = Growth { height: 7.0, slope: 2.0, bend: 0.0 };
    assert_eq!(slowed((1.0 - DIFFERENT) * 2.0), fast);
    assert_eq!(slowed(1.0), Growth { slope: 1.0, ..fast });
    assert_eq!(slowed(3.0), fast);
}

#[test]
fn growth_that_began_half_a_window_ago_counts() {
    // It is calm for five minutes, and rises by one a second from the 300th second on.
    let points = shape(34, |at| 10.0 * (at - 30.0).max(0.0));
    assert!(whole(&points, 0.0).is_none());
    assert_eq!(rising(&points, 60.0, 0.0), Some(Growth { height: 30.0, slope: 1.0, bend: 0.0 }));
    assert_eq!(rising(&points, 58.0, 0.0), None, "of three points nothing is known");
}
