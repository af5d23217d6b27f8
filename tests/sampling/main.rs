//! The sampler over real processes, against what other programs say of them.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod cgroups;
mod crowd;
mod groups;
mod host;
mod namespaces;
mod processes;
mod server;
mod sockets;
mod watched;
