//! The timeline in words: time of day (UTC), time since the series began, what happened.

use std::io;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::super::Output;
use super::super::output::{WARNING, level_style};
use super::side::News;
use super::{Stage, totals};
use crate::model::{Cause, Effect, Event, Level, Moment, Note, Order, OutcomeKind, Reason};
use crate::record::{show_duration, show_effect, show_reading};
use crate::replay::{Replay, Survey, Told};

/// Most columns that are named though nothing comes of them.
const MOST_IGNORED: usize = 40;

/// The timeline, being printed.
#[derive(Debug, Default)]
pub(super) struct Timeline {
    day: Option<Date>,
}

/// Which configuration tells a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    /// There is only one.
    None,
    /// The new one alone.
    Plus,
    /// The other one alone.
    Minus,
}

impl Sign {
    const fn text(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Plus => "+ ",
            Self::Minus => "- ",
        }
    }
}

/// What is played, and what is not.
pub(super) fn head((name, stage): (&str, &Stage), survey: &Survey, output: &mut Output) -> io::Result<()> {
    let about = &stage.new.about;
    let length = show_duration(totals::length(survey));
    let every = survey.period.map_or_else(String::new, |period| format!(", every {}", show_duration(period)));
    let whose = if about.targets.is_empty() { String::new() } else { format!(" of {}", about.targets.join(", ")) };
    let rows = if survey.rows == 1 { "1 row".to_owned() } else { format!("{} rows", survey.rows) };
    output.line(format!("{name}: {rows}{whose} in {length}{every}, from {} to {}", survey.first, survey.last))?;
    let dry = if about.dry_run { "; it says dry_run = true: shown is what would be ordered without" } else { "" };
    output.line(format!("judged by {}{dry}", about.config))?;
    if let Some(old) = &stage.old {
        output.line(format!("against {}: + only by the first, - only by this one", old.about.config))?;
    }
    for note in &about.notes {
        output.styled(WARNING, note)?;
    }
    if about.blind {
        output.styled(WARNING, "No threshold has a column with a value: nothing can come of this.")?;
    }
    if !about.unknown.is_empty() {
        output.styled(
            WARNING,
            format!("unknown throughout, for there is no column with a value: {}", about.unknown.join(", ")),
        )?;
    }
    for (column, meant) in &about.meant {
        output.styled(WARNING, format!("column {column}: did you mean {meant}?"))?;
    }
    if !about.ignored.is_empty() {
        let named = about.ignored.iter().take(MOST_IGNORED).map(String::as_str).collect::<Vec<_>>().join(", ");
        let more = about.ignored.len().saturating_sub(MOST_IGNORED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        output.line(format!("ignored, for no threshold is about it: {named}{more}"))?;
    }
    Ok(())
}

impl Timeline {
    /// Prints a line, if it is worth one.
    pub(super) fn tell(&mut self, (sign, news): (Sign, &News), replay: &Replay, output: &mut Output) -> io::Result<()> {
        let (at, level, text) = match &news.told {
            Told::Gap { member, from, to } => {
                let whom = whom(replay, *member);
                let length = show_duration(to.since(*from));
                (*to, Level::Normal, Some(format!("{whom}: nothing was read for {length}: unknown meanwhile")))
            }
            Told::Came { at, .. } if Replay::since_start(*at).is_zero() => return Ok(()),
            Told::Came { member, at } => (*at, Level::Normal, Some(format!("{} has come", whom(replay, *member)))),
            Told::Left { member, at } => {
                (*at, Level::Normal, Some(format!("{} is told of no more", whom(replay, *member))))
            }
            Told::Forecast(_) => return Ok(()),
            Told::Event(event) => (event.at, weight(news), sentence(event, replay)),
        };
        let Some(text) = text else { return Ok(()) };
        let stamp = self.stamp(replay.wall(at), at, output)?;
        output.styled(level_style(level), format!("{}{stamp}  {text}", sign.text()))
    }

    /// `09:24:00  00:24`; a new day has a line of its own.
    fn stamp(&mut self, wall: Timestamp, at: Moment, output: &mut Output) -> io::Result<String> {
        let civil = TimeZone::UTC.to_datetime(wall);
        if self.day.replace(civil.date()) != Some(civil.date()) {
            output.line("")?;
            output.line(format!("{} (UTC)", civil.date()))?;
        }
        let time = civil.time();
        let clock = format!("{:02}:{:02}:{:02}", time.hour(), time.minute(), time.second());
        Ok(format!("{clock}  {}", since(Replay::since_start(at))))
    }

    /// The tables at the end.
    pub(super) fn end(self, stage: &Stage, output: &mut Output) -> io::Result<()> {
        let gaps = stage.new.tally.gaps;
        if gaps.count > 0 {
            let (total, longest) = (show_duration(gaps.total), show_duration(gaps.longest));
            output.line("")?;
            output.styled(WARNING, format!("gaps: {}, together {total}, the longest {longest}", gaps.count))?;
        }
        totals::print(stage, output)
    }
}

/// `00:24`; `2d 00:24` from the second day on.
fn since(span: Duration) -> String {
    let minutes = span.as_secs() / 60;
    let (days, hours, minutes) = (minutes / 1440, minutes / 60 % 24, minutes % 60);
    if days == 0 { format!("{hours:02}:{minutes:02}") } else { format!("{days}d {hours:02}:{minutes:02}") }
}

/// How a line is coloured: by a level that rises, and by that of an order.
fn weight(news: &News) -> Level {
    let rise = news.level.as_ref().filter(|row| row.to > row.from).map(|row| row.to);
    let order = news.order.as_ref().filter(|row| !row.undo && row.went_out()).map(|row| row.level);
    rise.or(order).unwrap_or_default()
}

fn whom(replay: &Replay, member: crate::model::MemberKey) -> String {
    let target = replay.config().targets.get(usize::from(member.target));
    format!("{}[{}]", target.map_or("?", |target| &*target.name), replay.name(member))
}

/// What an event says; none where it says nothing that its other events do not.
fn sentence(event: &Event, replay: &Replay) -> Option<String> {
    match &event.note {
        Note::LevelChanged { member, ladder, from, to, cause, .. } => {
            Some(format!("{} {ladder}: {from} -> {to}{}", whom(replay, *member), because(cause.as_ref())))
        }
        Note::LadderStepped { target, ladder, from, to, cause } => {
            let whose = target.as_ref().map_or_else(|| ladder.to_string(), |target| format!("{target}[all] {ladder}"));
            Some(format!("{whose}: {from} -> {to}{}", because(cause.as_ref())))
        }
        Note::Ended { order, kind, reason, .. } => Some(ended(order, (*kind, *reason), replay)),
        Note::Held { order, reason, .. } => Some(format!("{} is held: {}", subject(order, replay), why(*reason))),
        Note::Measured { order, effect, measured } => {
            Some(format!("{}: {}", whom(replay, order.member), show_effect(*effect, measured)))
        }
        Note::GaveUp { order, reason: Reason::None } => Some(format!("{}: gave up: no effect", subject(order, replay))),
        Note::GaveUp { order, reason } => Some(format!("{}: gave up: {}", subject(order, replay), why(*reason))),
        Note::StaysInForce { order, .. } => {
            Some(format!("{} stays in force: taken and undone too often (max_cycles)", subject(order, replay)))
        }
        Note::Reading { member, metric, why: Some(why), .. } if *why != crate::model::Unknown::Overdue => {
            Some(format!("{}: {metric} is unknown ({})", whom(replay, *member), why.name()))
        }
        Note::Reading { .. }
        | Note::Seen { .. }
        | Note::Found { .. }
        | Note::Gone { .. }
        | Note::Contested { .. }
        | Note::Ordered(_)
        | Note::Released { .. }
        | Note::Retrying { .. }
        | Note::StillHeld { .. }
        | Note::LeaseEnded { .. }
        | Note::SuccessorMissing { .. }
        | Note::SuccessorCame { .. }
        | Note::Asked { .. }
        | Note::Inhibited(_)
        | Note::InhibitionEnded { .. }
        | Note::Incident { .. }
        | Note::Summary { .. } => None,
        Note::Daemon { text, .. } => Some(text.clone()),
    }
}

fn ended(order: &Order, (kind, reason): (OutcomeKind, Reason), replay: &Replay) -> String {
    let subject = subject(order, replay);
    let cause = because(order.cause.as_ref().filter(|_| !order.undo));
    match kind {
        OutcomeKind::Delivered | OutcomeKind::Acknowledged | OutcomeKind::Gone if reason == Reason::None => {
            let schedule = if order.cause.is_none() && !order.undo { ", as the schedule has it" } else { "" };
            format!("{subject}{cause}{schedule}")
        }
        OutcomeKind::Delivered
        | OutcomeKind::Acknowledged
        | OutcomeKind::Gone
        | OutcomeKind::Failed
        | OutcomeKind::Held
        | OutcomeKind::Vetoed
        | OutcomeKind::Lapsed
        | OutcomeKind::DryRun => format!("{subject} {}: {}", kind.name(), why(reason)),
    }
}

/// `trader[0] pause (critical)`, `trader[0] undo of pause`.
fn subject(order: &Order, replay: &Replay) -> String {
    let whom = whom(replay, order.member);
    if order.undo {
        return format!("{whom} undo of {}", order.action);
    }
    let level = if order.level == Level::Normal { String::new() } else { format!(" ({})", order.level) };
    format!("{whom} {}{level}", order.action)
}

fn because(cause: Option<&Cause>) -> String {
    cause.map_or_else(String::new, |cause| match &cause.escalated {
        Some(in_vain) => format!(": {}", show_effect(Some(Effect::Ineffective), in_vain)),
        None => format!(": {}", show_reading(&cause.metric, cause.value, cause.bound)),
    })
}

fn why(reason: Reason) -> String {
    format!("{} ({reason})", reason.help())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_since_the_beginning_is_short() {
        let at = |minutes: u64| since(Duration::from_secs(minutes * 60 + 59));
        assert_eq!([at(0), at(24), at(125), at(1440 + 24)], ["00:00", "00:24", "02:05", "1d 00:24"]);
    }
}
