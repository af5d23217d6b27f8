//! Which orders go out now: kills first, then the lowest rung; one in flight per process.

use std::ops::Bound;
use std::sync::Arc;
use std::time::Duration;

use super::brakes::{CRASH_LOOP, Fleet, Situation, closed};
use super::group::Choice;
use super::member::MemberState;
use super::rung::{Hold, Of, Rung, RungState};
use super::watched::{Grounds, Rules};
use super::{Flight, Pass, State};
use crate::config::{Action, Target};
use crate::model::{ActionScope, Level, MemberKey, Moment, Note, Order, OrderId};

/// How often it is said that fatal is held back.
pub(super) const REMINDER: Duration = Duration::from_secs(5 * 60);

/// Whether a turn led to an order.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Turned {
    Ordered,
    Away,
}

/// A due rung of one member, and why it is due.
pub(super) struct Turn<'a> {
    pub(super) key: MemberKey,
    pub(super) rung: usize,
    pub(super) target: &'a Target,
    pub(super) action: &'a Action,
    pub(super) grounds: Grounds,
}

impl Turn<'_> {
    pub(super) const fn is_kill(&self) -> bool {
        self.action.measure.is_kill()
    }
}

/// Of what no reading causes.
pub(super) fn groundless() -> Grounds {
    Grounds { cause: None, known: true, read: Moment::default(), kill_from: None }
}

impl State {
    /// Lets every due rung of everybody go out, or tells what holds it.
    pub(super) fn order_members(&mut self, pass: &mut Pass<'_>) {
        let mut after = Bound::Unbounded;
        // Looked for anew each time: an order may move the rungs of those who come later.
        while let Some(key) = self.next_restless(after) {
            self.order_member(key, pass);
            after = Bound::Excluded(key);
        }
    }

    /// The next member with a rung about which something may be to be done.
    fn next_restless(&mut self, after: Bound<MemberKey>) -> Option<MemberKey> {
        let mut rest = self.members.range_mut((after, Bound::Unbounded));
        rest.find_map(|(key, member)| (!member.rungs.are_calm()).then_some(*key))
    }

    /// Lets every due rung of the member go out, or tells what holds it.
    fn order_member(&mut self, key: MemberKey, pass: &mut Pass<'_>) {
        let config = Arc::clone(&self.config);
        let Some(target) = config.targets.get(usize::from(key.target)) else { return };
        self.revive(key, target, pass.now);
        let rungs = 0..self.members.get(&key).map_or(0, |member| member.rungs.len());
        for rung in rungs.clone() {
            let turn = self.due((key, rung), target, pass).filter(Turn::is_kill);
            if turn.is_some_and(|turn| self.take_kill_turn(&turn, pass) == Turned::Ordered) {
                // The others wait for what becomes of it: vetoed or unconfirmed, they go out.
                return;
            }
        }
        for rung in rungs {
            if let Some(turn) = self.due((key, rung), target, pass).filter(|turn| !turn.is_kill()) {
                self.take_turn(&turn, pass);
            }
        }
    }

    /// A kill skips the levels below it, but for the measure that it needs; what is written before it
    /// at its own level goes out first.
    fn take_kill_turn(&mut self, kill: &Turn<'_>, pass: &mut Pass<'_>) -> Turned {
        if self.brake(kill, pass.now).is_none() {
            if let Some(turned) = self.await_needed(kill, pass) {
                return turned;
            }
            for rung in 0..kill.rung {
                let before = self.due((kill.key, rung), kill.target, pass).filter(|turn| !turn.is_kill());
                if let Some(turn) = before.filter(|turn| self.same_step(turn, kill)) {
                    self.take_turn(&turn, pass);
                }
            }
        }
        self.take_turn(kill, pass)
    }

    fn same_step(&self, a: &Turn<'_>, b: &Turn<'_>) -> bool {
        let step = |turn: &Turn<'_>| self.rung(turn).map(|rung| (rung.of, rung.level));
        step(a) == step(b)
    }

    pub(super) fn take_turn(&mut self, turn: &Turn<'_>, pass: &mut Pass<'_>) -> Turned {
        if let Some(turned) = self.join(turn, pass.now) {
            return turned;
        }
        match self.brake(turn, pass.now) {
            Some(hold) => self.hold(turn, hold, pass),
            None if !turn.is_kill() && self.is_busy(turn) => self.wait(turn, pass),
            None => return self.issue(turn, pass),
        }
        Turned::Away
    }

