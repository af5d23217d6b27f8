//! After each pass: what the loop knows, copied into the snapshot that readers get.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::{Watch, history};
use crate::config::{Address, Config, Peer, Target};
use crate::discover::Discovery;
use crate::export::metrics::left_out;
use crate::export::{
    EscalationView, PassView, PeriodsView, ProbeErrors, ProbeView, ReloadView, Snapshot, TargetView, WallClock,
    WindowView,
};
use crate::judge::{MemberView, State, WatchedView};
use crate::kernel;
use crate::model::{
    GroupSample, HostName, MemberKey, MemberSample, Metric, Moment, OwnFacts, Reading, ThresholdView, Unknown, Value,
    Window, remedy,
};
use crate::record::LogTo;
use crate::record::samples::Hour;
use crate::sample::{Periods, ProbeStats, Sampler};

/// The daemon's own figures are read this often: they are for a scrape, not for a decision.
const OWN_PERIOD: Duration = Duration::from_secs(5);

/// A scan takes milliseconds and comes at least every ten seconds.
const STILL: Duration = Duration::from_secs(30);

/// What is shown of the loop itself.
#[derive(Debug, Default)]
pub(super) struct View {
    /// How much later than planned the last pass began.
    pub(super) late: Duration,
    /// Passes that were not made because the one before them took too long, since the start.
    pub(super) missed_passes: u64,
    /// What is read more seldom than configured, in words.
    pub(super) slowed: String,
    /// When the last pass sampled.
    pub(super) last_sample: Option<Moment>,
    /// Whether a pass was made after discovery had looked everywhere once.
    begun: bool,
    wall: WallClock,
    own: OwnFacts,
    own_read: Option<Moment>,
    host_name: Arc<str>,
    left_out: usize,
    /// How many members the last snapshot had.
    members: usize,
    /// Where the log goes.
    pub(super) log_to: LogTo,
    /// When the configuration was read.
    pub(super) configured: Moment,
    /// Whether the last attempt to read it again failed.
    pub(super) reload_failed: bool,
}

impl View {
    /// Nothing shown yet of a loop whose configuration was read at `at`.
    pub(super) fn configured(config: &Config, at: Moment) -> Self {
        Self { configured: at, reload_failed: config.fallback.is_some(), ..Self::default() }
    }

    /// How `config` got here.
    fn reload(&self, config: &Config) -> ReloadView {
        let set_aside = u32::try_from(config.set_aside.len()).unwrap_or(u32::MAX);
        let last_success = config.fallback.is_none().then_some(self.configured);
        ReloadView { failed: self.reload_failed, last_success, set_aside }
    }

    fn show_pass(&self, snapshot: &mut Snapshot, sampler: &Sampler, began: Moment) {
        snapshot.slowed.clone_from(&self.slowed);
        snapshot.pass = self.pass(sampler, began);
    }

    /// The pass that began then and ends now.
    fn pass(&self, sampler: &Sampler, began: Moment) -> PassView {
        PassView {
            duration: kernel::now().since(began),
            late: self.late,
            last_sample: self.last_sample,
            periods: shown(sampler.periods()),
            missed_passes: self.missed_passes,
            missed_readings: sampler.missed(),
        }
    }

    fn refresh(&mut self, hour: &Hour, now: Moment) {
        let unix = kernel::wall_now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        // Not `now`, when the tick began: what is shown would be that much too late ever after.
        self.wall.observe(kernel::now(), unix);
        if self.own_read.is_some_and(|read| now.since(read) < OWN_PERIOD) {
            return;
        }
        self.own_read = Some(now);
        self.own = OwnFacts { hour_bytes: u64::try_from(hour.room()).ok(), ..kernel::own_facts() };
        let name = kernel::host_name();
        if *name != *self.host_name {
            self.host_name = Arc::from(name);
        }
    }
}

impl Watch {
    /// Publishes the state of the watch. `began` is when the tick did.
    pub(super) fn export(&mut self, began: Moment) {
        self.view.refresh(self.recorder.hour(), began);
        self.publish(began);
        let members = self.sampler.latest().members.len();
        if members != std::mem::replace(&mut self.view.members, members) {
            self.tell_left_out();
        }
    }

