//! One process while it is matched: each of its files is read at most once, and only when asked for.

use crate::kernel::{Entry, Error, Stat, Status};

/// What was read of one process so far.
pub(super) struct View<'a> {
    entry: &'a Entry,
    buffer: &'a mut Vec<u8>,
    /// Read by whoever made the view.
    pub(super) stat: Stat,
    status: Option<Result<Status, Error>>,
    cgroups: Option<Result<Vec<Vec<u8>>, Error>>,
    exe: Option<Result<Vec<u8>, Error>>,
}

impl<'a> View<'a> {
    pub(super) fn new(entry: &'a Entry, buffer: &'a mut Vec<u8>) -> Result<Self, Error> {
        let stat = entry.stat(buffer)?;
        Ok(Self { entry, buffer, stat, status: None, cgroups: None, exe: None })
    }

    pub(super) fn status(&mut self) -> Result<Status, Error> {
        *self.status.get_or_insert_with(|| self.entry.status(self.buffer))
    }

    /// Its paths in the cgroup trees: one, two or none.
    pub(super) fn cgroups(&mut self) -> Result<&[Vec<u8>], Error> {
        let read = || {
            let cgroups = self.entry.cgroups(self.buffer)?;
            Ok(cgroups.paths().map(<[u8]>::to_vec).collect())
        };
        self.cgroups.get_or_insert_with(read).as_deref().map_err(|error| *error)
    }

    /// The path of its program, without what the kernel adds when that was replaced since.
    pub(super) fn exe(&mut self) -> Result<&[u8], Error> {
        let read = || {
            let path = self.entry.exe(self.buffer)?;
            Ok(path.strip_suffix(b" (deleted)").unwrap_or(path).to_vec())
        };
        self.exe.get_or_insert_with(read).as_deref().map_err(|error| *error)
    }

    /// Its arguments, joined by blanks. Read anew each time it is asked: ask once.
    pub(super) fn arguments(&mut self) -> Result<&[u8], Error> {
        self.entry.cmdline(self.buffer)?;
        while self.buffer.last() == Some(&0) {
            self.buffer.pop();
        }
        self.buffer.iter_mut().filter(|byte| **byte == 0).for_each(|byte| *byte = b' ');
        Ok(self.buffer)
    }
}
