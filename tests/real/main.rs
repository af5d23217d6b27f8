//! The daemon against real processes: what it counts is what `ls` and `ss` count, what it signals
//! handles the signal, what it kills is what it was told to kill.
//!
//! Every trigger is tested with its opposite: the bloated one dies, the calm one lives. Processes
//! are started and ended by the test that uses them, and matched by a name that no other test has.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test starts programs, waits, prints, and fails by panicking"
)]

mod brakes;
mod campaign;
mod cgroups;
mod changes;
mod command_line;
mod containers;
mod counts;
mod demo;
mod effects;
mod endpoints;
mod faults;
mod footprint;
mod freezes;
mod frozen;
mod groups;
mod history;
mod host;
mod hostile;
mod hours;
mod incidents;
mod kills;
mod latency;
mod leases;
mod measures;
mod names;
mod needs;
mod operator;
mod privileges;
mod recorded;
mod reloads;
mod remembering;
mod restarts;
mod rights;
mod sandboxed;
mod signals;
mod starts;
mod support;