    /// Says once when `max_series` begins to leave processes out. Asked when their number changed.
    fn tell_left_out(&mut self) {
        let left_out = left_out(&self.publisher.published().latest());
        if left_out > 0 && std::mem::replace(&mut self.view.left_out, left_out) == 0 {
            self.warn(format!(
                "[web] max_series leaves {left_out} processes out of /metrics: raise it, or match fewer"
            ));
        }
        self.view.left_out = left_out;
    }

    fn publish(&mut self, began: Moment) {
        let Self { config, sampler, state, recorder, publisher, view, discovery, roster, .. } = self;
        let Self { all_found, incidents, remembering, .. } = self;
        publisher.publish(|snapshot| {
            snapshot.config = Arc::clone(config);
            snapshot.taken = began;
            snapshot.wall = view.wall;
            snapshot.counters = recorder.counters();
            snapshot.own = view.own;
            snapshot.log_to = view.log_to;
            snapshot.host_name = Arc::clone(&view.host_name);
            snapshot.reload = view.reload(config);
            snapshot.targets.extend((0..config.targets.len()).map(|target| show_target(state, target, began)));
            show_measures(snapshot, state, began);
            view.begun |= *all_found;
            snapshot.begun = view.begun;
            show_host(snapshot, state, began);
            for group in &sampler.latest().groups {
                show_group(snapshot, group, state, began);
                if let Some(target) = config.targets.get(usize::from(group.target)) {
                    snapshot.not_ready.extend(half_blind(target, group, &sampler.latest().members));
                }
            }
            for member in &sampler.latest().members {
                if let Some(judged) = state.member(member.member) {
                    show_member(snapshot, config, (member, judged), began);
                }
            }
            snapshot.host.extend_from_slice(&sampler.latest().host);
            for probe in sampler.stats() {
                show_probe(snapshot, probe);
            }
            snapshot.unattributed.extend(sampler.unattributed());
            show_names(snapshot, sampler.names());
            snapshot.not_ready.extend(roster.troubles().map(ToString::to_string));
            snapshot.not_ready.extend(stands_still(discovery, began));
            snapshot.not_ready.extend(remembering.trouble().map(str::to_owned));
            history::show(snapshot, recorder, began);
            incidents.show(snapshot);
            view.show_pass(snapshot, sampler, began);
        });
    }
}

/// What is in force, what is held back, and what is being measured.
fn show_measures(snapshot: &mut Snapshot, state: &State, now: Moment) {
    snapshot.brakes.extend(state.closed(now));
    snapshot.windows.extend(state.windows().map(window));
    snapshot.leases.extend(state.leases(now));
    snapshot.inhibitions.extend(state.inhibitions(now).cloned());
}

fn show_target(state: &State, target: usize, now: Moment) -> TargetView {
    TargetView {
        kill_budget_remaining: state.kill_budget_remaining(target, now),
        successor_missing: state.successor_missing(target),
        incident: state.incident(target),
    }
}

const fn shown(periods: Periods) -> PeriodsView {
    let Periods { pass, close_wait, states, namespaces, shown, each, .. } = periods;
    PeriodsView { pass, close_wait, states, namespaces, shown, shown_of_process: each }
}

fn show_names(snapshot: &mut Snapshot, names: impl Iterator<Item = HostName>) {
    snapshot.host_names.extend(names);
    let lost: Vec<String> = unresolved(&snapshot.config, &snapshot.host_names).collect();
    snapshot.not_ready.extend(lost);
}

