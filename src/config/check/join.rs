//! Connects the parts of a target: what it inherits, which action a ladder names, which ladder a
//! threshold feeds, and whether each of them can ever be reached.

mod during;
mod effects;
mod hours;
mod ladders;
mod needs;
mod schedules;
mod windows;

use std::sync::Arc;

use super::super::problem::Report;
use super::super::source::Place;
use super::super::text::{quoted, suggest};
use super::super::{Action, During, Ladder, Schedule, Threshold};
use super::action::Plan;
use super::during::Block;
use super::ladder::Written;
use super::row::{self, Row};
use super::schedule::Beat;
use super::{Common, Named, Origin, Setting};
use crate::model::{Base, METRICS, Metric, MetricInfo, Scope};
use during::Inside;
use ladders::Joint;

/// A target's own parts; none where the section was no table.
pub(super) struct Parts<'a> {
    pub rows: Option<Vec<Named<'a, Row<'a>>>>,
    pub ladders: Option<Vec<Written<'a>>>,
    pub actions: Option<Vec<Named<'a, Plan<'a>>>>,
    pub schedule: Option<Vec<Beat<'a>>>,
    pub during: Option<Vec<Block<'a>>>,
}

/// The parts, connected.
pub(super) struct Joined {
    pub metrics: Vec<Metric>,
    pub thresholds: Vec<Threshold>,
    pub ladders: Vec<Ladder>,
    pub actions: Vec<Action>,
    pub schedule: Vec<Schedule>,
    pub during: Vec<During>,
    /// Where measures are defined that only an anchored match may get.
    pub guarded: Vec<Place>,
}

/// One entry after inheritance.
struct Item<'a, T> {
    name: &'a str,
    place: Place,
    origin: Origin,
    setting: Setting<T>,
}

