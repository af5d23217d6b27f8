//! In which network namespace members are, and the descriptor links of those in our own.

use std::time::Duration;

use super::homes::Homes;
use crate::discover::Member;
use crate::kernel::{self, Error, Proc};
use crate::sample::fault::Fault;
use crate::sample::probe::Pass;
use crate::sample::seldom::{Seldom, Turn};

/// A process may move to another namespace as long as it lives, but hardly does. It is younger than this while
/// its container is made around it.
const YOUNG: Duration = Duration::from_secs(15);

/// Reads them.
pub(super) struct Links {
    /// Our own network namespace, which is the one that the dump is of.
    ours: Option<u64>,
    /// For members whose links may not be read, and for what nobody holds yet.
    pub(super) homes: Homes,
}

impl Links {
    pub(super) fn new() -> Self {
        Self { ours: None, homes: Homes::default() }
    }

    /// Finds out in which namespace those members are of whom that is not known, or not for sure.
    pub(super) fn place(&mut self, pass: &mut Pass<'_>) {
        let (now, every) = (pass.now, pass.periods.each);
        for (index, (seat, member)) in pass.seats.iter_mut().zip(pass.members).enumerate() {
            let is_young = now.since(kernel::started(seat.identity.start_ticks)) < YOUNG;
            let turn = Turn::once_in(every, now, index);
            let turn = if is_young { turn.and_now() } else { turn };
            let _ = seat.net.refresh(turn, || self.other_net(member));
        }
    }

    /// The network namespace of `member`; none if it is ours.
    pub(super) fn other_net(&mut self, member: &Member) -> Result<Option<u64>, Fault> {
        let ours = match self.ours {
            Some(known) => known,
            None => *self.ours.insert(Proc::live()?.entry(kernel::own_pid())?.net_namespace()?),
        };
        let net = member.process.entry().net_namespace()?;
        Ok((net != ours).then_some(net))
    }

    /// Appends the inodes of all sockets that the member of `pass` at `index` holds. It is to be in our own
    /// namespace; one that has left it since is looked for in the next pass.
    ///
    /// # Errors
    /// [`Fault::CGROUP`] where they may not be read and [`Homes`] tells what is held.
    pub(super) fn read(&mut self, pass: &mut Pass<'_>, index: usize, inodes: &mut Vec<u64>) -> Result<(), Fault> {
        let (member, seat) = (pass.members[index], &mut pass.seats[index]);
        if seat.net.value()?.is_some() {
            return Err(Fault::NAMESPACE);
        }
        if self.other_net(member)?.is_some() {
            seat.net = Seldom::UNREAD;
            return Err(Fault::NAMESPACE);
        }
        let before = inodes.len();
        match member.process.socket_inodes(&mut |inode| inodes.push(inode)) {
            Err(Error::Denied) => {
                inodes.truncate(before);
                let is_told = self.homes.look(pass.now, (pass.members, index))?;
                Err(if is_told { Fault::CGROUP } else { Fault::DENIED })
            }
            read => Ok(read?),
        }
    }
}