/// A sentence for each host name without an answer that a threshold needs.
fn unresolved<'a>(config: &'a Config, names: &'a [HostName]) -> impl Iterator<Item = String> + 'a {
    let is = |peer: &Peer, name: &HostName| matches!(&peer.address, Address::Name(other) if *other == name.name);
    let counts = move |name: &&HostName| {
        let needed = |metric: Option<&Metric>| {
            let peer =
                metric.and_then(|metric| config.peers.iter().find(|peer| metric.peer.as_ref() == Some(&peer.name)));
            peer.is_some_and(|peer| is(peer, name))
        };
        let rows = |target: &Target| target.rows_at_any_hour().any(|row| needed(target.metrics.get(row.metric)));
        let host = &config.host;
        config.targets.iter().any(rows) || host.thresholds.iter().any(|row| needed(host.metrics.get(row.metric)))
    };
    let lost = names.iter().filter(|name| name.addresses.is_none() && name.trouble.is_some());
    lost.filter(counts).map(ToString::to_string)
}

fn show_probe(snapshot: &mut Snapshot, probe: &ProbeStats) {
    snapshot.probes.push(ProbeView { name: probe.name, duration: probe.last });
    let errors = probe.errors.iter();
    let errors = errors.map(|&(reason, count)| ProbeErrors { probe: probe.name, reason, count });
    snapshot.probe_errors.extend(errors);
}

fn show_member(
    snapshot: &mut Snapshot,
    config: &Config,
    (member, judged): (&MemberSample, MemberView<'_>),
    now: Moment,
) {
    let key = member.member;
    let lists = snapshot.push_member(key, member.identity.pid, member.started);
    let lists = lists.readings(&member.readings).ladders(judged.ladders()).thresholds(judged.thresholds(now));
    lists.forecasts(judged.watched().forecasts());
    snapshot.rungs.extend(judged.rungs());
    show_escalations(snapshot, judged.watched(), Some(key));
    let Some(target) = config.targets.get(usize::from(key.target)) else { return };
    for (view, threshold) in judged.thresholds(now).zip(&target.thresholds) {
        let whom = || format!("{}[{}]", target.name, key.slot);
        if view.unknown.is_some() {
            snapshot.not_ready.extend(blind(&whom(), &threshold.name, &view));
        }
    }
}

fn show_host(snapshot: &mut Snapshot, state: &State, now: Moment) {
    let host = state.host();
    snapshot.host_ladder = host.ladders().next().unwrap_or_default();
    snapshot.host_thresholds.extend(host.thresholds(now));
    snapshot.host_forecasts.extend(host.forecasts());
    show_escalations(snapshot, host, None);
    let config = Arc::clone(&snapshot.config);
    for (view, threshold) in host.thresholds(now).zip(&config.host.thresholds) {
        snapshot.not_ready.extend(blind("host", &threshold.name, &view));
    }
}

fn window(window: &Window) -> WindowView {
    let order = &window.order;
    WindowView { member: order.member, action: Arc::clone(&order.action), until: window.until }
}

fn show_escalations(snapshot: &mut Snapshot, judged: WatchedView<'_>, member: Option<MemberKey>) {
    let raised = judged.escalations().map(|what| EscalationView { member, what: what.clone() });
    snapshot.escalations.extend(raised);
}

fn show_group(snapshot: &mut Snapshot, group: &GroupSample, state: &State, now: Moment) {
    let Some(judged) = state.group(group.target) else { return };
    let lists = snapshot.push_group(group.target);
    let lists = lists.readings(&group.readings).ladders(judged.ladders()).thresholds(judged.thresholds(now));
    lists.forecasts(judged.forecasts());
    show_escalations(snapshot, judged, Some(MemberKey::all_of(group.target)));
    let config = Arc::clone(&snapshot.config);
    let Some(target) = config.targets.get(usize::from(group.target)) else { return };
    for (view, threshold) in judged.thresholds(now).zip(&target.thresholds) {
        snapshot.not_ready.extend(blind(&target.name, &threshold.name, &view));
    }
}

/// A sentence for each threshold of a group that some of its processes are hidden from: their sum is a lower bound.
fn half_blind<'a>(
    target: &'a Target,
    group: &'a GroupSample,
    members: &'a [MemberSample],
) -> impl Iterator<Item = String> + 'a {
    let of_group = move |member: &&MemberSample| member.member.target == group.target;
    target.thresholds.iter().filter_map(move |threshold| {
        let is_bound = matches!(group.readings.get(threshold.metric)?.value, Value::AtLeast(_));
        let reading = |member: &'a MemberSample| member.readings.get(threshold.metric);
        // What was not read yet comes by itself.
        let lasts = |why: &Unknown| matches!(why, Unknown::Denied | Unknown::Malformed);
        let unknown = |reading: &Reading| reading.value.unknown().filter(lasts);
        let mut hidden = members.iter().filter(of_group).filter_map(reading).filter_map(unknown);
        let why = hidden.next().filter(|_| is_bound)?;
        let (some, all) = (1 + hidden.count(), members.iter().filter(of_group).count());
        let (name, metric, remedy) = (&target.name, &threshold.name, in_words(&threshold.name, why));
        Some(format!(
            "{name}: {metric} is {} of {some} of {all} processes: its threshold sees a part{remedy}",
            why.name()
        ))
    })
}

