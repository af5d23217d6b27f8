//! How often what is read: as configured, or as far as the ceiling on ourselves (`max_cpu`) leaves it.
//!
//! What belongs here: what each part costs, and what is stretched when all of it is too much. What does
//! not: clocks; who is near a bound (`near`).

use std::time::Duration;

use crate::config::Daemon;
use crate::model::Moment;

mod costs;
#[cfg(test)]
mod tests;

use costs::Costs;
pub use costs::Part;

/// Nothing that is only shown is read more often; nor is a namespace of others.
const SHOWN: Duration = Duration::from_secs(10);
/// Of each process no more often than this: a status costs as much as ten counts of descriptors.
const SHOWN_OF_EACH: Duration = Duration::from_secs(30);
/// Of many it is read so seldom that a pass reads it of no more than these,
const SHOWN_IN_A_PASS: u32 = 2;
/// but no more seldom than this.
const SHOWN_AT_LEAST: Duration = Duration::from_secs(60);
/// How often is thought about it.
const PLAN_EVERY: Duration = Duration::from_secs(10);
/// Whatever the ceiling: a watchdog that reads more seldom is none.
const MOST: u32 = 60;
/// A state, a namespace or a list of sockets is stretched so far before the next in order is.
const EACH: u32 = 6;
/// Near a bound so many times the ceiling may be used.
const NEAR: f64 = 3.0;
/// Of the ceiling so much is left for sampling, whoever asks the rest of the daemon for what.
const OTHERS: f64 = 0.5;
/// What was stretched is stretched less only where that leaves so much of the ceiling unused: a plan
/// that changes back and forth would be told of each time.
const SLACK: f64 = 0.85;

/// How often what is read. All but those of what is near are at least the interval of the pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Periods {
    /// Descriptors, memory and whatever else a threshold is about.
    pub pass: Duration,
    /// The list of sockets in CLOSE_WAIT.
    pub close_wait: Duration,
    /// The list of sockets in the other states.
    pub states: Duration,
    /// Sockets of other network namespaces.
    pub namespaces: Duration,
    /// What no threshold is about and is only shown.
    pub shown: Duration,
    /// The same of each process: the more there are, the more seldom.
    pub each: Duration,
    /// What is near a bound, at most.
    pub near: Duration,
    /// The list of sockets in CLOSE_WAIT where their number is near a bound, at most.
    pub near_sockets: Duration,
}

impl Periods {
    /// The same where so many processes are watched.
    pub(super) fn over(self, members: usize) -> Self {
        let passes = u32::try_from(members).unwrap_or(u32::MAX) / SHOWN_IN_A_PASS;
        let each = self.pass.saturating_mul(passes).min(SHOWN_AT_LEAST);
        Self { each: each.max(self.each), ..self }
    }

    /// As configured: nothing is stretched.
    pub fn unhurried(daemon: &Daemon) -> Self {
        Factors::NONE.periods(daemon)
    }

    /// What is read more seldom than `other` says, in words; empty if nothing is.
    pub fn slower_than(&self, other: &Self) -> Vec<(&'static str, Duration)> {
        let parts = [
            ("the other states of sockets", self.states, other.states),
            ("other network namespaces", self.namespaces, other.namespaces),
            ("CLOSE_WAIT", self.close_wait, other.close_wait),
            ("everything else", self.pass, other.pass),
        ];
        parts.into_iter().filter(|(_, this, other)| this > other).map(|(name, this, _)| (name, this)).collect()
    }
}

#[cfg(test)]
impl Periods {
    /// Those of the defaults.
    pub(super) const TEST: Self = {
        let (second, ten) = (Duration::from_secs(1), Duration::from_secs(10));
        let near = Duration::from_millis(100);
        Self {
            pass: second,
            close_wait: second,
            states: ten,
            namespaces: ten,
            shown: ten,
            each: ten,
            near,
            near_sockets: near,
        }
    };
}

/// What is stretched, in the order of what is missed least.
const ORDER: [Part; 4] = [Part::States, Part::Namespaces, Part::CloseWait, Part::Pass];

/// By how much each of [`ORDER`] is stretched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Factors([u32; ORDER.len()]);

impl Factors {
    const NONE: Self = Self([1; ORDER.len()]);
    const MOST: Self = Self([EACH, EACH, EACH, MOST]);

