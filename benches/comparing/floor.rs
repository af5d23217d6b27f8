//! The floor: the least that the kernel can charge for the readings that the daemon is configured to
//! take, by a bare loop of its calls. Descriptors of /proc are kept open; owners of sockets are known.

use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::fs::{Mode, OFlags};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink};

use super::cpu;

/// `TCPDIAG_GETSOCK`, whose dump has both families in one walk.
const GETSOCK: u16 = 18;
/// `NLM_F_REQUEST | NLM_F_DUMP`.
const DUMP: u16 = 0x301;
const DONE: u16 = 3;
/// A netlink header and a `struct inet_diag_req`.
const REQUEST: usize = 76;
/// Where `idiag_states` is in the request, and `idiag_inode` in a message of the reply.
const STATES: usize = 68;
const INODE: usize = 16 + 68;
const CLOSE_WAIT: u32 = 1 << 8;

/// What it keeps of one process, and what it read of it last.
struct Target {
    fds: OwnedFd,
    /// statm, or status where the host has swap in use.
    memory: OwnedFd,
    open_fds: u64,
    resident: u64,
    swap: u64,
    close_wait: u32,
}

/// The bare loop.
pub(crate) struct Floor {
    targets: Vec<Target>,
    owners: Owners,
    netlink: OwnedFd,
    buffer: Vec<u8>,
    swaps: bool,
    unowned: u32,
}

impl Floor {
    pub(crate) fn over(pids: &[u32]) -> Self {
        let swaps = swap_in_use();
        let flags = SocketFlags::CLOEXEC;
        let protocol = Some(netlink::SOCK_DIAG);
        let netlink = rustix::net::socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, protocol).unwrap();
        let targets = pids.iter().map(|&pid| Target::open(pid, swaps)).collect();
        // A datagram of a dump is never longer than 32 KiB.
        let mut floor =
            Self { targets, owners: Owners::of(&[]), netlink, buffer: vec![0; 32 << 10], swaps, unowned: 0 };
        let closing = floor.inodes_in_close_wait();
        floor.owners = Owners::of(&owners(pids, &closing));
        floor
    }

    /// Of all targets, as it last read them: descriptors, sockets in CLOSE_WAIT.
    pub(crate) fn counted(&self) -> (u64, u32) {
        let open_fds = self.targets.iter().map(|target| target.open_fds).sum();
        (open_fds, self.targets.iter().map(|target| target.close_wait).sum())
    }

    /// Processor time of a pass of many, one after another: the median.
    pub(crate) fn hot(&mut self) -> Duration {
        let (begun, mut times) = (cpu::own_thread(), Vec::new());
        while times.len() < 11 || cpu::own_thread() - begun < Duration::from_millis(500) {
            times.push(self.timed());
        }
        times.sort();
        times[times.len() / 2]
    }

    fn timed(&mut self) -> Duration {
        let begun = cpu::own_thread();
        self.pass();
        cpu::own_thread() - begun
    }

    /// One pass a second, each `phase` after the full second of the wall clock: processor time of a pass on average.
    pub(crate) fn paced(&mut self, passes: u32, phase: Duration) -> Duration {
        let mut spent = Duration::ZERO;
        for _ in 0..passes {
            sleep_until(phase);
            spent += self.timed();
        }
        spent / passes
    }

    fn pass(&mut self) {
        assert!(self.swaps || !swap_in_use(), "swap came into use meanwhile: measure again");
        self.count_close_wait();
        for target in &mut self.targets {
            target.open_fds = u64::try_from(rustix::fs::fstat(&target.fds).unwrap().st_size).unwrap();
            let length = rustix::io::pread(&target.memory, &mut self.buffer[..], 0).unwrap();
            let text = &self.buffer[..length];
            if self.swaps {
                (target.resident, target.swap) = (after(text, b"VmRSS:"), after(text, b"VmSwap:"));
            } else {
                target.resident = second_number(text);
            }
        }
        assert!(self.targets.iter().all(|target| target.resident > 0), "a target has ended");
    }

    fn count_close_wait(&mut self) {
        self.targets.iter_mut().for_each(|target| target.close_wait = 0);
        self.unowned = 0;
        let Self { targets, owners, netlink, buffer, unowned, .. } = self;
        dump(netlink, buffer, |inode| match owners.find(inode) {
            Some(target) => targets[target].close_wait += 1,
            None => *unowned += 1,
        });
    }

    fn inodes_in_close_wait(&mut self) -> Vec<u32> {
        let mut inodes = Vec::new();
        dump(&self.netlink, &mut self.buffer, |inode| inodes.push(inode));
        inodes
    }
}

