//! The trader's admin port: HTTP on loopback, where measures are asked for and taken back.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;

use http_body_util::Empty;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};

/// What may be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    DisableWebsocket,
    EnableWebsocket,
    Pause,
    Resume,
}

/// Path -> wish.
const WISHES: [(&str, Wish); 4] = [
    ("/admin/websocket/disable", Wish::DisableWebsocket),
    ("/admin/websocket/enable", Wish::EnableWebsocket),
    ("/admin/pause", Wish::Pause),
    ("/admin/resume", Wish::Resume),
];

/// A wish, and where to say that it is done.
pub(super) type Asked = (Wish, oneshot::Sender<()>);

/// Listens, and returns where; whoever asks is answered when the trader has done it.
pub(super) async fn open(address: SocketAddr, inbox: mpsc::Sender<Asked>) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        // A failed accept concerns that connection alone: on loopback there is no other failure.
        while let Ok((connection, _)) = listener.accept().await {
            let inbox = inbox.clone();
            let service = service_fn(move |request| answer(request, inbox.clone()));
            let mut server = http1::Builder::new();
            server.timer(TokioTimer::new()).keep_alive(false);
            tokio::spawn(server.serve_connection(TokioIo::new(connection), service));
        }
    });
    Ok(address)
}

async fn answer(request: Request<Incoming>, inbox: mpsc::Sender<Asked>) -> Result<Response<Empty<Bytes>>, Infallible> {
    let wish = WISHES.iter().find(|(path, _)| *path == request.uri().path()).map(|(_, wish)| *wish);
    let status = match wish {
        None => StatusCode::NOT_FOUND,
        Some(_) if request.method() != Method::POST => StatusCode::METHOD_NOT_ALLOWED,
        Some(wish) => grant(wish, &inbox).await,
    };
    let mut response = Response::new(Empty::new());
    *response.status_mut() = status;
    Ok(response)
}

async fn grant(wish: Wish, inbox: &mpsc::Sender<Asked>) -> StatusCode {
    let (done, granted) = oneshot::channel();
    let told = inbox.send((wish, done)).await.is_ok();
    if told && granted.await.is_ok() { StatusCode::NO_CONTENT } else { StatusCode::SERVICE_UNAVAILABLE }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::super::super::ctl::post;
    use super::*;

    /// Asks a trader that grants everything, and gives what it was asked for.
    fn asked(paths: &'static [&str]) -> (Vec<Wish>, Vec<bool>) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (send, mut inbox) = mpsc::channel(8);
            let address = open((Ipv4Addr::LOCALHOST, 0).into(), send).await.unwrap();
            let mut wishes = Vec::new();
            let answers = tokio::task::spawn_blocking(move || {
                paths.iter().map(|path| post(address, path).is_ok()).collect::<Vec<_>>()
            });
            tokio::pin!(answers);
            loop {
                tokio::select! {
                    Some((wish, done)) = inbox.recv() => {
                        wishes.push(wish);
                        done.send(()).unwrap();
                    }
                    answers = &mut answers => return (wishes, answers.unwrap()),
                }
            }
        })
    }

    #[test]
    fn a_wish_reaches_the_trader_and_nothing_else_does() {
        let (wishes, answers) = asked(&[
            "/admin/pause",
            "/admin/websocket/disable",
            "/admin/sell",
            "/admin/websocket/enable",
            "/admin/resume",
        ]);
        assert_eq!(wishes, [Wish::Pause, Wish::DisableWebsocket, Wish::EnableWebsocket, Wish::Resume]);
        assert_eq!(answers, [true, true, false, true, true]);
    }

    #[test]
    fn a_trader_that_does_not_answer_is_no_success() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (send, inbox) = mpsc::channel(1);
        drop(inbox);
        let posted = runtime.block_on(async {
            let address = open((Ipv4Addr::LOCALHOST, 0).into(), send).await.unwrap();
            tokio::task::spawn_blocking(move || post(address, "/admin/pause")).await.unwrap()
        });
        assert!(posted.unwrap_err().to_string().contains("503"));
    }
}
