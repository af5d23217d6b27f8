//! What is there now, without a daemon: for `once` and `check`.

use std::sync::Arc;

use crate::config::{Config, Threshold};
use crate::discover::{Change, Roster, Trouble, survey};
use crate::kernel;
use crate::model::{Level, Moment, Reading, Sample};
use crate::sample::Sampler;

/// The members of every target, and one sample of them.
pub(super) struct Live {
    pub(super) roster: Roster,
    /// In the order of the roster's members.
    pub(super) sample: Sample,
    /// Why there may be more than was found.
    pub(super) trouble: Vec<Trouble>,
    /// When it was read.
    pub(super) at: Moment,
}

impl Live {
    /// Looks at the host. A process of our own is nobody's: it ends with this command.
    pub(super) fn look(config: &Config) -> Self {
        let mut survey = survey(config);
        let own = kernel::own_pid();
        survey.found.retain(|found| found.process.identity().pid != own);
        let mut roster = Roster::new(config);
        let mut found: Vec<Change> = survey.found.into_iter().map(Change::Found).collect();
        let at = kernel::now();
        roster.apply(&mut found, at, &mut Vec::new());
        let sample = Sampler::new(Arc::new(config.clone())).sample(roster.members().iter(), at).clone();
        Self { roster, sample, trouble: survey.trouble, at }
    }
}

/// The highest level whose bound the reading is at or past; how long a level asks for is not looked
/// at. None when the reading is unknown.
pub(super) fn level_of(reading: &Reading, threshold: &Threshold) -> Option<Level> {
    let value = reading.value.number()?;
    let reached = threshold.bounds.iter().filter(|(_, bound)| bound.is_some_and(|bound| value >= bound.at));
    Some(reached.map(|(level, _)| level).max().unwrap_or_default())
}
