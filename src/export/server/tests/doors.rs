//! TLS and passwords. The certificates beside this file are for these tests alone.
#![expect(clippy::disallowed_methods, reason = "a test writes its certificates, and waits for the server")]

use std::fs;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tempfile::TempDir;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{
    ClientConfig, ClientConnection, ProtocolVersion, RootCertStore, StreamOwned, SupportedProtocolVersion,
};

use super::*;
use crate::config::{PasswordHash, Tls, WebUser};
use crate::export::Snapshot;

const FIRST: &str = include_str!("first.pem");
const SECOND: &str = include_str!("second.pem");

/// A server with the first certificate.
struct Safe {
    site: Site,
    folder: TempDir,
    news: Receiver<News>,
}

fn files(folder: &TempDir) -> Tls {
    let path = |name: &str| folder.path().join(name);
    Tls { cert: path("cert.pem"), key: path("key.pem"), client_ca: None }
}

/// Both files hold certificate and key.
fn put(folder: &TempDir, pem: &str) {
    let Tls { cert, key, .. } = files(folder);
    for path in [cert, key] {
        let new = path.with_extension("new");
        fs::write(&new, pem).unwrap();
        fs::rename(new, path).unwrap();
    }
}

fn start(snapshot: Snapshot, (web, limits): (Web, Limits)) -> Site {
    let publisher = Publisher::new(snapshot);
    let server = Server::start_with(&web, shown(&publisher), limits).unwrap();
    Site { server, publisher }
}

fn safe(limits: Limits) -> Safe {
    let folder = TempDir::new().unwrap();
    put(&folder, FIRST);
    let web = Web { tls: Some(files(&folder)), ..web("127.0.0.1:0".parse().unwrap()) };
    let limits = Limits { renewal: Duration::from_millis(20), ..limits };
    let mut site = start(fixture::snapshot(), (web, limits));
    let news = site.server.take_news().unwrap();
    Safe { site, folder, news }
}

type Secure = StreamOwned<ClientConnection, TcpStream>;

