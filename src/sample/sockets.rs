//! `close_wait`, `established` and the other states, `sockets`; `host_established`, `host_time_wait`:
//! of all sockets and per peer.
//!
//! Two lists: sockets in CLOSE_WAIT in each pass, those in other states only where somebody asks for
//! them, and seldom. Where both are due the kernel walks over its sockets once.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::Duration;

use super::attribution::{Attribution, Holder, Listed, Slot};
use super::fault::Fault;
use super::names::Wake;
use super::open_fds;
use super::pace::Part;
use super::probe::{Column, Fresh, Pass, Probe, Reads, Row, Slow};
use super::tally::{OWNED, Tally, states_of};
use super::together::together;
use crate::config::Config;
use crate::discover::{Facts, Member};
use crate::kernel::sock_diag::{Socket, States, TcpState};
use crate::model::{Base, Moment, SOCKET_STATES};

mod anew;
mod clerk;
mod counted;
mod dump;
mod elsewhere;
mod held;
mod homes;
mod links;
mod places;
mod queue;
mod still;
#[cfg(test)]
mod tests;

use anew::Anew;
use clerk::Clerk;
use counted::{Counted, known, number};
use dump::Dump;
use elsewhere::Elsewhere;
use links::Links;
use places::Places;

/// Each state by itself, all of them together, and those of the host.
const METRICS: [Base; SOCKET_STATES.len() + 3] = {
    let mut all = [Base::Sockets; SOCKET_STATES.len() + 3];
    all.split_at_mut(SOCKET_STATES.len()).0.copy_from_slice(&SOCKET_STATES);
    all[SOCKET_STATES.len() + 1] = Base::HostEstablished;
    all[SOCKET_STATES.len() + 2] = Base::HostTimeWait;
    all
};

pub(super) const PROBE: Row =
    Row { name: "sockets", metrics: &METRICS, make: |config| Box::new(Sockets::new(config)), reads: Reads::Together };

const CLOSE_WAIT: States = States::of(&[TcpState::CloseWait]);

/// Where netlink does not list them, the table that does costs ten milliseconds and more.
const TABLE_EVERY: Duration = Duration::from_secs(10);

struct Sockets {
    dump: Dump,
    /// The other states that somebody asks for.
    asked: States,
    /// Whether attribution has taken in the dump.
    attributed: bool,
    holders: Vec<Holder>,
    attribution: Attribution,
    links: Links,
    elsewhere: Elsewhere,
    /// Of each member its slot in the books, or why its sockets are not known.
    slots: Vec<Result<Slot, Fault>>,
    close_wait: Counted,
    states: Counted,
    /// What the last list of other states held, for those who have left our namespace.
    others: Vec<Socket>,
    unattributed: Vec<(Base, u64)>,
    owners: Vec<Slot>,
    /// For readings that rest on nothing remembered.
    fresh: Tally,
    /// There is no list of this pass.
    failed: bool,
    /// What the last reading was.
    part: Part,
}

impl Sockets {
    fn new(config: &Config) -> Self {
        let of_targets = config.targets.iter().flat_map(|target| &target.metrics);
        let asked = config.host.metrics.iter().chain(of_targets).map(|metric| metric.base);
        let asked = asked.filter(|base| METRICS.contains(base) && base.is_other_state());
        Self {
            dump: Dump::default(),
            asked: asked
                .fold(States::NONE, |states, base| states.and_all(states_of(base)))
                .without(TcpState::CloseWait),
            attributed: false,
            holders: Vec::new(),
            attribution: Attribution::default(),
            links: Links::new(),
            elsewhere: Elsewhere::new(config),
            slots: Vec::new(),
            close_wait: Counted::new(config),
            states: Counted::new(config),
            others: Vec::new(),
            unattributed: Vec::new(),
            owners: Vec::new(),
            fresh: Tally::new(&config.peers),
            failed: false,
            part: Part::CloseWait,
        }
    }

    /// The states to be listed in this pass.
    fn due(&self, pass: &Pass<'_>) -> States {
        let (close_wait, states) = (pass.periods.close_wait, pass.periods.states);
        let mut due = States::NONE;
        // The first member of all does not wait for what was last listed for nobody.
        let is_first = self.states.is_of_nobody() && !pass.members.is_empty();
        if !self.asked.is_empty() && (is_first || self.states.is_due(pass.now, self.at_least(states))) {
            due = self.asked;
        }
        // Where it has to be read from a table, a look in between is as dear as all of it.
        let is_due =
            !due.is_empty() || !self.dump.diag.is_slow() || self.close_wait.is_due(pass.now, self.at_least(close_wait));
        if is_due && !pass.members.is_empty() { due.and(TcpState::CloseWait) } else { due }
    }

    /// How often what is to be listed every `period` is listed.
    fn at_least(&self, period: Duration) -> Duration {
        if self.dump.diag.is_slow() { period.max(TABLE_EVERY) } else { period }
    }

