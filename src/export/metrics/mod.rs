//! `/metrics`: the families, and how they are written.
//!
//! Names, labels and units are an interface: dashboards and alerts hang on them. A family is one
//! row of one of the tables below: name, help, kind, labels, and the function that fills it from
//! the last snapshot. Nothing is kept between scrapes, so a series ends with what it was about.

mod daemon;
mod history;
mod host;
mod hours;
mod incidents;
mod leases;
mod orders;
mod process;
mod scrape;
mod target;

use prometheus::proto::{Counter, Gauge, LabelPair, Metric, MetricFamily, MetricType};
use prometheus::{Result, TextEncoder};

use super::Snapshot;
use scrape::Scrape;
pub use scrape::left_out;

/// Whether a value only ever grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Counter,
    Gauge,
}

/// A family of series: one row of a table.
struct Family {
    name: &'static str,
    help: &'static str,
    kind: Kind,
    labels: &'static [&'static str],
    fill: fn(&Scrape<'_>, &mut Series),
}

const fn gauge(
    name: &'static str,
    labels: &'static [&'static str],
    help: &'static str,
    fill: fn(&Scrape<'_>, &mut Series),
) -> Family {
    Family { name, help, kind: Kind::Gauge, labels, fill }
}

const fn counter(
    name: &'static str,
    labels: &'static [&'static str],
    help: &'static str,
    fill: fn(&Scrape<'_>, &mut Series),
) -> Family {
    Family { name, help, kind: Kind::Counter, labels, fill }
}

/// Every family, in the order of the output.
fn families() -> impl Iterator<Item = &'static Family> {
    let tables = [
        target::FAMILIES,
        process::FAMILIES,
        orders::FAMILIES,
        leases::FAMILIES,
        host::FAMILIES,
        hours::FAMILIES,
        history::FAMILIES,
        incidents::FAMILIES,
        daemon::FAMILIES,
    ];
    tables.into_iter().flatten()
}

/// The series of one family while it is filled.
struct Series {
    kind: Kind,
    labels: &'static [&'static str],
    /// As many of `metrics` are its own. The others were of the family before: where that was about the same
    /// processes, they have the labels already.
    filled: usize,
    metrics: Vec<Metric>,
}

impl Series {
    /// Adds a sample; `values` are those of the family's labels, in their order.
    fn push(&mut self, values: &[&str], value: f64) {
        if self.filled == self.metrics.len() {
            self.metrics.push(Metric::default());
        }
        let metric = &mut self.metrics[self.filled];
        self.filled += 1;
        let labels = self.labels.iter().copied().zip(values.iter().copied());
        if !metric.get_label().iter().map(|pair| (pair.name(), pair.value())).eq(labels.clone()) {
            metric.set_label(labels.map(label).collect());
        }
        match self.kind {
            Kind::Gauge => {
                let mut gauge = Gauge::default();
                gauge.set_value(value);
                metric.set_gauge(gauge);
            }
            Kind::Counter => {
                let mut counter = Counter::default();
                counter.set_value(value);
                metric.set_counter(counter);
            }
        }
    }

    /// Adds a sample where there is a value; what is unknown has none.
    fn push_known(&mut self, values: &[&str], value: Option<f64>) {
        if let Some(value) = value {
            self.push(values, value);
        }
    }
}

fn label((name, value): (&str, &str)) -> LabelPair {
    let mut pair = LabelPair::default();
    pair.set_name(name.to_owned());
    pair.set_value(value.to_owned());
    pair
}

impl Family {
    /// Puts this one and its series in place of what is in `family`. False where it has no series: then what is
    /// there is not to be shown.
    fn collect(&self, scrape: &Scrape<'_>, family: &mut MetricFamily) -> bool {
        let mut series =
            Series { kind: self.kind, labels: self.labels, filled: 0, metrics: std::mem::take(family.mut_metric()) };
        (self.fill)(scrape, &mut series);
        family.set_metric(series.metrics);
        if series.filled == 0 {
            return false;
        }
        family.mut_metric().truncate(series.filled);
        family.set_name(self.name.to_owned());
        family.set_help(self.help.to_owned());
        family.set_field_type(match self.kind {
            Kind::Counter => MetricType::COUNTER,
            Kind::Gauge => MetricType::GAUGE,
        });
        true
    }
}

/// About what one series takes in the output.
const SERIES_BYTES: usize = 96;

/// Writes the exposition of `snapshot`, one family at a time, so that only one is in memory.
///
/// # Errors
/// When the encoder refuses a family, which the tests rule out.
pub fn render(snapshot: &Snapshot, out: &mut String) -> Result<()> {
    let scrape = Scrape::of(snapshot);
    out.reserve(scrape.room() * SERIES_BYTES);
    let encoder = TextEncoder::new();
    let mut collected = [MetricFamily::default()];
    for family in families() {
        if family.collect(&scrape, &mut collected[0]) {
            let begun = out.len();
            encoder.encode_utf8(&collected, out)?;
            infinite(begun, out);
        }
    }
    Ok(())
}

/// The crate writes `inf` where the exposition format says `+Inf`. A value is the end of its line, and a label
/// holds no line break that is not escaped.
fn infinite(begun: usize, out: &mut String) {
    if out[begun..].contains(" inf\n") {
        let written = out[begun..].replace(" inf\n", " +Inf\n");
        out.truncate(begun);
        out.push_str(&written);
    }
}

#[cfg(test)]
mod tests;
