//! The parts of the bench `latency`.

pub(crate) mod child;
pub(crate) mod daemon;
pub(crate) mod report;
