//! What the members of a group come to together.
//!
//! What belongs here: how the values of one metric become one, unknown ones included. What does not:
//! where they come from, and what is held in common (the probes know that).

use crate::model::{Base, Unit, Unknown, Value};

#[cfg(test)]
mod tests;

/// How a metric's values become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    /// Things add up. In `rss` a page that forked workers share counts for each of them, as it does
    /// in what each of them shows: to know better takes a walk over their page tables.
    Sum,
    /// Shares do not add up: the member that is worst off counts.
    Highest,
    /// A limit: the first one that would be hit.
    Lowest,
}

impl How {
    fn of(metric: Base) -> Self {
        if matches!(metric, Base::MaxFds | Base::CgroupMemoryLimit) {
            Self::Lowest
        } else if metric.info().unit == Unit::Ratio {
            Self::Highest
        } else {
            Self::Sum
        }
    }

    const fn join(self, one: f64, other: f64) -> f64 {
        match self {
            Self::Sum => one + other,
            Self::Highest => one.max(other),
            Self::Lowest => one.min(other),
        }
    }
}

/// One value of `parts`, of which there is one for each member. `once` stands for their sum where
/// members hold things in common, of which each counts once.
///
/// A member that is gone counts for nothing. One that is unknown makes a sum or a highest value a
/// lower bound, and a lowest one unknown: it may be below all others.
pub(super) fn together(metric: Base, once: Option<f64>, parts: impl Iterator<Item = Value>) -> Value {
    let how = How::of(metric);
    let (mut number, mut exact, mut gone, mut unknown) = (None, true, false, None);
    for part in parts {
        match part {
            Value::Known(value) | Value::AtLeast(value) => {
                exact &= matches!(part, Value::Known(_));
                number = Some(number.map_or(value, |before| how.join(before, value)));
            }
            Value::Unknown(Unknown::Gone) => gone = true,
            Value::Unknown(why) => unknown = unknown.or(Some(why)),
        }
    }
    match (number.map(|number| once.unwrap_or(number)), unknown) {
        (Some(number), None) if exact => Value::Known(number),
        (Some(_), Some(why)) if how == How::Lowest => Value::Unknown(why),
        (Some(number), _) => Value::AtLeast(number),
        (None, Some(why)) => Value::Unknown(why),
        (None, None) => Value::Unknown(if gone { Unknown::Gone } else { Unknown::Overdue }),
    }
}
