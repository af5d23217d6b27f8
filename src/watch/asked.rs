//! What operators ask over the control socket.

use std::sync::Arc;
use std::time::Duration;

use super::Watch;
use crate::config::Target;
use crate::export::{Asked, Control, OrderAnswer, Reply, Request, Whom};
use crate::judge::{Chosen, Wanted, Wish, inhibition_length};
use crate::model::{
    ActionScope, Event, Inhibition, LeaseView, Moment, Note, Order, OrderId, OutcomeKind, Reason, Standing, printable,
};
use crate::record::{Ended, show_duration};

/// At most one line in that time of those who asked and may not.
const BETWEEN_STRANGERS: Duration = Duration::from_secs(60);

/// Those who asked and may not.
#[derive(Debug, Default)]
pub(super) struct Strangers {
    /// The last one, not told of yet.
    last: Option<Arc<str>>,
    /// How many tries were not told of yet.
    count: u32,
    /// When it was last told of them.
    told: Option<Moment>,
}

/// Longest name that is told back.
const MOST_CHARS: usize = 80;

impl Watch {
    /// Takes what is asked, and a configuration that has been read.
    pub(super) fn answer(&mut self, now: Moment) {
        self.finish_reload(now);
        self.tell_strangers(now);
        self.hear_server();
        self.hear_history();
        while let Some(asked) = self.control.as_mut().and_then(Control::next_request) {
            self.comply(asked, now);
        }
    }

    fn comply(&mut self, asked: Asked, now: Moment) {
        if let Some(what) = told(&asked.request) {
            self.events.push(Event { at: now, note: Note::Asked { by: Arc::clone(&asked.by), what } });
        }
        let reply = match &asked.request {
            Request::Reload => {
                self.begin_reload(Some(asked));
                return;
            }
            Request::Leases => Reply::Leases(self.state.leases(now).collect()),
            Request::Orders(orders) => Reply::Ordered(orders.iter().map(|order| self.become_of(*order)).collect()),
            Request::Thaw => done(&self.state.want_thaw(now)),
            Request::UndoAll => done(&self.state.want_undo(None, None, now)),
            Request::Undo { target, action } => {
                let refusal = self.unknown_lease(target, action.as_deref(), now);
                refusal.unwrap_or_else(|| done(&self.state.want_undo(Some(target), action.as_deref(), now)))
            }
            Request::Act { .. } => self.act(&asked, now),
            Request::Inhibit { target, action, .. } => {
                self.unknown_name(target, action.as_deref()).unwrap_or_else(|| self.inhibit(&asked, now))
            }
            Request::Release { .. } | Request::ReleaseAll => self.release(&asked, now),
            Request::Inhibitions => Reply::Done(held_back(self.state.inhibitions(now), now)),
            // Answered before it comes here.
            Request::Status => Reply::Refused("the status is told from what is published".to_owned()),
        };
        self.replies.push((asked, reply));
    }

    /// Answers what was asked in this tick.
    pub(super) fn reply(&mut self) {
        for (asked, reply) in self.replies.drain(..) {
            asked.answer(reply);
        }
    }

    /// Says who asked and may not, at most once a minute however many they are.
    fn tell_strangers(&mut self, now: Moment) {
        let Some(control) = &mut self.control else { return };
        while let Some(by) = control.next_stranger() {
            self.strangers.last = Some(by);
            self.strangers.count = self.strangers.count.saturating_add(1);
        }
        let quiet = self.strangers.told.is_some_and(|told| now.since(told) < BETWEEN_STRANGERS);
        let Some(by) = self.strangers.last.take_if(|_| !quiet) else { return };
        let more = std::mem::take(&mut self.strangers.count).saturating_sub(1);
        let more = if more > 0 { format!(", the last of {} tries", more + 1) } else { String::new() };
        self.strangers.told = Some(now);
        self.warn(format!("{by} asked at the control socket and was refused{more}"));
    }

    fn act(&mut self, asked: &Asked, now: Moment) -> Reply {
        let Request::Act { target, action, whom, needs } = &asked.request else { return Reply::Done(Vec::new()) };
        if let Some(refusal) = self.unknown_name(target, Some(action)) {
            return refusal;
        }
        let by = Arc::clone(&asked.by);
        let whom = match *whom {
            Whom::Only => Chosen::Only,
            Whom::Slot(slot) => Chosen::Slot(slot),
            Whom::All => Chosen::All,
        };
        match self.state.want_act(&Wish { target, action, whom, needs: *needs, by }, now) {
            Ok(wanted) => {
                // What is in force already is the operator's from now on, whatever becomes of the daemon.
                self.remember(now);
                Reply::Ordered(wanted.iter().map(first_answer).collect())
            }
            Err(why) => Reply::Refused(why),
        }
    }

