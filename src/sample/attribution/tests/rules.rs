//! Each rule of the module's text by itself.

use super::*;

#[test]
fn a_steady_host_costs_no_link() {
    let (mut world, pids) = with_members(3);
    for &pid in &pids {
        world.open_socket(pid, TcpState::CloseWait);
    }
    world.pass(SECOND);
    world.check();
    for _ in 0..100 {
        world.pass(SECOND);
        assert!(world.reads.is_empty());
        world.check();
    }
    assert_eq!(world.attribution.claims.looks, 3, "what is listed as before is not looked up again");
}

#[test]
fn a_list_as_before_is_gone_through_where_it_is_of_more_states() {
    let (mut world, pids) = with_members(1);
    world.open_socket(pids[0], TcpState::CloseWait);
    let ends = world.open_socket(pids[0], TcpState::Established);
    world.pass(SECOND);
    world.pass_over_close_wait();
    world.procs.get_mut(&pids[0]).unwrap().fds.pop();
    world.socks.remove(&ends);
    world.pass_over_close_wait();
    assert_eq!(world.attribution.claims.len(), 2, "it was not listed, and may live on");
    world.pass(SECOND);
    assert_eq!(world.attribution.claims.len(), 1);
    world.check();
}

#[test]
fn a_burst_reads_the_one_process_whose_count_moved_once() {
    let (mut world, pids) = with_members(10);
    for _ in 0..1000 {
        world.open_socket(pids[7], TcpState::CloseWait);
    }
    world.pass(SECOND);
    assert_eq!(world.reads, [pids[7]]);
    world.check();
}

#[test]
fn sockets_of_bystanders_are_asked_for_once() {
    let (mut world, pids) = with_members(4);
    let (same_user, other_user) = (world.spawn(1000, false), world.spawn(1001, false));
    for _ in 0..1000 {
        world.open_socket(other_user, TcpState::CloseWait);
    }
    world.pass(SECOND);
    assert!(world.reads.is_empty(), "no member is of that user");
    let cookie = world.open_socket(same_user, TcpState::CloseWait);
    world.pass(SECOND);
    assert_eq!(world.reads, pids);
    assert_eq!(world.whose(cookie), Whose::Nobody);
    for _ in 0..10 {
        world.open_file(pids[0]);
        world.pass(SECOND);
        assert!(world.reads.is_empty());
    }
}

#[test]
fn forked_workers_share_and_an_exit_leaves_the_others() {
    let (mut world, pids) = with_members(1);
    let cookie = world.open_socket(pids[0], TcpState::Established);
    world.pass(SECOND);
    let workers = [world.fork(pids[0], true), world.fork(pids[0], true)];
    world.pass(SECOND);
    world.check();
    assert_eq!(world.truth(|_| true)[&cookie].len(), 3);
    world.exit(pids[0]);
    world.pass(SECOND);
    world.check();
    world.exit(workers[1]);
    world.pass(SECOND);
    world.check();
    assert_eq!(world.truth(|_| true)[&cookie], BTreeSet::from([workers[0]]));
}

#[test]
fn a_share_that_was_let_go_of_is_noticed_by_the_count_and_once() {
    let (mut world, pids) = with_members(1);
    let cookie = world.open_socket(pids[0], TcpState::Established);
    world.pass(SECOND);
    world.fork(pids[0], false);
    world.close(pids[0], 3);
    world.pass(SECOND);
    assert_eq!((world.reads.clone(), world.whose(cookie)), (vec![pids[0]], Whose::Nobody));
    world.pass(SECOND);
    assert!(world.reads.is_empty());
}

#[test]
fn a_passed_descriptor_is_found_when_the_giver_lets_go() {
    let (mut world, pids) = with_members(2);
    let cookie = world.open_socket(pids[0], TcpState::Established);
    world.pass(SECOND);
    world.pass_on(pids[0], pids[1], 3);
    world.close(pids[0], 3);
    world.pass(SECOND);
    assert_eq!(world.remembered(|_| true)[&cookie], BTreeSet::from([pids[1]]));
}

#[test]
fn a_connection_belongs_to_who_accepts_it_and_to_nobody_before_and_after() {
    let (mut world, pids) = with_members(1);
    let cookie = world.queue();
    world.pass(SECOND);
    assert_eq!(world.whose(cookie), Whose::Unclear);
    world.accept(pids[0], cookie);
    world.pass(SECOND);
    assert_eq!(world.remembered(|_| true)[&cookie], BTreeSet::from([pids[0]]));
    let fds = world.procs[&pids[0]].fds.len();
    world.close(pids[0], fds - 1);
    if let Some(sock) = world.socks.get_mut(&cookie) {
        (sock.inode, sock.state) = (0, TcpState::LastAck);
        world.pass(SECOND);
        assert_eq!(world.whose(cookie), Whose::Nobody, "an orphan is not unclear");
    }
}

