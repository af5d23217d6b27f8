//! Where the configuration came from, and what of it is not used.

use std::path::Path;
use std::time::SystemTime;

use crate::config::{self, Problem, Problems, Severity};
use crate::export::Snapshot;
use crate::export::status::{Configuration, LastGood, SetAside};
use crate::model::printable;

/// Longest path shown.
const PATH_CHARS: usize = 300;

/// Longest problem shown.
const PROBLEM_CHARS: usize = 500;

/// Most problems of a file that are shown.
const MOST: usize = 20;

pub(super) fn of(snapshot: &Snapshot) -> Configuration {
    let config = &snapshot.config;
    let reload = snapshot.reload;
    Configuration {
        files: config.files.iter().map(|file| path(file)).collect(),
        last_reload_successful: !reload.failed,
        last_reload_success: reload.last_success.map(|at| snapshot.wall.unix_seconds(at)),
        files_set_aside: reload.set_aside,
        set_aside: config.set_aside.iter().map(set_aside).collect(),
        last_good: config.fallback.as_ref().map(|fallback| LastGood {
            kept: fallback.kept.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs_f64(),
            problems: errors(&fallback.problems),
        }),
    }
}

fn set_aside(aside: &config::SetAside) -> SetAside {
    SetAside { file: path(&aside.file), problems: errors(&aside.problems) }
}

/// `watchdog.toml:3: ...`, the first of them.
fn errors(problems: &Problems) -> Vec<String> {
    let told = |problem: &Problem| {
        let what = printable(problem.what.as_bytes(), PROBLEM_CHARS);
        format!("{}:{}: {what}", path(&problem.file), problem.line)
    };
    problems.iter().filter(|problem| problem.severity == Severity::Error).take(MOST).map(told).collect()
}

fn path(path: &Path) -> String {
    printable(path.as_os_str().as_encoded_bytes(), PATH_CHARS)
}
