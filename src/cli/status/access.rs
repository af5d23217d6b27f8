//! How a daemon is asked that speaks TLS or wants a password.
#![expect(clippy::disallowed_methods, reason = "a command reads the files that its user named")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, anyhow, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use hyper::header::HeaderValue;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::client::WebPkiServerVerifier;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::crypto::{WebPkiSupportedAlgorithms, ring, verify_tls12_signature, verify_tls13_signature};
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{self, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use crate::cli::failure::remedy;
use crate::cli::lookup::shown;

/// Who asks, and whom he believes.
#[derive(Args, Debug, Default)]
pub(in super::super) struct Access {
    /// The user of [web] users to ask as
    #[arg(long, value_name = "NAME", requires = "password_file")]
    user: Option<String>,
    /// The file that holds that user's password, and nothing else
    #[arg(long, value_name = "FILE", requires = "user")]
    password_file: Option<PathBuf>,
    /// The daemon's certificate, or those that vouch for it, in PEM; without it those that this host trusts
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
}

impl Access {
    /// Believes the certificate that the configuration names, unless told otherwise.
    pub(super) fn or_configured(&self, cert: Option<&Path>) -> Self {
        let ca = self.ca.clone().or_else(|| cert.map(Path::to_owned));
        Self { user: self.user.clone(), password_file: self.password_file.clone(), ca }
    }

    /// Whether it says who asks.
    pub(super) const fn has_user(&self) -> bool {
        self.user.is_some()
    }

    /// The header that says who asks; none where nobody was named.
    pub(super) fn authorization(&self) -> anyhow::Result<Option<HeaderValue>> {
        let (Some(user), Some(path)) = (&self.user, &self.password_file) else { return Ok(None) };
        let unread = |error| anyhow!("no password in {}: {error}: {}", shown(path), remedy(&error, "--password-file"));
        let password = fs::read_to_string(path).map_err(unread)?;
        let password = password.trim_end_matches(['\n', '\r']);
        ensure!(!password.is_empty(), "no password in {}: it is empty", shown(path));
        let mut value = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))))?;
        value.set_sensitive(true);
        Ok(Some(value))
    }

    /// TLS over a connection to `host`.
    pub(super) async fn encrypted(&self, host: &str, stream: TcpStream) -> anyhow::Result<TlsStream<TcpStream>> {
        encrypted(self.ca.as_deref(), host, stream).await
    }
}

/// TLS over a connection to `host`, whose certificate those in the file `ca` vouch for, or those that this host
/// trusts.
pub(in super::super) async fn encrypted(
    ca: Option<&Path>,
    host: &str,
    stream: TcpStream,
) -> anyhow::Result<TlsStream<TcpStream>> {
    let name = ServerName::try_from(host.to_owned()).context("no name that a certificate could be for")?;
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Believer::new(ca)?))
        .with_no_client_auth();
    let connected = TlsConnector::from(Arc::new(config)).connect(name, stream).await;
    connected.context("no TLS (--ca names the certificates to believe)")
}

/// Believes the very certificates that were named, and whatever they vouch for.
#[derive(Debug)]
struct Believer {
    named: Vec<CertificateDer<'static>>,
    /// None where nothing that was named can vouch for another.
    vouched: Option<Arc<WebPkiServerVerifier>>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Believer {
    fn new(ca: Option<&Path>) -> anyhow::Result<Self> {
        let named = match ca {
            Some(path) => certificates(path)?,
            None => Vec::new(),
        };
        let mut roots = RootCertStore::empty();
        match ca {
            Some(_) => roots.add_parsable_certificates(named.iter().cloned()),
            None => roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs),
        };
        let provider = Arc::new(ring::default_provider());
        let algorithms = provider.signature_verification_algorithms;
        let vouched = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build().ok();
        Ok(Self { named, vouched, algorithms })
    }
}

/// The certificates in a file.
pub(in super::super) fn certificates(path: &Path) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let none = |why: &str, help: &str| anyhow!("no certificate in {}: {why}: {help}", shown(path));
    let text = fs::read(path).map_err(|error| none(&error.to_string(), &remedy(&error, "--ca")))?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let pem = "write it as PEM (-----BEGIN CERTIFICATE-----)";
    let found = found.map_err(|error| none(&error.to_string(), pem))?;
    ensure!(!found.is_empty(), none("there is none", pem));
    Ok(found)
}

impl ServerCertVerifier for Believer {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if self.named.iter().any(|named| named == end_entity) {
            return Ok(ServerCertVerified::assertion());
        }
        let unknown = rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer);
        self.vouched.as_ref().ok_or(unknown)?.verify_server_cert(end_entity, intermediates, name, ocsp, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
