//! Any sequence of events.

use proptest::prelude::*;

use super::*;

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
    /// The other side closes one of its connections.
    Wait(usize),
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
        3 => any::<usize>().prop_map(Op::Wait),
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
            Op::Wait(at) => self.wait(pid, at),
        }
    }

    fn nth(&self, at: usize) -> Option<i32> {
        self.procs.keys().nth(at % self.procs.len().max(1)).copied()
    }
}

/// A socket and one who holds it.
type Pair = (u64, i32);

fn pairs(of: BTreeMap<u64, BTreeSet<i32>>) -> BTreeSet<Pair> {
    of.into_iter().flat_map(|(cookie, pids)| pids.into_iter().map(move |pid| (cookie, pid))).collect()
}

impl World {
    /// Those in CLOSE_WAIT that one process alone has ever held, with it.
    fn waiting(&self, of: impl Fn(&Self, &dyn Fn(u64) -> bool) -> BTreeMap<u64, BTreeSet<i32>>) -> BTreeSet<Pair> {
        pairs(of(self, &|cookie| self.is_waiting(cookie) && !self.shared.contains(&cookie)))
    }
}

proptest! {
    /// Where those in CLOSE_WAIT alone are listed: nothing is said that is not so, what is known stays known
    /// as long as it is so, and what is not listed is forgotten.
    #[test]
    fn of_those_that_wait_no_more_is_said_than_is_so_and_nothing_that_is_known_is_lost(
        passes in proptest::collection::vec(proptest::collection::vec((any::<usize>(), op()), 0..20), 1..16),
    ) {
        let mut world = World::seed();
        world.pass_over_close_wait();
        let mut before = BTreeSet::new();
        for ops in passes {
            for (at, op) in ops {
                if let Some(pid) = world.nth(at) {
                    world.apply(pid, &op);
                }
            }
            world.pass_over_close_wait();
            let said = world.waiting(|world, only| world.remembered(only));
            let truth = world.waiting(|world, only| world.truth(only));
            prop_assert!(said.is_subset(&truth), "{:?} of {:?}", said, truth);
            let kept: BTreeSet<_> = before.intersection(&truth).copied().collect();
            prop_assert!(kept.is_subset(&said), "{:?} of {:?}", said, kept);
            prop_assert_eq!(world.attribution.claims.len(), world.dump.len());
            before = said;
        }
    }

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
