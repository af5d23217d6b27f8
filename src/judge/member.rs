//! One member: its thresholds feed its ladders, its ladders make its rungs due.

use std::sync::Arc;

use super::Pass;
use super::rung::{Rung, RungState};
use super::threshold::{Rule, ThresholdState};
use crate::config::Target;
use crate::model::{
    Cause, Identity, LadderView, Level, MemberKey, MemberSample, Moment, Note, OrderId, OutcomeKind, Reason, Unknown,
};

/// What is remembered of one member.
#[derive(Debug)]
pub(super) struct MemberState {
    pub(super) identity: Identity,
    pub(super) started: Moment,
    pub(super) first_seen: Moment,
    /// As the target's thresholds.
    pub(super) thresholds: Vec<ThresholdState>,
    /// Why each threshold is blind, as last told.
    told_unknown: Vec<Option<Unknown>>,
    /// As the target's ladders.
    pub(super) ladders: Vec<LadderView>,
    /// All rungs, lowest level first, then by ladder, then in the written order.
    pub(super) rungs: Vec<Rung>,
    /// Last delivery by action.
    pub(super) delivered: Vec<Option<Moment>>,
    /// The last pass in which it was in the sample.
    pub(super) seen: u64,
}

/// Why a rung is due.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Grounds {
    pub(super) cause: Cause,
    /// Whether the reading behind it is known now.
    pub(super) known: bool,
    /// When the causing metric was last read.
    pub(super) read: Moment,
}

impl MemberState {
    /// A member that has just been seen.
    pub(super) fn new(target: &Target, sample: &MemberSample, now: Moment) -> Self {
        let mut rungs: Vec<Rung> = Vec::new();
        for level in Level::ABOVE_NORMAL {
            for ladder in 0..target.ladders.len() {
                rungs.extend(target.rungs(ladder, level).map(|(action, _)| Rung::new(ladder, level, action)));
            }
        }
        Self {
            identity: sample.identity,
            started: sample.started,
            first_seen: sample.first_seen,
            thresholds: vec![ThresholdState::default(); target.thresholds.len()],
            told_unknown: vec![None; target.thresholds.len()],
            ladders: vec![LadderView { level: Level::Normal, since: now }; target.ladders.len()],
            rungs,
            delivered: vec![None; target.actions.len()],
            seen: 0,
        }
    }

    /// Steps every threshold on its reading and tells when one goes blind or sees again.
    pub(super) fn observe(&mut self, target: &Target, sample: &MemberSample, pass: &mut Pass<'_>) {
        for (index, threshold) in target.thresholds.iter().enumerate() {
            let (Some(reading), Some(metric)) =
                (sample.readings.get(threshold.metric), target.metrics.get(threshold.metric))
            else {
                continue;
            };
            let rule = Rule { threshold, direction: metric.info().direction };
            self.thresholds[index].step(rule, reading, pass.now);
            let why = self.thresholds[index].unknown(pass.now).filter(|why| *why != Unknown::Gone);
            if why != self.told_unknown[index] {
                self.told_unknown[index] = why;
                pass.tell(Note::Reading {
                    target: Arc::clone(&target.name),
                    member: sample.member,
                    identity: self.identity,
                    metric: Arc::from(metric.to_string()),
                    why,
                });
            }
        }
    }

    /// Moves every ladder to the highest level of its thresholds: rungs passed on the way up become
    /// due, rungs above it end.
    pub(super) fn climb(&mut self, target: &Target, key: MemberKey, pass: &mut Pass<'_>) {
        for index in 0..self.ladders.len() {
            let from = self.ladders[index].level;
            let to = self.highest(target, index);
            if to == from {
                continue;
            }
            self.ladders[index] = LadderView { level: to, since: pass.now };
            pass.tell(Note::LevelChanged {
                target: Arc::clone(&target.name),
                member: key,
                identity: self.identity,
                ladder: Arc::clone(&target.ladders[index].name),
                from,
                to,
                cause: self.grounds(target, index, to).map(|grounds| grounds.cause),
            });
            for rung in self.rungs.iter_mut().filter(|rung| rung.ladder == index) {
                let under_way = matches!(rung.state, RungState::InFlight(_));
                if rung.level > from && rung.level <= to && !under_way {
                    rung.make_due();
                } else if rung.level > to
                    && let Some(order) = rung.end()
                {
                    pass.tell(Note::Ended {
                        order,
                        kind: OutcomeKind::Lapsed,
                        reason: Reason::LevelLeft,
                        detail: None,
                    });
                }
            }
        }
    }