    /// Whether an order is in flight that this one must wait for: of the same process, or where it
    /// serves the whole target of any that does.
    fn is_busy(&self, turn: &Turn<'_>) -> bool {
        let identity = self.members.get(&turn.key).map(|member| member.identity);
        let wide = |order: &Order| {
            turn.action.scope == ActionScope::Target
                && order.scope == ActionScope::Target
                && order.target == turn.target.name
        };
        self.in_flight.values().any(|flight| Some(flight.order.identity) == identity || wide(&flight.order))
    }

    /// The first closed brake of a due rung.
    pub(super) fn brake(&self, turn: &Turn<'_>, now: Moment) -> Option<Hold> {
        let &Turn { key, target, action, ref grounds, .. } = turn;
        let member = self.members.get(&key)?;
        let delivered = self.delivered_to((key, member), (self.rung(turn)?.action, action.scope));
        let situation = Situation {
            target,
            member,
            rung: self.rung(turn)?,
            action,
            grounds,
            being_killed: self.is_being_killed(member),
            delivered,
            inhibited: self.inhibited(&target.name, &action.name, now),
            hours: self.hours_hold(target, action, now),
            breaker: self.breakers.opens(&action.measure, now),
            remembering: self.remembering,
            now,
        };
        let fleet = turn.is_kill().then(|| self.fleet(key));
        closed(&situation, fleet.as_ref())
    }

    pub(super) fn is_being_killed(&self, member: &MemberState) -> bool {
        let kills = self.in_flight.values().filter(|flight| flight.order.measure.is_kill());
        kills.map(|flight| flight.order.identity).any(|identity| identity == member.identity)
    }