impl Target {
    fn open(pid: u32, swaps: bool) -> Self {
        let open = |name: &str, flags| {
            let path = format!("/proc/{pid}/{name}");
            rustix::fs::open(path, flags | OFlags::CLOEXEC, Mode::empty()).unwrap()
        };
        let memory = open(if swaps { "status" } else { "statm" }, OFlags::RDONLY);
        Self { fds: open("fd", OFlags::PATH), memory, open_fds: 0, resident: 0, swap: 0, close_wait: 0 }
    }
}

/// The gate before per-process swap: one call.
fn swap_in_use() -> bool {
    let info = rustix::system::sysinfo();
    info.freeswap < info.totalswap
}

/// Calls `each` with the inode of each socket in CLOSE_WAIT.
fn dump(netlink: &OwnedFd, buffer: &mut [u8], mut each: impl FnMut(u32)) {
    let mut request = [0_u8; REQUEST];
    request[..4].copy_from_slice(&u32::try_from(REQUEST).unwrap().to_ne_bytes());
    request[4..6].copy_from_slice(&GETSOCK.to_ne_bytes());
    request[6..8].copy_from_slice(&DUMP.to_ne_bytes());
    request[16] = 2;
    request[STATES..STATES + 4].copy_from_slice(&CLOSE_WAIT.to_ne_bytes());
    rustix::net::send(netlink, &request, SendFlags::empty()).unwrap();
    loop {
        let (length, _) = rustix::net::recv(netlink, &mut *buffer, RecvFlags::empty()).unwrap();
        let mut rest = &buffer[..length];
        while rest.len() >= 16 {
            let size = u32::from_ne_bytes([rest[0], rest[1], rest[2], rest[3]]) as usize;
            match u16::from_ne_bytes([rest[4], rest[5]]) {
                DONE => return,
                GETSOCK => each(u32::from_ne_bytes(rest[INODE..INODE + 4].try_into().unwrap())),
                other => panic!("the dump of sockets was answered with a message of type {other}"),
            }
            rest = &rest[size.next_multiple_of(4).min(rest.len())..];
        }
    }
}

/// Which of the targets has each of these sockets open: by all of their descriptors, once.
fn owners(pids: &[u32], inodes: &[u32]) -> Vec<(u32, usize)> {
    let wanted: HashMap<String, u32> = inodes.iter().map(|inode| (format!("socket:[{inode}]"), *inode)).collect();
    let of = |(number, pid): (usize, &u32)| {
        let entries = std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
        let links = entries.filter_map(|entry| std::fs::read_link(entry.unwrap().path()).ok());
        let found: Vec<u32> = links.filter_map(|link| wanted.get(link.to_str()?).copied()).collect();
        found.into_iter().map(move |inode| (inode, number))
    };
    pids.iter().enumerate().flat_map(of).collect()
}

/// Inode to target: an open hash table, which is as cheap as it gets.
struct Owners {
    table: Vec<(u32, u32)>,
    shift: u32,
}

impl Owners {
    fn of(owners: &[(u32, usize)]) -> Self {
        let size = (owners.len() * 2).next_power_of_two().max(2);
        let mut new = Self { table: vec![(0, 0); size], shift: 32 - size.trailing_zeros() };
        for &(inode, target) in owners {
            let at = new.seat(inode);
            new.table[at] = (inode, u32::try_from(target).unwrap());
        }
        new
    }

    /// Where it is, or would be.
    fn seat(&self, inode: u32) -> usize {
        let mut at = (inode.wrapping_mul(0x9E37_79B1) >> self.shift) as usize;
        while self.table[at].0 != 0 && self.table[at].0 != inode {
            at = (at + 1) & (self.table.len() - 1);
        }
        at
    }

    fn find(&self, inode: u32) -> Option<usize> {
        let (found, target) = self.table[self.seat(inode)];
        (inode != 0 && found == inode).then_some(target as usize)
    }
}

/// Until the next moment that is so long after a full second.
fn sleep_until(phase: Duration) {
    let now = Duration::from_nanos(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().subsec_nanos().into());
    let second = Duration::from_secs(1);
    let wait = if phase > now { phase - now } else { second + phase - now };
    std::thread::sleep(wait);
}

/// The second number of statm: resident pages.
fn second_number(text: &[u8]) -> u64 {
    let from = text.iter().position(|&byte| byte == b' ').unwrap() + 1;
    number(&text[from..])
}

/// The number behind a key of status.
fn after(text: &[u8], key: &[u8]) -> u64 {
    let at = text.windows(key.len()).position(|window| window == key).unwrap() + key.len();
    let digits = text[at..].iter().position(u8::is_ascii_digit).unwrap();
    number(&text[at + digits..])
}

fn number(text: &[u8]) -> u64 {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit());
    digits.fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0'))
}
