//! What is different in another configuration, as lines for people. No secret is in any of them: of
//! requests, commands and passwords they say only that they have changed.

mod facts;
mod hours;
mod keeping;

use std::collections::{BTreeMap, BTreeSet};

use super::Config;
use facts::{Fact, Facts};

/// Where something stands: `target trader`, `threshold open_fds`, `warning`.
type Path = Vec<String>;

/// What `new` has that `old` has not, and the other way round; a line each, sorted; none where they mean
/// the same.
pub fn difference(old: &Config, new: &Config) -> Vec<String> {
    let (old, new) = (Facts::of(old), Facts::of(new));
    let gone = alone(&old, &new).into_iter().map(|path| (path, "removed".to_owned()));
    let come = alone(&new, &old).into_iter().map(|path| (path, "added".to_owned()));
    let both = old.iter().filter_map(|(path, before)| Some((path, before, new.get(path)?)));
    let changed = both.filter(|(_, before, after)| before.exact != after.exact);
    let changed = changed.map(|(path, before, after)| (path, step(before, after)));
    // Where it stands decides the order: what is of one target stays together.
    let all: BTreeSet<(&Path, String)> = gone.chain(come).chain(changed).collect();
    all.into_iter().map(|(path, what)| line(path, &what)).collect()
}

/// What is in `one` and not in the other; of a whole that is not there, only the whole.
fn alone<'a>(one: &'a BTreeMap<Path, Fact>, other: &BTreeMap<Path, Fact>) -> Vec<&'a Path> {
    let missing = |path: &&Path| !other.contains_key(*path);
    let whole_is_missing = |path: &Path| {
        let mut around = (1..path.len()).map(|length| &path[..length]);
        around.any(|around| one.contains_key(around) && !other.contains_key(around))
    };
    one.keys().filter(missing).filter(|path| !whole_is_missing(path)).collect()
}

/// `600 -> 650`
fn step(before: &Fact, after: &Fact) -> String {
    match (&before.shown, &after.shown) {
        (Some(before), Some(after)) if before != after => format!("{before} -> {after}"),
        // A secret, or a difference that the digits shown do not show.
        (Some(_) | None, Some(_) | None) => "changed".to_owned(),
    }
}

/// `target trader: threshold open_fds: warning 600 -> 650`, `[daemon] interval 1s -> 2s`, `target gateway: added`.
fn line(path: &Path, what: &str) -> String {
    // What is of a whole has no name beside the whole's.
    let path: Vec<&str> = path.iter().map(String::as_str).filter(|name| !name.is_empty()).collect();
    let is_whole = matches!(what, "added" | "removed");
    match path.as_slice() {
        [section, key] if section.starts_with('[') && !is_whole => format!("{section} {key} {what}"),
        [around @ .., key] if !around.is_empty() => format!("{}: {key} {what}", around.join(": ")),
        all => format!("{}: {what}", all.join(": ")),
    }
}

#[cfg(test)]
mod tests;
