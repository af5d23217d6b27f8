//! The command line.

use std::path::PathBuf;

use clap::Parser;

use super::figures::Size;

/// Measures CPU time per pass and memory of tradedog, of a bare loop of the same kernel calls (the
/// floor), of prometheus-process-exporter and of monit, over the same processes in the same run.
///
/// What is missing of the two packages is fetched with apt-get and unpacked below target/tools;
/// nothing is installed. Root sees most: without it the daemon and its peers watch processes of one user only.
#[derive(Debug, Parser)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
#[command(name = "benches/compare")]
pub(crate) struct Options {
    /// W1, W2, W3 (the three workloads), growth (what it costs more with more descriptors, bystanders and targets), or all
    #[arg(default_values_t = [String::from("all")], value_parser = ["W1", "W2", "W3", "growth", "all"])]
    what: Vec<String>,
    /// A workload of your own instead: so many target processes
    #[arg(long, value_name = "P", value_parser = clap::value_parser!(u32).range(1..=50_000))]
    processes: Option<u32>,
    /// Descriptors of each of them
    #[arg(long, value_name = "F", default_value_t = 100, requires = "processes")]
    fds: u32,
    /// TCP sockets in ESTABLISHED, of all of them together
    #[arg(long, value_name = "S", default_value_t = 0, requires = "processes")]
    established: u32,
    /// TCP sockets in CLOSE_WAIT, of all of them together
    #[arg(long, value_name = "C", default_value_t = 0, requires = "processes")]
    close_wait: u32,
    /// Processes beside them that nobody asked for
    #[arg(long, value_name = "B", default_value_t = 0, requires = "processes")]
    bystanders: u32,
    /// How long the daemon and the floor are measured, side by side; windows of 30 seconds, for a rescan is in each
    #[arg(long, value_name = "N", default_value_t = 90, value_parser = clap::value_parser!(u32).range(2..=3600))]
    pub(crate) seconds: u32,
    /// Only the floor and tradedog
    #[arg(long)]
    pub(crate) no_peers: bool,
    /// Also monit over more than 300 processes, whose first cycle takes minutes
    #[arg(long)]
    pub(crate) slow_peers: bool,
    /// Write the chart to this file
    #[arg(long, value_name = "FILE")]
    pub(crate) svg: Option<PathBuf>,
    /// Write the table to this file
    #[arg(long, value_name = "FILE")]
    pub(crate) markdown: Option<PathBuf>,
    /// Write the tables into README.md and docs/cost.md and the chart to docs/cost.svg; all is measured then
    #[arg(long, conflicts_with_all = ["what", "processes"])]
    pub(crate) write: bool,
    /// Fail when a bar is missed
    #[arg(long)]
    pub(crate) assert: bool,
    /// What cargo adds.
    #[arg(long, hide = true)]
    bench: bool,
}

impl Options {
    /// What is to be brought up, one after the other.
    pub(crate) fn sizes(&self) -> Vec<Size> {
        match self.processes {
            Some(processes) => {
                let rest = (self.established, self.close_wait, self.bystanders);
                vec![Size::new("own", (processes, self.fds), rest)]
            }
            None => Size::all().into_iter().filter(|size| self.asks_for(&size.name)).collect(),
        }
    }

    pub(crate) fn asks_for(&self, name: &str) -> bool {
        self.what.iter().any(|what| what == name || (what == "all" && self.processes.is_none()))
    }
}
