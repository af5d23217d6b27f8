//! `process_mrelease(2)`, which no safe crate has.
#![expect(unsafe_code, reason = "libc is the only way to process_mrelease")]

use std::os::fd::{AsRawFd, BorrowedFd};

/// Frees the memory of a process that SIGKILL was sent to, without waiting until it gets to die:
/// one that hangs in the kernel would hold it for long. Linux 5.15; best effort, since where it
/// fails the process frees its memory itself.
pub(super) fn release_memory(pidfd: BorrowedFd<'_>) {
    // SAFETY: the call takes two integers and touches no memory of ours; the borrow keeps the
    // descriptor open while it runs.
    let _ = unsafe { libc::syscall(libc::SYS_process_mrelease, pidfd.as_raw_fd(), 0_u32) };
}
