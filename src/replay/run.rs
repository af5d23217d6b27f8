//! A series, row by row, into the player: one pass for all rows of one time, and between them as often as
//! the daemon would have looked, so that brakes open and measures are undone in time.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::foresight::ForecastRow;
use super::player::Player;
use super::seats::Seats;
use super::series::{Column, Row};
use super::survey::{Survey, between};
use crate::config::{Config, Per};
use crate::judge::WatchedView;
use crate::model::{Event, ForecastView, MemberKey, Metric, Moment, Reading, Scope};

/// When a series begins, on the clock of the judge: whoever is there at its beginning started long before.
const BEGINNING: Moment = Moment::from_secs(20 * 365 * 86_400);
/// A step over so many periods, and over [`SHORTEST_GAP`], is a gap: judge's own rule.
const GAP_PERIODS: u32 = 3;
/// A gap is never shorter than this.
const SHORTEST_GAP: Duration = Duration::from_secs(2);
/// A process that is told of no more for so many periods, while others are, has ended ...
const LEFT_PERIODS: u32 = 10;
/// ... and not sooner than this.
const LEFT: Duration = Duration::from_secs(60);
/// How often it is told what is foretold.
const MINUTE: Duration = Duration::from_secs(60);
/// At most so often is looked within one gap.
const MOST_LOOKS: u32 = 86_400;
/// Names of unknown targets that are kept.
const MOST_STRANGERS: usize = 16;

/// What a replay tells.
#[derive(Clone, Debug, PartialEq)]
pub enum Told {
    /// What judge told, or what became of an order.
    Event(Event),
    /// A process is told of for the first time, or again.
    Came {
        /// Its seat.
        member: MemberKey,
        /// When.
        at: Moment,
    },
    /// A process is told of no more, while others are.
    Left {
        /// Its seat until now.
        member: MemberKey,
        /// When.
        at: Moment,
    },
    /// When a metric is at its end; told once a minute where that is known.
    Forecast(ForecastRow),
    /// Nothing was read of a process for too long.
    Gap {
        /// Whom it concerns.
        member: MemberKey,
        /// The last reading before.
        from: Moment,
        /// The first one after.
        to: Moment,
    },
}

/// One configuration, replayed.
pub struct Replay {
    player: Player,
    /// The target of rows that do not say whose they are.
    only: Option<u16>,
    places: Vec<Place>,
    period: Duration,
    wall: Timestamp,
    seats: Seats,
    /// The time of the pass that is being filled, or of the last look.
    at: Moment,
    /// Whether a pass is being filled.
    open: bool,
    /// Targets whose series tells what all come to.
    summed: BTreeSet<u16>,
    strangers: BTreeSet<Arc<str>>,
    events: Vec<Event>,
    /// When it is told next what is foretold.
    foretell: Moment,
}

/// Where the cells of a column go.
struct Place {
    period: Duration,
    /// Index into the host's metrics.
    host: Option<usize>,
    /// Index into each target's metrics.
    targets: Vec<Option<usize>>,
}

impl Replay {
    /// Nothing was played yet. `only` is the target that is looked at alone, and that of rows that do not say
    /// whose they are. Shown is what would be ordered: without dry run, whatever `config` says.
    pub fn new(config: &Config, only: Option<u16>, (columns, survey): (&[Column], &Survey)) -> Self {
        let mut config = config.clone();
        config.daemon.dry_run = false;
        config.keep_forecasts(|metric| survey.has(columns, metric));
        let period = survey.period.unwrap_or(config.daemon.interval);
        let own = |at: usize| survey.periods.get(at).copied().flatten().unwrap_or(period);
        let places = columns.iter().enumerate().map(|(at, column)| Place::of(column, &config, own(at)));
        Self {
            places: places.collect(),
            player: Player::new(Arc::new(config), (survey.first, BEGINNING)),
            only,
            period,
            wall: survey.first,
            seats: Seats::default(),
            at: BEGINNING,
            open: false,
            summed: BTreeSet::new(),
            strangers: BTreeSet::new(),
            events: Vec::new(),
            foretell: BEGINNING,
        }
    }

