//! What a pass costs beside the least that the kernel can charge for the same readings: a bare loop
//! of the same system calls, over the same processes, in the same run.
//!
//! `cargo bench --bench floor -- [PROCESSES [DESCRIPTORS [SOCKETS]]]`: so many processes, each with
//! so many open files and so many TCP sockets, half of them in CLOSE_WAIT. Prints milliseconds of CPU
//! a pass (user and system, of the calling thread) and the ratio. Times depend on the machine, so
//! nothing is asserted.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    clippy::unwrap_used,
    reason = "a program of its own that starts processes, waits, prints, and fails by panicking"
)]

use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rustix::fs::{Mode, OFlags};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink};
use rustix::time::{ClockId, clock_gettime};
use tradedog::config;
use tradedog::discover::{Facts, Member};
use tradedog::kernel::{self, Process};
use tradedog::model::{MemberKey, Pid, Value};
use tradedog::sample::Sampler;

fn main() {
    let numbers: Vec<usize> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    if std::env::args().nth(1).as_deref() == Some("--child") {
        return child(numbers[0], numbers[1], u16::try_from(numbers[2]).unwrap());
    }
    let number = |at: usize, default| numbers.get(at).copied().unwrap_or(default);
    let (processes, files, sockets) = (number(0, 50), number(1, 200), number(2, 100));
    kernel::raise_fd_limit();
    let mut target = Target::new(processes, files, sockets);
    let mut floor = Floor::over(&target.children);
    let (mut sampler, members) = target.watch();
    println!("{processes} processes with {files} files and {sockets} sockets each");
    for (how, pause) in [("hot  ", 0), ("paced", 200)] {
        let mut costs = [Vec::new(), Vec::new()];
        for _ in 0..20 {
            for (which, cost) in costs.iter_mut().enumerate() {
                std::thread::sleep(Duration::from_millis(pause));
                let begun = cpu();
                if which == 0 {
                    floor.pass();
                } else {
                    sampler.sample(members.iter(), kernel::now());
                }
                cost.push(cpu() - begun);
            }
        }
        let [floor, ours] = costs.map(median);
        println!("{how}  floor {floor:8.3} ms   sampler {ours:8.3} ms   ratio {:5.2}", ours / floor);
    }
    for probe in sampler.stats() {
        println!("       {:10} {:8.3} ms (wall)", probe.name, probe.last.as_secs_f64() * 1e3);
    }
    target.end();
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// Milliseconds of this thread.
fn cpu() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e3 + time.tv_nsec as f64 / 1e6
}

/// What is watched: opens its files and connections, says so, and stays until its input ends.
fn child(files: usize, sockets: usize, port: u16) {
    kernel::raise_fd_limit();
    let _files: Vec<_> = (0..files).map(|_| std::fs::File::open("/dev/null").unwrap()).collect();
    let _sockets: Vec<_> = (0..sockets).map(|_| TcpStream::connect(("127.0.0.1", port)).unwrap()).collect();
    println!("ready");
    std::io::stdin().lines().for_each(drop);
}

struct Target {
    children: Vec<Child>,
    kept: Vec<TcpStream>,
    close_wait: usize,
}

impl Target {
    fn new(processes: usize, files: usize, sockets: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port().to_string();
        let mut target = Self { children: Vec::new(), kept: Vec::new(), close_wait: sockets.div_ceil(2) };
        for _ in 0..processes {
            let mut command = Command::new(std::env::current_exe().unwrap());
            command.args(["--child", &files.to_string(), &sockets.to_string(), &port]);
            let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
            for number in 0..sockets {
                let (connection, _) = listener.accept().unwrap();
                if number % 2 == 1 {
                    target.kept.push(connection);
                }
            }
            let mut line = String::new();
            BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
            assert_eq!(line, "ready\n");
            target.children.push(child);
        }
        target
    }

