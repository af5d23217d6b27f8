//! What is kept of the configuration for the next start, and what is said of a start for which not
//! every file was good.

use std::sync::Arc;
use std::thread;

use super::Watch;
use super::reload::Reload;
use crate::config::{Config, Fallback, Problems, SetAside, Severity};
use crate::kernel;
use crate::model::printable;
use crate::record::{LastGood, show_duration};

/// The errors of a file that get a line of the log each.
const MOST_LINES: usize = 20;

/// Longest path shown.
const PATH_CHARS: usize = 300;

impl Reload {
    /// Keeps the files for the next start, if all of them are good. Another thread waits for the disk; it
    /// tells only of failure.
    pub(super) fn keep(&self, config: &Arc<Config>) {
        if config.fallback.is_some() || !config.set_aside.is_empty() {
            return;
        }
        let (config, tell) = (Arc::clone(config), self.teller());
        let work = move || {
            if let Err(why) = LastGood::keep(config.sources()) {
                tell(why);
            }
        };
        // Without a thread the last ones stay; the next reload tries again.
        let _ = thread::Builder::new().name("keep".to_owned()).spawn(work);
    }
}

impl Watch {
    /// Says by which files it was started, where not by all that are there.
    pub(super) fn tell_shortfall(&mut self) {
        let config = Arc::clone(&self.config);
        if let Some(Fallback { problems, kept }) = &config.fallback {
            let age = kernel::wall_now().duration_since(*kept).unwrap_or_default();
            let age = show_duration(std::time::Duration::from_secs(age.as_secs()));
            let armed = if config.daemon.dry_run { "in dry run" } else { "and measures ARE taken" };
            self.warn(format!(
                "the configuration cannot be used; by the last good one, of {age} ago, all goes on, {armed}: correct it, \
                 then tradedog reload"
            ));
            self.tell_errors(problems);
        }
        for SetAside { file, problems } in &config.set_aside {
            let file = printable(file.as_os_str().as_encoded_bytes(), PATH_CHARS);
            self.warn(format!(
                "{file} is set aside, and its targets are not watched: correct it, then tradedog reload"
            ));
            self.tell_errors(problems);
        }
    }

    /// A line each, for as many as a log bears.
    pub(super) fn tell_errors(&mut self, problems: &Problems) {
        let errors = || problems.iter().filter(|problem| problem.severity == Severity::Error);
        for problem in errors().take(MOST_LINES) {
            let help = problem.help.as_deref().map_or_else(String::new, |help| format!(": {help}"));
            self.warn(format!("{}:{}: {}{help}", problem.file.display(), problem.line, problem.what));
        }
        let more = errors().count().saturating_sub(MOST_LINES);
        if more > 0 {
            self.warn(format!("and {more} more errors: tradedog check shows them"));
        }
    }
}
