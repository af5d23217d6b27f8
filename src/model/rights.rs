//! What a right is good for: the table of `docs/privileges.md`, as far as sentences need it.

use std::fmt;

use super::{Base, FreezeBy, Measure, Unknown};

/// A capability that the daemon has a use for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capability {
    /// Signals to processes of other users.
    Kill,
    /// What is behind the descriptors of other users' processes, and their programs; with
    /// [`Capability::DacReadSearch`], for the folder of the descriptors is their owner's.
    SysPtrace,
    /// Reading whatever others have closed.
    DacReadSearch,
    /// Writing into others' cgroups.
    DacOverride,
}

/// All of them.
pub const CAPABILITIES: [Capability; 4] =
    [Capability::Kill, Capability::SysPtrace, Capability::DacReadSearch, Capability::DacOverride];

impl Capability {
    /// Its name in unit files and manuals.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Kill => "CAP_KILL",
            Self::SysPtrace => "CAP_SYS_PTRACE",
            Self::DacReadSearch => "CAP_DAC_READ_SEARCH",
            Self::DacOverride => "CAP_DAC_OVERRIDE",
        }
    }
}

/// What the daemon may do: its user, and which of the [`CAPABILITIES`] it has in effect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rights {
    /// Its effective user.
    pub uid: u32,
    held: [bool; CAPABILITIES.len()],
}

impl Rights {
    /// Those of a user with the capabilities of which `holds` says so.
    pub fn of(uid: u32, holds: impl FnMut(Capability) -> bool) -> Self {
        Self { uid, held: CAPABILITIES.map(holds) }
    }

    /// Whether it has that capability.
    pub const fn has(&self, capability: Capability) -> bool {
        self.held[capability as usize]
    }

    /// Whether it may signal a process of that user: kill(2).
    pub const fn may_signal(&self, uid: u32) -> bool {
        self.uid == uid || self.has(Capability::Kill)
    }

    /// Whether it may write the files of root's cgroups.
    pub const fn may_write_cgroups(&self) -> bool {
        self.uid == 0 || self.has(Capability::DacOverride)
    }

    /// The profiles that it comes to, by the names of the files in `systemd/`.
    pub fn profile(&self) -> String {
        let kill = self.has(Capability::Kill);
        let reads = self.has(Capability::DacReadSearch) || self.has(Capability::DacOverride);
        let deep = self.has(Capability::SysPtrace) && reads;
        let basis: &[&str] = match (kill, deep) {
            (false, false) => &["observe"],
            (true, false) => &["act"],
            (true, true) => &["deep"],
            (false, true) => &["observe", "deep"],
        };
        let cgroup = self.has(Capability::DacOverride).then_some("cgroup");
        basis.iter().copied().chain(cgroup).collect::<Vec<_>>().join(" and ")
    }

    /// What a measure on another user's process cannot do without, if that is missing. Which user that
    /// process has is not looked at.
    pub const fn missing_for(&self, measure: &Measure) -> Option<Capability> {
        match measure {
            Measure::Freeze { by: FreezeBy::Cgroup, .. } | Measure::Thaw { by: FreezeBy::Cgroup } => {
                if self.may_write_cgroups() { None } else { Some(Capability::DacOverride) }
            }
            Measure::Signal { .. }
            | Measure::Kill { .. }
            | Measure::Freeze { by: FreezeBy::Signal, .. }
            | Measure::Thaw { by: FreezeBy::Signal } => {
                if self.has(Capability::Kill) {
                    None
                } else {
                    Some(Capability::Kill)
                }
            }
            Measure::Http(_) | Measure::Command(_) => None,
        }
    }
}

/// `act (CAP_KILL)`, `observe (no capability)`.
impl fmt::Display for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let held: Vec<_> = CAPABILITIES.into_iter().filter(|one| self.has(*one)).map(Capability::name).collect();
        let held = if held.is_empty() { "no capability".to_owned() } else { held.join(", ") };
        write!(f, "{} ({held})", self.profile())
    }
}

/// What would make a metric readable that is denied; none where no right would, or it is unknown for
/// another reason.
pub const fn remedy(base: Base, why: Unknown) -> Option<&'static str> {
    if !matches!(why, Unknown::Denied) {
        return None;
    }
    Some(match base {
        Base::OpenFds | Base::FdUsage => {
            "needs Linux 6.2, or CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH (systemd/deep.conf)"
        }
        Base::CloseWait
        | Base::Established
        | Base::SynSent
        | Base::FinWait1
        | Base::FinWait2
        | Base::LastAck
        | Base::Closing
        | Base::Listen
        | Base::Sockets => {
            "needs CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH (systemd/deep.conf), or a cgroup with this process alone"
        }
        Base::MaxFds | Base::Rss | Base::Swap | Base::Threads | Base::MajorFaults => "is /proc mounted with hidepid?",
        Base::CgroupMemoryUsage => "neither its cgroup nor one above has a limit: set MemoryMax= in its unit",
        Base::CgroupMemory | Base::CgroupWorkingSet | Base::CgroupMemoryLimit | Base::CgroupSwap => {
            "is it in a cgroup whose memory is kept account of (MemoryAccounting=yes in its unit)?"
        }
        Base::CgroupMemoryPressure => "needs a cgroup of v2 (not its root), and a kernel with CONFIG_PSI",
        Base::HostSwapIn | Base::HostSwapOut | Base::HostMemoryPressure | Base::HostOpenFiles => "is /proc complete?",
        Base::HostTimeWait | Base::HostEstablished => "is sock_diag allowed?",
        Base::HostMemoryUsed | Base::HostSwapUsed => "may /proc/meminfo be read?",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_capability_stands_where_its_variant_points() {
        for (index, capability) in CAPABILITIES.into_iter().enumerate() {
            assert_eq!(capability as usize, index);
        }
    }

    #[test]
    fn rights_have_the_names_of_profiles() {
        use Capability::{DacOverride, DacReadSearch, Kill, SysPtrace};
        let told = |held: &[Capability]| Rights::of(7, |one| held.contains(&one)).to_string();
        assert_eq!(told(&[]), "observe (no capability)");
        assert_eq!(told(&[Kill]), "act (CAP_KILL)");
        assert_eq!(told(&[Kill, SysPtrace]), "act (CAP_KILL, CAP_SYS_PTRACE)");
        assert_eq!(told(&[Kill, SysPtrace, DacReadSearch]), "deep (CAP_KILL, CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH)");
        assert_eq!(told(&[Kill, DacOverride]), "act and cgroup (CAP_KILL, CAP_DAC_OVERRIDE)");
        assert_eq!(told(&[SysPtrace, DacReadSearch]), "observe and deep (CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH)");
    }

    #[test]
    fn a_user_is_enough_for_his_own_and_root_for_his_cgroups() {
        let nobody = Rights::of(65534, |_| false);
        assert!(nobody.may_signal(65534) && !nobody.may_signal(0) && !nobody.may_write_cgroups());
        assert!(Rights::of(0, |_| false).may_write_cgroups());
        assert!(Rights::of(65534, |one| one == Capability::DacOverride).may_write_cgroups());
    }
}
