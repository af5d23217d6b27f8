//! Evidence of real children.
#![expect(clippy::disallowed_methods, reason = "starts, ends and waits for its own children")]

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::*;
use crate::kernel::boot_id;
use crate::model::{self, Pid};

/// A Python child that ran `body` and waits.
struct Victim {
    child: Child,
    process: Arc<Process>,
}

impl Drop for Victim {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn victim(body: &str) -> Victim {
    let program = format!(
        "import os, select, socket, tempfile, threading, time\n{body}\nprint('ready', flush=True)\ntime.sleep(60)\n"
    );
    let mut python = Command::new("python3");
    python.args(["-c", &program, "--token\n\u{1b}[31m"]).env("BROKER_SECRET", "hunter2-of-the-environment");
    ready(python)
}

fn ready(mut python: Command) -> Victim {
    let mut child = python.stdout(Stdio::piped()).spawn().unwrap();
    let mut ready = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut ready).unwrap();
    assert_eq!(ready, "ready\n");
    let pid = Pid::new(i32::try_from(child.id()).unwrap()).unwrap();
    Victim { process: Arc::new(Process::open(boot_id().unwrap(), pid).unwrap()), child }
}

fn subject(victim: &Victim) -> Subject {
    let config =
        crate::config::parse(vec![crate::config::Source::new("watchdog.toml", "[peers]\nown = \"127.0.0.0/8:*\"\n")]);
    Subject {
        process: Arc::clone(&victim.process),
        peers: config.unwrap().peers,
        wanted: Wanted::default(),
        unit: None,
        variables: vec![("TRADEDOG_TARGET", "trader".to_owned())],
    }
}

fn look(subject: &Subject) -> Evidence {
    collect(subject, &AtomicBool::new(false))
}

fn text<'a>(evidence: &'a Evidence, name: &str) -> &'a str {
    let file = evidence.files.iter().find(|file| file.name == name);
    file.map_or_else(|| panic!("no {name}: {:?}", evidence.missing), |file| &file.text)
}

/// A script of this text.
fn script(folder: &Path, body: &str) -> String {
    let path = folder.join("evidence");
    fs::write(&path, format!("#!/bin/sh\n{body}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path.to_str().unwrap().to_owned()
}

fn asking(victim: &Victim, argv: &[&str], timeout: Duration) -> Subject {
    let argv = argv.iter().map(|&one| one.to_owned()).collect();
    let command = Some(Arc::new(model::Command { argv, timeout }));
    Subject { wanted: Wanted { command, ..Wanted::default() }, ..subject(victim) }
}

const EVERY_KIND: &str = "\
held = [open('/etc/passwd')]
gone = tempfile.NamedTemporaryFile(delete=False); gone.write(b'x' * 5000); gone.flush(); os.unlink(gone.name)
held += [os.pipe(), os.eventfd(3), os.memfd_create('order-book'), socket.socketpair()]
listening = socket.create_server(('127.0.0.1', 0))
near = socket.create_connection(listening.getsockname()); listening.accept()[0].close()
waiting = [socket.create_connection(listening.getsockname()) for _ in range(3)]
try:
    six = socket.create_server(('::1', 0), family=socket.AF_INET6)
except OSError:
    six = None
unix = socket.socket(socket.AF_UNIX); unix.bind('\\0evil \\x1b[31m\\n' + str(os.getpid())); unix.listen()
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); udp.bind(('127.0.0.1', 0))
watching = select.epoll(); watching.register(listening.fileno())
threading.Thread(target=threading.Event().wait, daemon=True).start()";

#[test]
fn every_kind_of_descriptor_is_told_and_each_socket_with_its_peer_state_and_queues() {
    let victim = victim(EVERY_KIND);
    let evidence = look(&subject(&victim));
    let all = text(&evidence, "descriptors.txt");
    for part in [
        "file /etc/passwd",
        " (deleted); 5000 bytes, at 5000",
        "deleted file ",
        "pipe [",
        "eventfd; eventfd-count 3",
        "epoll; tfd ",
        "memfd /memfd:order-book",
        "tcp LISTEN at 127.0.0.1:",
        "tcp CLOSE_WAIT to 127.0.0.1:",
        "unix stream connected",
        "unix stream LISTEN at @evil \\x1b[31m",
        "udp unconnected at 127.0.0.1:",
    ] {
        assert!(all.contains(part), "no {part:?} in\n{all}");
    }
    assert!(all.contains("tcp6 LISTEN at [::1]:") || !Path::new("/proc/net/tcp6").exists(), "{all}");
    let sockets = text(&evidence, "sockets.txt");
    let listening = sockets.lines().find(|line| line.contains("tcp ") && line.contains(" LISTEN  ")).unwrap();
    assert_eq!(listening.split_whitespace().last(), Some("3"), "three that it has not accepted: {listening}");
    assert!(sockets.contains(" own "), "the peer has its name: {sockets}");
    assert_eq!(evidence.counts["tcp CLOSE_WAIT"], 1);
    assert_eq!(evidence.counts["threads"], 2);
    assert!(text(&evidence, "threads.txt").contains("python3"));
    assert!(text(&evidence, "limits.txt").contains("Max open files"));
    assert!(text(&evidence, "status.txt").contains("VmRSS:"));
    assert!(text(&evidence, "memory.txt").contains("Pss:"));
    assert!(text(&evidence, "host.txt").contains("MemTotal:"));
    let who = text(&evidence, "process.txt");
    assert!(who.contains("--token\\n\\x1b[31m") && who.lines().count() < 10, "{who}");
}

#[test]
fn no_file_holds_what_is_in_the_environment_and_every_line_is_printable() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("trader.log");
    fs::write(&log, b"fine\n\x1b[2Jnot \xff fine\n").unwrap();
    let victim = victim("threading.current_thread().name\nopen('/proc/self/comm', 'w').write('a\\x1b[31m) R 1')");
    let mut subject = subject(&victim);
    subject.wanted.logs = vec![log];
    let evidence = look(&subject);
    assert_eq!(text(&evidence, "log-1.txt"), "fine\n\\x1b[2Jnot \\xff fine\n");
    for file in &evidence.files {
        assert!(!file.text.contains("hunter2"), "{}:\n{}", file.name, file.text);
        let fine = |c: char| c == '\n' || c == '\t' || !c.is_control();
        assert!(file.text.chars().all(fine), "{}:\n{}", file.name, file.text);
    }
}