    /// The rung's turn, if it is due, no kill makes it pointless and no other member comes first.
    pub(super) fn due<'a>(
        &self,
        (key, index): (MemberKey, usize),
        target: &'a Target,
        pass: &Pass<'_>,
    ) -> Option<Turn<'a>> {
        let member = self.members.get(&key)?;
        let rung = member.rungs.get(index).filter(|rung| rung.state == RungState::Due)?;
        let grounds = self.grounds(key, rung.of, rung.level).filter(|_| !member.skipped(target, rung))?;
        let choice = Choice::of(rung.action, grounds.cause.as_ref().map(|cause| &cause.metric));
        if matches!(rung.of, Of::Ladder(_)) && !self.is_its_turn(key, &choice, pass) {
            return None;
        }
        Some(Turn { key, rung: index, target, action: target.actions.get(rung.action)?, grounds })
    }

    /// Why a rung is due; none where nothing holds its level any more.
    pub(super) fn grounds(&self, key: MemberKey, of: Of, level: Level) -> Option<Grounds> {
        match of {
            Of::Ladder(ladder) => {
                let target = self.config.targets.get(usize::from(key.target))?;
                self.watched(key)?.grounds(Rules::of_target(target), ladder, level)
            }
            Of::Host(_) => self.host.watched.grounds(Rules::of_host(&self.config), 0, level),
            Of::Schedule(_) | Of::Operator { .. } => Some(groundless()),
        }
    }

    pub(super) fn hold(&mut self, turn: &Turn<'_>, hold: Hold, pass: &mut Pass<'_>) {
        let order = self.draft(turn, pass.now);
        let (Some(order), Some(rung)) = (order, self.rung_mut(turn)) else { return };
        rung.hold = Some(hold);
        let Hold { reason, opens } = hold;
        if !rung.told.contains(&reason) {
            rung.told.push(reason);
            rung.reminded = Some(pass.now);
            pass.tell(Note::Held { order, reason, opens });
        } else if rung.level == Level::Fatal && rung.reminded.is_none_or(|at| pass.now.since(at) >= REMINDER) {
            rung.reminded = Some(pass.now);
            pass.tell(Note::StillHeld { order, reason, opens });
        }
    }

    /// Nothing holds it but its turn: an order exists, so that it is not forgotten if it lapses.
    fn wait(&mut self, turn: &Turn<'_>, pass: &Pass<'_>) {
        self.draft(turn, pass.now);
        if let Some(rung) = self.rung_mut(turn) {
            rung.hold = None;
        }
    }

    fn issue(&mut self, turn: &Turn<'_>, pass: &mut Pass<'_>) -> Turned {
        let order = self.draft(turn, pass.now);
        let (Some(order), Some(rung)) = (order, self.rung_mut(turn)) else { return Turned::Away };
        // An order asked again on each reading, after a veto or a reading that did not confirm, is
        // not news until it ends differently.
        let news = rung.veto.is_none() && rung.refused.is_none();
        let released = rung.hold.take();
        rung.state = RungState::InFlight(order.id);
        let of = Some(rung.of);
        if news {
            if let Some(hold) = released {
                pass.tell(Note::Released { order: Arc::clone(&order), reason: hold.reason });
            }
            pass.tell(Note::Ordered(Arc::clone(&order)));
        }
        if order.measure.is_kill() {
            self.enter_kill(turn, order.id, pass.now);
        }
        self.open_lease(&order, turn.action, pass.now);
        self.in_flight.insert(order.id, Flight { order: Arc::clone(&order), of, sent: pass.now });
        pass.verdicts.orders.push(order);
        Turned::Ordered
    }

    fn enter_kill(&mut self, turn: &Turn<'_>, order: OrderId, now: Moment) {
        if let Some(kills) = self.target_kills.get_mut(usize::from(turn.key.target)) {
            kills.enter(order, now, turn.target.kill_budget.per);
        }
        // What is remembered over a restart is taken from here: for the budgets too.
        let longest = turn.target.kill_budget.per.max(self.config.daemon.kill_budget.per).max(CRASH_LOOP.per);
        self.seat_kills.entry(turn.key).or_default().enter(order, now, longest);
        self.daemon_kills.enter(order, now, self.config.daemon.kill_budget.per);
    }

    /// The order of the rung as it stands now; made if it has none yet.
    pub(super) fn draft(&mut self, turn: &Turn<'_>, now: Moment) -> Option<Arc<Order>> {
        let Turn { key, rung: index, target, action, grounds } = turn;
        let thaw = turn.is_kill().then(|| self.frozen_by(*key)).flatten();
        let member = self.members.get_mut(key)?;
        let rung = member.rungs.get_mut(*index)?;
        let (id, decided) = rung.order.as_ref().map_or((self.next_order, now), |order| (order.id, order.decided));
        if id == self.next_order {
            self.next_order = OrderId(id.0 + 1);
        }
        let ladder = match rung.of {
            Of::Ladder(ladder) => Arc::clone(&target.ladders.get(ladder)?.name),
            Of::Host(_) => "host".into(),
            Of::Schedule(_) => "schedule".into(),
            Of::Operator { .. } => "operator".into(),
        };
        let order = Arc::new(Order {
            id,
            member: *key,
            identity: member.identity,
            target: Arc::clone(&target.name),
            ladder,
            level: rung.level,
            action: Arc::clone(&action.name),
            undo: false,
            scope: action.scope,
            measure: action.measure.clone(),
            thaw,
            cause: grounds.cause.clone(),
            decided,
            attempt: rung.attempts + 1,
            by: rung.by.clone(),
        });
        rung.order = Some(Arc::clone(&order));
        Some(order)
    }

    fn rung(&self, turn: &Turn<'_>) -> Option<&Rung> {
        self.members.get(&turn.key)?.rungs.get(turn.rung)
    }

    pub(super) fn rung_mut(&mut self, turn: &Turn<'_>) -> Option<&mut Rung> {
        self.members.get_mut(&turn.key)?.rungs.get_mut(turn.rung)
    }

    fn fleet(&self, key: MemberKey) -> Fleet<'_> {
        Fleet {
            daemon_budget: self.config.daemon.kill_budget,
            target_kills: &self.target_kills[usize::from(key.target)],
            daemon_kills: &self.daemon_kills,
            seat_kills: self.seat_kills.get(&key),
            alive: self.alive(key),
        }
    }

    /// How many of the target live and are not being killed.
    pub(super) fn alive(&self, key: MemberKey) -> u32 {
        let members = self.served(key, ActionScope::Target);
        let alive = members.filter(|(_, member)| !self.is_being_killed(member)).count();
        u32::try_from(alive).unwrap_or(u32::MAX)
    }
}
