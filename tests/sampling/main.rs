//! The sampler over real processes, against what other programs say of them.

mod processes;
mod sockets;
mod watched;
