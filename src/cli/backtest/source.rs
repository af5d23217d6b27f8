//! Where the readings come from.
#![expect(clippy::disallowed_methods, reason = "the series that the operator names is read here")]

use std::fs::File;
use std::io::{self, Read, Seek as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::super::Failure;
use super::super::failure::remedy;
use super::super::lookup::shown;
use super::ahead::Ahead;
use super::history::{Part, Samples};
use super::prometheus::Recorded;
use crate::config::Config;
use crate::model::printable;
use crate::replay::{Csv, Export, Series};

/// A place that can be read from its beginning as often as is needed.
pub(super) enum Source {
    /// A file, of whatever kind, and whose metrics are asked of it.
    File(PathBuf, Arc<Config>),
    /// What a Prometheus has recorded.
    Recorded(Recorded),
    /// What the daemon has kept, and which part of it.
    History(PathBuf, Part),
}

impl Source {
    /// The file at `path`.
    pub(super) fn file(path: &Path, config: &Config) -> Self {
        Self::File(path.to_owned(), Arc::new(config.clone()))
    }

    /// What it is called.
    pub(super) fn name(&self) -> String {
        match self {
            Self::File(path, _) => shown(path),
            Self::History(path, part) => format!("{}{}", shown(path), part.told()),
            Self::Recorded(recorded) => recorded.name(),
        }
    }

    /// What somebody should know who reads the result.
    pub(super) fn notes(&self) -> &[String] {
        match self {
            Self::File(..) | Self::History(..) => &[],
            Self::Recorded(recorded) => recorded.notes(),
        }
    }

    /// Begins to read it.
    pub(super) fn open(&self) -> Result<Box<dyn Series>, Failure> {
        let (path, config) = match self {
            Self::File(path, config) => (path, config),
            Self::Recorded(recorded) => return Ok(recorded.series()),
            Self::History(place, part) => return Ok(Box::new(Samples::open(place, part)?)),
        };
        let name = shown(path);
        let unreadable = |error: &io::Error| {
            let (why, help) = (error.to_string(), remedy(error, "--series"));
            Failure::runtime(format!("{name} cannot be read: {}: {help}", printable(why.as_bytes(), 200)))
        };
        let mut file = File::open(path).map_err(|error| unreadable(&error))?;
        let found = file.metadata().map_err(|error| unreadable(&error))?;
        if !found.is_file() {
            let what = "it is read twice, and so must be a file: write what comes to a file first";
            return Err(Failure::runtime(format!("{name}: {what}")));
        }
        let kind = Kind::of(&mut file).map_err(|error| unreadable(&error))?;
        let metrics = || config.targets.iter().flat_map(|target| &target.metrics).chain(&config.host.metrics);
        let series: Box<dyn Series + Send> = match kind {
            Kind::Csv => Box::new(Csv::new(&name, file)?),
            Kind::Status => Box::new(Export::new(&name, file, metrics())),
            Kind::Scrape | Kind::Packed | Kind::Wide => {
                return Err(Failure::runtime(format!("{name} {}", kind.remedy())));
            }
        };
        let ahead = Ahead::new(series).map_err(|error| Failure::runtime(format!("no thread reads {name}: {error}")))?;
        Ok(Box::new(ahead))
    }
}

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Csv,
    /// Documents of the daemon.
    Status,
    /// The text of `/metrics`.
    Scrape,
    /// Packed by gzip, zstd, xz or zip.
    Packed,
    /// UTF-16, as a spreadsheet saves "Unicode text".
    Wide,
}

/// How packed files begin.
const PACKED: [&[u8]; 4] = [b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"\xfd7zXZ", b"PK\x03\x04"];

impl Kind {
    /// By how it begins.
    fn of(file: &mut File) -> io::Result<Self> {
        let mut beginning = Vec::new();
        file.by_ref().take(256).read_to_end(&mut beginning)?;
        file.rewind()?;
        let text = beginning.trim_ascii_start();
        let scrape = [&b"# HELP"[..], b"# TYPE", b"tradedog_"].iter().any(|word| text.starts_with(word));
        let begins = |marks: &[&[u8]]| marks.iter().any(|mark| beginning.starts_with(mark));
        Ok(if begins(&PACKED) {
            Self::Packed
        } else if begins(&[b"\xff\xfe", b"\xfe\xff"]) {
            Self::Wide
        } else if text.starts_with(b"{") {
            Self::Status
        } else if scrape {
            Self::Scrape
        } else {
            Self::Csv
        })
    }

    /// What it is that cannot be played, and what to do, in words that follow its name.
    const fn remedy(self) -> &'static str {
        match self {
            Self::Csv | Self::Status => "can be played",
            Self::Scrape => {
                "holds a scrape of /metrics: record what tradedog status --json prints instead, or let a Prometheus \
                 scrape and use --prometheus"
            }
            Self::Packed => "is packed, and it is read twice: unpack it first",
            Self::Wide => "is UTF-16: save it as CSV in UTF-8",
        }
    }
}
