//! What an operator wants done now. His order stands above cooldown and budgets, and never above a
//! veto. What a brake holds is refused with its name, for he is there to be asked; what does not get
//! out within a minute lapses: nobody wants a kill of a while ago.

use std::sync::Arc;
use std::time::Duration;

use super::orders::Turn;
use super::rung::{Of, Rung, RungState};
use super::{Pass, State};
use crate::config::{Action, Target};
use crate::model::{ActionScope, Level, MemberKey, Moment, Note, Order, OrderId, OutcomeKind, Standing, UndoBy};

/// An operator's order that has not gone out by then lapses.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is said of a process that ended meanwhile.
const GONE: &str = "the process is gone";

/// What an operator wants.
#[derive(Clone, Debug)]
pub struct Wish<'a> {
    /// Name of the target.
    pub target: &'a str,
    /// Name of its action.
    pub action: &'a str,
    /// Of which processes.
    pub whom: Chosen,
    /// Whether a kill waits for the measure that it needs.
    pub needs: bool,
    /// Who, as the log calls him.
    pub by: Arc<str>,
}

/// The processes that an operator means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chosen {
    /// The only one.
    Only,
    /// The one in that slot.
    Slot(u32),
    /// Each of them.
    All,
}

/// What has come of a wish, for one process.
#[derive(Clone, Debug, PartialEq)]
pub enum Wanted {
    /// It goes out with the next verdicts, or is under way already.
    Ordered(Arc<Order>),
    /// The measure of that order is in force; from now on only the operator ends it.
    InForce(Arc<Order>),
    /// Nothing was ordered for that process, though for another one: why.
    Refused(String),
}

/// A place where a wish is to be fulfilled.
#[derive(Clone, Copy)]
struct Place<'a> {
    key: MemberKey,
    action: usize,
    target: &'a Target,
}

impl Place<'_> {
    fn action(&self) -> Option<&Action> {
        self.target.actions.get(self.action)
    }
}

impl State {
    /// Orders what an operator wants.
    ///
    /// # Errors
    /// Nothing was ordered: why, as a sentence for him.
    pub fn want_act(&mut self, wish: &Wish<'_>, now: Moment) -> Result<Vec<Wanted>, String> {
        let config = Arc::clone(&self.config);
        let index = self.target_named(wish.target).ok_or_else(|| format!("no target is called {}", wish.target))?;
        let target = &config.targets[usize::from(index)];
        let action = target.actions.iter().position(|action| *action.name == *wish.action);
        let action = action.ok_or_else(|| format!("{} has no action {}", wish.target, wish.action))?;
        let seats = self.chosen(index, wish, target.actions[action].scope)?;
        let wanted = seats.into_iter().map(|key| self.order_wanted(Place { key, action, target }, wish, now));
        let wanted: Vec<Result<Wanted, String>> = wanted.collect();
        if wanted.iter().all(Result::is_err) {
            return Err(wanted.into_iter().find_map(Result::err).unwrap_or_default());
        }
        Ok(wanted.into_iter().map(|one| one.unwrap_or_else(Wanted::Refused)).collect())
    }

    /// How an order stands that has no outcome yet.
    pub fn standing_of(&self, order: OrderId) -> Option<Standing> {
        let is_it = |rung: &&Rung| rung.order.as_ref().is_some_and(|own| own.id == order);
        let mut rungs = self.members.iter().flat_map(|(key, member)| member.rungs.iter().map(move |rung| (*key, rung)));
        let found = rungs.find(|(_, rung)| is_it(rung));
        let standing = found.and_then(|(key, rung)| self.member(key)?.standing(rung));
        standing.or_else(|| self.in_flight.contains_key(&order).then_some(Standing::InFlight))
    }

    /// The members that he means; one that stands for all where one delivery serves all.
    fn chosen(&self, target: u16, wish: &Wish<'_>, scope: ActionScope) -> Result<Vec<MemberKey>, String> {
        let first = MemberKey { target, slot: 0 };
        let there: Vec<MemberKey> = self.served(first, ActionScope::Target).map(|(key, _)| key).collect();
        let slots = || there.iter().map(|key| key.slot.to_string()).collect::<Vec<_>>().join(", ");
        let name = wish.target;
        match (wish.whom, scope) {
            _ if there.is_empty() => Err(format!("nobody of {name} is there")),
            (Chosen::Slot(slot), _) => {
                let found = there.iter().copied().find(|key| key.slot == slot);
                let nobody = || format!("{name} has no process {slot}: there is {}", slots());
                Ok(vec![found.ok_or_else(nobody)?])
            }
            (Chosen::All, ActionScope::Process) => Ok(there),
            (Chosen::Only | Chosen::All, ActionScope::Target) => Ok(there.into_iter().take(1).collect()),
            (Chosen::Only, ActionScope::Process) if there.len() == 1 => Ok(there),
            (Chosen::Only, ActionScope::Process) => {
                Err(format!("{name} has {} processes: name one of {}, or all", there.len(), slots()))
            }
        }
    }

