//! The proc connector, by captured bytes and on the live kernel.
#![expect(clippy::disallowed_methods, clippy::disallowed_macros, reason = "starts children, and says what it skips")]

use std::process::Command;

use proptest::prelude::*;

use super::wire::{self, Request, Told};
use super::{Deaf, ProcEvent, ProcEvents};
use crate::kernel::Proc;
use crate::model::Pid;

/// A message as 6.18 sends it: `what`, and the numbers behind the time stamp.
fn message(what: u32, data: &[u32]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let numbers = |bytes: &mut Vec<u8>, numbers: &[u32]| numbers.iter().for_each(|n| bytes.extend(n.to_ne_bytes()));
    numbers(&mut bytes, &[76]);
    bytes.extend([3_u16.to_ne_bytes(), [0; 2]].concat());
    numbers(&mut bytes, &[4711, 0, 1, 1, 4711, 0]);
    bytes.extend([40_u16.to_ne_bytes(), [0; 2]].concat());
    numbers(&mut bytes, &[what, 1, 0x1234, 0x5678]);
    numbers(&mut bytes, data);
    bytes.resize(76, 0);
    bytes
}

fn told(bytes: &[u8]) -> Vec<Told> {
    let mut all = Vec::new();
    wire::walk(bytes, &mut |told| all.push(told));
    all
}

fn pid(number: i32) -> Pid {
    Pid::new(number).unwrap()
}

#[test]
fn what_happens_to_processes_is_told_and_what_happens_to_threads_is_not() {
    use ProcEvent::{Changed, Execed, Exited, Forked};
    let comm = u32::from_ne_bytes(*b"name");
    for (what, data, is) in [
        (0x1, [7, 7, 8, 8].as_slice(), Some(Told::Event(Forked(pid(8))))),
        (0x1, &[7, 7, 8, 7], None),
        (0x2, &[8, 8], Some(Told::Event(Execed(pid(8))))),
        (0x4, &[8, 8, 1000, 1000], Some(Told::Event(Changed(pid(8))))),
        (0x4, &[9, 8, 1000, 1000], None),
        (0x40, &[8, 8, 1000, 1000], None),
        (0x80, &[8, 8], None),
        (0x100, &[8, 8, 1, 1], None),
        (0x200, &[8, 8, comm, 0], Some(Told::Event(Changed(pid(8))))),
        (0x200, &[9, 8, comm, 0], Some(Told::Named(9))),
        (0x4000_0000, &[8, 8], None),
        (0x8000_0000, &[8, 8, 9, 17, 1, 1], Some(Told::Event(Exited(pid(8))))),
        (0x8000_0000, &[9, 8, 9, 17, 1, 1], None),
        (0, &[1], Some(Told::Answer { sequence: 4711, ack: 0, errno: 1 })),
    ] {
        assert_eq!(told(&message(what, data)), Vec::from_iter(is), "{what:#x} {data:?}");
    }
}

#[test]
fn several_messages_may_share_a_datagram() {
    let both = [message(0x1, &[7, 7, 8, 8]), message(0x2, &[8, 8])].concat();
    assert_eq!(told(&both), [Told::Event(ProcEvent::Forked(pid(8))), Told::Event(ProcEvent::Execed(pid(8)))]);
}

#[test]
fn what_is_cut_counts_as_lost() {
    let whole = message(0x1, &[7, 7, 8, 8]);
    for length in 1..whole.len() {
        assert_eq!(told(&whole[..length]), [Told::Lost], "{length}");
    }
    // The length of the header says how far to read, as an older kernel with shorter events does.
    for length in 0..whole.len() {
        let mut shorter = whole[..length].to_vec();
        let header = u32::try_from(length).unwrap().to_ne_bytes();
        shorter.iter_mut().zip(header).for_each(|(byte, new)| *byte = new);
        let is: &[Told] = match length {
            0 => &[],
            68.. => &[Told::Event(ProcEvent::Forked(pid(8)))],
            _ => &[Told::Lost],
        };
        assert_eq!(told(&shorter), is, "{length}");
    }
    let mut overrun = whole;
    overrun[4] = 4;
    assert_eq!(told(&overrun), [Told::Lost]);
}

#[test]
fn other_connectors_and_impossible_numbers_are_no_news() {
    let mut other = message(0x1, &[7, 7, 8, 8]);
    other[16] = 2;
    assert_eq!(told(&other), []);
    assert_eq!(told(&message(0x1, &[7, 7, 0, 0])), [Told::Lost]);
    assert_eq!(told(&message(0x2, &[u32::MAX, u32::MAX])), [Told::Lost]);
}

proptest! {
    #[test]
    fn any_bytes_are_walked(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(told(&bytes).len() <= bytes.len());
    }

    #[test]
    fn any_payload_is_walked(what in any::<u32>(), data in prop::collection::vec(any::<u32>(), 0..6)) {
        prop_assert!(told(&message(what, &data)).len() <= 1);
    }

    /// The filter that the kernel runs passes what is told and drops the rest, but for the names of
    /// other threads, which are told to nobody.
    #[test]
    fn the_filter_agrees_with_the_walk(
        what in prop::sample::select(vec![0, 1, 2, 4, 0x40, 0x80, 0x100, 0x200, 0x4000_0000, 0x8000_0000]),
        data in prop::collection::vec(1_u32..4, 6),
    ) {
        let bytes = message(what, &data);
        let is_wanted = match told(&bytes).first() {
            None => false,
            Some(Told::Named(thread)) => *thread == 3,
            Some(_) => true,
        };
        let own_exits = matches!(what, 0x4 | 0x8000_0000) && data[0] == 3;
        prop_assert_eq!(run(&wire::filter(3), &bytes), is_wanted || own_exits);
    }
}

