//! What holds of any series.

use proptest::prelude::*;

use super::*;

/// A stretch of a series: seconds, growth a second, noise, and what is read.
fn stretch() -> impl Strategy<Value = (u32, f64, f64, u8)> {
    (10_u32..900, -1.0_f64..1.0, 0.0_f64..40.0, 0_u8..8)
}

/// All that was foretold of these stretches, with that bound.
fn told(stretches: &[(u32, f64, f64, u8)], fatal: f64) -> Vec<ForecastView> {
    let mut watch = Watch::over(600, row(fatal));
    let mut dice = shapes::Dice::new(3);
    let mut value = 300.0_f64;
    let mut views = Vec::new();
    for &(seconds, slope, noise, kind) in stretches {
        for _ in 0..seconds {
            value = (value + slope).max(0.0);
            watch.read(match kind {
                0 => Value::Unknown(Unknown::Denied),
                1 => Value::AtLeast(value),
                _ => Value::Known((noise * dice.share() + value).floor()),
            });
            views.push(watch.series.view());
        }
    }
    views
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn time_left_is_never_negative_and_never_not_a_number(stretches in proptest::collection::vec(stretch(), 1..8)) {
        for view in told(&stretches, 900.0) {
            prop_assert!(view.time_left.number().is_none_or(|left| left >= 0.0), "{view:?}");
            prop_assert!(view.growth.number().is_none_or(f64::is_finite), "{view:?}");
        }
    }

    #[test]
    fn a_higher_bound_never_shortens_it(stretches in proptest::collection::vec(stretch(), 1..8), more in 1.0_f64..5000.0) {
        for (low, high) in told(&stretches, 900.0).iter().zip(told(&stretches, 900.0 + more)) {
            let (low, high) = (low.time_left, high.time_left);
            prop_assert_eq!(low.number().is_some(), high.number().is_some());
            prop_assert!(low.number().zip(high.number()).is_none_or(|(low, high)| low <= high), "{low:?} {high:?}");
        }
    }

    #[test]
    fn it_is_the_same_each_time(stretches in proptest::collection::vec(stretch(), 1..8)) {
        prop_assert_eq!(told(&stretches, 900.0), told(&stretches, 900.0));
    }
}
