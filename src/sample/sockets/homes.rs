//! Which cgroups members have to themselves. A socket says in which cgroup it was made, so whoever is
//! alone in a cgroup holds those that were made there: that tells whose a connection is that nobody has
//! accepted yet, and it is how a service or a container is counted whose descriptors may not be looked at.
//!
//! Left out of the latter: what it was handed by others, or made before it was moved into its cgroup.

use std::collections::HashMap;
use std::time::Duration;

use crate::discover::Member;
use crate::kernel::sock_diag::Socket;
use crate::kernel::{CgroupTree, Error};
use crate::model::{Identity, Moment};

/// Processes hardly move to another cgroup.
const LOOK_AGAIN: Duration = Duration::from_secs(10);

/// A cgroup that members have to themselves.
struct Home {
    id: u64,
    looked: Moment,
    /// All processes in it and below; empty where others than members are among them.
    all: Vec<Identity>,
    /// The descriptors of one of them may not be looked at.
    denied: bool,
}

/// Which cgroup is whose.
#[derive(Default)]
pub(super) struct Homes {
    tree: Option<CgroupTree>,
    /// The cgroups that members were in when that was last looked at; none in the root.
    ids: HashMap<Identity, (Moment, Option<u64>)>,
    homes: Vec<Home>,
    /// Whether the kernel says where sockets were made (Linux 5.9).
    told: Option<bool>,
    buffer: Vec<u8>,
}

impl Homes {
    /// Takes in whether the sockets of a dump say where they were made.
    pub(super) fn note(&mut self, dump: &[Socket]) {
        if self.told.is_none() && !dump.is_empty() {
            self.told = Some(dump.iter().any(|socket| socket.cgroup.is_some()));
        }
    }

    /// Whether what was made in a cgroup can be told.
    pub(super) fn are_told(&self) -> bool {
        self.told != Some(false)
    }

    /// Finds out who has the cgroup of the member at `index`, whose descriptors may not be looked at.
    /// False where others than members are in it.
    pub(super) fn look(&mut self, now: Moment, (members, index): (&[&Member], usize)) -> Result<bool, Error> {
        if !self.are_told() {
            return Ok(false);
        }
        let member = members[index];
        self.ids.remove(&member.process.identity());
        let Some(id) = self.id_of(now, member)? else { return Ok(false) };
        let home = self.visit(now, id, (members, member))?;
        home.denied = true;
        Ok(!home.all.is_empty())
    }

    /// Finds out who has the cgroups with these numbers, where members are in them.
    pub(super) fn find(&mut self, now: Moment, wanted: &[u64], members: &[&Member]) {
        // Those of whom descriptors may not be looked at are looked at again as long as they are there.
        self.homes.retain(|home| now.since(home.looked) < LOOK_AGAIN * if home.denied { 3 } else { 1 });
        let is_known = |id: &u64| self.homes.iter().any(|home| home.id == *id && now.since(home.looked) < LOOK_AGAIN);
        let missing: Vec<u64> = wanted.iter().copied().filter(|id| !is_known(id)).collect();
        if missing.is_empty() {
            return;
        }
        self.ids.retain(|_, (looked, _)| now.since(*looked) < LOOK_AGAIN);
        for &member in members {
            if let Ok(Some(id)) = self.id_of(now, member)
                && missing.contains(&id)
                && !self.homes.iter().any(|home| home.id == id && home.looked == now)
            {
                // One that is gone, or moves, is nobody's until it is looked at again.
                let _ = self.visit(now, id, (members, member));
            }
        }
        for id in missing {
            if !self.homes.iter().any(|home| home.id == id) {
                self.homes.push(Home { id, looked: now, all: Vec::new(), denied: false });
            }
        }
    }

    /// The members who have the cgroup that `socket` was made in, if that says whose it is: none of
    /// them may be known to hold it.
    pub(super) fn of(&self, socket: &Socket) -> &[Identity] {
        let home = self.homes.iter().find(|home| Some(home.id) == socket.cgroup);
        let home = home.filter(|home| home.denied || socket.inode == 0);
        home.map_or(&[], |home| &home.all)
    }

    /// Whether this member is alone in its cgroup.
    pub(super) fn is_alone(&self, identity: &Identity) -> bool {
        self.homes.iter().any(|home| home.all == [*identity])
    }

    fn id_of(&mut self, now: Moment, member: &Member) -> Result<Option<u64>, Error> {
        let identity = member.process.identity();
        if let Some(&(_, known)) = self.ids.get(&identity) {
            return Ok(known);
        }
        let tree = self.tree.get_or_insert_with(CgroupTree::mounted);
        let group = tree.unified_of(&member.process, &mut self.buffer)?.filter(|group| !group.is_root());
        let id = group.map(|group| group.id());
        self.ids.insert(identity, (now, id));
        Ok(id)
    }

    /// Looks at who is in the cgroup of `member`, which is to be number `id`.
    fn visit(&mut self, now: Moment, id: u64, of: (&[&Member], &Member)) -> Result<&mut Home, Error> {
        let (members, member) = of;
        let all = self.all(id, members, member)?;
        let at = self.homes.iter().position(|home| home.id == id).unwrap_or_else(|| {
            self.homes.push(Home { id, looked: now, all: Vec::new(), denied: false });
            self.homes.len() - 1
        });
        let home = &mut self.homes[at];
        (home.looked, home.all) = (now, all);
        Ok(home)
    }

    fn all(&mut self, id: u64, members: &[&Member], member: &Member) -> Result<Vec<Identity>, Error> {
        let tree = self.tree.get_or_insert_with(CgroupTree::mounted);
        let group = tree.unified_of(&member.process, &mut self.buffer)?.filter(|group| group.id() == id);
        let Some(group) = group else { return Ok(Vec::new()) };
        let pids = group.pids(&mut self.buffer)?;
        let identity = |pid| members.iter().map(|member| member.process.identity()).find(|one| one.pid == pid);
        Ok(pids.into_iter().map(identity).collect::<Option<Vec<_>>>().unwrap_or_default())
    }
}
