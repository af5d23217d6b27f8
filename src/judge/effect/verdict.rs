//! What the readings of a window say: rules alone, nothing of the state.

use crate::config::{Action, EffectKind};
use crate::model::{Cause, Direction, Effect, Measured, Metric, Moment, Order, Reading, Slowing, Value, Window};

/// What a measure must have reached.
pub(super) struct Goal<'a> {
    pub(super) metric: &'a Metric,
    direction: Direction,
    kind: EffectKind,
    /// The reading that caused it.
    from: f64,
    /// The value that is better by `min_effect`.
    to: f64,
}

impl<'a> Goal<'a> {
    /// The goal of an order; none where no reading caused it.
    pub(super) fn of(order: &'a Order, action: &Action) -> Option<Self> {
        let cause = order.cause.as_ref()?;
        Some(Self::towards(cause, action, cause.metric.direction()))
    }

    pub(super) fn towards(cause: &'a Cause, action: &Action, direction: Direction) -> Self {
        let least = action.min_effect * cause.value.abs();
        let to = match direction {
            Direction::Up => cause.value - least,
            Direction::Down => cause.value + least,
        };
        Self { metric: &cause.metric, direction, kind: action.effect, from: cause.value, to }
    }

    /// Whether the level was left, or a reading was better by as much as is asked for.
    pub(super) fn is_reached(&self, window: &Window) -> bool {
        window.left || window.best.is_some_and(|best| self.reaches(best))
    }

    fn reaches(&self, value: f64) -> bool {
        match self.direction {
            Direction::Up => value <= self.to && value < self.from,
            Direction::Down => value >= self.to && value > self.from,
        }
    }

    fn better(&self, a: f64, b: f64) -> f64 {
        match self.direction {
            Direction::Up => a.min(b),
            Direction::Down => a.max(b),
        }
    }

    /// As how fast it becomes worse.
    fn worse(&self, growth: f64) -> f64 {
        match self.direction {
            Direction::Up => growth,
            Direction::Down => -growth,
        }
    }
}

/// A reading before that says nothing about the end of the window.
pub(super) fn half(window: &Window) -> Moment {
    window.from + window.until.since(window.from) / 2
}

/// Takes in a reading. An unknown one says nothing, neither that the measure has helped nor that it has not.
pub(super) fn take(window: &mut Window, goal: &Goal<'_>, reading: &Reading) {
    window.read = reading.at;
    let (value, exact) = match reading.value {
        Value::Known(value) => (value, true),
        Value::AtLeast(value) => (value, false),
        Value::Unknown(_) => return,
    };
    // It is written down, where there is no infinity.
    let value = value.clamp(f64::MIN, f64::MAX);
    let reached = goal.reaches(value);
    // A lower bound of what should fall says at most that it has not; of what should rise, that it has.
    if !exact && reached != (goal.direction == Direction::Down) {
        return;
    }
    if exact || reached {
        window.best = Some(window.best.map_or(value, |best| goal.better(best, value)));
    }
    (window.last, window.last_at) = (Some(value), reading.at);
    if exact {
        window.course.push(reading.at, value);
    }
}

/// What the window has come to. None where too little was known of its second half to say that nothing
/// has helped.
pub(super) fn of(window: &Window, goal: &Goal<'_>) -> (Option<Effect>, Measured) {
    let (before, after) = (window.growth.map(|g| goal.worse(g)), window.course.growth().map(|g| goal.worse(g)));
    let stops = goal.kind == EffectKind::StopsGrowth;
    let recent = window.last.is_some() && window.last_at >= half(window);
    let better = goal.is_reached(window);
    let slowed = stops && recent && after.is_some_and(|after| slows(before, after));
    let effect = match (better || slowed, recent) {
        (true, _) => Some(Effect::Effective),
        (false, true) => Some(Effect::Ineffective),
        (false, false) => None,
    };
    let minute = |growth: Option<f64>| growth.map(|growth| growth * 60.0);
    let measured = Measured {
        action: window.order.action.clone(),
        metric: goal.metric.clone(),
        from: goal.from,
        to: if better { window.best.or(window.last) } else { window.last },
        within: window.until.since(window.from),
        growth: stops.then(|| Slowing { before: minute(before), after: minute(after) }),
    };
    (effect, measured)
}

/// Whether it grows less than half as fast as before. What did not grow before has no growth to stop.
fn slows(before: Option<f64>, after: f64) -> bool {
    before.is_some_and(|before| after < before / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Base, Moment};

    #[test]
    fn where_lower_is_worse_falling_means_becoming_better() {
        let cause = Cause {
            metric: Metric::plain(Base::OpenFds),
            value: 400.0,
            bound: 300.0,
            since: Moment::default(),
            escalated: None,
        };
        for (direction, value, reached) in [
            (Direction::Up, 380.0, true),
            (Direction::Up, 381.0, false),
            (Direction::Up, 500.0, false),
            (Direction::Down, 420.0, true),
            (Direction::Down, 419.0, false),
            (Direction::Down, f64::MAX, true),
            (Direction::Down, 10.0, false),
        ] {
            let goal = Goal::towards(&cause, &Action::default(), direction);
            assert_eq!(goal.reaches(value), reached, "{direction:?} {value}");
        }
        let worse = |direction| Goal::towards(&cause, &Action::default(), direction).worse(2.0);
        assert_eq!((worse(Direction::Up), worse(Direction::Down)), (2.0, -2.0));
        // Nothing can fall below nothing; whatever is above it is better where lower is worse.
        let none = Cause { value: 0.0, ..cause };
        assert!(!Goal::towards(&none, &Action::default(), Direction::Up).reaches(0.0));
        assert!(!Goal::towards(&none, &Action::default(), Direction::Down).reaches(0.0));
        assert!(Goal::towards(&none, &Action::default(), Direction::Down).reaches(1.0));
    }

    #[test]
    fn under_half_is_under_half() {
        assert!(slows(Some(10.0), 4.9) && !slows(Some(10.0), 5.0) && !slows(Some(10.0), 20.0));
        assert!(slows(Some(0.1), 0.0) && slows(Some(0.0), -0.1));
        assert!(!slows(None, 0.0) && !slows(Some(0.0), 0.0), "unknown is not zero, and nothing grew before");
    }
}
