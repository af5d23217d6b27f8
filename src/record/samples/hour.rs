//! The last hour of everybody, owned by the watch loop.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::cell::{Cell, MOST_METRICS};
use super::last_hour::{LastHour, Life};
use super::minute::{Block, Minute, Place, Seated};
use super::stream::Stream;
use super::{MOST, ROOM, SPAN, STEP};
use crate::config::Config;
use crate::model::{MemberKey, MemberSample, Metric, Moment, Reading, Sample, Scope};

/// What a stream may have at least, in bytes.
const LEAST: usize = 4 << 10;

/// So many rows are removed at once, for that takes as long as reading them; each seat has its own turn.
const PART: usize = 36;

/// Processes of one seat that are told apart; of more the first are forgotten.
const MOST_LIVES: usize = 8;

/// Whose readings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Whose {
    Host,
    Seat(MemberKey),
}

/// The readings of one seat.
#[derive(Debug)]
struct Past {
    stream: Stream,
    lives: VecDeque<Life>,
    /// The last row of the stream.
    end: u64,
    /// The last row in which something was read.
    read: u64,
    /// Where it stands in the block of this minute.
    place: Place,
}

/// Buffers that are kept from row to row.
#[derive(Debug, Default)]
struct Scratch {
    cells: Vec<Cell>,
    packed: Vec<u8>,
}

/// What is kept of a target, and where it stands among the readings.
#[derive(Clone, Debug)]
struct Columns {
    metrics: Arc<[Metric]>,
    /// Their names, as the history has them.
    names: Arc<str>,
    places: Vec<usize>,
}

/// The last hour of everybody.
#[derive(Debug)]
pub struct Hour {
    config: Arc<Config>,
    host: Columns,
    targets: Vec<Columns>,
    pasts: BTreeMap<Whose, Past>,
    /// The times of the rows; the last one is that of row `row`.
    times: VecDeque<Moment>,
    row: u64,
    next: Moment,
    scratch: Scratch,
    /// What goes to the history at the end of the minute; none where nothing is kept there.
    minute: Option<Minute>,
}

impl Hour {
    /// Nothing was read yet.
    pub fn new(config: Arc<Config>) -> Self {
        let host = Columns::of(&config.host.metrics, |_| true);
        let targets = config.targets.iter();
        // What is the host's is kept once, not with each process.
        let targets = targets.map(|target| Columns::of(&target.metrics, |scope| scope != Scope::Host)).collect();
        let (pasts, times) = (BTreeMap::new(), VecDeque::new());
        let minute = config.history.samples.map(|_| Minute::default());
        Self {
            config,
            host,
            targets,
            pasts,
            times,
            row: 0,
            next: Moment::default(),
            scratch: Scratch::default(),
            minute,
        }
    }

    /// Takes over another configuration. Who is read by the same metrics as before keeps his hour. What was meant
    /// for the history until now is given away.
    pub fn reconfigure(&mut self, config: Arc<Config>) -> Vec<Block> {
        let sealed = self.seal();
        let old = std::mem::replace(self, Self::new(config));
        (self.times, self.row, self.next) = (old.times, old.row, old.next);
        let place = |name: &str| self.config.targets.iter().position(|target| *target.name == *name);
        for (whose, past) in old.pasts {
            let (whose, before, now) = match whose {
                Whose::Host => (whose, &old.host, Some(&self.host)),
                Whose::Seat(key) => {
                    let Some((before, target)) =
                        old.targets.get(usize::from(key.target)).zip(old.config.targets.get(usize::from(key.target)))
                    else {
                        continue;
                    };
                    let Some(target) = place(&target.name).and_then(|at| u16::try_from(at).ok()) else { continue };
                    (Whose::Seat(MemberKey { target, ..key }), before, self.targets.get(usize::from(target)))
                }
            };
            if now.is_some_and(|now| now.metrics == before.metrics) {
                self.pasts.insert(whose, past);
            }
        }
        sealed
    }

    /// When the next readings are to be kept.
    pub const fn next(&self) -> Moment {
        self.next
    }

    /// What is to go to the history and was not given away yet.
    pub fn seal(&mut self) -> Vec<Block> {
        let Self { config, minute, .. } = self;
        let Some(minute) = minute else { return Vec::new() };
        let target = |whose| match whose {
            Whose::Host => Some((None, &self.host)),
            Whose::Seat(MemberKey { target, .. }) => {
                let at = usize::from(target);
                Some((Some(Arc::clone(&config.targets.get(at)?.name)), self.targets.get(at)?))
            }
        };
        let named = |whose| target(whose).map(|(target, columns)| (target, Arc::clone(&columns.names)));
        minute.seal(named)
    }

    /// Keeps the latest readings, if it is time: the loop calls it after each pass. Reads no clock, waits for nobody.
    /// Once a minute what is to go to the history.
    pub fn keep(&mut self, sample: &Sample, now: Moment) -> Vec<Block> {
        if now < self.next {
            return Vec::new();
        }
        self.keep_now(sample, now)
    }

