//! The probe over a copy of `/proc`, whose files say what a test wants them to.
#![expect(clippy::disallowed_methods, reason = "makes the copy")]

use std::cell::Cell;
use std::fs;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::config;
use crate::discover::{Facts, Member};
use crate::kernel::{Proc, Process};
use crate::model::{MemberKey, Moment, Pid};
use crate::sample::names::Names;
use crate::sample::pace::Periods;
use crate::sample::probe::Seat;

const START: Moment = Moment::from_secs(1000);
const SECOND: Duration = Duration::from_secs(1);
const KIB: f64 = 1024.0;
const PID: i32 = 100;

/// One process of such a copy, the probe, and what is remembered.
struct Watched {
    folder: tempfile::TempDir,
    member: Member,
    probe: Memory,
    swapping: Rc<Cell<bool>>,
    seats: [Seat; 1],
    judged: Judged,
}

/// What a pass shows of rss, swap and threads: the value, and how old it is in seconds.
type Shown = [(Result<f64, Fault>, u64); 3];

impl Watched {
    fn by(thresholds: &str) -> Self {
        let text = format!("[target.t]\nmatch = {{ unit = 't.service' }}\n[target.t.thresholds]\n{thresholds}\n");
        let config = config::parse(vec![config::Source::new("watchdog.toml", &text)]).unwrap();
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join(PID.to_string())).unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(PID.to_string()).join(name), text).unwrap();
        write("stat", &fs::read_to_string("/proc/self/stat").unwrap());
        write("statm", "5000 1000 0 0 0 0 0\n");
        write("status", &status(7, 3));
        let proc = Proc::captured(folder.path()).unwrap();
        let process = Arc::new(Process::captured(&proc, Pid::new(PID).unwrap()).unwrap());
        let key = MemberKey { target: 0, slot: 0 };
        let member = Member { key, process, facts: Facts::default(), first_seen: START };
        let swapping = Rc::new(Cell::new(true));
        let asked = Rc::clone(&swapping);
        let probe = Memory::new(&config, move || asked.get());
        let judged = Judged::by(&config.targets[0]);
        let seats = [Seat::new(&member)];
        Self { folder, member, probe, swapping, seats, judged }
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join(PID.to_string()).join(name), text).unwrap();
    }

    fn pass(&mut self, now: Moment) -> Shown {
        let (members, names, periods) = (&[&self.member], &mut Names::default(), Periods::TEST);
        self.seats[0].gone = false;
        let mut pass = Pass { now, members, seats: &mut self.seats, groups: &[], names, periods };
        self.probe.prepare(&mut pass).unwrap();
        self.probe.look(&mut pass, 0);
        let Judged { threads, swap } = self.judged;
        [(Base::Rss, true), (Base::Swap, swap), (Base::Threads, threads)].map(|(base, judged)| {
            let column = Column { at: 0, base, peer: None, judged };
            match self.probe.slow(&pass, 0, column) {
                Some(slow) => {
                    assert_eq!(slow.period, periods.shown);
                    (slow.value.map(|value| value.number().unwrap()), now.since(slow.at).as_secs())
                }
                None => (self.probe.value(column), 0),
            }
        })
    }
}

fn status(swap: u64, threads: u64) -> String {
    format!(
        "Name:\tx\nState:\tS (sleeping)\nUid:\t1\t2\t3\t4\nVmRSS:\t1 kB\nVmSwap:\t{swap} kB\nThreads:\t{threads}\n\
         SigBlk:\t0000000000000001\nSigIgn:\t0000000000000002\nSigCgt:\t0000000000000200\n"
    )
}

/// The stat of a process whose main thread has ended, and which has so many.
fn zombie(threads: u32) -> String {
    let zeros = "0 ".repeat(30);
    format!("{PID} (x) Z 1 1 1 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 {threads} 0 5 {zeros}\n")
}

fn resident(pages: u32) -> (Result<f64, Fault>, u64) {
    (Ok(f64::from(pages) * rustix::param::page_size() as f64), 0)
}

#[test]
fn what_no_threshold_is_about_is_read_seldom_and_says_how_old_it_is() {
    let mut watched = Watched::by("rss = { elevated = '1GB' }");
    assert_eq!(watched.pass(START), [resident(1000), (Ok(7.0 * KIB), 0), (Ok(3.0), 0)]);
    watched.write("status", &status(8, 4));
    watched.write("statm", "5000 1001 0 0 0 0 0\n");
    for age in 1..10 {
        let shown = [resident(1001), (Ok(7.0 * KIB), age), (Ok(3.0), age)];
        assert_eq!(watched.pass(START + Duration::from_secs(age)), shown);
    }
    assert_eq!(watched.pass(START + 10 * SECOND), [resident(1001), (Ok(8.0 * KIB), 0), (Ok(4.0), 0)]);
}

