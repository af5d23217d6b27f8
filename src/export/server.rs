//! The HTTP server: our own accept loop, so that every limit is really in force.
//!
//! One thread, one connection cap, a time limit on every wait. A client that is slow, silent,
//! greedy or many costs the others their place for seconds, and the watch loop nothing at all.

use std::convert::Infallible;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener as StdListener};
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::{Published, routes};
use crate::config::Web;
use crate::model::Moment;

/// Connections that the kernel keeps until they are accepted; it cuts this to net.core.somaxconn.
const BACKLOG: i32 = 1024;

/// Tells what time it is.
pub type Clock = fn() -> Moment;

/// What answers are made of.
#[derive(Clone, Debug)]
pub(super) struct Shown {
    pub(super) published: Arc<Published>,
    pub(super) clock: Clock,
}

/// What a client may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Connections at a time, over all addresses; further ones are closed at once.
    pub(super) connections: usize,
    /// Time for a request's header, counted from the end of the answer before: so it bounds the
    /// idle time between two requests as well.
    pub(super) header: Duration,
    /// Age after which a connection is closed when its answer is out.
    pub(super) age: Duration,
    /// Time after that for a client that does not read its answer.
    pub(super) last_answer: Duration,
    /// Bytes of a request's header.
    pub(super) buffer: usize,
    /// Pause after the system could not accept (no descriptors, no memory): neither spin nor die.
    pub(super) accept_pause: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 64,
            header: Duration::from_secs(5),
            age: Duration::from_secs(30),
            last_answer: Duration::from_secs(5),
            buffer: 16 * 1024,
            accept_pause: Duration::from_millis(250),
        }
    }
}

/// The server; dropping it closes its sockets and ends its thread.
#[derive(Debug)]
pub struct Server {
    addresses: Vec<SocketAddr>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Listens on every address of `web`, then answers from what is published. `clock` tells the time.
    ///
    /// # Errors
    /// When an address cannot be listened on; the text says which one and what to do.
    pub fn start(web: &Web, published: Arc<Published>, clock: Clock) -> io::Result<Self> {
        Self::start_with(web, Shown { published, clock }, Limits::default())
    }

    pub(super) fn start_with(web: &Web, shown: Shown, limits: Limits) -> io::Result<Self> {
        let bound = web.listen.iter().map(|address| bind(*address)).collect::<io::Result<Vec<_>>>()?;
        let addresses = bound.iter().map(StdListener::local_addr).collect::<io::Result<Vec<_>>>()?;
        let runtime = runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
        let (stop, stopped) = oneshot::channel();
        let listeners = {
            let _inside = runtime.enter();
            bound.into_iter().map(TcpListener::from_std).collect::<io::Result<Vec<_>>>()?
        };
        let thread = Builder::new().name("http".into()).spawn(move || {
            runtime.block_on(async {
                let mut doors = JoinSet::new();
                let places = Arc::new(Semaphore::new(limits.connections));
                for listener in listeners {
                    doors.spawn(accept_all(listener, shown.clone(), Arc::clone(&places), limits));
                }
                // Said, or the server was dropped: the same.
                let _ = stopped.await;
            });
        })?;
        Ok(Self { addresses, stop: Some(stop), thread: Some(thread) })
    }

    /// Where it listens, in the order asked for; the port is the real one where 0 was asked for.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic there has been printed; there is nothing to add at the end.
            let _ = thread.join();
        }
    }
}

fn bind(address: SocketAddr) -> io::Result<StdListener> {
    let listener = StdListener::bind(address).map_err(|error| {
        let remedies = [
            (ErrorKind::AddrInUse, "another program, perhaps another tradedog, listens there: stop it, or"),
            (ErrorKind::AddrNotAvailable, "this host has no such address:"),
            (ErrorKind::PermissionDenied, "ports below 1024 need a right:"),
        ];
        let hint = remedies.iter().find(|(kind, _)| *kind == error.kind()).map_or("", |(_, hint)| hint);
        io::Error::new(
            error.kind(),
            format!("cannot listen on {address}: {hint} write another address in [web] listen ({error})"),
        )
    })?;
    // A second listen(2) only changes the backlog. std asks for 128, which a burst of clients
    // overflows; whoever then connects waits a second until its SYN is sent again.
    rustix::net::listen(&listener, BACKLOG)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

async fn accept_all(listener: TcpListener, shown: Shown, places: Arc<Semaphore>, limits: Limits) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // Without a place the stream is dropped, which closes it.
                if let Ok(place) = Arc::clone(&places).try_acquire_owned() {
                    tokio::spawn(serve(stream, shown.clone(), place, limits));
                }
            }
            Err(error) if concerns_one_connection(error.kind()) => {}
            Err(_) => sleep(limits.accept_pause).await,
        }
    }
}

/// accept(2) also reports what went wrong on the connection that was to be accepted.
const fn concerns_one_connection(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset | ErrorKind::ConnectionRefused)
}

async fn serve(stream: TcpStream, shown: Shown, place: OwnedSemaphorePermit, limits: Limits) {
    let service = service_fn(|request| {
        let response = routes::answer(&request, &shown.published.latest(), (shown.clock)());
        async move { Ok::<_, Infallible>(response) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header)
        .max_buf_size(limits.buffer)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    // What a connection ends with is the client's business: there is nobody to tell.
    if timeout(limits.age, connection.as_mut()).await.is_err() {
        connection.as_mut().graceful_shutdown();
        let _ = timeout(limits.last_answer, connection).await;
    }
    drop(place);
}

#[cfg(test)]
mod tests;
