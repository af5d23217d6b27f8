//! The other side of connections.

use std::net::{TcpListener, TcpStream};

/// The other side of connections.
pub(crate) struct Server {
    listener: TcpListener,
    pub(crate) kept: Vec<TcpStream>,
}

impl Server {
    pub(crate) fn at(address: &str) -> Self {
        Self { listener: TcpListener::bind(address).unwrap(), kept: Vec::new() }
    }

    pub(crate) fn port(&self) -> u16 {
        self.listener.local_addr().unwrap().port()
    }

    /// Takes `count` connections and closes them, so that they wait to be closed over there.
    pub(crate) fn drop_connections(&self, count: usize) {
        for _ in 0..count {
            self.listener.accept().unwrap();
        }
    }

    pub(crate) fn keep_connections(&mut self, count: usize) {
        for _ in 0..count {
            self.kept.push(self.listener.accept().unwrap().0);
        }
    }
}
