//! A daemon whose system calls are asked about (`overseer.py`): held between two of them, or without a file to open.

use std::ffi::OsString;
use std::fs;
use std::io::{BufRead as _, BufReader, ErrorKind, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use nix::libc;

const SCRIPT: &str = include_str!("overseer.py");
/// What makes a file of the host's, the first two as the script expects them.
const OPENING: [libc::c_long; 10] = [
    libc::SYS_pidfd_open,
    libc::SYS_pipe2,
    libc::SYS_openat,
    libc::SYS_openat2,
    libc::SYS_socket,
    libc::SYS_accept4,
    libc::SYS_eventfd2,
    libc::SYS_epoll_create1,
    libc::SYS_timerfd_create,
    libc::SYS_memfd_create,
];
/// What else is done between finding a process and signalling it.
const OTHERS: [libc::c_long; 6] = [
    libc::SYS_pread64,
    libc::SYS_newfstatat,
    libc::SYS_fstat,
    libc::SYS_readlinkat,
    libc::SYS_getdents64,
    libc::SYS_pidfd_send_signal,
];

/// The words before a command that is to be overseen from within `folder`.
pub(super) fn words(folder: &Path) -> Vec<OsString> {
    let script = folder.join("overseer.py");
    fs::write(&script, SCRIPT).unwrap();
    let list = |calls: &[libc::c_long]| calls.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    let numbers = [libc::SYS_seccomp.to_string(), list(&OPENING), list(&OTHERS)];
    let words = ["/usr/bin/python3".into(), "-I".into(), script.into(), folder.into()];
    words.into_iter().chain(numbers.map(OsString::from)).collect()
}

/// The other end.
pub(crate) struct Overseer {
    stream: UnixStream,
    answers: BufReader<UnixStream>,
}

impl Overseer {
    pub(super) fn of(folder: &Path) -> Self {
        let stream = UnixStream::connect(folder.join("overseer")).unwrap();
        let answers = BufReader::new(stream.try_clone().unwrap());
        Self { stream, answers }
    }

    /// From now on the host is `full`, `greedy` or `free`; how often something was not opened until now.
    pub(crate) fn host_is(&mut self, how: &str) -> u64 {
        self.tell(how);
        self.answer().parse().unwrap()
    }

    /// Holds the daemon at its so manieth call about a process.
    pub(crate) fn hold_at(&mut self, point: usize, pid: i32) {
        self.tell(&format!("at {point} {pid}"));
    }

    /// At which call it is held, if it comes to that within this time.
    pub(crate) fn held(&mut self, within: Duration) -> Option<libc::c_long> {
        self.stream.set_read_timeout(Some(within)).unwrap();
        let mut line = String::new();
        let read = self.answers.read_line(&mut line);
        self.stream.set_read_timeout(None).unwrap();
        match read {
            Ok(_) => Some(line.trim_end().strip_prefix("held ").unwrap().parse().unwrap()),
            Err(error) if error.kind() == ErrorKind::WouldBlock => None,
            Err(error) => panic!("{error}"),
        }
    }

    /// Lets it go on, held or not.
    pub(crate) fn let_go(&mut self) {
        self.tell("go");
        // It may have come to the point meanwhile.
        while self.answer() != "gone" {}
    }

    fn tell(&mut self, line: &str) {
        self.stream.write_all(format!("{line}\n").as_bytes()).unwrap();
    }

    fn answer(&mut self) -> String {
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }
}
