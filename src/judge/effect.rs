//! What a measure did, measured by the metric that caused it: a window of `patience` for each order that was
//! delivered, in which that metric must become better, be left, or stop growing. By its readings alone; that
//! somebody has acknowledged the measure says nothing here.
//!
//! A scheduled order and an operator's have no causing reading, a dry one does nothing, and a kill is done
//! when its process is gone: they have no window.

mod escalate;
mod kept;
mod raised;
mod stairs;
mod verdict;

use std::sync::Arc;

use super::rung::Of;
use super::watched::{Rules, Watched};
use super::{Pass, State};
use crate::config::{Action, Per};
use crate::model::{ActionScope, Course, Level, MemberKey, Moment, Order, OrderId, Subject, Window};
pub(super) use kept::without_changed;
pub(super) use stairs::Stairs;
use verdict::Goal;

/// Where the causing metric of a window is read.
enum Place<'a> {
    Here(&'a Watched, Rules<'a>),
    /// Its process was not found again yet.
    Later,
    /// Its process is no more, or nothing judges it any longer.
    Nowhere,
}

/// What has become of a window in this pass.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Followed {
    Open,
    /// To be judged now.
    Over,
    /// Nothing is to be said of it.
    Pointless,
}

impl State {
    /// An order was delivered: from now on it is to help. Returns the number of its window, which it may
    /// share with others; none where no effect is measured.
    pub(super) fn open_window(&mut self, order: &Arc<Order>, of: Option<Of>, at: Moment) -> Option<OrderId> {
        let subject = self.subject(order, of?)?;
        let action = self.action_of(order).filter(|action| !action.measure.is_kill())?;
        let (cause, patience) = (order.cause.as_ref()?, action.patience);
        let Place::Here(watched, rules) = self.place(subject, order) else { return None };
        let row = rules.position(&cause.metric)?;
        let own = watched.thresholds.get(row)?.level();
        if own == Level::Normal {
            // It was left before the measure came.
            return None;
        }
        let growth = watched.growth(row, cause.metric.direction());
        let mut course = Course::over(patience);
        course.push(at, cause.value);
        let window = Window {
            id: order.id,
            order: Arc::clone(order),
            subject,
            from: at,
            until: at + patience,
            level: own.min(order.level),
            left: false,
            best: None,
            last: None,
            last_at: at,
            read: at,
            growth,
            course,
        };
        let open = self.windows.iter_mut().find(|open| is_shared(open, &window));
        let Some(open) = open else {
            self.windows.push(window);
            return Some(order.id);
        };
        // Judged as one, under the last order; what was before is what was before the first.
        let (id, until, growth) = (open.id, open.until.max(window.until), open.growth);
        *open = Window { id, until, growth, ..window };
        Some(id)
    }

    /// Follows every open window, and judges those that are over.
    pub(super) fn tend_effects(&mut self, pass: &mut Pass<'_>) {
        if self.windows.is_empty() {
            return;
        }
        let mut open = std::mem::take(&mut self.windows);
        let mut over = Vec::new();
        open.retain_mut(|window| match self.follow_window(window, pass.now) {
            Followed::Open => true,
            Followed::Pointless => false,
            Followed::Over => {
                over.push(window.clone());
                false
            }
        });
        self.windows = open;
        for window in over {
            self.judge_window(&window, pass);
        }
    }

    /// Takes in the last reading of its metric.
    fn follow_window(&mut self, window: &mut Window, now: Moment) -> Followed {
        let order = Arc::clone(&window.order);
        let goal = self.action_of(&order).and_then(|action| Goal::of(&order, action));
        let (watched, rules) = match self.place(window.subject, &order) {
            Place::Here(watched, rules) => (watched, rules),
            Place::Later => return Followed::Open,
            Place::Nowhere => return Followed::Pointless,
        };
        let Some(goal) = goal else { return Followed::Pointless };
        let state = rules.position(goal.metric).and_then(|row| watched.thresholds.get(row));
        let Some(state) = state else { return Followed::Pointless };
        let (known, helped_before) = (state.is_known(), goal.is_reached(window));
        window.left |= state.level() < window.level;
        if let Some(last) = state.last().filter(|last| last.at > window.read) {
            verdict::take(window, &goal, last);
        }
        let helped = goal.is_reached(window);
        // Remembered when it matters, not at each reading.
        self.changed |= helped != helped_before;
        // What is read more seldom than that is waited for.
        let waits = known && !helped && window.read < verdict::half(window);
        if now < window.until || waits { Followed::Open } else { Followed::Over }
    }

    /// Whose readings tell what an order did; none where no reading caused it.
    fn subject(&self, order: &Order, of: Of) -> Option<Subject> {
        match of {
            Of::Host(_) => Some(Subject::Host),
            Of::Ladder(_) => {
                let target = self.config.targets.get(usize::from(self.target_named(&order.target)?))?;
                Some(if target.per == Per::Group { Subject::Group } else { Subject::Process })
            }
            Of::Schedule(_) | Of::Operator { .. } => None,
        }
    }

    fn place(&self, subject: Subject, order: &Order) -> Place<'_> {
        if subject == Subject::Host {
            return Place::Here(&self.host.watched, Rules::of_host(&self.config));
        }
        let lost = if self.remembered.is_some() { Place::Later } else { Place::Nowhere };
        let Some(index) = self.target_named(&order.target) else { return Place::Nowhere };
        let Some(target) = self.config.targets.get(usize::from(index)) else { return Place::Nowhere };
        let key = match subject {
            Subject::Group => self.served(MemberKey { target: index, slot: 0 }, ActionScope::Target).next(),
            Subject::Process | Subject::Host => {
                let key = MemberKey { target: index, slot: order.member.slot };
                self.members.get(&key).filter(|member| member.identity == order.identity).map(|member| (key, member))
            }
        };
        let watched = key.and_then(|(key, _)| self.watched(key));
        watched.map_or(lost, |watched| Place::Here(watched, Rules::of_target(target)))
    }
}

/// Whether two orders are about the same readings, so that it cannot be told which of them has helped.
fn is_shared(a: &Window, b: &Window) -> bool {
    let (one, other) = (&a.order, &b.order);
    let metric = |order: &Order| order.cause.as_ref().map(|cause| cause.metric.clone());
    let same = match a.subject {
        Subject::Host => true,
        Subject::Group => one.target == other.target,
        Subject::Process => one.target == other.target && one.identity == other.identity,
    };
    a.subject == b.subject && same && metric(one) == metric(other)
}

/// Whether the action has had so many orders without effect that no more are given until its level was left.
pub(super) const fn is_spent(ineffective: u32, action: &Action) -> bool {
    ineffective >= action.max_attempts
}
