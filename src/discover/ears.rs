//! How discovery learns of processes: by the kernel's events, or by scans alone.

use std::fmt;
use std::os::fd::BorrowedFd;

use std::os::fd::AsFd as _;

use super::news::News;
use crate::kernel::Proc;
use crate::kernel::proc_events::{Deaf, Drained, ProcEvent, ProcEvents};

/// How new processes are noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// The kernel tells of each.
    Events,
    /// They are looked for, for this reason.
    Scans(Deaf),
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Events => f.write_str("discovery: by the kernel's events"),
            Self::Scans(why) => write!(f, "discovery: by scans of /proc alone: {why}"),
        }
    }
}

impl Way {
    /// What it would be for a daemon with the rights of this thread.
    pub fn tried() -> Self {
        let proc = Proc::live().map_err(|_| Deaf::Namespace);
        proc.and_then(|proc| ProcEvents::listen(&proc)).map_or_else(Self::Scans, |_| Self::Events)
    }
}

/// Whom the scanner hears: the kernel, or a test.
pub(super) trait Hear: Send {
    /// All that happened since the last call; never waits.
    fn drain(&mut self, visit: &mut dyn FnMut(ProcEvent)) -> Result<Drained, Deaf>;
    /// Makes an event of our own, without which the next drain fails.
    fn call(&mut self) -> Result<(), Deaf>;
    /// Begins anew after a failure; what happened in between is lost.
    fn renew(&mut self, proc: &Proc) -> Result<(), Deaf>;
    /// Can be read when something happened; none where that shows in a drain alone.
    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        None
    }
}

impl Hear for ProcEvents {
    fn drain(&mut self, visit: &mut dyn FnMut(ProcEvent)) -> Result<Drained, Deaf> {
        self.drain(visit)
    }

    fn call(&mut self) -> Result<(), Deaf> {
        self.call()
    }

    fn renew(&mut self, proc: &Proc) -> Result<(), Deaf> {
        *self = Self::listen(proc)?;
        Ok(())
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        Some(self.as_fd())
    }
}

/// The ears of a scanner; without any it only looks.
#[derive(Default)]
pub(super) struct Ears {
    source: Option<Box<dyn Hear>>,
    /// What there is to be said of it.
    news: Option<Way>,
}

impl Ears {
    /// Those of a thread that is to listen for good.
    pub(super) fn of_kernel(proc: &Proc) -> Self {
        match ProcEvents::listen(proc) {
            Ok(events) => Self::over(Box::new(events)),
            Err(why) => Self { source: None, news: Some(Way::Scans(why)) },
        }
    }

    pub(super) fn over(source: Box<dyn Hear>) -> Self {
        Self { source: Some(source), news: Some(Way::Events) }
    }

    /// Can be read when there is something to hear; none where only a round shows it.
    pub(super) fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.source.as_ref()?.descriptor()
    }

    /// Which way discovery works, where that was not said yet.
    pub(super) fn way(&mut self) -> Option<Way> {
        self.news.take()
    }

    /// What happened since the last round; none where nothing is heard.
    pub(super) fn hear(&mut self, proc: &Proc, news: &mut News) -> Option<Drained> {
        let source = self.source.as_mut()?;
        let error = match source.drain(&mut |event| news.take(event)) {
            Ok(drained) => return Some(drained),
            Err(error) => error,
        };
        if source.renew(proc).is_ok() {
            return Some(Drained { lost: true, crowded: false });
        }
        self.source = None;
        self.news = Some(Way::Scans(error));
        None
    }

    /// Sees to it that a source that falls silent is noticed in the next round.
    pub(super) fn test(&mut self) {
        if let Some(Err(why)) = self.source.as_mut().map(|source| source.call()) {
            self.source = None;
            self.news = Some(Way::Scans(why));
        }
    }
}
