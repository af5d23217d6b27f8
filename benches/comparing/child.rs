//! What is watched, and what stands beside it: this program again, started with [`ARGUMENT`].
//!
//! Both ends of each connection live in the same process. They end with a reset when it ends, so that
//! nothing of them is left for the next workload, and it ends with its parent.

use std::ffi::CString;
use std::fs::{File, OpenOptions, read_dir};
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use nix::sys::socket::{getsockopt, setsockopt};
use nix::{getsockopt_impl, setsockopt_impl, sockopt_impl};
use rustix::event::EventfdFlags;
use rustix::net::sockopt::{set_socket_linger, set_socket_reuseaddr};
use rustix::net::{AddressFamily, SocketType};
use rustix::process::Signal;

/// The first argument of such a process.
pub(crate) const ARGUMENT: &str = "--child";
/// How it says that it has all that it was told to have.
pub(crate) const READY: &str = "ready";
/// The first port of a client end: below those that the kernel gives away, for a port given away could
/// be that of a connection in CLOSE_WAIT, and would reset it.
const FIRST_PORT: u16 = 1500;
/// As `tcp_states.h` of the kernel numbers them.
const FIN_WAIT2: u8 = 5;
const CLOSE_WAIT: u8 = 8;

sockopt_impl!(
    /// How many seconds the kernel remembers an end that was closed in FIN_WAIT2.
    Linger2, Both, libc::IPPROTO_TCP, libc::TCP_LINGER2, i32
);
sockopt_impl!(
    /// The state of a connection.
    Info, GetOnly, libc::IPPROTO_TCP, libc::TCP_INFO, libc::tcp_info
);

/// What a child is told on its command line, in this order.
#[derive(Debug)]
pub(crate) struct Task {
    /// Its comm, 15 bytes at most.
    pub(crate) name: String,
    /// Which of all children it is; its address follows from it.
    pub(crate) number: u32,
    /// Open in all, when it is ready.
    pub(crate) fds: u32,
    /// Sockets, two of each connection.
    pub(crate) established: u32,
    pub(crate) close_wait: u32,
    /// For the files that it opens.
    pub(crate) folder: PathBuf,
}

impl Task {
    pub(crate) fn arguments(&self) -> [String; 7] {
        let numbers = [self.number, self.fds, self.established, self.close_wait].map(|number| number.to_string());
        let [number, fds, established, close_wait] = numbers;
        let folder = self.folder.to_str().unwrap().to_owned();
        [ARGUMENT.to_owned(), self.name.clone(), number, fds, established, close_wait, folder]
    }

    fn parse(mut arguments: impl Iterator<Item = String>) -> Self {
        let name = arguments.next().unwrap();
        let mut number = || arguments.next().unwrap().parse().unwrap();
        let (number, fds, established, close_wait) = (number(), number(), number(), number());
        Self { name, number, fds, established, close_wait, folder: arguments.next().unwrap().into() }
    }
}

/// Does what it is told, says so, and stays until its input or its parent ends.
pub(crate) fn run(arguments: impl Iterator<Item = String>) {
    let task = Task::parse(arguments);
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL)).unwrap();
    rustix::thread::set_name(&CString::new(task.name.clone()).unwrap()).unwrap();
    tradedog::kernel::raise_fd_limit();
    let mut kept = Vec::new();
    if task.established + task.close_wait > 0 {
        connect(&task, &mut kept);
    }
    fill(&task, &mut kept);
    println!("{READY}");
    std::io::stdout().flush().unwrap();
    std::io::stdin().lines().for_each(drop);
}

/// One listener and its connections.
fn connect(task: &Task, kept: &mut Vec<OwnedFd>) {
    let [_, high, middle, low] = task.number.to_be_bytes();
    let address = Ipv4Addr::new(127, 64 + high, middle, low);
    let listener = TcpListener::bind((address, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let established = task.established / 2;
    let mut closing = Vec::new();
    for number in 0..established + task.close_wait {
        let client = rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
        set_socket_reuseaddr(&client, true).unwrap();
        let own = FIRST_PORT + u16::try_from(number).unwrap();
        rustix::net::bind(&client, &SocketAddrV4::new(address, own)).unwrap();
        rustix::net::connect(&client, &SocketAddrV4::new(address, port)).unwrap();
        let server: OwnedFd = listener.accept().unwrap().0.into();
        set_socket_linger(&server, Some(Duration::ZERO)).unwrap();
        if number < established {
            set_socket_linger(&client, Some(Duration::ZERO)).unwrap();
            kept.extend([client, server]);
        } else {
            closing.push((client, server));
        }
    }
    kept.push(listener.into());
    half_close(closing, kept);
}

/// Leaves the servers' ends in CLOSE_WAIT, for good: an end that is closed before its FIN was
/// acknowledged would reset the other a minute later.
fn half_close(closing: Vec<(OwnedFd, OwnedFd)>, kept: &mut Vec<OwnedFd>) {
    for (client, _) in &closing {
        setsockopt(client, Linger2, &1).unwrap();
        rustix::net::shutdown(client, rustix::net::Shutdown::Write).unwrap();
    }
    for (client, server) in closing {
        while (state(&client), state(&server)) != (FIN_WAIT2, CLOSE_WAIT) {
            std::thread::sleep(Duration::from_millis(1));
        }
        kept.push(server);
    }
}

fn state(socket: &impl AsFd) -> u8 {
    getsockopt(socket, Info).unwrap().tcpi_state
}

/// Of all sorts, until there are as many as there shall be.
fn fill(task: &Task, kept: &mut Vec<OwnedFd>) {
    let open = u32::try_from(read_dir("/proc/self/fd").unwrap().count() - 1).unwrap();
    let missing = task.fds.checked_sub(open);
    let missing = missing.unwrap_or_else(|| panic!("its sockets alone are {open} descriptors, not {}", task.fds));
    let mut more: Vec<OwnedFd> = Vec::new();
    for number in 0.. {
        if more.len() >= missing as usize {
            break;
        }
        match number % 4 {
            0 => more.extend(<[OwnedFd; 2]>::from(rustix::pipe::pipe().unwrap())),
            1 => more.push(file(task, number)),
            2 => more.extend(<[UnixStream; 2]>::from(UnixStream::pair().unwrap()).map(OwnedFd::from)),
            _ => more.push(rustix::event::eventfd(0, EventfdFlags::empty()).unwrap()),
        }
    }
    more.truncate(missing as usize);
    kept.extend(more);
}

fn file(task: &Task, number: u32) -> OwnedFd {
    let path = task.folder.join(format!("data-{:02}.log", number % 64));
    let file: File = OpenOptions::new().create(true).append(true).open(path).unwrap();
    file.into()
}
