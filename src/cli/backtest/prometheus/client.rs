//! Asks a Prometheus over HTTP: one question, one connection, a limit on everything. What goes wrong becomes
//! a sentence that says what to do.
#![expect(clippy::disallowed_methods, reason = "a command reads the files that its user named")]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue, LOCATION, USER_AGENT};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

use super::address::Address;
use super::answer::{self, Answer, Row, said, said_bytes};
use crate::cli::failure::remedy;
use crate::cli::lookup::shown;
use crate::cli::status::access::{certificates, encrypted};
use crate::model::{withheld, without_secrets};
use crate::replay::Fault;

/// Largest answer: ten thousand points of two hundred series take about 60 MB.
const MOST_BYTES: usize = 256 << 20;
const AGENT: &str = concat!("tradedog/", env!("CARGO_PKG_VERSION"));
/// A question longer than this goes into the body of a POST.
const LONGEST_URL: usize = 4000;

/// Whom to ask, and as whom.
#[derive(Debug)]
pub(super) struct Client {
    address: Address,
    authorization: Option<HeaderValue>,
    /// Where the secret came from.
    secret: Option<PathBuf>,
    ca: Option<PathBuf>,
    patience: Duration,
    runtime: Runtime,
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum NoAnswer {
    /// Fewer points may do.
    TooMuch(Fault),
    /// The question itself is refused.
    BadQuery(Fault),
    /// Whatever is asked.
    Other(Fault),
}

impl NoAnswer {
    /// What to tell.
    pub(super) fn fault(self) -> Fault {
        match self {
            Self::TooMuch(fault) | Self::BadQuery(fault) | Self::Other(fault) => fault,
        }
    }
}

const SHORTER: &str = "choose a shorter --range or a longer --step";
const RIGHT: &str = "is it the right address (--prometheus)?";

/// What came back.
struct Response {
    status: StatusCode,
    location: Option<String>,
    body: Bytes,
}

/// Who asks.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Secrets<'a> {
    /// `USER:PASSWORD`
    pub(super) basic: Option<&'a Path>,
    /// A token.
    pub(super) bearer: Option<&'a Path>,
}

impl Secrets<'_> {
    fn header(self) -> anyhow::Result<Option<(HeaderValue, PathBuf)>> {
        let (path, text) = match (self.basic, self.bearer) {
            (Some(path), _) => {
                let pair = secret(path, "--basic-auth-file")?;
                ensure!(pair.contains(':'), "no user and password in {}: write USER:PASSWORD on one line", shown(path));
                (path, format!("Basic {}", STANDARD.encode(pair)))
            }
            (None, Some(path)) => (path, format!("Bearer {}", secret(path, "--bearer-file")?)),
            (None, None) => return Ok(None),
        };
        let value = HeaderValue::try_from(text);
        let mut value = value.with_context(|| format!("{} holds what no header can carry", shown(path)))?;
        value.set_sensitive(true);
        Ok(Some((value, path.to_owned())))
    }
}

fn secret(path: &Path, option: &str) -> anyhow::Result<String> {
    let unread = |error| anyhow!("no secret in {}: {error}: {}", shown(path), remedy(&error, option));
    let text = fs::read_to_string(path).map_err(unread)?;
    let text = text.trim_end_matches(['\n', '\r']);
    ensure!(!text.is_empty(), "no secret in {}: it is empty", shown(path));
    ensure!(!text.contains('\n'), "no secret in {}: it has several lines", shown(path));
    Ok(text.to_owned())
}

impl Client {
    pub(super) fn new(address: Address, secrets: Secrets<'_>, ca: Option<&Path>) -> anyhow::Result<Self> {
        let (authorization, secret) = secrets.header()?.unzip();
        // It is read at each connection: what is wrong with it is not told as what is wrong there.
        ca.map(certificates).transpose()?;
        let runtime = Builder::new_current_thread().enable_io().enable_time().build()?;
        let patience = Duration::from_secs(120);
        Ok(Self { address, authorization, secret, ca: ca.map(Path::to_owned), patience, runtime })
    }

