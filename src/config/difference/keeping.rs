//! The facts of what is kept on disk.

use super::facts::{Facts, path};
use crate::config::{History, Incidents, Wanted, units};
use crate::model::Command;

impl Facts {
    pub(super) fn history(&mut self, history: History) {
        let History { events, samples, max_size } = history;
        self.within("[history]".to_owned(), |facts| {
            facts.time("events", events);
            facts.text("samples", samples.map_or_else(|| "off".to_owned(), |samples| samples.to_string()));
            facts.text("max_size", units::Size(max_size).to_string());
        });
    }

    pub(super) fn incidents(&mut self, incidents: Incidents) {
        let Incidents { max_count, max_size } = incidents;
        self.within("[incidents]".to_owned(), |facts| {
            facts.text("max_count", max_count.to_string());
            facts.text("max_size", units::Size(max_size).to_string());
        });
    }

    /// What the command is told is not shown: a secret may be in it.
    pub(super) fn wanted(&mut self, wanted: &Wanted) {
        let Wanted { logs, command } = wanted;
        self.text("logs", logs.iter().map(|log| path(log)).collect::<Vec<_>>().join(", "));
        if let Some(command) = command {
            let Command { argv, timeout } = &**command;
            self.within("evidence".to_owned(), |facts| facts.secret("", format!("{argv:?} {timeout:?}")));
        }
    }
}