    /// What has become of an operator's order.
    fn become_of(&self, order: u64) -> OrderAnswer {
        let ended = self.recorder.counters();
        if let Some(ended) = ended.ended(OrderId(order)) {
            let done = is_done(&ended.order, ended.outcome);
            let text = format!("{}: {}", name(&ended.order), outcome(ended));
            return OrderAnswer { order, over: true, done, text };
        }
        match self.state.standing_of(OrderId(order)) {
            Some(standing) => {
                OrderAnswer { order, over: false, done: false, text: format!("order {order}: {}", waits(standing)) }
            }
            None => {
                let text = format!("order {order} is not known here: the log says what became of it");
                OrderAnswer { order, over: true, done: false, text }
            }
        }
    }

    fn inhibit(&mut self, asked: &Asked, now: Moment) -> Reply {
        let Request::Inhibit { target, action, seconds, until_successor } = &asked.request else {
            return Reply::Done(Vec::new());
        };
        let inhibition = Inhibition {
            target: target.as_str().into(),
            action: action.as_deref().map(Into::into),
            by: Arc::clone(&asked.by),
            since: now,
            until: now + inhibition_length(seconds.map(Duration::from_secs)),
            until_successor: *until_successor,
        };
        let events = self.state.inhibit(inhibition);
        self.tell_all(events, now)
    }

    fn release(&mut self, asked: &Asked, now: Moment) -> Reply {
        let whom = match &asked.request {
            Request::Release { target, action } => (Some(target.as_str()), action.as_deref()),
            Request::Undo { .. }
            | Request::UndoAll
            | Request::Thaw
            | Request::Reload
            | Request::Leases
            | Request::Act { .. }
            | Request::Orders(_)
            | Request::Inhibit { .. }
            | Request::ReleaseAll
            | Request::Inhibitions
            | Request::Status => (None, None),
        };
        let events = self.state.release(whom, &asked.by, now);
        if events.is_empty()
            && let (Some(target), action) = whom
        {
            let held = || Reply::Refused(format!("nothing of {} is held back", shown(target)));
            return self.unknown_name(target, action).unwrap_or_else(held);
        }
        if events.is_empty() {
            Reply::Done(vec!["nothing was held back".to_owned()])
        } else {
            self.tell_all(events, now)
        }
    }

    /// What is logged is what the operator is told, and what he is told is remembered.
    fn tell_all(&mut self, events: Vec<Event>, now: Moment) -> Reply {
        let mut lines: Vec<String> = events.iter().map(|event| self.recorder.line(event)).collect();
        self.events.extend(events);
        if !self.remember(now) {
            lines.push("a restart of tradedog would forget this: its state file cannot be written".to_owned());
        }
        Reply::Done(lines)
    }

    /// Names that nobody knows, unless something is in force under them.
    fn unknown_lease(&self, target: &str, action: Option<&str>, now: Moment) -> Option<Reply> {
        let in_force =
            |lease: &LeaseView| *lease.target == *target && action.is_none_or(|action| *lease.action == *action);
        if self.state.leases(now).any(|lease| in_force(&lease)) {
            return None;
        }
        self.unknown_name(target, action)
    }

    /// A target or an action that the configuration does not have.
    fn unknown_name(&self, target: &str, action: Option<&str>) -> Option<Reply> {
        let Some(found) = self.config.targets.iter().find(|known| *known.name == *target) else {
            let names: Vec<&str> = self.config.targets.iter().map(|known| &*known.name).collect();
            let there = names.join(", ");
            return Some(Reply::Refused(format!("no target is called {}: there is {there}", shown(target))));
        };
        let action = action.filter(|action| !found.actions.iter().any(|known| *known.name == **action))?;
        Some(Reply::Refused(format!("{} has no action {}: it has {}", shown(target), shown(action), actions(found))))
    }
}

fn shown(name: &str) -> String {
    printable(name.as_bytes(), MOST_CHARS)
}

