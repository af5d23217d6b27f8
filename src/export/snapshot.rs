//! What the loop knew after a pass: plain data, complete, never changed once published.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use super::{EscalationView, WallClock, WindowView};
use crate::config::Config;
use crate::model::{
    Base, BrakeView, ForecastView, HostName, IncidentsView, Inhibition, LadderView, LeaseView, Level, MemberKey,
    Metric, Moment, OwnFacts, Pid, Reading, RungView, ThresholdView,
};
use crate::record::history::Figures;
use crate::record::{Counters, LogTo};

/// The state of the watch after one pass.
///
/// Everything of the members lies in a few flat lists that keep their room from pass to pass, so
/// that a steady pass allocates nothing: [`Snapshot::clear`], then [`Snapshot::push_member`] for
/// each, and [`Snapshot::push_group`] for each target that is judged as a group.
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
    /// Rungs that are not idle; those of a group have its seat, [`MemberKey::ALL`].
    pub rungs: Vec<RungView>,
    /// Brakes that are closed, whatever order comes.
    pub brakes: Vec<BrakeView>,
    /// Ladders that stand higher than their readings ask for.
    pub escalations: Vec<EscalationView>,
    /// Orders whose effect is not known yet.
    pub windows: Vec<WindowView>,
    /// Measures in force.
    pub leases: Vec<LeaseView>,
    /// What the operator holds back.
    pub inhibitions: Vec<Inhibition>,
    /// Counts since the start.
    pub counters: Arc<Counters>,
    /// What each probe cost in its last run.
    pub probes: Vec<ProbeView>,
    /// What each probe could not read.
    pub probe_errors: Vec<ProbeErrors>,
    /// Sockets that no process could be found for, by state; only of states that were asked for.
    pub unattributed: Vec<(Base, u64)>,
    /// The host names of `[peers]`.
    pub host_names: Vec<HostName>,
    /// What was read of the host, in the order of the configuration's `host.metrics`; empty before
    /// the first reading.
    pub host: Vec<Reading>,
    /// The host's ladder.
    pub host_ladder: LadderView,
    /// The host's thresholds, in the order of the configuration's `host.thresholds`.
    pub host_thresholds: Vec<ThresholdView>,
    /// What is foretold of the host, in the order of the configuration's `host.forecasts`.
    pub host_forecasts: Vec<ForecastView>,
    /// The pass itself.
    pub pass: PassView,
    /// What is read more seldom than configured, to keep `max_cpu`; empty if nothing is.
    pub slowed: String,
    /// Whether a pass was made after discovery had looked everywhere once.
    pub begun: bool,
    /// Why the daemon is not ready; empty when it is. Each a sentence.
    pub not_ready: Vec<String>,
    /// How the configuration got here.
    pub reload: ReloadView,
    /// The daemon itself.
    pub own: OwnFacts,
    /// Where its log goes.
    pub log_to: LogTo,
    /// How its history stands; none where there is none.
    pub history: Option<Figures>,
    /// Evidence that was collected, and is.
    pub incidents: IncidentsView,
    /// What the host calls itself; empty when that is not known.
    pub host_name: Arc<str>,
    members: Vec<MemberView>,
    groups: Vec<GroupView>,
    readings: Vec<Reading>,
    ladders: Vec<LadderView>,
    thresholds: Vec<ThresholdView>,
    forecasts: Vec<ForecastView>,
}

/// A live member.
#[derive(Clone, Debug, PartialEq)]
pub struct MemberView {
    /// Its seat.
    pub key: MemberKey,
    /// Its pid.
    pub pid: Pid,
    /// When it started.
    pub started: Moment,
    /// What was read of it; its ladders and thresholds, but those of a group are the group's alone.
    pub lists: Lists,
}

/// All processes of a target that is judged as a group.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupView {
    /// Index of the target.
    pub target: u16,
    /// What its processes come to together, its ladders and thresholds.
    pub lists: Lists,
}

