//! One GET, with a limit on everything.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::HOST;
use hyper::{Request, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::runtime::Builder;
use tokio::time::timeout;

/// Largest answer: a thousand processes take about 10 MB.
const MOST_BYTES: usize = 256 << 20;

/// Where a daemon listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Address {
    host: String,
    port: u16,
}

impl Address {
    /// `http://HOST:PORT`; the port is 80 where none is written, as everywhere.
    pub(super) fn parse(url: &str) -> Result<Self, String> {
        let form = "write it as http://HOST:PORT, such as http://127.0.0.1:7911";
        let uri: Uri = url.parse().map_err(|error| format!("--url is no URL ({error}): {form}"))?;
        if uri.scheme_str() != Some("http") || !matches!(uri.path(), "" | "/") || uri.query().is_some() {
            return Err(format!("--url is not the address of a daemon: {form}"));
        }
        let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() {
            return Err(format!("--url names no host: {form}"));
        }
        Ok(Self { host: host.to_owned(), port: uri.port_u16().unwrap_or(80) })
    }

    /// Whether it is this host for certain.
    pub(super) fn is_here(&self) -> bool {
        self.host == "localhost" || self.host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
    }
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Self {
        Self { host: address.ip().to_string(), port: address.port() }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            return write!(f, "http://[{}]:{}", self.host, self.port);
        }
        write!(f, "http://{}:{}", self.host, self.port)
    }
}

/// The body of the answer to `GET path`, or a sentence about why there is none.
pub(in super::super) fn get(address: &Address, path: &str, patience: Duration) -> Result<String, String> {
    let runtime = Builder::new_current_thread().enable_io().enable_time().build().map_err(|error| error.to_string())?;
    let asked = runtime.block_on(async { timeout(patience, exchange(address, path)).await });
    // A name may still be looked up by a thread of its own, which nobody can end.
    runtime.shutdown_background();
    let silent = || anyhow::anyhow!("no answer within {patience:?}");
    asked.map_err(|_| silent()).flatten().map_err(|error| {
        format!("the daemon could not be asked at {address}: {error:#}; is it running (systemctl status tradedog)?")
    })
}

async fn exchange(address: &Address, path: &str) -> anyhow::Result<String> {
    let stream = TcpStream::connect((address.host.as_str(), address.port)).await.context("cannot connect")?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let host = address.to_string().trim_start_matches("http://").to_owned();
    let request = Request::get(path).header(HOST, host).body(Empty::<Bytes>::new())?;
    let response = sender.send_request(request).await.context("no HTTP answer")?;
    ensure!(response.status().is_success(), "it answered {}", response.status());
    let body = Limited::new(response.into_body(), MOST_BYTES).collect().await;
    match body {
        Ok(body) => Ok(String::from_utf8(body.to_bytes().into()).context("its answer is no text")?),
        Err(error) => bail!("its answer broke off: {error}"),
    }
}
