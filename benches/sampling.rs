//! What the sampler's own work costs, without the kernel: parsing a dump, remembering whose a
//! socket is. What the kernel costs with it is in `floor`.
#![expect(clippy::unwrap_used, reason = "a bench fails by panicking")]

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use divan::counter::ItemsCount;
use tradedog::kernel::host::{MemInfo, Swapped};
use tradedog::kernel::sock_diag::{Endpoint, Socket, States, TcpState, walk};
use tradedog::model::{BootId, Identity, Moment, Pid};
use tradedog::sample::attribution::{Attribution, Holder, Listed};

/// Shows beside the times that a pass without news allocates nothing.
#[global_allocator]
static ALLOCATIONS: divan::AllocProfiler = divan::AllocProfiler::system();

fn main() {
    divan::main();
}

/// A datagram of the size that the kernel sends, with the attributes that it adds unasked.
fn datagram(sockets: u32) -> Vec<u8> {
    let mut out = Vec::new();
    for number in 0..sockets {
        let mut body = vec![0; 72];
        (body[0], body[1]) = (2, 8);
        body[44..48].copy_from_slice(&number.to_ne_bytes());
        body[68..72].copy_from_slice(&(number + 1).to_ne_bytes());
        for (kind, value) in [(8_u16, &[0][..]), (15, &[0; 4]), (21, &[1; 8]), (22, &[0; 2])] {
            body.extend(u16::try_from(value.len() + 4).unwrap().to_ne_bytes());
            body.extend(kind.to_ne_bytes());
            body.extend(value);
            body.resize(body.len().next_multiple_of(4), 0);
        }
        out.extend(u32::try_from(16 + body.len()).unwrap().to_ne_bytes());
        out.extend([18, 0, 2, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
        out.extend(body);
    }
    out
}

#[divan::bench]
fn parse_a_datagram_of_250_sockets(bencher: divan::Bencher<'_, '_>) {
    let bytes = datagram(250);
    bencher.counter(ItemsCount::new(250_u32)).bench_local(|| {
        let mut sum = 0;
        walk(&bytes, 1, &mut |socket| sum += socket.cookie).unwrap();
        sum
    });
}

#[divan::bench]
fn parse_meminfo(bencher: divan::Bencher<'_, '_>) {
    #[expect(clippy::disallowed_methods, reason = "the bench reads what it then parses")]
    let text = std::fs::read("/proc/meminfo").unwrap();
    bencher.bench_local(|| MemInfo::parse(&text).unwrap());
}

#[divan::bench]
fn parse_vmstat(bencher: divan::Bencher<'_, '_>) {
    #[expect(clippy::disallowed_methods, reason = "the bench reads what it then parses")]
    let text = std::fs::read("/proc/vmstat").unwrap();
    bencher.bench_local(|| Swapped::parse(&text).unwrap());
}

/// `holders` processes of one user with 100 sockets each, and as many sockets of bystanders.
struct Host {
    attribution: Attribution,
    dump: Vec<Socket>,
    holders: Vec<Holder>,
    now: Moment,
    next: u32,
}

const EACH: usize = 100;

impl Host {
    fn new(holders: usize) -> Self {
        let mut host = Self {
            attribution: Attribution::default(),
            dump: vec![],
            holders: vec![],
            now: Moment::default(),
            next: 1,
        };
        for number in 0..holders {
            let pid = Pid::new(i32::try_from(number).unwrap() + 1).unwrap();
            let identity = Identity { boot: BootId(1), pid, start_ticks: 1, pidfs_inode: None };
            host.holders.push(Holder { identity, program: 1, uids: (1000, 1000), fds: Some(EACH as u64) });
        }
        for _ in 0..2 * holders * EACH {
            host.open(1000);
        }
        // Not all of them are read in one pass.
        (0..10).for_each(|_| host.pass());
        host
    }

    fn open(&mut self, uid: u32) {
        let end = Endpoint { address: IpAddr::V4(Ipv4Addr::LOCALHOST), port: 5432 };
        let (cookie, inode, state) = (u64::from(self.next), self.next, TcpState::CloseWait);
        self.dump.push(Socket { cookie, inode, uid, state, local: end, remote: end, cgroup: None });
        self.next += 1;
    }

    /// Holder number n holds the sockets n * EACH and on; the second half is nobody's.
    fn pass(&mut self) {
        self.now = self.now + Duration::from_secs(1);
        let complete = States::of(&[TcpState::CloseWait]);
        let listed = Listed { sockets: &mut self.dump, complete, holders: &self.holders };
        self.attribution.update(self.now, listed, &mut |index, inodes| {
            inodes.extend((1..=EACH).map(|number| (index * EACH + number) as u64));
            Ok(())
        });
    }
}

#[divan::bench(args = [10, 100, 600])]
fn attribute_when_nothing_changed(bencher: divan::Bencher<'_, '_>, holders: usize) {
    let mut host = Host::new(holders);
    bencher.counter(ItemsCount::new(2 * holders * EACH)).bench_local(|| host.pass());
}

#[divan::bench(args = [10, 100, 600])]
fn attribute_with_a_bystander_of_the_same_user_that_churns(bencher: divan::Bencher<'_, '_>, holders: usize) {
    let mut host = Host::new(holders);
    bencher.counter(ItemsCount::new(2 * holders * EACH)).bench_local(|| {
        host.dump.pop();
        host.open(1000);
        host.pass();
    });
}

#[divan::bench(args = [10, 100, 600])]
fn attribute_with_a_bystander_of_another_user_that_churns(bencher: divan::Bencher<'_, '_>, holders: usize) {
    let mut host = Host::new(holders);
    bencher.counter(ItemsCount::new(2 * holders * EACH)).bench_local(|| {
        host.dump.pop();
        host.open(1001);
        host.pass();
    });
}
