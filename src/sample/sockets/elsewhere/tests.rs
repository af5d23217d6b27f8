//! Readings of another namespace of which one read fails, and the bookkeeping around them.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use super::*;
use crate::config::{self, Source};
use crate::discover::{Facts, Member};
use crate::kernel::faulty::{Fault as Injected, Plan};
use crate::kernel::{Process, own_pid};
use crate::model::{MemberKey, Pid};
use crate::sample::names::Names;
use crate::sample::pace::Periods;
use crate::sample::seldom::Turn;

const PERIOD: Duration = Periods::TEST.namespaces;

const SCRIPT: &str = r#"
import fcntl, socket, struct, sys
with socket.socket() as one: fcntl.ioctl(one, 0x8914, struct.pack("16sh14x", b"lo", 0x41))
server = socket.create_server(("127.0.0.1", 0))
held = [socket.create_connection(server.getsockname()) for _ in range(7)]
for _ in held: server.accept()[0].close()
print("ready", flush=True)
sys.stdin.read()
"#;

/// A process with 7 sockets in CLOSE_WAIT in a namespace of its own. It is ended with the test.
struct Apart(Child);

impl Apart {
    /// None, said on standard error, where there are no namespaces to be had.
    #[expect(clippy::disallowed_methods, clippy::disallowed_macros, reason = "the test starts its own process")]
    fn start() -> Option<Self> {
        let root: &[&str] = &["--net"];
        let user: &[&str] = &["--net", "--user", "--map-root-user"];
        let flags = if rustix::process::geteuid().is_root() { root } else { user };
        let mut command = Command::new("unshare");
        command.args(flags).args(["python3", "-c", SCRIPT]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().ok()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take()?).read_line(&mut line).unwrap();
        if line != "ready\n" {
            eprintln!("skipped: needs a network namespace");
            let _ = child.wait();
            return None;
        }
        Some(Self(child))
    }

    fn pid(&self) -> Pid {
        Pid::new(i32::try_from(self.0.id()).unwrap()).unwrap()
    }
}