    /// Counts the descriptors of those of whom that was not done in this pass: between two passes only what
    /// is near a bound is read, but whoever has opened something must show.
    fn count_descriptors(pass: &mut Pass<'_>) {
        for (seat, member) in pass.seats.iter_mut().zip(pass.members) {
            if !seat.open.is_of(pass.now) {
                // What went wrong is told by whoever reads it as a metric.
                let _ = open_fds::count(pass.now, member, seat);
            }
        }
    }

    /// Finds out whose each socket of the dump is.
    fn attribute(&mut self, pass: &mut Pass<'_>, (listed, same): (States, bool)) {
        self.holders.clear();
        self.holders.extend(pass.members.iter().zip(pass.seats.iter()).map(|(member, seat)| {
            let (identity, uids, fds) = (seat.identity, seat.uids, seat.fds);
            Holder { identity, program: program(&member.facts), uids, fds }
        }));
        let Self { attribution, dump, holders, links, asked, .. } = self;
        links.homes.note(&dump.sockets);
        // Where nobody is watched there is nothing to remember of all the sockets of the host.
        let mut nothing = Vec::new();
        let sockets = if pass.members.is_empty() { &mut nothing } else { &mut dump.sockets };
        // Of those that listen all are listed that anybody waits for.
        let complete = if asked.has(TcpState::Listen) { listed } else { listed.and(TcpState::Listen) };
        let now = pass.now;
        let mut read = |index: usize, inodes: &mut Vec<u64>| links.read(pass, index, inodes);
        attribution.update(now, Listed { sockets, complete, same, holders }, &mut read);
        self.attributed = !pass.members.is_empty();
    }

    /// Which member is in which slot, and whose sockets are known.
    fn seat(&mut self, pass: &Pass<'_>) {
        let Self { attribution, links, .. } = self;
        let slot = |(index, member): (usize, &&Member)| {
            // The dead have no sockets, which is not the good news that a count of 0 would be. It is
            // looked for where sockets are missing: elsewhere it changes nothing that was counted.
            let dead = || attribution.lost_some(index) && member.process.has_exited();
            if pass.seats[index].gone || dead() {
                return Err(Fault::GONE);
            }
            links.homes.settle(&pass.seats[index], attribution.slot(index), attribution.seat_of(index))
        };
        self.slots.clear();
        self.slots.extend(pass.members.iter().enumerate().map(slot));
    }

    fn count(&mut self, pass: &Pass<'_>, listed: States) {
        let periods = (self.at_least(pass.periods.close_wait), self.at_least(pass.periods.states));
        let Self { attribution, links, close_wait, states, owners, .. } = self;
        let Dump { queue, sockets, time_wait, .. } = &mut self.dump;
        let of = (&self.slots[..], &*attribution, &links.homes);
        let has_states = !listed.without(TcpState::CloseWait).is_empty();
        if listed.has(TcpState::CloseWait) {
            close_wait.open(pass, of);
            close_wait.period = periods.0;
        }
        if has_states {
            states.follow(pass.names);
            states.open(pass, of);
            states.period = periods.1;
            time_wait.drain(..).for_each(|socket| states.tally.add(&[Places::HOST], &socket));
        }
        let mut clerk = Clerk { attribution, homes: &links.homes, queue, dump: sockets, owners };
        for (place, socket) in sockets.iter().enumerate().filter(|(_, socket)| listed.has(socket.state)) {
            if socket.state == TcpState::CloseWait {
                clerk.count(place, close_wait);
            }
            if has_states {
                clerk.count(place, states);
            }
        }
    }

    /// Has those looked for who have left our namespace, in what was last listed in any state.
    fn look_elsewhere(&mut self, pass: &mut Pass<'_>, listed: States) {
        let is_needed = !self.asked.is_empty() && pass.seats.iter().any(|seat| seat.other_net().is_some());
        if !is_needed {
            self.others = Vec::new();
            return self.elsewhere.update(pass, &self.dump.sockets);
        }
        if !listed.without(TcpState::CloseWait).is_empty() {
            self.others.clear();
            self.others.extend(self.dump.sockets.iter().filter(|socket| socket.state != TcpState::CloseWait));
        }
        let length = self.others.len();
        self.others.extend(self.dump.sockets.iter().filter(|socket| socket.state == TcpState::CloseWait));
        self.elsewhere.update(pass, &self.others);
        self.others.truncate(length);
    }

    /// Sums up of which states how many are nobody's, as far as anybody asks for them.
    fn note_unattributed(&mut self) {
        let Self { unattributed, close_wait, states, .. } = self;
        let both = close_wait.tally.unclear().zip(states.tally.unclear());
        let of = |(here, other): ((Base, u64), _)| if here.0 == Base::CloseWait { here } else { other };
        unattributed.extend(both.map(of));
        self.elsewhere.add_unclear(unattributed);
        let asked = self.asked.and(TcpState::CloseWait);
        let mut states = OWNED.iter();
        unattributed.retain(|_| states.next().is_some_and(|(state, _)| asked.has(*state)));
    }

    const fn list_of(&self, column: Column) -> &Counted {
        if matches!(column.base, Base::CloseWait) { &self.close_wait } else { &self.states }
    }
}

