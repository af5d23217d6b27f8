//! How it is told: in words or as JSON, all of it or the difference.

use std::collections::HashSet;

use super::super::{Failure, Output};
use super::document::Document;
use super::side::{Mark, News, Side};
use super::timeline::{self, Sign, Timeline};
use super::{Stage, Survey};

/// How it is told.
pub(super) enum Report {
    Text(Timeline),
    Json(Box<Document>),
}

impl Report {
    pub(super) fn new(json: bool) -> Self {
        if json { Self::Json(Box::default()) } else { Self::Text(Timeline::default()) }
    }

    pub(super) fn begin(
        &mut self,
        (name, stage): (&str, &Stage),
        survey: &Survey,
        output: &mut Output,
    ) -> Result<(), Failure> {
        match self {
            Self::Text(_) => Ok(timeline::head((name, stage), survey, output)?),
            Self::Json(_) => Ok(()),
        }
    }

    /// Tells what the last step has brought.
    pub(super) fn tell(&mut self, stage: &Stage, output: &mut Output) -> Result<(), Failure> {
        let Stage { new, old, .. } = stage;
        match (&mut *self, old) {
            (Self::Text(timeline), None) => {
                for news in &new.news {
                    timeline.tell((Sign::None, news), &new.replay, output)?;
                }
            }
            (Self::Text(timeline), Some(old)) => {
                for (is_new, news) in difference(new, old) {
                    let (sign, side) = if is_new { (Sign::Plus, new) } else { (Sign::Minus, old) };
                    timeline.tell((sign, news), &side.replay, output)?;
                }
            }
            (Self::Json(document), old) => {
                for news in &new.news {
                    document.take(news)?;
                }
                for (is_new, news) in old.iter().flat_map(|old| difference(new, old)) {
                    document.differ(is_new, news)?;
                }
            }
        }
        Ok(())
    }

    pub(super) fn end(self, stage: &Stage, survey: &Survey, output: &mut Output) -> Result<(), Failure> {
        match self {
            Self::Text(timeline) => Ok(timeline.end(stage, output)?),
            Self::Json(document) => Ok(document.print(stage, survey, output)?),
        }
    }
}

/// What one of both tells and the other does not, by time; true for the new one.
fn difference<'a>(new: &'a Side, old: &'a Side) -> Vec<(bool, &'a News)> {
    if new.news.is_empty() && old.news.is_empty() {
        return Vec::new();
    }
    let marks = |side: &Side| side.news.iter().filter_map(News::mark).collect::<HashSet<Mark>>();
    let (of_new, of_old) = (marks(new), marks(old));
    let lacks = |others: &HashSet<Mark>, news: &News| news.mark().is_some_and(|mark| !others.contains(&mark));
    let only_new = new.news.iter().filter(|news| lacks(&of_old, news)).map(|news| (true, news));
    let only_old = old.news.iter().filter(|news| lacks(&of_new, news)).map(|news| (false, news));
    let mut both: Vec<(bool, &News)> = only_new.chain(only_old).collect();
    both.sort_by_key(|(_, news)| news.time());
    both
}
