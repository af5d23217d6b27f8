//! A list that is made anew over the one before: most often it is the same, in the same order, and then nothing
//! of it is written.

use super::DumpError;
use super::wire::{Message, Socket};

/// A list in the making.
pub(super) struct List<'a> {
    sockets: &'a mut Vec<Socket>,
    /// So many of them are of the new one.
    made: usize,
    same: bool,
}

impl<'a> List<'a> {
    /// Nothing yet of the list that follows on the one in `sockets`.
    pub(super) const fn over(sockets: &'a mut Vec<Socket>) -> Self {
        Self { sockets, made: 0, same: true }
    }

    /// Takes in the next socket, if this program knows its like.
    pub(super) fn take(&mut self, message: &Message<'_>) -> Result<(), DumpError> {
        let before = self.sockets.get_mut(self.made);
        if before.as_ref().is_some_and(|before| message.is_known(before)) {
            self.made += 1;
            return Ok(());
        }
        let Some(socket) = message.socket()? else { return Ok(()) };
        match before {
            Some(before) => *before = socket,
            None => self.sockets.push(socket),
        }
        self.made += 1;
        self.same = false;
        Ok(())
    }

    /// That was all. Whether it is what was there before.
    pub(super) fn end(self) -> bool {
        let same = self.same && self.made == self.sockets.len();
        self.sockets.truncate(self.made);
        same
    }
}
