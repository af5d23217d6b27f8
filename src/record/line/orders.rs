//! Sentences about orders: what goes out, what waits and for what, what became of it.

use std::fmt::{self, Write as _};

use super::{Teller, who};
use crate::model::{
    ActionScope, Effect, FreezeBy, KillScope, Level, Measure, Measured, Moment, Order, OutcomeKind, Reason,
};
use crate::record::show;

/// What holds an order back, and when it opens, where that is known.
type Brake = (Reason, Option<Moment>);

impl Teller<'_> {
    pub(super) fn tell_ordered(&self, out: &mut String, order: &Order) -> fmt::Result {
        // What is in force is taken back, dry run or not.
        let dry = if self.dry_run && !order.undo { " (dry run)" } else { "" };
        write!(out, "order {}{dry}: {} ({})", order.id.0, action(order), show::measure(&order.measure))?;
        write!(out, " for {}: ", whom(order))?;
        match &order.cause {
            // What the readings are now, nobody has looked at.
            Some(cause) if order.undo => {
                let reading = show::reading(&cause.metric, cause.value, cause.bound);
                write!(out, "it was taken at {}, {reading}", level(order))
            }
            Some(cause) => write!(out, "{} ({})", self.because(cause), level(order)),
            None if let Some(by) = &order.by => write!(out, "{by} wants that"),
            None if order.undo => write!(out, "it was taken at {}", level(order)),
            None => out.write_str("as the schedule has it"),
        }?;
        if order.attempt > 1 { write!(out, ", attempt {}", order.attempt) } else { Ok(()) }
    }

    pub(super) fn tell_held(&self, out: &mut String, order: &Order, (reason, opens): Brake) -> fmt::Result {
        write!(out, "{} is held: {}", subject(order), why(reason))?;
        self.tell_opening(out, opens)
    }

    pub(super) fn tell_still_held(&self, out: &mut String, order: &Order, (reason, opens): Brake) -> fmt::Result {
        if is_host(order) {
            write!(out, "host is still {}, and {} for {}", order.level, action(order), whom(order))?;
        } else {
            write!(out, "{} is still {}, and {}", by_name(order), order.level, action(order))?;
        }
        write!(out, " is held: {}", why(reason))?;
        self.tell_opening(out, opens)
    }

    pub(super) fn tell_gave_up(&self, out: &mut String, order: &Order, reason: Reason) -> fmt::Result {
        write!(out, "order {}: gave up {} for {}", order.id.0, action(order), whom(order))?;
        if reason == Reason::None {
            self.tell_in_vain(out, order)?;
        } else {
            write!(out, " after attempt {}: {}", order.attempt, why(reason))?;
        }
        out.write_str("; not tried again until ")?;
        if order.by.is_some() {
            out.write_str("somebody asks for it again")
        } else if order.level == Level::Normal {
            out.write_str("it is due again")
        } else {
            write!(out, "{} is left", level(order))
        }
    }

    /// Delivered as often as is allowed, and nothing has come of it.
    fn tell_in_vain(&self, out: &mut String, order: &Order) -> fmt::Result {
        let target = self.config.targets.iter().find(|target| target.name == order.target);
        let action = target.and_then(|target| target.actions.iter().find(|action| action.name == order.action));
        let times = match action.map_or(1, |action| action.max_attempts) {
            1 => "its order".to_owned(),
            times => format!("{times} orders"),
        };
        let in_force = action.is_some_and(|action| action.undo.is_some());
        write!(out, ": {times} had no effect{}", if in_force { ", and it stays in force" } else { "" })
    }

    /// It shouts, and says what the operator can do.
    pub(super) fn tell_stays_in_force(&self, out: &mut String, order: &Order, opens: Option<Moment>) -> fmt::Result {
        write!(out, "{} stays in force: taken and undone too often (max_cycles)", subject(order))?;
        if let Some(opens) = opens {
            write!(out, "; undone in {}", show::duration(opens.since(self.now)))?;
        }
        write!(out, "; to undo it now: tradedog undo {} {}", order.target, order.action)
    }

    fn tell_opening(&self, out: &mut String, opens: Option<Moment>) -> fmt::Result {
        opens.map_or(Ok(()), |opens| write!(out, "; opens in {}", show::duration(opens.since(self.now))))
    }
}

pub(super) fn tell_released(out: &mut String, order: &Order, reason: Reason) -> fmt::Result {
    write!(out, "{} is no longer held: {reason} is over", subject(order))
}

pub(super) fn tell_failed(out: &mut String, order: &Order, (reason, detail): (Reason, Option<&str>)) -> fmt::Result {
    write!(out, "{} failed: {}", subject(order), why(reason))?;
    tell_detail(out, detail)
}

