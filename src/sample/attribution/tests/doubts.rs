//! What is found late, and what finding it may cost.

use super::*;

#[test]
fn each_holder_of_sockets_is_read_again_in_the_end() {
    let (mut world, pids) = with_members(3);
    for &pid in &pids[..2] {
        world.open_socket(pid, TcpState::Established);
    }
    world.pass(SECOND);
    world.pass_on(pids[0], pids[1], 3);
    world.pass(SECOND);
    assert_ne!(world.remembered(|_| true), world.truth(|_| true), "the gap that the module's text admits");
    world.pass(VERIFY);
    assert_eq!(world.reads, pids[..2]);
    world.check();
    world.pass(SECOND);
    assert!(world.reads.is_empty());
}

/// Many members with many descriptors and an allowance that is long used up.
fn exhausted() -> (World, Vec<i32>, i32) {
    let (mut world, pids) = with_members(50);
    for &pid in &pids {
        world.procs.get_mut(&pid).unwrap().fds.extend([Descriptor::File; 500]);
    }
    let bystander = world.spawn(1000, false);
    for _ in 0..100 {
        world.open_socket(bystander, TcpState::Established);
        world.pass(SECOND);
    }
    (world, pids, bystander)
}

#[test]
fn a_bystander_that_churns_costs_no_more_than_the_allowance() {
    let (mut world, _, bystander) = exhausted();
    let mut links = 0;
    for _ in 0..200 {
        world.close(bystander, 3);
        world.open_socket(bystander, TcpState::Established);
        world.pass(SECOND);
        links += 503 * world.reads.len();
        world.check();
    }
    assert!((30_000..=41_000).contains(&links), "200 links a second: {links} in 200");
}

#[test]
fn who_opened_something_is_read_at_once_however_much_others_churn() {
    let (mut world, pids, bystander) = exhausted();
    for _ in 0..10 {
        world.open_socket(bystander, TcpState::Established);
        world.open_socket(pids[17], TcpState::CloseWait);
        world.pass(SECOND);
        assert!(world.reads.contains(&pids[17]));
        world.check();
    }
    // Counted before it was opened, listed after: one pass later the count tells.
    let cookie = world.open_socket(pids[3], TcpState::CloseWait);
    world.procs.get_mut(&pids[3]).unwrap().fds.pop();
    world.pass(SECOND);
    world.procs.get_mut(&pids[3]).unwrap().fds.push(Descriptor::Socket(cookie));
    world.pass(SECOND);
    world.check();
}

#[test]
fn a_socket_in_place_of_a_file_is_found_when_the_doubt_is_settled() {
    let (mut world, pids, bystander) = exhausted();
    world.close(pids[9], 0);
    let cookie = world.open_socket(pids[9], TcpState::CloseWait);
    world.open_socket(bystander, TcpState::Established);
    let mut passes = 0;
    while world.remembered(|of| of == cookie).is_empty() {
        world.pass(SECOND);
        passes += 1;
        assert!(passes < 150, "50 members with 503 descriptors at 200 links a second");
    }
    world.check();
}

#[test]
fn a_process_that_opens_and_closes_files_all_day_is_not_read_each_time() {
    let (mut world, pids) = with_members(1);
    world.open_socket(pids[0], TcpState::Established);
    world.procs.get_mut(&pids[0]).unwrap().fds.extend([Descriptor::File; 500]);
    world.pass(SECOND);
    let mut reads = 0;
    for pass in 0..400 {
        match pass % 2 {
            0 => world.open_file(pids[0]),
            _ => world.close(pids[0], 0),
        }
        world.pass(SECOND);
        reads += world.reads.len();
        world.check();
    }
    // 4,000 links saved up, then 200 a second.
    assert!((100..=210).contains(&reads), "{reads} reads of 504 links in 400 s");
}

#[test]
fn who_was_read_while_others_wait_for_their_turn_is_in_no_doubt() {
    let mut world = World { now: Moment::from_secs(10_000), ..World::default() };
    for _ in 0..100 {
        let pid = world.spawn(1000, true);
        world.procs.get_mut(&pid).unwrap().fds.extend([Descriptor::File; 500]);
        world.open_socket(pid, TcpState::CloseWait);
    }
    let (mut passes, mut links) = (0, 0);
    while passes == 0 || (0..100).any(|index| world.attribution.owed(index).is_some()) {
        world.pass(SECOND);
        (passes, links) = (passes + 1, links + world.links);
        assert!(passes < 10, "20,000 links a pass");
    }
    world.check();
    assert!(passes > 1, "all were read at once, which shows nothing");
    for _ in 0..100 {
        world.pass(SECOND);
        links += world.links;
    }
    assert_eq!(links, 100 * 504, "each was read once");
}
