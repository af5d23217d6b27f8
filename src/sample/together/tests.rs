use proptest::prelude::*;

use super::*;
use crate::model::METRICS;

const DENIED: Value = Value::Unknown(Unknown::Denied);
const GONE: Value = Value::Unknown(Unknown::Gone);

fn of(metric: Base, parts: &[Value]) -> Value {
    together(metric, None, parts.iter().copied())
}

#[test]
fn counts_and_bytes_add_up_shares_are_the_highest_and_a_limit_the_lowest() {
    let parts = [Value::Known(3.0), Value::Known(1.0), Value::Known(2.0)];
    for metric in [Base::OpenFds, Base::CloseWait, Base::Sockets, Base::Rss, Base::Swap, Base::Threads] {
        assert_eq!(of(metric, &parts), Value::Known(6.0), "{metric:?}");
    }
    assert_eq!(of(Base::FdUsage, &parts), Value::Known(3.0));
    assert_eq!(of(Base::MaxFds, &parts), Value::Known(1.0));
}

#[test]
fn who_is_unknown_makes_it_a_lower_bound_and_who_is_gone_does_not() {
    let with = |other| [Value::Known(3.0), other, Value::Known(2.0)];
    assert_eq!(of(Base::OpenFds, &with(GONE)), Value::Known(5.0));
    assert_eq!(of(Base::OpenFds, &with(DENIED)), Value::AtLeast(5.0));
    assert_eq!(of(Base::OpenFds, &with(Value::AtLeast(1.0))), Value::AtLeast(6.0));
    assert_eq!(of(Base::FdUsage, &with(DENIED)), Value::AtLeast(3.0));
    assert_eq!(of(Base::FdUsage, &with(GONE)), Value::Known(3.0));
    assert_eq!(of(Base::MaxFds, &with(DENIED)), DENIED, "the one that is not known may be lower");
    assert_eq!(of(Base::MaxFds, &with(GONE)), Value::Known(2.0));
}

#[test]
fn of_nobody_known_it_is_unknown_for_a_reason_that_somebody_has() {
    assert_eq!(of(Base::OpenFds, &[DENIED, Value::Unknown(Unknown::Malformed)]), DENIED);
    assert_eq!(of(Base::OpenFds, &[GONE, DENIED]), DENIED);
    assert_eq!(of(Base::OpenFds, &[GONE, GONE]), GONE);
    assert_eq!(of(Base::OpenFds, &[]), Value::Unknown(Unknown::Overdue));
}

#[test]
fn what_is_held_in_common_counts_once_but_does_not_make_the_unknown_known() {
    let once = |parts: &[Value]| together(Base::CloseWait, Some(7.0), parts.iter().copied());
    assert_eq!(once(&[Value::Known(5.0), Value::Known(5.0)]), Value::Known(7.0));
    assert_eq!(once(&[Value::Known(5.0), GONE]), Value::Known(7.0));
    assert_eq!(once(&[Value::Known(5.0), DENIED]), Value::AtLeast(7.0));
    assert_eq!(once(&[DENIED]), DENIED);
    assert_eq!(once(&[GONE]), GONE);
}

fn part() -> impl Strategy<Value = Value> {
    let unknown = [Unknown::Gone, Unknown::Denied, Unknown::Malformed, Unknown::Overdue];
    let number = || (0_u32..1000).prop_map(f64::from);
    prop_oneof![
        4 => number().prop_map(Value::Known),
        1 => number().prop_map(Value::AtLeast),
        2 => proptest::sample::select(unknown.to_vec()).prop_map(Value::Unknown),
    ]
}

proptest! {
    /// What is said to be known is the truth for whatever the unknown parts are, and a lower bound is
    /// one, and not 0 for want of a reading.
    #[test]
    fn it_is_known_only_if_every_live_member_is(parts in proptest::collection::vec(part(), 0..8), row in 0..METRICS.len()) {
        let metric = METRICS[row].base;
        let value = of(metric, &parts);
        let live: Vec<_> = parts.iter().filter(|part| **part != GONE).collect();
        let known: Vec<f64> = live.iter().filter_map(|part| part.number()).collect();
        let exact = live.iter().all(|part| matches!(part, Value::Known(_)));
        prop_assert_eq!(matches!(value, Value::Known(_)), exact && !live.is_empty());
        if known.is_empty() {
            prop_assert!(matches!(value, Value::Unknown(_)));
        }
        if let Value::Unknown(why) = value && !parts.is_empty() {
            prop_assert!(parts.contains(&Value::Unknown(why)));
        }
        if let Some(number) = value.number() {
            let highest = known.iter().copied().fold(0.0, f64::max);
            let sum: f64 = known.iter().sum();
            match How::of(metric) {
                How::Sum => prop_assert!((number - sum).abs() < 1e-9),
                How::Highest => prop_assert!((number - highest).abs() < 1e-9),
                How::Lowest => prop_assert!(known.iter().all(|other| number <= *other)),
            }
        }
    }

    #[test]
    fn it_does_not_depend_on_who_comes_first(mut parts in proptest::collection::vec(part(), 0..8), row in 0..METRICS.len()) {
        let metric = METRICS[row].base;
        let value = of(metric, &parts);
        parts.reverse();
        let reversed = of(metric, &parts);
        // Of several reasons the first is told.
        let is_unknown = |value| matches!(value, Value::Unknown(_));
        prop_assert!(value == reversed || (is_unknown(value) && is_unknown(reversed)));
    }
}
