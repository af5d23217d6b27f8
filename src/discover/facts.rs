//! What vetoes and displays need to know about a member.

use super::execs::Execs;
use super::units::unit_of;
use super::view::View;
use crate::config::Selector;
use crate::kernel::{Comm, Entry, Error, Proc, Stat, ancestors, own_pid};
use crate::model::{Pid, printable};

/// What vetoes and displays need to know about a member.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Matched by something that another local user cannot imitate.
    pub anchored: bool,
    /// Never to be touched, and why (pid 1, ancestor, kernel thread, sshd, systemd).
    pub protected: Option<&'static str>,
    /// Matched by two targets that do not both say `shared`.
    pub contested: bool,
    /// Real and effective uid when matched.
    pub uids: (u32, u32),
    /// comm, escaped and capped: for people only.
    pub comm: String,
    /// Changes with every exec where the kernel lets us see it.
    pub exec_generation: Option<u64>,
    /// How many execs of it the kernel has told of.
    pub execs: Execs,
    /// What else an exec changes; looked at where `exec_generation` is hidden.
    pub shape: Shape,
}

/// What an exec of another program changes, readable without any right: a weak sign, since a process
/// names itself as it likes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    /// The name.
    pub comm: Comm,
    /// Size of the program's code in bytes.
    pub code: Option<u64>,
}

/// As much of a name as is shown.
const SHOWN: usize = 64;

impl Facts {
    /// What holds whichever target asks; `anchored` and `contested` are filled in per target.
    pub(super) fn of(view: &mut View<'_>, own: &Own, execs: Execs) -> Result<Self, Error> {
        let (stat, status) = (view.stat, view.status()?);
        Ok(Self {
            anchored: false,
            protected: protected(view, own),
            contested: false,
            uids: status.uids,
            comm: printable(stat.comm.as_bytes(), SHOWN),
            exec_generation: stat.exec_generation,
            execs,
            shape: Shape { comm: stat.comm, code: status.code },
        })
    }
}

/// Whether a match of `selector` cannot be imitated by another local user. What a process calls
/// itself and what program it runs, anybody can copy.
/// `by_root`: only root can have written its pidfile or cidfile, or made the group of its container.
pub(super) const fn is_anchored(selector: &Selector, by_root: bool) -> bool {
    selector.user.is_some() || selector.unit.is_some() || by_root
}

/// The daemon itself.
#[derive(Clone, Debug)]
pub struct Own {
    pid: Pid,
    ancestors: Vec<Pid>,
}

impl Own {
    /// As it is now.
    pub fn look(proc: &Proc) -> Self {
        Self { pid: own_pid(), ancestors: ancestors(proc) }
    }

    /// Why nobody may touch a process that happens to be near one that is meant, as far as the watch
    /// loop may look: its program is not read, so its name is believed.
    ///
    /// # Errors
    /// Those of reading it: then nothing speaks for it.
    pub fn protects(&self, entry: &Entry, buffer: &mut Vec<u8>) -> Result<Option<&'static str>, Error> {
        let mut view = View::new(entry, buffer)?;
        let stat = view.stat;
        Ok(self.by_number(&stat).or_else(|| by_unit(&mut view)).or_else(|| by_name(&stat)))
    }

    /// The kernel's threads, the first process, the daemon and whoever started it.
    fn by_number(&self, stat: &Stat) -> Option<&'static str> {
        let pid = Pid::new(stat.pid)?;
        if stat.is_kernel_thread() {
            return Some("a thread of the kernel");
        }
        if pid == Pid::INIT {
            return Some("pid 1");
        }
        if pid == self.pid {
            return Some("tradedog itself");
        }
        self.ancestors.contains(&pid).then_some("an ancestor of tradedog")
    }
}

/// Why nobody may touch it. Where its program cannot be read, its name is believed: a trader that
/// calls itself sshd is then not killed, which is the harmless mistake.
fn protected(view: &mut View<'_>, own: &Own) -> Option<&'static str> {
    let stat = view.stat;
    own.by_number(&stat).or_else(|| by_unit(view)).or_else(|| by_program(view, &stat))
}

fn by_unit(view: &mut View<'_>) -> Option<&'static str> {
    view.cgroups().ok()?.iter().find_map(|path| match unit_of(path)? {
        b"ssh.service" | b"sshd.service" => Some(SSHD),
        b"init.scope" => Some(SYSTEMD),
        // Containers run inside the units of nspawn; they are not systemd's own.
        unit if unit.starts_with(b"systemd-nspawn@") => None,
        unit if unit.starts_with(b"systemd-") && unit.ends_with(b".service") => Some(SYSTEMD),
        _ => None,
    })
}

fn by_program(view: &mut View<'_>, stat: &Stat) -> Option<&'static str> {
    let Ok(exe) = view.exe() else { return by_name(stat) };
    let name = exe.rsplit(|byte| *byte == b'/').next().unwrap_or(exe);
    let homes: [&[u8]; 2] = [b"/usr/lib/systemd/", b"/lib/systemd/"];
    let is_systemd = homes.iter().any(|home| exe.starts_with(home));
    if name.starts_with(b"sshd") { Some(SSHD) } else { is_systemd.then_some(SYSTEMD) }
}

fn by_name(stat: &Stat) -> Option<&'static str> {
    let name = stat.comm.as_bytes();
    let is_systemd = name == b"systemd" || name == b"(sd-pam)" || name.starts_with(b"systemd-");
    if name.starts_with(b"sshd") { Some(SSHD) } else { is_systemd.then_some(SYSTEMD) }
}

const SSHD: &str = "sshd";
const SYSTEMD: &str = "part of systemd";
