//! Measures of one ladder that come again within each other's `patience`: orders in one another's window are
//! judged as one, at its end, and so there may never be one.

use std::time::Duration;

use super::super::super::problem::Report;
use super::super::super::{Action, units};
use super::super::Setting;
use super::super::action::Plan;
use super::Item;
use super::during::Inside;
use super::ladders::Joint;

/// What comes again, and how often at most.
struct Pace<'i, 'a> {
    item: &'i Item<'a, Plan<'a>>,
    every: Duration,
    patience: Duration,
}

/// Warns of them; each is told of with one other.
pub(super) fn hold_against(
    actions: &[Item<'_, Plan<'_>>],
    (ladders, insides): (&[Joint<'_>], &[Inside<'_>]),
    report: &mut Report,
) {
    let usual = ladders.iter().map(|ladder| ladder.steps().map(|(_, step)| step.action).collect());
    let at_times = insides.iter().flat_map(|inside| ladders.iter().map(|ladder| inside.in_force(ladder).collect()));
    let at_once: Vec<Vec<&str>> = usual.chain(at_times).collect();
    let meet = |one: &Pace<'_, '_>, other: &Pace<'_, '_>| {
        at_once.iter().any(|names| names.contains(&one.item.name) && names.contains(&other.item.name))
    };
    let paces: Vec<Pace<'_, '_>> = actions.iter().filter_map(Pace::of).collect();
    for (index, one) in paces.iter().enumerate() {
        let mut others = paces.iter().skip(index + 1);
        if let Some(other) = others.find(|other| is_endless(one, other) && meet(one, other)) {
            tell(one, other, report);
        }
    }
}

impl<'i, 'a> Pace<'i, 'a> {
    /// Of what is ordered again, and not within its own `patience`, which is told of already.
    fn of(item: &'i Item<'a, Plan<'a>>) -> Option<Self> {
        let Setting::Is(Plan { action, .. }) = &item.setting else { return None };
        let Action { patience, cooldown, .. } = *action;
        let every = action.repeat?.max(cooldown);
        let again = action.undo.is_none() && !action.measure.is_kill() && every >= patience;
        again.then_some(Self { item, every, patience })
    }

    /// How long after each order nothing is waited for.
    fn rest(&self) -> u128 {
        (self.every - self.patience).as_millis()
    }
}

/// Whether both can come so that somebody's `patience` is never over. Seen from one, the other's orders fall on
/// phases that are the common measure of both apart, all of them in time; the rests of both stay clear of each
/// other at some phase as long as they fit into that measure.
fn is_endless(one: &Pace<'_, '_>, other: &Pace<'_, '_>) -> bool {
    one.rest() + other.rest() < common(one.every.as_millis(), other.every.as_millis())
}

/// The greatest common measure.
fn common(a: u128, b: u128) -> u128 {
    if b == 0 { a } else { common(b, a % b) }
}

fn tell(one: &Pace<'_, '_>, other: &Pace<'_, '_>, report: &mut Report) {
    let told = |pace: &Pace<'_, '_>| {
        format!(
            "`{}` every \"{}\" (`patience` \"{}\")",
            pace.item.name,
            units::Duration(pace.every),
            units::Duration(pace.patience)
        )
    };
    let (sum, longer) = (one.patience + other.patience, one.every.max(other.every));
    let what = format!(
        "{} and {} of one ladder can be ordered again by turns, each within the `patience` of the other: their effect \
         is then judged as one, and may never be, so that nothing gives them up and nothing follows upon them",
        told(one),
        told(other)
    );
    report.warning(one.item.place, what).also(other.item.place, "by turns with this").help(format!(
        "write a `repeat` of \"{}\" or longer for one of them, or for both a `patience` that together is \"{}\" at most",
        units::Duration(sum),
        units::Duration(longer)
    ));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::check::Origin;
    use crate::config::source::Place;

    /// Whether a window that orders of both share never ends at some phase, tried out half a tick at a time. It
    /// is over at the end of the last `patience`, even where an order comes right then.
    fn never_ends((a, patience_a): (u64, u64), (b, patience_b): (u64, u64)) -> bool {
        let open = |at: u64, every: u64, patience: u64| (1..2 * patience).contains(&(at % (2 * every)));
        (0..2 * b).any(|phase| (0..2 * a * b).all(|at| open(at, a, patience_a) || open(at + phase, b, patience_b)))
    }

    #[test]
    fn what_is_told_to_be_endless_is_and_nothing_else() {
        let item = |name| Item {
            name,
            place: Place { file: 0, start: 0, end: 0 },
            origin: Origin::Own,
            setting: Setting::<Plan<'_>>::Removed,
        };
        let (one, other) = (item("one"), item("other"));
        let pace = |item, (every, patience): (u64, u64)| Pace {
            item,
            every: Duration::from_secs(every),
            patience: Duration::from_secs(patience),
        };
        let mut endless = 0;
        let all = || (1..=9).flat_map(|every| (1..=every).map(move |patience| (every, patience)));
        for (a, b) in all().flat_map(|a| all().map(move |b| (a, b))) {
            let told = is_endless(&pace(&one, a), &pace(&other, b));
            assert_eq!(told, never_ends(a, b), "{a:?} {b:?}");
            assert!(!told || a.1 + b.1 > a.0.max(b.0), "what the help says would be told of, too: {a:?} {b:?}");
            endless += u32::from(told);
        }
        assert!(endless > 50, "{endless}");
    }
}
