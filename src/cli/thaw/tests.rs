#![expect(clippy::disallowed_methods, reason = "a test stops a process of its own and looks at it")]

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::cli::daemon::tests::{Fake, at, lease, said};
use crate::export::{Reply, fixture};
use crate::kernel::Proc;
use crate::model::{Answer, Level, Memory, Moment, Order, Pid, Signal, Undo, UndoBy, Undoing};
use crate::record::StateFile;

const SIGSTOP: i32 = 19;

/// A process of ours that does nothing.
struct Idler(Child);

impl Idler {
    fn start() -> Self {
        Self(Command::new("sleep").arg("600").stdin(Stdio::null()).spawn().unwrap())
    }

    fn process(&self) -> kernel::Process {
        Proc::live().unwrap().open(Pid::new(i32::try_from(self.0.id()).unwrap()).unwrap()).unwrap()
    }

    fn is_stopped(&self) -> bool {
        self.process().stat(&mut Vec::new()).unwrap().state == b'T'
    }

    fn stop(&self) {
        self.process().signal(Signal::new(SIGSTOP).unwrap()).unwrap();
        while !self.is_stopped() {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Drop for Idler {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What a daemon remembers that has stopped `identity` with `measure`.
fn remembered(identity: Identity, measure: Measure) -> Lease {
    let order = fixture::order(&fixture::target("trader", &[]), 0, Level::Critical);
    let undo = Undo { measure: Measure::Thaw { by: FreezeBy::Signal }, after: Duration::ZERO, by: UndoBy::Daemon };
    Lease {
        order: Arc::new(Order { identity, measure, ..Order::clone(&order) }),
        undo,
        taken: Moment::from_secs(5),
        answer: Answer::Delivered,
        free: None,
        wanted: false,
        undoing: Undoing::No,
        orphaned: false,
        shouted: None,
    }
}

const FREEZE: Measure = Measure::Freeze { by: FreezeBy::Signal, deadline: Duration::from_secs(60) };

fn leave(folder: &Path, leases: Vec<Lease>) -> StateFile {
    let memory = Memory { boot: kernel::boot_id().unwrap(), leases, ..Memory::default() };
    let mut file = StateFile::open(folder).unwrap();
    file.write(&memory).unwrap();
    file
}

fn thaw_at(folder: &Path) -> (Result<(), Failure>, String) {
    let mut result = Ok(());
    let told = Output::captured(|output| result = run(&Arguments { daemon: at(folder) }, output));
    (result, told)
}

#[test]
fn what_a_dead_daemon_stopped_runs_again_and_nobody_else() {
    let folder = tempfile::tempdir().unwrap();
    let (ours, others, paused) = (Idler::start(), Idler::start(), Idler::start());
    for idler in [&ours, &others, &paused] {
        idler.stop();
    }
    let identity = ours.process().identity();
    let impostor = Identity { start_ticks: 1, ..others.process().identity() };
    let signal = Measure::Signal { signal: Signal::new(10).unwrap(), assume_handled: false };
    let leases = vec![
        remembered(identity, FREEZE),
        remembered(impostor, FREEZE),
        remembered(paused.process().identity(), signal),
    ];
    drop(leave(folder.path(), leases));
    let (result, told) = thaw_at(folder.path());
    result.unwrap();
    assert_eq!(told, format!("trader[0] (pid {}): thawed\ntrader[0] (pid {}): is gone\n", identity.pid, impostor.pid));
    assert!(!ours.is_stopped());
    assert!(others.is_stopped(), "its number was remembered, not this process");
    assert!(paused.is_stopped(), "it was not frozen by us");
}

#[test]
fn nothing_to_thaw_is_no_failure() {
    let folder = tempfile::tempdir().unwrap();
    for folder in [folder.path().to_owned(), folder.path().join("absent")] {
        let (result, told) = thaw_at(&folder);
        result.unwrap();
        assert_eq!(told, "nothing is frozen by tradedog\n");
    }
    drop(leave(folder.path(), Vec::new()));
    assert_eq!(thaw_at(folder.path()).1, "nothing is frozen by tradedog\n");
    let old = Memory { boot: crate::model::BootId(1), ..Memory::default() };
    StateFile::open(folder.path()).unwrap().write(&old).unwrap();
    let (result, told) = thaw_at(folder.path());
    result.unwrap();
    assert_eq!(told, "nothing is frozen by tradedog\n");
}

#[test]
fn what_cannot_be_known_is_a_failure() {
    let folder = tempfile::tempdir().unwrap();
    let held = leave(folder.path(), Vec::new());
    let text = said(thaw_at(folder.path()).0);
    assert!(text.contains("a tradedog runs") && text.contains("control socket"), "{text}");
    drop(held);
    let file = folder.path().join("state.json");
    std::fs::write(&file, "{").unwrap();
    let text = said(thaw_at(folder.path()).0);
    assert!(text.contains("what is frozen is not known") && text.contains("state.json"), "{text}");
    assert_eq!(std::fs::read(&file).unwrap(), b"{", "it is left for the daemon to judge");
}

#[test]
fn a_daemon_that_runs_does_it_and_is_waited_for() {
    let (mut asked, mut looks) = (false, 0);
    let fake = Fake::start(move |request| {
        if request == Request::Thaw {
            asked = true;
            return Reply::Done(vec!["on its way".into()]);
        }
        looks += usize::from(asked);
        let all = [lease("trader", "pause", 5), lease("trader", "freeze", 6)];
        Reply::Leases(all.into_iter().take(if looks > 2 { 1 } else { 2 }).collect())
    });
    let told = Output::captured(|output| run(&Arguments { daemon: fake.daemon() }, output).unwrap());
    assert_eq!(told, "on its way\nfreeze of trader: no longer in force\n");
}
