//! What follows from a window that is over: it is told, counts against `max_attempts` where nothing has
//! helped, and the ladder steps up where the action asks for that.

use std::sync::Arc;

use super::is_spent;
use super::verdict::{self, Goal};
use crate::config::Escalate;
use crate::judge::rung::{Of, RungState};
use crate::judge::watched::{Rules, Watched};
use crate::judge::{Pass, State};
use crate::model::{Effect, Escalation, Level, Measured, MemberKey, Note, Order, OrderId, Reason, Window};

/// A rung whose order had no effect.
struct Vain {
    key: MemberKey,
    of: Of,
    level: Level,
    order: Arc<Order>,
    spent: bool,
}

impl State {
    /// Tells what a window has come to, and draws the consequences.
    pub(super) fn judge_window(&mut self, window: &Window, pass: &mut Pass<'_>) {
        let Some(action) = self.action_of(&window.order) else { return };
        let Some(goal) = Goal::of(&window.order, action) else { return };
        let (effect, measured) = verdict::of(window, &goal);
        let measured = Arc::new(measured);
        let (order, why) = (Arc::clone(&window.order), Arc::clone(&measured));
        pass.tell(Note::Measured { order, effect, measured });
        let vain = self.take_verdict(window.id, effect == Some(Effect::Ineffective));
        let mut told: Vec<(Arc<str>, Arc<str>)> = Vec::new();
        for rung in vain.iter().filter(|rung| rung.spent) {
            let name = (Arc::clone(&rung.order.target), Arc::clone(&rung.order.action));
            if !told.contains(&name) {
                told.push(name);
                pass.tell(Note::GaveUp { order: Arc::clone(&rung.order), reason: Reason::None });
            }
        }
        for rung in &vain {
            self.step_up(rung, &why, pass);
        }
    }

    /// The rungs that stand behind a window; each is judged once. Those whose order was in vain.
    fn take_verdict(&mut self, window: OrderId, in_vain: bool) -> Vec<Vain> {
        let config = Arc::clone(&self.config);
        let (mut vain, mut dropped) = (Vec::new(), Vec::new());
        for (key, member) in &mut self.members {
            let Some(target) = config.targets.get(usize::from(key.target)) else { continue };
            if !member.rungs.iter().any(|rung| rung.is_in(window)) {
                continue;
            }
            for rung in member.rungs.iter_mut().filter(|rung| rung.is_in(window)) {
                let Some(judged) = rung.judged.take().filter(|_| in_vain) else { continue };
                rung.ineffective += 1;
                let spent = target.actions.get(rung.action).is_some_and(|action| is_spent(rung.ineffective, action));
                if spent && matches!(rung.state, RungState::Due | RungState::Failed { .. }) {
                    // What was to come again does not.
                    rung.state = RungState::Done { at: judged.at, dry: false };
                    rung.hold = None;
                    dropped.extend(rung.give_up_order());
                }
                vain.push(Vain { key: *key, of: rung.of, level: rung.level, order: judged.order, spent });
            }
        }
        let remembered = self.remembered.iter_mut().flatten().flat_map(|member| &mut member.rungs);
        for rung in remembered.filter(|rung| rung.judged.as_ref().is_some_and(|judged| judged.window == window)) {
            rung.judged = None;
            rung.ineffective += u32::from(in_vain);
        }
        self.dropped.extend(dropped);
        vain
    }

    /// Steps the rung's ladder up, if its action asks for that and there is somewhere to go.
    fn step_up(&mut self, rung: &Vain, measured: &Measured, pass: &mut Pass<'_>) {
        let config = Arc::clone(&self.config);
        let action = self.action_of(&rung.order).filter(|action| action.escalate != Escalate::No);
        let Some(action) = action.cloned() else { return };
        let (watched, rules, ladder) = match rung.of {
            Of::Ladder(ladder) => {
                let Some(target) = config.targets.get(usize::from(rung.key.target)) else { return };
                (self.watched_mut(rung.key), Rules::of_target(target), ladder)
            }
            Of::Host(_) => (Some(&mut self.host.watched), Rules::of_host(&config), 0),
            Of::Schedule(_) | Of::Operator { .. } => return,
        };
        let Some(watched) = watched else { return };
        let Some(to) = rules.stairs.next(ladder, rung.level, (&measured.metric, &action)) else { return };
        let row = rules.position(&measured.metric).and_then(|row| watched.thresholds.get(row));
        let (Some(own), Some(name)) = (row.map(|row| row.level()), rules.stairs.name(ladder)) else { return };
        let why = Arc::new(Measured { action: Arc::clone(&rung.order.action), ..measured.clone() });
        let target = Arc::clone(&rung.order.target);
        let (from, since) = (rung.level, pass.now);
        watched.escalate(Escalation { target, ladder: name.into(), from, to, since, own, why });
        self.changed = true;
        self.climb_again((rung.key, rung.of), pass);
    }

    /// The ladders that feed on it follow at once.
    fn climb_again(&mut self, (key, of): (MemberKey, Of), pass: &mut Pass<'_>) {
        if matches!(of, Of::Host(_)) {
            self.climb_host(pass);
            return;
        }
        self.climb_group(key.target, pass);
        self.climb_members(key, pass);
    }
}

impl Watched {
    /// Raises a ladder, unless the same metric has raised it as far already.
    fn escalate(&mut self, escalation: Escalation) {
        let same = |other: &Escalation| {
            other.ladder == escalation.ladder && other.to >= escalation.to && other.why.metric == escalation.why.metric
        };
        if !self.escalations.iter().any(same) {
            self.escalations.push(escalation);
        }
    }
}
