//! How bad it is.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The level of a threshold, a ladder, a process: `normal < elevated < warning < critical < fatal`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Level {
    /// Nothing to do.
    #[default]
    Normal,
    /// Mild measures.
    Elevated,
    /// Measures that cost something.
    Warning,
    /// Trading is at stake.
    Critical,
    /// The process is lost.
    Fatal,
}

impl Level {
    /// The levels that can have a bound and rungs, lowest first.
    pub const ABOVE_NORMAL: [Self; 4] = [Self::Elevated, Self::Warning, Self::Critical, Self::Fatal];

    /// The word of the configuration, the metrics and the page.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Elevated => "elevated",
            Self::Warning => "warning",
            Self::Critical => "critical",
            Self::Fatal => "fatal",
        }
    }

    /// 0 for normal up to 4 for fatal, as exported.
    pub const fn number(self) -> u8 {
        self as u8
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// One `T` for each level above normal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PerLevel<T>([T; 4]);

impl<T> PerLevel<T> {
    /// The value of `level`; none for normal.
    pub fn get(&self, level: Level) -> Option<&T> {
        usize::from(level.number()).checked_sub(1).map(|i| &self.0[i])
    }

    /// The value of `level`, to change; none for normal.
    pub fn get_mut(&mut self, level: Level) -> Option<&mut T> {
        usize::from(level.number()).checked_sub(1).map(|i| &mut self.0[i])
    }

    /// Each level with its value, lowest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (Level, &T)> {
        Level::ABOVE_NORMAL.into_iter().zip(&self.0)
    }

    /// Each level with its value to change, lowest first.
    pub fn iter_mut(&mut self) -> impl DoubleEndedIterator<Item = (Level, &mut T)> {
        Level::ABOVE_NORMAL.into_iter().zip(&mut self.0)
    }
}
