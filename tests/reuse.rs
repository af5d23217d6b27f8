//! A pid that is given anew within one tick of the start time: the same number, the same start
//! time, another process.
//!
//! In a pid namespace of its own the test says which number the kernel is to give next
//! (`ns_last_pid`, proc_sys_kernel(5)), so that it need not wait for the counter to wrap.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test starts programs, says what it skips, and fails by panicking"
)]

use std::fs;
use std::iter;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tradedog::config::{Config, Source, parse};
use tradedog::discover::{Change, Member, Roster, recheck, survey};
use tradedog::kernel::{self, Error, Process};
use tradedog::model::{BootId, Identity, MemberKey, Pid, Reason, Signal};

#[path = "real/support/sandbox.rs"]
#[expect(dead_code, reason = "what else can be forbidden is for the tests of the daemon")]
mod sandbox;

use sandbox::{Forbidden, within};

const LAST_PID: &str = "/proc/sys/kernel/ns_last_pid";
const NUMBER: i32 = 4242;
const ROUNDS: usize = 300;

#[test]
fn a_reused_pid_is_another_process() {
    look_inside(&[]);
}

/// Where a signal can only go by number, it goes to nobody else all the same.
#[test]
fn a_reused_pid_is_another_process_where_there_are_no_pidfds() {
    look_inside(&[Forbidden::PidfdOpen]);
    look_inside(&[Forbidden::PidfdOpen, Forbidden::PidfdSendSignal]);
}

fn look_inside(forbidden: &[Forbidden]) {
    if !nix::unistd::geteuid().is_root() || !Path::new(LAST_PID).exists() {
        eprintln!("skipped: needs root, and a kernel with {LAST_PID}");
        return;
    }
    let mut command = Command::new("unshare");
    command.args(["--pid", "--fork", "--kill-child", "--mount-proc"]).arg(std::env::current_exe().unwrap()).args([
        "inside_the_namespace",
        "--exact",
        "--ignored",
        "--nocapture",
    ]);
    let inside = within(forbidden, || command.output()).unwrap();
    let said = String::from_utf8_lossy(&inside.stdout).into_owned() + &String::from_utf8_lossy(&inside.stderr);
    assert!(inside.status.success() && said.contains("1 passed"), "{said}");
}

#[test]
#[ignore = "a_reused_pid_is_another_process runs it in a pid namespace of its own"]
fn inside_the_namespace() {
    if std::process::id() > 1 {
        eprintln!("skipped: not in a pid namespace of its own");
        return;
    }
    let boot = kernel::boot_id().unwrap();
    // Of this process, as of any: where it has no pidfd, its identity has no inode.
    let own = Process::open(boot, kernel::own_pid()).unwrap();
    let pidfs = linux() >= [6, 9] && own.pidfd().is_some();
    let sleepers = "[target.sleepers]\nmatch = { cmdline = '^/bin/sleep 600$' }";
    let config = parse(vec![Source::new("watchdog.toml", sleepers)]).unwrap();
    let mut roster = Roster::new(&config);
    let mut before = start(boot);
    let mut confusable = 0;
    for round in 0..ROUNDS {
        let (mut child, process) = before;
        let identity = process.identity();
        assert_eq!(identity.pid.get(), NUMBER);
        let watched = (round % 3 == 0).then(|| discover(&config, &mut roster, identity));
        child.kill().unwrap();
        child.wait().unwrap();
        before = start(boot);
        let (ref successor, ref heir) = before;
        let without_inode = |identity: Identity| Identity { pidfs_inode: None, ..identity };
        if without_inode(heir.identity()) == without_inode(identity) {
            confusable += 1;
        }
        if pidfs {
            assert_ne!(heir.identity(), identity, "a successor was taken for its predecessor");
        }
        nobody_else_is_meant(&process);
        if let Some(member) = watched {
            let target = &config.targets[0];
            assert_eq!(recheck(&member, target, &mut Vec::new()), Err(Reason::Identity), "a signal would be sent");
            discover(&config, &mut roster, heir.identity());
        }
        assert!(Path::new(&format!("/proc/{}/stat", successor.id())).exists(), "the successor was hit");
    }
    let (mut child, _) = before;
    child.kill().unwrap();
    child.wait().unwrap();
    // Without a number of these the test has not looked at what it is about.
    assert!(confusable > ROUNDS / 10, "only {confusable} of {ROUNDS} had the same pid and start time");
}

/// Lets discovery find the process that has the number now, and gives it the seat.
fn discover(config: &Config, roster: &mut Roster, identity: Identity) -> Member {
    // The arguments of a new program are in place a moment after its start.
    let mut found = iter::repeat_with(|| survey(config).found).take(1000);
    let mut changes = found.find(|found| !found.is_empty()).unwrap().into_iter().map(Change::Found).collect();
    roster.apply(&mut changes, kernel::now(), &mut Vec::new());
    let key = MemberKey { target: 0, slot: 0 };
    let [member] = roster.members() else { panic!("one process, one seat: {roster:?}") };
    assert_eq!((member.key, member.process.identity()), (key, identity));
    Member { key, process: member.process.clone(), facts: member.facts.clone(), first_seen: member.first_seen }
}

/// What was opened for the dead one neither reads nor signals the one that has its number now.
fn nobody_else_is_meant(dead: &Process) {
    assert!(dead.has_exited());
    assert_eq!(dead.is_current(&mut Vec::new()), Err(Error::Gone));
    assert_eq!(dead.signal(Signal::new(9).unwrap()), Err(Error::Gone));
    assert_eq!(dead.open_fds(), Err(Error::Gone));
    assert_eq!(dead.status(&mut Vec::new()).map(|_| ()), Err(Error::Gone));
}

/// Release of the kernel; pidfds have inodes of their own (pidfs) from 6.9 on.
fn linux() -> [u32; 2] {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    let mut numbers = release.split(['.', '-']).map(|part| part.parse().unwrap());
    [numbers.next().unwrap(), numbers.next().unwrap()]
}

/// A process with the number.
fn start(boot: BootId) -> (Child, Process) {
    fs::write(LAST_PID, (NUMBER - 1).to_string()).unwrap();
    let child = Command::new("/bin/sleep").arg("600").stdin(Stdio::null()).spawn().unwrap();
    let process = Process::open(boot, Pid::new(NUMBER).unwrap()).unwrap();
    (child, process)
}
