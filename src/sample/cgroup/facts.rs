//! What was last read of one cgroup, each file by itself.

use std::time::Duration;

use crate::kernel::Error;
use crate::kernel::cgroup_memory::{MemoryGroup, MemoryStat};
use crate::model::Moment;
use crate::sample::fault::Fault;

/// When something is read anew.
#[derive(Clone, Copy, Debug)]
pub(super) struct When {
    /// What was read in this very round is not read again.
    pub(super) round: u32,
    pub(super) now: Moment,
    /// What is younger than that need not be read.
    pub(super) every: Duration,
}

/// One of its files. The inner none is what is not kept account of.
#[derive(Clone, Copy, Debug)]
struct Fact<T> {
    read: Option<(u32, Moment)>,
    value: Result<Option<T>, Fault>,
}

impl<T: Copy> Fact<T> {
    const UNREAD: Self = Self { read: None, value: Err(Fault::FIRST) };

    fn get(&mut self, when: When, read: impl FnOnce() -> Result<Option<T>, Error>) -> Result<Option<T>, Fault> {
        let known = |(round, at): (u32, Moment)| {
            round == when.round || (!when.every.is_zero() && when.now.since(at) < when.every)
        };
        if !self.read.is_some_and(known) {
            (self.read, self.value) = (Some((when.round, when.now)), read().map_err(Fault::from));
        }
        self.value
    }
}

/// What was last read of one cgroup.
#[derive(Debug)]
pub(super) struct Facts {
    files: MemoryGroup,
    current: Fact<u64>,
    stat: Fact<MemoryStat>,
    limit: Fact<Option<u64>>,
    swap: Fact<u64>,
    pressure: Fact<f64>,
}

impl Facts {
    pub(super) const fn new(files: MemoryGroup) -> Self {
        Self {
            files,
            current: Fact::UNREAD,
            stat: Fact::UNREAD,
            limit: Fact::UNREAD,
            swap: Fact::UNREAD,
            pressure: Fact::UNREAD,
        }
    }

    /// Whether memory was last seen to be kept account of here.
    pub(super) const fn is_account(&self) -> bool {
        matches!(self.current.value, Ok(Some(_)))
    }

    pub(super) fn current(&mut self, when: When, buffer: &mut Vec<u8>) -> Result<Option<u64>, Fault> {
        self.current.get(when, || self.files.current(buffer))
    }

    /// Memory without the page cache that was not used lately.
    pub(super) fn working_set(&mut self, when: When, buffer: &mut Vec<u8>) -> Result<Option<u64>, Fault> {
        let (stat, current) = (self.stat.get(when, || self.files.stat(buffer))?, self.current(when, buffer)?);
        Ok(stat.zip(current).map(|(stat, current)| stat.working_set(current)))
    }

    pub(super) fn limit(&mut self, when: When, buffer: &mut Vec<u8>) -> Result<Option<u64>, Fault> {
        self.limit.get(when, || self.files.limit(buffer)).map(Option::flatten)
    }

    pub(super) fn swap(&mut self, when: When, buffer: &mut Vec<u8>) -> Result<Option<u64>, Fault> {
        self.swap.get(when, || self.files.swap(buffer))
    }

    pub(super) fn pressure(&mut self, when: When, buffer: &mut Vec<u8>) -> Result<Option<f64>, Fault> {
        self.pressure.get(when, || self.files.pressure(buffer))
    }
}
