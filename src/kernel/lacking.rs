//! What this kernel does not have, or a sandbox around us forbids, and what is done instead: found out
//! once, on ourselves, and said once. The next best ways themselves are with what they replace.

use super::handle::Pidfds;
use super::sock_diag::{DumpError, SockDiag};
use super::source::Counting;

/// Something that is not there. Its text says what is done instead, and what would help.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Lack {
    /// The size of `/proc/PID/fd`.
    #[error(
        "this kernel does not tell how many descriptors a process has (Linux 6.2 does): they are counted one by one, \
         those of other users' processes only with CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH (systemd/deep.conf)"
    )]
    Counts,
    /// sock_diag.
    #[error(
        "{0}; until then sockets are read from /proc/net/tcp, every 10 s at most, and told apart only where \
         descriptors may be looked at"
    )]
    SockDiag(DumpError),
    /// pidfd_open.
    #[error(
        "there are no pidfds here (Linux 5.3 has them, unless a sandbox forbids pidfd_open): that a process has ended \
         is seen with the next reading, not at once"
    )]
    Pidfds,
    /// pidfd_send_signal.
    #[error(
        "no signal goes through a pidfd here (Linux 5.1 does that, unless a sandbox forbids pidfd_send_signal): signals \
         and kills go by number, right after the process was seen to be there; a small kernel.pid_max makes that unsafe"
    )]
    Signals,
}

/// All that is not there. Looks at no other process, and sends no signal.
pub fn lacks() -> Vec<Lack> {
    let pidfds = Pidfds::of_kernel();
    let counts = (Counting::of_kernel() == Counting::Entries).then_some(Lack::Counts);
    let sockets = SockDiag::new().refusal().map(Lack::SockDiag);
    let open = (!pidfds.open).then_some(Lack::Pidfds);
    let signal = (!pidfds.signal).then_some(Lack::Signals);
    [counts, sockets, open, signal].into_iter().flatten().collect()
}
