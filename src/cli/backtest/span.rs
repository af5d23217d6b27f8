//! Which part of what was recorded is replayed.

use std::time::Duration;

use clap::Args;
use jiff::Timestamp;

use super::super::Failure;
use super::super::daemon::time;
use crate::config::units;
use crate::kernel;

/// From when to when.
#[derive(Args, Clone, Copy, Debug, Default)]
pub(super) struct Span {
    /// How much of what was recorded, until now or --to, or from --from on: 7d. Without it 24h of a Prometheus, all of
    /// a history
    #[arg(long, value_name = "TIME", value_parser = time, conflicts_with = "series")]
    range: Option<units::Duration>,
    /// From when on: 2026-11-20T09:30:00Z, or with an offset, -05:00 for Z; or how long ago: 2h
    #[arg(long, visible_alias = "since", value_name = "WHEN", value_parser = since, conflicts_with = "series")]
    from: Option<Timestamp>,
    /// Until when; without it until now
    #[arg(long, value_name = "WHEN", value_parser = when, conflicts_with = "series")]
    to: Option<Timestamp>,
}

/// RFC 3339.
fn when(text: &str) -> Result<Timestamp, String> {
    text.parse()
        .map_err(|_| "write it as 2026-11-20T09:30:00Z, or with an offset: 2026-11-20T09:30:00-05:00".to_owned())
}

/// The same, or a span until now.
fn since(text: &str) -> Result<Timestamp, String> {
    let Ok(span) = text.parse::<units::Duration>() else {
        return when(text).map_err(|help| format!("{help}; or how long ago: 2h"));
    };
    Ok(kernel::wall_instant().saturating_sub(span.0).unwrap_or(Timestamp::UNIX_EPOCH))
}

impl Span {
    /// Whether anything was said.
    const fn is_said(&self) -> bool {
        self.range.is_some() || self.from.is_some() || self.to.is_some()
    }

    /// From when to when, where the command line says so.
    pub(super) fn said(&self, now: Timestamp) -> Result<Option<(Timestamp, Timestamp)>, Failure> {
        self.is_said().then(|| self.within(now, None)).transpose()
    }

    /// From when to when; `usual` until now where the command line does not say.
    pub(super) fn or(&self, usual: Duration, now: Timestamp) -> Result<(Timestamp, Timestamp), Failure> {
        self.within(now, Some(usual))
    }

    fn within(&self, now: Timestamp, usual: Option<Duration>) -> Result<(Timestamp, Timestamp), Failure> {
        let range = self.range.map(|range| range.0);
        let (from, to) = match (self.from, self.to) {
            (Some(_), Some(_)) if range.is_some() => {
                return Err(Failure::usage("--range, --from and --to say the same thing twice: leave one of them out"));
            }
            (Some(from), Some(to)) => (from, to),
            (Some(from), None) => (from, range.map_or(now, |range| from.saturating_add(range).unwrap_or(now).min(now))),
            (None, to) => {
                let to = to.unwrap_or(now);
                let from = range.or(usual).map(|range| to.saturating_sub(range).unwrap_or(Timestamp::UNIX_EPOCH));
                (from.unwrap_or(Timestamp::UNIX_EPOCH), to)
            }
        };
        if from >= to {
            return Err(Failure::usage(format!(
                "there is nothing from {from} to {to}: write --from before --to, and before now"
            )));
        }
        Ok((from, to))
    }
}

#[cfg(test)]
mod tests;
