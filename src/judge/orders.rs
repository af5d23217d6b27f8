//! Which orders go out now: kills first, then the lowest rung; one in flight per process.

use std::sync::Arc;
use std::time::Duration;

use super::brakes::{CRASH_LOOP, Fleet, Situation, closed};
use super::member::{Grounds, MemberState};
use super::rung::{Hold, Rung, RungState};
use super::{Pass, State};
use crate::config::{Action, Target};
use crate::model::{Level, MemberKey, Moment, Note, Order, OrderId};

/// How often it is said that fatal is held back.
const REMINDER: Duration = Duration::from_secs(5 * 60);

/// Whether a turn led to an order.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Turned {
    Ordered,
    Away,
}

/// A due rung of one member, and why it is due.
struct Turn<'a> {
    key: MemberKey,
    rung: usize,
    target: &'a Target,
    action: &'a Action,
    grounds: Grounds,
}

impl Turn<'_> {
    const fn is_kill(&self) -> bool {
        self.action.measure.is_kill()
    }
}

impl State {
    /// Lets every due rung of the member go out, or tells what holds it.
    pub(super) fn order_member(&mut self, key: MemberKey, pass: &mut Pass<'_>) {
        let config = Arc::clone(&self.config);
        let Some(target) = config.targets.get(usize::from(key.target)) else { return };
        let Some(member) = self.members.get_mut(&key) else { return };
        member.revive(target, pass.now);
        let rungs = 0..member.rungs.len();
        for rung in rungs.clone() {
            let turn = self.due(key, rung, target).filter(Turn::is_kill);
            if turn.is_some_and(|turn| self.take_kill_turn(&turn, pass) == Turned::Ordered) {
                // The others wait for what becomes of it: vetoed or unconfirmed, they go out.
                return;
            }
        }
        for rung in rungs {
            if let Some(turn) = self.due(key, rung, target).filter(|turn| !turn.is_kill()) {
                self.take_turn(&turn, pass);
            }
        }
    }

    /// A kill skips the levels below it; what is written before it at its own level goes out first.
    fn take_kill_turn(&mut self, kill: &Turn<'_>, pass: &mut Pass<'_>) -> Turned {
        if self.brake(kill, pass.now).is_none() {
            for rung in 0..kill.rung {
                let before = self.due(kill.key, rung, kill.target).filter(|turn| !turn.is_kill());
                if let Some(turn) = before.filter(|turn| self.same_step(turn, kill)) {
                    self.take_turn(&turn, pass);
                }
            }
        }
        self.take_turn(kill, pass)
    }

    fn same_step(&self, a: &Turn<'_>, b: &Turn<'_>) -> bool {
        let step =
            |turn: &Turn<'_>| self.members.get(&turn.key)?.rungs.get(turn.rung).map(|rung| (rung.ladder, rung.level));
        step(a) == step(b)
    }

    fn take_turn(&mut self, turn: &Turn<'_>, pass: &mut Pass<'_>) -> Turned {
        let Some(member) = self.members.get(&turn.key) else { return Turned::Away };
        if let Some(shared) = member.order_in_flight(member.rungs[turn.rung].action) {
            self.join(turn, shared);
            return Turned::Ordered;
        }
        let busy = self.in_flight.values().any(|order| order.identity == member.identity);
        match self.brake(turn, pass.now) {
            Some(hold) => self.hold(turn, hold, pass),
            None if busy && !turn.is_kill() => self.wait(turn, pass),
            None => return self.issue(turn, pass),
        }
        Turned::Away
    }

    /// The first closed brake of a due rung.
    fn brake(&self, turn: &Turn<'_>, now: Moment) -> Option<Hold> {
        let &Turn { key, rung, target, action, ref grounds } = turn;
        let member = self.members.get(&key)?;
        let rung = member.rungs.get(rung)?;
        let kills = self.in_flight.values().filter(|order| order.measure.is_kill());
        let being_killed = kills.map(|order| order.identity).any(|identity| identity == member.identity);
        let fleet = turn.is_kill().then(|| self.fleet(key));
        closed(&Situation { target, member, rung, action, grounds, being_killed, now }, fleet.as_ref())
    }

