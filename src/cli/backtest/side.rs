//! One configuration, played: what it has told since the last row, and what it comes to.

use std::sync::Arc;

use jiff::Timestamp;

use super::about::About;
use crate::config::{Config, Per};
use crate::model::{Event, Level, MemberKey, Note, OutcomeKind, Reason};
use crate::replay::{Column, LevelRow, OrderRow, Replay, Row, Survey, Tally, Told};

/// A replay, with its news and its counts.
pub(in crate::cli) struct Side {
    pub(super) about: About,
    pub(super) replay: Replay,
    pub(super) tally: Tally,
    /// What was told with the last step.
    pub(super) news: Vec<News>,
    told: Vec<Told>,
}

/// Something worth telling, with its rows.
pub(super) struct News {
    pub(super) told: Told,
    pub(super) order: Option<OrderRow>,
    pub(super) level: Option<LevelRow>,
}

/// What two configurations have in common when both tell it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Mark {
    /// An order.
    Order(Timestamp, Whose, Arc<str>, bool, Level, OutcomeKind, Reason),
    /// A step of a ladder.
    Level(Timestamp, Whose, Level, Level),
}

/// Target, process, ladder.
pub(super) type Whose = (Option<Arc<str>>, Option<Arc<str>>, Arc<str>);

impl Side {
    /// Nothing was played yet.
    pub(super) fn new(judged: (&Config, Option<u16>), (columns, survey): (&[Column], &Survey)) -> Self {
        let about = About::of(judged, columns, survey);
        let replay = Replay::new(judged.0, judged.1, (columns, survey));
        let mut tally = Tally::default();
        if !judged.0.host.thresholds.is_empty() {
            tally.begin((None, None, "host".into()), survey.first);
        }
        Self { about, replay, tally, news: Vec::new(), told: Vec::new() }
    }

    /// Plays a row; with none the series is over.
    pub(super) fn step(&mut self, row: Option<&Row>) {
        match row {
            Some(row) => self.replay.take(row, &mut self.told),
            None => self.replay.end(&mut self.told),
        }
        self.news.clear();
        for told in std::mem::take(&mut self.told) {
            let news = News::of(&self.replay, told);
            news.count(&mut self.tally, &self.replay);
            self.news.push(news);
        }
    }
}

impl News {
    fn of(replay: &Replay, told: Told) -> Self {
        let event = if let Told::Event(event) = &told { Some(event) } else { None };
        let order = event.and_then(|event| replay.order_row(event));
        let level = event.and_then(|event| replay.level_row(event));
        Self { told, order, level }
    }

    fn count(&self, tally: &mut Tally, replay: &Replay) {
        if let (Some(row), Told::Event(Event { note: Note::Ended { order, .. } | Note::Held { order, .. }, .. })) =
            (&self.order, &self.told)
        {
            tally.order(row, order.measure.is_kill());
        }
        if let Some(row) = &self.level {
            tally.level(row);
        }
        match self.told {
            Told::Came { member, at } => begin(tally, replay, (member, replay.wall(at))),
            Told::Gap { from, to, .. } => tally.gap(to.since(from)),
            Told::Forecast(ref row) => tally.foresight.take(row),
            Told::Event(_) | Told::Left { .. } => {}
        }
    }

    /// When it was, where it is compared.
    pub(super) fn time(&self) -> Option<Timestamp> {
        self.order.as_ref().map(|row| row.time).or_else(|| self.level.as_ref().map(|row| row.time))
    }

    /// What it is compared by; none where it is not.
    pub(super) fn mark(&self) -> Option<Mark> {
        if let Some(row) = &self.order {
            let whose = (Some(Arc::clone(&row.target)), Some(Arc::clone(&row.process)), Arc::clone(&row.ladder));
            let OrderRow { time, undo, level, outcome, reason, .. } = *row;
            return Some(Mark::Order(time, whose, Arc::clone(&row.action), undo, level, outcome, reason));
        }
        let row = self.level.as_ref()?;
        Some(Mark::Level(
            row.time,
            (row.target.clone(), row.process.clone(), Arc::clone(&row.ladder)),
            row.from,
            row.to,
        ))
    }
}

/// The ladders of a process begin at normal.
fn begin(tally: &mut Tally, replay: &Replay, (member, at): (MemberKey, Timestamp)) {
    let Some(target) = replay.config().targets.get(usize::from(member.target)) else { return };
    let whom = match target.per {
        Per::Process => replay.name(member),
        Per::Group => replay.name(MemberKey::all_of(member.target)),
    };
    for ladder in &target.ladders {
        let key = (Some(Arc::clone(&target.name)), Some(Arc::clone(&whom)), Arc::clone(&ladder.name));
        tally.begin(key, at);
    }
}
