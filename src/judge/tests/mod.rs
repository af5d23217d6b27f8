//! Series in, verdicts out, in promtool's notation; every duration matters because time is an
//! argument.

#![expect(clippy::wildcard_enum_match_arm, reason = "a test looks at the notes it is about")]

mod apart;
mod brakes;
mod calendar;
mod closed;
mod edges;
mod effect_properties;
mod effects;
mod escalation;
mod forecasts;
mod incidents;
mod joins;
mod ladder;
mod leases;
mod memory;
mod needs;
mod operator;
mod pasts;
mod properties;
mod reloads;
mod remembered;
mod second;
mod several;
mod shares;
mod successors;
mod thresholds;
mod together;
mod world;
