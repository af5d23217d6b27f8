//! To the endpoint: names, TCP, TLS. Until it stands, nothing of the order has been sent.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;

use hyper::Uri;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// Where the certificates come from that an endpoint may answer for.
pub(super) type Trust = fn() -> RootCertStore;

/// A connection that can carry one exchange.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// Where a request goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Endpoint {
    /// A name or an address, without brackets.
    host: String,
    port: u16,
    tls: bool,
    /// `HOST` or `HOST:PORT`, as written: what the other side is addressed by.
    pub(super) authority: String,
}

impl Endpoint {
    /// The endpoint of a URL.
    pub(super) fn of(uri: &Uri) -> Result<Self, &'static str> {
        let (tls, usual) = match uri.scheme_str() {
            Some("http") => (false, 80),
            Some("https") => (true, 443),
            Some(_) | None => return Err("its URL begins neither with http:// nor with https://"),
        };
        let host = uri.host().filter(|host| !host.is_empty()).ok_or("its URL names no host")?;
        let authority = uri.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        let port = uri.port_u16().unwrap_or(usual);
        Ok(Self { host: host.trim_matches(['[', ']']).to_owned(), port, tls, authority })
    }

    /// Connects, or says in a sentence why not. Each address of a name gets its share of the time.
    pub(super) async fn connect(&self, deadline: Instant, trust: Trust) -> Result<Box<dyn Stream>, String> {
        let found = lookup_host((self.host.as_str(), self.port)).await;
        let addresses: Vec<SocketAddr> =
            found.map_err(|error| format!("cannot look up {}: {error}", self.host))?.collect();
        let tcp = first_of(&addresses, deadline).await.map_err(|error| self.why(&addresses, &error))?;
        if !self.tls {
            return Ok(Box::new(tcp));
        }
        let name = ServerName::try_from(self.host.clone()).map_err(|_| format!("{} is no host name", self.host))?;
        let config = spawn_blocking(move || tls_config(trust)).await.map_err(|_| "no thread to read certificates")?;
        let connector = TlsConnector::from(Arc::new(config?));
        let stream = connector.connect(name, tcp).await;
        Ok(Box::new(stream.map_err(|error| format!("no TLS with {}: {error}", self.authority))?))
    }

    fn why(&self, addresses: &[SocketAddr], error: &io::Error) -> String {
        let whom = match addresses {
            [only] => only.to_string(),
            [] | [_, ..] => self.authority.clone(),
        };
        if error.kind() == ErrorKind::ConnectionRefused {
            return format!("connection refused by {whom}");
        }
        format!("no connection to {whom}: {error}")
    }
}

async fn first_of(addresses: &[SocketAddr], deadline: Instant) -> io::Result<TcpStream> {
    let (last, others) = addresses.split_last().ok_or(ErrorKind::AddrNotAvailable)?;
    for (address, left) in others.iter().zip((2..=u32::try_from(addresses.len()).unwrap_or(u32::MAX)).rev()) {
        let share = deadline.saturating_duration_since(Instant::now()) / left;
        if let Ok(Ok(stream)) = timeout(share, TcpStream::connect(address)).await {
            return Ok(stream);
        }
    }
    // Its share is whatever is left; whoever asked keeps the time.
    TcpStream::connect(last).await
}

/// The certificates are read anew for each request: they are renewed while the daemon runs.
fn tls_config(trust: Trust) -> Result<ClientConfig, String> {
    let roots = trust();
    if roots.is_empty() {
        return Err("this host has no certificates to trust: install ca-certificates".to_owned());
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

/// What the host trusts.
pub(super) fn host_trust() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    // One that cannot be read or parsed is one that is not trusted.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
}
