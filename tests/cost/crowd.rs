//! Many real processes with descriptors and sockets.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

/// Debian's own, as for the other processes of the tests.
const PYTHON: &str = "/usr/bin/python3";
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cost/crowd.py");

/// What a crowd consists of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    pub(crate) processes: usize,
    /// Descriptors of each process, its sockets included.
    pub(crate) files: usize,
    /// Sockets of all processes together; both ends of a connection are theirs.
    pub(crate) established: usize,
    pub(crate) close_wait: usize,
}

/// The processes; they end with this value.
pub(crate) struct Crowd {
    first: Child,
    tag: String,
}

impl Crowd {
    /// Brings them up. `name` is what a command line of theirs has and nobody else's of this program.
    pub(crate) fn start(name: &str, size: Size) -> Self {
        let tag = format!("crowd-{name}-{}", std::process::id());
        let numbers = [size.processes, size.files, size.established, size.close_wait].map(|number| number.to_string());
        let mut first = Command::new(PYTHON)
            .arg(SCRIPT)
            .args(numbers)
            .arg(&tag)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut ready = String::new();
        BufReader::new(first.stdout.take().unwrap()).read_line(&mut ready).unwrap();
        assert_eq!(ready, "ready\n", "{size:?} did not come up");
        Self { first, tag }
    }

    /// How `match` names them: `{user}` becomes the user of the tests.
    pub(crate) fn selector(&self) -> String {
        format!("match = {{ cmdline = \"{}\", user = \"{{user}}\" }}", self.tag)
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        drop(self.first.stdin.take());
        let _ = self.first.wait();
    }
}
