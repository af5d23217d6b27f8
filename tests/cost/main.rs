//! What the daemon itself may cost, held to: system calls, memory, descriptors, processor.
//!
//! Counts, sizes and ratios only. Milliseconds depend on the machine: those are in benches/.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test starts programs, waits, prints, and fails by panicking"
)]

mod calls;
mod ceiling;
mod crowd;
mod footprint;
mod near;
mod soak;
mod strace;
#[path = "../real/support/mod.rs"]
#[expect(dead_code, unused_imports, reason = "the other tests on real processes use the rest")]
mod support;
mod watching;
