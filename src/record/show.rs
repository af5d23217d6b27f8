//! Spans, measures and signals as people read them.

use std::time::Duration;

use nix::sys::signal::Signal as Named;

use crate::config::units;
use crate::model::{Direction, Effect, FreezeBy, Measure, Measured, Metric, Signal, printable, without_secrets};

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

/// `open_fds 655 at or past 600`; `open_fds 580, level from 600 not cleared` while the level
/// holds although the reading is past its bound no more.
pub fn reading(metric: &Metric, value: f64, bound: f64) -> String {
    let unit = metric.unit();
    let past = match metric.direction() {
        Direction::Up => value >= bound,
        Direction::Down => value <= bound,
    };
    let (value, bound) = (units::show(value, unit), units::show(bound, unit));
    if past {
        format!("{metric} {value} at or past {bound}")
    } else {
        format!("{metric} {value}, level from {bound} not cleared")
    }
}

/// `reset_pool had no effect in 60s (open_fds 640 -> 655)`; where it is to stop growth, with that before and
/// after.
pub fn effect(effect: Option<Effect>, measured: &Measured) -> String {
    let Measured { action, metric, from, to, within, growth } = measured;
    let value = |value: f64| units::show(value, metric.unit());
    let went = to.map_or_else(|| "unknown".to_owned(), value);
    let growth = growth.filter(|growth| growth.after.is_some()).map_or_else(String::new, |growth| {
        let speed = |speed: Option<f64>| speed.map_or_else(|| "unknown".to_owned(), |speed| per_minute(speed, metric));
        format!(", growth {} -> {}", speed(growth.before), speed(growth.after))
    });
    let within = patience(*within);
    let read = format!("({metric} {} -> {went}{growth})", value(*from));
    match effect {
        Some(Effect::Effective) => format!("{action} had an effect in {within} {read}"),
        Some(Effect::Ineffective) => format!("{action} had no effect in {within} {read}"),
        None => format!("{action}: whether it had an effect in {within} is not known {read}"),
    }
}

/// What becomes no worse grows by nothing.
fn per_minute(speed: f64, metric: &Metric) -> String {
    format!("{}/min", units::show(speed.max(0.0), metric.unit()))
}

/// Seconds, as a patience is mostly written: `60s`.
fn patience(span: Duration) -> String {
    let secs = span.as_secs();
    if (10..120).contains(&secs) { format!("{secs}s") } else { duration(span) }
}

/// Longest part of a line that a URL or a command takes up.
const MOST_CHARS: usize = 200;

/// What a measure sends: `SIGUSR1`; `SIGTERM, SIGKILL after 45s`; `POST http://127.0.0.1:8080/pause`.
/// Nothing secret: no header, no body, and of a URL only what is plain. Printable.
pub fn measure(measure: &Measure) -> String {
    match measure {
        Measure::Signal { signal: which, .. } => signal(*which),
        Measure::Kill { grace, .. } => format!("SIGTERM, SIGKILL after {}", duration(*grace)),
        Measure::Freeze { by: FreezeBy::Signal, deadline } => format!("SIGSTOP for at most {}", duration(*deadline)),
        Measure::Freeze { by: FreezeBy::Cgroup, deadline } => {
            format!("cgroup.freeze for at most {}", duration(*deadline))
        }
        Measure::Thaw { by: FreezeBy::Signal } => "SIGCONT".to_owned(),
        Measure::Thaw { by: FreezeBy::Cgroup } => "cgroup.freeze = 0".to_owned(),
        Measure::Http(http) => format!("POST {}", printable(http.post.to_string().as_bytes(), MOST_CHARS)),
        Measure::Command(command) => {
            let words: Vec<String> = command.argv.iter().map(|word| quoted(&without_secrets(word))).collect();
            printable(words.join(" ").as_bytes(), MOST_CHARS)
        }
    }
}

/// An argument so that it is seen where it ends; for people, not for a shell.
fn quoted(word: &str) -> String {
    let quote = if word.contains('\'') { '"' } else { '\'' };
    let is_plain = !word.is_empty() && !word.contains([' ', '\'', '"']);
    if is_plain { word.to_owned() } else { format!("{quote}{word}{quote}") }
}

/// The first real-time signal that the C library leaves to programs (glibc keeps 32 and 33).
const RTMIN: i32 = 34;

/// The name of a signal, as the configuration writes it.
pub fn signal(signal: Signal) -> String {
    let number = signal.number();
    let real_time = || if number == RTMIN { "SIGRTMIN".into() } else { format!("SIGRTMIN+{}", number - RTMIN) };
    Named::try_from(number).map_or_else(|_| real_time(), |named| named.as_str().to_owned())
}
