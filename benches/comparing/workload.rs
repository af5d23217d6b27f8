//! Processes to be watched, and processes beside them.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::child::{READY, Task};
use super::figures::Size;

/// So many at a time are getting ready.
const AT_ONCE: usize = 8;
/// Descriptors of a bystander.
const BYSTANDER_FDS: u32 = 20;

/// All of them; they end with this value, or with this process.
pub(crate) struct Workload {
    children: Vec<Child>,
    targets: usize,
    _folder: TempDir,
}

impl Workload {
    pub(crate) fn up(size: &Size) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut workload = Self { children: Vec::new(), targets: size.processes as usize, _folder: folder };
        let path = workload._folder.path().to_owned();
        let tasks: Vec<Task> = (0..size.processes + size.bystanders).map(|number| task(size, number, &path)).collect();
        for some in tasks.chunks(AT_ONCE) {
            let first = workload.children.len();
            workload.children.extend(some.iter().map(start));
            workload.children[first..].iter_mut().for_each(wait);
        }
        workload
    }

    /// Pids of those to be watched.
    pub(crate) fn targets(&self) -> Vec<u32> {
        self.children[..self.targets].iter().map(Child::id).collect()
    }

    /// Their comm, which no other run's processes have.
    pub(crate) fn comm() -> String {
        format!("target-{}", std::process::id())
    }
}

impl Drop for Workload {
    fn drop(&mut self) {
        for child in &mut self.children {
            child.kill().unwrap();
        }
        for child in &mut self.children {
            child.wait().unwrap();
        }
    }
}

/// Sockets are dealt out evenly; what does not divide goes to the first ones.
fn task(size: &Size, number: u32, folder: &Path) -> Task {
    let of = |all: u32| all / size.processes + u32::from(number < all % size.processes);
    let folder = folder.to_owned();
    if number < size.processes {
        let (established, close_wait) = (of(size.established / 2) * 2, of(size.close_wait));
        Task { name: Workload::comm(), number, fds: size.fds, established, close_wait, folder }
    } else {
        Task { name: "bystander".to_owned(), number, fds: BYSTANDER_FDS, established: 0, close_wait: 0, folder }
    }
}

fn start(task: &Task) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(task.arguments()).stdin(Stdio::piped()).stdout(Stdio::piped());
    command.spawn().unwrap()
}

fn wait(child: &mut Child) {
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line.trim_end(), READY, "process {} did not get ready; what it says is above", child.id());
}
