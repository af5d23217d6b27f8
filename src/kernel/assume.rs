//! Taking on the rights of somebody else, as a service manager does for a service.

use nix::unistd::{Gid, Uid, setgroups, setresgid, setresuid};
use rustix::io::Errno;
use rustix::thread::{CapabilitySet, CapabilitySets, capabilities, set_capabilities, set_keep_capabilities};

use super::rights::flag;
use crate::model::CAPABILITIES;

/// A user with groups and capabilities.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assumed {
    /// Real, effective and saved user.
    pub uid: u32,
    /// The same of the group.
    pub gid: u32,
    /// The supplementary groups.
    pub groups: Vec<u32>,
    /// What is in effect. Of what tradedog has no use for only as much as this process has.
    pub capabilities: CapabilitySet,
}

/// Why they cannot be taken on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unassumed {
    /// This process is somebody else, and not root.
    #[error("only root can become another user")]
    Another,
    /// It has not all of these capabilities itself.
    #[error("this user has no {0} to give up")]
    Lacking(&'static str),
    /// The kernel refuses.
    #[error("{0}")]
    Refused(Errno),
}

impl From<Errno> for Unassumed {
    fn from(errno: Errno) -> Self {
        Self::Refused(errno)
    }
}

impl From<nix::Error> for Unassumed {
    fn from(errno: nix::Error) -> Self {
        Self::Refused(Errno::from_raw_os_error(errno as i32))
    }
}

/// Makes the calling thread somebody else for good; its user changes for all threads. What it starts
/// afterwards gets none of the capabilities.
///
/// # Errors
/// [`Unassumed`]; after one of the kernel's the process may be half of each, and must end.
pub fn assume(whom: &Assumed) -> Result<(), Unassumed> {
    let own = capabilities(None)?.permitted;
    let may_become = own.contains(CapabilitySet::SETUID | CapabilitySet::SETGID);
    if !may_become && [Uid::current(), Uid::effective()].iter().any(|uid| uid.as_raw() != whom.uid) {
        return Err(Unassumed::Another);
    }
    let used = CAPABILITIES.into_iter().filter(|one| whom.capabilities.contains(flag(*one)));
    if let Some(lacking) = used.into_iter().find(|one| !own.contains(flag(*one))) {
        return Err(Unassumed::Lacking(lacking.name()));
    }
    if may_become {
        become_user(whom)?;
    }
    let held = whom.capabilities & own;
    let sets = CapabilitySets { effective: held, permitted: held, inheritable: CapabilitySet::empty() };
    Ok(set_capabilities(None, sets)?)
}

fn become_user(whom: &Assumed) -> Result<(), Unassumed> {
    let groups: Vec<Gid> = whom.groups.iter().copied().map(Gid::from_raw).collect();
    setgroups(&groups)?;
    let (uid, gid) = (Uid::from_raw(whom.uid), Gid::from_raw(whom.gid));
    setresgid(gid, gid, gid)?;
    // Else the permitted ones go with root: capabilities(7), "Effect of user ID changes".
    set_keep_capabilities(true)?;
    setresuid(uid, uid, uid)?;
    Ok(set_keep_capabilities(false)?)
}
