//! Which path shows what. Everything is read only.

use http_body_util::Full;
use hyper::body::{Body, Bytes};
use hyper::header::{ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};

use super::{Snapshot, metrics, status};

/// A path, what it is for, and what answers it.
struct Route {
    path: &'static str,
    about: &'static str,
    page: fn(&Snapshot) -> Page,
}

struct Page {
    status: StatusCode,
    kind: &'static str,
    body: String,
}

const TEXT: &str = "text/plain; charset=utf-8";
const HTML: &str = "text/html; charset=utf-8";
const JSON: &str = "application/json";
/// The exposition format of the prometheus crate's encoder, which writes UTF-8.
const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";

const ROUTES: &[Route] = &[
    Route { path: "/", about: "this page", page: landing },
    Route { path: "/metrics", about: "for Prometheus", page: metrics_page },
    Route { path: "/api/v1/status", about: "all that is known, as JSON", page: status_page },
    Route { path: "/-/healthy", about: "200 while the server answers", page: healthy },
    Route { path: "/-/ready", about: "200 when every reading that a threshold needs is there", page: ready },
];

/// Answers `request` from `snapshot`.
pub(super) fn answer<B: Body>(request: &Request<B>, snapshot: &Snapshot) -> Response<Full<Bytes>> {
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
    let route = ROUTES.iter().find(|route| route.path == request.uri().path());
    route.map_or_else(not_found, |route| (route.page)(snapshot)).into_response()
}

impl Page {
    fn text(status: StatusCode, body: impl Into<String>) -> Self {
        Self { status, kind: TEXT, body: body.into() }
    }

    fn into_response(self) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::new(Bytes::from(self.body)));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.kind));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
        if self.kind == HTML {
            let policy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";
            headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
        }
        response
    }
}

fn metrics_page(snapshot: &Snapshot) -> Page {
    let mut body = String::new();
    match metrics::render(snapshot, &mut body) {
        Ok(()) => Page { status: StatusCode::OK, kind: METRICS, body },
        Err(error) => {
            Page::text(StatusCode::INTERNAL_SERVER_ERROR, format!("The metrics could not be written: {error}\n"))
        }
    }
}

fn status_page(snapshot: &Snapshot) -> Page {
    match serde_json::to_string_pretty(&status::Status::of(snapshot)) {
        Ok(json) => Page { status: StatusCode::OK, kind: JSON, body: json + "\n" },
        Err(error) => {
            Page::text(StatusCode::INTERNAL_SERVER_ERROR, format!("The status could not be written: {error}\n"))
        }
    }
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

fn landing(_: &Snapshot) -> Page {
    let row = |route: &Route| format!("<li><a href=\"{0}\">{0}</a> {1}</li>\n", route.path, route.about);
    let links: String = ROUTES.iter().skip(1).map(row).collect();
    let version = env!("CARGO_PKG_VERSION");
    let body = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>tradedog</title></head>\n\
         <body><h1>tradedog {version}</h1>\n<ul>\n{links}</ul></body></html>\n"
    );
    Page { status: StatusCode::OK, kind: HTML, body }
}
