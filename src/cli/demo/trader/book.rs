//! What the trader holds: connections and files, those that it uses and those that it has lost.
//!
//! No clock and no signals here: the trader says when. Everything is real: sockets, descriptors.

use std::fs::File;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::super::peers::Peers;

/// Files that a trader has open: market data, journals, its libraries.
const FILES: usize = 64;
/// Connections in the pool.
const POOL: usize = 8;
/// Market data streams.
const CONTEXTS: usize = 2;
/// How long an answer on loopback may take.
const PATIENCE: Duration = Duration::from_millis(300);

/// What the trader holds.
pub(super) struct Book {
    peers: Peers,
    files: Vec<File>,
    pool: Vec<TcpStream>,
    contexts: Vec<TcpStream>,
    lost: Lost,
    /// Whose turn it is to be used.
    turn: usize,
}

/// What is open and used by nobody any more.
#[derive(Default)]
struct Lost {
    files: Vec<File>,
    connections: Vec<TcpStream>,
    contexts: Vec<TcpStream>,
}

/// A kind of leak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leak {
    /// A stop-loss check asks the database over a connection of its own and forgets it.
    Connection,
    /// A market data stream is replaced by a new one and not closed.
    Context,
    /// A journal is opened and not closed.
    File,
}

impl Book {
    /// All that a calm trader has.
    pub(super) fn open(peers: Peers) -> io::Result<Self> {
        let mut book =
            Self { peers, files: Vec::new(), pool: Vec::new(), contexts: Vec::new(), lost: Lost::default(), turn: 0 };
        for _ in 0..FILES {
            book.files.push(open_file()?);
        }
        book.fill_pool()?;
        book.subscribe()?;
        Ok(book)
    }

    /// What it uses, in words.
    pub(super) fn in_use(&self) -> String {
        format!(
            "{} database connections, {} WebSocket contexts, {} files",
            self.pool.len(),
            self.contexts.len(),
            self.files.len()
        )
    }

    /// How much is lost.
    pub(super) fn lost(&self) -> usize {
        self.lost.files.len() + self.lost.connections.len() + self.lost.contexts.len()
    }

    /// Whether market data comes by WebSocket; by polling otherwise.
    pub(super) fn is_subscribed(&self) -> bool {
        !self.contexts.is_empty()
    }

    /// One look at the market, with nothing lost: a question to the database over the pool, and one
    /// to the broker.
    pub(super) fn trade(&mut self) -> io::Result<()> {
        self.turn = self.turn.wrapping_add(1);
        use_in_turn(&mut self.pool, self.turn, self.peers.database)?;
        if self.is_subscribed() {
            return use_in_turn(&mut self.contexts, self.turn, self.peers.broker);
        }
        connect(self.peers.broker).map(drop)
    }

    /// Loses one.
    pub(super) fn leak(&mut self, leak: Leak) -> io::Result<()> {
        match leak {
            Leak::File => self.lost.files.push(open_file()?),
            Leak::Connection => self.lost.connections.push(connect(self.peers.database)?),
            Leak::Context => {
                let turn = self.turn % self.contexts.len().max(1);
                let Some(context) = self.contexts.get_mut(turn) else { return Ok(()) };
                self.lost.contexts.push(std::mem::replace(context, connect(self.peers.broker)?));
            }
        }
        Ok(())
    }

    /// Closes every connection to the database and fills the pool anew. Returns how many were lost.
    pub(super) fn reset_pool(&mut self) -> io::Result<usize> {
        let lost = self.lost.connections.len();
        self.lost.connections.clear();
        self.pool.clear();
        self.fill_pool()?;
        Ok(lost)
    }

    /// Closes the market data streams in use; those that are lost it has no hold of.
    pub(super) fn unsubscribe(&mut self) -> usize {
        let closed = self.contexts.len();
        self.contexts.clear();
        closed
    }

    /// Opens the market data streams.
    pub(super) fn subscribe(&mut self) -> io::Result<()> {
        while self.contexts.len() < CONTEXTS {
            self.contexts.push(connect(self.peers.broker)?);
        }
        Ok(())
    }

    /// Finds and closes up to `most` of what is lost. Returns how many.
    pub(super) fn close_lost(&mut self, most: usize) -> usize {
        let before = self.lost();
        let Lost { files, connections, contexts } = &mut self.lost;
        contexts.truncate(contexts.len().saturating_sub(most));
        let left = most.saturating_sub(before - files.len() - connections.len() - contexts.len());
        connections.truncate(connections.len().saturating_sub(left));
        let left = most.saturating_sub(before - files.len() - connections.len() - contexts.len());
        files.truncate(files.len().saturating_sub(left));
        before - self.lost()
    }

    /// Its peers are elsewhere from now on.
    #[cfg(test)]
    pub(super) const fn move_to(&mut self, peers: Peers) {
        self.peers = peers;
    }

    fn fill_pool(&mut self) -> io::Result<()> {
        while self.pool.len() < POOL {
            self.pool.push(connect(self.peers.database)?);
        }
        Ok(())
    }
}

/// Asks over one of them; the other side may have closed it, and then it is replaced.
fn use_in_turn(connections: &mut [TcpStream], turn: usize, peer: SocketAddr) -> io::Result<()> {
    let turn = turn % connections.len().max(1);
    let Some(connection) = connections.get_mut(turn) else { return Ok(()) };
    if ask(connection).is_err() {
        *connection = connect(peer)?;
    }
    Ok(())
}

/// A connection over which one question was answered.
fn connect(peer: SocketAddr) -> io::Result<TcpStream> {
    let mut connection = TcpStream::connect_timeout(&peer, PATIENCE)?;
    connection.set_read_timeout(Some(PATIENCE))?;
    connection.set_nodelay(true)?;
    ask(&mut connection)?;
    Ok(connection)
}

fn ask(connection: &mut TcpStream) -> io::Result<()> {
    connection.write_all(b"AAPL\n")?;
    let mut answer = [0; 64];
    if connection.read(&mut answer)? == 0 {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "leaking descriptors is what the trader of the demo is for")]
fn open_file() -> io::Result<File> {
    File::open("/dev/null")
}

#[cfg(test)]
mod tests;
