use std::sync::Arc;

use proptest::prelude::*;

use super::{Victim, marker, targets};
use crate::discover::{Change, Facts, Found, RememberedSeat, Roster, Trouble};
use crate::kernel::{Process, boot_id};
use crate::model::{Event, Identity, MemberKey, Moment, Note};

const NOW: Moment = Moment::from_secs(1);

fn open(victim: &Victim) -> Arc<Process> {
    Arc::new(Process::open(boot_id().unwrap(), victim.pid()).unwrap())
}

fn found(target: u16, process: &Arc<Process>) -> Change {
    Change::Found(Found { target, process: process.clone(), facts: Facts::default() })
}

fn roster() -> Roster {
    Roster::new(&targets(&["match = { comm = 'x' }", "match = { comm = 'y' }"]))
}

/// Applies the changes; what happened, in words.
fn apply(roster: &mut Roster, changes: Vec<Change>) -> Vec<String> {
    let (mut changes, mut events) = (changes, Vec::new());
    roster.apply(&mut changes, NOW, &mut events);
    assert!(changes.is_empty());
    words(&events)
}

fn words(events: &[Event]) -> Vec<String> {
    let word = |event: &Event| {
        if let Note::Found { target, member, .. } = &event.note {
            format!("found {target} {}", member.slot)
        } else if let Note::Gone { target, member, .. } = &event.note {
            format!("gone {target} {}", member.slot)
        } else if let Note::Contested { target, member, .. } = &event.note {
            format!("contested {target} {}", member.slot)
        } else if let Note::Daemon { text, .. } = &event.note {
            text.clone()
        } else {
            panic!("{event:?}")
        }
    };
    events.iter().map(word).collect()
}

#[test]
fn a_successor_gets_the_seat_of_the_dead_although_nobody_said_that_it_died() {
    let mut roster = roster();
    let mut victims: Vec<_> = (0..3).map(|_| Victim::sleeping(&marker())).collect();
    let changes = victims.iter().map(|victim| found(1, &open(victim))).collect();
    assert_eq!(apply(&mut roster, changes), ["found b 0", "found b 1", "found b 2"]);
    victims[1].end();
    let heir = Victim::sleeping(&marker());
    assert_eq!(apply(&mut roster, vec![found(1, &open(&heir))]), ["gone b 1", "found b 1"]);
    let member = roster.get(MemberKey { target: 1, slot: 1 }).unwrap();
    assert_eq!((member.process.identity().pid, member.first_seen), (heir.pid(), NOW));
    assert_eq!(roster.get(MemberKey { target: 0, slot: 1 }).map(|member| member.key), None);
}

#[test]
fn who_is_found_twice_has_one_seat_and_the_newest_facts() {
    let (mut roster, victim) = (roster(), Victim::sleeping(&marker()));
    let process = open(&victim);
    assert_eq!(apply(&mut roster, vec![found(0, &process), found(0, &process)]), ["found a 0"]);
    let contested = |contested| {
        let facts = Facts { contested, comm: "new".into(), ..Facts::default() };
        Change::Found(Found { target: 0, process: process.clone(), facts })
    };
    assert_eq!(apply(&mut roster, vec![contested(true), contested(true)]), ["contested a 0"]);
    assert_eq!(roster.members()[0].facts.comm, "new");
    assert_eq!(apply(&mut roster, vec![contested(false), contested(true)]), ["contested a 0"]);
    assert_eq!(roster.members().len(), 1);
}

#[test]
fn the_dead_and_the_lost_have_no_seat() {
    let (mut roster, mut victim) = (roster(), Victim::sleeping(&marker()));
    let process = open(&victim);
    assert_eq!(apply(&mut roster, vec![found(0, &process), found(1, &process)]), ["found a 0", "found b 0"]);
    let lost = Change::Lost { target: 0, identity: process.identity() };
    assert_eq!(apply(&mut roster, vec![lost]), ["gone a 0"]);
    victim.end();
    let mut events = Vec::new();
    roster.show_out(NOW, &mut events);
    assert_eq!(words(&events), ["gone b 0"]);
    assert!(roster.is_empty());
    assert!(apply(&mut roster, vec![found(0, &process)]).is_empty(), "it came and went");
    assert!(roster.is_empty());
}

const BEFORE: Moment = Moment::from_nanos(5);

fn seat(target: &str, slot: u32, process: &Process) -> RememberedSeat {
    RememberedSeat { target: target.into(), slot, identity: process.identity(), first_seen: BEFORE }
}

fn forget(roster: &mut Roster) -> Vec<String> {
    let mut events = Vec::new();
    roster.forget_remembered(NOW, &mut events);
    words(&events)
}

