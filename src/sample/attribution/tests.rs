//! A make-believe host, whose truth is looked up by brute force after every pass.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::kernel::sock_diag::Endpoint;
use crate::model::{BootId, Pid};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Descriptor {
    File,
    Socket(u64),
}

#[derive(Clone, Debug)]
struct Proc {
    uid: u32,
    member: bool,
    fault: Option<Fault>,
    fds: Vec<Descriptor>,
}

#[derive(Clone, Debug)]
struct Sock {
    inode: u32,
    uid: u32,
    state: TcpState,
}

#[derive(Default)]
struct World {
    procs: BTreeMap<i32, Proc>,
    socks: BTreeMap<u64, Sock>,
    /// Sockets that more than one process has ever held.
    shared: BTreeSet<u64>,
    next: u32,
    now: Moment,
    attribution: Attribution,
    dump: Vec<Socket>,
    holders: Vec<Holder>,
    /// Whose links were read in the last pass.
    reads: Vec<i32>,
}

fn identity(pid: i32) -> Identity {
    Identity { boot: BootId(1), pid: Pid::new(pid).unwrap(), start_ticks: 1, pidfs_inode: None }
}

impl World {
    fn number(&mut self) -> u32 {
        self.next += 1;
        self.next
    }

    fn spawn(&mut self, uid: u32, member: bool) -> i32 {
        let pid = i32::try_from(self.number()).unwrap();
        self.procs.insert(pid, Proc { uid, member, fault: None, fds: vec![Descriptor::File; 3] });
        pid
    }

    fn open_file(&mut self, pid: i32) {
        self.procs.get_mut(&pid).unwrap().fds.push(Descriptor::File);
    }

    fn open_socket(&mut self, pid: i32, state: TcpState) -> u64 {
        let (cookie, inode) = (u64::from(self.number()), self.number());
        let proc = self.procs.get_mut(&pid).unwrap();
        proc.fds.push(Descriptor::Socket(cookie));
        self.socks.insert(cookie, Sock { inode, uid: proc.uid, state });
        cookie
    }

    /// A connection that waits in an accept queue: no inode yet.
    fn queue(&mut self) -> u64 {
        let cookie = u64::from(self.number());
        self.socks.insert(cookie, Sock { inode: 0, uid: 0, state: TcpState::Established });
        cookie
    }

    fn accept(&mut self, pid: i32, cookie: u64) {
        let inode = self.number();
        let proc = self.procs.get_mut(&pid).unwrap();
        let sock = self.socks.get_mut(&cookie).unwrap();
        if sock.inode == 0 && sock.state == TcpState::Established {
            (sock.inode, sock.uid) = (inode, proc.uid);
            proc.fds.push(Descriptor::Socket(cookie));
        }
    }

    fn close(&mut self, pid: i32, at: usize) {
        let fds = &mut self.procs.get_mut(&pid).unwrap().fds;
        if !fds.is_empty() {
            let at = at % fds.len();
            let closed = fds.swap_remove(at);
            self.closed(closed);
        }
    }

    /// The last descriptor of a socket is gone: it lingers without inode or is no more.
    fn closed(&mut self, descriptor: Descriptor) {
        let Descriptor::Socket(cookie) = descriptor else { return };
        if self.procs.values().any(|proc| proc.fds.contains(&descriptor)) {
            return;
        }
        // Two descriptors of one process may have been the last.
        let Some(sock) = self.socks.get_mut(&cookie) else { return };
        if cookie % 2 == 0 {
            (sock.inode, sock.state) = (0, TcpState::LastAck);
        } else {
            self.socks.remove(&cookie);
        }
    }

    fn fork(&mut self, pid: i32, member: bool) -> i32 {
        let child = self.spawn(0, member);
        let parent = self.procs[&pid].clone();
        for descriptor in &parent.fds {
            if let Descriptor::Socket(cookie) = descriptor {
                self.shared.insert(*cookie);
            }
        }
        self.procs.insert(child, Proc { member, ..parent });
        child
    }

    fn pass_on(&mut self, from: i32, to: i32, at: usize) {
        let fds = &self.procs[&from].fds;
        if let Some(&descriptor) = fds.get(at % fds.len().max(1)) {
            if let Descriptor::Socket(cookie) = descriptor {
                self.shared.insert(cookie);
            }
            self.procs.get_mut(&to).unwrap().fds.push(descriptor);
        }
    }

    fn exit(&mut self, pid: i32) {
        for descriptor in self.procs.remove(&pid).unwrap().fds {
            self.closed(descriptor);
        }
    }

