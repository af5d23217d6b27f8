//! What would have been ordered: recorded readings, played to the very same judge.
//!
//! What belongs here: series of readings in the order of time, the world that answers every order, and what
//! was told. What does not: where a series is kept and how it is shown (`cli::backtest`), and any decision
//! (`judge`).
//!
//! What a series lacks is taken as good: handlers, identity and anchors are as configured, every delivery is
//! acknowledged at once, a process lives on after a kill. Memory depends on the configuration and on how many
//! processes there are, never on how long the series is.

mod calm;
mod csv;
mod export;
mod foresight;
mod player;
mod rows;
mod run;
mod seats;
mod series;
mod steps;
mod survey;
mod tally;
mod together;

pub use calm::{Calm, Usual};
pub use csv::Csv;
pub use export::Export;
pub use foresight::{ForecastRow, Foresight};
pub use player::{Answer, Player};
pub use rows::{LevelRow, OrderRow};
pub use run::{Replay, Told};
pub use series::{Column, Fault, Row, Series, implausible};
pub use survey::{Survey, survey};
pub use tally::{Counts, FLAP, Gaps, Ladder, LadderKey, OrderKey, Tally};
