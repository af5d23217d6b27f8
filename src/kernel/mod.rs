//! The only door to Linux: /proc bytes, pidfds, sock_diag, cgroups, host totals, the clock.
//!
//! What belongs here: every system call that looks at or acts on another process, and pure parsers
//! of what the kernel prints. What does not: any opinion about what was read.

mod assume;
mod cgroup;
mod cgroup_dir;
pub mod cgroup_memory;
mod cgroup_tree;
mod cidfile;
mod clock;
mod digits;
mod error;
#[cfg(test)]
pub(crate) mod faulty;
mod give_back;
mod handle;
pub mod host;
mod lacking;
mod limits;
mod log_file;
mod look;
pub mod net_tcp;
mod noted;
mod own;
mod pidfile;
mod proc_dir;
pub mod proc_events;
mod process;
mod release;
mod reserve;
mod resolve;
mod rights;
pub mod sock_diag;
mod source;
mod stat;
mod statm;
mod status;
mod system;
mod tcp_counts;
mod tree;
mod wait;

#[cfg(test)]
mod tests;

pub use assume::{Assumed, Unassumed, assume};
pub use cgroup::Cgroups;
pub use cgroup_dir::{Cgroup, CgroupEvents};
pub use cgroup_tree::{CgroupTree, Visit};
pub use cidfile::Cidfile;
pub use clock::{cpu_of_process, cpu_of_thread, now, wall_instant, wall_now};
pub use error::Error;
pub use give_back::give_back_start;
pub use lacking::{Lack, lacks};
pub use limits::max_open_files;
pub use log_file::{LogFileError, end_of_file};
pub use look::{
    Behind, Descriptor, HostPage, Look, NetLine, Page, Pointer, Table, Task, UnixLine, arguments_length, cgroup_file,
    host_file,
};
pub use own::own_facts;
pub use pidfile::Pidfile;
pub use proc_dir::{Entry, Mark, Proc};
pub use process::Process;
pub use reserve::{Reserve, lend_aside};
pub use resolve::resolve;
pub use rights::{RightsError, keep_rights, own_rights, renounce_rights};
pub use stat::{Comm, Stat};
pub use statm::resident_pages;
pub use status::Status;
pub use system::{
    ancestors, boot_id, fd_limit, host_name, lock_memory, own_pid, raise_fd_limit, resolved, started, ticks_per_second,
};
pub use tcp_counts::TcpCounts;
pub use wait::{Asked, Waiter, Waker, Woken, block_signals, stopped_within};
