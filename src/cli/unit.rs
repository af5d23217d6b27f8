//! What systemd knows of a unit: asked of it where it runs, else read from the unit's files.
//!
//! What belongs here: finding out, bounded in time, and what the words of a unit mean. What does not:
//! an opinion about them (`check::lints`) and what is proposed (`init`).

mod files;
mod systemctl;
mod values;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::model::printable;

pub(super) use values::{Ending, Restart, Statuses};

/// Longest name of a unit (systemd's `UNIT_NAME_MAX`, without the 0 at its end).
const LONGEST: usize = 255;

/// Longest text of a unit that is shown.
const MOST_CHARS: usize = 200;

/// Why nothing is known of a unit.
#[derive(Debug, thiserror::Error)]
pub(super) enum UnitError {
    /// Its name cannot be one.
    #[error("{0} is no name of a unit: write it as systemctl shows it, like trader.service")]
    Name(String),
    /// Nobody has it.
    #[error("there is no unit {0} on this host: `systemctl list-units` shows those that there are")]
    Missing(String),
    /// It could not be found out.
    #[error("what systemd knows of {unit} could not be asked: {why}")]
    Silent {
        /// Its name.
        unit: String,
        /// A clause.
        why: String,
    },
}

/// Asks systemd for all properties of a unit, as `systemctl show` prints them; or says why not, in a
/// clause.
pub(super) type Ask = fn(&str) -> Result<String, String>;

/// Where units are looked up.
pub(super) struct Units {
    /// None where systemd does not run.
    ask: Option<Ask>,
    /// The folders of unit files, the strongest first.
    folders: Vec<PathBuf>,
}

impl Units {
    /// This host's.
    pub(super) fn of_host() -> Self {
        let ask: Ask = systemctl::show;
        let folders = files::FOLDERS.map(PathBuf::from).into();
        Self { ask: systemctl::is_running().then_some(ask), folders }
    }

    /// As a test has them.
    #[cfg(test)]
    pub(super) fn of(ask: Option<Ask>, folders: Vec<PathBuf>) -> Self {
        Self { ask, folders }
    }

    /// What is known of the unit of that name. Takes at most a few seconds.
    ///
    /// # Errors
    /// As [`UnitError`] says.
    pub(super) fn look(&self, name: &str) -> Result<Unit, UnitError> {
        let shown = printable(name.as_bytes(), MOST_CHARS);
        let known = |c: char| c.is_ascii_alphanumeric() || ":_.\\@-".contains(c);
        if name.len() > LONGEST || !name.contains('.') || name.starts_with(['-', '.']) || !name.chars().all(known) {
            return Err(UnitError::Name(shown));
        }
        let (told_by, properties) = match self.ask {
            Some(ask) => {
                let answer = ask(name).map_err(|why| UnitError::Silent { unit: shown.clone(), why })?;
                (ToldBy::Systemd, systemctl::properties(&answer))
            }
            None => {
                let found = files::read(&self.folders, name);
                let found = found.map_err(|why| UnitError::Silent { unit: shown.clone(), why })?;
                let (files, properties) = found.ok_or_else(|| UnitError::Missing(shown.clone()))?;
                (ToldBy::Files(files), properties)
            }
        };
        let unit = Unit { name: name.to_owned(), told_by, properties };
        // A transient unit has no file, and systemd loads a name that nobody has as "not-found".
        if unit.get("LoadState") == "not-found" { Err(UnitError::Missing(shown)) } else { Ok(unit) }
    }
}

/// The unit in a file, which systemd need not know, with the drop-ins of the folder `FILE.d`.
///
/// # Errors
/// As [`UnitError::Silent`] says.
pub(super) fn in_file(path: &Path) -> Result<Unit, UnitError> {
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    let unit = printable(name.as_bytes(), MOST_CHARS);
    let (files, properties) = files::read_one(path).map_err(|why| UnitError::Silent { unit, why })?;
    Ok(Unit { name, told_by: ToldBy::Files(files), properties })
}

/// Who told it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ToldBy {
    /// The running systemd: what holds now.
    Systemd,
    /// The unit's files, in the order in which they were read: what will hold, the defaults of
    /// systemd's own configuration aside.
    Files(Vec<PathBuf>),
}

/// A unit, by the names of its properties on the bus (org.freedesktop.systemd1(5)).
#[derive(Clone, Debug)]
pub(super) struct Unit {
    /// Its name.
    pub(super) name: String,
    /// Who told it.
    pub(super) told_by: ToldBy,
    properties: BTreeMap<String, String>,
}

impl Unit {
    /// A property as it was told; empty where it was not.
    pub(super) fn get(&self, property: &str) -> &str {
        self.properties.get(property).map_or("", String::as_str)
    }

    /// A property as it was told, even if that was empty.
    pub(super) fn told(&self, property: &str) -> Option<&str> {
        self.properties.get(property).map(String::as_str)
    }

    /// Where to write what should be different.
    pub(super) fn place(&self) -> String {
        format!("systemctl edit {}", printable(self.name.as_bytes(), MOST_CHARS))
    }

    /// `Restart=`; `no` is systemd's default.
    pub(super) fn restart(&self) -> Restart {
        self.get("Restart").parse().unwrap_or_default()
    }

    /// `RestartSec=`.
    pub(super) fn restart_after(&self) -> Duration {
        self.time("RestartUSec").unwrap_or(Duration::from_millis(100))
    }

    /// A span of time; none where it is not told, and where it is endless.
    pub(super) fn time(&self, property: &str) -> Option<Duration> {
        values::time(self.get(property))
    }

    /// A list of exit codes and signals, such as `SuccessExitStatus=`.
    pub(super) fn statuses(&self, property: &str) -> Statuses {
        Statuses::parse(self.get(property))
    }

    /// How many starts in which time systemd allows (`StartLimitBurst=`, `StartLimitIntervalSec=`); none
    /// where it allows any number.
    pub(super) fn start_limit(&self) -> Option<(u32, Duration)> {
        let told = |property: &str| !self.get(property).is_empty();
        let burst = if told("StartLimitBurst") { self.get("StartLimitBurst").parse().ok()? } else { 5 };
        let interval = "StartLimitIntervalUSec";
        let interval = if told(interval) { self.time(interval)? } else { Duration::from_secs(10) };
        (burst > 0 && !interval.is_zero()).then_some((burst, interval))
    }

    /// `WatchdogSec=`, if systemd watches it.
    pub(super) fn watchdog(&self) -> Option<Duration> {
        self.time("WatchdogUSec").filter(|span| !span.is_zero())
    }

    /// How long its last start took until its main process was there; none where that is not known.
    pub(super) fn start_took(&self) -> Option<Duration> {
        let at = |property: &str| self.get(property).parse::<u64>().ok().filter(|micros| *micros > 0);
        let (began, there) = (at("InactiveExitTimestampMonotonic")?, at("ExecMainStartTimestampMonotonic")?);
        there.checked_sub(began).map(Duration::from_micros)
    }

    /// Whether systemd starts it again when its main process ends like that.
    pub(super) fn restarts_after(&self, ending: Ending) -> bool {
        let listed = |property: &str| self.statuses(property).has(ending);
        if listed("RestartPreventExitStatus") {
            return false;
        }
        listed("RestartForceExitStatus") || self.restart().covers(ending, listed("SuccessExitStatus"))
    }
}

#[cfg(test)]
mod tests;
