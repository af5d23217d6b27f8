//! `http`: a request that can be sent as it stands.

use std::path::PathBuf;
use std::time::Duration;

use hyper::Uri;
use hyper::header::{HeaderName, HeaderValue};

use super::super::super::keys;
use super::super::super::problem::Report;
use super::super::super::reader::{Entry, Value};
use super::super::super::text::quoted;
use super::super::super::value::duration;
use crate::model::{Http, Url};

/// Default of `timeout`.
const TIMEOUT: Duration = Duration::from_secs(2);
/// Default of `expect`.
const EXPECT: [u16; 3] = [200, 202, 204];
const EXAMPLE: &str = "http://127.0.0.1:8080/admin/pause";

/// Reads the table.
pub(super) fn read(value: Value<'_>, report: &mut Report) -> Option<Http> {
    let mut table = value.table(&format!("http = {{ post = \"{EXAMPLE}\" }}"), report)?;
    let place = table.place;
    let (post, headers, bearer) = (table.take("post"), table.take("headers"), table.take("bearer_file"));
    let (body, expect) = (table.take("body"), table.take("expect"));
    let timeout = table.take("timeout").map_or(Some(TIMEOUT), |value| duration(value, "100ms"..="10m", report));
    let unknown = table.clone().rest();
    unknown.iter().filter(|entry| may_be_secret(entry)).for_each(|entry| report.veil(entry.value.place, false));
    if table.finish(&keys::HTTP, report) && post.is_none() {
        report.missing(place, "`http` without `post`").help(format!("say where it goes: post = \"{EXAMPLE}\""));
    }
    let post = post.and_then(|value| url(value, report));
    let headers = headers.map_or_else(|| Some(Vec::new()), |value| headers_of(value, bearer.is_some(), report));
    let bearer_file = bearer.map_or(Some(None), |value| secret(value, report).map(Some));
    body.iter().for_each(|value| report.veil(value.place, false));
    let body = body.map_or(Some(None), |value| value.text("{}", report).map(|text| Some(text.to_owned())));
    let expect = expect.map_or_else(|| Some(EXPECT.to_vec()), |value| statuses(value, report));
    Some(Http {
        post: post?,
        headers: headers?,
        bearer_file: bearer_file?,
        body: body?,
        expect: expect?,
        timeout: timeout?,
    })
}

/// Whether a key that nobody knows may be a misspelt one that holds a secret.
fn may_be_secret(entry: &Entry<'_>) -> bool {
    entry.value.is_table() || entry.value.as_text().is_some_and(|text| text.len() > 8)
}

fn url(value: Value<'_>, report: &mut Report) -> Option<Url> {
    let text = value.text(EXAMPLE, report)?;
    report.veil(value.place, true);
    match no_url(text) {
        None => Some(text.into()),
        Some((what, help)) => {
            report.error(value.place, what).help(help);
            None
        }
    }
}

/// Why nothing can be sent there, and what to write.
fn no_url(text: &str) -> Option<(String, String)> {
    let whole = || format!("write the whole address, such as \"{EXAMPLE}\"");
    let shown = quoted(&Url::from(text).to_string());
    let Some((scheme, rest)) = text.split_once("://") else {
        let help =
            if text.starts_with('/') { whole() } else { format!("{}, with http:// or https:// in front", whole()) };
        return Some((format!("{shown} is not a URL"), help));
    };
    if scheme != "http" && scheme != "https" {
        return Some((format!("{} is neither http nor https", quoted(scheme)), whole()));
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') {
        let help = "take it out of the URL, and put a token into a file: bearer_file = \"/etc/tradedog/secret/admin\"";
        return Some(("a URL with a user or a password in it".to_owned(), help.to_owned()));
    }
    if text.contains('#') {
        let what = format!("{shown} has a part behind #, which is never sent");
        return Some((what, "leave it out; write %23 for a # that is meant".to_owned()));
    }
    let Ok(uri) = text.parse::<Uri>() else {
        let what = format!("{shown} is not a URL");
        return Some((what, "write blanks and letters beyond ASCII as %20 and the like".to_owned()));
    };
    if uri.host().is_none_or(|host| host.is_empty() || host == "[]") {
        return Some((format!("{shown} names no host"), whole()));
    }
    let port = authority.rsplit_once(':').filter(|(_, port)| !port.ends_with(']'));
    if port.is_some() && uri.port_u16().is_none_or(|port| port == 0) {
        return Some((format!("{shown} has no such port"), "a port is a number from 1 to 65535".to_owned()));
    }
    None
}

