//! The operator's brake on a target or on one of its actions.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Moment;

/// The longest that an inhibition lasts; one that only waits for a successor ends then, too, so
/// that none is forgotten.
pub const LONGEST_INHIBITION: Duration = Duration::from_secs(24 * 60 * 60);

/// Orders of a target, or of one of its actions, are held back until somebody releases them or it ends
/// by itself. Everything goes by name: it outlives the daemon.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inhibition {
    /// Name of the target.
    pub target: Arc<str>,
    /// Name of the action; none for all of the target.
    pub action: Option<Arc<str>>,
    /// Who wants it, as the log calls him.
    pub by: Arc<str>,
    /// Since when.
    pub since: Moment,
    /// It ends then at the latest.
    pub until: Moment,
    /// Whether it ends as soon as a process of the target is there that was born after it.
    pub until_successor: bool,
}

impl Inhibition {
    /// Whether orders of that action are held back by it.
    pub fn concerns(&self, target: &str, action: &str) -> bool {
        *self.target == *target && self.action.as_ref().is_none_or(|only| **only == *action)
    }
}

/// Why an inhibition has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InhibitionEnd {
    /// Its time was over.
    Expired,
    /// The successor that it waited for is there.
    Successor,
    /// Somebody released it, or asked for another one in its place: who.
    Released(Arc<str>),
    /// The configuration has no such target or action any more.
    Unknown,
}
