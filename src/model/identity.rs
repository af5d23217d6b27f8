//! Which process is meant.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A process number. It alone never identifies a process: the kernel reuses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Pid(i32);

impl Pid {
    /// The first process, the parent of all.
    pub const INIT: Self = Self(1);

    /// A pid as the kernel counts them: positive.
    pub const fn new(raw: i32) -> Option<Self> {
        if raw > 0 { Some(Self(raw)) } else { None }
    }

    /// The number.
    pub const fn get(self) -> i32 {
        self.0
    }
}

impl fmt::Display for Pid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The kernel's random id of this boot (`/proc/sys/kernel/random/boot_id`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct BootId(pub u128);

/// What makes a process the same process: two equal identities are one process.
///
/// Start time alone does not do it: it counts in 10 ms ticks, and a pid can be reused within one.
/// The inode of the pidfd (pidfs, Linux 6.9) is never reused within a boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Identity {
    /// The boot it lives in.
    pub boot: BootId,
    /// Its number while it lives.
    pub pid: Pid,
    /// Field 22 of `/proc/PID/stat`: clock ticks from boot to its start.
    pub start_ticks: u64,
    /// Inode of its pidfd where the kernel has pidfs.
    pub pidfs_inode: Option<u64>,
}

/// A seat in a target: the labels `target` and `process` of every series about one process.
///
/// Two numbers, not names, because it is the key of the hot path. The slot is the lowest free one
/// when the process is found and is reused after its exit, so that a restart continues the series.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MemberKey {
    /// Index into the configuration's targets.
    pub target: u16,
    /// The label `process`.
    pub slot: u32,
}

impl MemberKey {
    /// The seat that stands for all processes of a target that is judged as a group: `process="all"`.
    pub const ALL: u32 = u32::MAX;

    /// The seat of the group of `target`.
    pub const fn all_of(target: u16) -> Self {
        Self { target, slot: Self::ALL }
    }
}