    /// Makes rungs due again whose time has come: `repeat`, a retry, a veto with a newer reading.
    pub(super) fn revive(&mut self, target: &Target, now: Moment) {
        for index in 0..self.rungs.len() {
            let rung = &self.rungs[index];
            let again = match rung.state {
                RungState::Done(at) => target.actions[rung.action].repeat.is_some_and(|repeat| {
                    now >= at + repeat && self.grounds(target, rung.ladder, rung.level).is_some_and(|g| g.known)
                }),
                RungState::Failed { retry, .. } => now >= retry,
                RungState::Vetoed { at } => self
                    .grounds(target, rung.ladder, rung.level)
                    .is_some_and(|grounds| grounds.known && grounds.read > at),
                RungState::Idle | RungState::Due | RungState::InFlight(_) | RungState::GaveUp(_) => false,
            };
            if again {
                let rung = &mut self.rungs[index];
                if matches!(rung.state, RungState::Done(_)) {
                    rung.make_due();
                }
                rung.state = RungState::Due;
            }
        }
    }

    /// The process is no more: orders that were spoken of end with it. What kept one back is its
    /// reason, so that nobody takes a kill that was never sent for one that worked.
    pub(super) fn depart(&mut self, pass: &mut Pass<'_>) {
        for rung in &mut self.rungs {
            let kept_back = rung.kept_back();
            if let Some(order) = rung.end() {
                pass.tell(Note::Ended { order, kind: OutcomeKind::Gone, reason: kept_back, detail: None });
            }
        }
    }

    /// Whether a kill of the same ladder, in flight or done, makes this lower rung pointless.
    pub(super) fn skipped(&self, target: &Target, rung: &Rung) -> bool {
        self.rungs.iter().any(|kill| {
            kill.ladder == rung.ladder
                && kill.level > rung.level
                && target.actions[kill.action].measure.is_kill()
                && matches!(kill.state, RungState::InFlight(_) | RungState::Done(_))
        })
    }

    /// The reading that holds `ladder` at or above `level`: a known one if there is one, then the
    /// worst, then the one that has been there longest.
    pub(super) fn grounds(&self, target: &Target, ladder: usize, level: Level) -> Option<Grounds> {
        let holds = |index: &usize| {
            level > Level::Normal
                && target.thresholds[*index].ladder == ladder
                && self.thresholds[*index].level() >= level
        };
        let best = (0..target.thresholds.len()).filter(holds).min_by_key(|&index| {
            let state = &self.thresholds[index];
            let known = state.last().is_some_and(|last| last.value.number().is_some());
            (!known, std::cmp::Reverse(state.level()), state.since())
        })?;
        let (threshold, state) = (&target.thresholds[best], &self.thresholds[best]);
        let bound =
            threshold.bounds.iter().find(|(l, bound)| *l >= level && bound.is_some()).and_then(|(_, bound)| *bound)?;
        let last = state.last()?;
        Some(Grounds {
            cause: Cause {
                metric: target.metrics[threshold.metric].clone(),
                value: state.last_known()?,
                bound: bound.at,
                since: state.since(),
            },
            known: last.value.number().is_some(),
            read: last.at,
        })
    }

    fn highest(&self, target: &Target, ladder: usize) -> Level {
        let feeding =
            target.thresholds.iter().zip(&self.thresholds).filter(|(threshold, _)| threshold.ladder == ladder);
        feeding.map(|(_, state)| state.level()).max().unwrap_or_default()
    }

    /// The order under which the action is in flight for this member, if it is.
    pub(super) fn order_in_flight(&self, action: usize) -> Option<OrderId> {
        let same = self.rungs.iter().filter(|rung| rung.action == action);
        same.map(|rung| rung.state)
            .find_map(|state| if let RungState::InFlight(order) = state { Some(order) } else { None })
    }
}
