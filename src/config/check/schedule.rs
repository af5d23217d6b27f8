//! `schedule`: what is done whatever the level.

use std::time::Duration;

use super::super::problem::Report;
use super::super::reader::Value;
use super::super::source::Place;
use super::super::text::quoted;
use super::super::value::duration;
use super::super::{keys, units};

/// One entry, its action not yet looked up.
#[derive(Clone, Copy, Debug)]
pub(super) struct Beat<'a> {
    pub action: &'a str,
    pub place: Place,
    pub every: Duration,
    pub phase: Duration,
    pub jitter: Duration,
}

/// Reads the list of entries; none where one of them is wrong.
pub(super) fn read<'a>(value: Value<'a>, report: &mut Report) -> Option<Vec<Beat<'a>>> {
    if value.is_table() {
        value.refuse("a list of tables", "write double brackets: [[target.NAME.schedule]]", report);
        return None;
    }
    let items = value.list("[[target.NAME.schedule]]", report)?;
    let mut beats: Vec<Beat<'a>> = Vec::new();
    let mut sound = true;
    for item in items {
        let beat = beat(item, report);
        sound &= beat.is_some();
        let Some(beat) = beat else { continue };
        match beats.iter().find(|other| other.action == beat.action) {
            Some(first) => {
                report
                    .error(beat.place, format!("{} is scheduled twice", quoted(beat.action)))
                    .also(first.place, "first here")
                    .help("keep one of the two, or make a second action of the other");
                sound = false;
            }
            None => beats.push(beat),
        }
    }
    sound.then_some(beats)
}

fn beat<'a>(value: Value<'a>, report: &mut Report) -> Option<Beat<'a>> {
    let mut table = value.table("{ every = \"5m\", action = \"reset_pool\" }", report)?;
    let place = table.place;
    let [every, action, phase, jitter] = ["every", "action", "phase", "jitter"].map(|key| table.take(key));
    if table.finish(&keys::SCHEDULE, report) {
        for (key, value) in [("every", every), ("action", action)] {
            if value.is_none() {
                let help = "write both: every = \"5m\", action = \"reset_pool\"";
                report.missing(place, format!("a schedule without `{key}`")).help(help);
            }
        }
    }
    let every = every.and_then(|value| duration(value, "1s"..="30d", report));
    let action = action.and_then(|value| Some((value.text("reset_pool", report)?, value.place)));
    let phase = phase.map_or(Some(every), |value| duration(value, "0s"..="30d", report).map(Some));
    let jitter = jitter.map_or(Some(Duration::ZERO), |value| half(value, every, report));
    let (action, place) = action?;
    Some(Beat { action, place, every: every?, phase: phase??, jitter: jitter? })
}

/// An order put off by more would come after the next.
fn half(value: Value<'_>, every: Option<Duration>, report: &mut Report) -> Option<Duration> {
    let jitter = duration(value, "0s"..="15d", report)?;
    let Some(most) = every.map(|every| every / 2).filter(|most| jitter > *most) else { return Some(jitter) };
    report
        .error(value.place, format!("`jitter` (\"{}\") is more than half of `every`", units::Duration(jitter)))
        .help(format!("write at most \"{}\", so that two orders do not meet", units::Duration(most)));
    None
}
