//! What follows from what was read: thresholds, ladders, rungs, brakes, leases -> verdicts with
//! orders.
//!
//! A function of (state, sample, outcomes, now). What belongs here: every decision. What does not:
//! a clock, a file, a log, a lock, or anything that could answer differently the second time.

mod brakes;
mod breaker;
mod budget;
mod calendar;
mod effect;
mod forecast;
mod former;
mod group;
mod host;
mod incident;
mod inhibitions;
mod join;
mod leases;
mod member;
mod memory;
mod needs;
mod operator;
mod orders;
mod outcomes;
mod past;
mod restore;
mod revive;
mod rung;
mod rungs;
mod schedule;
mod seats;
mod successor;
mod switch;
mod threshold;
mod undo;
mod view;
mod watched;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use breaker::Breakers;
use budget::Kills;
use calendar::Clock;
use former::Former;
use group::GroupState;
use host::HostState;
use incident::Incident;
pub use inhibitions::inhibition_length;
use member::MemberState;
pub use memory::Start;
pub use operator::{Chosen, Wanted, Wish};
use rung::Of;
use successor::Awaited;
pub use view::{MemberView, WatchedView};
use watched::Rules;

use crate::config::Config;
use crate::model::{
    BootId, Cycle, Event, Inhibition, Lease, MemberKey, MemberMemory, Moment, Note, Order, OrderId, Outcome,
    PastMemory, Reading, Reason, Sample, Unknown, Value, Window,
};

/// Everything that judge remembers from pass to pass.
#[derive(Debug)]
pub struct State {
    config: Arc<Config>,
    boot: BootId,
    series: u64,
    members: BTreeMap<MemberKey, MemberState>,
    groups: BTreeMap<u16, GroupState>,
    host: HostState,
    in_flight: BTreeMap<OrderId, Flight>,
    next_order: OrderId,
    leases: Vec<Lease>,
    cycles: Vec<Cycle>,
    breakers: Breakers,
    successors: Vec<Awaited>,
    incidents: Vec<Incident>,
    /// What the operator holds back.
    inhibitions: Vec<Inhibition>,
    /// Last delivery of an action that served all processes of its target.
    delivered: BTreeMap<(u16, usize), Moment>,
    target_kills: Vec<Kills>,
    daemon_kills: Kills,
    seat_kills: BTreeMap<MemberKey, Kills>,
    /// Orders whose effect is being measured.
    windows: Vec<Window>,
    /// Orders that were spoken of and are not needed any more, to be told with the next verdicts.
    dropped: Vec<Arc<Order>>,
    passes: u64,
    /// Members of before the restart or reload that were not seen again yet; none once discovery
    /// has looked everywhere.
    remembered: Option<Vec<MemberMemory>>,
    /// How metrics went before the restart; nothing once discovery has looked everywhere.
    pasts: Arc<Vec<PastMemory>>,
    /// What stood before a reload and is still the same; none once everybody was found again.
    former: Option<Former>,
    /// Whether what is in force can be remembered; without that nobody is frozen or killed.
    remembering: bool,
    /// Whether the memory is not what it was when it was last asked for.
    changed: bool,
    /// What the wall clock said.
    clock: Clock,
}

/// An order that has no outcome yet.
#[derive(Clone, Debug)]
struct Flight {
    order: Arc<Order>,
    /// Whose rung it serves; none for an undo.
    of: Option<Of>,
    sent: Moment,
}

/// What is to be done, and what is worth telling.
#[derive(Debug, Default)]
pub struct Verdicts {
    /// For the executor, in this order.
    pub orders: Vec<Arc<Order>>,
    /// For the recorder.
    pub events: Vec<Event>,
}

/// One call of [`judge`].
struct Pass<'a> {
    now: Moment,
    sample: &'a Sample,
    verdicts: &'a mut Verdicts,
}

impl Pass<'_> {
    fn tell(&mut self, note: Note) {
        self.verdicts.events.push(Event { at: self.now, note });
    }
}

impl State {
    /// Nothing seen yet, in the boot and with the series of orders that `start` names.
    pub fn new(config: Arc<Config>, start: Start) -> Self {
        let target_kills = vec![Kills::default(); config.targets.len()];
        let host = HostState::new(&config, start.now);
        Self {
            config,
            boot: start.boot,
            series: start.series,
            members: BTreeMap::new(),
            groups: BTreeMap::new(),
            host,
            in_flight: BTreeMap::new(),
            next_order: OrderId(1),
            leases: Vec::new(),
            cycles: Vec::new(),
            breakers: Breakers::default(),
            successors: Vec::new(),
            incidents: Vec::new(),
            inhibitions: Vec::new(),
            delivered: BTreeMap::new(),
            target_kills,
            daemon_kills: Kills::default(),
            seat_kills: BTreeMap::new(),
            windows: Vec::new(),
            dropped: Vec::new(),
            passes: 0,
            remembered: None,
            pasts: Arc::default(),
            former: None,
            remembering: true,
            changed: false,
            clock: Clock::default(),
        }
    }

