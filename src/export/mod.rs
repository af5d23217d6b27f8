//! What is shown: the page, `/metrics`, the JSON API, health.
//!
//! What belongs here: the [`Snapshot`] that the loop leaves after each pass, and everything that is
//! read from it. What does not: anything that reads a target or the host. A scrape costs the loop
//! nothing; it sees the last pass, and says of when it is.

mod clock;
pub mod control;
pub mod metrics;
mod page;
mod pending;
mod published;
mod routes;
mod server;
mod snapshot;
pub mod status;

pub use crate::model::{LadderView, LeaseStanding, LeaseView, RungOf, RungView, Standing, ThresholdView};
pub use clock::WallClock;
pub use control::{Asked, Control, OrderAnswer, Reply, Request, Whom};
pub use pending::{EscalationView, WindowView};
pub use published::{Published, Publisher};
pub use server::{Clock, News, Server, usable as usable_tls};
pub use snapshot::{
    GroupView, Lists, ListsOf, MemberView, PassView, PeriodsView, ProbeErrors, ProbeView, ReloadView, Snapshot,
    TargetView,
};

#[cfg(test)]
pub(crate) mod fixture;
