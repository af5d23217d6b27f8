//! The other side of the trader's connections: a little broker and a little database on loopback.
//!
//! Each answers every question with one line, and closes a connection that was idle for a while, as
//! real ones do. Whoever does not notice keeps a socket in CLOSE_WAIT. They live as long as the
//! process.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener as StdListener};
use std::thread::Builder;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};

/// A broker keeps a silent connection for this long: market data never rests.
const BROKER_IDLE: Duration = Duration::from_millis(1500);
/// And a database for this long.
const DATABASE_IDLE: Duration = Duration::from_secs(4);
/// Pause where the system could not accept (no descriptors): neither spin nor die.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Where the two listen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peers {
    pub(super) broker: SocketAddr,
    pub(super) database: SocketAddr,
}

impl Peers {
    /// Opens both, each on a thread of its own.
    pub(super) fn open() -> io::Result<Self> {
        Ok(Self {
            broker: listen("broker", "AAPL 101.25\n", BROKER_IDLE)?,
            database: listen("database", "stop-loss 97.50\n", DATABASE_IDLE)?,
        })
    }
}

fn listen(name: &str, answer: &'static str, idle: Duration) -> io::Result<SocketAddr> {
    let listener = StdListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
    let serve = move || runtime.block_on(serve(listener, answer, idle));
    Builder::new().name(name.to_owned()).spawn(serve)?;
    Ok(address)
}

async fn serve(listener: StdListener, answer: &'static str, idle: Duration) {
    let Ok(listener) = TcpListener::from_std(listener) else { return };
    loop {
        match listener.accept().await {
            Ok((connection, _)) => drop(tokio::spawn(talk(connection, answer, idle))),
            Err(_) => sleep(ACCEPT_PAUSE).await,
        }
    }
}

/// Answers until the other side leaves, or says nothing for `idle`.
async fn talk(connection: TcpStream, answer: &str, idle: Duration) {
    let mut question = [0; 256];
    while let Ok(Ok(())) = timeout(idle, connection.readable()).await {
        match connection.try_read(&mut question) {
            Ok(0) => return,
            // An answer that finds no room is for somebody who does not read.
            Ok(_) => drop(connection.try_write(answer.as_bytes())),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => return,
        }
    }
}
