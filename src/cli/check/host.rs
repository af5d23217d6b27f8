//! The host's own thresholds and ladder on this host.

use std::io;

use super::{Report, readings, several};
use crate::cli::live::Live;

/// Tells of the host, if anything is asked of it.
pub(super) fn tell(live: &Live, report: &mut Report<'_>) -> io::Result<()> {
    let host = &live.config.host;
    if host.thresholds.is_empty() {
        return Ok(());
    }
    let steps: usize = host.ladder.iter().map(|(_, steps)| steps.len()).sum();
    let ladder = if steps == 0 { "no ladder: only observed".to_owned() } else { several(steps, "measure") };
    report.line("")?;
    report.line(format!("host: {}, {ladder}", several(host.thresholds.len(), "threshold")))?;
    let told = readings::of(&host.metrics, &host.thresholds, &live.sample.host);
    told.facts.iter().try_for_each(|fact| report.line(format!("  {fact}")))?;
    told.warnings.iter().try_for_each(|warning| report.warn("  ", warning))
}
