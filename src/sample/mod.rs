//! Probes: one file a metric family and one line in PROBES.

mod attribution;
mod fault;