#[test]
fn what_a_threshold_is_about_is_read_in_each_pass() {
    for thresholds in ["threads = { elevated = 10 }", "swap = { elevated = '1GB' }"] {
        let mut watched = Watched::by(thresholds);
        let _ = watched.pass(START);
        watched.write("status", &status(8, 4));
        let shown = watched.pass(START + SECOND);
        assert_eq!(shown[1..], [(Ok(8.0 * KIB), 0), (Ok(4.0), 0)], "both are in one file: {thresholds}");
    }
}

/// Where nothing at all is in swap nobody has memory there: 0 is known without a look.
#[test]
fn while_nothing_is_in_swap_nobody_is_asked_how_much() {
    let mut watched = Watched::by("swap = { elevated = '1GB' }");
    watched.swapping.set(false);
    assert_eq!(watched.pass(START), [resident(1000), (Ok(0.0), 0), (Ok(3.0), 0)]);
    watched.write("status", "nothing that could be read\n");
    assert_eq!(watched.pass(START + SECOND), [resident(1000), (Ok(0.0), 0), (Ok(3.0), 1)]);
    watched.swapping.set(true);
    let broken = Err(Fault::IMPOSSIBLE);
    assert_eq!(watched.pass(START + 2 * SECOND), [resident(1000), (broken, 0), (broken, 0)]);
    watched.write("status", &status(9, 3));
    assert_eq!(watched.pass(START + 3 * SECOND)[1], (Ok(9.0 * KIB), 0));
}

#[test]
fn nobody_runs_on_no_memory() {
    let mut watched = Watched::by("rss = { elevated = '1GB' }");
    watched.write("statm", "5000 0 0 0 0 0 0\n");
    let shown = watched.pass(START);
    assert_eq!(shown, [(Err(Fault::IMPOSSIBLE), 0), (Ok(7.0 * KIB), 0), (Ok(3.0), 0)]);
    for broken in ["", "5000 1000\n", "5000 1000 0 0 0 0 0", "5000 x 0 0 0 0 0\n"] {
        watched.write("statm", broken);
        let gone = broken.is_empty();
        let expected = if gone { Fault::GONE } else { Fault::IMPOSSIBLE };
        let shown = watched.pass(START + SECOND);
        assert_eq!(shown[0].0, Err(expected), "{broken:?}");
        assert_eq!((shown[1].0.is_err(), shown[2].0.is_err()), (gone, gone), "{broken:?}");
    }
}

/// So it is printed for a zombie, and for whoever has just died.
#[test]
fn zeros_alone_are_no_reading() {
    for swapping in [false, true] {
        let mut watched = Watched::by("swap = { elevated = '1GB' }");
        watched.swapping.set(swapping);
        let _ = watched.pass(START);
        watched.write("statm", "0 0 0 0 0 0 0\n");
        let shown = watched.pass(START + SECOND);
        assert_eq!(shown[0].0, Err(Fault::IMPOSSIBLE), "its stat says that it lives");
        watched.write("stat", &zombie(2));
        let shown = watched.pass(START + 2 * SECOND);
        assert_eq!(shown[0].0, Err(Fault::IMPOSSIBLE), "only its main thread has ended");
        watched.write("stat", &zombie(1));
        assert_eq!(watched.pass(START + 3 * SECOND), [(Err(Fault::GONE), 0); 3]);
        assert!(watched.seats[0].gone);
    }
}

#[test]
fn a_change_of_user_is_seen_when_the_status_is() {
    let mut watched = Watched::by("rss = { elevated = '1GB' }");
    assert_eq!(watched.seats[0].uids, (0, 0));
    let _ = watched.pass(START);
    assert_eq!(watched.seats[0].uids, (1, 2));
    watched.write("status", &status(7, 3).replace("\t1\t2\t3\t4", "\t5\t6\t7\t8"));
    let _ = watched.pass(START + 9 * SECOND);
    assert_eq!(watched.seats[0].uids, (1, 2));
    let _ = watched.pass(START + 10 * SECOND);
    assert_eq!(watched.seats[0].uids, (5, 6));
}
