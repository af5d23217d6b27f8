//! The dump of a pass: what the kernel lists, and who listens for what waits in it; or the dump before, where
//! that still stands. It is kept from pass to pass, for most often it is the same.
//!
//! What does not belong here: whose the sockets are (`attribution`), and counting them.

use super::CLOSE_WAIT;
use super::queue::{self, Queue};
use super::still::Still;
use crate::kernel::sock_diag::{DumpError, SockDiag, Socket, States, TcpState};
use crate::model::Moment;

/// The last dump.
#[derive(Default)]
pub(super) struct Dump {
    pub(super) diag: SockDiag,
    pub(super) sockets: Vec<Socket>,
    /// Those in TIME_WAIT, which nobody holds: they are the host's.
    pub(super) time_wait: Vec<Socket>,
    pub(super) queue: Queue,
    /// Whether a socket in it waits to be accepted.
    pub(super) waits: bool,
    /// All sockets in these states are in it.
    listed: States,
    still: Still,
}

impl Dump {
    /// There is none of this pass.
    pub(super) fn clear(&mut self) {
        self.sockets.clear();
        self.still.forget();
    }

    /// Has the kernel list all sockets in the states `listed`; where nothing has moved since the last dump, that
    /// one stands. Whether it is the same as before, in the same order.
    ///
    /// # Errors
    /// As [`SockDiag::dump`].
    pub(super) fn take(&mut self, now: Moment, listed: States) -> Result<bool, DumpError> {
        let before = std::mem::replace(&mut self.listed, listed);
        self.time_wait.clear();
        let may_stand = listed == CLOSE_WAIT && !self.diag.is_slow();
        if may_stand && self.still.stands(now) {
            if before != listed {
                self.sockets.retain(|socket| socket.state == TcpState::CloseWait);
            }
            return Ok(before == listed);
        }
        self.still.forget();
        let same = self.diag.dump(listed, &mut self.sockets)?;
        if !same {
            self.waits = self.sockets.iter().any(queue::waits);
        }
        self.still.keep(now, (listed, self.waits));
        if listed.has(TcpState::TimeWait) {
            let in_time_wait = |socket: &mut Socket| socket.state == TcpState::TimeWait;
            self.time_wait.extend(self.sockets.extract_if(.., in_time_wait));
        }
        if self.waits {
            self.queue.list(&mut self.diag, listed, &mut self.sockets)?;
        } else {
            self.queue.clear();
        }
        Ok(same)
    }
}