fn headers_of(value: Value<'_>, bearer: bool, report: &mut Report) -> Option<Vec<(String, String)>> {
    let table = value.table("headers = { X-Reason = \"leak\" }", report)?;
    let mut headers: Vec<(String, String)> = Vec::new();
    let mut sound = true;
    for entry in table.rest() {
        if !entry.key.eq_ignore_ascii_case("content-type") {
            report.veil(entry.value.place, false);
        }
        let twice = headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(entry.key));
        if twice {
            let what = format!("header {} is written twice", quoted(entry.key));
            report.error(entry.key_place, what).help("keep one of the two: capitals make no difference");
        }
        let header = header(&entry, bearer, report).filter(|_| !twice);
        sound &= header.is_some();
        headers.extend(header);
    }
    sound.then_some(headers)
}

/// Headers that the request brings itself, and what to write instead.
const OURS: [(&str, &str); 7] = [
    ("host", "remove it: it is the host of the URL"),
    ("content-length", "remove it: it is the length of the body"),
    ("transfer-encoding", "remove it: the body is sent as it is"),
    ("connection", "remove it: each request has a connection of its own"),
    ("upgrade", "remove it: a request is answered, and that is all"),
    ("expect", "remove it: the body is sent at once"),
    ("idempotency-key", "remove it: it is the number of the order"),
];

fn header(entry: &Entry<'_>, bearer: bool, report: &mut Report) -> Option<(String, String)> {
    let Ok(name) = HeaderName::from_bytes(entry.key.as_bytes()) else {
        report
            .error(entry.key_place, format!("{} is not the name of a header", quoted(entry.key)))
            .help("names are letters, digits and -, such as X-Reason");
        return None;
    };
    if let Some((_, help)) = OURS.iter().find(|(ours, _)| name == *ours) {
        report.error(entry.key_place, format!("header {} is not yours to set", quoted(entry.key))).help(*help);
        return None;
    }
    let secret = "put the token into a file that only the daemon reads: bearer_file = \"/etc/tradedog/secret/admin\"";
    if name == hyper::header::AUTHORIZATION && bearer {
        report
            .error(entry.key_place, "`bearer_file` and a header `Authorization`")
            .help("keep one of the two: the token of the file is sent in that header");
        return None;
    }
    if name == hyper::header::AUTHORIZATION {
        report.warning(entry.key_place, "a secret in this file, which others may read").help(secret);
    }
    let text = entry.value.text("leak", report)?;
    if HeaderValue::from_str(text).is_err() {
        report
            .error(entry.value.place, format!("the value of {} cannot be sent", quoted(entry.key)))
            .help("write it on one line, in printable ASCII");
        return None;
    }
    Some((entry.key.to_owned(), text.to_owned()))
}

fn secret(value: Value<'_>, report: &mut Report) -> Option<PathBuf> {
    const FILE: &str = "/etc/tradedog/secret/admin";
    let text = value.text(FILE, report)?;
    if !text.starts_with('/') {
        report.veil(value.place, false);
    }
    if text.starts_with('/') && !text.contains('\0') {
        return Some(PathBuf::from(text));
    }
    // It may be the token itself, which is not said once more.
    report
        .error(value.place, "not an absolute path")
        .help(format!("write the path of the file that holds the token, such as \"{FILE}\""));
    None
}

fn statuses(value: Value<'_>, report: &mut Report) -> Option<Vec<u16>> {
    let items = value.list("expect = [200, 202, 204]", report)?;
    if items.is_empty() {
        report
            .error(value.place, "no status would ever acknowledge")
            .help("name those that do, such as [200, 202, 204], or leave it out");
        return None;
    }
    let mut statuses = Vec::with_capacity(items.len());
    let mut sound = true;
    for item in items {
        let status = item.whole(200..=299, report).and_then(|n| u16::try_from(n).ok());
        sound &= status.is_some();
        statuses.extend(status.filter(|status| !statuses.contains(status)));
    }
    sound.then_some(statuses)
}
