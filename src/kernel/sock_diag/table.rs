//! The way to the sockets of our own network namespace where netlink refuses: `/proc/net/tcp` and `tcp6`.
//!
//! What is missing there, see [`net_tcp`](crate::kernel::net_tcp): no cookie, so that a key is made up
//! here; no cgroup; and no snapshot.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use super::wire::{Socket, States};
use crate::kernel::{Error, Proc, own_pid};

/// Marks a key that was made of an inode, and one that was made of both ends. The kernel's own cookies
/// count up from 0 and down from 2^64.
const OF_INODE: u64 = 1 << 63;
const OF_ENDS: u64 = 1 << 62;

/// Calls `visit` with each TCP socket of our own namespace.
pub(super) fn each_socket(visit: &mut dyn FnMut(&Socket)) -> Result<(), Error> {
    Proc::live()?.entry(own_pid())?.tcp_sockets(&mut Vec::new(), visit)
}

/// Collects those in one of `states`, each once, under its key.
pub(super) fn collect(
    states: States,
    sockets: &mut Vec<Socket>,
    each: impl FnOnce(&mut dyn FnMut(&Socket)) -> Result<(), Error>,
) -> Result<(), Error> {
    sockets.clear();
    each(&mut |socket| {
        if states.has(socket.state) {
            sockets.push(Socket { cookie: key(socket), ..*socket });
        }
    })
    .inspect_err(|_| sockets.clear())?;
    // One that moved in the kernel's table while that was read is there twice.
    sockets.sort_by_key(|socket| socket.cookie);
    sockets.dedup_by_key(|socket| socket.cookie);
    Ok(())
}

/// What a socket is remembered by while it is there: its inode, or, where it has none because it waits to
/// be accepted or was closed, its two ends.
fn key(socket: &Socket) -> u64 {
    if socket.inode != 0 {
        return OF_INODE | u64::from(socket.inode);
    }
    let mut hasher = DefaultHasher::new();
    for end in [socket.local, socket.remote] {
        (end.address, end.port).hash(&mut hasher);
    }
    (hasher.finish() & (OF_ENDS - 1)) | OF_ENDS
}
