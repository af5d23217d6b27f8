//! Series of the history: what was kept, what waits, what is lost.

use super::scrape::Scrape;
use super::{Family, Series, counter, gauge};
use crate::record::history::{CAUSES, Figures};

const NONE: &[&str] = &[];

pub(super) const FAMILIES: &[Family] = &[
    counter("tradedog_history_events_total", NONE, "Events that were written to the history.", |scrape, series| {
        put(series, scrape, |history| history.stored as f64);
    }),
    counter(
        "tradedog_history_dropped_events_total",
        NONE,
        "Events that the history lacks, because the disk took none for too long.",
        |scrape, series| put(series, scrape, |history| history.dropped as f64),
    ),
    gauge(
        "tradedog_history_buffered_events",
        NONE,
        "Events that wait in memory to be written to the history.",
        |scrape, series| put(series, scrape, |history| history.buffered as f64),
    ),
    counter(
        "tradedog_history_blocks_total",
        NONE,
        "Blocks of samples, one a target and minute, that were written to the history.",
        |scrape, series| put(series, scrape, |history| history.stored_blocks as f64),
    ),
    counter(
        "tradedog_history_dropped_blocks_total",
        NONE,
        "Blocks of samples that the history lacks, because the disk took none for too long.",
        |scrape, series| put(series, scrape, |history| history.dropped_blocks as f64),
    ),
    counter(
        "tradedog_history_damaged_blocks_total",
        NONE,
        "Blocks of samples that could not be read any more when they were to become fewer, and are lost.",
        |scrape, series| put(series, scrape, |history| history.damaged_blocks as f64),
    ),
    gauge(
        "tradedog_history_buffered_blocks",
        NONE,
        "Blocks of samples that wait in memory to be written to the history.",
        |scrape, series| put(series, scrape, |history| history.buffered_blocks as f64),
    ),
    gauge("tradedog_history_size_bytes", NONE, "What the file of the history holds.", |scrape, series| {
        put(series, scrape, |history| history.size as f64);
    }),
    gauge(
        "tradedog_history_last_write_successful",
        NONE,
        "Whether the history could be written at the last try.",
        |scrape, series| put(series, scrape, |history| f64::from(u8::from(history.is_written))),
    ),
    counter(
        "tradedog_history_errors_total",
        &["reason"],
        "How often the history could not be written; what was to be written waits in memory.",
        |scrape, series| {
            let Some(history) = &scrape.snapshot.history else { return };
            for ((_, reason), count) in CAUSES.iter().zip(history.errors) {
                series.push(&[reason], count as f64);
            }
        },
    ),
    gauge(
        "tradedog_history_last_error_timestamp_seconds",
        NONE,
        "When the history could not be written last, in seconds since 1970.",
        |scrape, series| {
            let last = scrape.snapshot.history.and_then(|history| history.last_error);
            series.push_known(&[], last.map(|millis| millis as f64 / 1000.0));
        },
    ),
];

fn put(series: &mut Series, scrape: &Scrape<'_>, value: impl Fn(&Figures) -> f64) {
    series.push_known(&[], scrape.snapshot.history.as_ref().map(value));
}
