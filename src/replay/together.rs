//! What the processes of a target come to that is judged as a group, where a series tells of each alone.
//! Counts and bytes add up, of shares the highest counts, of limits the lowest, as for the daemon; but what
//! several hold in common counts for each of them, for a series does not say so.

use crate::model::{Base, Scope, Unit, Unknown, Value};

/// One value of the `parts`, of which there is one for each process. One that is unknown makes a sum or a
/// highest value a lower bound, and a lowest one unknown.
pub(super) fn together(base: Base, parts: impl Iterator<Item = Value>) -> Value {
    let lowest = matches!(base, Base::MaxFds | Base::CgroupMemoryLimit);
    let adds_up = base.info().unit != Unit::Ratio && base.info().scope == Scope::Process;
    let join = |one: f64, other: f64| match (lowest, adds_up) {
        (true, _) => one.min(other),
        (false, true) => one + other,
        (false, false) => one.max(other),
    };
    let (mut number, mut exact, mut unknown) = (None, true, None);
    for part in parts {
        match part {
            Value::Known(value) | Value::AtLeast(value) => {
                exact &= matches!(part, Value::Known(_));
                number = Some(number.map_or(value, |before| join(before, value)));
            }
            Value::Unknown(Unknown::Gone) => {}
            Value::Unknown(why) => unknown = unknown.or(Some(why)),
        }
    }
    match (number, unknown) {
        (Some(number), None) if exact => Value::Known(number),
        (Some(_), Some(why)) if lowest => Value::Unknown(why),
        (Some(number), _) => Value::AtLeast(number),
        (None, why) => Value::Unknown(why.unwrap_or(Unknown::Overdue)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_add_up_shares_and_cgroups_do_not_and_what_is_unknown_is_never_zero() {
        let all = |base, parts: &[Value]| together(base, parts.iter().copied());
        let two = [Value::Known(300.0), Value::Known(200.0)];
        assert_eq!(all(Base::OpenFds, &two), Value::Known(500.0));
        assert_eq!(all(Base::FdUsage, &two), Value::Known(300.0));
        assert_eq!(all(Base::CgroupMemory, &two), Value::Known(300.0));
        assert_eq!(all(Base::MaxFds, &two), Value::Known(200.0));
        let blind = [Value::Known(300.0), Value::Unknown(Unknown::Denied)];
        assert_eq!(all(Base::OpenFds, &blind), Value::AtLeast(300.0));
        assert_eq!(all(Base::MaxFds, &blind), Value::Unknown(Unknown::Denied));
        assert_eq!(all(Base::OpenFds, &[Value::Known(3.0), Value::AtLeast(2.0)]), Value::AtLeast(5.0));
        assert_eq!(all(Base::OpenFds, &[]), Value::Unknown(Unknown::Overdue));
    }
}
