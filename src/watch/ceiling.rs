//! What a tick costs, told to the sampler, which keeps the ceiling; and what is said when it reads less.

use std::time::Duration;

use super::Watch;
use crate::config::units;
use crate::kernel;
use crate::model::{Moment, Unit};
use crate::record::show_duration;
use crate::sample::Periods;

impl Watch {
    /// `begun` is what the loop had used of the processor when the tick began.
    pub(super) fn note_cost(&mut self, now: Moment, begun: Duration) {
        let tick = kernel::cpu_of_thread().saturating_sub(begun);
        let before = self.sampler.periods();
        if self.sampler.note_cost(now, (tick, kernel::cpu_of_process())) {
            self.tell_periods(before);
        }
    }

    /// Says what is read more seldom from now on, or that nothing is any more.
    fn tell_periods(&mut self, before: Periods) {
        let configured = Periods::unhurried(&self.config.daemon);
        let slow = self.sampler.periods().slower_than(&configured);
        if slow == before.slower_than(&configured) {
            return;
        }
        let ceiling = units::show(self.config.daemon.max_cpu.unwrap_or_default(), Unit::Ratio);
        if slow.is_empty() {
            self.view.slowed.clear();
            self.say(format!("everything is read as often as configured again: that stays below max_cpu = {ceiling}"));
            return;
        }
        let parts = slow.iter().map(|(what, period)| format!("{what} every {}", show_duration(*period)));
        let parts = parts.collect::<Vec<_>>().join(", ");
        self.view.slowed = format!(
            "to stay below max_cpu = {ceiling} there is read: {parts}; a higher max_cpu in [daemon] reads more often"
        );
        self.warn(self.view.slowed.clone());
    }
}
