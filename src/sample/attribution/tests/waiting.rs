//! What a list of those in CLOSE_WAIT alone costs, and what is remembered of those that were never listed.

use super::*;

impl World {
    /// The other side closes one of its connections.
    pub(super) fn wait(&mut self, pid: i32, at: usize) {
        let established = |descriptor: &&Descriptor| match descriptor {
            Descriptor::Socket(cookie) => self.socks[cookie].state == TcpState::Established,
            Descriptor::File => false,
        };
        let held: Vec<_> = self.procs[&pid].fds.iter().filter(established).collect();
        if let Some(&&Descriptor::Socket(cookie)) = held.get(at % held.len().max(1)) {
            self.socks.get_mut(&cookie).unwrap().state = TcpState::CloseWait;
        }
    }
}

/// One target of 1,000 descriptors among nine others.
fn large() -> (World, Vec<i32>) {
    let mut world = World { now: Moment::from_secs(10_000), ..World::default() };
    let pids: Vec<i32> = (0..10).map(|_| world.spawn(1000, true)).collect();
    for &pid in &pids {
        world.procs.get_mut(&pid).unwrap().fds.extend([Descriptor::File; 997]);
    }
    for _ in 0..30 {
        world.pass_over_close_wait();
    }
    (world, pids)
}

#[test]
fn a_burst_reads_the_links_of_the_one_whose_count_moved_once() {
    let (mut world, pids) = large();
    for _ in 0..1000 {
        world.open_socket(pids[4], TcpState::CloseWait);
    }
    world.pass_over_close_wait();
    assert_eq!((world.reads.clone(), world.links), (vec![pids[4]], 2000));
    world.check();
    for _ in 0..100 {
        world.pass_over_close_wait();
        assert_eq!(world.links, 0);
        world.check();
    }
}

#[test]
fn connections_that_were_open_when_it_was_read_wait_without_another_look() {
    let (mut world, pids) = large();
    for _ in 0..1000 {
        world.open_socket(pids[4], TcpState::Established);
    }
    world.open_socket(pids[4], TcpState::CloseWait);
    world.pass_over_close_wait();
    assert_eq!((world.reads.clone(), world.links), (vec![pids[4]], 2001));
    for already in 0..1000 {
        world.wait(pids[4], 0);
        world.pass_over_close_wait();
        assert_eq!(world.links, 0, "after {already}");
    }
    assert_eq!(world.remembered(|_| true).len(), 1001);
    world.check();
}

#[test]
fn a_bystander_that_churns_a_thousand_a_second_costs_no_more_than_the_allowance() {
    let (mut world, pids) = large();
    let bystander = world.spawn(1000, false);
    let mine = world.open_socket(pids[4], TcpState::CloseWait);
    let (mut links, mut walked) = (0, 0);
    for second in 0..300 {
        world.procs.get_mut(&bystander).unwrap().fds.clear();
        world.socks.retain(|cookie, _| *cookie == mine);
        for _ in 0..1000 {
            world.open_socket(bystander, TcpState::CloseWait);
        }
        // Those who are watched go about their business: files come and go.
        for &pid in &pids {
            if second % 2 == 0 { world.open_file(pid) } else { world.close(pid, 0) }
        }
        world.pass_over_close_wait();
        links += world.links;
        walked += usize::from(world.links > 0);
        world.check();
    }
    assert_eq!(world.remembered(|_| true)[&mine], BTreeSet::from([pids[4]]));
    // Each twice until that is known to be of no use, then 4,000 links saved up, 200 a second, and the last
    // one in full: half a thousandth of a processor.
    assert!(links <= 2 * 10 * 1001 + 4_000 + 300 * 200 + 1001, "{links} links in {walked} of 300 passes");
    // The same that stay are nobody's, and cost nothing.
    for _ in 0..100 {
        world.pass_over_close_wait();
    }
    for _ in 0..100 {
        world.open_file(pids[0]);
        world.pass_over_close_wait();
        assert_eq!(world.links, 0);
    }
}

#[test]
fn what_changed_hands_between_two_lists_is_the_new_ones() {
    let (mut world, pids) = with_members(2);
    let cookie = world.open_socket(pids[0], TcpState::CloseWait);
    world.pass_over_close_wait();
    assert_eq!(world.remembered(|_| true)[&cookie], BTreeSet::from([pids[0]]));
    world.exit(pids[0]);
    let heir = world.spawn(1000, true);
    let new = world.open_socket(heir, TcpState::CloseWait);
    world.pass_over_close_wait();
    world.check();
    assert_eq!(world.remembered(|_| true), BTreeMap::from([(new, BTreeSet::from([heir]))]));
}