/// Where the readings, ladders and thresholds of a seat are: for [`Snapshot::readings`] and its sisters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lists {
    readings: Range<usize>,
    ladders: Range<usize>,
    thresholds: Range<usize>,
    forecasts: Range<usize>,
}

/// A target beside its members.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TargetView {
    /// Kills that its budget still allows.
    pub kill_budget_remaining: u32,
    /// Whether nobody has come after a kill within `expect_successor`.
    pub successor_missing: bool,
    /// Since when it is in an incident, if it is.
    pub incident: Option<Moment>,
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

/// The pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PassView {
    /// How long it took.
    pub duration: Duration,
    /// How much later than planned it began.
    pub late: Duration,
    /// When it sampled; none before the first.
    pub last_sample: Option<Moment>,
    /// How often what is read now.
    pub periods: PeriodsView,
    /// Passes that were not made because the one before them took too long, since the start.
    pub missed_passes: u64,
    /// Readings of members that were due and not made because a pass had taken its whole period, since
    /// the start.
    pub missed_readings: u64,
}

/// How often what is read: as configured, or as far as `max_cpu` leaves it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PeriodsView {
    /// Whatever else a threshold is about.
    pub pass: Duration,
    /// The list of sockets in CLOSE_WAIT.
    pub close_wait: Duration,
    /// The list of sockets in the other states.
    pub states: Duration,
    /// Sockets of other network namespaces.
    pub namespaces: Duration,
    /// What no threshold is about and is only shown.
    pub shown: Duration,
    /// The same of each process.
    pub shown_of_process: Duration,
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
            brakes: Vec::new(),
            escalations: Vec::new(),
            windows: Vec::new(),
            leases: Vec::new(),
            inhibitions: Vec::new(),
            counters: Arc::default(),
            probes: Vec::new(),
            probe_errors: Vec::new(),
            unattributed: Vec::new(),
            host_names: Vec::new(),
            host: Vec::new(),
            host_ladder: LadderView::default(),
            host_thresholds: Vec::new(),
            host_forecasts: Vec::new(),
            pass: PassView::default(),
            slowed: String::new(),
            begun: false,
            not_ready: vec![String::from("no pass has been made yet")],
            reload: ReloadView::default(),
            own: OwnFacts::default(),
            log_to: LogTo::default(),
            history: None,
            incidents: IncidentsView::default(),
            host_name: Arc::default(),
            members: Vec::new(),
            groups: Vec::new(),
            readings: Vec::new(),
            ladders: Vec::new(),
            thresholds: Vec::new(),
            forecasts: Vec::new(),
        }
    }

    /// Empties every list and keeps their room.
    pub fn clear(&mut self) {
        self.targets.clear();
        self.rungs.clear();
        self.brakes.clear();
        self.escalations.clear();
        self.windows.clear();
        self.leases.clear();
        self.inhibitions.clear();
        self.probes.clear();
        self.probe_errors.clear();
        self.unattributed.clear();
        self.host_names.clear();
        self.host.clear();
        self.host_thresholds.clear();
        self.host_forecasts.clear();
        self.not_ready.clear();
        self.incidents.clear();
        self.members.clear();
        self.groups.clear();
        self.readings.clear();
        self.ladders.clear();
        self.thresholds.clear();
        self.forecasts.clear();
    }

    /// Adds a member and gives back where its lists go, each in the order of its target's
    /// configuration. The members come in the order of their targets.
    pub fn push_member(&mut self, key: MemberKey, pid: Pid, started: Moment) -> ListsOf<'_> {
        let lists = self.no_lists();
        self.members.push(MemberView { key, pid, started, lists });
        let Self { members, readings, ladders, thresholds, forecasts, .. } = self;
        ListsOf { lists: members.last_mut().map(|member| &mut member.lists), readings, ladders, thresholds, forecasts }
    }

    /// Adds what the processes of a target come to that is judged as a group; as
    /// [`Snapshot::push_member`].
    pub fn push_group(&mut self, target: u16) -> ListsOf<'_> {
        let lists = self.no_lists();
        self.groups.push(GroupView { target, lists });
        let Self { groups, readings, ladders, thresholds, forecasts, .. } = self;
        ListsOf { lists: groups.last_mut().map(|group| &mut group.lists), readings, ladders, thresholds, forecasts }
    }

    fn no_lists(&self) -> Lists {
        let end = |length: usize| length..length;
        Lists {
            readings: end(self.readings.len()),
            ladders: end(self.ladders.len()),
            thresholds: end(self.thresholds.len()),
            forecasts: end(self.forecasts.len()),
        }
    }

    /// The live members.
    pub fn members(&self) -> &[MemberView] {
        &self.members
    }

    /// The targets that are judged as a group and have a member.
    pub fn groups(&self) -> &[GroupView] {
        &self.groups
    }

    /// The group of a target, if it is judged as one and has a member.
    pub fn group(&self, target: u16) -> Option<&GroupView> {
        self.groups.iter().find(|group| group.target == target)
    }

    /// What was read, in the order of the target's `metrics`; empty before the first reading.
    pub fn readings(&self, lists: &Lists) -> &[Reading] {
        self.readings.get(lists.readings.clone()).unwrap_or_default()
    }

    /// The ladders, in the order of the target's `ladders`.
    pub fn ladders(&self, lists: &Lists) -> &[LadderView] {
        self.ladders.get(lists.ladders.clone()).unwrap_or_default()
    }

    /// The thresholds, in the order of the target's `thresholds`.
    pub fn thresholds(&self, lists: &Lists) -> &[ThresholdView] {
        self.thresholds.get(lists.thresholds.clone()).unwrap_or_default()
    }

    /// What is foretold, in the order of the target's `forecasts`.
    pub fn forecasts(&self, lists: &Lists) -> &[ForecastView] {
        self.forecasts.get(lists.forecasts.clone()).unwrap_or_default()
    }

    /// A number that was read of the host; none when it is unknown.
    pub fn host_number(&self, metric: &Metric) -> Option<f64> {
        let index = self.config.host.metrics.iter().position(|read| read == metric)?;
        self.host.get(index)?.value.number()
    }

    /// The highest level among the ladders.
    pub fn level(&self, lists: &Lists) -> Level {
        self.ladders(lists).iter().map(|ladder| ladder.level).max().unwrap_or_default()
    }
}

