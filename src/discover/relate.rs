//! What a process is to a target depends on others too: its parent, and the other targets.

use std::collections::HashMap;

use super::Change;
use super::facts::Facts;
use super::known::Known;
use super::trouble::{Trouble, Troubles};
use crate::config::{Config, Container, Members, Target};
use crate::model::Pid;

/// Tells the watch loop what is new, the oldest process first, so that it gets the lowest slot.
pub(super) fn relate(
    config: &Config,
    known: &mut HashMap<Pid, Known>,
    troubles: &mut Troubles,
    changes: &mut Vec<Change>,
) {
    let targets = config.targets.iter().enumerate();
    let ambiguous: Vec<bool> = targets.map(|(index, target)| is_ambiguous(index, target, known)).collect();
    for (index, target) in
        (0..).zip(&config.targets).filter(|(index, _)| ambiguous.get(usize::from(*index)) == Some(&true))
    {
        troubles.note(Trouble::ambiguous(index, target));
    }
    // Without facts nothing could be read; whoever was told stays what it was.
    let readable = known.values().filter(|one| one.concerns() && (one.facts.is_some() || !one.is_wanted()));
    let mut members: Vec<_> = readable.map(|one| (one.start_ticks, one.pid, seats(config, known, one))).collect();
    for (_, _, seats) in &mut members {
        // Nobody knows which of several containers is meant: alerting goes on, destroying does not.
        for (facts, _) in seats.iter_mut().zip(&ambiguous).filter(|(_, is)| **is) {
            *facts = facts.take().map(|facts| Facts { anchored: false, ..facts });
        }
    }
    members.sort_unstable_by_key(|(start_ticks, pid, _)| (*start_ticks, *pid));
    for (_, pid, seats) in members {
        if let Some(one) = known.get_mut(&pid) {
            one.tell(seats, changes);
        }
    }
}

/// Whether the digits that are written of an id are the beginning of several containers' ids. One that
/// users made themselves does not count: with it they could disarm the watch over another's.
fn is_ambiguous(index: usize, target: &Target, known: &HashMap<Pid, Known>) -> bool {
    if !matches!(&target.selector.container, Some(Container::Id(id)) if id.len() < Container::WHOLE) {
        return false;
    }
    let mut ids = known.values().filter_map(|one| one.container(index));
    let first = ids.next();
    ids.any(|id| Some(id) != first)
}

/// For each target, what is to be known about `one` as its member; none where it is not.
fn seats(config: &Config, known: &HashMap<Pid, Known>, one: &Known) -> Vec<Option<Facts>> {
    let is_member: Vec<bool> = (0..config.targets.len()).map(|target| is_member(config, known, one, target)).collect();
    let of: Vec<_> = config.targets.iter().zip(&is_member).filter(|(_, is)| **is).map(|(target, _)| target).collect();
    let contested = of.len() > 1 && !of.iter().all(|target| target.shared);
    let facts = |target: usize| Some(Facts { anchored: one.is_anchored(target), contested, ..one.facts.clone()? });
    is_member.iter().enumerate().map(|(target, is)| if *is { facts(target) } else { None }).collect()
}

fn is_member(config: &Config, known: &HashMap<Pid, Known>, one: &Known, target: usize) -> bool {
    one.matches(target)
        && match config.targets.get(target).map(|target| target.members) {
            Some(Members::All) => true,
            Some(Members::Main) => !has_matching_parent(known, one, target),
            None => false,
        }
}

fn has_matching_parent(known: &HashMap<Pid, Known>, one: &Known, target: usize) -> bool {
    let parent = Pid::new(one.ppid).and_then(|ppid| known.get(&ppid));
    // The number of a dead parent may have a younger process now, which is nobody's parent.
    parent.is_some_and(|parent| parent.matches(target) && parent.start_ticks <= one.start_ticks)
}
