//! What operators ask over the control socket.

use std::sync::Arc;

use super::Watch;
use crate::export::{Asked, Control, LeaseView, Reply, Request};
use crate::model::{ActionScope, Moment, Order, printable};

/// Longest name that is told back.
const MOST_CHARS: usize = 80;

impl Watch {
    /// Takes what is asked, and a configuration that has been read.
    pub(super) fn answer(&mut self, now: Moment) {
        self.finish_reload(now);
        while let Some(asked) = self.control.as_mut().and_then(Control::next_request) {
            self.comply(asked, now);
        }
    }

    fn comply(&mut self, asked: Asked, now: Moment) {
        let reply = match &asked.request {
            Request::Reload => {
                self.say(format!("user {} asks to read the configuration again", asked.uid));
                self.begin_reload(Some(asked));
                return;
            }
            Request::Leases => Reply::Leases(self.state.leases(now).collect()),
            Request::Thaw => {
                self.say(format!("user {} asks to let everybody run again", asked.uid));
                done(&self.state.want_thaw(now))
            }
            Request::UndoAll => {
                self.say(format!("user {} asks to undo everything", asked.uid));
                done(&self.state.want_undo(None, None, now))
            }
            Request::Undo { target, action } => {
                let what = action.as_deref().unwrap_or("everything");
                let (what, whom) = (printable(what.as_bytes(), MOST_CHARS), printable(target.as_bytes(), MOST_CHARS));
                self.say(format!("user {} asks to undo {what} of {whom}", asked.uid));
                let refusal = self.refusal(target, action.as_deref(), now);
                refusal.unwrap_or_else(|| done(&self.state.want_undo(Some(target), action.as_deref(), now)))
            }
        };
        self.replies.push((asked, reply));
    }

    /// Answers what was asked in this tick.
    pub(super) fn reply(&mut self) {
        for (asked, reply) in self.replies.drain(..) {
            asked.answer(reply);
        }
    }

    /// Names that nobody knows, unless something is in force under them.
    fn refusal(&self, target: &str, action: Option<&str>, now: Moment) -> Option<Reply> {
        let in_force =
            |lease: &LeaseView| *lease.target == *target && action.is_none_or(|action| *lease.action == *action);
        if self.state.leases(now).any(|lease| in_force(&lease)) {
            return None;
        }
        let shown = |name: &str| printable(name.as_bytes(), MOST_CHARS);
        let Some(found) = self.config.targets.iter().find(|known| *known.name == *target) else {
            let names: Vec<&str> = self.config.targets.iter().map(|known| &*known.name).collect();
            return Some(Reply::Refused(format!(
                "no target is called {}: there is {}",
                shown(target),
                names.join(", ")
            )));
        };
        let action = action.filter(|action| !found.actions.iter().any(|known| *known.name == **action))?;
        let names: Vec<&str> = found.actions.iter().map(|known| &*known.name).collect();
        let (action, target) = (shown(action), shown(target));
        Some(Reply::Refused(format!("{target} has no action {action}: it has {}", names.join(", "))))
    }
}

fn done(orders: &[Arc<Order>]) -> Reply {
    let line = |order: &Arc<Order>| match order.scope {
        ActionScope::Process => format!("undoing {} of {}[{}]", order.action, order.target, order.member.slot),
        ActionScope::Target => format!("undoing {} of {}", order.action, order.target),
    };
    Reply::Done(orders.iter().map(line).collect())
}
