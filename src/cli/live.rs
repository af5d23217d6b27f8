//! What is there now, without a daemon: for `once` and `check`.

use std::sync::Arc;
use std::time::Duration;

use crate::config::{Config, Threshold};
use crate::discover::{Change, Roster, Trouble, survey};
use crate::kernel;
use crate::model::{HostName, Level, Moment, Reading, Sample};
use crate::sample::Sampler;

/// How long host names are waited for.
const RESOLVE: Duration = Duration::from_secs(5);

/// The members of every target, and one sample of them.
pub(super) struct Live {
    pub(super) config: Arc<Config>,
    pub(super) roster: Roster,
    /// In the order of the roster's members.
    pub(super) sample: Sample,
    /// The host names of peers.
    pub(super) names: Vec<HostName>,
    /// Targets, by index, that this very command matches, and so would the daemon.
    pub(super) own: Vec<u16>,
    /// Why there may be more than was found.
    pub(super) trouble: Vec<Trouble>,
    /// When it was read.
    pub(super) at: Moment,
}

impl Live {
    /// Looks at the host. Our own process is nobody's member: it ends with this command.
    pub(super) fn look(config: &Config) -> Self {
        let shared = Arc::new(config.clone());
        let mut sampler = Sampler::new(Arc::clone(&shared));
        sampler.resolve_by(Arc::new(kernel::resolve), Arc::new(|| {}));
        sampler.await_names(RESOLVE);
        let mut survey = survey(config);
        let own = kernel::own_pid();
        let (ourselves, others): (Vec<_>, Vec<_>) =
            survey.found.into_iter().partition(|found| found.process.identity().pid == own);
        survey.found = others;
        let mut roster = Roster::new(config);
        let mut found: Vec<Change> = survey.found.into_iter().map(Change::Found).collect();
        let at = kernel::now();
        roster.apply(&mut found, at, &mut Vec::new());
        let sample = sampler.sample(roster.members().iter(), at).clone();
        let names = sampler.names().collect();
        let own = ourselves.iter().map(|found| found.target).collect();
        Self { config: shared, roster, sample, names, own, trouble: survey.trouble, at }
    }
}

/// The highest level whose bound the reading is at or past; how long a level asks for is not looked
/// at. None when the reading is unknown.
pub(super) fn level_of(reading: &Reading, threshold: &Threshold) -> Option<Level> {
    let value = reading.value.number()?;
    let reached = threshold.bounds.iter().filter(|(_, bound)| bound.is_some_and(|bound| value >= bound.at));
    Some(reached.map(|(level, _)| level).max().unwrap_or_default())
}