/// The lists of the seat that was pushed last.
#[derive(Debug)]
pub struct ListsOf<'a> {
    lists: Option<&'a mut Lists>,
    readings: &'a mut Vec<Reading>,
    ladders: &'a mut Vec<LadderView>,
    thresholds: &'a mut Vec<ThresholdView>,
    forecasts: &'a mut Vec<ForecastView>,
}

impl ListsOf<'_> {
    /// Its readings.
    pub fn readings(mut self, readings: &[Reading]) -> Self {
        self.readings.extend_from_slice(readings);
        let end = self.readings.len();
        self.set(|lists| lists.readings.end = end);
        self
    }

    /// Its ladders.
    pub fn ladders(mut self, ladders: impl IntoIterator<Item = LadderView>) -> Self {
        self.ladders.extend(ladders);
        let end = self.ladders.len();
        self.set(|lists| lists.ladders.end = end);
        self
    }

    /// Its thresholds.
    pub fn thresholds(mut self, thresholds: impl IntoIterator<Item = ThresholdView>) -> Self {
        self.thresholds.extend(thresholds);
        let end = self.thresholds.len();
        self.set(|lists| lists.thresholds.end = end);
        self
    }

    /// What is foretold of it.
    pub fn forecasts(mut self, forecasts: impl IntoIterator<Item = ForecastView>) -> Self {
        self.forecasts.extend(forecasts);
        let end = self.forecasts.len();
        self.set(|lists| lists.forecasts.end = end);
        self
    }

    fn set(&mut self, change: impl FnOnce(&mut Lists)) {
        if let Some(lists) = self.lists.as_deref_mut() {
            change(lists);
        }
    }
}
