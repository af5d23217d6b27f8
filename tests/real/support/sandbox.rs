//! What an old kernel lacks, or a sandbox forbids: system calls that fail as if they were not there.

use std::collections::BTreeMap;
use std::thread;

use nix::libc;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    apply_filter,
};

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Forbidden {
    /// Before Linux 5.3.
    PidfdOpen,
    /// Before Linux 5.1.
    PidfdSendSignal,
    /// Signals by number, refused as to a stranger.
    Kill,
    /// `RestrictAddressFamilies=` of systemd without AF_NETLINK.
    Netlink,
    /// `stat` with the flag by which the daemon looks whether `/proc/PID/fd` has a size, and nothing else.
    SizeOfFds,
}

impl Forbidden {
    fn filter(self) -> BpfProgram {
        // Of the 32 bits of an int; the kernel does not look at the others.
        let argument_is = |at: u8, value: i32| {
            let value = u64::from(value.cast_unsigned());
            let condition = SeccompCondition::new(at, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, value);
            vec![SeccompRule::new(vec![condition.unwrap()]).unwrap()]
        };
        let (call, rules, errno) = match self {
            Self::PidfdOpen => (libc::SYS_pidfd_open, vec![], libc::ENOSYS),
            Self::PidfdSendSignal => (libc::SYS_pidfd_send_signal, vec![], libc::ENOSYS),
            Self::Kill => (libc::SYS_kill, vec![], libc::EPERM),
            Self::Netlink => (libc::SYS_socket, argument_is(0, libc::AF_NETLINK), libc::EAFNOSUPPORT),
            Self::SizeOfFds => (libc::SYS_newfstatat, argument_is(3, libc::AT_NO_AUTOMOUNT), libc::ENOSYS),
        };
        let errno = SeccompAction::Errno(errno.cast_unsigned());
        let here = std::env::consts::ARCH.try_into().unwrap();
        let filter = SeccompFilter::new(BTreeMap::from([(call, rules)]), SeccompAction::Allow, errno, here);
        filter.unwrap().try_into().unwrap()
    }
}

/// Does `work` where these are forbidden, and whatever it starts has them forbidden too. The filter
/// belongs to a thread, and that ends with the work.
pub(crate) fn within<T: Send>(forbidden: &[Forbidden], work: impl FnOnce() -> T + Send) -> T {
    let filters: Vec<BpfProgram> = forbidden.iter().map(|one| one.filter()).collect();
    let sandboxed = || {
        filters.iter().for_each(|filter| apply_filter(filter).unwrap());
        work()
    };
    thread::scope(|scope| scope.spawn(sandboxed).join().unwrap())
}