/// `order 17: reset_pool had no effect in 60s (open_fds 640 -> 655): trader[0] pid 1234`
pub(super) fn tell_effect(
    out: &mut String,
    order: &Order,
    (effect, measured): (Option<Effect>, &Measured),
) -> fmt::Result {
    write!(out, "order {}: {}: {}", order.id.0, show::effect(effect, measured), by_name(order))
}

pub(super) fn tell_ended(out: &mut String, order: &Order, (kind, reason): (OutcomeKind, Reason)) -> fmt::Result {
    let (id, whom) = (order.id.0, whom(order));
    match kind {
        OutcomeKind::Gone if reason != Reason::None => {
            write!(out, "order {id}: gone: {}; {} never went out, kept back", by_name(order), action(order))
        }
        OutcomeKind::Gone => write!(out, "order {id}: gone: {}", by_name(order)),
        OutcomeKind::DryRun => write!(out, "order {id}: would have {}", done(order)),
        OutcomeKind::Delivered | OutcomeKind::Acknowledged => {
            let undo = if order.undo { format!("{}: ", action(order)) } else { String::new() };
            write!(out, "order {id}: {}: {undo}{}", kind.name(), sent(order))
        }
        OutcomeKind::Failed | OutcomeKind::Held | OutcomeKind::Vetoed | OutcomeKind::Lapsed => {
            let measure = show::measure(&order.measure);
            write!(out, "order {id}: {}: {} ({measure}) for {whom}", kind.name(), action(order))
        }
    }?;
    if reason == Reason::None { Ok(()) } else { write!(out, ": {}", why(reason)) }
}

pub(super) fn tell_lease_ended(out: &mut String, order: &Order) -> fmt::Result {
    write!(out, "{} is in force no more, and nobody had to take it back", subject(order))
}

/// What the other side said.
pub(super) fn tell_detail(out: &mut String, detail: Option<&str>) -> fmt::Result {
    detail.map_or(Ok(()), |detail| write!(out, ": {detail}"))
}

/// `order 17: pause for trader[0] pid 1234`
fn subject(order: &Order) -> String {
    format!("order {}: {} for {}", order.id.0, action(order), whom(order))
}

/// `pause`, or `undo of pause`
fn action(order: &Order) -> String {
    if order.undo { format!("undo of {}", order.action) } else { order.action.to_string() }
}

/// The level as its ladder has it: `critical`, `critical of ladder memory`, `critical of the host`.
fn level(order: &Order) -> String {
    match &*order.ladder {
        "default" => order.level.to_string(),
        "host" => format!("{} of the host", order.level),
        ladder => format!("{} of ladder {ladder}", order.level),
    }
}

fn is_host(order: &Order) -> bool {
    &*order.ladder == "host"
}

/// `cooldown (too soon after the last delivery to this process)`
fn why(reason: Reason) -> String {
    format!("{reason} ({})", reason.help())
}

/// `SIGUSR1 to trader[0] pid 1234`, `POST http://127.0.0.1:8080/pause for trader`
fn sent(order: &Order) -> String {
    let to = if is_signal(&order.measure) { "to" } else { "for" };
    format!("{} {to} {}", show::measure(&order.measure), whom(order))
}

/// What would have been done: `sent SIGUSR1 to trader[0] pid 1234`.
fn done(order: &Order) -> String {
    let verb = match order.measure {
        Measure::Command(_) => "run",
        Measure::Freeze { by: FreezeBy::Cgroup, .. } | Measure::Thaw { by: FreezeBy::Cgroup } => "set",
        Measure::Signal { .. }
        | Measure::Kill { .. }
        | Measure::Freeze { .. }
        | Measure::Thaw { .. }
        | Measure::Http(_) => "sent",
    };
    format!("{verb} {}", sent(order))
}

/// Whether what is sent goes to the process itself.
const fn is_signal(measure: &Measure) -> bool {
    match measure {
        Measure::Signal { .. } | Measure::Kill { .. } => true,
        Measure::Freeze { by, .. } | Measure::Thaw { by } => matches!(by, FreezeBy::Signal),
        Measure::Http(_) | Measure::Command(_) => false,
    }
}

/// Whom an order concerns, and how far it reaches.
fn whom(order: &Order) -> String {
    let Measure::Kill { scope, .. } = order.measure else { return by_name(order) };
    let reach = match scope {
        KillScope::Process => "",
        KillScope::Tree => " and its descendants",
        KillScope::Cgroup => " and all of its cgroup",
    };
    by_name(order) + reach
}

/// The process; the target where one delivery serves all its processes.
fn by_name(order: &Order) -> String {
    match order.scope {
        ActionScope::Process => who(&order.target, order.member, &order.identity),
        ActionScope::Target => order.target.to_string(),
    }
}