    /// Plays a row: what was told of the passes before it is appended to `told`.
    pub fn take(&mut self, row: &Row, told: &mut Vec<Told>) {
        let at = BEGINNING + between(self.wall, row.at);
        if self.open && at > self.at {
            self.pass(told);
        }
        self.look_until(at, told);
        self.at = at;
        self.open = true;
        let target = match &row.target {
            _ if *row.process == *Row::NOBODY => None,
            Some(name) => self.target_named(name).filter(|target| self.only.is_none_or(|only| only == *target)),
            None => self.only,
        };
        self.set_host(row);
        if let Some(target) = target {
            self.set(target, row, told);
        }
    }

    /// The series is over.
    pub fn end(&mut self, told: &mut Vec<Told>) {
        if std::mem::take(&mut self.open) {
            self.pass(told);
        }
    }

    /// What is judged by.
    pub const fn config(&self) -> &Arc<Config> {
        self.player.config()
    }

    /// The player, to look at.
    pub const fn player(&self) -> &Player {
        &self.player
    }

    /// The time of the last row.
    pub const fn now(&self) -> Moment {
        self.at
    }

    /// Whether the processes of a target are added up here, for the series does not tell what they come to.
    pub fn adds_up(&self, target: u16) -> bool {
        !self.summed.contains(&target)
    }

    /// What the wall clock said at `moment`.
    pub fn wall(&self, moment: Moment) -> Timestamp {
        let since = i64::try_from(moment.since(BEGINNING).as_nanos()).unwrap_or(i64::MAX);
        self.wall.checked_add(jiff::SignedDuration::from_nanos(since)).unwrap_or(Timestamp::MAX)
    }

    /// How long the series had been running at `moment`.
    pub const fn since_start(moment: Moment) -> Duration {
        moment.since(BEGINNING)
    }

    /// What a process is called.
    pub fn name(&self, member: MemberKey) -> Arc<str> {
        let named = || self.seats.name(member).map(Arc::clone);
        if member.slot == MemberKey::ALL { Row::ALL.into() } else { named().unwrap_or_else(|| Row::ONLY.into()) }
    }

    /// Targets that the series names and the configuration does not have; the first of them.
    pub fn strangers(&self) -> impl Iterator<Item = &str> {
        self.strangers.iter().map(|name| &**name)
    }

    /// One pass: who has left, what all come to, what follows.
    fn pass(&mut self, told: &mut Vec<Told>) {
        let patience = (self.period * LEFT_PERIODS).max(LEFT);
        for member in self.seats.clear(self.at - patience, self.at) {
            self.player.leave(member);
            told.push(Told::Left { member, at: self.at });
        }
        for target in 0..self.config().targets.len() {
            let Ok(target) = u16::try_from(target) else { continue };
            if !self.summed.contains(&target) {
                self.player.sum_up(target);
            }
        }
        self.tick(self.at, told);
        if self.at >= self.foretell {
            self.foretell = self.at + MINUTE;
            self.tell_forecasts(told);
        }
    }

