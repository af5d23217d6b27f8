//! How a command ends when it does not end well.

use std::io::{self, ErrorKind, Write as _};
use std::process::ExitCode;

use anstyle::{AnsiColor, Style};

use crate::config::Problems;

/// Why a command ended early.
#[derive(Debug)]
pub(super) enum Failure {
    /// The command line is wrong: exit code 2.
    Usage(anyhow::Error),
    /// The configuration is wrong: exit code 2.
    Configuration(Problems),
    /// The configuration is wrong, and what was used last cannot take its place either: exit code 2.
    NoWay {
        /// What is wrong with the files that are there.
        problems: Problems,
        /// What is wrong with those that were used last.
        why: String,
    },
    /// It could not be done: exit code 1.
    Runtime(anyhow::Error),
    /// Nobody reads any more: nothing to say, and no failure.
    Closed,
}

impl Failure {
    /// It could not be done; `sentence` says what and what to do.
    pub(super) fn runtime(sentence: impl Into<String>) -> Self {
        Self::Runtime(anyhow::Error::msg(sentence.into()))
    }

    /// The command line is wrong; `sentence` says what to write.
    pub(super) fn usage(sentence: impl Into<String>) -> Self {
        Self::Usage(anyhow::Error::msg(sentence.into()))
    }
}

/// What to do about a file that cannot be read, in words that follow the error; `option` is how it is named.
pub(super) fn remedy(error: &io::Error, option: &str) -> String {
    if error.kind() == ErrorKind::PermissionDenied {
        return "let this user read it, or ask as root".to_owned();
    }
    format!("is the path right? {option} says which file is meant")
}

/// Errors of our own output.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if error.kind() == ErrorKind::BrokenPipe {
            return Self::Closed;
        }
        Self::Runtime(anyhow::Error::new(error).context("the output could not be written"))
    }
}

/// Says what went wrong, on stderr, and what the shell is told.
pub(super) fn exit_code(result: Result<(), Failure>) -> ExitCode {
    // Asked for only where something is said: whoever writes a log that nobody reads holds it for ever.
    let stderr = || anstream::stderr().lock();
    let style = Style::new().bold().fg_color(Some(AnsiColor::Red.into()));
    // Nothing is left to do when stderr is closed too.
    let (code, _) = match result {
        Ok(()) | Err(Failure::Closed) => (0, Ok(())),
        Err(Failure::Usage(error)) => (2, writeln!(stderr(), "{style}error:{style:#} {error:#}")),
        Err(Failure::Configuration(problems)) => (2, stderr().write_all(problems.render(true).as_bytes())),
        Err(Failure::NoWay { problems, why }) => {
            let told = problems.render(true);
            (2, write!(stderr(), "{told}\n{style}error:{style:#} {why}\n"))
        }
        Err(Failure::Runtime(error)) => (1, writeln!(stderr(), "{style}error:{style:#} {error:#}")),
    };
    ExitCode::from(code)
}