#[test]
fn who_is_remembered_gets_its_seat_back_without_a_word_and_nobody_else_does() {
    let victims: Vec<_> = (0..4).map(|_| Victim::sleeping(&marker())).collect();
    let [old, late, new, last] = std::array::from_fn(|i| open(&victims[i]));
    let mut roster = roster();
    let unknown = RememberedSeat { target: "gone".into(), ..seat("b", 0, &old) };
    let all = RememberedSeat { slot: MemberKey::ALL, ..seat("b", 0, &last) };
    roster.remember(vec![seat("b", 1, &old), unknown, all, seat("b", 0, &late), seat("a", 2, &old)]);
    assert_eq!(apply(&mut roster, vec![found(1, &new), found(1, &old)]), ["found b 2"], "0 and 1 are kept");
    let member = roster.get(MemberKey { target: 1, slot: 1 }).unwrap();
    assert_eq!((member.process.identity(), member.first_seen), (old.identity(), BEFORE));
    assert_eq!(apply(&mut roster, vec![found(1, &old)]), [""; 0], "nor is it told when it is found again");
    assert_eq!(forget(&mut roster), ["gone a 2", "gone b 0"], "they live, and match no more");
    assert_eq!(apply(&mut roster, vec![found(1, &last), found(1, &late)]), ["found b 0", "found b 3"]);
    assert_eq!(forget(&mut roster), [""; 0]);
}

#[test]
fn the_successor_of_a_remembered_process_that_has_died_gets_its_seat_at_once() {
    let mut dead = Victim::sleeping(&marker());
    let (heir, other) = (Victim::sleeping(&marker()), Victim::sleeping(&marker()));
    let (process, heir, other) = (open(&dead), open(&heir), open(&other));
    let mut roster = roster();
    let reused = Identity { start_ticks: 1, ..other.identity() };
    roster.remember(vec![seat("b", 0, &process), RememberedSeat { identity: reused, ..seat("b", 1, &other) }]);
    dead.end();
    let said = apply(&mut roster, vec![found(1, &heir), found(1, &other)]);
    assert_eq!(said, ["gone b 0", "gone b 1", "found b 0", "found b 1"]);
    assert_eq!(roster.members()[1].first_seen, NOW, "the number of a dead process, given anew");
}

#[test]
fn seats_pass_to_the_next_roster() {
    let victims: Vec<_> = (0..3).map(|_| Victim::sleeping(&marker())).collect();
    let [first, second, late] = std::array::from_fn(|i| open(&victims[i]));
    let mut old = roster();
    old.remember(vec![seat("b", 7, &late)]);
    apply(&mut old, vec![found(1, &first), found(1, &second), found(0, &second)]);
    let mut next = Roster::new(&targets(&["match = { comm = 'y' }", "match = { comm = 'z' }"]));
    next.remember(old.seats());
    assert_eq!(next.seats().len(), 4, "those that are awaited are handed on too");
    let said = apply(&mut next, vec![found(1, &second), found(1, &first), found(1, &late), found(0, &second)]);
    assert_eq!(said, [""; 0]);
    let seats: Vec<_> = next.members().iter().map(|m| (m.key.target, m.key.slot, m.process.identity())).collect();
    let wanted = [(0, 0, &second), (1, 0, &first), (1, 1, &second), (1, 7, &late)];
    assert_eq!(seats, wanted.map(|(target, slot, process)| (target, slot, process.identity())));
}

#[test]
fn a_seat_that_is_taken_is_not_given_twice() {
    let victims: Vec<_> = (0..2).map(|_| Victim::sleeping(&marker())).collect();
    let [sitting, late] = std::array::from_fn(|i| open(&victims[i]));
    let mut roster = roster();
    apply(&mut roster, vec![found(0, &sitting)]);
    roster.remember(vec![seat("a", 0, &late)]);
    assert_eq!(apply(&mut roster, vec![found(0, &late)]), ["found a 1"]);
    assert_eq!(forget(&mut roster), [""; 0]);
}

#[test]
fn trouble_becomes_a_sentence() {
    let said = apply(&mut roster(), vec![Change::Trouble(Trouble::hidden())]);
    assert!(said[0].contains("hidepid") && said[0].contains("mount"), "{said:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whoever comes and goes: seats are the lowest that were free, each has one process at most, and
    /// the order holds that `get` relies on.
    #[test]
    fn seats_stay_lowest_and_single(moves in prop::collection::vec((0..6_usize, 0..2_u16, any::<bool>()), 0..40)) {
        thread_local! {
            static PROCESSES: Vec<(Victim, Arc<Process>)> = (0..6).map(|_| {
                let victim = Victim::sleeping(&marker());
                let process = open(&victim);
                (victim, process)
            }).collect();
        }
        PROCESSES.with(|processes| {
            let mut roster = roster();
            for (who, target, comes) in moves {
                let process = &processes[who].1;
                let before: Vec<_> = roster.members().iter().map(|m| (m.key, m.process.identity())).collect();
                let change =
                    if comes { found(target, process) } else { Change::Lost { target, identity: process.identity() } };
                apply(&mut roster, vec![change]);
                for member in roster.members() {
                    let stayed = before.contains(&(member.key, member.process.identity()));
                    let taken = |slot| before.iter().any(|(key, _)| *key == MemberKey { target: member.key.target, slot });
                    prop_assert!(stayed || (0..member.key.slot).all(taken));
                    prop_assert_eq!(roster.get(member.key).unwrap().process.identity(), member.process.identity());
                }
                prop_assert!(roster.members().is_sorted_by(|a, b| a.key < b.key));
            }
            Ok(())
        })?;
    }
}
