//! Series of live processes. The label `process` is the slot, or `all` for what the processes of a
//! target come to that is judged as a group; the pid is a value.

use super::scrape::{Scrape, Seat};
use super::{Family, Series, gauge};
use crate::export::{LadderView, ThresholdView};
use crate::model::{Base, ForecastView, Metric};

const PROCESS: &[&str] = &["target", "process"];
const LADDER: &[&str] = &["target", "process", "ladder"];
const METRIC: &[&str] = &["target", "process", "metric"];

/// How many families have exactly one series for each process.
pub(super) const PLAIN: usize = 7;

pub(super) const FAMILIES: &[Family] = &[
    gauge("tradedog_process_pid", PROCESS, "Pid of the process in this slot.", |scrape, series| {
        each(scrape, series, |_, seat| Some(f64::from(seat.process?.0.get())));
    }),
    gauge(
        "tradedog_process_start_time_seconds",
        PROCESS,
        "When the process started, in seconds since 1970.",
        |scrape, series| each(scrape, series, |scrape, seat| Some(scrape.unix_seconds(seat.process?.1))),
    ),
    gauge("tradedog_process_open_fds", PROCESS, "Open file descriptors, at the last sample.", |scrape, series| {
        each(scrape, series, |scrape, seat| scrape.number(seat, Base::OpenFds));
    }),
    gauge("tradedog_process_max_fds", PROCESS, "Soft limit of open file descriptors.", |scrape, series| {
        each(scrape, series, |scrape, seat| seat.process.and_then(|_| scrape.number(seat, Base::MaxFds)));
    }),
    gauge(
        "tradedog_process_resident_memory_bytes",
        PROCESS,
        "Resident memory, at the last sample.",
        |scrape, series| each(scrape, series, |scrape, seat| scrape.number(seat, Base::Rss)),
    ),
    gauge("tradedog_process_swap_bytes", PROCESS, "Memory in swap, at the last sample.", |scrape, series| {
        each(scrape, series, |scrape, seat| scrape.number(seat, Base::Swap));
    }),
    gauge("tradedog_process_threads", PROCESS, "Threads, at the last sample.", |scrape, series| {
        each(scrape, series, |scrape, seat| scrape.number(seat, Base::Threads));
    }),
    gauge(
        "tradedog_process_cgroup_memory_bytes",
        PROCESS,
        "Memory of the cgroup of the process, page cache included; the same for all processes in it.",
        |scrape, series| each(scrape, series, |scrape, seat| scrape.number(seat, Base::CgroupMemory)),
    ),
    gauge(
        "tradedog_process_cgroup_working_set_bytes",
        PROCESS,
        "Memory of the cgroup of the process without page cache that was not used lately, as docker stats shows it.",
        |scrape, series| each(scrape, series, |scrape, seat| scrape.number(seat, Base::CgroupWorkingSet)),
    ),
    gauge(
        "tradedog_process_cgroup_memory_limit_bytes",
        PROCESS,
        "Lowest memory limit of the cgroup of the process and of those above; nothing where there is none.",
        |scrape, series| each(scrape, series, cgroup_limit),
    ),
    gauge(
        "tradedog_process_cgroup_swap_bytes",
        PROCESS,
        "Memory of the cgroup of the process in swap.",
        |scrape, series| each(scrape, series, |scrape, seat| scrape.number(seat, Base::CgroupSwap)),
    ),
    gauge(
        "tradedog_process_cgroup_memory_pressure_ratio",
        PROCESS,
        "Share of the last 10 s in which some process of the cgroup waited for memory; there where a threshold is \
         about it.",
        |scrape, series| each(scrape, series, |scrape, seat| scrape.number(seat, Base::CgroupMemoryPressure)),
    ),
    gauge(
        "tradedog_process_major_faults_per_second",
        PROCESS,
        "Page faults that waited for the disk, in each second; there where a threshold is about them.",
        |scrape, series| each(scrape, series, |scrape, seat| scrape.number(seat, Base::MajorFaults)),
    ),
    gauge(
        "tradedog_process_sockets",
        &["target", "process", "state", "peer"],
        "TCP sockets by state and peer, at the last sample; the empty peer counts all of them.",
        sockets,
    ),
    gauge(
        "tradedog_process_peer_sockets",
        &["target", "process", "peer"],
        "TCP sockets of a peer in whatever state, at the last sample; there where a threshold is about them.",
        peer_sockets,
    ),
    gauge(
        "tradedog_level",
        LADDER,
        "Level of a ladder: 0 normal, 1 elevated, 2 warning, 3 critical, 4 fatal.",
        |scrape, series| ladders(scrape, series, |_, ladder| f64::from(ladder.level.number())),
    ),
    gauge(
        "tradedog_level_since_timestamp_seconds",
        LADDER,
        "Since when the ladder has its level, in seconds since 1970.",
        |scrape, series| ladders(scrape, series, |scrape, ladder| scrape.unix_seconds(ladder.since)),
    ),
    gauge(
        "tradedog_metric_level",
        METRIC,
        "Level of a metric that has a threshold: 0 normal, 1 elevated, 2 warning, 3 critical, 4 fatal.",
        metric_levels,
    ),
    gauge(
        "tradedog_growth_per_minute",
        METRIC,
        "How fast a metric that has a threshold grows, in its unit a minute; 0 while no growth goes on, absent while \
         that is not known.",
        growth,
    ),
    gauge(
        "tradedog_time_left_seconds",
        METRIC,
        "Time until the metric is at its fatal bound or at the process's own limit, whichever comes first; +Inf for \
         never, absent while that is not known.",
        time_left,
    ),
    gauge(
        "tradedog_reading_unknown",
        METRIC,
        "Whether a metric that has a threshold could not be read.",
        unknown_readings,
    ),
];