impl Drop for Apart {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn member(slot: u32, process: Process) -> Member {
    let key = MemberKey { target: 0, slot };
    Member { key, process: Arc::new(process), facts: Facts::default(), first_seen: Moment::default() }
}

fn elsewhere() -> Elsewhere {
    let text = "[target.x]\nmatch = { comm = 'x' }\n";
    Elsewhere::new(&config::parse(vec![Source::new("watchdog.toml", text)]).unwrap())
}

const CLOSE_WAIT: Column = Column { at: 0, base: Base::CloseWait, peer: None, judged: true };

/// What is said of the only member, said to be in namespace `net`, in a pass at `now`.
fn look(elsewhere: &mut Elsewhere, member: &Member, (net, now): (u64, Moment)) -> Slow {
    let mut seats = [Seat::new(member)];
    let _ = seats[0].net.refresh(Turn::always(now), || Ok(Some(net)));
    let names = &mut Names::default();
    let mut pass = Pass { now, members: &[member], seats: &mut seats, groups: &[], names, periods: Periods::TEST };
    elsewhere.update(&mut pass, &[]);
    elsewhere.member(&pass.seats[0], CLOSE_WAIT).unwrap()
}

#[test]
fn a_failed_read_is_a_reason_and_never_fewer_sockets() {
    let Some(apart) = Apart::start() else { return };
    let process = Process::open(crate::kernel::boot_id().unwrap(), apart.pid()).unwrap();
    let net = process.entry().net_namespace().unwrap();
    assert_ne!(net, crate::kernel::Proc::live().unwrap().entry(own_pid()).unwrap().net_namespace().unwrap());
    let start = Moment::from_secs(1000);
    assert_eq!(look(&mut elsewhere(), &member(0, process), (net, start)).value, Ok(Value::Known(7.0)));
    for injected in Injected::ALL {
        let mut struck = 0;
        for nth in 0.. {
            let plan = Plan::new(injected, nth);
            let Ok(process) = Process::open_faulty(apart.pid(), &plan) else { continue };
            if plan.struck() {
                continue;
            }
            let (member, mut elsewhere) = (member(0, process), elsewhere());
            let seen = look(&mut elsewhere, &member, (net, start)).value;
            if !plan.struck() {
                break;
            }
            struck += 1;
            // Where its descriptors cannot be looked at it is still alone in there.
            let right = matches!(seen, Err(_) | Ok(Value::Known(7.0)));
            assert!(right, "{injected:?} at read {nth}: {seen:?}");
            let after = look(&mut elsewhere, &member, (net, start + 2 * Periods::TEST.namespaces)).value;
            assert_eq!(after, Ok(Value::Known(7.0)), "{injected:?} at read {nth}, afterwards");
        }
        assert!(struck >= 4, "{injected:?} struck {struck} reads: namespace, links, two tables");
    }
}

#[test]
fn a_namespace_is_forgotten_with_its_last_member_and_read_no_sooner_than_it_is_due() {
    let Some(apart) = Apart::start() else { return };
    let member = member(0, Process::open(crate::kernel::boot_id().unwrap(), apart.pid()).unwrap());
    let net = member.process.entry().net_namespace().unwrap();
    let (start, mut elsewhere) = (Moment::from_secs(1000), elsewhere());
    let first = look(&mut elsewhere, &member, (net, start));
    for (after, same) in [(0, true), (5, true), (9, true), (10, false), (19, false)] {
        let seen = look(&mut elsewhere, &member, (net, start + Duration::from_secs(after)));
        assert_eq!(seen.at == first.at, same, "after {after} s");
        assert_eq!((seen.value, seen.period), (Ok(Value::Known(7.0)), Periods::TEST.namespaces));
    }
    // What a period has cost is told once it is over.
    assert!(elsewhere.take_run().is_some_and(|used| !used.is_zero()));
    assert_eq!(elsewhere.take_run(), None);
    // Whoever is in a namespace that he has left meanwhile is not counted by the wrong table.
    assert_eq!(look(&mut elsewhere, &member, (net + 1, start)).value, Err(Fault::NAMESPACE));
    assert_eq!(elsewhere.namespaces.len(), 1);
    let names = &mut Names::default();
    elsewhere.update(
        &mut Pass { now: start, members: &[], seats: &mut [], groups: &[], names, periods: Periods::TEST },
        &[],
    );
    assert!(elsewhere.is_unused());
}

/// What the only member holds, read anew as before a kill, at `now`.
fn anew(elsewhere: &mut Elsewhere, member: &Member, (net, now): (u64, Moment)) -> Value {
    let mut seats = [Seat::new(member)];
    let _ = seats[0].net.refresh(Turn::always(now), || Ok(Some(net)));
    let names = &mut Names::default();
    let pass = Pass { now, members: &[member], seats: &mut seats, groups: &[], names, periods: Periods::TEST };
    let [value] = elsewhere.anew(&pass, CLOSE_WAIT, &[])[..] else { panic!("one namespace") };
    value
}

#[expect(clippy::disallowed_methods, reason = "the test waits for another thread")]
fn wait(what: &str, mut done: impl FnMut() -> bool) {
    for _ in 0..1000 {
        if done() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("{what} did not happen within 10 s");
}

#[test]
fn a_loop_reads_nothing_itself_and_asks_for_a_count_that_is_begun_after_the_question() {
    const OVERDUE: Value = Value::Unknown(Unknown::Overdue);
    let Some(apart) = Apart::start() else { return };
    let member = member(0, Process::open(kernel::boot_id().unwrap(), apart.pid()).unwrap());
    let net = member.process.entry().net_namespace().unwrap();
    let woken = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let wakes = || woken.load(std::sync::atomic::Ordering::SeqCst);
    let mut elsewhere = elsewhere();
    let counter = Arc::clone(&woken);
    elsewhere.detach(Arc::new(move || {
        counter.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
    }));
    let first = look(&mut elsewhere, &member, (net, kernel::now()));
    assert!(matches!(first.value, Err(Fault::FIRST) | Ok(Value::Known(7.0))), "{first:?}");
    wait("the first answer", || look(&mut elsewhere, &member, (net, kernel::now())).value == Ok(Value::Known(7.0)));
    assert_eq!((wakes(), elsewhere.is_awaited()), (0, false), "nobody waits for what is read anyway");
    // What is known is no proof, however new; what is on its way is taken in by a pass alone.
    for _ in 0..2 {
        assert_eq!(anew(&mut elsewhere, &member, (net, kernel::now())), OVERDUE);
    }
    wait("the answer", || elsewhere.is_awaited());
    wait("the wake", || wakes() == 1);
    assert_eq!(anew(&mut elsewhere, &member, (net, kernel::now())), OVERDUE);
    let seen = look(&mut elsewhere, &member, (net, kernel::now()));
    assert_eq!(seen.value, Ok(Value::Known(7.0)));
    assert!(!elsewhere.is_awaited() && elsewhere.used > Duration::ZERO);
    for _ in 0..2 {
        assert_eq!(anew(&mut elsewhere, &member, (net, kernel::now())), Value::Known(7.0));
    }
    assert_eq!(wakes(), 1, "it was read once");
    let later = kernel::now() + 2 * PERIOD;
    assert_eq!(anew(&mut elsewhere, &member, (net, later)), OVERDUE, "no proof for ever");
}
