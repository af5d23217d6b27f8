use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::{Victim, wait};
use crate::kernel::{Error, Proc, Process, boot_id, now, own_pid, started};
use crate::model::{Pid, Signal};

fn open(pid: Pid) -> Result<Process, Error> {
    Process::open(boot_id().unwrap(), pid)
}

fn listed(pid: Pid) -> u64 {
    std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count().try_into().unwrap()
}

#[test]
fn a_live_process_is_read_as_it_is() {
    let before = now();
    let victim = Victim::python("import socket\nheld = [open('/dev/null') for _ in range(50)]\ns = socket.socket()");
    let process = open(victim.pid()).unwrap();
    let identity = process.identity();
    assert_eq!(identity.pid, victim.pid());
    assert!(started(identity.start_ticks) + Duration::from_millis(20) >= before);
    assert!(started(identity.start_ticks) <= now());
    assert_eq!(process.open_fds(), Ok(listed(victim.pid())));
    assert!(process.open_fds().unwrap() >= 54);
    let mut text = Vec::new();
    // A child inherits the limit, whatever other tests do to ours meanwhile: it is within the hard one.
    assert!(process.max_fds(&mut text).unwrap().is_none_or(|limit| limit > 54));
    let rss = process.status(&mut text).unwrap().rss.unwrap();
    assert!(rss > 1 << 20);
    // It waits, but the kernel may take back a page of it.
    assert!(process.resident(&mut text).unwrap().unwrap().abs_diff(rss) < 1 << 20);
    assert_eq!(process.is_current(&mut Vec::new()), Ok(()));
    let mut inodes = Vec::new();
    process.socket_inodes(&mut |inode| inodes.push(inode)).unwrap();
    assert_eq!(inodes.len(), 1);
    assert!(process.entry().exe(&mut text).unwrap().windows(6).any(|part| part == b"python"));
    assert!(process.entry().net_namespace().unwrap() > 0);
}

#[test]
fn entries_are_counted_without_the_two_dots() {
    let victim = Victim::python("held = [open('/dev/null') for _ in range(700)]");
    let entry = Proc::live().unwrap().before_6_2().entry(victim.pid()).unwrap();
    assert_eq!(entry.open_fds(), Ok(listed(victim.pid())));
}

/// What another host looked like, as files: here of a kernel before 6.2.
#[test]
fn a_captured_proc_can_be_read() {
    let root = tempfile::tempdir().unwrap();
    let own = root.path().join("77");
    std::fs::create_dir_all(own.join("fd")).unwrap();
    for file in ["stat", "status", "limits", "cgroup"] {
        std::fs::copy(format!("/proc/self/{file}"), own.join(file)).unwrap();
    }
    for fd in 0..3 {
        std::os::unix::fs::symlink(format!("socket:[{}]", fd + 100), own.join("fd").join(fd.to_string())).unwrap();
    }
    let proc = Proc::captured(root.path()).unwrap();
    let mut pids = Vec::new();
    proc.pids(&mut pids).unwrap();
    assert_eq!(pids, [Pid::new(77).unwrap()]);
    let process = Process::captured(&proc, pids[0]).unwrap();
    assert_eq!(process.open_fds(), Ok(3));
    let mut inodes = Vec::new();
    process.socket_inodes(&mut |inode| inodes.push(inode)).unwrap();
    inodes.sort_unstable();
    assert_eq!(inodes, [100, 101, 102]);
    assert!(!process.has_exited());
    assert!(process.signal(Signal::new(9).unwrap()).is_err(), "nobody is there to be killed");
    std::fs::remove_dir_all(own).unwrap();
    assert_eq!(process.open_fds().map_err(|_| ()), Err(()));
}

/// Else a rescan would look at everybody, or at nobody.
#[test]
fn the_list_of_processes_tells_the_marks_that_a_look_at_each_does() {
    let proc = Proc::live().unwrap();
    let victim = Victim::sleeping();
    let mut marked = Vec::new();
    proc.marked(&Proc::NUMBERS, &mut marked).unwrap();
    let of = |pid| marked.iter().find(|(other, _)| *other == pid).map(|(_, mark)| *mark);
    for pid in [victim.pid(), own_pid()] {
        assert!(of(pid).is_some());
        assert_eq!(of(pid), proc.mark(pid));
    }
    assert_ne!(of(victim.pid()), of(own_pid()));
}

