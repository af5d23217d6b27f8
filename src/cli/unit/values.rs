//! The words of units: spans of time, exit statuses, `Restart=`. Pure.

use std::str::FromStr;
use std::time::Duration;

/// Units of time in microseconds (systemd.time(7)).
const TIME: &[(&[&str], u64)] = &[
    (&["us", "usec", "µs", "μs"], 1),
    (&["ms", "msec"], 1_000),
    (&["s", "sec", "second", "seconds", ""], 1_000_000),
    (&["m", "min", "minute", "minutes"], 60_000_000),
    (&["h", "hr", "hour", "hours"], 3_600_000_000),
    (&["d", "day", "days"], 86_400_000_000),
    (&["w", "week", "weeks"], 604_800_000_000),
    (&["M", "month", "months"], 2_629_800_000_000),
    (&["y", "year", "years"], 31_557_600_000_000),
];

/// `5`, `90s`, `1min 30s`, `100ms`; none for `infinity`, for nothing, and for what is no time.
pub(super) fn time(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    let mut micros: u64 = 0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, tail) = rest.split_at(digits);
        let tail = tail.trim_start();
        let letters = tail.find(|c: char| c.is_ascii_digit() || c.is_whitespace()).unwrap_or(tail.len());
        let (unit, after) = tail.split_at(letters);
        let (_, factor) = TIME.iter().find(|(names, _)| names.contains(&unit))?;
        micros = micros.checked_add(times(number, *factor)?)?;
        rest = after.trim_start();
    }
    Some(Duration::from_micros(micros))
}

/// A decimal number times `factor`, whole.
fn times(number: &str, factor: u64) -> Option<u64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let digits: u32 = fraction.len().try_into().ok().filter(|digits| *digits <= 9)?;
    let scale = 10_u64.pow(digits);
    let part = fraction.parse::<u64>().ok()?.checked_mul(factor)? / scale;
    whole.parse::<u64>().ok()?.checked_mul(factor)?.checked_add(part)
}

/// How the main process of a unit ends under a kill of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) enum Ending {
    /// It handles SIGTERM and ends by itself, with exit code 0.
    CleanExit,
    /// It dies of SIGTERM.
    Terminated,
    /// It dies of SIGKILL.
    Killed,
}

impl Ending {
    /// As systemd lists it.
    const fn names(self) -> &'static [&'static str] {
        match self {
            Self::CleanExit => &["0", "SUCCESS"],
            Self::Terminated => &["TERM"],
            Self::Killed => &["KILL"],
        }
    }

    /// What systemd takes for success by itself: exit code 0, and SIGHUP, SIGINT, SIGTERM and SIGPIPE
    /// (systemd.service(5), SuccessExitStatus=).
    const fn is_clean(self) -> bool {
        matches!(self, Self::CleanExit | Self::Terminated)
    }
}

/// Exit codes and signals.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::cli) struct Statuses(Vec<String>);

impl Statuses {
    /// `143 SIGTERM`; `TERM` where systemctl prints it.
    pub(super) fn parse(text: &str) -> Self {
        Self(text.split_whitespace().map(|word| word.strip_prefix("SIG").unwrap_or(word).to_owned()).collect())
    }

    /// Whether it is listed.
    pub(super) fn has(&self, ending: Ending) -> bool {
        self.0.iter().any(|listed| ending.names().contains(&listed.as_str()))
    }
}

/// `Restart=`: what systemd starts a service again after.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::cli) enum Restart {
    /// Nothing.
    #[default]
    No,
    /// A clean end.
    OnSuccess,
    /// An unclean exit code or signal, a timeout, its watchdog.
    OnFailure,
    /// An unclean signal, a timeout, its watchdog.
    OnAbnormal,
    /// Its watchdog alone.
    OnWatchdog,
    /// An unclean signal alone.
    OnAbort,
    /// Any end but one that was asked of systemd.
    Always,
}

impl FromStr for Restart {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Ok(match text {
            "no" => Self::No,
            "on-success" => Self::OnSuccess,
            "on-failure" => Self::OnFailure,
            "on-abnormal" => Self::OnAbnormal,
            "on-watchdog" => Self::OnWatchdog,
            "on-abort" => Self::OnAbort,
            "always" => Self::Always,
            _ => return Err(()),
        })
    }
}

impl Restart {
    /// The word of the unit.
    pub(in crate::cli) const fn name(self) -> &'static str {
        match self {
            Self::No => "no",
            Self::OnSuccess => "on-success",
            Self::OnFailure => "on-failure",
            Self::OnAbnormal => "on-abnormal",
            Self::OnWatchdog => "on-watchdog",
            Self::OnAbort => "on-abort",
            Self::Always => "always",
        }
    }

    /// Whether it covers such an end; `called_success` if the unit lists it as a success
    /// (systemd.service(5), the table of Restart=).
    pub(super) const fn covers(self, ending: Ending, called_success: bool) -> bool {
        let clean = ending.is_clean() || called_success;
        match self {
            Self::No | Self::OnWatchdog => false,
            Self::OnSuccess => clean,
            // The endings of a kill are clean, or a signal.
            Self::OnFailure | Self::OnAbnormal | Self::OnAbort => !clean,
            Self::Always => true,
        }
    }
}
