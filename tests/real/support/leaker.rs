//! The process that is watched: Python, as the traders are.

use std::ffi::OsString;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::SystemTime;

use tempfile::TempDir;

use super::{NOBODY, eventually};

const SCRIPT: &str = include_str!("leaker.py");
/// Debian's own: another user can run it, whatever is first in the path.
const PYTHON: &str = "/usr/bin/python3";

/// A leaking process under our command; it ends with this value.
pub(crate) struct Leaker {
    child: Child,
    input: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    folder: Arc<TempDir>,
    log: PathBuf,
}

/// How to start one.
#[derive(Default)]
pub(crate) struct Options {
    arguments: Vec<OsString>,
    user: Option<u32>,
    beside: Option<Arc<TempDir>>,
    within: Vec<OsString>,
}

impl Options {
    /// Whose command line has the same tag, so that the same target matches it.
    pub(crate) fn beside(mut self, other: &Leaker) -> Self {
        self.beside = Some(Arc::clone(&other.folder));
        self
    }

    /// Started by that command, which is given its program and arguments.
    pub(crate) fn within(mut self, command: &[&str]) -> Self {
        self.within = command.iter().map(OsString::from).collect();
        self
    }

    /// As a user who owns nothing.
    pub(crate) fn run_by_nobody(self) -> Self {
        self.run_by(NOBODY)
    }

    /// As that user.
    pub(crate) fn run_by(mut self, uid: u32) -> Self {
        self.user = Some(uid);
        self
    }

    /// With arguments that the script does not look at.
    pub(crate) fn arguments(mut self, more: impl IntoIterator<Item = OsString>) -> Self {
        self.arguments.extend(more);
        self
    }

    pub(crate) fn start(self) -> Leaker {
        let folder = self.beside.unwrap_or_else(|| {
            let folder = tempfile::Builder::new().prefix("leaker").rand_bytes(10).tempdir().unwrap();
            fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
            fs::write(folder.path().join("leaking_trader.py"), SCRIPT).unwrap();
            Arc::new(folder)
        });
        let log = tempfile::Builder::new()
            .prefix("signals")
            .tempfile_in(folder.path())
            .unwrap()
            .into_temp_path()
            .keep()
            .unwrap();
        fs::set_permissions(&log, fs::Permissions::from_mode(0o666)).unwrap();
        let mut words = self.within;
        if let Some(uid) = self.user {
            let id = uid.to_string();
            words.extend(["setpriv", "--reuid", &id, "--regid", &id, "--clear-groups"].map(OsString::from));
        }
        words.push(PYTHON.into());
        let mut command = Command::new(words.remove(0));
        command.args(words).arg(folder.path().join("leaking_trader.py")).arg(&log).args(self.arguments);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut answers = BufReader::new(child.stdout.take().unwrap());
        let input = child.stdin.take();
        let mut ready = String::new();
        answers.read_line(&mut ready).unwrap();
        assert!(ready.starts_with("ready "), "the leaking process did not start: {ready:?}");
        Leaker { child, input, answers, folder, log }
    }
}

impl Leaker {
    /// One that notes these signals; the default ones of the others end it. `SIGTERM=exit` leaves.
    pub(crate) fn handling(signals: &[&str]) -> Options {
        Options { arguments: signals.iter().map(Into::into).collect(), ..Options::default() }
    }

    /// What only its command line and those started `beside` it contain.
    pub(crate) fn tag(&self) -> String {
        self.folder.path().file_name().unwrap().to_str().unwrap().to_owned()
    }

    pub(crate) fn pid(&self) -> i32 {
        self.child.id().try_into().unwrap()
    }

    /// Does as said, and gives what it answers: its descriptors, then its children.
    pub(crate) fn tell(&mut self, line: &str) -> Vec<i32> {
        writeln!(self.input.as_mut().unwrap(), "{line}").unwrap();
        let mut answer = String::new();
        self.answers.read_line(&mut answer).unwrap();
        let numbers =
            answer.trim_end().strip_prefix("fds ").unwrap_or_else(|| panic!("{line:?} was answered {answer:?}"));
        numbers.split(' ').map(|number| number.parse().unwrap()).collect()
    }

    /// The signals that reached it, in the order of arrival.
    pub(crate) fn signals(&self) -> Vec<String> {
        fs::read_to_string(&self.log).unwrap().lines().map(str::to_owned).collect()
    }

    /// When the last one did.
    pub(crate) fn last_signal(&self) -> SystemTime {
        fs::metadata(&self.log).unwrap().modified().unwrap()
    }

    /// What `ls /proc/PID/fd` counts.
    pub(crate) fn fds(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.pid())).unwrap().count()
    }

    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    pub(crate) fn lives(&mut self) -> bool {
        self.ended().is_none()
    }

    /// Waits for its end; the signal that ended it, or none where it left by itself.
    pub(crate) fn end_signal(&mut self, seconds: u64, why: &str) -> Option<i32> {
        eventually(seconds, &format!("the end of the leaking process: {why}"), || self.ended()).signal()
    }
}

impl Drop for Leaker {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The other side of connections: accepts and keeps them until told to close.
pub(crate) struct Peer {
    pub(crate) port: u16,
    accepted: Arc<Mutex<Vec<TcpStream>>>,
}

impl Peer {
    pub(crate) fn listen() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let accepted = Arc::default();
        let peer = Self { port, accepted: Arc::clone(&accepted) };
        thread::spawn(move || {
            listener.incoming().map_while(Result::ok).for_each(|one| accepted.lock().unwrap().push(one));
        });
        peer
    }

    /// Closes this side of that many connections, and waits for them where they are still to come.
    pub(crate) fn close(&self, count: usize) {
        eventually(5, "connections to close", || (self.accepted.lock().unwrap().len() >= count).then_some(()));
        self.accepted.lock().unwrap().drain(..count);
    }
}
