//! The cidfiles of the targets, looked at in every scan.

use super::trouble::{Trouble, Troubles};
use crate::config::{Config, Container};
use crate::kernel::{Cidfile, Error};

/// One slot for each target: what its cidfile said last; none where it has none, or nobody runs.
#[derive(Debug, Default)]
pub(super) struct Cidfiles {
    files: Vec<Option<Noted>>,
}

/// The container that a cidfile names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Noted {
    pub(super) container: Container,
    /// Only root can have said so.
    pub(super) roots: bool,
}

impl Cidfiles {
    /// Reads them all; says whether one names another container than the last time.
    pub(super) fn refresh(&mut self, config: &Config, troubles: &mut Troubles) -> bool {
        let mut changed = false;
        self.files.resize(config.targets.len(), None);
        for ((index, target), last) in (0..).zip(&config.targets).zip(&mut self.files) {
            let Some(path) = &target.selector.cidfile else { continue };
            let read = match Cidfile::read(path) {
                Ok(file) => Some(Noted { container: Container::Id(file.id), roots: file.roots }),
                Err(Error::Gone) => None,
                Err(error) => {
                    troubles.note(Trouble::cidfile(index, target, error));
                    // Unknown is not "nobody": what was found stays found.
                    continue;
                }
            };
            if read != *last {
                changed = true;
                *last = read;
            }
        }
        changed
    }

    /// What the cidfile of `target` says.
    pub(super) fn of(&self, target: usize) -> Option<&Noted> {
        self.files.get(target)?.as_ref()
    }
}