    /// Keeps the latest readings, whether it is time or not.
    pub fn keep_now(&mut self, sample: &Sample, now: Moment) -> Vec<Block> {
        let sealed =
            if self.minute.as_ref().is_some_and(|minute| minute.is_over(now)) { self.seal() } else { Vec::new() };
        // By the beat, not by the last one: a late pass makes no later ones late.
        self.next = if self.next + STEP > now { self.next + STEP } else { now + STEP };
        self.row += 1;
        self.times.push_back(now);
        self.keep_one(Whose::Host, (&sample.host, None));
        for group in &sample.groups {
            self.keep_one(Whose::Seat(MemberKey::all_of(group.target)), (&group.readings, None));
        }
        for member in &sample.members {
            self.keep_one(Whose::Seat(member.member), (&member.readings, Some((member, now))));
        }
        self.forget(now);
        sealed
    }

    fn keep_one(&mut self, whose: Whose, (readings, member): (&[Reading], Option<(&MemberSample, Moment)>)) {
        let Self { pasts, scratch, row, times, .. } = self;
        let columns = match whose {
            Whose::Host => Some(&self.host),
            Whose::Seat(key) => self.targets.get(usize::from(key.target)),
        };
        let Some(columns) = columns else { return };
        let past = pasts.entry(whose).or_insert_with(|| Past::new(columns.places.len(), *row));
        past.skip_to(*row, scratch);
        if let Some((member, now)) = member {
            past.live(member, now);
        }
        let Scratch { cells, packed } = scratch;
        cells.clear();
        let before = past.stream.last();
        cells.extend(columns.places.iter().zip(before).map(|(place, before)| {
            readings.get(*place).map_or(Cell::NOTHING, |reading| Cell::of(reading.value, *before))
        }));
        if let (Some(minute), Some(at)) = (&mut self.minute, times.back()) {
            let life = past.lives.back().map(|life| (life.identity, life.started));
            let seated = Seated { whose, life, place: &mut past.place };
            minute.push(seated, (*row, *at), (past.stream.last(), cells));
        }
        past.stream.push(cells, packed);
        (past.end, past.read) = (*row, *row);
    }

    /// Forgets what is older than an hour, and of whom nothing was read within it.
    fn forget(&mut self, now: Moment) {
        let Self { pasts, scratch, row, times, .. } = self;
        let most = (ROOM / pasts.len().max(1)).clamp(LEAST, MOST);
        let recent = times.iter().rev().take_while(|at| now.since(**at) <= SPAN).count();
        let wanted = |past: &Past| past.read + recent as u64 > *row;
        pasts.retain(|_, past| wanted(past));
        for (turn, past) in pasts.values_mut().enumerate() {
            past.skip_to(*row + 1, scratch);
            if past.stream.rows() > recent + PART + turn % PART {
                past.stream.keep(recent);
            }
            if past.stream.bytes().len() > most {
                past.stream.keep(past.stream.rows() * 3 / 4);
            }
        }
        while times.len() > recent + 3 * PART {
            times.pop_front();
        }
    }

    /// The last hour of a seat; [`MemberKey::all_of`] for that of a group. None of whom nothing was read.
    pub fn of(&self, member: MemberKey) -> Option<LastHour> {
        self.copy(Whose::Seat(member), self.targets.get(usize::from(member.target))?)
    }

    /// The last hour of the host.
    pub fn of_host(&self) -> Option<LastHour> {
        self.copy(Whose::Host, &self.host)
    }

    fn copy(&self, whose: Whose, columns: &Columns) -> Option<LastHour> {
        let past = self.pasts.get(&whose)?;
        let first = self.times.len().checked_sub(past.stream.rows())?;
        let times: Vec<Moment> = self.times.iter().skip(first).copied().collect();
        let begin = *times.first()?;
        let over = past.lives.iter().skip(1).take_while(|life| life.since <= begin).count();
        Some(LastHour {
            metrics: Arc::clone(&columns.metrics),
            times,
            bytes: past.stream.bytes().to_vec(),
            lives: past.lives.iter().skip(over).copied().collect(),
        })
    }

    /// What it takes in memory, in bytes: the readings of everybody.
    pub fn room(&self) -> usize {
        self.pasts.values().map(|past| past.stream.room()).sum()
    }
}

impl Columns {
    fn of(metrics: &[Metric], is_kept: impl Fn(Scope) -> bool) -> Self {
        let kept = metrics.iter().enumerate().filter(|(_, metric)| is_kept(metric.info().scope)).take(MOST_METRICS);
        let (places, metrics): (_, Vec<Metric>) = kept.map(|(place, metric)| (place, metric.clone())).unzip();
        let names: Vec<String> = metrics.iter().map(ToString::to_string).collect();
        Self { metrics: metrics.into(), names: names.join(" ").into(), places }
    }
}

impl Past {
    fn new(metrics: usize, row: u64) -> Self {
        Self { stream: Stream::of(metrics), lives: VecDeque::new(), end: row - 1, read: row, place: Place::default() }
    }

    /// Adds rows without readings up to the one before `row`: nobody sat there.
    fn skip_to(&mut self, row: u64, Scratch { cells, packed }: &mut Scratch) {
        if self.end + 1 < row {
            cells.clear();
            cells.resize(self.stream.last().len(), Cell::NOTHING);
            (self.end + 1..row).for_each(|_| self.stream.push(cells, packed));
            self.end = row - 1;
        }
    }

    /// Notes that `member` sits there now.
    fn live(&mut self, member: &MemberSample, now: Moment) {
        if self.lives.back().is_none_or(|life| life.identity != member.identity) {
            if self.lives.len() == MOST_LIVES {
                self.lives.pop_front();
            }
            self.lives.push_back(Life { identity: member.identity, started: member.started, since: now });
        }
    }
}
