//! What the loop knew after a pass: plain data, complete, never changed once published.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use super::WallClock;
use crate::config::Config;
use crate::model::{
    Base, LadderView, Level, MemberKey, Moment, OwnFacts, Pid, Reading, RungView, ThresholdView, Value,
};
use crate::record::Counters;

/// The state of the watch after one pass.
///
/// Everything of the members lies in four flat lists that keep their room from pass to pass, so
/// that a steady pass allocates nothing: [`Snapshot::clear`], then [`Snapshot::push_member`] for
/// each.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The configuration that the pass was made by.
    pub config: Arc<Config>,
    /// When the snapshot was made.
    pub taken: Moment,
    /// Turns moments into times of day.
    pub wall: WallClock,
    /// Facts of each target, in the order of the configuration.
    pub targets: Vec<TargetView>,
    /// Rungs that are not idle.
    pub rungs: Vec<RungView>,
    /// Counts since the start.
    pub counters: Arc<Counters>,
    /// What each probe cost in its last run.
    pub probes: Vec<ProbeView>,
    /// What each probe could not read.
    pub probe_errors: Vec<ProbeErrors>,
    /// Sockets that no process could be found for, by state; only of states that were asked for.
    pub unattributed: Vec<(Base, u64)>,
    /// The host.
    pub host: HostView,
    /// The pass itself.
    pub pass: PassView,
    /// Why the daemon is not ready; empty when it is. Each a sentence.
    pub not_ready: Vec<String>,
    /// How the configuration got here.
    pub reload: ReloadView,
    /// The daemon itself.
    pub own: OwnFacts,
    members: Vec<MemberView>,
    readings: Vec<Reading>,
    ladders: Vec<LadderView>,
    thresholds: Vec<ThresholdView>,
}

/// A live member. Its lists are taken with [`Snapshot::readings`] and its sisters.
#[derive(Clone, Debug, PartialEq)]
pub struct MemberView {
    /// Its seat.
    pub key: MemberKey,
    /// Its pid.
    pub pid: Pid,
    /// When it started.
    pub started: Moment,
    readings: Range<usize>,
    ladders: Range<usize>,
    thresholds: Range<usize>,
}

/// A target beside its members.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TargetView {
    /// Kills that its budget still allows.
    pub kill_budget_remaining: u32,
}

/// A probe's last run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProbeView {
    /// Its name.
    pub name: &'static str,
    /// How long its last run took.
    pub duration: Duration,
}

/// What a probe could not read, since the start; with explicit zeros.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProbeErrors {
    /// Its name.
    pub probe: &'static str,
    /// Why not: of a closed set.
    pub reason: &'static str,
    /// How often.
    pub count: u64,
}

/// The host's readings; none before the first.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct HostView {
    /// Share of memory that is not available.
    pub memory_used: Option<Value>,
    /// Share of swap in use.
    pub swap_used: Option<Value>,
}

/// The pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PassView {
    /// How long it took.
    pub duration: Duration,
    /// How much later than planned it began.
    pub late: Duration,
    /// When it sampled; none before the first.
    pub last_sample: Option<Moment>,
}

/// How the configuration got here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReloadView {
    /// Whether the last attempt to read it failed.
    pub failed: bool,
    /// When it was last read with success.
    pub last_success: Option<Moment>,
    /// Files that were set aside because of their errors.
    pub set_aside: u32,
}

impl Snapshot {
    /// Before the first pass: nobody is watched, nothing was read.
    pub fn empty(config: Arc<Config>) -> Self {
        let targets = vec![TargetView::default(); config.targets.len()];
        Self {
            config,
            taken: Moment::default(),
            wall: WallClock::default(),
            targets,
            rungs: Vec::new(),
            counters: Arc::default(),
            probes: Vec::new(),
            probe_errors: Vec::new(),
            unattributed: Vec::new(),
            host: HostView::default(),
            pass: PassView::default(),
            not_ready: vec![String::from("no pass has been made yet")],
            reload: ReloadView::default(),
            own: OwnFacts::default(),
            members: Vec::new(),
            readings: Vec::new(),
            ladders: Vec::new(),
            thresholds: Vec::new(),
        }
    }

    /// Empties every list and keeps their room.
    pub fn clear(&mut self) {
        self.targets.clear();
        self.rungs.clear();
        self.probes.clear();
        self.probe_errors.clear();
        self.unattributed.clear();
        self.not_ready.clear();
        self.members.clear();
        self.readings.clear();
        self.ladders.clear();
        self.thresholds.clear();
    }

    /// Adds a member and gives back where its lists go, each in the order of its target's
    /// configuration. The members come in the order of their targets.
    pub fn push_member(&mut self, key: MemberKey, pid: Pid, started: Moment) -> MemberLists<'_> {
        let (readings, ladders) = (self.readings.len(), self.ladders.len());
        let thresholds = self.thresholds.len();
        self.members.push(MemberView {
            key,
            pid,
            started,
            readings: readings..readings,
            ladders: ladders..ladders,
            thresholds: thresholds..thresholds,
        });
        MemberLists { snapshot: self }
    }

    /// The live members.
    pub fn members(&self) -> &[MemberView] {
        &self.members
    }

    /// What was read of it, in the order of its target's `metrics`; empty before its first reading.
    pub fn readings(&self, member: &MemberView) -> &[Reading] {
        self.readings.get(member.readings.clone()).unwrap_or_default()
    }

    /// Its ladders, in the order of its target's `ladders`.
    pub fn ladders(&self, member: &MemberView) -> &[LadderView] {
        self.ladders.get(member.ladders.clone()).unwrap_or_default()
    }

    /// Its thresholds, in the order of its target's `thresholds`.
    pub fn thresholds(&self, member: &MemberView) -> &[ThresholdView] {
        self.thresholds.get(member.thresholds.clone()).unwrap_or_default()
    }

    /// The highest level among its ladders.
    pub fn level(&self, member: &MemberView) -> Level {
        self.ladders(member).iter().map(|ladder| ladder.level).max().unwrap_or_default()
    }
}

/// The lists of the member that was pushed last.
#[derive(Debug)]
pub struct MemberLists<'a> {
    snapshot: &'a mut Snapshot,
}

impl MemberLists<'_> {
    /// Its readings.
    pub fn readings(self, readings: &[Reading]) -> Self {
        self.snapshot.readings.extend_from_slice(readings);
        let end = self.snapshot.readings.len();
        self.last(|member| member.readings.end = end)
    }

    /// Its ladders.
    pub fn ladders(self, ladders: impl IntoIterator<Item = LadderView>) -> Self {
        self.snapshot.ladders.extend(ladders);
        let end = self.snapshot.ladders.len();
        self.last(|member| member.ladders.end = end)
    }

    /// Its thresholds.
    pub fn thresholds(self, thresholds: impl IntoIterator<Item = ThresholdView>) -> Self {
        self.snapshot.thresholds.extend(thresholds);
        let end = self.snapshot.thresholds.len();
        self.last(|member| member.thresholds.end = end)
    }

    fn last(self, change: impl FnOnce(&mut MemberView)) -> Self {
        if let Some(member) = self.snapshot.members.last_mut() {
            change(member);
        }
        self
    }
}