/// One series of a process for each of these that its target reads.
pub(super) const WHERE_READ: [Base; 6] = [
    Base::CgroupMemory,
    Base::CgroupWorkingSet,
    Base::CgroupMemoryLimit,
    Base::CgroupSwap,
    Base::CgroupMemoryPressure,
    Base::MajorFaults,
];

/// Of a process: what limits several cgroups is not one number.
fn cgroup_limit(scrape: &Scrape<'_>, seat: &Seat<'_>) -> Option<f64> {
    seat.process?;
    scrape.number(seat, Base::CgroupMemoryLimit).filter(|limit| limit.is_finite())
}

fn each(scrape: &Scrape<'_>, series: &mut Series, value: fn(&Scrape<'_>, &Seat<'_>) -> Option<f64>) {
    for seat in &scrape.seats {
        series.push_known(&[&seat.target.name, &seat.slot], value(scrape, seat));
    }
}

/// The two states that leaks show in are there even when zero; the others only while they occur.
const fn is_always_shown(base: Base) -> bool {
    matches!(base, Base::CloseWait | Base::Established)
}

fn sockets(scrape: &Scrape<'_>, series: &mut Series) {
    for seat in &scrape.seats {
        for (metric, reading) in seat.target.metrics.iter().zip(scrape.snapshot.readings(seat.lists)) {
            let always = is_always_shown(metric.base);
            let number =
                reading.value.number().filter(|number| metric.base.is_socket_state() && (always || *number > 0.0));
            let peer = metric.peer.as_deref().unwrap_or("");
            series.push_known(&[&seat.target.name, &seat.slot, metric.info().name, peer], number);
        }
    }
}

/// All states together of those peers that are read so; of all peers together they are added up.
pub(super) fn of_peer_in_any_state(metric: &Metric) -> bool {
    metric.base == Base::Sockets && metric.peer.is_some()
}

fn peer_sockets(scrape: &Scrape<'_>, series: &mut Series) {
    for seat in &scrape.seats {
        let both = seat.target.metrics.iter().zip(scrape.snapshot.readings(seat.lists));
        for (metric, reading) in both.filter(|(metric, _)| of_peer_in_any_state(metric)) {
            let peer = metric.peer.as_deref().unwrap_or("");
            series.push_known(&[&seat.target.name, &seat.slot, peer], reading.value.number());
        }
    }
}

fn ladders(scrape: &Scrape<'_>, series: &mut Series, value: fn(&Scrape<'_>, &LadderView) -> f64) {
    for seat in &scrape.seats {
        for (ladder, view) in seat.target.ladders.iter().zip(scrape.snapshot.ladders(seat.lists)) {
            series.push(&[&seat.target.name, &seat.slot, &ladder.name], value(scrape, view));
        }
    }
}

fn growth(scrape: &Scrape<'_>, series: &mut Series) {
    forecasts(scrape, series, |view| view.growth.number());
}

/// Nothing for what ends nowhere, and while it is not known.
fn time_left(scrape: &Scrape<'_>, series: &mut Series) {
    forecasts(scrape, series, |view| view.end.and(view.time_left.number()));
}

fn forecasts(scrape: &Scrape<'_>, series: &mut Series, value: fn(&ForecastView) -> Option<f64>) {
    for seat in &scrape.seats {
        let names = scrape.metric_names(seat);
        for (row, view) in seat.target.forecasts.rows.iter().zip(scrape.snapshot.forecasts(seat.lists)) {
            let Some(metric) = names.get(row.metric) else { continue };
            series.push_known(&[&seat.target.name, &seat.slot, metric], value(view));
        }
    }
}

fn metric_levels(scrape: &Scrape<'_>, series: &mut Series) {
    thresholds(scrape, series, |view| f64::from(view.level.number()));
}

fn unknown_readings(scrape: &Scrape<'_>, series: &mut Series) {
    thresholds(scrape, series, |view| f64::from(u8::from(view.unknown.is_some())));
}

fn thresholds(scrape: &Scrape<'_>, series: &mut Series, value: fn(&ThresholdView) -> f64) {
    for seat in &scrape.seats {
        let names = scrape.threshold_names(seat);
        for (metric, view) in names.iter().zip(scrape.snapshot.thresholds(seat.lists)) {
            series.push(&[&seat.target.name, &seat.slot, metric], value(view));
        }
    }
}
