//! Whom the kernel may end first when memory runs out.
#![expect(clippy::disallowed_methods, reason = "starts a child and reads what the kernel says of it")]
#![expect(clippy::disallowed_macros, reason = "says on standard error what could not be tried here")]

use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::process::Command;

use super::*;

fn adjustment(pid: Pid) -> PathBuf {
    format!("/proc/{}/oom_score_adj", pid.as_raw_nonzero()).into()
}

/// How dear a process is to the kernel once it is to be expendable, if it was so before. None where nobody lets us.
fn after(before: &str) -> Option<String> {
    let mut child = Command::new("sleep").arg("60").spawn().unwrap();
    let pid = Pid::from_child(&child);
    let set = fs::write(adjustment(pid), before);
    be_expendable(pid);
    let after = fs::read_to_string(adjustment(pid)).unwrap().trim().to_owned();
    child.kill().unwrap();
    child.wait().unwrap();
    match set {
        Ok(()) => Some(after),
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            eprintln!("skipped: only who may make a process dearer can try {before}");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn who_was_spared_is_spared_no_more() {
    for before in ["-1", "-500", "-1000"] {
        assert_eq!(after(before).as_deref().unwrap_or("0"), "0", "{before}");
    }
}

#[test]
fn who_is_expendable_stays_so() {
    for before in ["1", "300", "1000"] {
        assert_eq!(after(before).as_deref(), Some(before));
    }
}

/// Whoever starts it is spared, as the daemon is.
#[test]
fn a_command_is_expendable_though_the_daemon_is_not() {
    let own = PathBuf::from("/proc/self/oom_score_adj");
    let was = fs::read_to_string(&own).unwrap();
    if fs::write(&own, "-7").is_err() {
        eprintln!("skipped: only who may make a process dearer can try it");
        return;
    }
    let argv = [c"/bin/sleep", c"60"].map(CString::from).into();
    let started = Child::start(&Program { argv, variables: Vec::new() });
    fs::write(&own, was.trim()).unwrap();
    let (child, _) = started.unwrap();
    assert_eq!(fs::read_to_string(adjustment(child.pid)).unwrap(), "0\n");
}
