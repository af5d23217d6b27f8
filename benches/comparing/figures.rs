//! What was measured, and the bars that it is held to.

use std::time::Duration;

/// One workload: so many target processes with so many descriptors each; sockets of all of them together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) name: String,
    pub(crate) processes: u32,
    pub(crate) fds: u32,
    pub(crate) established: u32,
    pub(crate) close_wait: u32,
    pub(crate) bystanders: u32,
}

impl Size {
    /// `each` is processes and descriptors; `rest` is ESTABLISHED, CLOSE_WAIT and bystanders.
    pub(crate) fn new(name: &str, each: (u32, u32), rest: (u32, u32, u32)) -> Self {
        let (processes, fds) = each;
        let (established, close_wait, bystanders) = rest;
        Self { name: name.to_owned(), processes, fds, established, close_wait, bystanders }
    }

    /// The three that the bars speak of.
    pub(crate) fn all() -> [Self; 3] {
        [
            Self::new("W1", (10, 100), (500, 50, 100)),
            Self::new("W2", (100, 500), (10_000, 1_000, 500)),
            Self::new("W3", (1_000, 500), (50_000, 10_000, 1_000)),
        ]
    }
}

/// What one program costs.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Cost {
    /// Processor time of all its threads, user and system, divided by its passes.
    pub(crate) per_pass: Duration,
    /// MiB.
    pub(crate) resident: f64,
    /// MiB, of the resident ones.
    pub(crate) anonymous: f64,
}

/// One workload, measured.
#[derive(Clone, Debug)]
pub(crate) struct Measured {
    pub(crate) size: Size,
    /// Processes and threads that others started each second meanwhile.
    pub(crate) others: f64,
    /// The bare loop at the daemon's pace, beside it, on a host where TCP is still.
    pub(crate) floor: Duration,
    /// The bare loop, passes back to back.
    pub(crate) hot: Duration,
    pub(crate) tradedog: Cost,
    /// Floor and tradedog while segments come and go.
    pub(crate) busy: [Duration; 2],
    /// One scrape of /metrics.
    pub(crate) scrape: Duration,
    /// Or why not.
    pub(crate) exporter: Result<Cost, String>,
    pub(crate) monit: Result<Cost, String>,
}

/// The same with less and with more of what should not matter.
#[derive(Clone, Debug)]
pub(crate) struct Growth {
    /// Of what: `CPU per pass, descriptors per target 100 to 10,000`.
    pub(crate) of: &'static str,
    /// tradedog's processor time per pass, before and after.
    pub(crate) tradedog: [Duration; 2],
    pub(crate) floor: [Duration; 2],
    /// So many times as much it may be in any case, and is then as much for each.
    pub(crate) times: f64,
    /// The ratio that it may reach beside that.
    pub(crate) bar: f64,
}

/// All that one run has measured.
#[derive(Clone, Debug)]
pub(crate) struct Report {
    /// When and where: `2026-11-21, Linux 6.18.5, 2 processors`.
    pub(crate) place: String,
    pub(crate) measured: Vec<Measured>,
    pub(crate) growth: Vec<Growth>,
}

/// One figure against what it may be.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Bar {
    pub(crate) of: String,
    pub(crate) value: f64,
    pub(crate) limit: Limit,
    pub(crate) unit: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Limit {
    AtMost(f64),
    AtLeast(f64),
}

impl Bar {
    pub(crate) fn is_met(&self) -> bool {
        match self.limit {
            Limit::AtMost(limit) => self.value <= limit,
            Limit::AtLeast(limit) => self.value >= limit,
        }
    }
}

/// Of one workload: ratio to the floor at most, ratio to process-exporter at least, MiB of anonymous and
/// of resident memory at most.
const BARS: [(&str, [f64; 4]); 3] =
    [("W1", [1.5, 15.0, 4.0, 12.0]), ("W2", [1.25, 24.0, 8.0, 16.0]), ("W3", [1.25, 35.0, 28.0, 40.0])];
/// The workload whose scrape has a bar, and that bar in milliseconds.
const SCRAPE: (&str, f64) = ("W2", 2.5);

impl Measured {
    pub(crate) fn ratio_to_floor(&self) -> f64 {
        ratio(self.tradedog.per_pass, self.floor)
    }

    pub(crate) fn busy_ratio_to_floor(&self) -> f64 {
        let [floor, tradedog] = self.busy;
        ratio(tradedog, floor)
    }

    fn bars(&self) -> Vec<Bar> {
        let name = &self.size.name;
        let Some((_, [floor, exporter, anonymous, resident])) = BARS.iter().find(|(of, _)| of == name) else {
            return Vec::new();
        };
        let bar = |what: &str, value, limit, unit| Bar { of: format!("{name}: {what}"), value, limit, unit };
        let to_floor = [
            ("CPU per pass, against the floor", self.ratio_to_floor()),
            ("the same while segments come and go", self.busy_ratio_to_floor()),
        ];
        let mut bars = to_floor.map(|(what, times)| bar(what, times, Limit::AtMost(*floor), "x")).to_vec();
        if let Ok(theirs) = &self.exporter {
            let times = ratio(theirs.per_pass, self.tradedog.per_pass);
            bars.push(bar(
                "cheaper than process-exporter, which reads no sockets",
                times,
                Limit::AtLeast(*exporter),
                "x",
            ));
        }
        bars.push(bar("anonymous memory", self.tradedog.anonymous, Limit::AtMost(*anonymous), "MiB"));
        bars.push(bar("resident memory", self.tradedog.resident, Limit::AtMost(*resident), "MiB"));
        if name == SCRAPE.0 {
            let scrape = milliseconds(self.scrape);
            bars.push(bar("CPU of one GET /metrics", scrape, Limit::AtMost(SCRAPE.1), "ms"));
        }
        bars
    }
}

impl Growth {
    fn bar(&self) -> Bar {
        let [before, after] = self.tradedog;
        let value = ratio(after, before) / self.times;
        Bar { of: format!("growth: {}", self.of), value, limit: Limit::AtMost(self.bar), unit: "x" }
    }
}

impl Report {
    pub(crate) fn bars(&self) -> Vec<Bar> {
        self.measured.iter().flat_map(Measured::bars).chain(self.growth.iter().map(Growth::bar)).collect()
    }

    pub(crate) fn is_missed(&self) -> bool {
        !self.bars().iter().all(Bar::is_met)
    }
}

pub(crate) fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn ratio(this: Duration, other: Duration) -> f64 {
    this.as_secs_f64() / other.as_secs_f64()
}