/// A machine for as much of classic BPF as the filter uses.
fn run(program: &[wire::Step], bytes: &[u8]) -> bool {
    let (mut at, mut a, mut x) = (0, 0_u32, 0_u32);
    for _ in 0..=program.len() {
        let (code, yes, no, k) = program[at];
        at += 1;
        let jump = |holds: bool| usize::from(if holds { yes } else { no });
        match code {
            0x20 => match bytes.get(k as usize..k as usize + 4) {
                Some(word) => a = u32::from_be_bytes(word.try_into().unwrap()),
                None => return false,
            },
            0x07 => x = a,
            0x15 => at += jump(a == k),
            0x1d => at += jump(a == x),
            0x06 => return k != 0,
            other => panic!("{other:#x}"),
        }
    }
    panic!("it goes round in circles")
}

#[test]
fn a_request_is_as_the_kernel_reads_it() {
    let bytes = wire::request(Request::ListenMasked, 7, 9);
    let numbers: Vec<u32> = bytes.chunks(4).map(|word| u32::from_ne_bytes(word.try_into().unwrap())).collect();
    let low = |number: u16| u32::from_ne_bytes([number.to_ne_bytes(), [0; 2]].concat().try_into().unwrap());
    assert_eq!(numbers, [44, low(3), 0, 0, 1, 1, 7, 9, low(8), 1, 0x8000_0207]);
    assert_eq!(wire::request(Request::ListenAll, 7, 9).len(), 40);
    assert_eq!(wire::request(Request::Ignore, 7, 9)[36..], 2_u32.to_ne_bytes());
}

/// The live kernel's events, where this host has them for us; says so if not.
fn live(queue: usize) -> Option<ProcEvents> {
    match ProcEvents::with_queue(&Proc::live().unwrap(), queue) {
        Ok(events) => Some(events),
        Err(why) => {
            eprintln!("skipped: {why}");
            assert!(why != Deaf::Silent, "asked where there is an answer");
            None
        }
    }
}

fn drain(events: &mut ProcEvents) -> (Vec<ProcEvent>, bool) {
    let mut all = Vec::new();
    let drained = events.drain(&mut |event| all.push(event)).unwrap();
    (all, drained.lost)
}

#[test]
fn a_child_is_told_of_from_fork_to_exit() {
    let Some(mut events) = live(super::QUEUE) else { return };
    let mut child = Command::new("true").spawn().unwrap();
    child.wait().unwrap();
    let pid = pid(i32::try_from(child.id()).unwrap());
    let mut all = Vec::new();
    // Its end is told a moment after its parent hears of it.
    while !all.contains(&ProcEvent::Exited(pid)) {
        let (more, lost) = drain(&mut events);
        assert!(!lost);
        all.extend(more);
        std::thread::yield_now();
    }
    let own = all.iter().filter(|event| match event {
        ProcEvent::Forked(of) | ProcEvent::Execed(of) | ProcEvent::Exited(of) => *of == pid,
        ProcEvent::Changed(_) => false,
    });
    let own: Vec<ProcEvent> = own.copied().collect();
    assert_eq!(own, [ProcEvent::Forked(pid), ProcEvent::Execed(pid), ProcEvent::Exited(pid)]);
}

#[test]
fn threads_fill_no_queue() {
    let Some(mut events) = live(super::QUEUE) else { return };
    let own = pid(i32::try_from(std::process::id()).unwrap());
    for _ in 0..100 {
        std::thread::Builder::new().name("hand".to_owned()).spawn(|| {}).unwrap().join().unwrap();
    }
    let (all, _) = drain(&mut events);
    let told = all.iter().filter(|event| **event == ProcEvent::Forked(own) || **event == ProcEvent::Exited(own));
    assert_eq!(told.count(), 0);
}

#[test]
fn a_full_queue_says_so_once_and_then_goes_on() {
    let Some(mut events) = live(1) else { return };
    for _ in 0..20 {
        Command::new("true").spawn().unwrap().wait().unwrap();
    }
    let (all, lost) = drain(&mut events);
    assert!(lost, "{} events came", all.len());
    // Others of this host may fill it again at any time; it recovers by being emptied.
    assert!((0..100).any(|_| !drain(&mut events).1));
}

#[test]
fn a_sign_is_heard_and_its_want_is_noticed() {
    let Some(mut events) = live(super::QUEUE) else { return };
    for _ in 0..3 {
        events.call().unwrap();
        drain(&mut events);
    }
    let before = rustix::thread::name().unwrap();
    events.send(Request::Ignore).unwrap();
    drain(&mut events);
    events.call().unwrap();
    assert_eq!(events.drain(&mut |_| {}), Err(Deaf::Silent));
    assert_eq!(rustix::thread::name().unwrap(), before, "named as it was");
}
