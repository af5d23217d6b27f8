//! Why nothing can be written, in words that an operator can act on.

use rusqlite::{Error, ErrorCode};

use super::handle::MOST_ROWS;

/// What keeps the history from being written; a label of the metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "CAUSES says what each is")]
pub enum Cause {
    Full,
    ReadOnly,
    Denied,
    Locked,
    Damaged,
    Io,
}

/// Every cause, each at the place of its variant, with its word.
pub const CAUSES: [(Cause, &str); 6] = [
    (Cause::Full, "full"),
    (Cause::ReadOnly, "read_only"),
    (Cause::Denied, "denied"),
    (Cause::Locked, "locked"),
    (Cause::Damaged, "damaged"),
    (Cause::Io, "io"),
];

impl Cause {
    /// What is to be done about it, in words that follow a colon.
    const fn help(self) -> &'static str {
        match self {
            Self::Full => "the disk is full: make room",
            Self::ReadOnly => "the file system or the file is read-only: make it writable",
            Self::Denied => {
                "it cannot be opened: let tradedog's user write the folder, and see what stands in the file's place"
            }
            Self::Locked => "another process holds it locked: see which with fuser",
            Self::Damaged => "it is damaged",
            Self::Io => "the disk does not do what it is asked: see dmesg",
        }
    }
}

/// Why it cannot be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trouble {
    pub(super) cause: Cause,
    /// What was said, for the sentence.
    pub(super) text: String,
}

impl Trouble {
    pub(super) fn new(cause: Cause, text: impl Into<String>) -> Self {
        Self { cause, text: text.into() }
    }

    /// What it means while the daemon runs.
    pub(super) fn sentence(&self) -> String {
        format!(
            "the history cannot be written: {}; decisions go on, and up to {MOST_ROWS} events wait in memory until it can",
            self.clause()
        )
    }

    /// A clause that follows the name of the file.
    pub(super) fn clause(&self) -> String {
        format!("{} ({})", self.cause.help(), self.text)
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        let cause = match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Cause::Full,
            Some(ErrorCode::ReadOnly) => Cause::ReadOnly,
            Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied | ErrorCode::AuthorizationForStatementDenied) => {
                Cause::Denied
            }
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::FileLockingProtocolFailed) => {
                Cause::Locked
            }
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::SchemaChanged) => Cause::Damaged,
            // A table or a column that is not as it was made: somebody else's doing.
            Some(ErrorCode::Unknown | ErrorCode::ConstraintViolation | ErrorCode::TypeMismatch) => Cause::Damaged,
            _ => Cause::Io,
        };
        Self { cause, text: error.to_string() }
    }
}

impl From<std::io::Error> for Trouble {
    fn from(error: std::io::Error) -> Self {
        use std::io::ErrorKind;
        let is = |kinds: &[ErrorKind]| kinds.contains(&error.kind());
        let cause = if is(&[ErrorKind::StorageFull, ErrorKind::QuotaExceeded]) {
            Cause::Full
        } else if is(&[ErrorKind::ReadOnlyFilesystem]) {
            Cause::ReadOnly
        } else if is(&[ErrorKind::PermissionDenied, ErrorKind::NotFound])
            || is(&[ErrorKind::IsADirectory, ErrorKind::NotADirectory])
        {
            Cause::Denied
        } else {
            Cause::Io
        };
        Self { cause, text: error.to_string() }
    }
}

impl From<rustix::io::Errno> for Trouble {
    fn from(errno: rustix::io::Errno) -> Self {
        std::io::Error::from(errno).into()
    }
}