    fn tell_forecasts(&mut self, told: &mut Vec<Told>) {
        let config = self.config();
        let row = |whose: (Option<Arc<str>>, Option<Arc<str>>), metric: &Metric, view: ForecastView| {
            let left = view.time_left.number().filter(|left| left.is_finite())?;
            let (time, metric, level) = (self.wall(self.at), metric.to_string().into(), view.end?.name());
            Some(Told::Forecast(ForecastRow { time, target: whose.0, process: whose.1, metric, level, left }))
        };
        let state = self.player.state();
        let host = config.host.forecasts.rows.iter().zip(state.host().forecasts());
        told.extend(host.filter_map(|(of, view)| row((None, None), config.host.metrics.get(of.metric)?, view)));
        for (index, target) in (0_u16..).zip(&config.targets) {
            let mut tell = |process: Arc<str>, watched: WatchedView<'_>| {
                let both = target.forecasts.rows.iter().zip(watched.forecasts());
                let whose = (Some(Arc::clone(&target.name)), Some(process));
                told.extend(both.filter_map(|(of, view)| row(whose.clone(), target.metrics.get(of.metric)?, view)));
            };
            if let Some(group) = state.group(index) {
                tell(self.name(MemberKey::all_of(index)), group);
            }
            for member in self.seats.of_target(index) {
                if let Some(view) = state.member(member) {
                    tell(self.name(member), view.watched());
                }
            }
        }
    }

    /// Looks as often as the daemon would have until shortly before `at`.
    fn look_until(&mut self, at: Moment, told: &mut Vec<Told>) {
        let step = self.config().daemon.interval.max(at.since(self.at) / MOST_LOOKS);
        while at.since(self.at) > step + step / 2 {
            self.at = self.at + step;
            self.tick(self.at, told);
        }
    }

    fn tick(&mut self, now: Moment, told: &mut Vec<Told>) {
        self.player.tell_time(self.wall(now), now, &mut self.events);
        self.player.tick(now, &mut self.events);
        told.extend(self.events.drain(..).map(Told::Event));
    }

    fn target_named(&mut self, name: &Arc<str>) -> Option<u16> {
        let found = self.config().targets.iter().position(|target| target.name == *name);
        if found.is_none() && self.strangers.len() < MOST_STRANGERS {
            self.strangers.insert(Arc::clone(name));
        }
        found.and_then(|at| u16::try_from(at).ok())
    }

    fn set_host(&mut self, row: &Row) {
        for (cell, place) in row.cells.iter().zip(&self.places) {
            if let (Some(value), Some(index)) = (cell, place.host) {
                self.player.host()[index] = Reading { at: self.at, period: place.period, value: *value };
            }
        }
    }

    fn set(&mut self, target: u16, row: &Row, told: &mut Vec<Told>) {
        let of_group = self.config().targets.get(usize::from(target)).is_some_and(|target| target.per == Per::Group);
        let all = &*row.process == Row::ALL;
        if all && !of_group {
            return;
        }
        if !all || !self.seats.has_any(target) {
            // Where a series tells of all alone, one stands for them.
            self.seat(target, row, told);
        }
        let Self { player, places, at, seats, .. } = self;
        let readings = if all {
            self.summed.insert(target);
            Some(player.group(target))
        } else {
            seats.of(target, &row.process).map(|seat| seat.member).and_then(|member| player.readings(member))
        };
        let Some(readings) = readings else { return };
        for (cell, place) in row.cells.iter().zip(places) {
            let index = place.targets.get(usize::from(target)).copied().flatten();
            if let (Some(value), Some(slot)) = (cell, index.and_then(|index| readings.get_mut(index))) {
                *slot = Reading { at: *at, period: place.period, value: *value };
            }
        }
    }

    /// Gives a process its seat, or tells of the gap since it was last read.
    fn seat(&mut self, target: u16, row: &Row, told: &mut Vec<Told>) {
        if let Some(seat) = self.seats.of(target, &row.process) {
            let (member, from, to) = (seat.member, std::mem::replace(&mut seat.last, self.at), self.at);
            if seat.is_another(row.started) {
                told.push(Told::Left { member, at: self.at });
                self.arrive(member, row.started, told);
            } else if to.since(from) > SHORTEST_GAP && to.since(from) > self.period * GAP_PERIODS {
                told.push(Told::Gap { member, from, to });
            }
            return;
        }
        let member = self.seats.take((target, &row.process), (self.at, row.started));
        self.arrive(member, row.started, told);
    }

    fn arrive(&mut self, member: MemberKey, started: Option<Timestamp>, told: &mut Vec<Told>) {
        // Who comes later than with the first rows has just started.
        let is_old = self.at.since(BEGINNING) <= self.period * GAP_PERIODS;
        let guessed = if is_old { Moment::default() } else { self.at };
        let started = started.map_or(guessed, |started| self.moment(started).min(self.at));
        self.player.arrive(member, (started, self.at));
        told.push(Told::Came { member, at: self.at });
    }

    /// The moment of an instant, before the beginning of the series too.
    fn moment(&self, at: Timestamp) -> Moment {
        if at < self.wall { BEGINNING - between(at, self.wall) } else { BEGINNING + between(self.wall, at) }
    }
}

impl Place {
    fn of(column: &Column, config: &Config, period: Duration) -> Self {
        let index = |metrics: &[Metric]| {
            let metric = column.metric.as_ref()?;
            metrics.iter().position(|other| other == metric)
        };
        let is_host = column.metric.as_ref().is_some_and(|metric| metric.info().scope == Scope::Host);
        Self {
            period,
            host: index(&config.host.metrics).filter(|_| is_host),
            targets: config.targets.iter().map(|target| index(&target.metrics)).collect(),
        }
    }
}
