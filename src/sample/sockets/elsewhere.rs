//! The sockets of members in other network namespaces, as containers have them: netlink lists those
//! of our own only, so the namespace's own table in `/proc` is read, once for all members in it, and
//! never more often than every ten seconds, for it costs more the more sockets the whole host has.
//!
//! What belongs here: which namespace is read when, and what its last reading says about a member or a
//! group. What does not: reading it (`count`), on which thread that happens (`reader`), what waits for a
//! reading (`question`).

use std::sync::Arc;
use std::time::Duration;

use crate::config::Config;
use crate::kernel;
use crate::kernel::sock_diag::Socket;
use crate::model::{Base, Moment, Unknown, Value};
use crate::sample::fault::Fault;
use crate::sample::names::Wake;
use crate::sample::probe::{Column, Group, Pass, Seat, Slow};
use crate::sample::tally::{Party, Tally};
use crate::sample::together::together;

mod count;
mod question;
mod reader;

use count::{Counted, Job, People, people};
use question::{Question, Questions};
use reader::Reader;

/// All namespaces together cost no more than one part of so many of a processor.
const SHARE: u32 = 50;
/// No answer for this many periods: what was read last says nothing any more about now.
const PERIODS: u32 = 3;

/// What is known of the other namespaces that members are in.
pub(super) struct Elsewhere {
    peers: Arc<[Party]>,
    namespaces: Vec<Namespace>,
    reader: Reader,
    /// How often each is read, and how often passes are made.
    period: Duration,
    interval: Duration,
    /// What readings have used of the processor since then, once there was one.
    used: Duration,
    since: Option<Moment>,
    /// The same of the period before, until it was told.
    run: Option<Duration>,
}

/// One of them.
struct Namespace {
    net: u64,
    /// Members in it, as indexes into the pass.
    members: Vec<usize>,
    since: Moment,
    asked: Option<Moment>,
    counted: Option<Counted>,
    /// Who was in it when it was last asked for.
    people: People,
    questions: Questions,
}

impl Namespace {
    fn new(net: u64, since: Moment) -> Self {
        let (people, questions) = (People::from([]), Questions::default());
        Self { net, members: Vec::new(), since, asked: None, counted: None, people, questions }
    }

    /// Has these read, who are all that are known to be in it.
    fn job(&mut self, now: Moment, people: People, peers: &Arc<[Party]>) -> Job {
        self.asked = Some(now);
        self.people = people;
        Job::of(self.net, self.people.clone(), peers.clone())
    }
}

