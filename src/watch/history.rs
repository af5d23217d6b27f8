//! What the history has to say: to the log, to readiness, to the snapshot.

use std::time::Duration;

use super::Watch;
use crate::config::Config;
use crate::export::Snapshot;
use crate::kernel;
use crate::model::Moment;
use crate::record::Recorder;
use crate::record::history::{History, HistoryWriter, Limits, Place, Standing};

/// A disk that takes longer for one write is told of.
const HANGS: Duration = Duration::from_secs(10);

/// Starts the thread that keeps what happened.
pub(super) fn start(config: &Config) -> std::io::Result<(HistoryWriter, History)> {
    HistoryWriter::start(Place::State, Limits::of(&config.history), || (kernel::now(), kernel::wall_now()))
}

impl Watch {
    /// What happened to the history goes into the log.
    pub(super) fn hear_history(&mut self) {
        while let Some((text, bad)) = self.recorder.history().and_then(History::news) {
            if bad { self.warn(text) } else { self.say(text) }
        }
    }
}

/// How it stands.
pub(super) fn show(snapshot: &mut Snapshot, recorder: &Recorder, now: Moment) {
    let Some(standing) = recorder.history().map(History::standing) else { return };
    snapshot.history = Some(standing.figures());
    snapshot.not_ready.extend(lost(standing, now));
}

/// Why what happens is not kept, as a sentence; none while it is.
fn lost(standing: &Standing, now: Moment) -> Option<String> {
    if let Some(trouble) = standing.trouble() {
        return Some(trouble);
    }
    let since = standing.busy_since()?;
    let hung = now.since(Moment::from_nanos(since));
    (hung > HANGS).then(|| {
        format!("the history cannot be written: the disk has not answered for {}s; decisions go on", hung.as_secs())
    })
}
