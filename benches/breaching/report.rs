//! The distributions: as a table, as lines, as a chart.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// How often is sampled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Once a second, whatever comes.
    Fixed,
    /// As shipped.
    Adaptive,
}

impl Mode {
    pub(crate) const fn tag(self) -> &'static str {
        match self {
            Self::Fixed => "fixed",
            Self::Adaptive => "adaptive",
        }
    }

    /// What stands below `[daemon]`.
    pub(crate) const fn configuration(self) -> &'static str {
        match self {
            Self::Fixed => "interval = \"1s\"\nmin_interval = \"1s\"",
            Self::Adaptive => "",
        }
    }

    /// What the second time of each breach counts from. Of a reading between two passes the daemon does not tell when it
    /// was due.
    const fn due(self) -> &'static str {
        match self {
            Self::Fixed => "from when the reading was due",
            Self::Adaptive => "from when the reading began",
        }
    }

    const fn title(self) -> &'static str {
        match self {
            Self::Fixed => "interval 1s, sudden breach",
            Self::Adaptive => "adaptive, steady leak",
        }
    }
}

/// One breach, in milliseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Breach {
    /// From the breach to the signal.
    pub(crate) total: f64,
    /// From the moment when the reading that saw it was due.
    pub(crate) after_due: f64,
}

/// All of one mode.
pub(crate) struct Measured {
    pub(crate) mode: Mode,
    pub(crate) breaches: Vec<Breach>,
}

/// A row: what it is about, and the times, sorted.
struct Row {
    name: String,
    times: Vec<f64>,
}

fn rows(measured: &[Measured]) -> Vec<Row> {
    let row = |one: &Measured, what: &str, value: fn(&Breach) -> f64| {
        let mut times: Vec<f64> = one.breaches.iter().map(value).collect();
        times.sort_by(f64::total_cmp);
        Row { name: format!("{}: {what}", one.mode.title()), times }
    };
    let both = |one: &Measured| {
        [row(one, "from the breach", |breach| breach.total), row(one, one.mode.due(), |breach| breach.after_due)]
    };
    measured.iter().flat_map(both).collect()
}

impl Row {
    /// The smallest time that so many percent of all are not above.
    fn percentile(&self, percent: usize) -> f64 {
        let rank = (self.times.len() * percent).div_ceil(100).max(1);
        self.times[rank - 1]
    }

    fn figures(&self) -> [String; 4] {
        [50, 90, 99, 100].map(|percent| {
            let time = self.percentile(percent);
            if time < 10.0 { format!("{time:.2}") } else { format!("{time:.0}") }
        })
    }

    /// How many fall into each part of the scale.
    fn parts(&self) -> Vec<usize> {
        let mut parts = vec![0; PARTS];
        for time in &self.times {
            let at = (time.max(LEAST) / LEAST).log10() * PER_DECADE;
            let part = (0..PARTS - 1).find(|part| at < (*part + 1) as f64).unwrap_or(PARTS - 1);
            parts[part] += 1;
        }
        parts
    }
}

/// The scale: from a tenth of a millisecond, ten parts to each power of ten, to a second and a quarter.
const LEAST: f64 = 0.1;
const PER_DECADE: f64 = 10.0;
const PARTS: usize = 41;

/// For a terminal.
pub(crate) fn text(measured: &[Measured]) -> String {
    const BARS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let mut out = format!("{:58}{:>8}{:>8}{:>8}{:>8}  ms\n", "", "p50", "p90", "p99", "max");
    for row in rows(measured) {
        let [median, most, nearly, max] = row.figures();
        let parts = row.parts();
        let top = parts.iter().copied().max().unwrap_or(1).max(1);
        let bars: String = parts.iter().map(|count| BARS[(count * 8).div_ceil(top)]).collect();
        let _ = writeln!(out, "{:58}{median:>8}{most:>8}{nearly:>8}{max:>8}", row.name);
        let _ = writeln!(out, "  0.1 ms │{bars}│ 1.2 s");
    }
    out
}

const BEGIN: &str = "<!-- benches/latency --write: begin -->\n";
const END: &str = "<!-- benches/latency --write: end -->\n";

/// Puts the table into its place in README.md, and the chart beside it.
pub(crate) fn write(measured: &[Measured]) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let rows = rows(measured);
    let mut table = "| milliseconds | median | p90 | p99 | longest |\n|---|---|---|---|---|\n".to_owned();
    for row in &rows {
        let _ = writeln!(table, "| {} | {} |", row.name, row.figures().join(" | "));
    }
    let readme = root.join("README.md");
    let text = fs::read_to_string(&readme).unwrap();
    let (before, rest) = text.split_once(BEGIN).unwrap_or_else(|| panic!("README.md has no line {BEGIN}"));
    let (_, after) = rest.split_once(END).unwrap_or_else(|| panic!("README.md has no line {END}"));
    fs::write(&readme, format!("{before}{BEGIN}{table}{END}{after}")).unwrap();
    fs::write(root.join("docs/latency.svg"), chart(&rows)).unwrap();
}

const WIDTH: usize = 760;
const LEFT: usize = 30;
const ROW: usize = 92;
const BAR: usize = 17;

/// One histogram below the other, over one scale.
fn chart(rows: &[Row]) -> String {
    let height = 24 + ROW * rows.len() + 28;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" \
         font-size=\"13\">\n<title>From breach to signal, on a logarithmic scale of milliseconds</title>\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#fff\"/>\n"
    );
    let bottom = 24 + ROW * rows.len();
    for (decade, label) in ["0.1 ms", "1 ms", "10 ms", "100 ms", "1 s"].iter().enumerate() {
        let x = LEFT + decade * 10 * BAR;
        let _ = writeln!(out, "<path d=\"M{x} 20V{bottom}\" stroke=\"#ccc\"/>");
        let _ = writeln!(out, "<text x=\"{x}\" y=\"{}\" text-anchor=\"middle\">{label}</text>", bottom + 18);
    }
    for (number, row) in rows.iter().enumerate() {
        let base = 24 + ROW * (number + 1) - 8;
        let colour = if number % 2 == 0 { "#4477aa" } else { "#cc6677" };
        let parts = row.parts();
        let top = parts.iter().copied().max().unwrap_or(1).max(1);
        let [median, _, nearly, _] = row.figures();
        let name = format!("{}; median {median} ms, p99 {nearly} ms", row.name);
        let _ = writeln!(out, "<text x=\"{}\" y=\"{}\">{name}</text>", LEFT + 4, base - ROW + 24);
        for (part, count) in parts.iter().enumerate().filter(|(_, count)| **count > 0) {
            let (x, tall) = (LEFT + part * BAR, (count * (ROW - 34)).div_ceil(top));
            let (y, wide) = (base - tall, BAR - 2);
            let _ = writeln!(out, "<rect x=\"{x}\" y=\"{y}\" width=\"{wide}\" height=\"{tall}\" fill=\"{colour}\"/>");
        }
        let _ = writeln!(out, "<path d=\"M{LEFT} {base}H{}\" stroke=\"#888\"/>", WIDTH - 30);
    }
    out + "</svg>\n"
}
