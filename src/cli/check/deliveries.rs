//! What the measures of a target rest on outside of its processes: programs and files with tokens.
//! Nothing is started and nobody is asked.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use rustix::fs::{Access, AtFlags, CWD, FileType, Mode, Stat, accessat, stat};
use rustix::io::Errno;

use super::Report;
use crate::cli::lookup::shown;
use crate::config::{Action, Target};
use crate::model::Measure;

/// A file that a measure needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Need<'a> {
    /// To be executed.
    Program(&'a Path),
    /// To be read, by nobody else.
    Token(&'a Path),
}

/// Tells what is missing; each file once, however many actions need it.
pub(super) fn tell(target: &Target, report: &mut Report<'_>) -> io::Result<()> {
    let mut seen = BTreeSet::new();
    for (action, need) in target.actions.iter().flat_map(needs) {
        if seen.insert(need)
            && let Some(wrong) = need.wrong()
        {
            report.warn("  ", format!("{} ({}): {wrong}", need.key(), action.name))?;
        }
    }
    Ok(())
}

/// The files of an action and of its undo.
fn needs(action: &Action) -> impl Iterator<Item = (&Action, Need<'_>)> {
    let needs = action.measures().filter_map(|measure| match measure {
        Measure::Command(command) => command.argv.first().map(|program| Need::Program(Path::new(program))),
        Measure::Http(http) => http.bearer_file.as_deref().map(Need::Token),
        Measure::Signal { .. } | Measure::Kill { .. } | Measure::Freeze { .. } | Measure::Thaw { .. } => None,
    });
    needs.map(move |need| (action, need))
}

impl Need<'_> {
    /// The key that names it.
    const fn key(&self) -> &'static str {
        match self {
            Self::Program(_) => "command",
            Self::Token(_) => "bearer_file",
        }
    }

    /// What is wrong with it, if anything is.
    fn wrong(&self) -> Option<String> {
        let (path, wrong) = match self {
            Self::Program(path) => (path, program(path)),
            Self::Token(path) => (path, token(path)),
        };
        wrong.map(|wrong| format!("{} {wrong}", shown(path)))
    }
}

fn program(path: &Path) -> Option<String> {
    let found = match file(path) {
        Ok(found) => found,
        Err(wrong) => return Some(wrong),
    };
    if accessat(CWD, path, Access::EXEC_OK, AtFlags::EACCESS).is_err() {
        return Some("may not be executed: let the daemon's user execute it (chmod a+x)".into());
    }
    let mode = Mode::from_raw_mode(found.st_mode);
    mode.intersects(Mode::WGRP | Mode::WOTH).then(|| {
        format!(
            "may be written by others than its owner (mode {:04o}), and is run by tradedog: chmod go-w",
            mode.bits()
        )
    })
}

fn token(path: &Path) -> Option<String> {
    let found = match file(path) {
        Ok(found) => found,
        Err(wrong) => return Some(wrong),
    };
    if accessat(CWD, path, Access::READ_OK, AtFlags::EACCESS).is_err() {
        return Some("may not be read: let the daemon's user read it, and nobody else".into());
    }
    if found.st_size == 0 {
        return Some("is empty: no token would be sent".into());
    }
    let mode = Mode::from_raw_mode(found.st_mode);
    let open = mode.intersects(Mode::RWXO) || mode.intersects(Mode::WGRP);
    open.then(|| format!("is open to others (mode {:04o}), and holds a secret: chmod g-w,o-rwx", mode.bits()))
}

/// A file that is there.
fn file(path: &Path) -> Result<Stat, String> {
    match stat(path) {
        Ok(found) if FileType::from_raw_mode(found.st_mode) == FileType::RegularFile => Ok(found),
        Ok(_) => Err("is not a file".into()),
        Err(Errno::NOENT | Errno::NOTDIR) => Err("is not there: correct the path, or put it there".into()),
        Err(Errno::ACCESS) => Err("is out of reach: let the daemon's user into the folders above it".into()),
        Err(error) => Err(format!("cannot be looked at: {error}")),
    }
}
