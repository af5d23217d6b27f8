//! What is listed when, and what that is told to have been.

use super::*;
use crate::config::{self, Source};
use crate::discover::Member;
use crate::kernel::{Process, boot_id, own_pid};
use crate::model::MemberKey;
use crate::sample::names::Names;
use crate::sample::pace::Periods;
use crate::sample::probe::Seat;
use std::sync::Arc;

fn probe(thresholds: &str) -> Sockets {
    let text = format!("[target.x]\nmatch = {{ comm = 'x' }}\n[target.x.thresholds]\n{thresholds}\n");
    Sockets::new(&config::parse(vec![Source::new("watchdog.toml", &text)]).unwrap())
}

fn own() -> Member {
    let process = Arc::new(Process::open(boot_id().unwrap(), own_pid()).unwrap());
    let key = MemberKey { target: 0, slot: 0 };
    Member { key, process, facts: Facts::default(), first_seen: Moment::default() }
}

/// What the pass so many seconds after the first one was, with the test's own process as the only member.
fn part_after(probe: &mut Sockets, (seconds, periods): (u64, Periods), members: &[&Member]) -> Part {
    let mut seats: Vec<Seat> = members.iter().map(|member| Seat::new(member)).collect();
    let (names, now) = (&mut Names::default(), Moment::from_secs(1000 + seconds));
    let mut pass = Pass { now, members, seats: &mut seats, groups: &[], names, periods };
    probe.prepare(&mut pass).unwrap();
    probe.part()
}

#[test]
fn other_states_are_listed_as_seldom_as_they_are_asked_for_and_close_wait_in_each_pass() {
    let member = own();
    let mut probe = probe("established = { elevated = 1000 }\nclose_wait = { elevated = 1000 }");
    let listed: Vec<_> = (0..22).map(|second| part_after(&mut probe, (second, Periods::TEST), &[&member])).collect();
    let states: Vec<_> = (0..22).filter(|&second| listed[second] == Part::States).collect();
    assert_eq!(states, [0, 10, 20]);
    assert!(listed.iter().all(|part| [Part::States, Part::CloseWait].contains(part)));
    // Beyond the ceiling on ourselves they are stretched.
    let seldom = Periods { states: Duration::from_secs(60), ..Periods::TEST };
    for (second, part) in [(30, Part::CloseWait), (79, Part::CloseWait), (80, Part::States)] {
        assert_eq!(part_after(&mut probe, (second, seldom), &[&member]), part, "{second}");
    }
}

#[test]
fn what_nobody_asks_for_is_not_listed() {
    let member = own();
    let mut close_wait = probe("close_wait = { elevated = 1000 }");
    for second in 0..25 {
        assert_eq!(part_after(&mut close_wait, (second, Periods::TEST), &[&member]), Part::CloseWait);
        assert!(
            close_wait
                .dump
                .sockets
                .iter()
                .all(|socket| socket.state == TcpState::CloseWait || socket.state == TcpState::Listen)
        );
    }
    assert_eq!(part_after(&mut close_wait, (25, Periods::TEST), &[]), Part::Pass, "there is nobody to list for");
    // Whoever is the first does not wait for what was listed for nobody.
    let mut states = probe("established = { elevated = 1000 }");
    assert_eq!(part_after(&mut states, (0, Periods::TEST), &[]), Part::States);
    assert_eq!(part_after(&mut states, (1, Periods::TEST), &[&member]), Part::States);
    assert_eq!(part_after(&mut states, (2, Periods::TEST), &[&member]), Part::CloseWait);
}