#[test]
fn a_log_is_cut_at_a_line_and_what_cannot_be_read_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let (log, link) = (folder.path().join("long.log"), folder.path().join("link.log"));
    let lines: String = (0..50_000).map(|line| format!("line {line}\n")).collect();
    fs::write(&log, &lines).unwrap();
    symlink("/dev/null", &link).unwrap();
    let victim = victim("");
    let mut subject = subject(&victim);
    subject.wanted.logs = vec![log, link.clone(), folder.path().join("none.log")];
    let evidence = look(&subject);
    let end = text(&evidence, "log-1.txt");
    assert!(end.starts_with("line ") && end.ends_with("line 49999\n") && end.len() <= 128 << 10);
    assert!(lines.ends_with(end));
    let why = |what: &Path| evidence.missing.iter().find(|one| one.what == what.to_str().unwrap()).unwrap().why.clone();
    assert!(why(&link).contains("no regular file"));
    assert!(why(&folder.path().join("none.log")).contains("No such file"));
}

#[test]
fn the_command_is_told_whom_and_its_output_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let victim = victim("");
    let path = script(
        folder.path(),
        "echo of $1 $TRADEDOG_TARGET; echo trouble >&2; grep -c . /proc/self/status >/dev/null; grep NoNewPrivs /proc/self/status; grep CapEff /proc/self/status; exit 3",
    );
    let evidence = look(&asking(&victim, &[&path, "{pid}"], Duration::from_secs(10)));
    let printed = text(&evidence, "command.txt");
    assert!(printed.starts_with(&format!("of {} trader\n", victim.child.id())), "{printed}");
    assert!(printed.contains("== on standard error ==\ntrouble\n"), "{printed}");
    assert!(printed.contains("NoNewPrivs:\t1\n") && printed.contains("CapEff:\t0000000000000000\n"), "{printed}");
    assert!(evidence.missing.iter().any(|one| one.why == "exit code 3"), "{:?}", evidence.missing);
}

#[test]
fn a_command_that_hangs_or_floods_is_bounded_and_leaves_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let victim = victim("");
    let path =
        script(folder.path(), "trap '' TERM; echo begun; sleep 1000 & echo $! > \"$0.pid\"; wait; wait; sleep 1000");
    let begun = Instant::now();
    let evidence = look(&asking(&victim, &[&path], Duration::from_millis(700)));
    assert!(begun.elapsed() < Duration::from_secs(20));
    assert_eq!(text(&evidence, "command.txt"), "begun\n");
    assert!(evidence.missing.iter().any(|one| one.why.contains("ended after 700ms")), "{:?}", evidence.missing);
    let sleeper = fs::read_to_string(format!("{path}.pid")).unwrap();
    let stat = || fs::read_to_string(format!("/proc/{}/stat", sleeper.trim()));
    let until = Instant::now() + Duration::from_secs(5);
    while stat().is_ok_and(|stat| !stat.contains(") Z ")) {
        assert!(Instant::now() < until, "it lives on");
        std::thread::sleep(Duration::from_millis(20));
    }

    let path = script(folder.path(), "yes flood | head -c 3000000; echo end");
    let evidence = look(&asking(&victim, &[&path], Duration::from_secs(20)));
    assert_eq!(text(&evidence, "command.txt").len(), plain::MOST_BYTES + 1, "a line break at the cut");
    assert!(evidence.missing.iter().any(|one| one.why.contains("printed more than")), "{:?}", evidence.missing);
}