    /// A sampler that knows its way around, and sees what is there.
    fn watch(&self) -> (Sampler, Vec<Member>) {
        let text = "[target.bench]\nmatch = { comm = 'floor' }\n";
        let config = Arc::new(config::parse(vec![config::Source::new("watchdog.toml", text)]).unwrap());
        let at = config.targets[0].metrics.iter().position(|metric| metric.to_string() == "close_wait").unwrap();
        let mut sampler = Sampler::new(config);
        let members: Vec<_> = (0..).zip(&self.children).map(|(slot, child)| member(slot, child)).collect();
        for _ in 0..3 {
            sampler.sample(members.iter(), kernel::now());
        }
        let sample = sampler.sample(members.iter(), kernel::now());
        let wanted = Value::Known(self.close_wait as f64);
        assert!(sample.members.iter().all(|member| member.readings[at].value == wanted));
        (sampler, members)
    }

    fn end(&mut self) {
        for child in &mut self.children {
            drop(child.stdin.take());
            child.wait().unwrap();
        }
    }
}

fn member(slot: u32, child: &Child) -> Member {
    let pid = Pid::new(i32::try_from(child.id()).unwrap()).unwrap();
    let process = Arc::new(Process::open(kernel::boot_id().unwrap(), pid).unwrap());
    let facts = Facts { uids: process.status(&mut Vec::new()).unwrap().uids, ..Facts::default() };
    Member { key: MemberKey { target: 0, slot }, process, facts, first_seen: kernel::now() }
}

const HOST: [&str; 4] = ["/proc/meminfo", "/proc/vmstat", "/proc/pressure/memory", "/proc/sys/fs/file-nr"];
const READ: OFlags = OFlags::RDONLY.union(OFlags::CLOEXEC);

/// The bare loop.
struct Floor {
    processes: Vec<(OwnedFd, OwnedFd)>,
    /// What is read of the host, as far as this kernel has it.
    host: Vec<OwnedFd>,
    netlink: OwnedFd,
    buffer: Vec<u8>,
}

impl Floor {
    fn over(children: &[Child]) -> Self {
        let open = |path: String, flags| rustix::fs::open(path, flags | OFlags::CLOEXEC, Mode::empty()).unwrap();
        let of = |child: &Child| {
            let folder = format!("/proc/{}", child.id());
            (open(format!("{folder}/fd"), OFlags::PATH), open(format!("{folder}/status"), OFlags::RDONLY))
        };
        let protocol = Some(netlink::SOCK_DIAG);
        let netlink =
            rustix::net::socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, protocol).unwrap();
        Self {
            processes: children.iter().map(of).collect(),
            host: HOST.iter().filter_map(|path| rustix::fs::open(*path, READ, Mode::empty()).ok()).collect(),
            netlink,
            buffer: vec![0; 32 << 10],
        }
    }

    fn pass(&mut self) {
        self.dump();
        let mut sum = 0;
        for (fds, status) in &self.processes {
            sum += rustix::fs::fstat(fds).unwrap().st_size;
            sum += i64::try_from(rustix::io::pread(status, &mut self.buffer[..], 0).unwrap()).unwrap();
        }
        for file in &self.host {
            rustix::io::pread(file, &mut self.buffer[..], 0).unwrap();
        }
        assert!(sum > 0);
    }

    /// All sockets in a state with an owner, in one walk, thrown away.
    fn dump(&mut self) {
        let mut request = [0_u8; 76];
        request[..4].copy_from_slice(&76_u32.to_ne_bytes());
        request[4..6].copy_from_slice(&18_u16.to_ne_bytes());
        request[6..8].copy_from_slice(&0x301_u16.to_ne_bytes());
        request[16] = 2;
        let states: u32 = [1, 2, 4, 5, 8, 9, 10, 11].iter().map(|state| 1 << state).sum();
        request[68..72].copy_from_slice(&states.to_ne_bytes());
        rustix::net::send(&self.netlink, &request, SendFlags::empty()).unwrap();
        // The end of a dump is a datagram of its own with the type 3 at its head.
        loop {
            let (got, _) = rustix::net::recv(&self.netlink, &mut self.buffer[..], RecvFlags::DONTWAIT).unwrap();
            if got >= 6 && u16::from_ne_bytes([self.buffer[4], self.buffer[5]]) == 3 {
                return;
            }
        }
    }
}
