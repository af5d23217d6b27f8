//! Processes where there are no pidfds, or no signals through them.

use std::sync::Arc;
use std::time::Duration;

use super::{Victim, wait};
use crate::kernel::handle::Pidfds;
use crate::kernel::{Error, Lack, Proc, Process, Waiter, boot_id, lacks, renounce_rights};
use crate::model::{Pid, Signal};

/// Each with something missing.
const WAYS: [Pidfds; 3] =
    [Pidfds { open: false, signal: true }, Pidfds { open: false, signal: false }, Pidfds { open: true, signal: false }];

fn open(pidfds: Pidfds, pid: Pid) -> Result<Process, Error> {
    Process::hold_by(pidfds, Proc::live()?.entry(pid)?, boot_id()?)
}

#[test]
fn signals_reach_it_and_its_exit_is_seen() {
    for pidfds in WAYS {
        let mut victim = Victim::sleeping();
        let process = open(pidfds, victim.pid()).unwrap();
        assert_eq!(process.pidfd().is_some(), pidfds.open);
        assert!(!process.has_exited());
        assert_eq!(process.is_current(&mut Vec::new()), Ok(()));
        process.release_memory();
        process.signal(Signal::new(15).unwrap()).unwrap();
        wait("the exit", || process.has_exited());
        for round in ["zombie", "reaped"] {
            assert!(process.has_exited(), "{pidfds:?}, {round}");
            assert_eq!(process.is_current(&mut Vec::new()), Err(Error::Gone), "{pidfds:?}, {round}");
            assert_eq!(process.open_fds(), Err(Error::Gone), "{pidfds:?}, {round}");
            assert_eq!(open(pidfds, victim.pid()).map(|_| ()), Err(Error::Gone), "{pidfds:?}, {round}");
            victim.child.wait().unwrap();
        }
        // Nobody is there: whoever gets the number now is not meant.
        assert_eq!(process.signal(Signal::new(9).unwrap()), Err(Error::Gone), "{pidfds:?}");
    }
}

#[test]
fn it_is_the_same_process_by_whatever_it_is_held() {
    let victim = Victim::sleeping();
    let full = Process::open(boot_id().unwrap(), victim.pid()).unwrap();
    for pidfds in WAYS {
        let process = open(pidfds, victim.pid()).unwrap();
        assert_eq!(process.identity().start_ticks, full.identity().start_ticks);
        assert_eq!(process.identity().pidfs_inode, full.identity().pidfs_inode.filter(|_| pidfds.open));
    }
}

#[test]
fn a_thread_is_no_process_here_either() {
    let victim = Victim::python("import threading, time\nthreading.Thread(target=time.sleep, args=(1000,)).start()");
    let tasks = std::fs::read_dir(format!("/proc/{}/task", victim.pid())).unwrap();
    let ids = tasks.map(|task| task.unwrap().file_name().to_str().unwrap().parse().unwrap());
    let thread = ids.filter_map(Pid::new).find(|id| *id != victim.pid()).unwrap();
    for pidfds in WAYS {
        assert!(open(pidfds, thread).is_err(), "{pidfds:?}");
        assert!(open(pidfds, victim.pid()).is_ok(), "{pidfds:?}");
    }
}

#[test]
fn who_has_lost_his_main_thread_has_not_exited() {
    let script = "import ctypes, threading, time\nthreading.Thread(target=time.sleep, args=(1000,)).start()\n\
        threading.Timer(0.1, lambda: None).start()\nprint('ready', flush=True)\nctypes.CDLL(None).pthread_exit(None)";
    let mut child = std::process::Command::new("python3")
        .args(["-c", script])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(child.stdout.as_mut().unwrap()), &mut String::new())
        .unwrap();
    let mut victim = Victim { child };
    let process = open(WAYS[1], victim.pid()).unwrap();
    wait("the end of the main thread", || process.stat(&mut Vec::new()).unwrap().state == b'Z');
    assert!(!process.has_exited());
    victim.kill();
    wait("the exit", || process.has_exited());
}

#[test]
fn a_wait_says_that_somebody_may_have_exited_where_nothing_wakes_it() {
    let victim = Victim::sleeping();
    let mut waiter = Waiter::new().unwrap();
    for (pidfds, exits) in [(WAYS[0], true), (WAYS[2], false), (WAYS[1], true)] {
        let process = Arc::new(open(pidfds, victim.pid()).unwrap());
        waiter.watch([&process].into_iter());
        assert_eq!(waiter.wait(Duration::ZERO).exits, exits, "{pidfds:?}");
        waiter.watch(std::iter::empty());
        assert!(!waiter.wait(Duration::ZERO).exits, "nobody is watched any more");
    }
}

#[test]
fn descriptors_that_may_not_be_counted_are_denied_and_never_none() {
    // Whoever is not root may not look at pid 1; root gives up what lets him look at others.
    let root = rustix::process::geteuid().is_root();
    // Who has changed his user is root's to look at until he allows it (PR_SET_DUMPABLE) or execs.
    let script = "import ctypes, os\nos.setuid(65534)\nctypes.CDLL(None).prctl(4, 1, 0, 0, 0)";
    let victim = root.then(|| Victim::python(script));
    let pid = victim.as_ref().map_or(Pid::INIT, Victim::pid);
    let count = move || {
        renounce_rights().unwrap();
        let (proc, old) = (Proc::live().unwrap(), Proc::live().unwrap().before_6_2());
        (proc.entry(pid).unwrap().open_fds(), old.entry(pid).unwrap().open_fds())
    };
    let (now, before) = std::thread::spawn(count).join().unwrap();
    assert_eq!(before, Err(Error::Denied));
    assert!(now.is_ok_and(|fds| fds > 0) || lacks().contains(&Lack::Counts), "{now:?}");
}

#[test]
fn each_lack_says_what_is_done_instead() {
    let told = [Lack::Counts, Lack::Pidfds, Lack::Signals].map(|lack| lack.to_string());
    assert!(told[0].contains("one by one") && told[0].contains("systemd/deep.conf"), "{}", told[0]);
    assert!(told[1].contains("next reading"), "{}", told[1]);
    assert!(told[2].contains("by number") && told[2].contains("kernel.pid_max"), "{}", told[2]);
    let of_kernel = Pidfds::of_kernel();
    assert_eq!(lacks().contains(&Lack::Pidfds), !of_kernel.open);
    assert_eq!(lacks().contains(&Lack::Signals), !of_kernel.signal);
}
