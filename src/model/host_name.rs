//! Host names that stand for peers.

use std::fmt;
use std::sync::Arc;

/// A host name of `[peers]`, and what is known of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostName {
    /// The name, as in the configuration.
    pub name: Arc<str>,
    /// How many addresses count for it; none before the first answer.
    pub addresses: Option<usize>,
    /// Why it could not be resolved the last time; none where it could, or was not asked for yet.
    pub trouble: Option<Arc<str>>,
}

/// A sentence for people.
impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.name;
        match (self.addresses, &self.trouble) {
            (Some(1), None) => write!(f, "the host name {name} of [peers] has 1 address"),
            (Some(count), None) => write!(f, "the host name {name} of [peers] has {count} addresses"),
            (None, None) => write!(f, "the host name {name} of [peers] is being resolved"),
            (None, Some(why)) => {
                write!(
                    f,
                    "the host name {name} of [peers] cannot be resolved ({why}): what is counted by it is unknown"
                )
            }
            (Some(count), Some(why)) => {
                let what = "the addresses known before count on";
                write!(f, "the host name {name} of [peers] cannot be resolved any more ({why}): {what} ({count})")
            }
        }
    }
}
