//! A group of processes that needs more memory than it has, so that the kernel reads the same pages again and again.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::super::latency::{longest, quick};
use super::super::support::{Daemon, Group, Survived};
use super::leaker;

/// Pages of a file that is larger than the memory that there is for it, one here and one there; where there is swap, of
/// memory too.
const SCRIPT: &str = r#"
import mmap, os, random, sys
size, swap = 128 << 20, sys.argv[2] == "swap"
os.write(1, b"begun\n")
with open(sys.argv[1], "wb") as file:
    some = os.urandom(1 << 20)
    for _ in range(size >> 20):
        file.write(some)
    os.fsync(file.fileno())
file = open(sys.argv[1], "rb")
pages = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
pages.madvise(mmap.MADV_RANDOM)
memory = bytearray(size if swap else 4096)
os.write(1, b"ready\n")
while True:
    pages[random.randrange(0, size, 4096)]
    memory[random.randrange(0, len(memory), 4096)] = 1
"#;

struct Thrasher(Child);

impl Drop for Thrasher {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Thrasher {
    /// One that has come so far that it thrashes.
    fn start(file: &Path, swap: bool, group: &Group) -> Self {
        let kind = if swap { "swap" } else { "file" };
        let mut python = Command::new("/usr/bin/python3");
        let mut child = python.args(["-c", SCRIPT]).arg(file).arg(kind).stdout(Stdio::piped()).spawn().unwrap();
        let mut answers = BufReader::new(child.stdout.take().unwrap());
        let thrasher = Self(child);
        answers.read_line(&mut String::new()).unwrap();
        group.add(thrasher.0.id().try_into().unwrap());
        answers.read_line(&mut String::new()).unwrap();
        thrasher
    }

    /// Pages that it has waited for.
    fn faults(&self) -> u64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.0.id())).unwrap();
        stat.rsplit(") ").next().unwrap().split(' ').nth(9).unwrap().parse().unwrap()
    }
}

#[test]
fn a_group_that_thrashes_delays_no_order() {
    let mut leaker = leaker();
    let name = format!("tradedog-thrash-{}", std::process::id());
    let Some(group) = Group::accounted(&name, &[leaker.pid()]) else { return };
    let daemon = Daemon::told(&quick(&leaker)).start();
    // What it needs anew comes out of the same memory.
    group.add(daemon.pid());
    group.limit(48 << 20);
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let swap = fs::read_to_string("/proc/swaps").unwrap().lines().count() > 1;
    let thrasher = Thrasher::start(&folder.path().join("pages"), swap, &group);
    let before = thrasher.faults();
    let latest = longest(&mut leaker, &daemon, "beside a process that thrashes");
    let faults = thrasher.faults() - before;
    drop(thrasher);
    assert!(faults > 100, "{faults} pages read anew: it did not thrash");
    let what = if swap { "of a file and of swap" } else { "of a file (this host has no swap)" };
    let tried = format!("{faults} pages {what} waited for");
    let fault = "a cgroup that thrashes, with the process and the daemon in it";
    Survived { fault, tried: &tried, next_order: Some(latest), lost: "nothing" }.tell();
}
