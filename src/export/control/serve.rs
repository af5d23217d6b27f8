//! One connection: who asks, what, and the answer; with a limit on everything.

use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::sync::mpsc::TrySendError;

use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::{sleep, timeout};

use super::{Asked, Desk, Reply, Request};
use crate::export::status::Status;

pub(super) async fn accept_all(listener: UnixListener, desk: Arc<Desk>) {
    let places = Arc::new(Semaphore::new(desk.limits.connections));
    loop {
        match listener.accept().await {
            Ok((stream, _)) => match Arc::clone(&places).try_acquire_owned() {
                Ok(place) => drop(tokio::spawn(serve(stream, Arc::clone(&desk), place))),
                Err(_) => turn_away(&stream),
            },
            Err(_) => sleep(desk.limits.accept_pause).await,
        }
    }
}

/// A fresh connection has room for a line; if not, it is closed without one.
fn turn_away(stream: &UnixStream) {
    let _ = stream.try_write(&Reply::Refused("too many ask at once: ask again".into()).line());
}

async fn serve(stream: UnixStream, desk: Arc<Desk>, place: OwnedSemaphorePermit) {
    let reply = match request(&stream, &desk).await {
        Ok((request, by)) => match desk.told(&request) {
            Some(reply) => reply,
            None => desk.put(request, by).await,
        },
        Err(refusal) => refusal,
    };
    // Whoever does not take its answer has none.
    let _ = timeout(desk.limits.client, send(&stream, &reply.line())).await;
    drop(place);
}

/// The request, and who makes it.
async fn request(stream: &UnixStream, desk: &Desk) -> Result<(Request, Arc<str>), Reply> {
    let peer = stream.peer_cred().map_err(|error| Reply::Refused(format!("who asks cannot be told: {error}")))?;
    if !desk.rights.admit(&peer) {
        let by = desk.rights.called(&peer).await;
        let said = format!("{by} may not ask: only {} may", desk.rights.told());
        // The loop is not woken for him, and does not tell of more than there is room for.
        let _ = desk.strangers.try_send(by);
        return Err(Reply::Refused(said));
    }
    let read = timeout(desk.limits.client, receive(stream, desk.limits.request)).await;
    let late = || Reply::Refused(format!("no request within {:?}: send one line of JSON", desk.limits.client));
    let line = read.map_err(|_| late())?.map_err(|error| Reply::Refused(error.to_string()))?;
    let request = Request::parse(&line)?;
    // Whoever only asks how things stand is not told of, and asks often.
    let by = if request.is_question() { "".into() } else { desk.rights.called(&peer).await };
    Ok((request, by))
}

impl Desk {
    /// The status, from what is published: the loop is not asked, so it may even stand still.
    fn told(&self, request: &Request) -> Option<Reply> {
        let published = self.published.as_ref().filter(|_| *request == Request::Status)?;
        Some(match serde_json::to_string_pretty(&Status::of(&published.latest())) {
            Ok(json) => Reply::Status(json + "\n"),
            Err(error) => Reply::Refused(format!("the status could not be written: {error}")),
        })
    }

    /// Hands a request to the loop and waits for its answer.
    async fn put(&self, request: Request, by: Arc<str>) -> Reply {
        let limit = if request == Request::Reload { self.limits.reload } else { self.limits.answer };
        let (reply, answer) = oneshot::channel();
        if let Err(error) = self.queue.try_send(Asked { request, by, reply }) {
            return Reply::Refused(match error {
                TrySendError::Full(_) => "too many requests wait for the watch loop: ask again later".into(),
                TrySendError::Disconnected(_) => "tradedog is stopping".into(),
            });
        }
        (self.wake)();
        match timeout(limit, answer).await {
            Ok(Ok(reply)) => reply,
            Ok(Err(_)) => Reply::Refused("tradedog is stopping, and has not answered".into()),
            Err(_) => Reply::Refused(format!(
                "the watch loop has not answered within {limit:?}: look at tradedog_pass_duration_seconds and at the \
                 log; tradedog status shows whether it was done all the same"
            )),
        }
    }
}

/// One line, or all until the client stops sending; an error if it is longer than `most`.
async fn receive(stream: &UnixStream, most: usize) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    let mut buffer = [0; 512];
    loop {
        stream.readable().await?;
        let count = match stream.try_read(&mut buffer) {
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
            Err(error) => return Err(error),
        };
        let end = buffer[..count].iter().position(|byte| *byte == b'\n');
        line.extend_from_slice(&buffer[..end.unwrap_or(count)]);
        if line.len() >= most {
            return Err(io::Error::other(format!("the request is too long: {most} bytes at most")));
        }
        if end.is_some() || count == 0 {
            return Ok(line);
        }
    }
}

async fn send(stream: &UnixStream, mut line: &[u8]) -> io::Result<()> {
    while !line.is_empty() {
        stream.writable().await?;
        match stream.try_write(line) {
            Ok(count) => line = line.get(count..).unwrap_or_default(),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