/// The kernel reads on from arguments whose end was overwritten: what comes then is the environment.
#[test]
fn arguments_that_were_overwritten_do_not_let_the_environment_out() {
    let body = "import ctypes, time\n\
                fields = open('/proc/self/stat').read().rsplit(')', 1)[1].split()\n\
                begin, end = int(fields[45]), int(fields[46])\n\
                ctypes.memset(begin, ord('x'), end - begin)\n\
                print('ready', flush=True)\ntime.sleep(60)";
    let mut python = Command::new("/usr/bin/python3");
    python.args(["-c", body]).env_clear().env("BROKER_SECRET", "hunter2-of-the-environment");
    let victim = ready(python);
    let told = fs::read(format!("/proc/{}/cmdline", victim.child.id())).unwrap();
    assert!(String::from_utf8_lossy(&told).contains("hunter2"), "the kernel has not read on");
    let evidence = look(&subject(&victim));
    let who = text(&evidence, "process.txt");
    assert!(!who.contains("hunter2") && who.contains("xxxx ...\n"), "{who}");
}

/// Each as long as a path can be: what is kept of them is not.
#[test]
fn paths_are_cut_in_the_middle_and_whoever_is_deleted_still_is() {
    let victim = victim(
        "os.chdir(tempfile.mkdtemp())\n\
         for _ in range(12): os.mkdir('d' * 250); os.chdir('d' * 250)\n\
         held = [open('name-%s' % at, 'w') for at in range(3)]\n\
         os.unlink('name-1')\n\
         for _ in range(12): os.chdir('..')\n\
         top = os.getcwd()\n\
         os.system('rm -rf ' + top)",
    );
    let evidence = look(&subject(&victim));
    let all = text(&evidence, "descriptors.txt");
    let rows: Vec<&str> = all.lines().filter(|line| line.contains("deleted file ") && line.contains("ddd")).collect();
    assert!(rows.len() >= 3 && rows.iter().all(|row| row.len() < 450 && row.contains("...")), "{all}");
    assert!(rows.iter().any(|row| row.contains("/name-1 (deleted)")), "{all}");
}

/// A Unix socket that is bound to a path with a line break in it forges a line of the kernel's table.
#[test]
fn a_forged_line_hides_no_connection() {
    let victim = victim(
        "listening = socket.create_server(('127.0.0.1', 0))\n\
         inode = os.fstat(listening.fileno()).st_ino\n\
         os.chdir(tempfile.mkdtemp())\n\
         forged = socket.socket(socket.AF_UNIX)\n\
         forged.bind('a\\n0: 2 0 10000 1 1 %d x' % inode)\n\
         forged.listen()",
    );
    let evidence = look(&subject(&victim));
    let table = text(&evidence, "sockets.txt");
    assert!(table.contains("tcp            LISTEN       127.0.0.1:"), "{table}");
}

#[test]
fn whoever_wants_it_no_more_ends_it() {
    let folder = tempfile::tempdir().unwrap();
    let victim = victim("");
    let subject = asking(&victim, &[&script(folder.path(), "sleep 1000")], Duration::from_secs(60));
    let evidence = collect(&subject, &AtomicBool::new(true));
    assert!(evidence.missing.iter().any(|one| one.why.contains("tradedog was")), "{:?}", evidence.missing);
}

#[test]
fn of_a_process_that_is_gone_nothing_is_told_but_that() {
    let folder = tempfile::tempdir().unwrap();
    let mut victim = victim("");
    victim.child.kill().unwrap();
    victim.child.wait().unwrap();
    let path = script(folder.path(), "touch \"$0.ran\"");
    let evidence = look(&asking(&victim, &[&path, "{pid}"], Duration::from_secs(5)));
    assert!(!Path::new(&format!("{path}.ran")).exists(), "by its number it might find another process");
    for name in ["descriptors.txt", "threads.txt", "status.txt", "limits.txt", "command.txt"] {
        assert!(evidence.files.iter().all(|file| file.name != name), "{name}");
    }
    assert!(evidence.missing.iter().any(|one| one.why.contains("has ended")), "{:?}", evidence.missing);
}

#[test]
fn a_command_that_is_not_there_is_named() {
    let victim = victim("");
    let evidence = look(&asking(&victim, &["/nonexistent/py-spy"], Duration::from_secs(5)));
    let missing = evidence.missing.iter().find(|one| one.what.contains("command")).unwrap();
    assert!(missing.why.starts_with("/nonexistent/py-spy cannot be started: "), "{}", missing.why);
}
