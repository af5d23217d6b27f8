//! Writing the state file: before a measure is taken, and when anything else has changed.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::Watch;
use crate::model::{BootId, Memory, Moment, PastMemory};
use crate::record::{StateError, StateFile, runtime_directory};

/// What is not urgent is written no more often than this, and a write that failed is tried again.
const PAUSE: Duration = Duration::from_secs(1);
/// How metrics went is told anew so often: a daemon that is killed leaves a gap of that much in its forecasts.
const PASTS: Duration = Duration::from_secs(300);

/// The state file, and how it does.
#[derive(Debug)]
pub(super) struct Remembering {
    file: Option<StateFile>,
    folder: Option<PathBuf>,
    /// When it was last tried to write.
    tried: Option<Moment>,
    /// Something has changed since, or could not be written.
    pending: bool,
    /// Why the last write failed, as it was told.
    failing: Option<String>,
    /// Why nothing is remembered, as a sentence; none while it is.
    trouble: Option<String>,
    /// How metrics went, as it was told last: written with everything else, worked out now and then.
    pasts: Arc<Vec<PastMemory>>,
    /// When that was.
    looked_back: Option<Moment>,
}

impl Remembering {
    /// Opens the runtime directory and reads what an earlier daemon left there. What cannot be used is
    /// told in the sentences returned; without a folder nothing is remembered.
    ///
    /// # Errors
    /// [`StateError::Held`]: another daemon is at work there.
    pub(super) fn open(boot: BootId) -> Result<(Self, Option<Memory>, Vec<String>), StateError> {
        let mut this = Self {
            file: None,
            folder: None,
            tried: None,
            pending: false,
            failing: None,
            trouble: None,
            pasts: Arc::default(),
            looked_back: None,
        };
        let folder = match runtime_directory() {
            Ok(folder) => folder,
            Err(error) => return Ok(this.without(&error)),
        };
        let file = match StateFile::open(&folder) {
            Ok(file) => file,
            Err(held @ StateError::Held { .. }) => return Err(held),
            Err(error) => return Ok(this.without(&error)),
        };
        let (memory, complaints) = match file.read(boot) {
            Ok(memory) => (memory, Vec::new()),
            // Every reboot is one: nothing to shout about.
            Err(StateError::OtherBoot { .. }) => (None, Vec::new()),
            Err(error) => (None, vec![error.to_string()]),
        };
        this.file = Some(file);
        this.folder = Some(folder);
        Ok((this, memory, complaints))
    }

    /// Nothing can be remembered.
    fn without(mut self, error: &dyn std::error::Error) -> (Self, Option<Memory>, Vec<String>) {
        let told = format!("{error}; until then nothing is remembered over a restart, and freezes and kills are held");
        self.trouble = Some(told.clone());
        (self, None, vec![told])
    }

    /// Why nothing is remembered, as a sentence; none while it is.
    pub(super) fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }

    /// The runtime directory, if there is one.
    pub(super) fn folder(&self) -> Option<&Path> {
        self.folder.as_deref()
    }

    /// When the next write is due, if one is.
    pub(super) fn next_write(&self) -> Option<Moment> {
        self.tried.filter(|_| self.pending).map(|tried| tried + PAUSE)
    }
}

impl Watch {
    /// Writes what has changed, not more often than need be.
    pub(super) fn remember_changes(&mut self, now: Moment) {
        self.look_back(now);
        self.remembering.pending |= self.state.take_changed();
        let due = self.remembering.tried.is_none_or(|tried| now >= tried + PAUSE);
        if self.remembering.pending && due {
            self.remember(now);
            self.reserve.refill();
        }
    }

    /// The same with how metrics went until now, for the next daemon.
    pub(super) fn remember_all(&mut self, now: Moment) {
        self.remembering.looked_back = None;
        self.look_back(now);
        self.remember(now);
    }

    /// Works out how metrics went, when it is time for that.
    fn look_back(&mut self, now: Moment) {
        let due = self.remembering.looked_back.is_none_or(|looked| now >= looked + PASTS);
        if !due || self.remembering.file.is_none() {
            return;
        }
        self.remembering.looked_back = Some(now);
        let pasts = self.state.pasts();
        self.remembering.pending |= !pasts.is_empty();
        self.remembering.pasts = Arc::new(pasts);
    }

    /// Writes the state file now; whether what is in force is remembered.
    pub(super) fn remember(&mut self, now: Moment) -> bool {
        self.remembering.tried = Some(now);
        self.state.take_changed();
        let mut memory = self.state.memory_with(Arc::clone(&self.remembering.pasts));
        self.incidents.correct(&mut memory);
        self.reserve.lend();
        let written = match &mut self.remembering.file {
            Some(file) => file.write(&memory).map_err(|error| error.to_string()),
            None => Err(String::new()),
        };
        let remembered = written.is_ok();
        self.remembering.pending = !remembered && self.remembering.file.is_some();
        self.state.set_remembering(remembered);
        self.tell_remembering(written.err());
        remembered
    }

    /// Says when it begins to fail, and when it works again.
    fn tell_remembering(&mut self, failure: Option<String>) {
        let before = std::mem::replace(&mut self.remembering.failing, failure.clone());
        match (before, failure) {
            (None, Some(why)) if !why.is_empty() => {
                let folder = self.remembering.folder.as_deref().unwrap_or(Path::new("?")).display();
                let told = format!(
                    "the state file in {folder} cannot be written: {why}; until it can, freezes and kills are held"
                );
                self.remembering.trouble = Some(told.clone());
                self.warn(told);
            }
            (Some(why), None) if !why.is_empty() => {
                self.remembering.trouble = None;
                self.say("the state file is written again".to_owned());
            }
            (None | Some(_), None | Some(_)) => {}
        }
    }
}
