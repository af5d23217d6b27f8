//! Series of the host: what was read of it, and how it is judged.

use super::scrape::Scrape;
use super::{Family, Series, gauge};
use crate::model::{Base, Metric};

const NONE: &[&str] = &[];
const PEER: &[&str] = &["peer"];

pub(super) const FAMILIES: &[Family] = &[
    gauge(
        "tradedog_host_memory_used_ratio",
        NONE,
        "Memory of the host that is not available, as a share.",
        |scrape, series| plain(scrape, series, Base::HostMemoryUsed),
    ),
    gauge("tradedog_host_swap_used_ratio", NONE, "Swap of the host in use, as a share.", |scrape, series| {
        plain(scrape, series, Base::HostSwapUsed);
    }),
    gauge(
        "tradedog_host_swap_in_pages_per_second",
        NONE,
        "Pages that the host reads back from swap, in each second.",
        |scrape, series| plain(scrape, series, Base::HostSwapIn),
    ),
    gauge(
        "tradedog_host_swap_out_pages_per_second",
        NONE,
        "Pages that the host writes to swap, in each second.",
        |scrape, series| plain(scrape, series, Base::HostSwapOut),
    ),
    gauge(
        "tradedog_host_memory_pressure_ratio",
        NONE,
        "Share of the last 10 s in which some process of the host waited for memory.",
        |scrape, series| plain(scrape, series, Base::HostMemoryPressure),
    ),
    gauge("tradedog_host_open_files", NONE, "Open files of the whole host.", |scrape, series| {
        plain(scrape, series, Base::HostOpenFiles);
    }),
    gauge(
        "tradedog_host_time_wait_sockets",
        PEER,
        "TCP sockets of the host in TIME_WAIT by peer; the empty peer counts all of them.",
        |scrape, series| by_peer(scrape, series, Base::HostTimeWait),
    ),
    gauge(
        "tradedog_host_established_sockets",
        PEER,
        "TCP sockets of the host in ESTABLISHED by peer; the empty peer counts all of them.",
        |scrape, series| by_peer(scrape, series, Base::HostEstablished),
    ),
    gauge(
        "tradedog_host_level",
        NONE,
        "Level of the host: 0 normal, 1 elevated, 2 warning, 3 critical, 4 fatal; absent when it has no thresholds.",
        |scrape, series| {
            let judged = !scrape.snapshot.host_thresholds.is_empty();
            series.push_known(&[], judged.then_some(f64::from(scrape.snapshot.host_ladder.level.number())));
        },
    ),
    gauge(
        "tradedog_host_metric_level",
        &["metric"],
        "Level of a metric of the host that has a threshold: 0 normal, 1 elevated, 2 warning, 3 critical, 4 fatal.",
        metric_levels,
    ),
];

fn plain(scrape: &Scrape<'_>, series: &mut Series, base: Base) {
    series.push_known(&[], scrape.snapshot.host_number(&Metric::plain(base)));
}

fn by_peer(scrape: &Scrape<'_>, series: &mut Series, base: Base) {
    for metric in scrape.snapshot.config.host.metrics.iter().filter(|metric| metric.base == base) {
        series.push_known(&[metric.peer.as_deref().unwrap_or("")], scrape.snapshot.host_number(metric));
    }
}

fn metric_levels(scrape: &Scrape<'_>, series: &mut Series) {
    let host = &scrape.snapshot.config.host;
    for (threshold, view) in host.thresholds.iter().zip(&scrape.snapshot.host_thresholds) {
        series.push(&[&threshold.name.to_string()], f64::from(view.level.number()));
    }
}
