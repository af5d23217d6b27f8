//! Readings that many processes lose, or have again, in one tick: one line of the log. The history keeps a row
//! for each of them.

use std::collections::BTreeMap;

use super::{Fields, Line, Severity, printable, sight, who};
use crate::model::{Event, Note, Unknown};

/// So many lines of one metric and one reason in one tick are lines of their own.
const MOST_APART: usize = 3;
/// So many of the processes are named.
const NAMED: usize = 5;
/// Longest list of names, in characters.
const MOST_CHARS: usize = 500;

/// The lines of these events, with one line in the place of many that say the same of many processes.
pub(in crate::record) fn folded(events: &[Event], lines: Vec<Line>) -> Vec<Line> {
    let mut groups: BTreeMap<(&str, Option<&str>), Vec<usize>> = BTreeMap::new();
    for (index, event) in events.iter().enumerate() {
        if let Note::Reading { metric, why, .. } = &event.note {
            groups.entry((metric, why.map(Unknown::name))).or_default().push(index);
        }
    }
    groups.retain(|_, group| group.len() > MOST_APART);
    if groups.is_empty() {
        return lines;
    }
    let mut lines: Vec<Option<Line>> = lines.into_iter().map(Some).collect();
    for group in groups.values() {
        let notes: Vec<&Note> = group.iter().filter_map(|index| Some(&events.get(*index)?.note)).collect();
        for index in group {
            if let Some(line) = lines.get_mut(*index) {
                *line = None;
            }
        }
        if let Some(first) = group.first().and_then(|index| lines.get_mut(*index)) {
            *first = one(&notes);
        }
    }
    lines.into_iter().flatten().collect()
}

/// `open_fds is unknown: overdue, of 103 processes: trader[0] pid 12, trader[1] pid 13, ... and 98 more`
fn one(notes: &[&Note]) -> Option<Line> {
    let Note::Reading { target, metric, why, .. } = notes.first()? else { return None };
    let is_of_it = |note: &&Note| matches!(note, Note::Reading { target: other, .. } if other == target);
    let name = |note: &&Note| {
        let Note::Reading { target, member, identity, .. } = note else { return None };
        Some(who(target, *member, identity))
    };
    let names: Vec<String> = notes.iter().take(NAMED).filter_map(name).collect();
    let names = printable(names.join(", ").as_bytes(), MOST_CHARS);
    let more = notes.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let severity = if why.is_some() { Severity::Warning } else { Severity::Info };
    let text = format!("{metric} {}, of {} processes: {names}{more}", sight(*why), notes.len());
    let fields = Fields::of_many(notes.iter().all(is_of_it).then_some(target), (metric, *why));
    Some(Line { severity, text, fields })
}
