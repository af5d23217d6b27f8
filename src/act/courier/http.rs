//! A request: POST, no redirects, no proxy, a connection of its own, a bounded answer.

use std::path::Path;
use std::time::Duration;

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{
    AUTHORIZATION, CONNECTION, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue, InvalidHeaderValue, USER_AGENT,
};
use hyper::{Request, Response, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::{Instant, timeout_at};

use super::connect::{Endpoint, Stream, Trust};
use super::context::Told;
use super::said;
use crate::act::end::End;
use crate::model::{Http, secret_pieces, withheld};

/// Most bytes of an answer's head.
const MOST_HEAD: usize = 16 * 1024;
/// Bytes of an answer after which no more are read.
const ENOUGH_BODY: usize = 4 * 1024;
/// So long the words of a refusal are waited for once its status is known.
const BODY_PATIENCE: Duration = Duration::from_millis(200);
/// Most bytes of a bearer file.
const MOST_BEARER: u64 = 16 * 1024;
/// A header's value that is shorter is no secret.
const SHORTEST: usize = 8;
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const AGENT: HeaderValue = HeaderValue::from_static(concat!("tradedog/", env!("CARGO_PKG_VERSION")));
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// The circumstances of a request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call {
    pub(super) deadline: Instant,
    pub(super) trust: Trust,
}

/// A request that is ready to be sent, and what an answer must not repeat to people.
struct Letter {
    request: Request<Full<Bytes>>,
    secrets: Vec<Vec<u8>>,
}

/// Sends the request and waits for the head of the answer.
pub(super) async fn deliver(http: &Http, told: &Told, call: Call) -> End {
    let ready = async {
        let uri: Uri = http.post.as_written().parse().map_err(|error| format!("its URL cannot be read: {error}"))?;
        let endpoint = Endpoint::of(&uri)?;
        let letter = letter(http, told, (&uri, &endpoint)).await?;
        let stream = endpoint.connect(call.deadline, call.trust).await?;
        Ok::<_, String>((letter, stream))
    };
    match timeout_at(call.deadline, ready).await {
        Ok(Ok((letter, stream))) => ask(http, letter, (stream, call.deadline)).await,
        Ok(Err(why)) => End::refused(said(why)),
        Err(_) => End::unreached(format!("no connection within {:?}", http.timeout)),
    }
}

/// From here on the other side may have done what it was asked, whatever it answers.
async fn ask(http: &Http, letter: Letter, (stream, deadline): (Box<dyn Stream>, Instant)) -> End {
    let Letter { request, secrets } = letter;
    // Ends with this function, and with it the connection: what else is sent is never read.
    let mut connections = JoinSet::new();
    let answered = timeout_at(deadline, async {
        let (mut sender, connection) =
            http1::Builder::new().max_buf_size(MOST_HEAD).handshake(TokioIo::new(stream)).await?;
        connections.spawn(connection);
        sender.send_request(request).await
    });
    match answered.await {
        Ok(Ok(response)) if http.expect.contains(&response.status().as_u16()) => End::acknowledged(),
        Ok(Ok(response)) => refused(response, &secrets, deadline).await,
        Ok(Err(error)) => End::doubtful(said(format!("no HTTP answer: {error}"))),
        Err(_) => End::overdue(format!("no answer within {:?}", http.timeout)),
    }
}

/// An answer that does not acknowledge. Only 4xx says for certain that nothing was done.
async fn refused(response: Response<Incoming>, secrets: &[Vec<u8>], deadline: Instant) -> End {
    let status = response.status();
    let words = match status.is_redirection() {
        true => b"redirects are not followed, write the final URL".to_vec(),
        false => {
            let body = body(response.into_body(), deadline.min(Instant::now() + BODY_PATIENCE)).await;
            first_words(&withheld(&body, secrets.iter().map(Vec::as_slice)), status)
        }
    };
    let detail = [format!("HTTP {}: ", status.as_u16()).as_bytes(), &words].concat();
    match status.is_client_error() {
        true => End::refused(said(detail)),
        false => End::doubtful(said(detail)),
    }
}