#[test]
fn a_list_of_some_numbers_costs_those_alone_and_says_what_the_whole_one_says() {
    let proc = Proc::live().unwrap();
    let victims: Vec<Victim> = (0..40).map(|_| Victim::sleeping()).collect();
    let (mut whole, mut some) = (Vec::new(), Vec::new());
    proc.marked(&Proc::NUMBERS, &mut whole).unwrap();
    assert!(proc.lists_by_number(), "each entry is as far behind its number as the others");
    let of = |pid: Pid| u64::try_from(pid.get()).unwrap();
    // More than come at once, of whom the first and the last are asked for too.
    let ours: Vec<Pid> = victims.iter().map(Victim::pid).collect();
    let (first, last) = (*ours.iter().min().unwrap(), *ours.iter().max().unwrap());
    proc.marked(&(of(first)..=of(last)), &mut some).unwrap();
    // Others come and go between two lists.
    some.retain(|(pid, _)| ours.contains(pid));
    whole.retain(|(pid, _)| ours.contains(pid));
    assert_eq!((some.len(), &some), (40, &whole));
    proc.marked(&(of(last)..=of(last)), &mut some).unwrap();
    assert_eq!(some, [(last, proc.mark(last).unwrap())]);
    proc.marked(&(1 << 23..=1 << 24), &mut some).unwrap();
    assert!(some.is_empty());
}

#[test]
fn a_mere_thread_is_in_no_list() {
    let proc = Proc::live().unwrap();
    let mut marked = Vec::new();
    proc.marked(&Proc::NUMBERS, &mut marked).unwrap();
    std::thread::spawn(move || {
        let thread = u64::try_from(rustix::thread::gettid().as_raw_nonzero().get()).unwrap();
        proc.marked(&(thread..=thread), &mut marked).unwrap();
        assert!(proc.lists_by_number() && marked.is_empty(), "{marked:?}");
    })
    .join()
    .unwrap();
}

/// A folder whose entries are in no order is listed whole.
#[test]
fn where_places_tell_nothing_of_numbers_the_list_is_right_all_the_same() {
    let root = tempfile::tempdir().unwrap();
    for number in [3, 1, 400, 20, 5, 77, 6, 90] {
        std::fs::create_dir(root.path().join(number.to_string())).unwrap();
    }
    let proc = Proc::captured(root.path()).unwrap();
    let mut marked = Vec::new();
    for (numbers, expected) in [(Proc::NUMBERS, &[1, 3, 5, 6, 20, 77, 90, 400][..]), (5..=77, &[5, 6, 20, 77])] {
        proc.marked(&numbers, &mut marked).unwrap();
        assert_eq!(marked.iter().map(|(pid, _)| pid.get()).collect::<Vec<_>>(), expected);
        assert!(!proc.lists_by_number());
    }
}

