//! The system calls of a running process, counted by strace.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::support::{eventually, has};

/// What one second had, by the name of the call.
type Second = BTreeMap<String, usize>;

/// What a process called for, second by second, all threads together.
pub(crate) struct Calls {
    seconds: Vec<Second>,
}

impl Calls {
    /// Looks on for so many seconds. None, and a word on standard error, where strace or ptrace is not there.
    pub(crate) fn of(pid: i32, seconds: usize) -> Option<Self> {
        if !has("strace") {
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let (trace, said) = (folder.path().join("trace"), folder.path().join("said"));
        // One second more: the first and the last are not whole.
        let mut strace = Command::new("timeout")
            .args(["--signal=INT", "--kill-after=20", &(seconds + 1).to_string()])
            .args(["strace", "-f", "-ttt", "-s0", "-o"])
            .arg(&trace)
            .args(["-p", &pid.to_string()])
            .stderr(Stdio::from(fs::File::create(&said).unwrap()))
            .spawn()
            .unwrap();
        let patience = u64::try_from(seconds).unwrap() + 30;
        eventually(patience, "the end of strace", || strace.try_wait().unwrap());
        let said = fs::read_to_string(said).unwrap();
        if !said.contains("attached") {
            eprintln!("skipped: strace may not look on: {said}");
            return None;
        }
        Some(Self::read(&trace, seconds))
    }

    fn read(trace: &Path, most: usize) -> Self {
        let text = fs::read_to_string(trace).unwrap();
        let calls: Vec<(f64, &str)> = text.lines().filter_map(call).collect();
        let begun = calls.first().map_or(0.0, |(time, _)| *time);
        let mut seconds = vec![Second::new(); most];
        for (time, name) in calls {
            let whole = Duration::try_from_secs_f64(time - begun).unwrap_or_default().as_secs();
            if let Some(second) = seconds.get_mut(usize::try_from(whole).unwrap()) {
                *second.entry(name.to_owned()).or_default() += 1;
            }
        }
        Self { seconds }
    }

    /// The calls of each second.
    pub(crate) fn totals(&self) -> Vec<usize> {
        self.seconds.iter().map(|second| second.values().sum()).collect()
    }

    /// Those of the second in the middle: what falls into few of them is not in it.
    pub(crate) fn median(&self) -> usize {
        let mut totals = self.totals();
        totals.sort_unstable();
        totals[totals.len() / 2]
    }
}

/// Calls per second on average, the most frequent first.
impl fmt::Display for Calls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut sums = Second::new();
        for (name, count) in self.seconds.iter().flatten() {
            *sums.entry(name.clone()).or_default() += count;
        }
        let mut sums: Vec<_> = sums.into_iter().collect();
        sums.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        write!(f, "{:?} calls a second;", self.totals())?;
        for (name, count) in sums {
            write!(f, " {name} {:.1}", count as f64 / self.seconds.len() as f64)?;
        }
        Ok(())
    }
}

/// `PID TIME name(...`: when a call began, and which. Not its end, where that is a line of its own.
fn call(line: &str) -> Option<(f64, &str)> {
    let (_pid, rest) = line.split_once(' ')?;
    let (time, what) = rest.trim_start().split_once(' ')?;
    let (name, _) = what.split_once('(')?;
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    Some((time.parse().ok()?, name)).filter(|_| is_name)
}

#[test]
fn only_beginnings_of_calls_are_counted() {
    assert_eq!(call("1234  1700000000.25 pread64(5, \"\"..., 4096, 0) = 30"), Some((1_700_000_000.25, "pread64")));
    assert_eq!(call("1234 1700000000.5 epoll_wait(3,  <unfinished ...>"), Some((1_700_000_000.5, "epoll_wait")));
    assert_eq!(call("1234 1700000000.5 <... epoll_wait resumed>) = 0"), None);
    assert_eq!(call("1234 1700000000.5 --- SIGTERM {si_signo=SIGTERM} ---"), None);
    assert_eq!(call("1234 1700000000.5 +++ exited with 0 +++"), None);
}
