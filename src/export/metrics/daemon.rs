//! Series of the watch itself: its passes, its probes, its configuration, its own cost.

use super::scrape::Scrape;
use super::{Family, Series, counter, gauge};

const NONE: &[&str] = &[];

pub(super) const FAMILIES: &[Family] = &[
    gauge(
        "tradedog_unattributed_sockets",
        &["state"],
        "TCP sockets of the host for which no process could be found, by state.",
        |scrape, series| {
            for (state, count) in &scrape.snapshot.unattributed {
                series.push(&[state.info().name], *count as f64);
            }
        },
    ),
    gauge("tradedog_pass_duration_seconds", NONE, "How long the last pass took.", |scrape, series| {
        series.push(&[], scrape.snapshot.pass.duration.as_secs_f64());
    }),
    gauge("tradedog_pass_late_seconds", NONE, "How much later than planned the last pass began.", |scrape, series| {
        series.push(&[], scrape.snapshot.pass.late.as_secs_f64());
    }),
    gauge(
        "tradedog_period_seconds",
        &["of"],
        "How often is read: in a pass, CLOSE_WAIT, the other states of sockets, other network namespaces; what is only \
         shown, for no threshold is about it, of the host and of each process.",
        |scrape, series| {
            let periods = scrape.snapshot.pass.periods;
            for (of, period) in [
                ("pass", periods.pass),
                ("close_wait", periods.close_wait),
                ("states", periods.states),
                ("namespaces", periods.namespaces),
                ("shown", periods.shown),
                ("shown_of_process", periods.shown_of_process),
            ] {
                series.push(&[of], period.as_secs_f64());
            }
        },
    ),
    counter(
        "tradedog_missed_passes_total",
        NONE,
        "Passes that were not made because the one before them took too long.",
        |scrape, series| series.push(&[], scrape.snapshot.pass.missed_passes as f64),
    ),
    counter(
        "tradedog_missed_readings_total",
        NONE,
        "Readings of processes that were due and not made because a pass had taken its whole period.",
        |scrape, series| series.push(&[], scrape.snapshot.pass.missed_readings as f64),
    ),
    gauge(
        "tradedog_last_sample_timestamp_seconds",
        NONE,
        "When targets were last sampled, in seconds since 1970; they are not read at a scrape.",
        |scrape, series| series.push_known(&[], scrape.snapshot.pass.last_sample.map(|at| scrape.unix_seconds(at))),
    ),
    gauge("tradedog_probe_duration_seconds", &["probe"], "How long the last run of a probe took.", |scrape, series| {
        for probe in &scrape.snapshot.probes {
            series.push(&[probe.name], probe.duration.as_secs_f64());
        }
    }),
    counter(
        "tradedog_probe_errors_total",
        &["probe", "reason"],
        "Readings that a probe could not take; a process that is gone is no error.",
        |scrape, series| {
            for errors in &scrape.snapshot.probe_errors {
                series.push(&[errors.probe, errors.reason], errors.count as f64);
            }
        },
    ),
    gauge("tradedog_build_info", &["version", "arch"], "Always 1; which build this is.", |_, series| {
        series.push(&[env!("CARGO_PKG_VERSION"), std::env::consts::ARCH], 1.0);
    }),
    gauge(
        "tradedog_config_last_reload_successful",
        NONE,
        "Whether the last attempt to read the configuration succeeded.",
        |scrape, series| series.push(&[], f64::from(u8::from(!scrape.snapshot.reload.failed))),
    ),
    gauge(
        "tradedog_config_last_reload_success_timestamp_seconds",
        NONE,
        "When the configuration was last read with success, in seconds since 1970.",
        |scrape, series| series.push_known(&[], scrape.snapshot.reload.last_success.map(|at| scrape.unix_seconds(at))),
    ),
    gauge(
        "tradedog_config_files_set_aside",
        NONE,
        "Configuration files that were left out because of their errors.",
        |scrape, series| series.push(&[], f64::from(scrape.snapshot.reload.set_aside)),
    ),
    gauge("tradedog_dry_run", NONE, "Whether measures are only told of, not taken.", |scrape, series| {
        series.push(&[], f64::from(u8::from(scrape.snapshot.config.daemon.dry_run)));
    }),
    gauge(
        "tradedog_last_hour_bytes",
        NONE,
        "Memory that the readings of the last hour take.",
        |scrape: &Scrape<'_>, series: &mut Series| whole(series, scrape.snapshot.own.hour_bytes),
    ),
    // The daemon's own cost, under the names that every client library uses for it.
    counter("process_cpu_seconds_total", NONE, "CPU time of tradedog itself, in seconds.", |scrape, series| {
        series.push_known(&[], scrape.snapshot.own.cpu_seconds);
    }),
    gauge("process_resident_memory_bytes", NONE, "Resident memory of tradedog itself.", |scrape, series| {
        whole(series, scrape.snapshot.own.resident_bytes);
    }),
    gauge("process_virtual_memory_bytes", NONE, "Address space of tradedog itself.", |scrape, series| {
        whole(series, scrape.snapshot.own.virtual_bytes);
    }),
    gauge("process_open_fds", NONE, "Open file descriptors of tradedog itself.", |scrape, series| {
        whole(series, scrape.snapshot.own.open_fds);
    }),
    gauge("process_max_fds", NONE, "Soft limit of open file descriptors of tradedog itself.", |scrape, series| {
        series.push_known(&[], scrape.snapshot.own.max_fds);
    }),
    gauge("process_threads", NONE, "Threads of tradedog itself.", |scrape, series| {
        whole(series, scrape.snapshot.own.threads);
    }),
    gauge(
        "process_start_time_seconds",
        NONE,
        "When tradedog itself started, in seconds since 1970.",
        |scrape: &Scrape<'_>, series: &mut Series| {
            series.push_known(&[], scrape.snapshot.own.started.map(|at| scrape.unix_seconds(at)));
        },
    ),
];

fn whole(series: &mut Series, value: Option<u64>) {
    series.push_known(&[], value.map(|value| value as f64));
}