/// The beginning of the body, as far as it comes in time.
async fn body(mut body: Incoming, until: Instant) -> Vec<u8> {
    let mut read = Vec::new();
    while let Ok(Some(Ok(frame))) = timeout_at(until, body.frame()).await {
        let data = frame.into_data().unwrap_or_default();
        read.extend_from_slice(&data[..data.len().min(ENOUGH_BODY - read.len())]);
        if read.len() >= ENOUGH_BODY {
            break;
        }
    }
    read
}

/// The first line that says something, else what the status means.
fn first_words(body: &[u8], status: StatusCode) -> Vec<u8> {
    let line = body.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).find(|line| !line.is_empty());
    line.map_or_else(|| status.canonical_reason().unwrap_or("no more was said").into(), <[u8]>::to_vec)
}

async fn letter(http: &Http, told: &Told, (uri, endpoint): (&Uri, &Endpoint)) -> Result<Letter, String> {
    let bad = |error: InvalidHeaderValue| format!("a header cannot be sent: {error}");
    let mut headers = HeaderMap::new();
    headers.insert(HOST, HeaderValue::try_from(&endpoint.authority).map_err(bad)?);
    headers.insert(USER_AGENT, AGENT);
    headers.insert(CONTENT_TYPE, JSON);
    let mut secrets = own_headers(http, &mut headers)?;
    let own = http.post.secrets().chain(http.body.iter().flat_map(|body| secret_pieces(body)));
    secrets.extend(own.map(|secret| secret.as_bytes().to_vec()));
    if let Some(path) = &http.bearer_file {
        let path = path.clone();
        let token = spawn_blocking(move || bearer(&path)).await.map_err(|_| "no thread to read the bearer file")??;
        let mut value = HeaderValue::try_from(format!("Bearer {token}")).map_err(bad)?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
        secrets.push(token.into_bytes());
    }
    headers.insert(IDEMPOTENCY_KEY, HeaderValue::try_from(&told.key).map_err(bad)?);
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    let body = http.body.as_ref().map_or_else(|| told.json.clone().into(), |body| Bytes::from(body.clone()));
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let mut request = Request::post(path).body(Full::new(body)).map_err(|error| error.to_string())?;
    *request.headers_mut() = headers;
    Ok(Letter { request, secrets })
}

/// Adds the headers as written; they win over ours of the same name. Gives back the values that may
/// be secret.
fn own_headers(http: &Http, headers: &mut HeaderMap) -> Result<Vec<Vec<u8>>, String> {
    for (name, _) in &http.headers {
        headers.remove(name);
    }
    let mut secrets = Vec::new();
    for (name, value) in &http.headers {
        let shown = format!("the header {name:?} cannot be sent");
        let key = HeaderName::try_from(name).map_err(|_| shown.clone())?;
        let mut value = HeaderValue::try_from(value).map_err(|_| shown)?;
        if value.len() >= SHORTEST && key != CONTENT_TYPE {
            value.set_sensitive(true);
            secrets.push(value.as_bytes().to_vec());
        }
        headers.append(key, value);
    }
    Ok(secrets)
}

/// The token: read anew for each request, because it is renewed while the daemon runs.
#[expect(clippy::disallowed_methods, reason = "the secret of a request is read when it is sent, and kept nowhere")]
fn bearer(path: &Path) -> Result<String, String> {
    use std::io::Read as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let shown = |why: &dyn std::fmt::Display| format!("no bearer token in {}: {why}", path.display());
    // A pipe would keep its reader waiting for ever.
    let nonblocking = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or(0);
    let opened = std::fs::OpenOptions::new().read(true).custom_flags(nonblocking).open(path);
    let file = opened.map_err(|error| shown(&error))?;
    if !file.metadata().is_ok_and(|metadata| metadata.is_file()) {
        return Err(shown(&"it is no file"));
    }
    let mut text = String::new();
    file.take(MOST_BEARER).read_to_string(&mut text).map_err(|error| shown(&error))?;
    let token = text.trim();
    match token {
        "" => Err(shown(&"it is empty")),
        _ if token.bytes().all(|byte| byte.is_ascii_graphic()) => Ok(token.to_owned()),
        _ => Err(shown(&"it holds more than one word")),
    }
}