    fn order_wanted(&mut self, place: Place<'_>, wish: &Wish<'_>, now: Moment) -> Result<Wanted, String> {
        let gone = || format!("nobody of {} is there", wish.target);
        let action = place.action().ok_or_else(gone)?;
        let member = self.members.get_mut(&place.key).ok_or_else(gone)?;
        let whom = format!("{}[{}]", wish.target, place.key.slot);
        let same = |rung: &Rung| matches!(rung.of, Of::Operator { .. }) && rung.action == place.action;
        if member.rungs.iter().any(|rung| same(rung) && rung.is_under_way()) {
            return Err(format!("{} of {whom} was asked for already and is under way", wish.action));
        }
        member.rungs.retain(|rung| !same(rung));
        let before = member.rungs.len();
        member.rungs.push(Rung::wanted(Of::Operator { needs: wish.needs }, place.action, &wish.by));
        let turn =
            Turn { key: place.key, rung: before, target: place.target, action, grounds: super::orders::groundless() };
        let wanted =
            self.place_order(&turn, now).map_err(|why| format!("{} of {whom} is held back: {why}", wish.action));
        if wanted.is_err() {
            self.members.entry(place.key).and_modify(|member| member.rungs.truncate(before));
        } else if let Some(needs) = action.needs.filter(|needs| wish.needs && !self.is_acknowledged(&turn, *needs)) {
            let needed = Rung::wanted(Of::Operator { needs: false }, needs.action, &wish.by);
            self.members.entry(place.key).and_modify(|member| member.rungs.push(needed));
        }
        self.changed = true;
        wanted
    }

    fn place_order(&mut self, turn: &Turn<'_>, now: Moment) -> Result<Wanted, String> {
        if self.join(turn, now).is_some() {
            return self.joined(turn);
        }
        if let Some(hold) = self.brake(turn, now) {
            return Err(format!("{} ({})", hold.reason.help(), hold.reason));
        }
        self.draft(turn, now).map(Wanted::Ordered).ok_or_else(|| GONE.to_owned())
    }

    /// The measure was there already, or is on its way: from now on it is the operator's.
    fn joined(&mut self, turn: &Turn<'_>) -> Result<Wanted, String> {
        let rung = self.rung_mut(turn).ok_or(GONE)?;
        let (state, action, order) = (rung.state, rung.action, rung.order.clone());
        let lease = self.lease_at(turn.key, action).and_then(|at| self.leases.get_mut(at));
        // While it is being undone nothing has come of the rung, and the lease is nobody's to keep.
        let there = matches!(state, RungState::InFlight(_) | RungState::InForce);
        let lease = lease.filter(|lease| there && !lease.wanted).map(|lease| {
            lease.undo.by = UndoBy::Operator;
            Arc::clone(&lease.order)
        });
        match (state, order, lease) {
            (RungState::InFlight(_), Some(order), _) => Ok(Wanted::Ordered(order)),
            (RungState::InForce, _, Some(order)) => Ok(Wanted::InForce(order)),
            _ => Err("it is being undone just now: ask again".to_owned()),
        }
    }

    /// Ends what is done, and what has not gone out in time.
    pub(super) fn tend_operators(&mut self, pass: &mut Pass<'_>) {
        for member in self.members.values_mut() {
            if member.rungs.are_calm() || !member.rungs.iter().any(|rung| matches!(rung.of, Of::Operator { .. })) {
                continue;
            }
            let now = pass.now;
            for rung in member.rungs.iter_mut().filter(|rung| rung.is_late(now)) {
                let reason = rung.kept_back();
                if let Some(order) = rung.end() {
                    pass.tell(Note::Ended { order, kind: OutcomeKind::Lapsed, reason, detail: None });
                }
            }
            // What a kill needs is kept until it has gone out: its acknowledgement is asked of the rung.
            let waits = member.rungs.iter().any(|rung| rung.of == Of::Operator { needs: true } && rung.is_under_way());
            let over = |rung: &Rung| matches!(rung.of, Of::Operator { .. }) && !rung.is_under_way() && !waits;
            member.rungs.retain(|rung| !over(rung));
        }
    }

    /// The orders of operators that have not gone out: another configuration does not take them over.
    pub(super) fn operators_due(&self) -> impl Iterator<Item = Arc<Order>> {
        let rungs = self.members.values().flat_map(|member| &member.rungs);
        let waits = |rung: &&Rung| matches!(rung.state, RungState::Due | RungState::Failed { .. });
        let due = rungs.filter(|rung| matches!(rung.of, Of::Operator { .. })).filter(waits);
        due.filter_map(|rung| rung.order.clone())
    }
}

impl Rung {
    /// A rung that is due because an operator wants it.
    fn wanted(of: Of, action: usize, by: &Arc<str>) -> Self {
        Self { state: RungState::Due, by: Some(Arc::clone(by)), ..Self::new(of, Level::Normal, action) }
    }

    const fn is_under_way(&self) -> bool {
        matches!(self.state, RungState::Due | RungState::InFlight(_) | RungState::Failed { .. })
    }

    fn is_late(&self, now: Moment) -> bool {
        let operators = matches!(self.of, Of::Operator { .. });
        let waits = matches!(self.state, RungState::Due | RungState::Failed { .. });
        let since = self.needs_until.or_else(|| self.order.as_ref().map(|order| order.decided));
        operators && waits && since.is_some_and(|since| now >= since + PATIENCE)
    }
}
