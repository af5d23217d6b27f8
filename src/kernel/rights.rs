//! The daemon's own rights, and that nobody inherits them.
//!
//! Capabilities belong to a thread, and a child has those of the thread that started it:
//! capabilities(7).

use rustix::io::Errno;
use rustix::process::{Uid, geteuid, getuid};
use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, clear_ambient_capability_set, set_capabilities, set_no_new_privs,
};

use crate::model::{Capability, Rights};

/// The kernel does not let rights be given up.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("capabilities cannot be kept from commands: {0}")]
pub struct RightsError(Errno);

impl From<RightsError> for std::io::Error {
    fn from(RightsError(errno): RightsError) -> Self {
        errno.into()
    }
}

/// The user and the capabilities in effect of the calling thread; where the kernel does not say, none.
pub fn own_rights() -> Rights {
    let effective = capabilities(None).map_or(CapabilitySet::empty(), |sets| sets.effective);
    Rights::of(geteuid().as_raw(), |capability| effective.contains(flag(capability)))
}

pub(super) const fn flag(capability: Capability) -> CapabilitySet {
    match capability {
        Capability::Kill => CapabilitySet::KILL,
        Capability::SysPtrace => CapabilitySet::SYS_PTRACE,
        Capability::DacReadSearch => CapabilitySet::DAC_READ_SEARCH,
        Capability::DacOverride => CapabilitySet::DAC_OVERRIDE,
    }
}

/// Keeps the capabilities of the calling thread to itself: whatever it or a thread that it starts
/// later executes gets none that the program does not bring along. Call it before the first thread.
///
/// # Errors
/// When the kernel refuses, which none since Linux 4.3 does.
pub fn keep_rights() -> Result<(), RightsError> {
    clear_ambient()?;
    let sets = capabilities(None).map_err(RightsError)?;
    match set_capabilities(None, CapabilitySets { inheritable: CapabilitySet::empty(), ..sets }) {
        // What is inheritable is nothing yet: only a program that is marked for it gets it, and only
        // from a thread that has it. A sandbox without capset(2) may leave it.
        Ok(()) | Err(Errno::PERM) => Ok(()),
        Err(errno) => Err(RightsError(errno)),
    }
}

/// Takes every capability from the calling thread for good, and from all that it will ever execute or
/// start, whoever owns that and whatever it brings along: root's program gets what it can get, setuid
/// programs and those with capabilities of their own included, only from what the thread has left,
/// which is nothing. Other threads keep theirs.
///
/// # Errors
/// When the kernel refuses; the thread must then start nothing.
pub fn renounce_rights() -> Result<(), RightsError> {
    // Asked first: it is what makes the rest final. Neither the bounding set nor securebits would do
    // for a root that has lost CAP_SETPCAP, as in most containers.
    set_no_new_privs(true).map_err(RightsError)?;
    clear_ambient()?;
    let none = CapabilitySet::empty();
    match set_capabilities(None, CapabilitySets { effective: none, permitted: none, inheritable: none }) {
        Ok(()) => Ok(()),
        // A sandbox without capset(2). The exec itself takes them from a user: only ambient ones last.
        Err(Errno::PERM) if ![getuid(), geteuid()].contains(&Uid::ROOT) => Ok(()),
        Err(errno) => Err(RightsError(errno)),
    }
}

/// Before Linux 4.3 there is no such set.
fn clear_ambient() -> Result<(), RightsError> {
    match clear_ambient_capability_set() {
        Ok(()) | Err(Errno::INVAL) => Ok(()),
        Err(errno) => Err(RightsError(errno)),
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the test starts a program and looks at it")]
mod tests {
    use std::process::Command;

    use super::*;
    use crate::model::CAPABILITIES;

    /// The lines of the calling thread's, or a child's, status that are about capabilities.
    fn of_a_child() -> Vec<(String, u64)> {
        let output = Command::new("/bin/cat").arg("/proc/self/status").output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let lines = text.lines().filter_map(|line| line.split_once(":\t"));
        let sets = lines.filter(|(name, _)| name.starts_with("Cap") && *name != "CapBnd");
        sets.map(|(name, bits)| (name.to_owned(), u64::from_str_radix(bits, 16).unwrap())).collect()
    }

    #[test]
    fn a_thread_that_renounced_starts_nobody_with_a_right() {
        let before = own_rights();
        let renounced = || {
            renounce_rights().unwrap();
            (own_rights(), of_a_child())
        };
        let (own, child) = std::thread::spawn(renounced).join().unwrap();
        assert!(CAPABILITIES.into_iter().all(|one| !own.has(one)), "{own}");
        assert_eq!(own.uid, before.uid);
        assert_eq!(child.len(), 4, "{child:?}");
        assert!(child.iter().all(|(_, bits)| *bits == 0), "{child:?}");
        assert_eq!(own_rights(), before, "other threads keep theirs");
    }

    #[test]
    fn a_thread_that_keeps_its_rights_has_them_and_gives_none_of_them_on() {
        let kept = || {
            let before = own_rights();
            keep_rights().unwrap();
            assert_eq!(own_rights(), before);
            let sets = capabilities(None).unwrap();
            let mut all = sets.permitted.iter();
            assert!(sets.inheritable.is_empty());
            assert!(all.all(|one| !rustix::thread::capability_is_in_ambient_set(one).unwrap_or(false)));
        };
        std::thread::spawn(kept).join().unwrap();
    }
}
