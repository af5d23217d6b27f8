//! What a tick costs, told to the sampler, which keeps the ceiling; and what is said when it reads less.

use super::Watch;
use crate::kernel;
use crate::model::Moment;
use crate::record::show_duration;
use crate::sample::Periods;
use std::time::Duration;

impl Watch {
    /// `begun` is what the loop had used of the processor when the tick began.
    pub(super) fn note_cost(&mut self, now: Moment, begun: Duration) {
        let tick = kernel::cpu_of_thread().saturating_sub(begun);
        let before = self.sampler.periods();
        if self.sampler.note_cost(now, (tick, kernel::cpu_of_process())) {
            self.tell_periods(before);
        }
    }

    /// Says what is read more seldom than was said, or that it is not any more.
    fn tell_periods(&mut self, before: Periods) {
        let periods = self.sampler.periods();
        let configured = Periods::unhurried(&self.config.daemon);
        let (slow, told) = (periods.slower_than(&configured), before.slower_than(&configured));
        if slow == told {
            return;
        }
        let ceiling = self.config.daemon.max_cpu.unwrap_or_default() * 100.0;
        if slow.is_empty() {
            self.say(format!("max_cpu = {ceiling}% is kept without reading anything more seldom"));
            return;
        }
        let list: Vec<String> =
            slow.iter().map(|(what, period)| format!("{what} every {}", show_duration(*period))).collect();
        let list = list.join(", ");
        self.warn(format!("to keep max_cpu = {ceiling}% there is read: {list}; raise max_cpu in [daemon] to read them as often as configured"));
    }
}
