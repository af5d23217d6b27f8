//! What the operator holds back: the first brake that is asked. Each ends by itself.

use std::sync::Arc;
use std::time::Duration;

use super::{Pass, State};
use crate::model::{ActionScope, Event, Inhibition, InhibitionEnd, LONGEST_INHIBITION, MemberKey, Moment, Note};

/// The kernel tells when a process was started in hundredths of a second, rounded down (proc_pid_stat(5)).
pub(super) const TICK: Duration = Duration::from_millis(10);

/// Most that are held back at a time; the oldest gives way, loudly.
const MOST: usize = 256;

impl State {
    /// Holds back the orders of a target, or of one of its actions. One that concerned the same is
    /// replaced. Returns what is told.
    pub fn inhibit(&mut self, inhibition: Inhibition) -> Vec<Event> {
        let now = inhibition.since;
        let same = |other: &Inhibition| other.target == inhibition.target && other.action == inhibition.action;
        let surplus = (self.inhibitions.len() >= MOST).then(|| self.inhibitions.first().cloned()).flatten();
        let ends = |other: &Inhibition| same(other) || surplus.as_ref() == Some(other);
        let why = InhibitionEnd::Released(Arc::clone(&inhibition.by));
        let mut events = self.end_inhibitions(ends, &why, now);
        self.inhibitions.push(inhibition.clone());
        self.changed = true;
        events.push(Event { at: now, note: Note::Inhibited(inhibition) });
        events
    }

    /// Holds back no more: what concerns one action of a target, everything of a target, or everything.
    /// Returns what is told; nothing where nothing was held back.
    pub fn release(&mut self, whom: (Option<&str>, Option<&str>), by: &Arc<str>, now: Moment) -> Vec<Event> {
        let (target, action) = whom;
        let meant = |inhibition: &Inhibition| {
            target.is_none_or(|name| *inhibition.target == *name)
                && action.is_none_or(|name| inhibition.action.as_deref() == Some(name))
        };
        self.end_inhibitions(meant, &InhibitionEnd::Released(Arc::clone(by)), now)
    }

    /// What is held back now.
    pub fn inhibitions(&self, now: Moment) -> impl Iterator<Item = &Inhibition> {
        self.inhibitions.iter().filter(move |inhibition| now < inhibition.until)
    }

    /// Until when the operator holds back that action, if he does.
    pub(super) fn inhibited(&self, target: &str, action: &str, now: Moment) -> Option<Moment> {
        let ours = self.inhibitions(now).filter(|inhibition| inhibition.concerns(target, action));
        ours.map(|inhibition| inhibition.until).max()
    }

    /// Ends those whose time is over, or whose successor has come.
    pub(super) fn tend_inhibitions(&mut self, pass: &mut Pass<'_>) {
        for inhibition in std::mem::take(&mut self.inhibitions) {
            match self.end_of(&inhibition, pass.now) {
                Some(why) => {
                    self.changed = true;
                    pass.tell(Note::InhibitionEnded { inhibition, why });
                }
                None => self.inhibitions.push(inhibition),
            }
        }
    }

    fn end_of(&self, inhibition: &Inhibition, now: Moment) -> Option<InhibitionEnd> {
        if now >= inhibition.until {
            return Some(InhibitionEnd::Expired);
        }
        if self.successor_came(inhibition) {
            return Some(InhibitionEnd::Successor);
        }
        // What was set aside may hold it, and comes back when that is corrected.
        let whole = self.config.set_aside.is_empty();
        (whole && !self.is_known(inhibition)).then_some(InhibitionEnd::Unknown)
    }

    /// Whether a process of the target is there that was born after it.
    fn successor_came(&self, inhibition: &Inhibition) -> bool {
        let Some(target) = self.target_named(&inhibition.target).filter(|_| inhibition.until_successor) else {
            return false;
        };
        let mut served = self.served(MemberKey { target, slot: 0 }, ActionScope::Target);
        // Who was there already is none, though he was born in the same tick.
        served.any(|(_, member)| member.started + TICK > inhibition.since && member.first_seen > inhibition.since)
    }

    /// Whether the configuration still has what it concerns.
    fn is_known(&self, inhibition: &Inhibition) -> bool {
        let target = self.config.targets.iter().find(|target| target.name == inhibition.target);
        target.is_some_and(|target| {
            let known = |name: &Arc<str>| target.actions.iter().any(|action| action.name == *name);
            inhibition.action.as_ref().is_none_or(known)
        })
    }

    fn end_inhibitions(&mut self, meant: impl Fn(&Inhibition) -> bool, why: &InhibitionEnd, now: Moment) -> Vec<Event> {
        let held = std::mem::take(&mut self.inhibitions);
        let (ended, kept): (Vec<_>, Vec<_>) = held.into_iter().partition(meant);
        self.inhibitions = kept;
        self.changed |= !ended.is_empty();
        let tell = |inhibition| Event { at: now, note: Note::InhibitionEnded { inhibition, why: why.clone() } };
        ended.into_iter().map(tell).collect()
    }
}

/// How long an inhibition lasts that was asked for with `wanted`; the longest where nothing was said.
pub fn inhibition_length(wanted: Option<Duration>) -> Duration {
    wanted.map_or(LONGEST_INHIBITION, |wanted| wanted.min(LONGEST_INHIBITION))
}
