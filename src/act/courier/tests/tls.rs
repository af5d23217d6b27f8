//! Endpoints behind TLS. The certificate beside this file is for this test alone.

use std::io::Write as _;
use std::net::TcpListener;
use std::sync::mpsc::Sender;
use std::thread;

use hyper::Uri;
use tokio::time::Instant;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};

use super::server::{Request, read};
use super::*;
use crate::act::courier::{connect, context, http as delivery};

const PEM: &[u8] = include_bytes!("localhost.pem");

fn certificate() -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(PEM).unwrap()
}

fn this_one() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add(certificate()).unwrap();
    roots
}

fn serve(requests: Sender<Request>) -> u16 {
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate()], PrivateKeyDer::from_pem_slice(PEM).unwrap())
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = StreamOwned::new(connection, stream.unwrap());
            if let Some(request) = read(&mut stream) {
                let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").and_then(|()| stream.flush());
                let _ = requests.send(request);
            }
        }
    });
    port
}

fn ask(url: &str, trust: connect::Trust) -> crate::model::Outcome {
    let http = http(url);
    let order = order(1, post(http.clone()));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let call = delivery::Call { deadline: Instant::now() + PATIENCE, trust };
    runtime.block_on(delivery::deliver(&http, &context::told(&order, SERIES), call)).of(&order, now())
}

#[test]
fn an_endpoint_with_a_certificate_is_asked() {
    let (sender, requests) = channel();
    let port = serve(sender);
    for host in ["localhost", "127.0.0.1"] {
        assert_eq!(facts(&ask(&format!("https://{host}:{port}/pause"), this_one)), ACKNOWLEDGED);
        let request = requests.recv_timeout(PATIENCE).unwrap();
        assert_eq!(request.header("host"), Some(&*format!("{host}:{port}")));
    }
}

#[test]
fn whoever_cannot_prove_its_name_learns_nothing() {
    let (sender, requests) = channel();
    let port = serve(sender);
    for (url, trust) in [
        (format!("https://localhost:{port}/"), connect::host_trust as connect::Trust),
        (format!("https://127.0.0.2:{port}/"), this_one),
        (format!("https://localhost:{port}/"), RootCertStore::empty),
    ] {
        let outcome = ask(&url, trust);
        assert_eq!((outcome.kind, outcome.reason, outcome.untouched), (OutcomeKind::Failed, Reason::Refused, true));
    }
    let plain = super::server::answering("200 OK", "");
    let url = format!("https://localhost:{}/", plain.address.port());
    let outcome = ask(&url, this_one);
    assert!(
        outcome.untouched && outcome.detail.as_deref().unwrap().starts_with("no TLS with localhost"),
        "{outcome:?}"
    );
    assert!(requests.try_recv().is_err());
    assert_eq!(plain.requests(), []);
    assert!(url.parse::<Uri>().is_ok());
}
