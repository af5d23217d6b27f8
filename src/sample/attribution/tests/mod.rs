//! A make-believe host, whose truth is looked up by brute force after every pass.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::kernel::sock_diag::Endpoint;
use crate::model::{BootId, Pid};
use crate::sample::tally::states_of;

mod doubts;
mod properties;
mod rules;
mod waiting;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Descriptor {
    File,
    Socket(u64),
}

#[derive(Clone, Debug)]
struct Proc {
    uid: u32,
    program: u64,
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
    /// Whose links were read in the last pass, and how many they were.
    reads: Vec<i32>,
    links: usize,
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
        self.procs.insert(pid, Proc { uid, program: 1, member, fault: None, fds: vec![Descriptor::File; 3] });
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

    /// A pass that lists sockets in all states.
    fn pass(&mut self, after: Duration) {
        self.pass_over(after, states_of(crate::model::Base::Sockets));
    }

    /// A pass that lists those in these states.
    fn pass_over(&mut self, after: Duration, listed: States) {
        self.now = self.now + after;
        let before = std::mem::take(&mut self.dump);
        let nowhere = Endpoint { address: std::net::Ipv4Addr::UNSPECIFIED.into(), port: 0 };
        for (&cookie, sock) in &self.socks {
            let Sock { inode, uid, state } = *sock;
            if !listed.has(state) {
                continue;
            }
            self.dump.push(Socket { cookie, inode, uid, state, local: nowhere, remote: nowhere, cgroup: None });
        }
        let members = self.procs.iter().filter(|(_, proc)| proc.member);
        let (pids, holders): (Vec<_>, Vec<_>) = members
            .map(|(&pid, proc)| {
                let fds = Some(proc.fds.len() as u64);
                let uids = (proc.uid, proc.uid);
                (pid, Holder { identity: identity(pid), program: proc.program, uids, fds })
            })
            .unzip();
        self.holders = holders;
        self.reads.clear();
        self.links = 0;
        let (procs, socks, reads, links) = (&self.procs, &self.socks, &mut self.reads, &mut self.links);
        let same = self.dump == before;
        let listed = Listed { sockets: &mut self.dump, complete: listed, same, holders: &self.holders };
        self.attribution.update(self.now, listed, &mut |index, inodes| {
            reads.push(pids[index]);
            let proc = &procs[&pids[index]];
            *links += proc.fds.len();
            for descriptor in &proc.fds {
                if let Descriptor::Socket(cookie) = descriptor {
                    inodes.push(u64::from(socks[cookie].inode));
                }
            }
            inodes.push(u64::MAX); // a socket that is not TCP
            proc.fault.map_or(Ok(()), Err)
        });
    }

    /// A pass that lists those in CLOSE_WAIT alone.
    fn pass_over_close_wait(&mut self) {
        self.pass_over(SECOND, CLOSE_WAIT);
    }

    fn is_waiting(&self, cookie: u64) -> bool {
        self.socks[&cookie].state == TcpState::CloseWait
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
        for (place, socket) in self.dump.iter().enumerate().filter(|(_, socket)| only(socket.cookie)) {
            if let Whose::Of(slots) = self.attribution.whose(place, socket) {
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
        let place = self.dump.iter().position(|socket| socket.cookie == cookie).unwrap();
        self.attribution.whose(place, &self.dump[place])
    }
}

const CLOSE_WAIT: States = States::of(&[TcpState::CloseWait]);
const SECOND: Duration = Duration::from_secs(1);

fn with_members(count: usize) -> (World, Vec<i32>) {
    let mut world = World { now: Moment::from_secs(10_000), ..World::default() };
    let pids = (0..count).map(|_| world.spawn(1000, true)).collect();
    world.pass(SECOND);
    (world, pids)
}
