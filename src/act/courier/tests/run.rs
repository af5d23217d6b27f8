//! Commands of every kind, and what becomes of the order.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;

use super::*;
use crate::kernel::block_signals;

const FAILED: OutcomeKind = OutcomeKind::Failed;

/// The numbers that a command has written to `pids` in its folder, once it has.
pub(super) fn pids(folder: &Path) -> Vec<i32> {
    let file = folder.join("pids");
    eventually("the command has written its pids", || file.exists());
    std::fs::read_to_string(file).unwrap().split_whitespace().map(|pid| pid.parse().unwrap()).collect()
}

/// Whether the process runs; a zombie does not.
pub(super) fn lives(pid: i32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

/// The descriptors that a child would get.
fn inheritable() -> Vec<String> {
    let all = std::fs::read_dir("/proc/self/fdinfo").unwrap().map(|entry| entry.unwrap());
    let open = |entry: &std::fs::DirEntry| {
        let info = std::fs::read_to_string(entry.path()).unwrap_or_default();
        let flags = info.lines().find_map(|line| line.strip_prefix("flags:"));
        flags.is_some_and(|flags| u32::from_str_radix(flags.trim(), 8).unwrap() & 0o2_000_000 == 0)
    };
    all.filter(open).map(|entry| entry.file_name().into_string().unwrap()).collect()
}

fn command(argv: &[&str]) -> Measure {
    let argv = argv.iter().map(|argument| (*argument).to_owned()).collect();
    Measure::Command(Arc::new(Command { argv, timeout: Duration::from_secs(10) }))
}

fn run(text: &str) -> Outcome {
    let folder = tempfile::tempdir().unwrap();
    case().deliver(script(text, folder.path(), 10_000))
}

#[test]
fn the_exit_code_says_how_it_ended() {
    for (text, detail) in [
        ("exit 3", "exit code 3"),
        (
            "echo progress; echo first >&2; echo '  no such session ' >&2; echo >&2; exit 3",
            "exit code 3: no such session",
        ),
        ("echo only this; exit 4", "exit code 4: only this"),
        ("printf 'a\\033[31m\\377\\n' >&2; exit 1", "exit code 1: a\\x1b[31m\\xff"),
        ("kill -KILL $$", "ended by signal 9"),
    ] {
        assert_eq!(facts(&run(text)), (FAILED, Reason::Refused, false, detail), "{text}");
    }
    assert_eq!(facts(&run("echo done; echo not a failure >&2")), ACKNOWLEDGED);
}

#[test]
fn it_is_told_of_the_order_and_inherits_nothing_else() {
    // What the test itself was started with is nobody's here.
    let mut open: Vec<String> = inheritable();
    let mut case = case();
    let (folder, hung) = (tempfile::tempdir().unwrap(), server::silent());
    for id in 10..14 {
        case.courier.send(&order(id, post(http(&hung.url()))), now()).unwrap();
        case.courier.send(&order(id + 10, script("exec sleep 60", folder.path(), 10_000)), now()).unwrap();
    }
    let text = "env > $0/env; echo \"$1|$2\" > $0/arguments; cat > $0/input; ps -o pgid= -p $$ > $0/group; echo $$ > $0/pid; exec ls /proc/self/fd > $0/open";
    let path = folder.path().to_str().unwrap();
    assert_eq!(facts(&case.deliver(command(&["/bin/sh", "-c", text, path, "{pid}", "--pid={pid}"]))), ACKNOWLEDGED);
    let said = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    assert_eq!(said("arguments"), "4242|--pid={pid}\n");
    assert_eq!(said("input"), "");
    // The last one is of `ls` itself.
    open.extend(["0", "1", "2", "3"].map(str::to_owned));
    assert_eq!(said("open").lines().collect::<BTreeSet<_>>(), open.iter().map(String::as_str).collect());
    let pid = said("pid");
    assert_eq!(said("group").trim(), pid.trim(), "it leads its group");
    let env = said("env");
    for line in [
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "TRADEDOG_TARGET=trader",
        "TRADEDOG_PROCESS=3",
        "TRADEDOG_PID=4242",
        "TRADEDOG_ACTION=pause",
        "TRADEDOG_UNDO=0",
        "TRADEDOG_SCOPE=target",
        "TRADEDOG_LEVEL=critical",
        "TRADEDOG_LADDER=default",
        "TRADEDOG_METRIC=open_fds",
        "TRADEDOG_VALUE=812",
        "TRADEDOG_BOUND=800",
        "TRADEDOG_ORDER=000000000000001d-1",
        "TRADEDOG_ATTEMPT=2",
    ] {
        assert!(env.lines().any(|found| found == line), "{line}: {env}");
    }
    let known = ["PATH", "HOME", "LANG", "LC_ALL", "TZ", "PWD", "OLDPWD", "SHLVL", "_"];
    for name in env.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name) {
        assert!(known.contains(&name) || name.starts_with("TRADEDOG_"), "{name} is inherited");
    }
}

