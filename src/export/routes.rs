//! Which path shows what. Everything is read only.

use http_body_util::Full;
use hyper::body::{Body, Bytes};
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderMap, HeaderName, HeaderValue,
    IF_NONE_MATCH, REFERRER_POLICY, RETRY_AFTER, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Method, Request, Response, StatusCode};

use super::page::{self, Asset, Seen};
use super::{Snapshot, metrics, status};
use crate::model::Moment;

/// A path, what it is for, and what answers it.
struct Route {
    path: &'static str,
    about: &'static str,
    page: fn(&Snapshot, Moment) -> Page,
}

struct Page {
    status: StatusCode,
    kind: &'static str,
    body: Bytes,
}

const TEXT: &str = "text/plain; charset=utf-8";
const HTML: &str = "text/html; charset=utf-8";
const JSON: &str = "application/json";
/// The exposition format of the prometheus crate's encoder, which writes UTF-8.
const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";

const ROUTES: &[Route] = &[
    Route { path: "/", about: "the status as a page", page: status_html },
    Route { path: "/metrics", about: "for Prometheus", page: |snapshot, _| metrics_page(snapshot) },
    Route { path: "/api/v1/status", about: "all that is known, as JSON", page: |snapshot, _| status_page(snapshot) },
    Route { path: "/-/healthy", about: "200 while the server answers", page: |snapshot, _| healthy(snapshot) },
    Route {
        path: "/-/ready",
        about: "200 when every reading that a threshold needs is there",
        page: |snapshot, _| ready(snapshot),
    },
];

/// What a page may do in a browser: show itself and ask this server, and nothing else.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// On every answer, for a browser that is led here by another site.
const GUARDS: [(HeaderName, &str); 4] = [
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (CONTENT_SECURITY_POLICY, POLICY),
    (REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// The watch must have made a pass within this time, or three of its intervals.
const PATIENCE: f64 = 30.0;

/// Answers `request` from `snapshot`; it is `now`.
pub(super) fn answer<B: Body>(request: &Request<B>, snapshot: &Snapshot, now: Moment) -> Response<Full<Bytes>> {
    if !request.body().is_end_stream() {
        let page = Page::text(StatusCode::PAYLOAD_TOO_LARGE, "A request here has no body.\n");
        let mut response = page.into_response();
        // The body is not read, so nothing can follow it.
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        return response;
    }
    if request.method() != Method::GET && request.method() != Method::HEAD {
        let page = Page::text(StatusCode::METHOD_NOT_ALLOWED, "Everything here is read only: use GET or HEAD.\n");
        let mut response = page.into_response();
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return response;
    }
    let path = request.uri().path();
    if let Some(asset) = page::find(path) {
        return file(asset, request.headers());
    }
    let route = ROUTES.iter().find(|route| route.path == path);
    route.map_or_else(not_found, |route| (route.page)(snapshot, now)).into_response()
}

/// To whoever gave no name and password that belong together.
pub(super) fn stranger() -> Response<Full<Bytes>> {
    let page = Page::text(StatusCode::UNAUTHORIZED, "A user of [web] users and the password are needed here.\n");
    let mut response = page.into_response();
    let ask = HeaderValue::from_static("Basic realm=\"tradedog\", charset=\"UTF-8\"");
    response.headers_mut().insert(WWW_AUTHENTICATE, ask);
    response
}

/// To whoever would have to wait until the passwords of others are compared.
pub(super) fn busy() -> Response<Full<Bytes>> {
    let page = Page::text(StatusCode::TOO_MANY_REQUESTS, "Too many passwords are being compared: ask again.\n");
    let mut response = page.into_response();
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

/// A file of the page: asked for each time, sent when it is another one.
fn file(asset: &Asset, asked: &HeaderMap) -> Response<Full<Bytes>> {
    let tag = asset.tag();
    let same = asked.get_all(IF_NONE_MATCH).iter().filter_map(|tags| tags.to_str().ok());
    let same = same.flat_map(|tags| tags.split(',')).any(|one| one.trim().trim_start_matches("W/") == tag);
    let (status, body) = if same { (StatusCode::NOT_MODIFIED, "") } else { (StatusCode::OK, asset.body) };
    let mut response = Page { status, kind: asset.kind, body: Bytes::from_static(body.as_bytes()) }.into_response();
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    headers.extend(HeaderValue::try_from(tag).map(|tag| (ETAG, tag)));
    response
}

impl Page {
    fn text(status: StatusCode, body: impl Into<String>) -> Self {
        Self { status, kind: TEXT, body: Bytes::from(body.into()) }
    }

    fn into_response(self) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::new(self.body));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.kind));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.extend(GUARDS.map(|(name, value)| (name, HeaderValue::from_static(value))));
        response
    }
}

fn metrics_page(snapshot: &Snapshot) -> Page {
    let mut body = String::new();
    match metrics::render(snapshot, &mut body) {
        Ok(()) => Page { status: StatusCode::OK, kind: METRICS, body: body.into() },
        Err(error) => {
            Page::text(StatusCode::INTERNAL_SERVER_ERROR, format!("The metrics could not be written: {error}\n"))
        }
    }
}

fn status_page(snapshot: &Snapshot) -> Page {
    match serde_json::to_string_pretty(&status::Status::of(snapshot)) {
        Ok(json) => Page { status: StatusCode::OK, kind: JSON, body: (json + "\n").into() },
        Err(error) => {
            Page::text(StatusCode::INTERNAL_SERVER_ERROR, format!("The status could not be written: {error}\n"))
        }
    }
}

fn status_html(snapshot: &Snapshot, now: Moment) -> Page {
    let intervals = snapshot.pass.periods.pass.max(snapshot.config.daemon.interval).as_secs_f64() * 3.0;
    let seen = Seen { now: snapshot.wall.unix_seconds(now), patience: intervals.max(PATIENCE) };
    let body = page::html(&status::Status::of(snapshot), seen);
    Page { status: StatusCode::OK, kind: HTML, body: body.into() }
}

/// A loop that has not made its first pass has not shown that it lives.
fn healthy(snapshot: &Snapshot) -> Page {
    match snapshot.begun {
        true => Page::text(StatusCode::OK, "healthy\n"),
        false => Page::text(StatusCode::SERVICE_UNAVAILABLE, "starting: no pass has been made yet\n"),
    }
}

fn ready(snapshot: &Snapshot) -> Page {
    if snapshot.not_ready.is_empty() {
        return Page::text(StatusCode::OK, "ready\n");
    }
    Page::text(StatusCode::SERVICE_UNAVAILABLE, snapshot.not_ready.join("\n") + "\n")
}

fn not_found() -> Page {
    let paths: String = ROUTES.iter().map(|route| format!("  {:<16} {}\n", route.path, route.about)).collect();
    Page::text(StatusCode::NOT_FOUND, format!("Not here. There are:\n{paths}"))
}