/// Speaks TLS with a server whose certificate is in `pem`.
fn secure(stream: TcpStream, pem: &str, versions: &[&'static SupportedProtocolVersion]) -> Secure {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    StreamOwned::new(ClientConnection::new(Arc::new(config), name).unwrap(), stream)
}

/// The answer, and the version of TLS that it came by; none when there was no connection.
fn get_by(site: &Site, pem: &str, versions: &[&'static SupportedProtocolVersion]) -> Option<(String, ProtocolVersion)> {
    let mut stream = secure(site.connect(), pem, versions);
    stream.write_all(b"GET /-/healthy HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").ok()?;
    let mut text = Vec::new();
    let _ = stream.read_to_end(&mut text);
    Some((String::from_utf8(text).unwrap(), stream.conn.protocol_version()?))
}

fn until(what: impl Fn() -> bool) -> bool {
    (0..1000).any(|_| {
        pause(Duration::from_millis(10));
        what()
    })
}

#[test]
fn both_safe_versions_are_spoken_and_nothing_else() {
    let safe = safe(Limits::default());
    for (version, number) in [(&TLS12, ProtocolVersion::TLSv1_2), (&TLS13, ProtocolVersion::TLSv1_3)] {
        let (answer, spoken) = get_by(&safe.site, FIRST, &[version]).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200") && spoken == number, "{answer} {spoken:?}");
    }
    assert!(get_by(&safe.site, SECOND, &[&TLS13]).is_none(), "it is not the one that was trusted");
    let plain = safe.site.get("/metrics");
    assert!(
        plain.starts_with("HTTP/1.1 400") && body(&plain) == "TLS is spoken here: write https://HOST.\n",
        "{plain}"
    );
}

#[test]
fn a_renewed_certificate_is_taken_up_and_a_broken_one_is_told_of_and_left() {
    let safe = safe(Limits::default());
    let shows = |pem| get_by(&safe.site, pem, &[&TLS13]).is_some();
    assert!(shows(FIRST) && !shows(SECOND));
    put(&safe.folder, SECOND);
    assert!(until(|| shows(SECOND)) && !shows(FIRST));
    let News::Good(told) = safe.news.recv().unwrap() else { panic!("all is well") };
    assert!(told.contains("cert.pem was read again"), "{told}");

    fs::write(files(&safe.folder).cert, FIRST).unwrap();
    let News::Bad(told) = safe.news.recv().unwrap() else { panic!("the key is not its") };
    assert!(told.contains("does not belong to") && told.contains("stays in use"), "{told}");
    fs::remove_file(files(&safe.folder).key).unwrap();
    let News::Bad(told) = safe.news.recv().unwrap() else { panic!("there is no key") };
    assert!(told.contains("key.pem cannot be read"), "{told}");
    assert!(shows(SECOND), "the one before goes on");
    put(&safe.folder, FIRST);
    assert!(until(|| shows(FIRST)));
}

#[test]
fn files_that_cannot_be_used_keep_it_from_starting_and_are_named() {
    let folder = TempDir::new().unwrap();
    let tls = files(&folder);
    let cert = FIRST.split("-----BEGIN PRIVATE").next().unwrap();
    let key = SECOND.split("-----END CERTIFICATE-----\n").last().unwrap();
    for (in_cert, in_key, said) in [
        (None, None, "cert.pem cannot be read: No such file or directory (os error 2): is the path right?"),
        (Some(""), None, "cert.pem holds no certificate in PEM"),
        (Some("-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n"), None, "cert.pem is no PEM"),
        (Some(cert), None, "key.pem cannot be read"),
        (Some(cert), Some(cert), "key.pem holds no private key in PEM"),
        (Some(cert), Some(key), "key.pem does not belong to the certificate in"),
        (Some("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), Some(key), "cert.pem cannot be used"),
    ] {
        for (path, text) in [(&tls.cert, in_cert), (&tls.key, in_key)] {
            if let Some(text) = text {
                fs::write(path, text).unwrap();
            }
        }
        let publisher = Publisher::new(fixture::snapshot());
        let web = Web { tls: Some(tls.clone()), ..web("127.0.0.1:0".parse().unwrap()) };
        let error = Server::start_with(&web, shown(&publisher), Limits::default()).unwrap_err().to_string();
        assert!(error.contains(said) && error.starts_with("[web] tls: "), "{said} is not in {error}");
        assert!(!error.contains("MII"), "nothing of what is in the files: {error}");
    }
    let folder_as_key = Tls { key: PathBuf::from("/proc"), ..tls };
    assert!(tls::usable(&folder_as_key).is_err());
}

#[test]
fn who_must_show_a_certificate_and_has_none_is_not_let_in() {
    let folder = TempDir::new().unwrap();
    put(&folder, FIRST);
    let tls = Tls { client_ca: Some(files(&folder).cert), ..files(&folder) };
    let web = Web { tls: Some(tls), ..web("127.0.0.1:0".parse().unwrap()) };
    let site = start(fixture::snapshot(), (web, Limits::default()));
    let answer = get_by(&site, FIRST, &[&TLS12, &TLS13]);
    assert!(answer.is_none_or(|(answer, _)| answer.is_empty()));
}

#[test]
fn a_handshake_that_does_not_come_loses_its_place() {
    let safe = safe(Limits { connections: 1, header: QUICK, ..Limits::default() });
    let held = safe.site.connect();
    assert!(until(|| get_by(&safe.site, FIRST, &[&TLS13]).is_some_and(|(answer, _)| answer.contains("healthy"))));
    assert_eq!(rest(held), "");
    let mut half = safe.site.connect();
    half.write_all(&[22, 3, 1]).unwrap();
    assert!(until(|| get_by(&safe.site, FIRST, &[&TLS13]).is_some_and(|(answer, _)| answer.contains("healthy"))));
}

/// Of "long secret:with colon", of "ünïcode".
const USERS: [(&str, &str); 2] = [
    ("prometheus", "$2y$04$GbWl.ShaA9yU.55GaaWU7.tSMcnRPyVMdkwrVj6oKkIxPA4DtGmZe"),
    ("anna", "$2y$04$jZh6aK493Cz0gLdU.dfnUOzm62ZLTOdz50TUBlFMkqdKgMoV3UJP."),
];

fn guarded() -> Site {
    let mut snapshot = fixture::snapshot();
    let mut config = (*snapshot.config).clone();
    let user = |(name, hash): (&str, &str)| WebUser { name: name.into(), hash: PasswordHash::new(hash) };
    config.web.users = USERS.map(user).to_vec();
    snapshot.config = Arc::new(config);
    start(snapshot, (web("127.0.0.1:0".parse().unwrap()), Limits::default()))
}

impl Site {
    fn get_as(&self, path: &str, credentials: &str) -> String {
        let encoded = STANDARD.encode(credentials);
        self.ask(&format!(
            "GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: bAsIc {encoded}\r\nConnection: close\r\n\r\n"
        ))
    }
}

#[test]
fn only_users_with_their_password_see_anything_at_all() {
    let site = guarded();
    let paths = ["/", "/metrics", "/api/v1/status", "/-/healthy", "/page.js", "/nowhere"];
    for path in paths {
        let answer = site.get(path);
        assert!(answer.starts_with("HTTP/1.1 401"), "{path}: {answer}");
        assert!(answer.to_lowercase().contains("www-authenticate: basic realm=\"tradedog\""), "{answer}");
    }
    for path in paths {
        assert!(!site.get_as(path, "prometheus:long secret:with colon").starts_with("HTTP/1.1 401"), "{path}");
    }
    assert!(site.get_as("/-/healthy", "anna:ünïcode").starts_with("HTTP/1.1 200"));
    let strangers = ["prometheus:ünïcode", "nobody:ünïcode", "prometheus:", ":", "prometheus", "", "anna:ünïcode\0"];
    let answers: Vec<String> = strangers.iter().map(|credentials| site.get_as("/-/healthy", credentials)).collect();
    let told = |answer: &str| answer.lines().filter(|line| !line.starts_with("date:")).collect::<String>();
    for answer in &answers {
        assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
        assert_eq!(told(answer), told(&answers[0]), "nobody learns which users there are");
    }
    let raw = site.ask("GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Basic !!!\r\nConnection: close\r\n\r\n");
    assert!(raw.starts_with("HTTP/1.1 401"), "{raw}");
    let status = site.get_as("/api/v1/status", "anna:ünïcode");
    assert!(!status.contains("$2y$") && !format!("{:?}", site.publisher.published().latest().config).contains("$2y$"));
}

#[test]
fn whoever_guesses_waits_and_the_others_do_not() {
    let site = guarded();
    assert!(site.get_as("/-/healthy", "anna:ünïcode").starts_with("HTTP/1.1 200"));
    let address = site.server.addresses()[0];
    let guess = move |number: usize| {
        let mut stream = TcpStream::connect(address).unwrap();
        let encoded = STANDARD.encode(format!("anna:{number}"));
        let request =
            format!("GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {encoded}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        rest(stream)
    };
    let guesses: Vec<_> = (0..30).map(|number| std::thread::spawn(move || guess(number))).collect();
    assert!(site.get_as("/-/healthy", "anna:ünïcode").starts_with("HTTP/1.1 200"), "known, so nothing is compared");
    let answers: Vec<String> = guesses.into_iter().map(|guess| guess.join().unwrap()).collect();
    assert!(answers.iter().all(|answer| ["401", "429"].iter().any(|status| answer.contains(status))), "{answers:?}");
    assert!(until(|| guess(0).contains("401")), "places are given back");
}

#[test]
fn few_wait_and_one_an_address() {
    let gate = Arc::new(Gate::new().unwrap());
    let take = |last: u8| gate::Place::take(&gate, IpAddr::from([192, 0, 2, last]));
    let places: Vec<_> = (0..4).map(|last| take(last).unwrap()).collect();
    assert!(take(4).is_none(), "no more than wait");
    drop(places);
    let place = take(1).unwrap();
    assert!(take(1).is_none() && take(2).is_some(), "one an address");
    drop(place);
    assert!(take(1).is_some());
}