#[test]
fn the_signals_that_the_daemon_blocks_and_ignores_end_it() {
    block_signals().unwrap();
    for (name, number) in [("TERM", 15), ("INT", 2), ("HUP", 1), ("PIPE", 13)] {
        let outcome = run(&format!("kill -{name} $$; exit 0"));
        assert_eq!(facts(&outcome), (FAILED, Reason::Refused, false, &*format!("ended by signal {number}")));
    }
    let folder = tempfile::tempdir().unwrap();
    let mut case = case();
    // The shell stays, to tell what its child died of.
    let text = "trap : TERM; sleep 62 & child=$!; echo $$ $child > $0/new; mv $0/new $0/pids; wait $child; wait $child; echo $? > $0/how";
    case.courier.send(&order(1, script(text, folder.path(), 300)), now()).unwrap();
    let pids = pids(folder.path());
    assert_eq!(facts(&case.outcome()), (FAILED, Reason::Timeout, false, "not ended within 300ms"));
    eventually("SIGTERM ends the group", || pids.iter().all(|pid| !lives(*pid)));
    assert_eq!(std::fs::read_to_string(folder.path().join("how")).unwrap(), "143\n", "by SIGTERM, not by SIGKILL");
}

#[test]
fn who_ignores_sigterm_gets_sigkill_with_its_children_and_leaves_no_zombie() {
    let folder = tempfile::tempdir().unwrap();
    let mut case = case();
    let text = "trap '' TERM; sleep 63 & echo $$ $! > $0/new; mv $0/new $0/pids; while :; do wait; sleep 1; done";
    case.courier.send(&order(1, script(text, folder.path(), 300)), now()).unwrap();
    let pids = pids(folder.path());
    assert_eq!(facts(&case.outcome()), (FAILED, Reason::Timeout, false, "not ended within 300ms"));
    assert!(lives(pids[0]), "the outcome does not wait for its end");
    eventually("SIGKILL ends the group", || pids.iter().all(|pid| !lives(*pid)));
    eventually("it is reaped", || !Path::new(&format!("/proc/{}", pids[0])).exists());
}

#[test]
fn its_children_go_on_after_its_end_and_are_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let began = Instant::now();
    let outcome = case().deliver(script("sleep 30 & echo $! > $0/new; mv $0/new $0/pids", folder.path(), 10_000));
    assert_eq!(facts(&outcome), ACKNOWLEDGED);
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    let [child] = pids(folder.path())[..] else { panic!("one child") };
    assert!(lives(child));
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(child), nix::sys::signal::Signal::SIGKILL).unwrap();
    assert_eq!(facts(&run("(sleep 1; echo late >&2) & echo early >&2; exit 5")).3, "exit code 5: early");
}

#[test]
fn a_flood_neither_blocks_it_nor_fills_memory() {
    let text =
        "head -c 50000000 /dev/zero | tr '\\0' x; head -c 50000000 /dev/zero >&2; echo >&2; echo the end >&2; exit 6";
    assert_eq!(facts(&run(text)).3, "exit code 6: the end");
    let endless = run("head -c 5000000 /dev/zero | tr '\\0' x >&2; exit 7").detail.unwrap();
    assert_eq!(endless.chars().count(), 201, "{endless}");
    let folder = tempfile::tempdir().unwrap();
    let outcome = case().deliver(script("exec yes", folder.path(), 300));
    assert_eq!(facts(&outcome), (FAILED, Reason::Timeout, false, "not ended within 300ms"));
}

#[test]
fn what_cannot_be_started_touched_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str, mode: u32| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let folder_name = folder.path().to_str().unwrap();
    for (program, why) in [
        ("/no/such/program", "No such file or directory"),
        (folder_name, "Permission denied"),
        (&file("plain", "#!/bin/sh\nexit 0\n", 0o644), "Permission denied"),
        (&file("no_interpreter", "exit 0\n", 0o755), "Exec format error"),
        (&file("bad_interpreter", "#!/no/such/shell\n", 0o755), "No such file or directory"),
    ] {
        let outcome = case().deliver(command(&[program]));
        assert_eq!((outcome.kind, outcome.reason, outcome.untouched), (FAILED, Reason::Refused, true));
        let detail = outcome.detail.unwrap();
        assert!(detail.starts_with(&format!("cannot start {program}: {why}")), "{detail}");
    }
    for argv in [&["true"][..], &["./true"], &[], &["/bin/true", "a\0b"]] {
        let outcome = case().deliver(command(argv));
        assert_eq!((outcome.kind, outcome.reason, outcome.untouched), (FAILED, Reason::Refused, true), "{argv:?}");
    }
}

#[test]
fn its_own_descriptors_come_and_go() {
    let mut case = case();
    let folder = tempfile::tempdir().unwrap();
    let open = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    assert_eq!(facts(&case.deliver(script("exit 0", folder.path(), 10_000))), ACKNOWLEDGED);
    eventually("the first has been put away", || open() < 1000);
    std::thread::sleep(Duration::from_millis(50));
    let before = open();
    for _ in 0..20 {
        case.deliver(script("echo x; exit 1", folder.path(), 10_000));
        case.deliver(command(&["/no/such/program"]));
    }
    eventually("no descriptor is left", || open() <= before);
}
