//! The daemon about itself, for its own `process_*` metrics: a cold path, by the procfs crate.

use procfs::process::Process as Proc;

use super::{started, ticks_per_second};
use crate::model::OwnFacts;

/// Reads what `/proc/self` says.
pub fn own_facts() -> OwnFacts {
    let Ok(own) = Proc::myself() else { return OwnFacts::default() };
    let stat = own.stat().ok();
    let ticks = u32::try_from(ticks_per_second()).unwrap_or(100);
    let limits = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    OwnFacts {
        cpu_seconds: stat.as_ref().and_then(|stat| seconds(stat.utime + stat.stime, ticks)),
        resident_bytes: stat.as_ref().map(|stat| stat.rss * procfs::page_size()),
        virtual_bytes: stat.as_ref().map(|stat| stat.vsize),
        open_fds: own.fd_count().ok().and_then(|count| u64::try_from(count).ok()),
        max_fds: Some(limits.current.map_or(f64::INFINITY, count)),
        threads: stat.as_ref().and_then(|stat| u64::try_from(stat.num_threads).ok()),
        hour_bytes: None,
        started: stat.map(|stat| started(stat.starttime)),
    }
}

/// Descriptor limits end far below 2^32 (`fs.nr_open`).
fn count(limit: u64) -> f64 {
    u32::try_from(limit).map_or(f64::INFINITY, f64::from)
}

/// Exact to the tick for 136 years of CPU time.
fn seconds(ticks: u64, per_second: u32) -> Option<f64> {
    let per_second = u64::from(per_second.max(1));
    let whole = u32::try_from(ticks / per_second).ok()?;
    let rest = u32::try_from(ticks % per_second).ok()?;
    Some(f64::from(whole) + f64::from(rest) / f64::from(u32::try_from(per_second).ok()?))
}
