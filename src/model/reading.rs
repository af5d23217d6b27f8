//! What was read, or why not.

use std::time::Duration;

use super::{Identity, MemberKey, Moment};

/// Why there is no value. Unknown is never zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unknown {
    /// The process exited while it was read; normal, and not an error.
    Gone,
    /// The kernel does not let this user read it, or it cannot be seen from here.
    Denied,
    /// What the kernel gave does not parse, or cannot be true.
    Malformed,
    /// No value for three of its periods, at least two seconds.
    Overdue,
    /// Of a forecast: less than half of its window has been seen.
    TooShort,
}

impl Unknown {
    /// Whether it passes by itself, and nobody has to be told: the process ends, or was not seen for long.
    pub const fn is_expected(self) -> bool {
        matches!(self, Self::Gone | Self::TooShort)
    }

    /// The word of the metrics and the page.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gone => "gone",
            Self::Denied => "denied",
            Self::Malformed => "malformed",
            Self::Overdue => "overdue",
            Self::TooShort => "too_short",
        }
    }
}

/// A value, or why there is none.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    /// The value, in the metric's unit (count, bytes, ratio between 0 and 1).
    Known(f64),
    /// At least this much: some part could not be read. May raise a level, never clear one.
    AtLeast(f64),
    /// No value.
    Unknown(Unknown),
}

impl Value {
    /// The number, exact or a lower bound.
    pub const fn number(self) -> Option<f64> {
        match self {
            Self::Known(v) | Self::AtLeast(v) => Some(v),
            Self::Unknown(_) => None,
        }
    }

    /// Why there is none.
    pub const fn unknown(self) -> Option<Unknown> {
        match self {
            Self::Unknown(why) => Some(why),
            Self::Known(_) | Self::AtLeast(_) => None,
        }
    }
}

/// One metric of one process at one time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reading {
    /// When it was read. A threshold steps only when this is new.
    pub at: Moment,
    /// How often its probe reads it.
    pub period: Duration,
    /// What was read.
    pub value: Value,
}

/// One member and its readings, in the order of its target's `metrics`.
#[derive(Clone, Debug, PartialEq)]
pub struct MemberSample {
    /// Its seat.
    pub member: MemberKey,
    /// Who sits there now; another identity at the same seat is another process.
    pub identity: Identity,
    /// When the process started.
    pub started: Moment,
    /// When the daemon first saw it.
    pub first_seen: Moment,
    /// One reading for each of the target's `metrics`, host metrics included; empty until first read.
    pub readings: Vec<Reading>,
}

/// What the members of a target come to together: counts and bytes are summed, a socket that several
/// hold once, but a page of memory that several share for each of them; ratios are the highest, the
/// limit of descriptors is the lowest, the host's are the host's.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupSample {
    /// Index of the target.
    pub target: u16,
    /// In the order of the target's `metrics`.
    pub readings: Vec<Reading>,
}

/// Everybody who is watched now, each with the latest readings: the whole membership, not a
/// difference. Who is missing is gone. Its buffers are kept from pass to pass; a reading that was
/// not due keeps its old time, so nobody steps on it twice.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sample {
    /// Every live member.
    pub members: Vec<MemberSample>,
    /// The targets that are judged as a group and have a member, each with what its members come to.
    pub groups: Vec<GroupSample>,
    /// The host, in the order of the configuration's `host.metrics`; empty until first read.
    pub host: Vec<Reading>,
}
