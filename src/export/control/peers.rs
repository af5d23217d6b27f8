//! Who may ask, and what he is called.
//!
//! Root may, the user that the daemon runs as, and the members of the group of the socket's file, which
//! is the daemon's own. Linux tells the user and the primary group of whoever connects (SO_PEERCRED,
//! unix(7)); his other groups no safe call tells. But it has looked at all of them when he connected,
//! for to connect he needs the right to write the socket's file (`unix_find_bsd` in net/unix/af_unix.c).
//! So that file's mode is the proof: as long as it lets in nobody but owner and group, who is in is one
//! of them.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use nix::unistd::{Gid, Group, Uid, User};
use rustix::fs::{Mode, Stat, lstat};
use tokio::net::unix::UCred;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::bind::identity;
use crate::model::printable;

/// Groups that are everybody's: being in one is no sign of trust.
const EVERYBODYS: [&str; 4] = ["users", "nogroup", "nobody", "domain users"];

/// Of a process whose group is not mapped into this user namespace, and of `nogroup`.
const OVERFLOW: u32 = 65_534;

/// How long a name is looked up before the number has to do: behind it may be a server that hangs.
const PATIENCE: Duration = Duration::from_millis(500);

/// Names that are looked up at a time; while all hang, numbers have to do.
const LOOKUPS: usize = 2;

/// Longest name shown.
const NAME_CHARS: usize = 40;

/// Who may ask.
#[derive(Debug)]
pub(super) struct Rights {
    socket: PathBuf,
    /// Device and inode of the socket's file.
    file: Option<(u64, u64)>,
    own: Uid,
    /// None where it is no group of ours alone.
    group: Option<Gid>,
    /// All of them, as words after "only".
    told: String,
    lookups: Arc<Semaphore>,
}

impl Rights {
    /// Those of the socket at `path`, whose file is made and is its owner's alone so far; the group is
    /// let in here.
    pub(super) fn of(path: &Path) -> Self {
        let own = Uid::effective();
        let made = lstat(path).ok();
        let group = made.map(|made| Gid::from_raw(made.st_gid)).filter(|group| !is_everybodys(*group));
        let open = Mode::RUSR | Mode::WUSR | Mode::RGRP | Mode::WGRP;
        // The file lies in a folder that only its owner may write: nobody puts another in its place.
        let group = group.filter(|_| rustix::fs::chmod(path, open).is_ok());
        let users = if own.is_root() { "root".to_owned() } else { format!("root and {}", user(own)) };
        let told = match group {
            Some(group) => format!("{users} and members of the group {}", group_name(group)),
            None => users,
        };
        let lookups = Arc::new(Semaphore::new(LOOKUPS));
        Self { socket: path.to_owned(), file: identity(path), own, group, told, lookups }
    }

    /// Whether he may ask.
    pub(super) fn admit(&self, peer: &UCred) -> bool {
        let uid = Uid::from_raw(peer.uid());
        let in_group = |group: Gid| peer.gid() == group.as_raw() || self.kernel_vouches(group);
        uid.is_root() || uid == self.own || self.group.is_some_and(in_group)
    }

    /// Whether the kernel lets nobody but owner and group connect.
    fn kernel_vouches(&self, group: Gid) -> bool {
        let closed = |file: &Stat| file.st_mode & 0o007 == 0 && file.st_gid == group.as_raw();
        self.file.is_some() && identity(&self.socket) == self.file && lstat(&self.socket).is_ok_and(|f| closed(&f))
    }

    /// Who may ask, as words after "only".
    pub(super) fn told(&self) -> &str {
        &self.told
    }

    /// Why the group of the daemon has no rights here, where it has none.
    pub(super) fn flaw(&self) -> Option<String> {
        let group = Gid::effective();
        let why = "give it a group of its own (Group= of the unit) to let members use tradedog act and undo";
        let unfit = self.group.is_none().then_some(group).filter(|group| is_everybodys(*group));
        unfit.map(|group| format!("the group {} is everybody's, so that none of it may ask: {why}", group_name(group)))
    }

    /// What he is called in the log: `alice (uid 1000, pid 4711)`.
    pub(super) async fn called(&self, peer: &UCred) -> Arc<str> {
        let uid = Uid::from_raw(peer.uid());
        let name = match Arc::clone(&self.lookups).try_acquire_owned() {
            Ok(place) => {
                let lookup = spawn_blocking(move || {
                    let name = user(uid);
                    drop(place);
                    name
                });
                timeout(PATIENCE, lookup).await.ok().and_then(Result::ok)
            }
            Err(_) => None,
        };
        // Zero: he is in another pid namespace, which this one does not see into.
        let pid = peer.pid().filter(|pid| *pid > 0).map_or_else(String::new, |pid| format!(", pid {pid}"));
        format!("{} (uid {uid}{pid})", name.unwrap_or_else(|| "somebody".to_owned())).into()
    }
}

pub(super) fn is_everybodys(group: Gid) -> bool {
    let name = Group::from_gid(group).ok().flatten().map(|group| group.name.to_lowercase());
    group.as_raw() == OVERFLOW || name.is_some_and(|name| EVERYBODYS.contains(&&*name))
}

fn user(uid: Uid) -> String {
    let found = User::from_uid(uid).ok().flatten();
    found.map_or_else(|| "somebody".to_owned(), |user| printable(user.name.as_bytes(), NAME_CHARS))
}

fn group_name(gid: Gid) -> String {
    let found = Group::from_gid(gid).ok().flatten();
    found.map_or_else(|| gid.to_string(), |group| printable(group.name.as_bytes(), NAME_CHARS))
}
