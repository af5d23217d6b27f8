//! Series out of a Prometheus: its own export, read back, or the metrics of another exporter.
//!
//! What belongs here: what is asked of its HTTP API, and what its answers say of which process. What does not:
//! what follows from it (`replay`).

mod address;
mod answer;
mod client;
mod grid;
mod plan;
mod queries;
mod reader;
mod source;

#[cfg(test)]
mod fake;

use std::path::PathBuf;
use std::rc::Rc;

use clap::Args;
use jiff::Timestamp;

use super::super::Failure;
use super::super::daemon::time;
use crate::config::{Config, units};
use crate::replay::Series;
use address::Address;
use client::{Client, Secrets};
use plan::{Plan, Wish};
use queries::{Label, Mapping};
use reader::Reader;
use source::{Range, Source};

/// Which Prometheus, and what of it.
#[derive(Args, Debug, Default)]
pub(super) struct Prometheus {
    /// Replay what this Prometheus has recorded: http://HOST:PORT, with the path before /api/v1 if there is one
    #[arg(long, value_name = "URL")]
    prometheus: Option<String>,
    /// How far apart the readings are; without it as far as Prometheus scrapes them
    #[arg(long, value_name = "TIME", value_parser = time, requires = "prometheus")]
    step: Option<units::Duration>,
    /// Where a metric comes from that tradedog has not exported: open_fds='process_open_fds{job="trader"}';
    /// start_time is when a process began. Labels that differ tell processes apart
    #[arg(long = "query", value_name = "METRIC=PROMQL", requires = "prometheus")]
    queries: Vec<Mapping>,
    /// Which daemon, where Prometheus knows several: instance=trading1:7911
    #[arg(long = "label", value_name = "NAME=VALUE", requires = "prometheus")]
    labels: Vec<Label>,
    /// The file that holds USER:PASSWORD for it
    #[arg(long, value_name = "FILE", requires = "prometheus", conflicts_with = "bearer_file")]
    basic_auth_file: Option<PathBuf>,
    /// The file that holds a token for it
    #[arg(long, value_name = "FILE", requires = "prometheus")]
    bearer_file: Option<PathBuf>,
    /// Its certificate, or those that vouch for it, in PEM; without it those that this host trusts
    #[arg(long, value_name = "FILE", requires = "prometheus")]
    ca: Option<PathBuf>,
}

/// What a Prometheus has recorded.
pub(super) struct Recorded(Rc<Source>);

impl Prometheus {
    /// Looks what it has between two times for the targets of the configurations, or for the one that was named.
    pub(super) fn look(
        &self,
        (config, old): (&Config, Option<&Config>),
        (target, (from, to)): (Option<&str>, (Timestamp, Timestamp)),
    ) -> Result<Recorded, Failure> {
        let address = Address::parse(self.prometheus.as_deref().unwrap_or_default()).map_err(Failure::usage)?;
        self.check_queries(config, target)?;
        let secrets = Secrets { basic: self.basic_auth_file.as_deref(), bearer: self.bearer_file.as_deref() };
        let client = Client::new(address, secrets, self.ca.as_deref()).map_err(Failure::Runtime)?;
        let configs: Vec<&Config> = std::iter::once(config).chain(old).collect();
        let plan = Plan::of(&configs, Wish { target, mappings: &self.queries, labels: &self.labels });
        let step = self.step.map(|step| step.0).filter(|step| !step.is_zero());
        let range = Range { from, to, step, interval: config.daemon.interval };
        let source = Source::look(client, plan, range).map_err(|fault| Failure::runtime(fault.to_string()))?;
        Ok(Recorded(Rc::new(source)))
    }

    /// A query is about the processes of one target.
    fn check_queries(&self, config: &Config, target: Option<&str>) -> Result<(), Failure> {
        let of_process = self.queries.iter().find(|mapping| !mapping.is_of_host());
        if let Some(mapping) = of_process.filter(|_| target.is_none() && config.targets.len() > 1) {
            let names: Vec<&str> = config.targets.iter().map(|target| &*target.name).collect();
            return Err(Failure::usage(format!(
                "--query {} may be for any of {}: say which by --target",
                mapping.name(),
                names.join(", ")
            )));
        }
        let twice =
            self.queries.iter().enumerate().find(|(index, mapping)| {
                self.queries.iter().take(*index).any(|before| before.metric == mapping.metric)
            });
        match twice {
            Some((_, mapping)) => {
                Err(Failure::usage(format!("--query {} is there twice: leave one out", mapping.name())))
            }
            None => Ok(()),
        }
    }
}

impl Recorded {
    /// Where it comes from.
    pub(super) fn name(&self) -> String {
        format!("Prometheus at {}", self.0.client().address())
    }

    /// From the beginning.
    pub(super) fn series(&self) -> Box<dyn Series> {
        Box::new(Reader::new(&self.0))
    }

    /// What somebody should know who reads the result.
    pub(super) fn notes(&self) -> &[String] {
        self.0.notes()
    }
}

#[cfg(test)]
mod tests;
