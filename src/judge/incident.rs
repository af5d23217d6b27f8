//! From a target's first order to its return to normal: an incident.

use std::sync::Arc;
use std::time::Duration;

use super::rung::RungState;
use super::{Flight, State};
use crate::config::Target;
use crate::model::{IncidentMemory, Level, MemberKey, Moment, OutcomeKind};

/// So much earlier than its kill was told to be over a successor may have started.
const EARLY: Duration = Duration::from_secs(1);

/// An incident that is not over.
#[derive(Clone, Copy, Debug)]
pub(super) struct Incident {
    target: u16,
    /// When its first order went out.
    since: Moment,
    /// The last kill after which somebody must come: it is not over before he is past his start-up grace.
    killed: Option<Moment>,
}

impl Flight {
    /// Whether a level has caused it.
    fn is_of_ladder(&self) -> bool {
        self.of.is_some_and(|of| !of.is_apart())
    }
}

impl State {
    /// When the incident of a target began, if there is one: what is on its way counts, until it turns out that it
    /// was not sent.
    pub fn incident(&self, target: usize) -> Option<Moment> {
        let is_ours = |at: u16| usize::from(at) == target;
        let open = self.incidents.iter().filter(|incident| is_ours(incident.target)).map(|incident| incident.since);
        let flights = self.in_flight.values().filter(|flight| flight.is_of_ladder());
        open.chain(flights.filter(|flight| is_ours(flight.order.member.target)).map(|flight| flight.sent)).min()
    }

    /// An order of a ladder has its outcome: if it went out, that is an incident.
    pub(super) fn note_incident(&mut self, flight: &Flight, kind: OutcomeKind) {
        let went_out = !matches!(kind, OutcomeKind::Held | OutcomeKind::Vetoed | OutcomeKind::Lapsed);
        if went_out && flight.is_of_ladder() {
            self.begin_incident(flight.order.member.target, flight.sent);
        }
    }

    /// There is one from then on, if there was none before.
    pub(super) fn begin_incident(&mut self, target: u16, since: Moment) -> &mut Incident {
        let at = self.incidents.iter().position(|incident| incident.target == target).unwrap_or_else(|| {
            self.incidents.push(Incident { target, since, killed: None });
            self.incidents.len() - 1
        });
        &mut self.incidents[at]
    }

    /// It goes on until somebody who came after this kill is past his start-up grace.
    pub(super) fn await_in_incident(&mut self, target: u16, killed: Moment) {
        self.begin_incident(target, killed).killed = Some(killed);
    }

    /// Ends those of targets that are at normal again; none before everybody was looked for.
    pub(super) fn tend_incidents(&mut self, now: Moment) {
        if self.incidents.is_empty() || self.remembered.is_some() {
            return;
        }
        let mut incidents = std::mem::take(&mut self.incidents);
        let before = incidents.len();
        incidents.retain(|incident| {
            let target = self.config.targets.get(usize::from(incident.target));
            target.is_some_and(|target| self.is_open(incident, target, now))
        });
        self.changed |= incidents.len() != before;
        self.incidents = incidents;
    }

    fn is_open(&self, incident: &Incident, target: &Target, now: Moment) -> bool {
        let key = MemberKey { target: incident.target, slot: 0 };
        let mut members = self.members.range(key..=MemberKey::all_of(key.target)).map(|(_, member)| member);
        let in_flight = |flight: &Flight| flight.is_of_ladder() && flight.order.member.target == key.target;
        self.successors.iter().any(|awaited| awaited.target == key.target)
            || self.leases.iter().any(|lease| lease.order.target == target.name)
            || self.in_flight.values().any(in_flight)
            || self.group_is_raised(key.target, target)
            || self.awaits_grace(incident, target, now)
            || members.any(|member| {
                let raised = |ladder| member.watched.level(ladder) > Level::Normal;
                let taken = |state| !matches!(state, RungState::Idle | RungState::Due | RungState::Vetoed { .. });
                (0..target.ladders.len()).any(raised)
                    || member.rungs.iter().any(|rung| !rung.of.is_apart() && taken(rung.state))
            })
    }

    fn group_is_raised(&self, index: u16, target: &Target) -> bool {
        let group = self.groups.get(&index);
        group.is_some_and(|group| (0..target.ladders.len()).any(|at| group.watched.level(at) > Level::Normal))
    }

    /// Whether nobody who came after the last kill is past his start-up grace.
    fn awaits_grace(&self, incident: &Incident, target: &Target, now: Moment) -> bool {
        let is_expected = target.actions.iter().any(|action| action.expect_successor.is_some());
        let Some(killed) = incident.killed.filter(|_| is_expected) else { return false };
        let key = MemberKey { target: incident.target, slot: 0 };
        let mut members = self.members.range(key..=MemberKey::all_of(key.target)).map(|(_, member)| member);
        !members.any(|member| member.started + EARLY >= killed && now.since(member.started) >= target.startup_grace)
    }

    pub(super) fn incidents_memory(&self) -> Vec<IncidentMemory> {
        let incidents = self.incidents.iter().filter_map(|incident| {
            let Incident { target, since, killed } = *incident;
            let target = Arc::clone(&self.config.targets.get(usize::from(target))?.name);
            Some(IncidentMemory { target, since, killed })
        });
        incidents.collect()
    }

    pub(super) fn take_up_incidents(&mut self, memory: Vec<IncidentMemory>) {
        for IncidentMemory { target, since, killed } in memory {
            let target = self.target_named(&target);
            self.incidents.extend(target.map(|target| Incident { target, since, killed }));
        }
    }
}
