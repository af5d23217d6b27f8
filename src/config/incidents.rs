//! `[incidents]`: how many folders of evidence are kept; `logs` and `evidence`: what goes in beside what the kernel tells.

use std::path::PathBuf;
use std::sync::Arc;

use crate::model::Command;

/// `[incidents]`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Incidents {
    /// Most folders; the oldest are removed.
    pub max_count: u32,
    /// Most that all of them together may hold, in bytes.
    pub max_size: u64,
}

impl Default for Incidents {
    fn default() -> Self {
        Self { max_count: 100, max_size: 256 << 20 }
    }
}

/// What a target's operator wants to see in an incident.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// `logs`: files whose end is kept.
    pub logs: Vec<PathBuf>,
    /// `evidence`: a program whose output is kept.
    pub command: Option<Arc<Command>>,
}
