//! Connections that wait to be accepted: they have no inode, and nobody holds them but whoever listens.

use crate::kernel::sock_diag::{DumpError, Endpoint, SockDiag, Socket, States, TcpState};

const LISTENING: States = States::of(&[TcpState::Listen]);

/// Whether it waits to be accepted. Past these two states an inode is missing because the process has
/// closed the socket.
pub(super) const fn waits(socket: &Socket) -> bool {
    socket.inode == 0 && matches!(socket.state, TcpState::Established | TcpState::CloseWait)
}

/// Finds who may accept them.
#[derive(Default)]
pub(super) struct Queue {
    /// The ports that connections wait at, ascending.
    ports: Vec<u16>,
    listening: Vec<Socket>,
    /// Those listeners in the dump: their ports and places, ascending.
    listeners: Vec<(u16, usize)>,
}

impl Queue {
    /// Appends to a dump of sockets in the states `listed`, some of which wait, those that listen for them. The
    /// kernel walks for that over those that listen alone.
    ///
    /// # Errors
    /// As [`SockDiag::dump`]: then it is not known whose what waits may become.
    pub(super) fn list(
        &mut self,
        diag: &mut SockDiag,
        listed: States,
        dump: &mut Vec<Socket>,
    ) -> Result<(), DumpError> {
        self.ports.clear();
        self.ports.extend(dump.iter().filter(|socket| waits(socket)).map(|socket| socket.local.port));
        if self.ports.is_empty() || listed.has(TcpState::Listen) {
            return Ok(());
        }
        self.ports.sort_unstable();
        self.ports.dedup();
        diag.dump(LISTENING, &mut self.listening)?;
        let Self { ports, listening, .. } = self;
        dump.extend(listening.drain(..).filter(|socket| ports.binary_search(&socket.local.port).is_ok()));
        Ok(())
    }

    /// Nothing waits.
    pub(super) fn clear(&mut self) {
        self.ports.clear();
    }

    /// Takes in where in the dump they ended up.
    pub(super) fn note(&mut self, dump: &[Socket]) {
        self.listeners.clear();
        if self.ports.is_empty() {
            return;
        }
        let listens = |(_, socket): &(usize, &Socket)| socket.state == TcpState::Listen;
        let places = dump.iter().enumerate().filter(listens);
        self.listeners.extend(places.map(|(place, socket)| (socket.local.port, place)));
        self.listeners.sort_unstable();
    }

    /// The places in the dump of those who may accept `socket`.
    pub(super) fn who_accepts(&self, socket: &Socket, dump: &[Socket]) -> impl Iterator<Item = usize> {
        let port = socket.local.port;
        let from = self.listeners.partition_point(|&(other, _)| other < port);
        let same = self.listeners[from..].iter().take_while(move |&&(other, _)| other == port);
        same.filter(move |&&(_, place)| listens_for(dump[place].local, socket.local)).map(|&(_, place)| place)
    }
}

/// `::` takes connections of both families, unless it was told not to, which the list does not say.
fn listens_for(listener: Endpoint, local: Endpoint) -> bool {
    let family = listener.address.is_ipv6() || local.address.is_ipv4();
    listener.address == local.address || (listener.address.is_unspecified() && family)
}
