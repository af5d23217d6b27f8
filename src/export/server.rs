//! The HTTP server: our own accept loop, so that every limit is really in force.
//!
//! One thread, one connection cap, a time limit on every wait. A client that is slow, silent,
//! greedy or many costs the others their place for seconds, and the watch loop nothing at all.

mod gate;
mod places;
mod tls;

use std::convert::Infallible;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr, TcpListener as StdListener};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use hyper::header::AUTHORIZATION;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::{Published, routes};
use crate::config::Web;
use crate::model::Moment;
use gate::{Gate, Verdict};
use places::{Places, Taken};
use tls::Certificate;

pub use tls::usable;

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
    /// How often the files of the certificate are looked at.
    pub(super) renewal: Duration,
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
            renewal: Duration::from_secs(5),
            accept_pause: Duration::from_millis(250),
        }
    }
}

/// What happened to the server while it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// As it should be.
    Good(String),
    /// Somebody should look at it.
    Bad(String),
}

/// What each connection needs.
#[derive(Clone, Debug)]
struct Door {
    shown: Shown,
    gate: Arc<Gate>,
    certificate: Option<Arc<Certificate>>,
    places: Arc<Places>,
    limits: Limits,
}

/// The server; dropping it closes its sockets and ends its thread.
#[derive(Debug)]
pub struct Server {
    addresses: Vec<SocketAddr>,
    news: Option<Receiver<News>>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Listens on every address of `web`, then answers from what is published. `clock` tells the time.
    ///
    /// # Errors
    /// When an address cannot be listened on, or the certificate cannot be used; the text says which
    /// one and what to do.
    pub fn start(web: &Web, published: Arc<Published>, clock: Clock) -> io::Result<Self> {
        Self::start_with(web, Shown { published, clock }, Limits::default())
    }

    pub(super) fn start_with(web: &Web, shown: Shown, limits: Limits) -> io::Result<Self> {
        let certificate = web.tls.as_ref().map(Certificate::load).transpose()?.map(Arc::new);
        let places = Arc::new(Places::new(limits.connections));
        let door = Door { shown, gate: Arc::new(Gate::new()?), certificate, places, limits };
        let bound = web.listen.iter().map(|address| bind(*address)).collect::<io::Result<Vec<_>>>()?;
        let addresses = bound.iter().map(StdListener::local_addr).collect::<io::Result<Vec<_>>>()?;
        let runtime = runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
        let (stop, stopped) = oneshot::channel();
        let (tell, news) = channel();
        let listeners = {
            let _inside = runtime.enter();
            bound.into_iter().map(TcpListener::from_std).collect::<io::Result<Vec<_>>>()?
        };
        let thread = Builder::new().name("http".into()).spawn(move || {
            runtime.block_on(open(door, listeners, (tell, stopped)));
            // A password may still be compared; nobody waits for the answer.
            runtime.shutdown_background();
        })?;
        Ok(Self { addresses, news: Some(news), stop: Some(stop), thread: Some(thread) })
    }

    /// What it has to tell while it runs; there is one who hears it.
    pub fn take_news(&mut self) -> Option<Receiver<News>> {
        self.news.take()
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

/// Serves until it is said, or the server was dropped: the same.
async fn open(door: Door, listeners: Vec<TcpListener>, (tell, stopped): (Sender<News>, oneshot::Receiver<()>)) {
    let mut tasks = JoinSet::new();
    if let Some(certificate) = &door.certificate {
        tasks.spawn(Arc::clone(certificate).keep(door.limits.renewal, tell));
    }
    for listener in listeners {
        tasks.spawn(accept_all(listener, door.clone()));
    }
    let _ = stopped.await;
}

async fn accept_all(listener: TcpListener, door: Door) {
    loop {
        match listener.accept().await {
            Ok((stream, client)) => {
                // Without a place the stream is dropped, which closes it.
                if let Some(place) = door.places.take() {
                    let door = door.clone();
                    tokio::spawn(async move {
                        tokio::select! {
                            () = place.left() => {}
                            () = door.receive((stream, client.ip()), &place) => {}
                        }
                    });
                }
            }
            Err(error) if concerns_one_connection(error.kind()) => {}
            Err(_) => sleep(door.limits.accept_pause).await,
        }
    }
}

/// accept(2) also reports what went wrong on the connection that was to be accepted.
const fn concerns_one_connection(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset | ErrorKind::ConnectionRefused)
}

/// Whoever speaks HTTP where TLS is due is told so, for it is a mistake that people make.
const NO_TLS: &[u8] = b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n\
    Content-Length: 40\r\nConnection: close\r\n\r\nTLS is spoken here: write https://HOST.\n";
/// The first byte of a TLS connection: a record of type handshake (RFC 8446, 5.1).
const HANDSHAKE: u8 = 22;

impl Door {
    /// From the first byte on. The handshake has the time of a request's header, within the same place.
    async fn receive(&self, (stream, client): (TcpStream, IpAddr), place: &Taken) {
        let Some(certificate) = &self.certificate else { return self.serve(stream, client, place).await };
        let acceptor = certificate.acceptor();
        let shaken = timeout(self.limits.header, async {
            let mut first = [0];
            if stream.peek(&mut first).await? == 1 && first != [HANDSHAKE] {
                // Closed with something unread, it would be reset, and the answer lost.
                let _ = stream.try_read(&mut [0; 4096]);
                stream.try_write(NO_TLS)?;
                return Err(ErrorKind::InvalidData.into());
            }
            acceptor.accept(stream).await
        });
        // What it fails with is the client's business.
        if let Ok(Ok(stream)) = shaken.await {
            self.serve(stream, client, place).await;
        }
    }

    async fn serve<S>(&self, stream: S, client: IpAddr, place: &Taken)
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let service = service_fn(|request| async move {
            let _answering = place.answering();
            let latest = self.shown.published.latest();
            let admitted =
                self.gate.admit(request.headers().get(AUTHORIZATION), (&latest.config.web.users, client)).await;
            Ok::<_, Infallible>(match admitted {
                Verdict::Welcome => routes::answer(&request, &latest, (self.shown.clock)()),
                Verdict::Stranger => routes::stranger(),
                Verdict::Busy => routes::busy(),
            })
        });
        let limits = self.limits;
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
    }
}

#[cfg(test)]
mod tests;