    fn pass(&mut self, after: Duration) {
        self.now = self.now + after;
        self.dump.clear();
        let nowhere = Endpoint { address: std::net::Ipv4Addr::UNSPECIFIED.into(), port: 0 };
        for (&cookie, sock) in &self.socks {
            let Sock { inode, uid, state } = *sock;
            self.dump.push(Socket { cookie, inode, uid, state, local: nowhere, remote: nowhere, cgroup: None });
        }
        let members = self.procs.iter().filter(|(_, proc)| proc.member);
        let (pids, holders): (Vec<_>, Vec<_>) = members
            .map(|(&pid, proc)| {
                let fds = Some(proc.fds.len() as u64);
                (pid, Holder { identity: identity(pid), uids: (proc.uid, proc.uid), fds })
            })
            .unzip();
        self.holders = holders;
        self.reads.clear();
        let (procs, socks, reads) = (&self.procs, &self.socks, &mut self.reads);
        self.attribution.update(self.now, (&mut self.dump, &self.holders), &mut |index, inodes| {
            reads.push(pids[index]);
            let proc = &procs[&pids[index]];
            for descriptor in &proc.fds {
                if let Descriptor::Socket(cookie) = descriptor {
                    inodes.push(u64::from(socks[cookie].inode));
                }
            }
            inodes.push(u64::MAX); // a socket that is not TCP
            proc.fault.map_or(Ok(()), Err)
        });
    }

    fn pids(&self, slots: &[Slot]) -> BTreeSet<i32> {
        let by_slot = |slot: &Slot| {
            let at = (0..self.holders.len()).find(|&index| self.attribution.slot(index) == Ok(*slot)).unwrap();
            self.holders[at].identity.pid.get()
        };
        slots.iter().map(by_slot).collect()
    }

    /// Cookie -> pids, as remembered.
    fn remembered(&self, only: impl Fn(u64) -> bool) -> BTreeMap<u64, BTreeSet<i32>> {
        let mut all = BTreeMap::new();
        for socket in self.dump.iter().filter(|socket| only(socket.cookie)) {
            if let Whose::Of(slots) = self.attribution.whose(socket) {
                assert_eq!(self.pids(slots).len(), slots.len(), "each holder once");
                all.insert(socket.cookie, self.pids(slots));
            }
        }
        all
    }

    /// Cookie -> pids, as it is.
    fn truth(&self, only: impl Fn(u64) -> bool) -> BTreeMap<u64, BTreeSet<i32>> {
        let mut all: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for (&pid, proc) in self.procs.iter().filter(|(_, proc)| proc.member) {
            for descriptor in &proc.fds {
                if let Descriptor::Socket(cookie) = descriptor
                    && only(*cookie)
                {
                    all.entry(*cookie).or_default().insert(pid);
                }
            }
        }
        all
    }

    fn check(&self) {
        assert_eq!(self.remembered(|_| true), self.truth(|_| true));
    }

    fn whose(&self, cookie: u64) -> Whose<'_> {
        self.attribution.whose(self.dump.iter().find(|socket| socket.cookie == cookie).unwrap())
    }
}

const SECOND: Duration = Duration::from_secs(1);

fn with_members(count: usize) -> (World, Vec<i32>) {
    let mut world = World { now: Moment::from_secs(10_000), ..World::default() };
    let pids = (0..count).map(|_| world.spawn(1000, true)).collect();
    world.pass(SECOND);
    (world, pids)
}

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
    let denied = Fault { unknown: Unknown::Denied, reason: "denied" };
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
    let failed = Fault { unknown: Unknown::Malformed, reason: "system" };
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
    world.attribution.update(world.now, (&mut twice, &holders), &mut |_, _| Ok(()));
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
    attribution.update(world.now, (&mut world.dump, &holders), &mut |_, inodes| {
        reads += 1;
        inodes.push(inode);
        Ok(())
    });
    assert_eq!((reads, attribution.slot(0), attribution.slot(1)), (1, Ok(0), Ok(0)));
}

#[derive(Clone, Debug)]
enum Op {
    OpenFile,
    OpenSocket(bool),
    Close(usize),
    Dup(usize),
    Queue,
    Accept(usize),
    Fork(bool),
    Join,
    SetUid(u32),
    PassOn(usize, usize),
    Exit,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        2 => Just(Op::OpenFile),
        4 => any::<bool>().prop_map(Op::OpenSocket),
        4 => any::<usize>().prop_map(Op::Close),
        1 => any::<usize>().prop_map(Op::Dup),
        1 => Just(Op::Queue),
        2 => any::<usize>().prop_map(Op::Accept),
        2 => any::<bool>().prop_map(Op::Fork),
        1 => Just(Op::Join),
        1 => (0_u32..3).prop_map(Op::SetUid),
        1 => (any::<usize>(), any::<usize>()).prop_map(|(to, at)| Op::PassOn(to, at)),
        1 => Just(Op::Exit),
    ]
}