    /// With less patience, for tests.
    #[cfg(test)]
    pub(super) fn within(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Where it asks.
    pub(super) const fn address(&self) -> &Address {
        &self.address
    }

    /// The series that answer a call of the API, such as `query_range`, and what the other side would have known of
    /// them; `form` are its parameters, the query first.
    pub(super) fn ask(&self, call: &str, form: &[(&str, &str)]) -> Result<(Vec<Row>, Vec<String>), NoAnswer> {
        let asked = self.runtime.block_on(async { timeout(self.patience, self.exchange(call, form)).await });
        let response = match asked {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => {
                return Err(NoAnswer::Other(self.fault(format!("{error:#}"), "is it running there (--prometheus)?")));
            }
            Err(_) => {
                return Err(NoAnswer::TooMuch(self.fault(format!("no answer within {:?}", self.patience), SHORTER)));
            }
        };
        let query = form.first().map_or("", |(_, query)| *query);
        if !response.status.is_success() {
            return Err(self.refused(&response, query));
        }
        match answer::read(&response.body) {
            Answer::Series(rows, warnings) => Ok((rows, warnings)),
            Answer::Refused(kind, words) => Err(self.unwilling((&kind, &words), query)),
            Answer::Garbage(what) => Err(NoAnswer::Other(
                self.fault(format!("what answers there does not speak as Prometheus does: {what}"), RIGHT),
            )),
        }
    }

    /// Something is wrong there.
    pub(super) fn fault(&self, what: impl Into<String>, help: impl Into<String>) -> Fault {
        Fault { place: format!("Prometheus at {}", self.address), what: what.into(), help: help.into() }
    }

    async fn exchange(&self, call: &str, form: &[(&str, &str)]) -> anyhow::Result<Response> {
        let (host, port) = (self.address.host.as_str(), self.address.port);
        let tcp = TcpStream::connect((host, port)).await.context("cannot connect")?;
        if self.address.tls {
            return self.over(encrypted(self.ca.as_deref(), host, tcp).await?, call, form).await;
        }
        self.over(tcp, call, form).await
    }

    /// The exchange over a connection that stands.
    async fn over<S>(&self, stream: S, call: &str, form: &[(&str, &str)]) -> anyhow::Result<Response>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        let response = sender.send_request(self.request(call, form)?).await.context("no HTTP answer")?;
        let status = response.status();
        let location = response.headers().get(LOCATION).map(|value| said_bytes(value.as_bytes()));
        match Limited::new(response.into_body(), MOST_BYTES).collect().await {
            Ok(body) => Ok(Response { status, location, body: body.to_bytes() }),
            Err(error) => bail!("its answer broke off: {error}"),
        }
    }

    /// A GET, which everybody understands, unless its URL were too long.
    fn request(&self, call: &str, form: &[(&str, &str)]) -> anyhow::Result<Request<Full<Bytes>>> {
        let pairs = form.iter().map(|(key, value)| format!("{key}={}", escaped(value)));
        let (path, form) = (self.address.path(call), pairs.collect::<Vec<_>>().join("&"));
        let builder = if form.len() <= LONGEST_URL {
            Request::get(format!("{path}?{form}"))
        } else {
            Request::post(path).header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        };
        let builder = builder.header(HOST, self.address.authority()).header(USER_AGENT, AGENT);
        let body = if form.len() <= LONGEST_URL { Bytes::new() } else { Bytes::from(form) };
        let mut request = builder.body(Full::new(body))?;
        request.headers_mut().extend(self.authorization.clone().map(|value| (AUTHORIZATION, value)));
        Ok(request)
    }

    /// What to do about a status that is no success.
    fn refused(&self, response: &Response, query: &str) -> NoAnswer {
        let status = response.status;
        if let Some(Answer::Refused(kind, words)) = answer::refusal(&response.body) {
            return self.unwilling((&kind, &words), query);
        }
        let body = withheld(&response.body, self.authorization.iter().filter_map(credentials));
        let words = said_bytes(body.get(..120).unwrap_or(&body));
        let told = if words.is_empty() { status.to_string() } else { format!("{status}: {words}") };
        let (what, help) = match status {
            StatusCode::UNAUTHORIZED => match &self.secret {
                None => ("it asks who wants to know".to_owned(), "give --basic-auth-file or --bearer-file".to_owned()),
                Some(file) => {
                    let file = shown(file);
                    (format!("it does not accept what is in {file}"), format!("write what it asks for into {file}"))
                }
            },
            StatusCode::FORBIDDEN => {
                (format!("it refuses ({told})"), "ask as somebody else: --basic-auth-file or --bearer-file".to_owned())
            }
            StatusCode::NOT_FOUND => (
                "there is no API of Prometheus (404 Not Found)".to_owned(),
                "write the path before /api/v1 too".to_owned(),
            ),
            _ if status.is_redirection() => {
                let to = response.location.as_deref().map(without_secrets);
                let to = to.unwrap_or_else(|| "it does not say where".to_owned());
                (format!("it sends elsewhere ({status}): {to}"), "write that address with --prometheus".to_owned())
            }
            _ if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
                (format!("it cannot answer now ({told})"), "try again later, or with a shorter --range".to_owned())
            }
            _ => (format!("it answers {told}"), RIGHT.to_owned()),
        };
        NoAnswer::Other(self.fault(what, help))
    }

    /// What to do about a refusal in Prometheus's own words.
    fn unwilling(&self, (kind, words): (&str, &str), query: &str) -> NoAnswer {
        let query = said(query);
        // A query_range has at most 11,000 points a series; beyond --query.max-samples its execution ends.
        if words.contains("maximum resolution") || words.contains("too many samples") || kind == "timeout" {
            return NoAnswer::TooMuch(
                self.fault(format!("it will not read so much at once for {query} ({words})"), SHORTER),
            );
        }
        match kind {
            "bad_data" | "execution" => NoAnswer::BadQuery(self.fault(
                format!("it cannot evaluate {query} ({words})"),
                "correct it: --query METRIC='PROMQL' says what is asked for a metric",
            )),
            _ => NoAnswer::Other(self.fault(format!("it cannot answer {query} ({kind}: {words})"), "try again later")),
        }
    }
}

/// What of the header is the secret: not the word before it.
fn credentials(header: &HeaderValue) -> Option<&[u8]> {
    header.as_bytes().splitn(2, |byte| *byte == b' ').nth(1)
}

/// As a part of a URL: everything but letters, digits and `-._~` as `%XX`.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() * 2);
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => escaped.push(char::from(byte)),
            _ => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    escaped
}

#[cfg(test)]
mod tests;
