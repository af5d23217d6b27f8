//! One member: its thresholds feed its ladders, its ladders make its rungs due.

use super::Pass;
use super::rung::{Of, Rung, RungState};
use super::rungs::Rungs;
use super::watched::{Rules, Watched};
use crate::config::{Config, Per, Target};
use crate::model::{Identity, LadderView, Level, MemberSample, Moment, Note, OutcomeKind, Reason};

/// What is remembered of one member.
#[derive(Debug)]
pub(super) struct MemberState {
    pub(super) identity: Identity,
    pub(super) started: Moment,
    /// No kill sooner than `settle` after this: when it was first seen, or a bound was changed.
    pub(super) settled_from: Moment,
    pub(super) first_seen: Moment,
    /// What it is judged by; nothing where the target is judged as a group.
    pub(super) watched: Watched,
    /// Up to which level the rungs of each ladder have been made due.
    pub(super) climbed: Vec<Level>,
    /// All rungs, lowest level first, then by ladder, then in the written order; then those of the
    /// host's ladder, then the scheduled ones, then what operators want.
    pub(super) rungs: Rungs,
    /// Last delivery by action.
    pub(super) delivered: Vec<Option<Moment>>,
    /// When each entry of the schedule is due next.
    pub(super) schedule: Vec<Moment>,
    /// The last pass in which it was in the sample.
    pub(super) seen: u64,
    /// Where it was in that sample.
    pub(super) at: usize,
}

impl MemberState {
    /// A member that has just been seen.
    pub(super) fn new(config: &Config, sample: &MemberSample, now: Moment) -> Self {
        let nobody = Target::default();
        let target = config.targets.get(usize::from(sample.member.target)).unwrap_or(&nobody);
        let watched = match target.per {
            Per::Process => {
                Watched::new(Rules::of_target(target), now).of_process(sample.started, target.startup_grace)
            }
            Per::Group => Watched::default(),
        };
        Self {
            identity: sample.identity,
            started: sample.started,
            settled_from: sample.first_seen,
            first_seen: sample.first_seen,
            watched,
            climbed: vec![Level::Normal; target.ladders.len()],
            rungs: rungs(config, target, usize::from(sample.member.target)).into(),
            delivered: vec![None; target.actions.len()],
            schedule: target.schedule.iter().map(|entry| sample.first_seen + entry.phase).collect(),
            seen: 0,
            at: 0,
        }
    }

    /// Follows its ladders, which stand at `levels`: rungs passed on the way up become due, rungs
    /// above end.
    pub(super) fn climb(&mut self, levels: &[LadderView], pass: &mut Pass<'_>) {
        for (ladder, climbed) in self.climbed.iter_mut().enumerate() {
            let to = levels.get(ladder).map_or(Level::Normal, |view| view.level);
            let from = std::mem::replace(climbed, to);
            if from == to {
                continue;
            }
            for rung in self.rungs.iter_mut().filter(|rung| rung.of == Of::Ladder(ladder)) {
                let under_way = matches!(rung.state, RungState::InFlight(_));
                if rung.level > from && rung.level <= to && !under_way {
                    rung.make_due();
                } else if rung.level > to {
                    rung.lapse(pass);
                }
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
            kill.of == rung.of
                && kill.level > rung.level
                && target.actions[kill.action].measure.is_kill()
                && matches!(kill.state, RungState::InFlight(_) | RungState::Done { .. })
        })
    }

    /// The level that holds for a rung; what is scheduled or an operator's has none to leave.
    pub(super) fn level_of(&self, of: Of, host: Level) -> Level {
        match of {
            Of::Ladder(ladder) => self.climbed.get(ladder).copied().unwrap_or_default(),
            Of::Host(_) => host,
            Of::Schedule(_) | Of::Operator { .. } => Level::Fatal,
        }
    }
}

impl Rung {
    /// Its level was left: an order that was spoken of lapses.
    pub(super) fn lapse(&mut self, pass: &mut Pass<'_>) {
        if let Some(order) = self.end() {
            pass.tell(Note::Ended { order, kind: OutcomeKind::Lapsed, reason: Reason::LevelLeft, detail: None });
        }
    }
}

/// All rungs of a member of the target, idle.
pub(super) fn rungs(config: &Config, target: &Target, index: usize) -> Vec<Rung> {
    let mut rungs: Vec<Rung> = Vec::new();
    for level in Level::ABOVE_NORMAL {
        for ladder in 0..target.ladders.len() {
            let of = Of::Ladder(ladder);
            for (action, what) in target.rungs(ladder, level) {
                let before = what.needs.filter(|needs| {
                    let written = target.rungs(ladder, level).any(|(other, _)| other == needs.action);
                    !written && !rungs.iter().any(|rung| rung.of == of && rung.action == needs.action)
                });
                rungs.extend(before.map(|needs| Rung::new(of, level, needs.action)));
                rungs.push(Rung::new(of, level, action));
            }
        }
    }
    let host = super::host::entries(config).enumerate().filter(|(_, (_, step))| step.target == index);
    for (entry, (level, step)) in host {
        let needed = target.actions.get(step.action).and_then(|action| action.needs);
        rungs.extend(needed.map(|needs| Rung::new(Of::Host(entry), level, needs.action)));
        rungs.push(Rung::new(Of::Host(entry), level, step.action));
    }
    let schedule = target.schedule.iter().enumerate();
    rungs.extend(schedule.map(|(entry, what)| Rung::new(Of::Schedule(entry), Level::Normal, what.action)));
    rungs
}