#[test]
fn who_cannot_be_read_is_unknown_and_what_may_be_theirs_unclear() {
    let mut world = World::default();
    let (open, shut) = (world.spawn(1000, true), world.spawn(1001, true));
    let denied = Fault::new(Unknown::Denied, "denied");
    world.procs.get_mut(&shut).unwrap().fault = Some(denied);
    let (mine, theirs) = (world.open_socket(open, TcpState::CloseWait), world.open_socket(shut, TcpState::CloseWait));
    let bystander = world.spawn(1002, false);
    let nobodys = world.open_socket(bystander, TcpState::CloseWait);
    world.pass(SECOND);
    assert_eq!((world.attribution.slot(0).is_ok(), world.attribution.slot(1)), (true, Err(denied)));
    assert!(matches!(world.whose(mine), Whose::Of([_])));
    assert_eq!((world.whose(theirs), world.whose(nobodys)), (Whose::Unclear, Whose::Nobody));
    world.pass(SECOND);
    assert!(world.reads.is_empty(), "a right is not asked for every second");
    world.procs.get_mut(&shut).unwrap().fault = None;
    world.pass(RETRY_DENIED);
    world.check();
}

#[test]
fn another_failure_is_tried_again_in_the_next_pass() {
    let (mut world, pids) = with_members(1);
    let failed = Fault::new(Unknown::Malformed, "system");
    world.procs.get_mut(&pids[0]).unwrap().fault = Some(failed);
    world.open_socket(pids[0], TcpState::CloseWait);
    world.pass(SECOND);
    assert_eq!(world.attribution.slot(0), Err(failed));
    world.procs.get_mut(&pids[0]).unwrap().fault = None;
    world.pass(SECOND);
    world.check();
}

#[test]
fn a_socket_that_the_dump_lists_twice_counts_once() {
    let (mut world, pids) = with_members(1);
    world.open_socket(pids[0], TcpState::CloseWait);
    world.pass(SECOND);
    let mut twice = [world.dump.clone(), world.dump.clone()].concat();
    let holders = world.holders.clone();
    let complete = states_of(crate::model::Base::Sockets);
    let listed = Listed { sockets: &mut twice, complete, same: false, holders: &holders };
    world.attribution.update(world.now, listed, &mut |_, _| Ok(()));
    assert_eq!(twice, world.dump);
}

#[test]
fn a_member_of_two_targets_is_read_once() {
    let (mut world, pids) = with_members(1);
    let cookie = world.open_socket(pids[0], TcpState::CloseWait);
    world.pass(SECOND);
    let inode = u64::from(world.socks[&cookie].inode);
    let holders = [world.holders[0], world.holders[0]];
    let mut attribution = Attribution::default();
    let mut reads = 0;
    let complete = states_of(crate::model::Base::Sockets);
    let listed = Listed { sockets: &mut world.dump, complete, same: false, holders: &holders };
    attribution.update(world.now, listed, &mut |_, inodes| {
        reads += 1;
        inodes.push(inode);
        Ok(())
    });
    assert_eq!((reads, attribution.slot(0), attribution.slot(1)), (1, Ok(0), Ok(0)));
}

#[test]
fn closing_its_own_sockets_or_changing_them_leaves_no_doubt() {
    let (mut world, pids) = with_members(2);
    for _ in 0..20 {
        world.open_socket(pids[0], TcpState::Established);
    }
    world.pass(SECOND);
    for _ in 0..5 {
        world.close(pids[0], 3);
    }
    world.pass(SECOND);
    assert!(world.reads.is_empty(), "as many descriptors went as sockets");
    world.check();
    world.close(pids[0], 3);
    world.open_socket(pids[0], TcpState::Established);
    world.pass(SECOND);
    assert_eq!(world.reads, [pids[0]], "one went, one came: the count stands still, but not that of its sockets");
    world.check();
}

#[test]
fn what_is_gone_is_forgotten() {
    let (mut world, pids) = with_members(1);
    for _ in 0..200 {
        world.open_socket(pids[0], TcpState::Established);
        world.pass(SECOND);
        let last = world.procs[&pids[0]].fds.len() - 1;
        world.close(pids[0], last);
        world.socks.clear();
    }
    world.pass(SECOND);
    assert_eq!(world.attribution.claims.len(), 0);
    assert!(world.attribution.books.iter().flatten().all(|books| books.inodes.len() <= 1));
}

#[test]
fn who_lives_in_another_namespace_has_no_part_in_this_dump() {
    let mut world = World::default();
    let (away, bystander) = (world.spawn(1000, true), world.spawn(1000, false));
    world.procs.get_mut(&away).unwrap().fault = Some(Fault::NAMESPACE);
    let cookie = world.open_socket(bystander, TcpState::CloseWait);
    world.pass(SECOND);
    assert_eq!((world.whose(cookie), world.attribution.slot(0)), (Whose::Nobody, Err(Fault::NAMESPACE)));
}
