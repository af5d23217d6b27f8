//! What each part of the daemon's work has cost of late.

use std::time::Duration;

/// A part of the work that has a period of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The other states of sockets, beside CLOSE_WAIT.
    States,
    /// Sockets of other network namespaces.
    Namespaces,
    /// The list of sockets in CLOSE_WAIT, and whose they are.
    CloseWait,
    /// Everything else that a pass does.
    Pass,
    /// What is read sooner because a bound is near, sockets aside.
    Near,
}

impl Part {
    const COUNT: usize = 5;
}

/// So many runs of each part are remembered. The middle one counts: the first pass of all, which opens
/// everything, is not what a pass costs.
const RUNS: usize = 31;

/// What was used of the processor, in seconds.
#[derive(Debug, Default)]
pub(super) struct Costs {
    runs: [Runs; Part::COUNT],
    /// By all parts since the last plan.
    noted: f64,
    /// By the whole daemon up to then.
    used: f64,
    /// By the rest of the daemon, a second.
    others: Option<f64>,
}

#[derive(Debug, Default)]
struct Runs {
    last: [f64; RUNS],
    count: usize,
}

impl Runs {
    fn middle(&self) -> f64 {
        let mut last = self.last;
        let known = &mut last[..self.count.min(RUNS)];
        if known.is_empty() {
            return 0.0;
        }
        let middle = known.len() / 2;
        *known.select_nth_unstable_by(middle, f64::total_cmp).1
    }
}

impl Costs {
    pub(super) fn note(&mut self, part: Part, used: Duration) {
        let runs = &mut self.runs[part as usize];
        runs.last[runs.count % RUNS] = used.as_secs_f64();
        runs.count += 1;
        self.noted += used.as_secs_f64();
    }

    /// Used, but by no run of a part.
    pub(super) fn spent(&mut self, used: Duration) {
        self.noted += used.as_secs_f64();
    }

    /// What one run of a part uses.
    pub(super) fn of(&self, part: Part) -> f64 {
        self.runs[part as usize].middle()
    }

    /// Closes the span since the last plan: what the whole daemon has used in it beside what was noted.
    pub(super) fn close(&mut self, span: Option<Duration>, used: Duration) {
        let (used, before) = (used.as_secs_f64(), self.used);
        let noted = std::mem::take(&mut self.noted);
        self.used = used;
        if let Some(span) = span.map(|span| span.as_secs_f64()).filter(|span| *span > 0.0) {
            let now = ((used - before - noted) / span).max(0.0);
            self.others = Some(self.others.map_or(now, |others| (others + now) / 2.0));
        }
    }

    /// What the rest of the daemon uses, a second; none before that was seen.
    pub(super) const fn others(&self) -> Option<f64> {
        self.others
    }
}
