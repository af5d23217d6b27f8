//! TLS towards clients. The files are looked at again and again, because certificates are renewed
//! while the daemon runs; what cannot be used leaves the old one in use, and is told of.
#![expect(clippy::disallowed_methods, reason = "the certificate and its key are read here, by the server's own thread")]

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::task::spawn_blocking;
use tokio::time::sleep;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{self, RootCertStore, ServerConfig};

use super::News;
use crate::config::Tls;
use crate::model::printable;

/// Largest file: any chain of certificates is smaller.
const MOST_BYTES: u64 = 1 << 20;
/// Longest path in a sentence.
const PATH_CHARS: usize = 300;

/// The certificate in use.
#[derive(Debug)]
pub(super) struct Certificate {
    tls: Tls,
    current: ArcSwap<ServerConfig>,
}

impl Certificate {
    pub(super) fn load(tls: &Tls) -> io::Result<Self> {
        let current = usable(tls).map_err(io::Error::other)?;
        Ok(Self { tls: tls.clone(), current: ArcSwap::from_pointee(current) })
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.current.load_full())
    }

    /// Takes up what is new in the files, for as long as the server runs. Two files are seldom
    /// replaced at once: only what cannot be used at two looks is told of.
    pub(super) async fn keep(self: Arc<Self>, look: Duration, news: Sender<News>) {
        let mut used = stamps(&self.tls);
        let mut bad = None;
        loop {
            sleep(look).await;
            let tls = self.tls.clone();
            let found = spawn_blocking(move || (stamps(&tls), tls)).await;
            let Ok((found, tls)) = found else { continue };
            if found == used {
                continue;
            }
            let Ok(read) = spawn_blocking(move || usable(&tls)).await else { continue };
            let told = match read {
                Ok(config) => {
                    self.current.store(Arc::new(config));
                    (used, bad) = (found, None);
                    Some(News::Good(format!("[web] tls: {} was read again", shown(&self.tls.cert))))
                }
                Err(why) if bad.as_ref() == Some(&found) => {
                    used = found;
                    Some(News::Bad(format!("{why}; the certificate read before stays in use")))
                }
                Err(_) => {
                    bad = Some(found);
                    None
                }
            };
            // Whoever listens may have ended.
            told.map(|told| news.send(told));
        }
    }
}

/// What makes a file another one: device, inode, size, time of change; none where it is not seen.
type Stamp = Option<(u64, u64, u64, (i64, i64))>;

fn stamps(tls: &Tls) -> Vec<Stamp> {
    let paths = [Some(&tls.cert), Some(&tls.key), tls.client_ca.as_ref()];
    let stamp = |path| {
        let found = std::fs::metadata(path).ok()?;
        Some((found.dev(), found.ino(), found.size(), (found.ctime(), found.ctime_nsec())))
    };
    paths.into_iter().flatten().map(stamp).collect()
}

/// What TLS is spoken with.
///
/// # Errors
/// A sentence about the file that cannot be used.
pub fn usable(tls: &Tls) -> Result<ServerConfig, String> {
    let chain = certificates("cert", &tls.cert)?;
    let text = read("key", &tls.key)?;
    let key = PrivateKeyDer::from_pem_slice(&text)
        .map_err(|_| wrong("key", &tls.key, "holds no private key in PEM, or one under a passphrase"))?;
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(|error| error.to_string())?;
    let builder = match &tls.client_ca {
        None => builder.with_no_client_auth(),
        Some(path) => {
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots(path)?), provider).build();
            builder.with_client_cert_verifier(verifier.map_err(|error| wrong("client_ca", path, error))?)
        }
    };
    let mut config = builder.with_single_cert(chain, key).map_err(|error| {
        if matches!(error, rustls::Error::InconsistentKeys(_)) {
            let cert = shown(&tls.cert);
            return wrong("key", &tls.key, format!("does not belong to the certificate in {cert}: name a pair"));
        }
        wrong("cert", &tls.cert, format!("cannot be used: {error}"))
    })?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

fn roots(path: &Path) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates("client_ca", path)? {
        roots.add(certificate).map_err(|error| wrong("client_ca", path, error))?;
    }
    Ok(roots)
}

fn certificates(key: &str, path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let text = read(key, path)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let found = found.map_err(|error| wrong(key, path, format!("is no PEM: {error}")))?;
    if found.is_empty() {
        return Err(wrong(key, path, "holds no certificate in PEM (-----BEGIN CERTIFICATE-----)"));
    }
    Ok(found)
}

fn read(key: &str, path: &Path) -> Result<Vec<u8>, String> {
    let helps = [
        (io::ErrorKind::PermissionDenied, ": let the user that tradedog runs as read it"),
        (io::ErrorKind::NotFound, ": is the path right?"),
    ];
    let hint = |error: io::Error| {
        let help = helps.iter().find(|(kind, _)| *kind == error.kind()).map_or("", |(_, help)| help);
        wrong(key, path, format!("cannot be read: {error}{help}"))
    };
    // A pipe would keep its reader waiting for ever.
    let nonblocking = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or(0);
    let file: File = OpenOptions::new().read(true).custom_flags(nonblocking).open(path).map_err(hint)?;
    if !file.metadata().map_err(hint)?.is_file() {
        return Err(wrong(key, path, "is no file"));
    }
    let mut bytes = Vec::new();
    file.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(hint)?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(wrong(key, path, "is larger than 1 MiB"));
    }
    Ok(bytes)
}

fn wrong(key: &str, path: &Path, why: impl std::fmt::Display) -> String {
    format!("[web] tls: {key} {} {why}", shown(path))
}

fn shown(path: &Path) -> String {
    printable(path.as_os_str().as_encoded_bytes(), PATH_CHARS)
}
