//! The host and the daemon itself, as far as processes need them.

use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::CWD;
use rustix::mm::{MlockAllFlags, mlockall};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::source::read_file;
use super::{Error, Proc};
use crate::model::{BootId, Moment, Pid};

/// The kernel's id of this boot.
pub fn boot_id() -> Result<BootId, Error> {
    let mut text = Vec::new();
    read_file(CWD, c"/proc/sys/kernel/random/boot_id", &mut text)?;
    parse_boot_id(&text).ok_or(Error::Malformed("/proc/sys/kernel/random/boot_id with a UUID"))
}

fn parse_boot_id(text: &[u8]) -> Option<BootId> {
    let digits: String = std::str::from_utf8(text).ok()?.trim().chars().filter(|c| *c != '-').collect();
    (digits.len() == 32).then(|| u128::from_str_radix(&digits, 16).ok().map(BootId))?
}

/// In what unit the kernel tells start times (`sysconf(_SC_CLK_TCK)`), 100 on nearly every host.
pub fn ticks_per_second() -> u64 {
    rustix::param::clock_ticks_per_second()
}

/// When a process started, by field 22 of its `/proc/PID/stat`.
pub fn started(start_ticks: u64) -> Moment {
    Moment::from_ticks(start_ticks, ticks_per_second())
}

/// The daemon's own number.
pub fn own_pid() -> Pid {
    // getpid(2) never fails and never returns 0.
    Pid::new(rustix::process::getpid().as_raw_nonzero().get()).unwrap_or(Pid::INIT)
}

/// What the host calls itself (uname(2)).
pub fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// The parent of the daemon, its parent, and so on up to pid 1, as far as they can be seen.
pub fn ancestors(proc: &Proc) -> Vec<Pid> {
    let mut found = Vec::new();
    let mut text = Vec::new();
    let mut next = Some(own_pid());
    while let Some(pid) = next {
        let stat = proc.entry(pid).and_then(|entry| entry.stat(&mut text));
        // Numbers move while they are read: a circle is possible, an endless walk is not.
        next = stat.ok().and_then(|stat| Pid::new(stat.ppid)).filter(|parent| !found.contains(parent));
        found.extend(next);
    }
    found
}

/// What a path leads to now, links followed; none where it leads nowhere.
#[expect(clippy::disallowed_methods, reason = "kernel/ is where paths are looked at")]
pub fn resolved(path: &Path) -> Option<PathBuf> {
    path.canonicalize().ok()
}

/// Raises the daemon's own soft limit of descriptors to its hard limit: it holds up to seven for each
/// process, and as many for each cgroup that it reads. Returns the limit in force; none is unlimited.
pub fn raise_fd_limit() -> Option<u64> {
    let limit = getrlimit(Resource::Nofile);
    match setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }) {
        Ok(()) => limit.maximum,
        Err(_) => limit.current,
    }
}

/// Keeps in memory what this process touches from now on (mlockall(2), `MCL_ONFAULT`): on a host that
/// swaps, the watchdog is not to wait for the disk too. Only where `RLIMIT_MEMLOCK` is unlimited, as in
/// the service: the limit counts what is mapped, touched or not, and would make a later allocation
/// fail. Whether it was done.
///
/// # Errors
/// Those of the kernel; nothing is locked then, and everything else goes on.
pub fn lock_memory() -> io::Result<bool> {
    if getrlimit(Resource::Memlock).current.is_some() {
        return Ok(false);
    }
    mlockall(MlockAllFlags::CURRENT | MlockAllFlags::FUTURE | MlockAllFlags::ONFAULT)?;
    Ok(true)
}

/// The daemon's own soft limit of descriptors; none is unlimited.
pub fn fd_limit() -> Option<u64> {
    getrlimit(Resource::Nofile).current
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_boot_id_is_read_whole_or_not_at_all() {
        let id = b"00000000-0000-0000-0000-0000000000ff\n";
        assert_eq!(parse_boot_id(id), Some(BootId(255)));
        for cut in 0..id.len() - 1 {
            assert_eq!(parse_boot_id(&id[..cut]), None);
        }
        assert_eq!(boot_id(), boot_id());
        assert_ne!(boot_id().unwrap(), BootId::default());
    }

    #[test]
    fn ancestors_lead_from_the_parent_upwards() {
        let found = ancestors(&Proc::live().unwrap());
        let parent = rustix::process::getppid().unwrap().as_raw_nonzero().get();
        assert_eq!(found.first().map(|pid| pid.get()), Some(parent));
        assert!(!found.contains(&own_pid()));
    }

    #[test]
    fn the_limit_of_descriptors_ends_at_the_hard_one() {
        let hard = getrlimit(Resource::Nofile).maximum;
        assert_eq!(raise_fd_limit(), hard);
        assert_eq!(getrlimit(Resource::Nofile).current, hard);
    }

    #[test]
    fn memory_is_locked_only_where_no_limit_can_turn_on_us() {
        let locked = || procfs::process::Process::myself().unwrap().status().unwrap().vmlck.unwrap();
        let unlimited = getrlimit(Resource::Memlock).current.is_none();
        assert_eq!(lock_memory().unwrap(), unlimited);
        assert_eq!(locked() > 0, unlimited);
    }
}