    /// The rung's turn, if it is due and no kill makes it pointless.
    fn due<'a>(&self, key: MemberKey, index: usize, target: &'a Target) -> Option<Turn<'a>> {
        let member = self.members.get(&key)?;
        let rung = member.rungs.get(index)?;
        let due = rung.state == RungState::Due && !member.skipped(target, rung);
        let grounds = due.then(|| member.grounds(target, rung.ladder, rung.level)).flatten()?;
        Some(Turn { key, rung: index, target, action: target.actions.get(rung.action)?, grounds })
    }

    /// Another rung has the same measure in flight: one order serves both.
    fn join(&mut self, turn: &Turn<'_>, shared: OrderId) {
        let order = self.in_flight.get(&shared).cloned();
        if let Some(rung) = self.rung_mut(turn) {
            rung.state = RungState::InFlight(shared);
            rung.order = order;
            rung.hold = None;
        }
    }

    fn hold(&mut self, turn: &Turn<'_>, hold: Hold, pass: &mut Pass<'_>) {
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
        let news = rung.veto.is_none() && rung.unconfirmed.is_none();
        let released = rung.hold.take();
        rung.state = RungState::InFlight(order.id);
        if news {
            if let Some(hold) = released {
                pass.tell(Note::Released { order: Arc::clone(&order), reason: hold.reason });
            }
            pass.tell(Note::Ordered(Arc::clone(&order)));
        }
        if order.measure.is_kill() {
            self.enter_kill(turn, order.id, pass.now);
        }
        self.in_flight.insert(order.id, Arc::clone(&order));
        pass.verdicts.orders.push(order);
        Turned::Ordered
    }

    fn enter_kill(&mut self, turn: &Turn<'_>, order: OrderId, now: Moment) {
        if let Some(kills) = self.target_kills.get_mut(usize::from(turn.key.target)) {
            kills.enter(order, now, turn.target.kill_budget.per);
        }
        self.seat_kills.entry(turn.key).or_default().enter(order, now, CRASH_LOOP.per);
        self.daemon_kills.enter(order, now, self.config.daemon.kill_budget.per);
    }

    /// The order of the rung as it stands now; made if it has none yet.
    fn draft(&mut self, turn: &Turn<'_>, now: Moment) -> Option<Arc<Order>> {
        let Turn { key, rung: index, target, action, grounds } = turn;
        let member = self.members.get_mut(key)?;
        let rung = member.rungs.get_mut(*index)?;
        let (id, decided) = rung.order.as_ref().map_or((self.next_order, now), |order| (order.id, order.decided));
        if id == self.next_order {
            self.next_order = OrderId(id.0 + 1);
        }
        let order = Arc::new(Order {
            id,
            member: *key,
            identity: member.identity,
            target: Arc::clone(&target.name),
            ladder: Arc::clone(&target.ladders[rung.ladder].name),
            level: rung.level,
            action: Arc::clone(&action.name),
            measure: action.measure.clone(),
            cause: Some(grounds.cause.clone()),
            undo: false,
            scope: action.scope,
            thaw: None,
            decided,
            attempt: rung.attempts + 1,
        });
        rung.order = Some(Arc::clone(&order));
        Some(order)
    }

    fn rung_mut(&mut self, turn: &Turn<'_>) -> Option<&mut Rung> {
        self.members.get_mut(&turn.key)?.rungs.get_mut(turn.rung)
    }

    fn fleet(&self, key: MemberKey) -> Fleet<'_> {
        let seats = MemberKey { target: key.target, slot: 0 }..=MemberKey { target: key.target, slot: u32::MAX };
        let dying = |member: &MemberState| {
            self.in_flight.values().any(|order| order.measure.is_kill() && order.identity == member.identity)
        };
        let alive = self.members.range(seats).filter(|(_, member)| !dying(member)).count();
        Fleet {
            daemon_budget: self.config.daemon.kill_budget,
            target_kills: &self.target_kills[usize::from(key.target)],
            daemon_kills: &self.daemon_kills,
            seat_kills: self.seat_kills.get(&key),
            alive: u32::try_from(alive).unwrap_or(u32::MAX),
        }
    }
}