fn actions(target: &Target) -> String {
    let names: Vec<&str> = target.actions.iter().map(|known| &*known.name).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

/// What is asked, as words after "asks to"; none for mere questions.
fn told(request: &Request) -> Option<String> {
    let of = |target: &str, action: Option<&str>| match action {
        Some(action) => format!("{} of {}", shown(action), shown(target)),
        None => format!("everything of {}", shown(target)),
    };
    Some(match request {
        Request::Leases | Request::Orders(_) | Request::Inhibitions | Request::Status => return None,
        Request::Reload => "read the configuration again".to_owned(),
        Request::Thaw => "let everybody run again".to_owned(),
        Request::UndoAll => "undo everything".to_owned(),
        Request::Undo { target, action } => format!("undo {}", of(target, action.as_deref())),
        Request::Act { target, action, .. } => format!("take {}", of(target, Some(action))),
        Request::Inhibit { target, action, .. } => format!("hold back {}", of(target, action.as_deref())),
        Request::Release { target, action } => format!("release {}", of(target, action.as_deref())),
        Request::ReleaseAll => "release everything".to_owned(),
    })
}

/// `pause of trader[0]`
fn name(order: &Order) -> String {
    match order.scope {
        ActionScope::Process => format!("{} of {}[{}]", order.action, order.target, order.member.slot),
        ActionScope::Target => format!("{} of {}", order.action, order.target),
    }
}

fn first_answer(wanted: &Wanted) -> OrderAnswer {
    match wanted {
        Wanted::Ordered(order) => {
            let text = format!("ordered: {} (order {})", name(order), order.id.0);
            OrderAnswer { order: order.id.0, over: false, done: false, text }
        }
        // Under a number that no order has.
        Wanted::Refused(why) => OrderAnswer { order: 0, over: true, done: false, text: why.clone() },
        Wanted::InForce(order) => {
            let text = format!("{} is in force already; from now on only tradedog undo ends it", name(order));
            OrderAnswer { order: order.id.0, over: true, done: true, text }
        }
    }
}

/// What became of an order, in words that follow its name.
fn outcome(ended: &Ended) -> String {
    let why = || ended.reason.help();
    match ended.outcome {
        OutcomeKind::DryRun => "dry run: nothing was done".to_owned(),
        OutcomeKind::Gone if ended.order.measure.is_kill() => "done, the process is gone".to_owned(),
        OutcomeKind::Gone => "the process is gone".to_owned(),
        OutcomeKind::Lapsed if ended.reason == Reason::None => "lapsed: it did not go out in time".to_owned(),
        OutcomeKind::Delivered | OutcomeKind::Acknowledged => ended.outcome.name().to_owned(),
        OutcomeKind::Failed | OutcomeKind::Held | OutcomeKind::Vetoed | OutcomeKind::Lapsed => {
            format!("{}: {}", ended.outcome.name(), why())
        }
    }
}

/// What is held back, a line each.
fn held_back<'a>(inhibitions: impl Iterator<Item = &'a Inhibition>, now: Moment) -> Vec<String> {
    let line = |one: &Inhibition| {
        let of = one.action.as_deref().map_or_else(|| "everything".to_owned(), ToOwned::to_owned);
        let successor = if one.until_successor { "until a successor is there, " } else { "" };
        let (target, left) = (&one.target, show_duration(one.until.since(now)));
        format!("{of} of {target}: held back {successor}for {left} more at most, by {}", one.by)
    };
    let mut lines: Vec<String> = inhibitions.map(line).collect();
    if lines.is_empty() {
        lines.push("nothing is held back".to_owned());
    }
    lines
}

/// Whether an operator has what he wanted.
const fn is_done(order: &Order, outcome: OutcomeKind) -> bool {
    match outcome {
        OutcomeKind::Delivered | OutcomeKind::Acknowledged | OutcomeKind::DryRun => true,
        OutcomeKind::Gone => order.measure.is_kill(),
        OutcomeKind::Failed | OutcomeKind::Held | OutcomeKind::Vetoed | OutcomeKind::Lapsed => false,
    }
}

fn waits(standing: Standing) -> String {
    match standing {
        Standing::Held { reason, .. } => format!("held: {}", reason.help()),
        Standing::Retrying { reason, .. } => format!("failed: {}; it is tried again", reason.help()),
        Standing::Waiting => "waits for another order of the process".to_owned(),
        Standing::InFlight
        | Standing::Vetoed { .. }
        | Standing::GaveUp { .. }
        | Standing::InForce { .. }
        | Standing::Done { .. } => "under way".to_owned(),
    }
}

fn done(orders: &[Arc<Order>]) -> Reply {
    Reply::Done(orders.iter().map(|order| format!("undoing {}", name(order))).collect())
}
