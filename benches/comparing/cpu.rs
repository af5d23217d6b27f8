//! What a process has used.

use std::time::Duration;

use nix::unistd::Pid;
use rustix::time::{ClockId, clock_gettime};

/// Processor time of the calling thread.
pub(crate) fn own_thread() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.try_into().unwrap(), time.tv_nsec.try_into().unwrap())
}

/// Processor time of all threads of a process, of those that have ended too; user and system, to the
/// nanosecond, which /proc/PID/stat is not.
pub(crate) fn of_process(pid: u32) -> Duration {
    let pid = Pid::from_raw(pid.try_into().unwrap());
    nix::time::clock_getcpuclockid(pid).and_then(nix::time::clock_gettime).unwrap().into()
}

/// Resident and anonymous memory of a process, in MiB: `VmRSS` and `RssAnon` of /proc/PID/status.
pub(crate) fn memory(pid: u32) -> (f64, f64) {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let mib = |key: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(key)).unwrap();
        line.split_whitespace().next().unwrap().parse::<f64>().unwrap() / 1024.0
    };
    (mib("VmRSS:"), mib("RssAnon:"))
}
