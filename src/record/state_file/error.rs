//! Why there is nothing to remember, in sentences for the log.

use std::fmt;
use std::io;
use std::path::PathBuf;

use super::super::folders::shown;
use crate::model::Pid;

/// Why the state file is not to be had, or not to be believed.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// Another daemon keeps its state in this folder.
    #[error("another tradedog{} uses {}: stop it, or set RUNTIME_DIRECTORY to another folder", holder(*pid), shown(folder))]
    Held {
        /// Which folder.
        folder: PathBuf,
        /// Who holds it, where that is known.
        pid: Option<Pid>,
    },
    /// The folder itself will not do.
    #[error("the runtime directory {} {why}: set RUNTIME_DIRECTORY to a folder of the daemon's own", shown(folder))]
    Folder {
        /// Which.
        folder: PathBuf,
        /// What is wrong with it, in words that follow its name.
        why: String,
    },
    /// The file is there and could not be read. It may be good.
    #[error("{} cannot be read: {error}{aside}{FORGOTTEN}", shown(path))]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
        /// Where it is now.
        aside: Aside,
    },
    /// The host was started anew since: nothing in it concerns a process that lives. Untouched.
    #[error("{} is from before the host was restarted: nothing of it holds any more", shown(path))]
    OtherBoot {
        /// The file.
        path: PathBuf,
    },
    /// It is not what a daemon has written.
    #[error("{} is damaged ({why}){aside}{FORGOTTEN}", shown(path))]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What shows it.
        why: String,
        /// Where it is now.
        aside: Aside,
    },
    /// A daemon of another version has written it.
    #[error("{} was written by another version of tradedog (format {version}){aside}{FORGOTTEN}", shown(path))]
    OtherVersion {
        /// The file.
        path: PathBuf,
        /// The version of its format.
        version: u32,
        /// Where it is now.
        aside: Aside,
    },
    /// Somebody else may have written it.
    #[error("{} is not believed: it {why}{aside}{FORGOTTEN}", shown(path))]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, in words that follow its name.
        why: String,
        /// Where it is now.
        aside: Aside,
    },
}

/// What is lost with it.
const FORGOTTEN: &str = "; measures that were in force are forgotten: see whether something was left paused or stopped";

/// What became of a file that is not believed.
#[derive(Debug)]
pub enum Aside {
    /// It stays where it was: whoever looked was not to change anything.
    Left,
    /// It is kept there.
    Kept(PathBuf),
    /// It could not be moved.
    Failed(io::Error),
}

impl fmt::Display for Aside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Left => Ok(()),
            Self::Kept(path) => write!(f, "; it is kept as {}", shown(path)),
            Self::Failed(error) => write!(f, "; it could not be moved aside: {error}"),
        }
    }
}

fn holder(pid: Option<Pid>) -> String {
    pid.map(|pid| format!(" (pid {pid})")).unwrap_or_default()
}
