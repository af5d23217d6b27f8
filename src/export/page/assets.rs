//! The files of the page: its style, its script, its sign. All of them are in the program.

use std::sync::LazyLock;

/// A file of the page.
#[derive(Clone, Copy, Debug)]
pub(in crate::export) struct Asset {
    /// Its path on the server.
    pub(in crate::export) path: &'static str,
    /// Its content type.
    pub(in crate::export) kind: &'static str,
    /// What is in it.
    pub(in crate::export) body: &'static str,
}

const ASSETS: [Asset; 3] = [
    Asset { path: "/page.css", kind: "text/css; charset=utf-8", body: include_str!("page.css") },
    Asset { path: "/page.js", kind: "text/javascript; charset=utf-8", body: include_str!("page.js") },
    Asset { path: "/favicon.svg", kind: "image/svg+xml", body: include_str!("favicon.svg") },
];

/// The file at `path`.
pub(in crate::export) fn find(path: &str) -> Option<&'static Asset> {
    ASSETS.iter().find(|asset| asset.path == path)
}

impl Asset {
    /// Changes with what is in it.
    pub(in crate::export) fn tag(&self) -> String {
        format!("\"{:08x}-{}\"", crc32fast::hash(self.body.as_bytes()), self.body.len())
    }
}

/// Changes with any of the files: an open page that sees another one loads itself anew.
pub(super) fn build() -> &'static str {
    static BUILD: LazyLock<String> = LazyLock::new(|| {
        let all: Vec<u8> = ASSETS.iter().flat_map(|asset| asset.body.bytes()).collect();
        format!("{}-{:08x}", env!("CARGO_PKG_VERSION"), crc32fast::hash(&all))
    });
    &BUILD
}
