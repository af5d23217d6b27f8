//! Incidents: a folder of plain text files for each, in the state directory, with `incident.json` that ties them
//! together.
//!
//! A folder is written under a hidden name and renamed when it is whole, for its owner alone; no symbolic link
//! is followed, and nothing is removed that has not the name of an incident. So many are kept and no more, the
//! oldest are removed first. What belongs here: the folders, what is in them and how they are read. What does
//! not: collecting evidence (act), and when (watch). `docs/incidents.md` is the reference of the format.

mod document;
mod prune;
mod read;
mod store;

#[cfg(test)]
mod tests;

pub use document::{About, Document, Grounds, Listed, Ordered};
pub use read::{IncidentError, Shelf, incidents_path};
pub use store::{Kept, Limits, NotKept, Store};

use rustix::fs::OFlags;

/// The folder in the state directory.
pub const FOLDER: &str = "incidents";
/// The file that ties the others together.
pub const DOCUMENT: &str = "incident.json";

/// With what the name of a folder begins that is being written.
const HIDDEN: &str = ".new-";
/// Longest name of an incident.
const MOST_CHARS: usize = 128;
/// A folder and nothing else: whatever stands in its place is not followed.
const OPEN: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC).union(OFlags::NOFOLLOW);

/// Whether this may be the name of an incident: `20261121T231502.123Z-trader-0-kill`. No other one is made, read
/// or removed.
fn is_id(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let (day, rest) = name.split_at_checked(8).unwrap_or_default();
    name.len() <= MOST_CHARS
        && !day.is_empty()
        && day.bytes().all(|byte| byte.is_ascii_digit())
        && rest.starts_with('T')
        && rest.contains("Z-")
        && rest.bytes().all(plain)
}

/// Whether this may be the name of a file of an incident.
fn is_file_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    !name.is_empty() && name.len() <= 64 && !name.starts_with('.') && name.bytes().all(plain)
}