impl Elsewhere {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            peers: Tally::new(&config.peers).parties().into(),
            namespaces: Vec::new(),
            reader: Reader::default(),
            period: config.daemon.interval,
            interval: config.daemon.interval,
            used: Duration::ZERO,
            since: None,
            run: None,
        }
    }

    /// From now on another thread reads, and nobody else; it calls `wake` for an answer that is waited for.
    pub(super) fn detach(&mut self, wake: Wake) {
        self.reader.detach(wake);
    }

    /// Whether an answer is there that somebody waits for: the next pass need not wait for its time.
    pub(super) fn is_awaited(&self) -> bool {
        self.reader.is_awaited()
    }

    /// Whether all members are in our own namespace.
    pub(super) const fn is_unused(&self) -> bool {
        self.namespaces.is_empty()
    }

    /// From now on the peers are resolved as they are there.
    pub(super) fn follow_names(&mut self, tally: &Tally) {
        self.peers = tally.parties().into();
    }

    /// Takes in what was read since the last pass, and has read what is due. `dump` is that of our own
    /// namespace.
    pub(super) fn update(&mut self, pass: &mut Pass<'_>, dump: &[Socket]) {
        self.follow(pass);
        self.account(pass.now);
        self.interval = pass.periods.pass;
        if self.is_unused() {
            return;
        }
        self.collect(pass, dump);
        let due: Vec<Job> = self.due(pass);
        if !due.is_empty() {
            self.reader.read(due);
            self.collect(pass, dump);
        }
    }

    /// Closes the period in which readings are one run of that part of the work.
    fn account(&mut self, now: Moment) {
        if self.since.is_some_and(|since| now.since(since) >= self.period) {
            self.run = Some(std::mem::take(&mut self.used));
            self.since = Some(now);
        }
    }

    /// What the readings of a period have used of the processor, once it is over.
    pub(super) const fn take_run(&mut self) -> Option<Duration> {
        self.run.take()
    }

    /// Finds out who is in which of them now.
    fn follow(&mut self, pass: &Pass<'_>) {
        self.namespaces.iter_mut().for_each(|namespace| namespace.members.clear());
        for (index, seat) in pass.seats.iter().enumerate() {
            let Some(net) = seat.other_net() else { continue };
            let at = self.namespaces.iter().position(|namespace| namespace.net == net).unwrap_or_else(|| {
                self.namespaces.push(Namespace::new(net, pass.now));
                self.namespaces.len() - 1
            });
            self.namespaces[at].members.push(index);
        }
        self.namespaces.retain(|namespace| !namespace.members.is_empty());
    }

    fn collect(&mut self, pass: &mut Pass<'_>, dump: &[Socket]) {
        for mut counted in self.reader.answers() {
            self.used += counted.used;
            self.since.get_or_insert(pass.now);
            let namespace = self.namespaces.iter_mut().find(|namespace| namespace.net == counted.net);
            if let Some(namespace) = namespace {
                counted.add_strays(dump);
                counted.take_met(&mut |name, address| pass.names.touch(name, address, pass.now));
                namespace.questions.answer(counted.begun);
                namespace.counted = Some(counted);
            }
        }
        self.reader.await_answers(self.namespaces.iter().any(|one| one.questions.are_open()));
        let cost: Duration = self.namespaces.iter().filter_map(|one| Some(one.counted.as_ref()?.used)).sum();
        self.period = (cost * SHARE).max(pass.periods.namespaces);
    }

    fn due(&mut self, pass: &Pass<'_>) -> Vec<Job> {
        if self.reader.is_busy() {
            return Vec::new();
        }
        let (period, peers) = (self.period, &self.peers);
        let is_due = |one: &&mut Namespace| {
            one.questions.are_open() || one.asked.is_none_or(|asked| pass.now.since(asked) >= period)
        };
        let mut due: Vec<&mut Namespace> = self.namespaces.iter_mut().filter(is_due).collect();
        // Whoever is waited for goes first.
        due.sort_by_key(|namespace| !namespace.questions.are_open());
        due.into_iter().map(|one| one.job(pass.now, people(pass, &one.members), peers)).collect()
    }

    /// What was last read of the member in `seat`; none for one in our own namespace.
    pub(super) fn member(&self, seat: &Seat, column: Column) -> Option<Slow> {
        if seat.gone {
            return None;
        }
        let namespace = self.of(seat.other_net()?)?;
        Some(self.slow(namespace, namespace.counted.as_ref().map(|counted| counted.member(seat.identity, column))))
    }

    /// What the members of a group come to that are in other namespaces, and those in our own, of which
    /// `here` is the value if there are any; none if no member is in another namespace.
    pub(super) fn group(
        &self,
        pass: &Pass<'_>,
        (group, column): (&Group, Column),
        here: Option<Value>,
    ) -> Option<Slow> {
        let mut parts = Vec::from_iter(here);
        let mut newest: Option<Slow> = None;
        for namespace in &self.namespaces {
            let here: Vec<&Seat> = namespace
                .members
                .iter()
                .filter(|member| group.members.contains(member))
                .map(|&member| &pass.seats[member])
                .collect();
            if here.is_empty() {
                continue;
            }
            let counted = namespace.counted.as_ref().map(|counted| counted.group((group.target, &here), column));
            let slow = self.slow(namespace, counted);
            let overdue = pass.now.since(slow.at) > slow.period * PERIODS;
            parts.push(if overdue { Value::Unknown(Unknown::Overdue) } else { told(slow.value) });
            newest = newest.filter(|newest| newest.at >= slow.at).or(Some(slow));
        }
        let newest = newest?;
        let value = Ok(together(column.base, None, parts.into_iter()));
        Some(match here {
            Some(_) => Slow { at: pass.now, period: pass.periods.pass, value },
            None => Slow { value, ..newest },
        })
    }

    /// What the members of `pass`, who are of one target, hold in each of the other namespaces that they
    /// are in, read now and by whoever asks. In a loop that must not wait it is read by the other thread,
    /// and overdue until there is a count that was begun after it was asked for.
    pub(super) fn anew(&mut self, pass: &Pass<'_>, column: Column, dump: &[Socket]) -> Vec<Value> {
        let mut nets: Vec<u64> = pass.seats.iter().filter_map(Seat::other_net).collect();
        nets.sort_unstable();
        nets.dedup();
        let read = |net| {
            let members: Vec<usize> =
                (0..pass.seats.len()).filter(|&at| pass.seats[at].other_net() == Some(net)).collect();
            let seats: Vec<&Seat> = members.iter().map(|&at| &pass.seats[at]).collect();
            let target = seats.first().map_or(0, |seat| seat.key.target);
            let people = people(pass, &members);
            if self.reader.is_detached() {
                return self.answer((net, pass.now), &people, (target, &seats, column));
            }
            let mut counted = Job::of(net, people, self.peers.clone()).run();
            counted.add_strays(dump);
            told(counted.group((target, &seats), column))
        };
        nets.into_iter().map(read).collect()
    }

    /// What the count says that these people of a namespace have asked for; they ask for it if there is none.
    fn answer(
        &mut self,
        (net, now): (u64, Moment),
        people: &People,
        (target, seats, column): (u16, &[&Seat], Column),
    ) -> Value {
        let (period, is_busy) = (self.period, self.reader.is_busy());
        let at = self.namespaces.iter().position(|namespace| namespace.net == net).unwrap_or_else(|| {
            self.namespaces.push(Namespace::new(net, now));
            self.namespaces.len() - 1
        });
        let Self { namespaces, reader, peers, .. } = self;
        let namespace = &mut namespaces[at];
        let fresh = namespace.counted.as_ref().is_some_and(|counted| now.since(counted.at) <= period);
        if namespace.questions.ask(Question::of(target, seats, column), kernel::now(), fresh)
            && let Some(counted) = &namespace.counted
        {
            return told(counted.group((target, seats), column));
        }
        reader.await_answers(true);
        if !is_busy {
            // Whoever else was in it goes on being counted.
            let others = namespace
                .people
                .iter()
                .filter(|(_, other)| people.iter().all(|(_, process)| process.identity() != other.identity()));
            let all = people.iter().chain(others).cloned().collect();
            reader.read(vec![namespace.job(now, all, peers)]);
        }
        Value::Unknown(Unknown::Overdue)
    }

    /// Adds to each state how many sockets of the other namespaces nobody can be told to hold.
    pub(super) fn add_unclear(&self, counts: &mut [(Base, u64)]) {
        for books in self.namespaces.iter().filter_map(|one| one.counted.as_ref()?.books()) {
            for ((_, sum), (_, count)) in counts.iter_mut().zip(books.unclear()) {
                *sum += count;
            }
        }
    }

    fn of(&self, net: u64) -> Option<&Namespace> {
        self.namespaces.iter().find(|namespace| namespace.net == net)
    }

    fn slow(&self, namespace: &Namespace, value: Option<Result<Value, Fault>>) -> Slow {
        let at = namespace.counted.as_ref().map_or(namespace.since, |counted| counted.at);
        Slow { at, period: self.period, value: value.unwrap_or(Err(Fault::FIRST)) }
    }
}

fn told(value: Result<Value, Fault>) -> Value {
    value.unwrap_or_else(|fault| Value::Unknown(fault.unknown))
}

#[cfg(test)]
mod tests;
