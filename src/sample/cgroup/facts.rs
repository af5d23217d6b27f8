//! What was last read of one cgroup, each file by itself.

use std::time::Duration;

use crate::kernel::Error;
use crate::kernel::cgroup_memory::{MemoryGroup, MemoryStat};
use crate::model::Moment;
use crate::sample::fault::Fault;
use crate::sample::seldom::{Seldom, Turn};

/// When something is read anew.
#[derive(Clone, Copy, Debug)]
pub(super) struct When {
    /// What was read in this very round is not read again.
    pub(super) round: u32,
    pub(super) now: Moment,
    /// What is younger than that need not be read.
    pub(super) every: Duration,
    /// The same for what hardly changes.
    pub(super) seldom: Duration,
    /// Nothing remembered counts.
    pub(super) anew: bool,
}

/// One of its files. The inner none is what is not kept account of.
#[derive(Clone, Copy, Debug)]
struct Fact<T> {
    /// The round that it was last read in.
    round: Option<u32>,
    known: Seldom<T>,
}

impl<T: Copy> Fact<T> {
    const UNREAD: Self = Self { round: None, known: Seldom::UNREAD };

    fn get(
        &mut self,
        (when, place): (When, usize),
        read: impl FnOnce() -> Result<Option<T>, Error>,
    ) -> Result<Option<T>, Fault> {
        let Self { round, known } = self;
        if when.anew && *round != Some(when.round) {
            *known = Seldom::UNREAD;
        }
        let value = if *round == Some(when.round) {
            known.value()
        } else {
            known.refresh(Turn::once_in(when.every, when.now, place), || {
                *round = Some(when.round);
                read()?.ok_or(Fault::UNSUPPORTED)
            })
        };
        match value {
            Err(fault) if fault.reason == Fault::UNSUPPORTED.reason => Ok(None),
            value => value.map(Some),
        }
    }
}

/// What was last read of one cgroup.
#[derive(Debug)]
pub(super) struct Facts {
    files: MemoryGroup,
    /// Its place among all groups, for [`Turn`].
    place: usize,
    current: Fact<u64>,
    stat: Fact<MemoryStat>,
    limit: Fact<Option<u64>>,
    swap: Fact<u64>,
    pressure: Fact<f64>,
}

impl Facts {
    pub(super) const fn new(files: MemoryGroup, place: usize) -> Self {
        Self {
            files,
            place,
            current: Fact::UNREAD,
            stat: Fact::UNREAD,
            limit: Fact::UNREAD,
            swap: Fact::UNREAD,
            pressure: Fact::UNREAD,
        }
    }

    /// Whether memory was last seen to be kept account of here.
    pub(super) const fn is_account(&self) -> bool {
        self.current.known.value().is_ok()
    }

    pub(super) fn current(&mut self, when: When, buffer: &mut Vec<u8>) -> Result<Option<u64>, Fault> {
        self.current.get((when, self.place), || self.files.current(buffer))
    }

    /// Memory without the page cache that was not used lately.
    pub(super) fn working_set(&mut self, when: When, buffer: &mut Vec<u8>) -> Result<Option<u64>, Fault> {
        let (stat, current) =
            (self.stat.get((when, self.place), || self.files.stat(buffer))?, self.current(when, buffer)?);
        Ok(stat.zip(current).map(|(stat, current)| stat.working_set(current)))
    }

    pub(super) fn limit(&mut self, when: When, buffer: &mut Vec<u8>) -> Result<Option<u64>, Fault> {
        self.limit.get((when, self.place), || self.files.limit(buffer)).map(Option::flatten)
    }

    pub(super) fn swap(&mut self, when: When, buffer: &mut Vec<u8>) -> Result<Option<u64>, Fault> {
        self.swap.get((when, self.place), || self.files.swap(buffer))
    }

    pub(super) fn pressure(&mut self, when: When, buffer: &mut Vec<u8>) -> Result<Option<f64>, Fault> {
        self.pressure.get((when, self.place), || self.files.pressure(buffer))
    }
}
