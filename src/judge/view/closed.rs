//! Brakes that are closed whatever order comes, so that it can be told what will hold one that comes later.
//!
//! What belongs here: what the brakes themselves would say of a rung that is not due yet, without asking them for
//! each rung in each pass. A test holds it against the brakes. What does not: the hours, which a reader can
//! look up for any time, and what depends on the order: its reading, and what it needs.

use crate::config::Budget;
use crate::judge::State;
use crate::judge::brakes::CRASH_LOOP;
use crate::judge::budget::{Kills, Opens};
use crate::judge::member::MemberState;
use crate::model::{ActionScope, BrakeView, Holds, MemberKey, Moment, Reason};

impl State {
    /// The brakes that are closed now, those of a process in the order in which they are asked. None in a
    /// calm pass.
    pub fn closed(&self, now: Moment) -> impl Iterator<Item = BrakeView> {
        let of_members = self.members.iter().flat_map(move |(key, member)| self.of_member((*key, member), now));
        self.inhibiting(now).chain(of_members).chain(self.of_everybody(now)).chain(self.of_targets(now))
    }

    fn inhibiting(&self, now: Moment) -> impl Iterator<Item = BrakeView> {
        self.inhibitions(now).filter_map(|inhibition| {
            let target = self.target_named(&inhibition.target)?;
            let holds = match &inhibition.action {
                Some(name) => {
                    let actions = &self.config.targets.get(usize::from(target))?.actions;
                    Holds::Action(index(actions.iter().position(|action| action.name == *name)?))
                }
                None => Holds::Any,
            };
            let whom = Some(MemberKey::all_of(target));
            Some(BrakeView { whom, holds, reason: Reason::Inhibited, opens: Some(inhibition.until) })
        })
    }

    fn of_member(&self, (key, member): (MemberKey, &MemberState), now: Moment) -> impl Iterator<Item = BrakeView> {
        let target = self.config.targets.get(usize::from(key.target));
        let brake = move |holds, reason, opens| BrakeView { whom: Some(key), holds, reason, opens };
        let until = move |holds, reason, opens: Moment| (now < opens).then_some(brake(holds, reason, Some(opens)));
        let killed = !self.in_flight.is_empty() && self.is_being_killed(member);
        let killing = killed.then_some(brake(Holds::Any, Reason::Killing, None));
        let grace = target.map(|target| member.started + target.startup_grace);
        let grace = grace.and_then(|opens| until(Holds::Any, Reason::StartupGrace, opens));
        let actions = target.into_iter().flat_map(|target| target.actions.iter().enumerate());
        let cooling = actions.filter_map(move |(at, action)| {
            let delivered = self.delivered_to((key, member), (at, action.scope))?;
            until(Holds::Action(index(at)), Reason::Cooldown, delivered + action.cooldown)
        });
        let settled = target.map(|target| member.settled_from + target.settle);
        let settling = settled.and_then(|opens| until(Holds::Kills, Reason::Settling, opens));
        let crashing = self.seat_kills.get(&key).and_then(|kills| spent((kills, CRASH_LOOP), now));
        let crashing = crashing.map(|opens| brake(Holds::Kills, Reason::CrashLoop, opens));
        killing.into_iter().chain(grace).chain(cooling).chain(settling).chain(crashing)
    }

    /// When an action was last delivered to that member, or to all of whom it was one.
    pub(in crate::judge) fn delivered_to(
        &self,
        (key, member): (MemberKey, &MemberState),
        (action, scope): (usize, ActionScope),
    ) -> Option<Moment> {
        match scope {
            ActionScope::Process => member.delivered.get(action).copied().flatten(),
            // Whoever was born after it has not felt it.
            ActionScope::Target => {
                let at = self.delivered.get(&(key.target, action)).copied();
                at.filter(|at| member.started <= *at)
            }
        }
    }

    fn of_everybody(&self, now: Moment) -> impl Iterator<Item = BrakeView> {
        let brake = |holds, reason, opens| BrakeView { whom: None, holds, reason, opens };
        let hours = self.distrusted(now).map(|until| brake(Holds::Hours, Reason::Calendar, Some(until)));
        let unwritable = (!self.remembering).then(|| brake(Holds::Deadly, Reason::StateUnwritable, None));
        let killed = spent((&self.daemon_kills, self.config.daemon.kill_budget), now);
        let killed = killed.map(|opens| brake(Holds::Kills, Reason::KillBudget, opens));
        hours.into_iter().chain(unwritable).chain(killed)
    }

    fn of_targets(&self, now: Moment) -> impl Iterator<Item = BrakeView> {
        self.config.targets.iter().zip(&self.target_kills).zip(0..).flat_map(move |((target, kills), at)| {
            let brake =
                move |holds, reason, opens| BrakeView { whom: Some(MemberKey::all_of(at)), holds, reason, opens };
            let actions = target.actions.iter().enumerate().filter(|_| self.breakers.are_any());
            let broken = actions.filter_map(move |(at, action)| {
                let opens = self.breakers.opens(&action.measure, now)?;
                Some(brake(Holds::Action(index(at)), Reason::Breaker, Some(opens)))
            });
            let killed = spent((kills, target.kill_budget), now);
            let killed = killed.map(|opens| brake(Holds::Kills, Reason::KillBudget, opens));
            let keep = target.keep_at_least;
            let few = keep > 0 && self.alive(MemberKey { target: at, slot: 0 }) <= keep;
            let few = few.then_some(brake(Holds::Kills, Reason::KeepAtLeast, None));
            broken.chain(killed).chain(few)
        })
    }
}

/// When a budget that is spent opens, where it ever does.
fn spent((kills, budget): (&Kills, Budget), now: Moment) -> Option<Option<Moment>> {
    kills.opens(budget, now).map(|opens| match opens {
        Opens::At(at) => Some(at),
        Opens::Never => None,
    })
}

fn index(at: usize) -> u16 {
    u16::try_from(at).unwrap_or(u16::MAX)
}
