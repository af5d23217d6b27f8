//! One GET, with a limit on everything.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{AUTHORIZATION, HOST};
use hyper::{Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::runtime::Builder;
use tokio::time::timeout;

use super::access::Access;

/// A connection, encrypted or not.
trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// Largest answer: a thousand processes take about 10 MB.
const MOST_BYTES: usize = 256 << 20;

/// Where a daemon listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Address {
    host: String,
    port: u16,
    tls: bool,
}

impl Address {
    /// `http://HOST:PORT` or `https://HOST:PORT`; the port is 80 or 443 where none is written, as everywhere.
    pub(super) fn parse(url: &str) -> Result<Self, String> {
        let form = "write it as http://HOST:PORT, such as http://127.0.0.1:7911";
        let uri: Uri = url.parse().map_err(|error| format!("--url is no URL ({error}): {form}"))?;
        let tls = uri.scheme_str() == Some("https");
        let known = tls || uri.scheme_str() == Some("http");
        if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
            return Err("--url is no place for a password: give --user and --password-file".to_owned());
        }
        if !known || !matches!(uri.path(), "" | "/") || uri.query().is_some() {
            return Err(format!("--url is not the address of a daemon: {form}"));
        }
        let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() {
            return Err(format!("--url names no host: {form}"));
        }
        let usual = if tls { 443 } else { 80 };
        Ok(Self { host: host.to_owned(), port: uri.port_u16().unwrap_or(usual), tls })
    }

    /// The same, with TLS if it is spoken there.
    pub(super) fn with_tls(self, tls: bool) -> Self {
        Self { tls, ..self }
    }

    fn authority(&self) -> String {
        if self.host.contains(':') {
            return format!("[{}]:{}", self.host, self.port);
        }
        format!("{}:{}", self.host, self.port)
    }

    /// Whether it is this host for certain.
    pub(super) fn is_here(&self) -> bool {
        self.host == "localhost" || self.host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
    }
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Self {
        Self { host: address.ip().to_string(), port: address.port(), tls: false }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", if self.tls { "https" } else { "http" }, self.authority())
    }
}

/// The body of the answer to `GET path`, or a sentence about why there is none.
pub(in super::super) fn get(address: &Address, path: &str, patience: Duration) -> Result<String, String> {
    get_as(&Access::default(), address, (path, patience))
}

/// As [`get`], of a daemon that asks who one is, or shows a certificate.
pub(super) fn get_as(access: &Access, address: &Address, (path, patience): (&str, Duration)) -> Result<String, String> {
    let runtime = Builder::new_current_thread().enable_io().enable_time().build().map_err(|error| error.to_string())?;
    let asked = runtime.block_on(async { timeout(patience, exchange(access, address, path)).await });
    // A name may still be looked up by a thread of its own, which nobody can end.
    runtime.shutdown_background();
    let silent = || anyhow::anyhow!("no answer within {patience:?}");
    asked.map_err(|_| silent()).flatten().map_err(|error| {
        format!("the daemon could not be asked at {address}: {error:#}; is it running (systemctl status tradedog)?")
    })
}

async fn exchange(access: &Access, address: &Address, path: &str) -> anyhow::Result<String> {
    let stream = TcpStream::connect((address.host.as_str(), address.port)).await.context("cannot connect")?;
    let stream: Box<dyn Stream> = match address.tls {
        true => Box::new(access.encrypted(&address.host, stream).await?),
        false => Box::new(stream),
    };
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let mut request = Request::get(path).header(HOST, address.authority()).body(Empty::<Bytes>::new())?;
    request.headers_mut().extend(access.authorization()?.map(|value| (AUTHORIZATION, value)));
    let response = sender.send_request(request).await.context("no HTTP answer")?;
    if response.status() == StatusCode::UNAUTHORIZED {
        bail!("it asks for another user or password: give --user and --password-file");
    }
    ensure!(response.status().is_success(), "it answered {}", response.status());
    let body = Limited::new(response.into_body(), MOST_BYTES).collect().await;
    match body {
        Ok(body) => Ok(String::from_utf8(body.to_bytes().into()).context("its answer is no text")?),
        Err(error) => bail!("its answer broke off: {error}"),
    }
}