    /// Whether what is in force can be remembered. While it cannot, freezes and kills are held.
    pub fn set_remembering(&mut self, can: bool) {
        self.remembering = can;
    }

    /// What tells its orders from those of other states, as a part of every idempotency key.
    pub const fn series(&self) -> u64 {
        self.series
    }

    /// Takes in what became of orders, and judges nothing.
    pub fn take_outcomes(&mut self, outcomes: &[Outcome], sample: &Sample, now: Moment) -> Verdicts {
        let mut verdicts = Verdicts::default();
        for outcome in outcomes {
            self.take_outcome(outcome, &mut Pass { now, sample, verdicts: &mut verdicts });
        }
        verdicts
    }

    /// Whether the memory has changed since it was last asked here.
    pub fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }
}

/// Judges one pass: takes in what became of earlier orders, then who is there, then what was read.
///
/// `sample` is the whole membership with the latest readings; a threshold steps only on those that
/// are new. Called with an old sample it only takes in outcomes and lets brakes open.
pub fn judge(state: &mut State, sample: &Sample, outcomes: &[Outcome], now: Moment) -> Verdicts {
    let mut verdicts = Verdicts::default();
    let mut pass = Pass { now, sample, verdicts: &mut verdicts };
    for outcome in outcomes {
        state.take_outcome(outcome, &mut pass);
    }
    state.seat(&mut pass);
    state.read_host(&mut pass);
    state.read_groups(&mut pass);
    state.read_members(&mut pass);
    state.tend_effects(&mut pass);
    state.tend_inhibitions(&mut pass);
    state.tend_host(&pass);
    state.tend_schedules(&mut pass);
    state.tend_operators(&mut pass);
    state.order_members(&mut pass);
    state.tend_leases(&mut pass);
    state.miss_successors(&mut pass);
    state.end_once(&mut pass);
    state.tend_incidents(now);
    state.changed |= !verdicts.events.is_empty() || !verdicts.orders.is_empty() || !outcomes.is_empty();
    verdicts
}

/// The daemon ends: whom it froze runs again. Everything else stays as it is, and is remembered.
pub fn stop(state: &mut State, sample: &Sample, now: Moment) -> Verdicts {
    let mut verdicts = Verdicts::default();
    state.want_thaw(now);
    state.cut_short(now);
    state.undo_freezes(&mut Pass { now, sample, verdicts: &mut verdicts });
    verdicts
}

impl State {
    /// The last question before a kill: does the causing metric, read once more, still speak for it? Of what
    /// was foretold `fresh` is the metric itself. On no, the order is to be reported as held for the reason
    /// returned.
    pub fn confirm(&self, order: &Order, fresh: &Reading) -> Result<(), Reason> {
        let cause = order.cause.as_ref().ok_or(Reason::Unconfirmed)?;
        let Some(derived) = cause.metric.derived else { return confirm(order, fresh) };
        let value = fresh.value.number().ok_or(Reason::Unknown)?;
        let target = self.config.targets.get(usize::from(order.member.target)).map(Rules::of_target);
        let own = target.zip(self.watched(order.member));
        let own = own.and_then(|(rules, watched)| watched.series(rules, &cause.metric));
        let series = own.or_else(|| self.host.watched.series(Rules::of_host(&self.config), &cause.metric));
        let leads = series.is_some_and(|series| series.still_leads(value, (derived, cause.bound)));
        if leads { Ok(()) } else { Err(Reason::Unconfirmed) }
    }
}

/// The last question before a kill: is the causing metric, read once more, itself at or past the
/// bound? On no, the order is to be reported as held for the reason returned.
fn confirm(order: &Order, fresh: &Reading) -> Result<(), Reason> {
    // Of another network namespace there is none yet: another thread reads it, and it is asked for again.
    let none = if fresh.value == Value::Unknown(Unknown::Overdue) { Reason::Unconfirmed } else { Reason::Unknown };
    let value = fresh.value.number().ok_or(none)?;
    let cause = order.cause.as_ref().ok_or(Reason::Unconfirmed)?;
    let past = threshold::at_or_past(value, cause.bound, cause.metric.direction());
    if past { Ok(()) } else { Err(Reason::Unconfirmed) }
}
