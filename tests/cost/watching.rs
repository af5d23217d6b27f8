//! The daemon over a crowd, as the tests here configure it.

use super::crowd::Crowd;
use super::support::{Daemon, Setup};

/// A daemon that is to watch `crowd`, with thresholds on what traders have them on, far from where it is.
pub(crate) fn watching(crowd: &Crowd, max_cpu: &str) -> Setup {
    Daemon::told(&format!(
        r#"
[daemon]
interval = "1s"
max_cpu = "{max_cpu}"
[target.crowd]
{}
[target.crowd.thresholds]
open_fds = {{ elevated = 20000 }}
close_wait = {{ elevated = 20000 }}
rss = {{ elevated = "90GB" }}
swap = {{ elevated = "90GB" }}
"#,
        crowd.selector()
    ))
}

/// Waits until `daemon` watches so many processes of the crowd.
pub(crate) fn wait_for_all(daemon: &Daemon, processes: usize) {
    daemon.wait_for(60, ("tradedog_target_processes", &[("target", "crowd")]), processes as f64);
}