impl World {
    fn seed() -> Self {
        let mut world = Self { now: Moment::from_secs(10_000), ..Self::default() };
        for (uid, member) in [(1, true), (1, true), (2, true), (0, true), (1, false), (2, false)] {
            let pid = world.spawn(uid, member);
            world.open_socket(pid, TcpState::Established);
        }
        world
    }

    fn apply(&mut self, pid: i32, op: &Op) {
        let Some(proc) = self.procs.get_mut(&pid) else { return };
        match *op {
            Op::OpenFile => self.open_file(pid),
            Op::OpenSocket(waiting) => {
                let state = if waiting { TcpState::CloseWait } else { TcpState::Established };
                self.open_socket(pid, state);
            }
            Op::Close(at) => self.close(pid, at),
            Op::Dup(at) => {
                let copy = proc.fds.get(at % proc.fds.len().max(1)).copied();
                proc.fds.extend(copy);
            }
            Op::Queue => drop(self.queue()),
            Op::Accept(at) => {
                let queued: Vec<_> =
                    self.socks.iter().filter(|(_, s)| s.inode == 0).map(|(&cookie, _)| cookie).collect();
                if let Some(&cookie) = queued.get(at % queued.len().max(1)) {
                    self.accept(pid, cookie);
                }
            }
            Op::Fork(member) => drop(self.fork(pid, member)),
            Op::Join => proc.member = true,
            Op::SetUid(uid) => proc.uid = uid,
            Op::PassOn(to, at) => {
                let to = *self.procs.keys().nth(to % self.procs.len()).unwrap();
                self.pass_on(pid, to, at);
            }
            Op::Exit => self.exit(pid),
        }
    }

    fn nth(&self, at: usize) -> Option<i32> {
        self.procs.keys().nth(at % self.procs.len().max(1)).copied()
    }
}

proptest! {
    /// When each process does at most one thing between two passes, the memory is exact.
    #[test]
    fn it_equals_brute_force(
        passes in proptest::collection::vec(proptest::collection::vec((any::<usize>(), op()), 0..4), 1..25),
    ) {
        let mut world = World::seed();
        world.pass(SECOND);
        for ops in passes {
            let mut done = BTreeSet::new();
            for (at, op) in ops {
                let Some(pid) = world.nth(at) else { continue };
                if done.insert(pid) && !matches!(op, Op::PassOn(..)) {
                    world.apply(pid, &op);
                }
            }
            world.pass(SECOND);
            world.check();
        }
    }

    /// Whatever happens between two passes: a socket that one process alone has ever held is
    /// known exactly, and the others are once each holder was read again.
    #[test]
    fn sockets_that_are_not_shared_are_exact_and_shared_ones_become_so(
        passes in proptest::collection::vec(proptest::collection::vec((any::<usize>(), op()), 0..20), 1..12),
    ) {
        let mut world = World::seed();
        world.pass(SECOND);
        for ops in passes {
            let mut changed_user = BTreeSet::new();
            for (at, op) in ops {
                let Some(pid) = world.nth(at) else { continue };
                // Twice between two passes would be a user that nobody ever saw it run as.
                if !matches!(op, Op::SetUid(_)) || changed_user.insert(pid) {
                    world.apply(pid, &op);
                }
            }
            world.pass(SECOND);
            let shared = world.shared.clone();
            let unshared = |cookie| !shared.contains(&cookie);
            prop_assert_eq!(world.remembered(unshared), world.truth(unshared));
        }
        let holders: Vec<_> = world.procs.iter().filter(|(_, p)| p.member).map(|(&pid, _)| pid).collect();
        for pid in holders {
            // A new socket of its own makes a process be read.
            world.open_socket(pid, TcpState::CloseWait);
        }
        world.pass(SECOND);
        world.check();
    }
}

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
        if pass % 2 == 0 {
            world.open_file(pids[0])
        } else {
            world.close(pids[0], 0)
        }
        world.pass(SECOND);
        reads += world.reads.len();
        world.check();
    }
    // 4,000 links saved up, then 200 a second.
    assert!((100..=210).contains(&reads), "{reads} reads of 504 links in 400 s");
}
