//! `tradedog undo`: takes back what is in force, now.

use clap::Args;

use super::daemon::{Daemon, MOST, name, time};
use super::{Failure, Output};
use crate::config::units;
use crate::export::{LeaseView, Request};
use crate::model::printable;

/// Longest name shown.
const NAME_CHARS: usize = 100;

/// What to undo.
#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// Whose measures
    #[arg(value_name = "TARGET", required_unless_present = "all")]
    target: Option<String>,
    /// Which action of it
    #[arg(value_name = "ACTION", required_unless_present = "all", conflicts_with = "all")]
    action: Option<String>,
    /// Every measure that is in force, of TARGET or, without it, of all targets
    #[arg(long)]
    all: bool,
    /// How long to wait until it is undone; tradedog itself goes on trying
    #[arg(long, value_name = "TIME", default_value_t = units::Duration(MOST), value_parser = time)]
    wait: units::Duration,
    #[command(flatten)]
    daemon: Daemon,
}

/// Succeeds only when everything that was meant is undone.
pub(super) fn run(arguments: &Arguments, output: &mut Output) -> Result<(), Failure> {
    let in_force = arguments.daemon.leases()?;
    let meant: Vec<LeaseView> = in_force.iter().filter(|lease| arguments.means(lease)).cloned().collect();
    if meant.is_empty() && arguments.target.is_none() {
        return Ok(output.line("nothing is in force")?);
    }
    if meant.is_empty() {
        // A name that it does not know it refuses, and says which there are.
        arguments.daemon.order(&arguments.request(), output)?;
        return Err(Failure::runtime(arguments.nothing(&in_force)));
    }
    arguments.daemon.order(&arguments.request(), output)?;
    arguments.daemon.follow(&meant, arguments.wait.0, output)
}

impl Arguments {
    fn means(&self, lease: &LeaseView) -> bool {
        let is = |name: &Option<String>, other: &str| name.as_deref().is_none_or(|name| name == other);
        is(&self.target, &lease.target) && is(&self.action, &lease.action)
    }

    fn request(&self) -> Request {
        let of = |target: &String| Request::Undo { target: target.clone(), action: self.action.clone() };
        self.target.as_ref().map_or(Request::UndoAll, of)
    }

    /// Why there is nothing to do, and what there would be.
    fn nothing(&self, in_force: &[LeaseView]) -> String {
        let names = [&self.action, &self.target].into_iter().flatten();
        let asked = names.map(|name| printable(name.as_bytes(), NAME_CHARS)).collect::<Vec<_>>().join(" of ");
        let others = in_force.iter().map(name).collect::<Vec<_>>().join(", ");
        let others = if others.is_empty() { "nothing is".to_owned() } else { format!("in force: {others}") };
        format!("nothing to undo: {asked} is not in force; {others}")
    }
}

#[cfg(test)]
mod tests;
