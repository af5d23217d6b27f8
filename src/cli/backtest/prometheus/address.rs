//! Where a Prometheus is: its URL, with the path that a proxy may have put before its API.

use std::fmt;

use hyper::Uri;

use crate::model::Url;

const FORM: &str =
    "write it as http://HOST:PORT, such as http://127.0.0.1:9090, with the path before /api/v1 if there is one";

/// The URL of a Prometheus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    /// A name or an address, without brackets.
    pub(super) host: String,
    /// 80 or 443 where none is written.
    pub(super) port: u16,
    /// Whether it is https.
    pub(super) tls: bool,
    /// What stands before `/api/v1`: empty, or `/prometheus`.
    prefix: String,
}

impl Address {
    /// `http://HOST:PORT` or `https://...`, perhaps with a path.
    pub(super) fn parse(url: &str) -> Result<Self, String> {
        let uri: Uri = url.parse().map_err(|error| format!("--prometheus is no URL ({error}): {FORM}"))?;
        let usual = match uri.scheme_str() {
            Some("http") => 80,
            Some("https") => 443,
            Some(_) | None => return Err(format!("--prometheus is no address: {FORM}")),
        };
        if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
            return Err("--prometheus is no place for a password: give --basic-auth-file".to_owned());
        }
        let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
        let is_port_bad = uri.port_u16().is_none() && uri.authority().map(|all| all.as_str()) != uri.host();
        if host.is_empty() || is_port_bad || uri.query().is_some() {
            return Err(format!("--prometheus is no address: {FORM}"));
        }
        // Whoever copied the address of the API meant what is before it.
        let path = uri.path().split("/api/v1").next().unwrap_or_default().trim_end_matches('/');
        Ok(Self {
            host: host.to_owned(),
            port: uri.port_u16().unwrap_or(usual),
            tls: uri.scheme_str() == Some("https"),
            prefix: path.to_owned(),
        })
    }

    /// `HOST:PORT`, as the header names it.
    pub(super) fn authority(&self) -> String {
        if self.host.contains(':') {
            return format!("[{}]:{}", self.host, self.port);
        }
        format!("{}:{}", self.host, self.port)
    }

    /// The path of a call: `/prometheus/api/v1/query_range`.
    pub(super) fn path(&self, call: &str) -> String {
        format!("{}/api/v1/{call}", self.prefix)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A path may be a token; what is shown is what a URL shows.
        let scheme = if self.tls { "https" } else { "http" };
        Url::from(format!("{scheme}://{}{}", self.authority(), self.prefix)).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_an_address() {
        let path = |url: &str| Address::parse(url).map(|address| (address.to_string(), address.path("query")));
        let of = |shown: &str, path: &str| Ok((shown.to_owned(), path.to_owned()));
        assert_eq!(path("http://127.0.0.1:9090"), of("http://127.0.0.1:9090", "/api/v1/query"));
        assert_eq!(path("http://[::1]:9090/"), of("http://[::1]:9090", "/api/v1/query"));
        assert_eq!(path("https://mon.example"), of("https://mon.example:443", "/api/v1/query"));
        assert_eq!(path("http://h:1/k3y-9f8e7d/"), of("http://h:1/[hidden]", "/k3y-9f8e7d/api/v1/query"));
        assert_eq!(path("http://h:1/prom/"), of("http://h:1/prom", "/prom/api/v1/query"));
        assert_eq!(path("http://h:1/prom/api/v1/query_range"), of("http://h:1/prom", "/prom/api/v1/query"));
    }

    #[test]
    fn what_is_none() {
        for url in ["127.0.0.1:9090", "localhost", "ftp://h:1", "http://", "http://h:1/?query=up", "", "http://h:99999"]
        {
            let said = Address::parse(url).unwrap_err();
            assert!(said.contains("http://127.0.0.1:9090"), "{url}: {said}");
        }
        assert!(Address::parse("http://me:secret@h:1").unwrap_err().contains("--basic-auth-file"));
    }
}