/// Discovery that hangs on a process, or has not begun, sees no newcomer.
fn stands_still(discovery: &Discovery, now: Moment) -> Option<String> {
    match discovery.last_scan() {
        None => Some("discovery has not finished its first scan".to_owned()),
        Some(last) if now.since(last) > STILL => {
            Some(format!("discovery stands still for {}s: new processes are not seen", now.since(last).as_secs()))
        }
        Some(_) => None,
    }
}

/// A sentence for `/-/ready`: a threshold that cannot see is a watchdog that sleeps.
fn blind(whom: &str, metric: &Metric, threshold: &ThresholdView) -> Option<String> {
    let why = threshold.unknown.filter(|why| !why.is_expected())?;
    Some(format!("{whom}: {metric} is {}: its threshold is blind{}", why.name(), in_words(metric, why)))
}

/// What helps, if anything does.
fn in_words(metric: &Metric, why: Unknown) -> String {
    remedy(metric.base, why).map_or_else(String::new, |remedy| format!("; {remedy}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::fixture;
    use crate::model::{BootId, Identity, Pid};

    fn reading(value: Value) -> Reading {
        Reading { at: Moment::default(), period: Duration::from_secs(1), value }
    }

    fn member((target, slot): (u16, u32), value: Value) -> MemberSample {
        let pid = Pid::new(i32::try_from(slot).unwrap() + 100).unwrap();
        let identity = Identity { boot: BootId(1), pid, start_ticks: 1, pidfs_inode: None };
        let (started, first_seen) = (Moment::default(), Moment::default());
        let readings = vec![reading(value); 8];
        MemberSample { member: MemberKey { target, slot }, identity, started, first_seen, readings }
    }

    #[test]
    fn a_group_says_from_which_threshold_some_of_it_is_hidden() {
        let mut target = fixture::target("workers", &[]);
        target.thresholds.truncate(1);
        let denied = Value::Unknown(Unknown::Denied);
        let said = |value: Value, values: &[Value]| -> Vec<String> {
            let group = GroupSample { target: 1, readings: vec![reading(value); 8] };
            let others = [member((0, 0), denied), member((2, 0), denied)];
            let own = (0..).zip(values).map(|(slot, &value)| member((1, slot), value));
            let members: Vec<_> = own.chain(others).collect();
            half_blind(&target, &group, &members).collect()
        };
        let metric = &target.thresholds[0].name;
        let parts = said(Value::AtLeast(3.0), &[denied, Value::Known(3.0), denied]);
        let expected = format!("workers: {metric} is denied of 2 of 3 processes: its threshold sees a part");
        assert!(parts.len() == 1 && parts[0].starts_with(&expected), "{parts:?}");
        assert!(said(Value::Known(6.0), &[Value::Known(3.0); 2]).is_empty());
        assert!(said(denied, &[denied; 2]).is_empty(), "that it is blind is said already");
        for passing in [Unknown::Gone, Unknown::Overdue] {
            assert!(said(Value::AtLeast(3.0), &[Value::Unknown(passing), Value::Known(3.0)]).is_empty());
        }
    }
}
