//! Asking the running daemon over its control socket: one request, one answer.
#![expect(clippy::disallowed_methods, reason = "a command waits for the daemon, and nobody waits for it")]

mod follow;
mod orders;

use std::io::{self, BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;

use super::lookup::shown;
use super::{Failure, Output};
use crate::config::units;
use crate::export::control::SOCKET;
use crate::export::{LeaseView, Reply, Request};
use crate::model::printable;
use crate::record;

pub(super) use follow::{MOST, name};
pub(super) use orders::ORDERS_MOST;

/// Time for an answer; the daemon itself gives up sooner and says so.
const PATIENCE: Duration = Duration::from_secs(45);

/// Time for what only has to be told: whoever looks when a daemon hangs waits no longer than for its page.
const TELLING: Duration = Duration::from_secs(5);

/// Largest answer: the status of a thousand processes takes about 10 MB.
const MOST_BYTES: u64 = 256 << 20;

/// Longest line of the daemon's that is printed.
const MOST_CHARS: usize = 1000;

/// Which daemon.
#[derive(Args, Debug, Default)]
pub(super) struct Daemon {
    /// The daemon's runtime directory; without it systemd's RUNTIME_DIRECTORY, else that of a daemon
    /// that this user runs himself, else /run/tradedog
    #[arg(long, value_name = "DIR")]
    runtime_directory: Option<PathBuf>,
}

/// A span of time on the command line.
pub(super) fn time(text: &str) -> Result<units::Duration, String> {
    text.parse().map_err(|wrong: units::Wrong| format!("{}: {}", wrong.what, wrong.help))
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Unanswered {
    /// No daemon is there.
    Nobody(Failure),
    /// There is one, and it does not answer, or not us.
    Failed(Failure),
}

impl From<Unanswered> for Failure {
    fn from(unanswered: Unanswered) -> Self {
        match unanswered {
            Unanswered::Nobody(failure) | Unanswered::Failed(failure) => failure,
        }
    }
}

impl Daemon {
    /// Whether its directory was named.
    pub(super) const fn is_given(&self) -> bool {
        self.runtime_directory.is_some()
    }

    /// Where its socket and its state file are.
    pub(super) fn folder(&self) -> PathBuf {
        self.runtime_directory.clone().unwrap_or_else(|| record::daemon_path(SOCKET))
    }

    /// Has it do something, and prints what it says of it.
    pub(super) fn order(&self, request: &Request, output: &mut Output) -> Result<(), Unanswered> {
        let failed = |failure| Unanswered::Failed(failure);
        match self.ask(request)? {
            Reply::Done(lines) => {
                lines.iter().try_for_each(|line| output.line(clean(line))).map_err(|error| failed(error.into()))
            }
            Reply::Refused(why) => Err(failed(Failure::runtime(clean(&why)))),
            Reply::Leases(_) | Reply::Ordered(_) | Reply::Status(_) => Err(failed(self.stranger())),
        }
    }

    /// The measures in force.
    pub(super) fn leases(&self) -> Result<Vec<LeaseView>, Unanswered> {
        match self.ask(&Request::Leases)? {
            Reply::Leases(leases) => Ok(leases),
            Reply::Refused(why) => Err(Unanswered::Failed(Failure::runtime(clean(&why)))),
            Reply::Done(_) | Reply::Ordered(_) | Reply::Status(_) => Err(Unanswered::Failed(self.stranger())),
        }
    }

    /// How everything stands, as `/api/v1/status` tells it.
    pub(super) fn status(&self) -> Result<String, Unanswered> {
        match self.ask(&Request::Status)? {
            Reply::Status(json) => Ok(json),
            Reply::Refused(why) => Err(Unanswered::Failed(Failure::runtime(clean(&why)))),
            Reply::Done(_) | Reply::Ordered(_) | Reply::Leases(_) => Err(Unanswered::Failed(self.stranger())),
        }
    }

    fn ask(&self, request: &Request) -> Result<Reply, Unanswered> {
        let path = self.folder().join(SOCKET);
        let patience = if *request == Request::Status { TELLING } else { PATIENCE };
        let line = exchange(&path, request, patience).map_err(|error| unanswered(&path, &error, patience))?;
        serde_json::from_slice(&line).map_err(|_| Unanswered::Failed(self.stranger()))
    }

    fn stranger(&self) -> Failure {
        let path = shown(&self.folder().join(SOCKET));
        Failure::runtime(format!("{path} answers, but not as this tradedog does: is the daemon of the same version?"))
    }
}

fn exchange(path: &Path, request: &Request, patience: Duration) -> io::Result<Vec<u8>> {
    let mut stream = UnixStream::connect(path)?;
    stream.set_read_timeout(Some(patience))?;
    stream.set_write_timeout(Some(patience))?;
    let mut line = serde_json::to_vec(request)?;
    line.push(b'\n');
    // A daemon that refuses need not have read it; its answer is there all the same.
    let _ = stream.write_all(&line);
    line.clear();
    BufReader::new(stream.take(MOST_BYTES)).read_until(b'\n', &mut line)?;
    if line.is_empty() { Err(ErrorKind::UnexpectedEof.into()) } else { Ok(line) }
}

fn unanswered(path: &Path, error: &io::Error, patience: Duration) -> Unanswered {
    let path = shown(path);
    let is = |kinds: &[ErrorKind]| kinds.contains(&error.kind());
    if is(&[ErrorKind::NotFound, ErrorKind::ConnectionRefused]) {
        return Unanswered::Nobody(Failure::runtime(format!(
            "no tradedog answers at {path}: start it (systemctl start tradedog), or name the directory of the one \
             that runs with --runtime-directory"
        )));
    }
    Unanswered::Failed(Failure::runtime(if is(&[ErrorKind::PermissionDenied]) {
        format!(
            "this user may not ask tradedog at {path}: run this as root, as the user that tradedog runs as, or as a \
             member of its group (usermod -aG tradedog USER, then log in again)"
        )
    } else if is(&[ErrorKind::WouldBlock, ErrorKind::TimedOut]) {
        format!("no answer from tradedog at {path} within {patience:?}: look at its log (journalctl -u tradedog)")
    } else if is(&[ErrorKind::UnexpectedEof, ErrorKind::ConnectionReset, ErrorKind::BrokenPipe]) {
        format!("tradedog closed the connection at {path} without an answer: is it stopping? ask again")
    } else {
        format!("tradedog cannot be asked at {path}: {error}; look at systemctl status tradedog")
    }))
}

/// What the daemon says, fit to be printed; its lines stay lines.
fn clean(text: &str) -> String {
    text.lines().map(|line| printable(line.as_bytes(), MOST_CHARS)).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
pub(super) mod tests;
