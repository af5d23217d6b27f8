//! The descendants of a process, for a kill of the whole tree.

use super::{Error, Proc, Process};
use crate::model::Pid;

impl Process {
    /// Its children, their children and so on, each held open, parents before their children.
    ///
    /// Reads `/proc` once, so it misses what is forked meanwhile: ask again when those found are
    /// gone. A child whose parent has ended belongs to pid 1 or a subreaper and is no descendant any more.
    pub fn descendants(&self, proc: &Proc) -> Result<Vec<Self>, Error> {
        let everybody = parents(proc)?;
        let mut found: Vec<Self> = Vec::new();
        let mut next = 0;
        let mut parent = self;
        loop {
            let children = everybody.iter().filter(|(_, ppid)| *ppid == parent.identity().pid.get());
            // Numbers may have been given anew since they were read, and may even lead in a circle.
            let children: Vec<Self> = children
                .filter(|(pid, _)| *pid != self.identity().pid && found.iter().all(|p| p.identity().pid != *pid))
                .filter_map(|(pid, _)| child(proc, *pid, parent))
                .collect();
            found.extend(children);
            match found.get(next) {
                Some(process) => parent = process,
                None => return Ok(found),
            }
            next += 1;
        }
    }
}

/// Every process with the number of its parent.
fn parents(proc: &Proc) -> Result<Vec<(Pid, i32)>, Error> {
    let mut pids = Vec::new();
    proc.pids(&mut pids)?;
    let mut text = Vec::new();
    let parent =
        |pid: &Pid| proc.entry(*pid).and_then(|entry| entry.stat(&mut text)).ok().map(|stat| (*pid, stat.ppid));
    Ok(pids.iter().filter_map(parent).collect())
}

/// The process `pid`, if it is a child of `parent` now that both are held.
fn child(proc: &Proc, pid: Pid, parent: &Process) -> Option<Process> {
    let process = proc.open(pid).ok()?;
    let stat = process.stat(&mut Vec::new()).ok()?;
    let is_child = stat.ppid == parent.identity().pid.get() && stat.start_ticks >= parent.identity().start_ticks;
    (is_child && !parent.has_exited()).then_some(process)
}
