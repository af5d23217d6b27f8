//! The system calls of a running process, counted by strace.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use super::support::{eventually, has};

/// What one second had, by the name of the call.
type Second = BTreeMap<String, usize>;

/// One that looks on.
pub(crate) struct Strace {
    child: Child,
    pid: i32,
    seconds: usize,
    folder: TempDir,
}

impl Strace {
    /// Looks on for so many seconds from now. None, and a word on standard error, where there is no strace.
    pub(crate) fn of(pid: i32, seconds: usize) -> Option<Self> {
        if !has("strace") {
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        // One second more: the last is not whole.
        let child = Command::new("timeout")
            .args(["--signal=INT", "--kill-after=20", &(seconds + 1).to_string()])
            .args(["strace", "-f", "-ttt", "-s0", "-o"])
            .arg(folder.path().join("trace"))
            .args(["-p", &pid.to_string()])
            .stderr(Stdio::from(fs::File::create(folder.path().join("said")).unwrap()))
            .spawn()
            .unwrap();
        Some(Self { child, pid, seconds, folder })
    }

    /// What it saw. None, and a word on standard error, where it may not look on.
    pub(crate) fn calls(mut self) -> Option<Calls> {
        let patience = u64::try_from(self.seconds).unwrap() + 30;
        eventually(patience, "the end of strace", || self.child.try_wait().unwrap());
        let said = fs::read_to_string(self.folder.path().join("said")).unwrap();
        if !said.contains("attached") {
            eprintln!("skipped: strace may not look on: {said}");
            return None;
        }
        Some(Calls::read(&self.folder.path().join("trace"), self.pid, self.seconds))
    }
}

/// What a process called for, second by second.
pub(crate) struct Calls {
    /// Its first thread, which is the one that watches.
    first: Vec<Second>,
    /// All others together.
    others: Vec<Second>,
}

impl Calls {
    fn read(trace: &Path, pid: i32, most: usize) -> Self {
        let text = fs::read_to_string(trace).unwrap();
        let calls: Vec<Call<'_>> = text.lines().filter_map(call).filter(|call| call.name != CHECK).collect();
        let begun = calls.first().map_or(0.0, |call| call.time);
        let mut seen = Self { first: vec![Second::new(); most], others: vec![Second::new(); most] };
        for Call { thread, time, name } in calls {
            let thread = if thread == pid { &mut seen.first } else { &mut seen.others };
            let at = Duration::try_from_secs_f64(time - begun).map_or(u64::MAX, |since| since.as_secs());
            if let Some(second) = usize::try_from(at).ok().and_then(|at| thread.get_mut(at)) {
                *second.entry(name.to_owned()).or_default() += 1;
            }
        }
        seen
    }

    /// Those of a second in which nothing happens elsewhere on this machine: of the first thread's the average over
    /// the quietest `period`, so that what comes now and then is in it; of the others' the fewest, because they hear of
    /// whoever starts or ends.
    pub(crate) fn idle_second(&self, period: usize) -> usize {
        let quietest = totals(&self.first).windows(period).map(|seconds| seconds.iter().sum::<usize>()).min();
        let others = totals(&self.others).into_iter().min();
        quietest.unwrap_or(0).div_ceil(period) + others.unwrap_or(0)
    }
}

/// What the standard library of a debug build asks of each descriptor before it closes it.
const CHECK: &str = "fcntl";

fn totals(seconds: &[Second]) -> Vec<usize> {
    seconds.iter().map(|second| second.values().sum()).collect()
}

/// Second by second, and which calls on average, the most frequent first.
impl fmt::Display for Calls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (who, seconds) in [("watching", &self.first), ("others", &self.others)] {
            let mut sums = Second::new();
            for (name, count) in seconds.iter().flatten() {
                *sums.entry(name.clone()).or_default() += count;
            }
            let mut sums: Vec<_> = sums.into_iter().collect();
            sums.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
            write!(f, "\n  {who} {:?};", totals(seconds))?;
            for (name, count) in sums {
                write!(f, " {name} {:.1}", count as f64 / seconds.len() as f64)?;
            }
        }
        Ok(())
    }
}

/// The beginning of a call.
#[derive(Debug, PartialEq)]
struct Call<'a> {
    thread: i32,
    time: f64,
    name: &'a str,
}

/// `PID TIME name(...`. Not the end of a call, where that is a line of its own.
fn call(line: &str) -> Option<Call<'_>> {
    let (thread, rest) = line.split_once(' ')?;
    let (time, what) = rest.trim_start().split_once(' ')?;
    let (name, _) = what.split_once('(')?;
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    is_name.then_some(Call { thread: thread.parse().ok()?, time: time.parse().ok()?, name })
}

#[test]
fn only_beginnings_of_calls_are_counted() {
    let of = |time, name| Some(Call { thread: 1234, time, name });
    assert_eq!(call("1234  1700000000.25 pread64(5, \"\"..., 4096, 0) = 30"), of(1_700_000_000.25, "pread64"));
    assert_eq!(call("1234 1700000000.5 epoll_wait(3,  <unfinished ...>"), of(1_700_000_000.5, "epoll_wait"));
    assert_eq!(call("1234 1700000000.5 <... epoll_wait resumed>) = 0"), None);
    assert_eq!(call("1234 1700000000.5 --- SIGTERM {si_signo=SIGTERM} ---"), None);
    assert_eq!(call("1234 1700000000.5 +++ exited with 0 +++"), None);
}
