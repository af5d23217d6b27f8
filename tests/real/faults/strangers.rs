//! Somebody else in the place of whom was meant: between being found and being signalled a process ends, becomes another
//! program, or its pid is given to another process; and somebody looks the same and is another user's.

use std::collections::VecDeque;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::libc;

use super::super::latency::{longest, quick};
use super::super::support::{Daemon, Leaker, Overseer, Survived, has, is_root, output};
use super::leaker;

const LAST_PID: &str = "/proc/sys/kernel/ns_last_pid";
/// Says when it was signalled; at a line it becomes another program of the same name and command line, which would
/// die of the signal.
const PREY: &str = "trap 'echo hit >&2' USR1\necho ready\nwhile ! read go; do :; done\n\
                    exec sh -c 'echo other; read end' \"$0\"";
const OTHER: &str = "echo other; read end";

/// A script of that name as its last argument.
struct Prey {
    child: Child,
    input: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Prey {
    fn start((script, tag): (&str, &str), errors: Stdio) -> Self {
        let mut command = Command::new("sh");
        command.args(["-c", script, tag]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(errors);
        let mut child = command.spawn().unwrap();
        let (input, answers) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        let mut prey = Self { child, input, answers };
        prey.hear();
        prey
    }

    fn pid(&self) -> i32 {
        self.child.id().try_into().unwrap()
    }

    fn hear(&mut self) {
        self.answers.read_line(&mut String::new()).unwrap();
    }

    /// Becomes another program.
    fn exec(&mut self) {
        self.input.write_all(b"\n").unwrap();
        self.hear();
    }

    fn end(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Prey {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What happens to whoever was meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deed {
    Exit,
    Exec,
    Reuse,
}

const DEEDS: [(Deed, &str); 3] = [
    (Deed::Exit, "a process ends between being found and being signalled"),
    (Deed::Exec, "a process becomes another program between being found and being signalled"),
    (Deed::Reuse, "the pid of a process is given to another between its being found and being signalled"),
];

/// A daemon that is held again and again, and who has lived on.
struct Hunt {
    overseer: Overseer,
    tag: String,
    log: std::path::PathBuf,
    /// Those who have come last in the place of others: each is one more to be read, and so not kept for ever.
    strangers: VecDeque<Prey>,
}

/// After so many more rounds, of a pass at least each, a stranger would have been hit.
const ROUNDS: usize = 4;

impl Hunt {
    /// Does that to a new process where the daemon has come so far; false where it has signalled it before.
    fn round(&mut self, deed: Deed, point: usize) -> bool {
        let mut prey = self.next_prey(point);
        let Some(call) = self.held(&mut prey) else {
            self.overseer.let_go();
            return false;
        };
        let pid = prey.pid();
        match deed {
            // Who becomes another within the very call that signals is signalled: no kernel tells programs apart there.
            Deed::Exec if call != libc::SYS_pidfd_send_signal => {
                prey.exec();
                self.strangers.push_back(prey);
            }
            Deed::Exit | Deed::Exec => prey.end(),
            Deed::Reuse => {
                prey.end();
                fs::write(LAST_PID, (pid - 1).to_string()).unwrap();
                self.strangers.push_back(Prey::start((OTHER, &self.tag), Stdio::null()));
            }
        }
        self.overseer.let_go();
        true
    }

    /// Lets all but the last `most` strangers go, who must live until then.
    fn let_strangers_go(&mut self, most: usize, daemon: &Daemon) {
        while self.strangers.len() > most {
            let ended = self.strangers.front_mut().unwrap().child.try_wait().unwrap();
            assert_eq!(ended, None, "a stranger was hit:\n{}", daemon.log());
            self.strangers.pop_front();
        }
    }

    /// A process by whose number the daemon is to be held.
    fn next_prey(&mut self, point: usize) -> Prey {
        loop {
            let errors = fs::File::create(&self.log).unwrap();
            let next = 1 + fs::read_to_string(LAST_PID).unwrap().trim().parse::<i32>().unwrap();
            self.overseer.hold_at(point, next);
            let prey = Prey::start((PREY, &self.tag), errors.into());
            if prey.pid() == next {
                return prey;
            }
            // Somebody else has started meanwhile.
            self.overseer.let_go();
        }
    }

    /// The call at which the daemon is held; none where it has signalled the process.
    fn held(&mut self, prey: &mut Prey) -> Option<libc::c_long> {
        let end = Instant::now() + Duration::from_secs(10);
        while fs::metadata(&self.log).unwrap().len() == 0 {
            assert!(Instant::now() < end, "{} is neither held at nor signalled", prey.pid());
            if let Some(call) = self.overseer.held(Duration::from_millis(20)) {
                return Some(call);
            }
        }
        None
    }
}

#[test]
fn whoever_takes_the_place_of_another_at_whatever_moment_is_left_alone() {
    if !is_root() || !has("unshare") || !Path::new(LAST_PID).exists() {
        return;
    }
    let mut command = Command::new("unshare");
    command.args(["--pid", "--fork", "--kill-child", "--mount-proc"]).arg(std::env::current_exe().unwrap());
    let test = "faults::strangers::in_a_pid_namespace";
    let inside = output(command.args([test, "--exact", "--ignored", "--nocapture"]));
    let said = String::from_utf8_lossy(&inside.stdout).into_owned() + &String::from_utf8_lossy(&inside.stderr);
    assert!(inside.status.success() && said.contains("1 passed"), "{said}");
    println!("{said}");
}

#[test]
#[ignore = "in a pid namespace of its own, whose numbers it gives out"]
fn in_a_pid_namespace() {
    assert_eq!(std::process::id(), 1, "not in a pid namespace of its own");
    let (mut leaker, tag, folder) = (leaker(), "prey_of_the_daemon".to_owned(), tempfile::tempdir().unwrap());
    let prey = quick(&leaker).replace("target.quick", "target.prey").replace(&leaker.tag(), &format!("{tag}$"));
    let prey = prey.replace("elevated = 60, clear_hold = \"200ms\"", "elevated = 1");
    let pace = "[daemon]\ninterval = \"100ms\"\nsockets_interval = \"1s\"\nrescan = \"1s\"\n";
    let daemon = Daemon::told(&format!("{pace}{}{prey}", quick(&leaker))).overseen().start();
    daemon.wait_for(5, ("tradedog_target_processes", &[("target", "quick")]), 1.0);
    let log = folder.path().join("log");
    let mut hunt = Hunt { overseer: daemon.overseer(), tag, log, strangers: VecDeque::new() };
    let step = if std::env::var_os("CAMPAIGN").is_some() { 1 } else { DEEDS.len() };
    thread::scope(|scope| {
        let latency = scope.spawn(|| longest(&mut leaker, &daemon, "beside processes that are not whom they were"));
        let mut points = [0_u32; DEEDS.len()];
        for (at, (deed, _)) in DEEDS.iter().enumerate() {
            // Each begins at another point.
            for point in (1 + at..).step_by(step) {
                let begun = Instant::now();
                let reached = hunt.round(*deed, point);
                println!("{deed:?} at {point}: {reached} {:?}", begun.elapsed());
                if !reached {
                    break;
                }
                points[at] += 1;
                hunt.let_strangers_go(ROUNDS, &daemon);
            }
        }
        // Two more passes: whoever is signalled now dies of it.
        thread::sleep(Duration::from_millis(500));
        hunt.let_strangers_go(0, &daemon);
        let latest = latency.join().unwrap();
        for ((_, fault), points) in DEEDS.iter().zip(points) {
            assert!(points > 2, "{fault}: it was held at {points} points");
            let tried = format!("at {points} system calls");
            Survived { fault, tried: &tried, next_order: Some(latest), lost: "nothing, and nobody else signalled" }
                .tell();
        }
    });
}

#[test]
fn an_impostor_of_another_user_is_left_alone() {
    if !is_root() || !has("setpriv") {
        return;
    }
    let mut leaker = leaker();
    let mut impostor = Leaker::handling(&["SIGUSR1"]).beside(&leaker).run_by_nobody().start();
    impostor.tell("files 300");
    let daemon = Daemon::told(&quick(&leaker)).start();
    let found = ("tradedog_target_processes", &[("target", "quick")][..]);
    daemon.wait_for(5, found, 1.0);
    let latest = longest(&mut leaker, &daemon, "beside an impostor");
    assert_eq!(daemon.value(found.0, found.1), Some(1.0), "it is no member");
    assert!(impostor.lives() && impostor.signals().is_empty(), "{:?}", impostor.signals());
    let (fault, lost) = ("another user's process with the same command line", "nothing, and it was never signalled");
    Survived { fault, tried: "5 orders", next_order: Some(latest), lost }.tell();
}