/// Joins a target's parts with what it inherits.
pub(super) fn join(target: &str, parts: Parts<'_>, common: &Common<'_>, report: &mut Report) -> Joined {
    let defaults = &common.defaults;
    // Where a part is broken, what seems to be missing or unused may be in it.
    let mut sound = parts.sound() && !defaults.broken;
    let whole = parts.rows.is_some() && !defaults.broken;
    let beats = parts.schedule.unwrap_or_default();
    let rows = merge(parts.rows.unwrap_or_default(), &defaults.rows, report);
    let actions = merge(parts.actions.unwrap_or_default(), &defaults.actions, report);
    let written = parts.ladders.unwrap_or_default();
    let mut insides = during::merge(parts.during.unwrap_or_default(), &defaults.during, report);
    let mut ladders = ladders::merge(&written, &defaults.ladders, report);
    ladders::add_those_of_hours(&mut ladders, insides.iter().flat_map(Inside::joints));
    for ladder in &mut ladders {
        sound &= ladder.look_up(&actions, target, report);
    }
    sound &= rows.iter().all(|row| !matches!(row.setting, Setting::Broken));
    let mut feeds = Feeds { target, ladders: &ladders, sound };
    let fed: Vec<(usize, &Row<'_>)> = rows.iter().filter_map(|row| feeds.ladder_of(row, report)).collect();
    for inside in &mut insides {
        let well = inside.look_up(&actions, &mut feeds, report);
        feeds.sound &= well;
    }
    sound = feeds.sound;
    if whole {
        ending(&rows, &insides, report);
    }
    sound &= needs::look_up(&actions, target, report);
    sound &= hours::look_up(&actions, &common.calendars, report);
    sound &= schedules::look_up(&beats, &actions, target, report);
    if sound {
        in_vain((&actions, &beats), (&ladders, &insides), (target, common), report);
    }
    reach(&mut ladders, &mut insides, (&fed, sound), report);
    usual_host_kills((&fed, &ladders), &actions, report);
    during::host_kills_at_any_hour(&insides, (&fed, &ladders), &actions, report);
    let joined = finish((&fed, &insides), &ladders, &actions, common);
    Joined { schedule: schedules::resolve(&beats, &joined.actions), ..joined }
}

/// Tells of actions that nobody orders, and of what they say of their effect in vain.
fn in_vain(
    (actions, beats): (&[Item<'_, Plan<'_>>], &[Beat<'_>]),
    (ladders, insides): (&[Joint<'_>], &[Inside<'_>]),
    (target, common): (&str, &Common<'_>),
    report: &mut Report,
) {
    let all: Vec<&Joint<'_>> = ladders.iter().chain(insides.iter().flat_map(Inside::joints)).collect();
    let hosts = |action: &str| common.host.names(target, action);
    let beaten = |action: &str| beats.iter().any(|beat| beat.action == action);
    let named = |action: &str| all.iter().any(|ladder| ladder.names(action)) || hosts(action);
    never_ordered(actions, |name| named(name) || beaten(name) || needs::names(actions, name), report);
    effects::hold_against(actions, &all, hosts, report);
    windows::hold_against(actions, (ladders, insides), report);
}

/// Reports kills of the usual ladders that a metric of the host would bring about.
fn usual_host_kills(
    (fed, ladders): (&[(usize, &Row<'_>)], &[Joint<'_>]),
    actions: &[Item<'_, Plan<'_>>],
    report: &mut Report,
) {
    for (index, ladder) in ladders.iter().enumerate() {
        let feeding: Vec<&Row<'_>> = fed.iter().filter(|(i, _)| *i == index).map(|(_, row)| *row).collect();
        host_kills(ladder, &feeding, actions, report);
    }
}

/// Reports rows about when a metric ends that has no end, at any hour.
fn ending(rows: &[Item<'_, Row<'_>>], insides: &[Inside<'_>], report: &mut Report) {
    let said = rows.iter().filter_map(|row| Some((row.name, row.setting.said()?)));
    let before = report.errors();
    row::ending(&said.collect::<Vec<_>>(), report);
    if report.errors() == before {
        insides.iter().for_each(|inside| inside.ending(rows, report));
    }
}

/// Reports levels that no bound reaches, at any hour.
fn reach(
    ladders: &mut [Joint<'_>],
    insides: &mut [Inside<'_>],
    (fed, sound): (&[(usize, &Row<'_>)], bool),
    report: &mut Report,
) {
    if !sound {
        return;
    }
    for inside in &*insides {
        inside.takes_out(fed, ladders, report);
    }
    let names: Vec<&str> = ladders.iter().map(|ladder| ladder.name).collect();
    for (index, name) in names.iter().enumerate() {
        let usual = || fed.iter().filter(|(i, _)| *i == index).map(|(_, row)| *row);
        let at_times = insides.iter().flat_map(Inside::rows).filter(|(i, _)| *i == index).map(|(_, row)| row.clone());
        let at_times: Vec<Row<'_>> = at_times.collect();
        ladders[index].hold_against(&usual().chain(&at_times).collect::<Vec<_>>(), report);
        for inside in &mut *insides {
            let beside: Vec<&Row<'_>> = usual().filter(|row| !inside.replaces(row)).chain(&at_times).collect();
            for joint in inside.joints_mut().iter_mut().filter(|joint| joint.name == *name) {
                joint.hold_against(&beside, report);
            }
        }
    }
}

impl Parts<'_> {
    /// Whether each could be read.
    fn sound(&self) -> bool {
        let hours = self.schedule.is_some() && self.during.is_some();
        self.rows.is_some() && self.ladders.is_some() && self.actions.is_some() && hours
    }
}

fn merge<'a, T: Clone>(own: Vec<Named<'a, T>>, inherited: &[Named<'a, T>], report: &mut Report) -> Vec<Item<'a, T>> {
    let mut items: Vec<Item<'a, T>> = Vec::new();
    for Named { name, place, setting } in own {
        if matches!(setting, Setting::Removed) && !inherited.iter().any(|other| other.name == name) {
            nothing_inherited(&quoted(name), place, report);
        }
        items.push(Item { name, place, origin: Origin::Own, setting });
    }
    for Named { name, place, setting } in inherited {
        if !items.iter().any(|item| item.name == *name) {
            let setting = match setting {
                Setting::Is(value) => Setting::Is(value.clone()),
                Setting::Removed | Setting::Broken => Setting::Broken,
            };
            items.push(Item { name, place: *place, origin: Origin::Inherited, setting });
        }
    }
    items
}

fn nothing_inherited(what: &str, place: Place, report: &mut Report) {
    report
        .missing(place, format!("[defaults] gives no {what} to take out"))
        .help("remove the line; \"none\" only takes out what is inherited");
}

/// Looks up which ladder each row feeds.
struct Feeds<'l, 'a> {
    target: &'l str,
    ladders: &'l [Joint<'a>],
    sound: bool,
}

impl Feeds<'_, '_> {
    fn ladder_of<'r, 'a>(&mut self, item: &'r Item<'a, Row<'a>>, report: &mut Report) -> Option<(usize, &'r Row<'a>)> {
        let Setting::Is(row) = &item.setting else { return None };
        let Some((name, place)) = row.ladder else { return Some((0, row)) };
        if let Some(index) = self.ladders.iter().position(|ladder| ladder.name == name) {
            return Some((index, row));
        }
        self.sound = false;
        let help = suggest(name, "ladders", self.ladders.iter().map(|ladder| ladder.name));
        let what = match item.origin {
            Origin::Own => format!("no ladder {}", quoted(name)),
            Origin::Inherited => format!("target `{}` inherits this and has no ladder {}", self.target, quoted(name)),
        };
        report.missing(place, what).help(format!("{help} (a new one: [target.{}.ladder.NAME])", self.target));
        None
    }
}

/// Whether the action of that name ends a process.
fn is_kill(actions: &[Item<'_, Plan<'_>>], name: &str) -> bool {
    let found = actions.iter().find(|item| item.name == name);
    found.is_some_and(|item| matches!(&item.setting, Setting::Is(plan) if plan.action.measure.is_kill()))
}

/// A host's metric orders no kill, so a level that it raises may not hold one.
fn host_kills(ladder: &Joint<'_>, feeding: &[&Row<'_>], actions: &[Item<'_, Plan<'_>>], report: &mut Report) {
    let Some(host) = feeding.iter().find(|row| row.metric.info().scope == Scope::Host) else { return };
    for step in ladder.steps().filter(|(level, _)| *level <= host.reach()).map(|(_, step)| step) {
        if is_kill(actions, step.action) {
            report
                .error(
                    step.place,
                    format!("`{}` raises this level, and a metric of the host never orders a kill", host.metric),
                )
                .help("let it feed another ladder: ladder = \"host\" in its threshold, and [target.NAME.ladder.host]");
        }
    }
}

fn never_ordered(actions: &[Item<'_, Plan<'_>>], ordered: impl Fn(&str) -> bool, report: &mut Report) {
    let own = actions.iter().filter(|item| item.origin == Origin::Own && matches!(item.setting, Setting::Is(_)));
    for item in own.filter(|item| !ordered(item.name)) {
        report
            .missing(item.place, format!("action `{}` is never ordered", item.name))
            .help("name it in a ladder, or remove it");
    }
}

fn finish(
    (fed, insides): (&[(usize, &Row<'_>)], &[Inside<'_>]),
    ladders: &[Joint<'_>],
    actions: &[Item<'_, Plan<'_>>],
    common: &Common<'_>,
) -> Joined {
    let is = |item: &&Item<'_, Plan<'_>>| matches!(item.setting, Setting::Is(_));
    let names: Vec<&str> = actions.iter().filter(is).map(|item| item.name).collect();
    let at_times = || insides.iter().flat_map(Inside::rows);
    let every = || fed.iter().map(|(ladder, row)| (*ladder, *row)).chain(at_times());
    let mut metrics = exported(&common.peers.names, every().any(|(_, row)| row.metric.base.is_other_state()));
    // Inherited ladders that nothing feeds are left out, which moves those behind them.
    let kept: Vec<usize> = (0..ladders.len()).filter(|i| *i == 0 || every().any(|(ladder, _)| ladder == *i)).collect();
    let mut threshold = |ladder: usize, row: &Row<'_>| {
        let quantity = row.metric.with(None);
        let metric = metrics.iter().position(|m| *m == quantity).unwrap_or_else(|| {
            metrics.push(quantity);
            metrics.len() - 1
        });
        let ladder = kept.iter().position(|i| *i == ladder)?;
        let (expected, bounds, clear_hold) = (row.expected, row.bounds.clone(), row.clear_hold);
        Some(Threshold { metric, name: row.metric.clone(), ladder, expected, bounds, clear_hold })
    };
    let thresholds: Vec<Threshold> = fed.iter().filter_map(|(ladder, row)| threshold(*ladder, row)).collect();
    let during = insides.iter().map(|inside| {
        let mut during = inside.resolve((ladders, &kept), &names, &mut threshold);
        let out = inside.taken_out(fed).into_iter().map(|row| (row.metric.clone(), None));
        during.thresholds.extend(out);
        during
    });
    let during = during.collect();
    let (places, actions) = resolved(actions, (&names, common));
    let guarded = |action: &Action| action.measure.is_kill() || action.measure.is_freeze();
    let guarded = places.iter().zip(&actions).filter(|(_, action)| guarded(action)).map(|(place, _)| *place).collect();
    let ladders = kept.iter().filter_map(|i| ladders.get(*i)).map(|ladder| ladder.resolve(&names)).collect();
    Joined { metrics, thresholds, ladders, actions, schedule: Vec::new(), during, guarded }
}

/// The actions that could be read, each with its place, and with indexes into `names` and the calendars.
fn resolved(actions: &[Item<'_, Plan<'_>>], (names, common): (&[&str], &Common<'_>)) -> (Vec<Place>, Vec<Action>) {
    let own = actions.iter().filter_map(|item| match &item.setting {
        Setting::Is(plan) => {
            let (needs, not_during) = (needs::resolve(plan, names), hours::resolve(plan, &common.calendars));
            Some((item.place, Action { needs, not_during, ..plan.action.clone() }))
        }
        Setting::Removed | Setting::Broken => None,
    });
    own.unzip()
}

/// What is exported of every process, whatever the thresholds name; in the order of the table.
fn exported(peers: &[Arc<str>], asks_for_states: bool) -> Vec<Metric> {
    // How often a process waits for the disk is in a file of its own, which only a threshold is worth;
    // so are, on a host with many connections, all states but CLOSE_WAIT.
    let states = asks_for_states || !peers.is_empty();
    let always = |row: &&MetricInfo| {
        let dear = row.base == Base::MajorFaults || (row.base.is_other_state() && !states);
        row.scope == Scope::Process && !dear
    };
    let process = METRICS.iter().filter(always).map(|row| Metric::plain(row.base));
    let by_peer = |base| peers.iter().map(move |peer| Metric::of(base, Some(Arc::clone(peer))));
    process.chain(by_peer(Base::CloseWait)).chain(by_peer(Base::Established)).collect()
}