impl Probe for Sockets {
    fn prepare(&mut self, pass: &mut Pass<'_>) -> Result<(), Fault> {
        self.failed = true;
        self.fresh.follow(pass.names);
        if self.close_wait.follow(pass.names) {
            self.elsewhere.follow_names(&self.close_wait.tally);
        }
        self.unattributed.clear();
        self.links.place(pass);
        let listed = self.due(pass);
        self.part = part_of(listed);
        let attributed = std::mem::take(&mut self.attributed);
        if listed.is_empty() {
            self.dump.clear();
        } else {
            Self::count_descriptors(pass);
            let same = self.dump.take(pass.now, listed)?;
            self.attribute(pass, (listed, same && attributed));
            let Dump { sockets, queue, waits, .. } = &mut self.dump;
            queue.note(sockets);
            self.links.homes.find(pass.now, (sockets, listed, *waits), pass.members);
            self.seat(pass);
            self.count(pass, listed);
        }
        self.look_elsewhere(pass, listed);
        let mut touch = |name: &str, address| pass.names.touch(name, address, pass.now);
        self.close_wait.tally.take_met(&mut touch);
        self.states.tally.take_met(&mut touch);
        if !pass.members.is_empty() {
            self.note_unattributed();
        }
        self.failed = false;
        Ok(())
    }

    fn slow(&self, pass: &Pass<'_>, index: usize, column: Column) -> Option<Slow> {
        let seat = pass.seats.get(index)?;
        let elsewhere = self.elsewhere.member(seat, column);
        if elsewhere.is_some() {
            return elsewhere;
        }
        let slow = self.list_of(column).member((index, seat.identity), column);
        Some(if seat.gone { Slow { at: pass.now, value: Err(Fault::GONE), ..slow } } else { slow })
    }

    fn slow_group(&self, pass: &Pass<'_>, group: usize, column: Column) -> Option<Slow> {
        let of = pass.groups.get(group).filter(|_| !self.failed)?;
        let list = self.list_of(column);
        if self.elsewhere.is_unused() {
            return list.group(pass, (of, &of.members), column);
        }
        let here = of.members.iter().copied().filter(|&member| pass.seats[member].other_net().is_none());
        let here: Vec<usize> = here.collect();
        let here = list.group(pass, (of, &here), column);
        let value = here.map(|slow| known(slow.value));
        let Some(both) = self.elsewhere.group(pass, (of, column), value) else { return here };
        // The part of our own namespace says how new the whole is.
        Some(here.map_or(both, |here| Slow { value: both.value, ..here }))
    }

    fn slow_host(&self, _: &Pass<'_>, column: Column) -> Option<Slow> {
        Some(self.states.host(column))
    }

    fn part(&self) -> Part {
        self.part
    }

    fn beside(&mut self) -> Option<(Part, Duration)> {
        Some((Part::Namespaces, self.elsewhere.take_run()?))
    }

    fn detach(&mut self, wake: Wake) {
        self.elsewhere.detach(wake);
    }

    fn is_awaited(&self) -> bool {
        self.elsewhere.is_awaited()
    }

    fn fresh(&mut self, pass: &mut Pass<'_>, column: Column) -> Result<Fresh, Fault> {
        let Self { links, dump: Dump { diag, .. }, fresh: tally, elsewhere, .. } = self;
        links.place(pass);
        let mut dump = Vec::new();
        // Who may have a cgroup to himself depends on who is asked for.
        let homes = std::mem::take(&mut links.homes);
        let fresh = Anew { links, diag, tally, dump: &mut dump }.count(pass, column);
        links.homes = homes;
        let mut fresh = fresh?;
        if pass.seats.iter().any(|seat| seat.other_net().is_some()) {
            let mut parts = elsewhere.anew(pass, column, &dump);
            parts.extend(fresh.whole);
            fresh.whole = Some(together(column.base, None, parts.into_iter()));
        }
        Ok(fresh)
    }

    fn fresh_host(&mut self, _: Moment, column: Column) -> Result<f64, Fault> {
        let mut dump = Vec::new();
        self.dump.diag.dump(states_of(column.base), &mut dump)?;
        self.fresh.open(Places::HOST + 1);
        dump.iter().for_each(|socket| self.fresh.add(&[Places::HOST], socket));
        number(&self.fresh, Places::HOST, column)
    }

    fn unattributed(&self) -> &[(Base, u64)] {
        &self.unattributed
    }
}

/// The part of the work that listing these is.
fn part_of(listed: States) -> Part {
    if listed.is_empty() {
        Part::Pass
    } else if listed.without(TcpState::CloseWait).is_empty() {
        Part::CloseWait
    } else {
        Part::States
    }
}

/// Another number after an exec.
fn program(facts: &Facts) -> u64 {
    facts.exec_generation.unwrap_or_else(|| {
        let mut hasher = DefaultHasher::new();
        (facts.shape.comm.as_bytes(), facts.shape.code).hash(&mut hasher);
        hasher.finish()
    })
}
