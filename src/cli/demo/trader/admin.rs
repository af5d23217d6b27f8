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

/// Listens; whoever asks is answered when the trader has done it.
pub(super) async fn open(address: SocketAddr, inbox: mpsc::Sender<Asked>) -> io::Result<()> {
    let listener = TcpListener::bind(address).await?;
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
    Ok(())
}

async fn answer(
    request: Request<Incoming>,
    inbox: mpsc::Sender<Asked>,
) -> Result<Response<Empty<Bytes>>, Infallible> {
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
