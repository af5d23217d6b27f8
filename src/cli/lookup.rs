//! Where the configuration is.

use std::path::{Path, PathBuf};

use clap::Args;

use super::Failure;
use crate::config::{self, Config, Fallback, Problems};
use crate::model::printable;
use crate::record::LastGood;

/// Where it is looked for, in this order, when nobody says where.
const PLACES: [&str; 2] = ["/etc/tradedog/watchdog.toml", "./watchdog.toml"];

/// Longest path shown.
const PATH_CHARS: usize = 300;

/// Which file.
#[derive(Args, Debug, Default)]
pub(super) struct ConfigFile {
    /// The configuration; without it /etc/tradedog/watchdog.toml, then ./watchdog.toml
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl ConfigFile {
    /// Whether one was named.
    pub(super) const fn is_given(&self) -> bool {
        self.config.is_some()
    }

    /// Reads it, or tells every problem of it.
    pub(super) fn load(&self) -> Result<Config, Failure> {
        config::load(&self.path()?).map_err(Failure::Configuration)
    }

    /// As [`load`](Self::load), for the daemon, which starts when it can: a bad drop-in is set aside alone,
    /// and by what was used last it goes on where the main file is bad, or is not there any more.
    pub(super) fn load_at_start(&self) -> Result<Config, Failure> {
        let path = match self.path() {
            Ok(path) => path,
            Err(nothing) => return fall_back_on_any(nothing),
        };
        config::load_at_start(&path).or_else(|problems| match LastGood::read(&path) {
            Ok(None) => Err(Failure::Configuration(problems)),
            Ok(Some(good)) => {
                // What has just been disarmed is not armed again by a slip elsewhere in the file.
                let mut config = fall_back(good, problems)?;
                config.daemon.dry_run |= config::says_dry_run(&path);
                Ok(config)
            }
            Err(error) => Err(Failure::NoWay { problems, why: error.to_string() }),
        })
    }

    /// With another one to read where the command line names none.
    pub(super) fn or(&self, other: Option<PathBuf>) -> Self {
        Self { config: self.config.clone().or(other) }
    }

    /// Reads it if one was named, or if there is one that can be used.
    pub(super) fn load_if_there(&self) -> Result<Option<Config>, Failure> {
        match (&self.config, self.load()) {
            (Some(_), loaded) => loaded.map(Some),
            (None, loaded) => Ok(loaded.ok()),
        }
    }

    fn path(&self) -> Result<PathBuf, Failure> {
        self.config.as_ref().map_or_else(|| first_of(&PLACES), |path| Ok(path.clone()))
    }
}

fn first_of(places: &[&str]) -> Result<PathBuf, Failure> {
    // A file that is there and cannot be read is the one that was meant: load says why not.
    let there = |place: &&&str| Path::new(place).try_exists().unwrap_or(true);
    places.iter().find(there).map(PathBuf::from).ok_or_else(|| {
        Failure::usage(format!(
            "there is no configuration: neither is there {}, nor was one named by --config FILE",
            places.join(" or ")
        ))
    })
}

/// There is no file where one is looked for: perhaps there was one.
fn fall_back_on_any(nothing: Failure) -> Result<Config, Failure> {
    let was_there = |place: &&&str| matches!(LastGood::read(Path::new(place)), Ok(Some(_)));
    let Some(place) = PLACES.iter().find(was_there) else { return Err(nothing) };
    ConfigFile { config: Some(place.into()) }.load_at_start()
}

fn fall_back(good: LastGood, problems: Problems) -> Result<Config, Failure> {
    match config::parse(good.sources) {
        Ok(config) => Ok(Config { fallback: Some(Fallback { problems, kept: good.kept }), ..config }),
        Err(worse) => {
            let count = worse.len();
            let what = worse.iter().map(|problem| problem.what.as_str()).next().unwrap_or_default();
            let why = format!("this version of tradedog finds {count} problems in the last good configuration: {what}");
            Err(Failure::NoWay { problems, why })
        }
    }
}

/// A path, fit to be printed.
pub(super) fn shown(path: &Path) -> String {
    printable(path.as_os_str().as_encoded_bytes(), PATH_CHARS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_place_wins_and_all_are_named_when_none_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        let (first, second) = (place("a.toml"), place("b.toml"));
        let Err(Failure::Usage(error)) = first_of(&[&first, &second]) else { panic!("there is neither") };
        let said = error.to_string();
        assert!(said.contains("--config") && said.contains(&first) && said.contains(&second), "{said}");
        for (path, found) in [(&second, &second), (&first, &first)] {
            std::os::unix::fs::symlink("/dev/null", path).unwrap();
            assert_eq!(first_of(&[&first, &second]).unwrap(), Path::new(found));
        }
    }
}
