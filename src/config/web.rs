//! `[web]`: where the page, the JSON and the metrics are, and who may see them.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

/// `[web]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Web {
    /// Addresses of the HTTP server.
    pub listen: Vec<SocketAddr>,
    /// Most per-process series that `/metrics` shows.
    pub max_series: usize,
    /// The certificate to speak TLS with; none for plain HTTP.
    pub tls: Option<Tls>,
    /// Who may look; everybody when there is nobody.
    pub users: Vec<WebUser>,
}

impl Default for Web {
    fn default() -> Self {
        let listen = vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 7911))];
        Self { listen, max_series: 10_000, tls: None, users: Vec::new() }
    }
}

/// `tls`: files in PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// The certificate, then those that vouch for it.
    pub cert: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// Whoever connects shows a certificate that one of these vouches for.
    pub client_ca: Option<PathBuf>,
}

/// One who may look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebUser {
    /// The name.
    pub name: Arc<str>,
    /// Of the password.
    pub hash: PasswordHash,
}

/// A bcrypt hash. It is in no log, no answer and no debug output.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(Arc<str>);

impl PasswordHash {
    /// Of a text that was checked to be one.
    pub fn new(text: &str) -> Self {
        Self(Arc::from(text))
    }

    /// `$2y$10$...`, for the one who compares.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(withheld)")
    }
}