    fn periods(self, daemon: &Daemon) -> Periods {
        let [states, namespaces, close_wait, pass] = self.0;
        let pass = daemon.interval * pass;
        Periods {
            pass,
            close_wait: (daemon.interval * close_wait).max(pass),
            states: (daemon.sockets_interval.max(daemon.interval) * states).max(pass),
            namespaces: (SHOWN.max(daemon.interval) * namespaces).max(pass),
            shown: SHOWN.max(pass),
            each: SHOWN_OF_EACH.max(pass),
            near: daemon.min_interval,
            near_sockets: daemon.min_interval,
        }
    }

    /// Whether nothing is stretched further than by `other`, and something less.
    fn is_less_than(self, other: Self) -> bool {
        self != other && self.0.iter().zip(other.0).all(|(this, other)| *this <= other)
    }
}

/// The ceiling on ourselves.
#[derive(Debug)]
pub(super) struct Ceiling {
    daemon: Daemon,
    costs: Costs,
    factors: Factors,
    periods: Periods,
    planned: Option<Moment>,
}

impl Ceiling {
    pub(super) fn new(daemon: &Daemon) -> Self {
        Self {
            daemon: daemon.clone(),
            costs: Costs::default(),
            factors: Factors::NONE,
            periods: Periods::unhurried(daemon),
            planned: None,
        }
    }

    pub(super) const fn periods(&self) -> Periods {
        self.periods
    }

    /// One run of a part has used so much of the processor. One that listed all states has listed those
    /// in CLOSE_WAIT with them.
    pub(super) fn note(&mut self, part: Part, used: Duration) {
        if part == Part::States {
            let close_wait = Duration::from_secs_f64(self.costs.of(Part::CloseWait)).min(used);
            self.costs.note(Part::States, used - close_wait);
            self.costs.spent(close_wait);
        } else {
            self.costs.note(part, used);
        }
    }

    /// Thinks about the periods anew, when it is time for that: `used` is what the daemon as a whole
    /// has used of the processor since its start.
    pub(super) fn plan(&mut self, now: Moment, used: Duration) {
        let Some(share) = self.daemon.max_cpu else { return };
        let since = self.planned.map(|planned| now.since(planned));
        if since.is_some_and(|since| since < PLAN_EVERY) {
            return;
        }
        self.planned = Some(now);
        self.costs.close(since, used);
        let Some(budget) = Budget::of(share, &self.costs) else { return };
        self.factors = budget.fit(self.factors, &self.daemon);
        self.periods = self.factors.periods(&self.daemon);
        let left = (share * NEAR - budget.demand(&self.periods)).max(share * (NEAR - 1.0) / 2.0);
        let at_most = |part| Duration::from_secs_f64(self.costs.of(part) / left);
        self.periods.near = at_most(Part::Near).clamp(self.daemon.min_interval, self.periods.pass);
        let sockets = at_most(Part::Near) + at_most(Part::CloseWait);
        self.periods.near_sockets = sockets.clamp(self.daemon.min_interval, self.periods.close_wait);
    }
}

/// What may be used, and what each part takes of it.
struct Budget<'a> {
    share: f64,
    /// What the rest of the daemon uses, a second, as far as it counts.
    others: f64,
    costs: &'a Costs,
}

impl<'a> Budget<'a> {
    /// None before enough was seen to tell.
    fn of(share: f64, costs: &'a Costs) -> Option<Self> {
        let others = costs.others()?.min(share * OTHERS);
        Some(Self { share, others, costs })
    }

    /// What these periods use of a processor, a second.
    fn demand(&self, periods: &Periods) -> f64 {
        let period = |part| match part {
            Part::States => periods.states,
            Part::Namespaces => periods.namespaces,
            Part::CloseWait => periods.close_wait,
            Part::Pass | Part::Near => periods.pass,
        };
        self.others + ORDER.iter().map(|&part| self.costs.of(part) / period(part).as_secs_f64()).sum::<f64>()
    }

    /// The least that must be stretched, and a little more. Less than `before` only where even that fits.
    fn fit(&self, before: Factors, daemon: &Daemon) -> Factors {
        let enough = self.within(self.share * SLACK, daemon);
        let fits = self.demand(&before.periods(daemon)) <= self.share;
        if fits && !enough.is_less_than(before) { before } else { enough }
    }

    fn within(&self, share: f64, daemon: &Daemon) -> Factors {
        let mut factors = Factors::NONE;
        for index in (0..ORDER.len()).filter(|&index| self.costs.of(ORDER[index]) > 0.0) {
            while factors.0[index] < Factors::MOST.0[index] && self.demand(&factors.periods(daemon)) > share {
                factors.0[index] += 1;
            }
        }
        factors
    }
}