#[test]
fn a_live_process_without_descriptors_has_zero_of_them() {
    let script = "import os, time\nprint('ready', flush=True)\nos.closerange(0, 1024)\ntime.sleep(1000)";
    let mut bare =
        Victim { child: Command::new("python3").args(["-c", script]).stdout(Stdio::piped()).spawn().unwrap() };
    let mut line = String::new();
    BufReader::new(bare.child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let process = open(bare.pid()).unwrap();
    wait("the closing of all descriptors", || process.open_fds() == Ok(0));
}

#[test]
fn a_zombie_is_gone_and_never_zero() {
    let mut victim = Victim::sleeping();
    let process = open(victim.pid()).unwrap();
    assert!(!process.has_exited());
    victim.kill();
    wait("the exit", || process.has_exited());
    let mut text = Vec::new();
    assert_eq!(process.stat(&mut text).unwrap().state, b'Z');
    for round in ["zombie", "reaped"] {
        assert_eq!(process.open_fds(), Err(Error::Gone), "{round}");
        assert_eq!(process.status(&mut text), Err(Error::Gone), "{round}");
        assert_eq!(process.resident(&mut text), Err(Error::Gone), "{round}");
        assert_eq!(process.socket_inodes(&mut |_| ()), Err(Error::Gone), "{round}");
        assert_eq!(process.is_current(&mut Vec::new()), Err(Error::Gone), "{round}");
        assert_eq!(open(victim.pid()).map(|_| ()), Err(Error::Gone), "{round}");
        victim.child.wait().unwrap();
    }
    assert_eq!(process.signal(Signal::new(15).unwrap()), Err(Error::Gone));
    assert_eq!(process.stat(&mut text), Err(Error::Gone));
    assert_eq!(process.max_fds(&mut text), Err(Error::Gone));
    assert_eq!(process.entry().cgroups(&mut text), Err(Error::Gone));
    process.release_memory();
}

/// A process goes on after its main thread ended, but then shows neither files nor memory there.
#[test]
fn a_process_without_main_thread_is_unknown_and_not_gone() {
    let script = "import ctypes, threading, time\nthreading.Thread(target=time.sleep, args=(1000,)).start()\n\
        print('ready', flush=True)\nctypes.CDLL(None).pthread_exit(None)";
    let mut child = Command::new("python3").args(["-c", script]).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let victim = Victim { child };
    let process = open(victim.pid()).unwrap();
    let mut text = Vec::new();
    wait("the end of the main thread", || process.stat(&mut text).unwrap().state == b'Z');
    assert!(!process.has_exited());
    assert!(matches!(process.open_fds(), Err(Error::Malformed(_))), "{:?}", process.open_fds());
    assert!(matches!(process.status(&mut text), Err(Error::Malformed(_))));
    assert!(matches!(process.resident(&mut text), Err(Error::Malformed(_))));
}

#[test]
fn kernel_threads_have_no_memory_and_are_known_as_such() {
    let (proc, mut text) = (Proc::live().unwrap(), Vec::new());
    let Ok(entry) = proc.entry(Pid::new(2).unwrap()) else { return };
    if entry.stat(&mut text).is_ok_and(|stat| stat.is_kernel_thread()) {
        assert_eq!(entry.status(&mut text).unwrap().rss, None);
        assert_eq!(entry.resident(&mut text), Ok(None));
        assert_eq!(entry.cmdline(&mut text), Ok(&b""[..]));
    }
}

#[test]
fn a_thread_is_no_process() {
    let victim = Victim::python("import threading, time\nthreading.Thread(target=time.sleep, args=(1000,)).start()");
    let tasks = std::fs::read_dir(format!("/proc/{}/task", victim.pid())).unwrap();
    let ids = tasks.map(|task| task.unwrap().file_name().to_str().unwrap().parse().unwrap());
    let thread = ids.filter_map(Pid::new).find(|id| *id != victim.pid()).unwrap();
    assert!(open(thread).is_err());
}

#[test]
fn signals_reach_it_real_time_ones_too() {
    // Not print: a handler may interrupt the one before it, and a buffered writer refuses that.
    let script = "import os, signal\nfor s in (signal.SIGUSR1, signal.SIGRTMIN + 3):\n  signal.signal(s, lambda n, f: os.write(1, b'%d\\n' % n))";
    let script = format!("{script}\nprint('ready', flush=True)\nwhile True: signal.pause()");
    let mut child = Command::new("python3").args(["-c", &script]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let victim = Victim { child };
    assert_eq!(lines.next().unwrap().unwrap(), "ready");
    let process = open(victim.pid()).unwrap();
    for number in [10, 37] {
        let signal = Signal::new(number).unwrap();
        assert_ne!(process.status(&mut Vec::new()).unwrap().caught & signal.mask(), 0);
        process.signal(signal).unwrap();
        assert_eq!(lines.next().unwrap().unwrap(), number.to_string());
    }
}

#[test]
fn sigkill_then_release_ends_it() {
    let victim = Victim::python("held = bytearray(1 << 24)");
    let process = open(victim.pid()).unwrap();
    process.release_memory();
    assert!(!process.has_exited(), "release_memory must not touch a live process");
    process.signal(Signal::new(9).unwrap()).unwrap();
    process.release_memory();
    wait("the exit", || process.has_exited());
}

#[test]
fn an_exec_changes_the_generation_and_nothing_else_does() {
    let script =
        "import os, sys\nprint('ready', flush=True)\nsys.stdin.readline()\nos.execvp('sleep', ['sleep', '1000'])";
    let mut command = Command::new("python3");
    let mut child = command.args(["-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let mut input = child.stdin.take().unwrap();
    let victim = Victim { child };
    let process = open(victim.pid()).unwrap();
    let mut text = Vec::new();
    let first = process.stat(&mut text).unwrap().exec_generation;
    assert!(first.is_some());
    assert_eq!(process.stat(&mut text).unwrap().exec_generation, first);
    input.write_all(b"go\n").unwrap();
    wait("the exec", || process.stat(&mut text).unwrap().comm.as_bytes() == b"sleep");
    assert_ne!(process.stat(&mut text).unwrap().exec_generation, first);
    assert_eq!(process.is_current(&mut Vec::new()), Ok(()), "an exec keeps the process");
}

#[test]
fn descendants_come_parents_first_and_without_bystanders() {
    let script = "sleep 1000 & sh -c 'sleep 1000 & echo ready; wait' & wait";
    let mut child = Command::new("sh").args(["-c", script]).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let (victim, bystander) = (Victim { child }, Victim::sleeping());
    let process = open(victim.pid()).unwrap();
    let found = process.descendants(&Proc::live().unwrap()).unwrap();
    let parents: Vec<i32> = found.iter().map(|p| p.stat(&mut Vec::new()).unwrap().ppid).collect();
    assert_eq!(found.len(), 3, "{found:?}");
    assert_eq!(parents.iter().filter(|ppid| **ppid == victim.pid().get()).count(), 2);
    assert_eq!(parents[..2], [victim.pid().get(); 2]);
    assert!(found.iter().all(|p| p.identity().pid != bystander.pid() && p.identity().pid != own_pid()));
    for process in found {
        process.signal(Signal::new(9).unwrap()).unwrap();
    }
}
