//! Values as people read them, in the units of the configuration.

use std::time::Duration;

use nix::sys::signal::Signal as Named;

use crate::model::{Measure, Signal, Unit};

/// A value in its unit: `655`, `900MB`, `85%`.
pub fn value(unit: Unit, value: f64) -> String {
    match unit {
        Unit::Count => plain(value),
        Unit::Ratio => format!("{}%", plain(value * 100.0)),
        Unit::Bytes => bytes(value),
    }
}

fn plain(value: f64) -> String {
    if !value.is_finite() {
        return String::from("unlimited");
    }
    let rounded = (value * 10.0).round() / 10.0;
    if rounded.fract() == 0.0 { format!("{rounded:.0}") } else { format!("{rounded:.1}") }
}

/// In decimal units when that is exact (as operators write budgets), else in binary ones.
fn bytes(value: f64) -> String {
    const DECIMAL: [(f64, &str); 3] = [(1e9, "GB"), (1e6, "MB"), (1e3, "kB")];
    const BINARY: [(f64, &str); 3] = [(1_073_741_824.0, "GiB"), (1_048_576.0, "MiB"), (1_024.0, "KiB")];
    let exact = |(scale, _): &&(f64, &str)| value >= *scale && (value / scale).fract() == 0.0;
    let largest = |(scale, _): &&(f64, &str)| value >= *scale;
    let found =
        BINARY.iter().find(exact).or_else(|| DECIMAL.iter().find(exact)).or_else(|| BINARY.iter().find(largest));
    found.map_or_else(|| format!("{}B", plain(value)), |(scale, unit)| format!("{}{unit}", plain(value / scale)))
}

/// A span of time: the two largest units that are not zero (`1h 5m`, `45s`, `200ms`).
pub fn duration(span: Duration) -> String {
    let millis = span.as_millis();
    if millis < 10_000 {
        let text = format!("{:.1}s", span.as_secs_f64());
        return if millis < 1_000 { format!("{millis}ms") } else { text.replace(".0s", "s") };
    }
    let secs = span.as_secs();
    let units = [(secs / 86_400, "d"), (secs / 3_600 % 24, "h"), (secs / 60 % 60, "m"), (secs % 60, "s")];
    let first = units.iter().position(|(count, _)| *count > 0).unwrap_or(3);
    let parts = units.iter().skip(first).take(2).filter(|(count, _)| *count > 0);
    parts.map(|(count, unit)| format!("{count}{unit}")).collect::<Vec<_>>().join(" ")
}

/// What a measure sends: `SIGUSR1`; `SIGTERM, SIGKILL after 45s`.
pub fn measure(measure: &Measure) -> String {
    match measure {
        Measure::Signal { signal, .. } => signal_name(*signal),
        Measure::Kill { grace, .. } => format!("SIGTERM, SIGKILL after {}", duration(*grace)),
    }
}

/// The first real-time signal that the C library leaves to programs (glibc keeps 32 and 33).
const RTMIN: i32 = 34;

fn signal_name(signal: Signal) -> String {
    let number = signal.number();
    let real_time = || if number == RTMIN { "SIGRTMIN".into() } else { format!("SIGRTMIN+{}", number - RTMIN) };
    Named::try_from(number).map_or_else(|_| real_time(), |named| named.as_str().to_owned())
}
