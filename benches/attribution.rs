//! What it costs to remember whose a socket is, without the kernel: in a pass without news, in a burst, beside
//! others that open and close sockets all day.
#![expect(clippy::unwrap_used, reason = "a bench fails by panicking")]

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use divan::counter::ItemsCount;
use tradedog::kernel::sock_diag::{Endpoint, Socket, States, TcpState};
use tradedog::model::{BootId, Identity, Moment, Pid};
use tradedog::sample::attribution::{Attribution, Holder, Listed};

/// Shows beside the times that a pass without news allocates nothing.
#[global_allocator]
static ALLOCATIONS: divan::AllocProfiler = divan::AllocProfiler::system();

fn main() {
    divan::main();
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
        let attribution = Attribution::default();
        let mut host = Self { attribution, dump: vec![], holders: vec![], now: Moment::default(), next: 1 };
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
        let listed = Listed { sockets: &mut self.dump, complete, same: false, holders: &self.holders };
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

/// Of 1,000 sockets that one process has opened since the last pass its links alone are read, once.
#[divan::bench(args = [10, 100, 600])]
fn attribute_a_burst_of_1000(bencher: divan::Bencher<'_, '_>, holders: usize) {
    let burst = || {
        let mut host = Host::new(holders);
        let first = u64::from(host.next);
        (0..1000).for_each(|_| host.open(1000));
        host.holders[0].fds = Some(EACH as u64 + 1000);
        (host, first)
    };
    bencher.counter(ItemsCount::new(1000_u32)).with_inputs(burst).bench_local_refs(|(host, first)| {
        host.now = host.now + Duration::from_secs(1);
        let complete = States::of(&[TcpState::CloseWait]);
        let listed = Listed { sockets: &mut host.dump, complete, same: false, holders: &host.holders };
        host.attribution.update(host.now, listed, &mut |_, inodes| {
            inodes.extend(1..=EACH as u64);
            inodes.extend((*first..).take(1000));
            Ok(())
        });
    });
}
