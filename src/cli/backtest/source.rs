//! Where the readings come from.
#![expect(clippy::disallowed_methods, reason = "the series that the operator names is read here")]

use std::fs::File;
use std::path::PathBuf;

use super::super::Failure;
use super::super::lookup::shown;
use super::prometheus::Recorded;
use crate::replay::{Csv, Series};

/// A place that can be read from its beginning as often as is needed.
pub(super) enum Source {
    /// A file.
    File(PathBuf),
    /// What a Prometheus has recorded.
    Recorded(Recorded),
}

impl Source {
    /// The file at `path`.
    pub(super) fn file(path: &std::path::Path) -> Self {
        Self::File(path.to_owned())
    }

    /// What it is called.
    pub(super) fn name(&self) -> String {
        match self {
            Self::File(path) => shown(path),
            Self::Recorded(recorded) => recorded.name(),
        }
    }

    /// What somebody should know who reads the result.
    pub(super) fn notes(&self) -> &[String] {
        match self {
            Self::File(_) => &[],
            Self::Recorded(recorded) => recorded.notes(),
        }
    }

    /// Begins to read it.
    pub(super) fn open(&self) -> Result<Box<dyn Series>, Failure> {
        let path = match self {
            Self::File(path) => path,
            Self::Recorded(recorded) => return Ok(recorded.series()),
        };
        let name = shown(path);
        let unreadable = |error: &std::io::Error| {
            let error = error.to_string();
            Failure::runtime(format!("{name} cannot be read: {}", crate::model::printable(error.as_bytes(), 200)))
        };
        let file = File::open(path).map_err(|error| unreadable(&error))?;
        let found = file.metadata().map_err(|error| unreadable(&error))?;
        if !found.is_file() {
            let what = "it is read twice, and so must be a file: write what comes to a file first";
            return Err(Failure::runtime(format!("{name}: {what}")));
        }
        Ok(Box::new(Csv::new(&name, file)?))
    }
}
