//! What holds an order back for now. A brake does not end an order: the rung stays due and goes
//! out when the brake opens. One list, asked in its order; the first that is closed is the reason.

use std::time::Duration;

use super::budget::{Kills, Opens};
use super::member::MemberState;
use super::rung::{Hold, Of, Rung};
use super::watched::Grounds;
use crate::config::{Action, Budget, Target};
use crate::model::{Moment, Reason};

/// That many kills at one seat, and the level entered again: killing does not help.
pub(super) const CRASH_LOOP: Budget = Budget { max: 3, per: Duration::from_secs(30 * 60) };

/// Everything a brake may look at.
pub(super) struct Situation<'a> {
    pub(super) target: &'a Target,
    pub(super) member: &'a MemberState,
    pub(super) rung: &'a Rung,
    pub(super) action: &'a Action,
    /// Why the rung is due.
    pub(super) grounds: &'a Grounds,
    /// Whether a kill of the process is under way.
    pub(super) being_killed: bool,
    /// When the action was last delivered, to this process or for all.
    pub(super) delivered: Option<Moment>,
    /// Until when the operator holds it back, if he does.
    pub(super) inhibited: Option<Moment>,
    /// What a calendar says against it now.
    pub(super) hours: Option<Hold>,
    /// When the endpoint may be asked again, if it may not now.
    pub(super) breaker: Option<Moment>,
    /// Whether what is in force can be remembered.
    pub(super) remembering: bool,
    pub(super) now: Moment,
}

/// What other members of the target, and of all targets, are going through: asked for kills only.
pub(super) struct Fleet<'a> {
    /// The kill budget of all targets.
    pub(super) daemon_budget: Budget,
    /// Kills of the target.
    pub(super) target_kills: &'a Kills,
    /// Kills of all targets.
    pub(super) daemon_kills: &'a Kills,
    /// Kills at this seat.
    pub(super) seat_kills: Option<&'a Kills>,
    /// Members of the target that live and are not being killed.
    pub(super) alive: u32,
}

