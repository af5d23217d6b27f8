//! A steady pass over real processes allocates nothing per process, and nothing per socket.
//!
//! A test binary of its own: it counts with an allocator of its own.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::time::Duration;

use tradedog::config::{self, Config};
use tradedog::discover::{Facts, Member};
use tradedog::kernel::{self, Process};
use tradedog::model::{MemberKey, Pid};
use tradedog::sample::Sampler;

/// A process that sleeps on a socket in CLOSE_WAIT and another one. It ends with the test.
struct Sleeper(Child);

impl Sleeper {
    #[expect(clippy::disallowed_methods, reason = "the test starts its own processes")]
    fn on(listener: &TcpListener) -> Self {
        let connect = || {
            let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            drop(listener.accept().unwrap());
            Stdio::from(OwnedFd::from(client))
        };
        let mut command = std::process::Command::new("sleep");
        Self(command.arg("600").stdin(connect()).stdout(connect()).spawn().unwrap())
    }

    fn member(&self, slot: u32) -> Member {
        let pid = Pid::new(i32::try_from(self.0.id()).unwrap()).unwrap();
        let process = Process::open(kernel::boot_id().unwrap(), pid).unwrap();
        let facts = Facts { uids: process.status(&mut Vec::new()).unwrap().uids, ..Facts::default() };
        Member { key: MemberKey { target: 0, slot }, process: Arc::new(process), facts, first_seen: kernel::now() }
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

fn configured() -> Arc<Config> {
    let text = "[peers]\nserver = '127.0.0.1:*'\n[target.trader]\nmatch = { comm = 'sleep' }\n[target.trader.thresholds]\n\
                open_fds = { elevated = 1000 }\nclose_wait = { elevated = 1000 }\nrss = { elevated = '90GB' }\n";
    Arc::new(config::parse(vec![config::Source::new("watchdog.toml", text)]).unwrap())
}

/// How often five passes over so many allocate, once everything is known of them. What else is new on the host
/// is remembered too: the quietest five count.
fn allocations(count: u32) -> u64 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let sleepers: Vec<_> = (0..count).map(|_| Sleeper::on(&listener)).collect();
    let members: Vec<_> = (0..).zip(&sleepers).map(|(slot, sleeper)| sleeper.member(slot)).collect();
    let mut sampler = Sampler::new(configured());
    let mut now = kernel::now();
    let mut pass = || {
        now = now + Duration::from_secs(1);
        let counted = allocation_counter::measure(|| {
            sampler.sample(members.iter(), now);
        });
        counted.count_total
    };
    for _ in 0..30 {
        pass();
    }
    (0..8).map(|_| (0..5).map(|_| pass()).sum()).min().unwrap()
}

#[test]
fn a_steady_pass_allocates_nothing_per_process_and_nothing_per_socket() {
    let (few, many) = (allocations(4), allocations(40));
    assert_eq!(few, many);
    assert!(few <= 10, "{few} in five passes");
}
