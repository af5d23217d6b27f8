//! The two clocks, one to count with, one to show to people; and what was used of the processor.

use std::time::{Duration, SystemTime};

use rustix::time::{ClockId, clock_gettime};

use crate::model::Moment;

/// Now, on the clock that every decision counts with (`CLOCK_BOOTTIME`).
pub fn now() -> Moment {
    let time = clock_gettime(ClockId::Boottime);
    let secs = u64::try_from(time.tv_sec).unwrap_or(0);
    let nanos = u64::try_from(time.tv_nsec).unwrap_or(0);
    Moment::from_nanos(secs.saturating_mul(1_000_000_000).saturating_add(nanos))
}

/// The processor time that the calling thread has used.
pub fn cpu_of_thread() -> Duration {
    cpu(ClockId::ThreadCPUTime)
}

/// The processor time that all threads of the daemon have used.
pub fn cpu_of_process() -> Duration {
    cpu(ClockId::ProcessCPUTime)
}

fn cpu(clock: ClockId) -> Duration {
    let time = clock_gettime(clock);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// Now, on the wall clock: for displays and calendars only, because it steps.
#[expect(clippy::disallowed_methods, reason = "this is the module that reads the clocks")]
pub fn wall_now() -> SystemTime {
    SystemTime::now()
}

/// As [`wall_now`], for calendars; the end of all time where it stands beyond that.
pub fn wall_instant() -> jiff::Timestamp {
    jiff::Timestamp::try_from(wall_now()).unwrap_or(jiff::Timestamp::MAX)
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "holds our clock against what the kernel prints")]
mod tests {
    use super::*;

    #[test]
    fn the_clock_counts_from_boot_and_never_back() {
        let uptime = std::fs::read_to_string("/proc/uptime").unwrap();
        let uptime: f64 = uptime.split(' ').next().unwrap().parse().unwrap();
        let first = now();
        assert!((first.since(Moment::default()).as_secs_f64() - uptime).abs() < 5.0, "{first}");
        assert!(now() >= first);
    }
}