/// A brake of every measure, or of kills alone.
enum Brake {
    Any(fn(&Situation<'_>) -> Option<Hold>),
    Kill(fn(&Situation<'_>, &Fleet<'_>) -> Option<Hold>),
}

/// Whether a brake holds what an operator wants, too.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Operator {
    Heeds,
    StandsAbove,
}

use Operator::{Heeds, StandsAbove};

/// Every brake, in the order in which they are asked.
const BRAKES: &[(Brake, Operator)] = &[
    (Brake::Any(inhibited), Heeds),
    (Brake::Any(killing), Heeds),
    (Brake::Any(startup_grace), StandsAbove),
    (Brake::Any(cooldown), StandsAbove),
    (Brake::Any(settling_after_dry_run), StandsAbove),
    (Brake::Any(calendar), StandsAbove),
    (Brake::Any(breaker), Heeds),
    (Brake::Any(state_unwritable), Heeds),
    (Brake::Kill(settling), StandsAbove),
    (Brake::Kill(unknown_cause), StandsAbove),
    (Brake::Kill(unconfirmed), StandsAbove),
    (Brake::Kill(crash_loop), StandsAbove),
    (Brake::Kill(kill_budget_of_target), StandsAbove),
    (Brake::Kill(kill_budget_of_daemon), StandsAbove),
    (Brake::Kill(keep_at_least), Heeds),
];

/// The first closed brake; `fleet` is given for a kill.
pub(super) fn closed(situation: &Situation<'_>, fleet: Option<&Fleet<'_>>) -> Option<Hold> {
    let operators = matches!(situation.rung.of, Of::Operator { .. });
    let asked = BRAKES.iter().filter(|(_, operator)| !operators || *operator == Heeds);
    asked.map(|(brake, _)| brake).find_map(|brake| match brake {
        Brake::Any(ask) => ask(situation),
        Brake::Kill(ask) => fleet.and_then(|fleet| ask(situation, fleet)),
    })
}

/// Opens when somebody releases it, and at that time at the latest.
fn inhibited(s: &Situation<'_>) -> Option<Hold> {
    until(Reason::Inhibited, s.inhibited?, s.now)
}

/// Opens when the kill has its outcome.
fn killing(s: &Situation<'_>) -> Option<Hold> {
    s.being_killed.then_some(Hold { reason: Reason::Killing, opens: None })
}

/// Opens `startup_grace` after the start of the process.
fn startup_grace(s: &Situation<'_>) -> Option<Hold> {
    until(Reason::StartupGrace, s.member.started + s.target.startup_grace, s.now)
}

/// Opens `cooldown` after the last delivery of this action to this process, or what may have been one.
/// A retry is no new delivery.
fn cooldown(s: &Situation<'_>) -> Option<Hold> {
    if s.rung.retrying {
        return None;
    }
    until(Reason::Cooldown, s.delivered? + s.action.cooldown, s.now)
}

/// Opens `settle` after dry run was switched off, for what was taken dry.
fn settling_after_dry_run(s: &Situation<'_>) -> Option<Hold> {
    until(Reason::Settling, s.rung.not_before?, s.now)
}

/// Opens when the hours are over in which the action is not taken. Of a kill also when its calendars are up
/// to date again, and the wall clock has been right for a while.
fn calendar(s: &Situation<'_>) -> Option<Hold> {
    s.hours
}

/// Opens 30 s after the last failure of the endpoint.
fn breaker(s: &Situation<'_>) -> Option<Hold> {
    s.breaker.map(|opens| Hold { reason: Reason::Breaker, opens: Some(opens) })
}

/// Opens when the state file can be written again: whom nobody remembers, nobody thaws.
fn state_unwritable(s: &Situation<'_>) -> Option<Hold> {
    let dangerous = s.action.measure.is_kill() || s.action.measure.is_freeze();
    (dangerous && !s.remembering).then_some(Hold { reason: Reason::StateUnwritable, opens: None })
}

/// Opens `settle` after the process was first seen or a bound was changed, and not before the hold
/// of a changed bound has passed anew.
fn settling(s: &Situation<'_>, _: &Fleet<'_>) -> Option<Hold> {
    let settled = s.member.settled_from + s.target.settle;
    until(Reason::Settling, s.grounds.kill_from.map_or(settled, |at| at.max(settled)), s.now)
}

/// Opens with the next known reading of a causing metric.
fn unknown_cause(s: &Situation<'_>, _: &Fleet<'_>) -> Option<Hold> {
    (!s.grounds.known).then_some(Hold { reason: Reason::Unknown, opens: None })
}

/// Opens with the next reading after the one that did not confirm; held for the reason that was told then.
fn unconfirmed(s: &Situation<'_>, _: &Fleet<'_>) -> Option<Hold> {
    let (refused, reason) = s.rung.refused?;
    (s.grounds.read <= refused).then_some(Hold { reason, opens: None })
}

/// Opens when the oldest kill at this seat falls out of the span.
fn crash_loop(s: &Situation<'_>, fleet: &Fleet<'_>) -> Option<Hold> {
    let opens = fleet.seat_kills?.opens(CRASH_LOOP, s.now)?;
    Some(spent(Reason::CrashLoop, opens))
}

/// Opens when the oldest kill of the target falls out of the span.
fn kill_budget_of_target(s: &Situation<'_>, fleet: &Fleet<'_>) -> Option<Hold> {
    Some(spent(Reason::KillBudget, fleet.target_kills.opens(s.target.kill_budget, s.now)?))
}

/// Opens when the oldest kill of all falls out of the span.
fn kill_budget_of_daemon(s: &Situation<'_>, fleet: &Fleet<'_>) -> Option<Hold> {
    Some(spent(Reason::KillBudget, fleet.daemon_kills.opens(fleet.daemon_budget, s.now)?))
}

/// Opens when enough members live.
fn keep_at_least(s: &Situation<'_>, fleet: &Fleet<'_>) -> Option<Hold> {
    let left = fleet.alive.saturating_sub(1);
    (left < s.target.keep_at_least).then_some(Hold { reason: Reason::KeepAtLeast, opens: None })
}

fn until(reason: Reason, opens: Moment, now: Moment) -> Option<Hold> {
    (now < opens).then_some(Hold { reason, opens: Some(opens) })
}

const fn spent(reason: Reason, opens: Opens) -> Hold {
    let opens = match opens {
        Opens::At(at) => Some(at),
        Opens::Never => None,
    };
    Hold { reason, opens }
}
