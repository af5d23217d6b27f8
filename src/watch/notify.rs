//! What systemd is told: ready, how it goes, still alive, reading again, stopping.
//!
//! What belongs here: the datagrams of sd_notify(3), and when one is due. What does not: whether the
//! loop lives, which it shows by coming here at the end of a tick. Nothing here waits: the socket is
//! opened at the start, while there are descriptors, and what systemd does not take at once is sent
//! after a later tick.

#[cfg(test)]
mod tests;

use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use sd_notify::NotifyState;

use super::Watch;
use crate::export::Snapshot;
use crate::model::{Level, Moment};

/// A start that takes longer than this is told as done, and its status says what is still missing:
/// systemd would end the daemon, and the next one would wait for the same.
const READY_AT_LAST: Duration = Duration::from_secs(10);

/// Where there is no watchdog to feed, the status is told this often.
const STATUS_PERIOD: Duration = Duration::from_secs(10);

/// Longest status shown by `systemctl status`.
const STATUS_CHARS: usize = 300;

/// What systemd does not take is tried again after this.
const PAUSE: Duration = Duration::from_secs(1);

/// The way to systemd; silent where the daemon was not started by it.
#[derive(Debug)]
pub(super) struct Notify {
    wire: Option<Wire>,
    /// `WatchdogSec=` of the unit.
    watchdog: Option<Duration>,
    /// Whether READY was told.
    ready: bool,
    /// Whether RELOADING was told, and READY not since.
    reloading: bool,
    /// Before this there is nothing to tell.
    due: Moment,
    /// The loop must have come here again by then.
    latest: Option<Moment>,
    /// The last status.
    said: String,
}

impl Notify {
    /// As the environment says, which systemd set. Call it when the loop begins.
    pub(super) fn from_environment(now: Moment) -> Self {
        Self::new(notify_socket().and_then(|name| Wire::to(&name)), sd_notify::watchdog_enabled(), now)
    }

    fn new(wire: Option<Wire>, watchdog: Option<Duration>, now: Moment) -> Self {
        let latest = wire.is_some().then(|| now + READY_AT_LAST);
        Self { wire, watchdog, ready: false, reloading: false, due: now, latest, said: String::new() }
    }

    /// The configuration is being read again.
    pub(super) fn reloading(&mut self) {
        let Some(wire) = &self.wire else { return };
        self.reloading = true;
        if let Ok(at) = NotifyState::monotonic_usec_now() {
            // Not taken, it only does not show.
            let _ = wire.send(&[NotifyState::Reloading, at]);
        }
    }

    /// The daemon ends.
    pub(super) fn stopping(&self) {
        if let Some(wire) = &self.wire {
            let _ = wire.send(&[NotifyState::Stopping, NotifyState::Status("stopping")]);
        }
    }

    /// When the loop must come here again, whether a pass is due or not.
    pub(super) fn next(&self) -> Option<Moment> {
        self.latest
    }

    /// A tick is done, and with it the pass if one was due: the loop lives. `reloading`: whether the
    /// configuration is still being read.
    fn finished(&mut self, snapshot: &Snapshot, reloading: bool, now: Moment) {
        let Some(wire) = &self.wire else { return };
        let ready = self.ready || snapshot.begun || self.latest.is_some_and(|latest| now >= latest);
        let read_again = self.reloading && !reloading;
        if !ready || (now < self.due && !read_again) {
            return;
        }
        let status = status(snapshot);
        let states = [
            (!self.ready || read_again).then_some(NotifyState::Ready),
            self.watchdog.is_some().then_some(NotifyState::Watchdog),
            (status != self.said).then_some(NotifyState::Status(&status)),
        ];
        let states: Vec<NotifyState<'_>> = states.into_iter().flatten().collect();
        if !states.is_empty() && wire.send(&states).is_err() {
            (self.due, self.latest) = (now + PAUSE, Some(now + PAUSE));
            return;
        }
        (self.ready, self.reloading) = (true, self.reloading && reloading);
        self.said = status;
        self.due = now + self.watchdog.map_or(STATUS_PERIOD, |period| period / 4);
        // Half, so that a loop whose passes are rarer than that still feeds the watchdog in time.
        self.latest = self.watchdog.map(|period| now + period / 2);
    }
}

impl Watch {
    /// Tells systemd that this tick is done, if it is time to.
    pub(super) fn notify(&mut self, now: Moment) {
        let reloading = self.reload.is_running();
        self.notify.finished(&self.publisher.published().latest(), reloading, now);
    }
}

/// One line for `systemctl status`: how many are watched, at which level the worst is, what is amiss.
fn status(snapshot: &Snapshot) -> String {
    let (processes, targets) = (snapshot.members().len(), snapshot.config.targets.len());
    let (many, more) = (if processes == 1 { "" } else { "es" }, if targets == 1 { "" } else { "s" });
    let mut text = format!("{processes} process{many} of {targets} target{more}");
    // Writing to a string cannot fail.
    if let Some((level, name)) = worst(snapshot).filter(|(level, _)| *level > Level::Normal) {
        let _ = write!(text, "; {name} is {level}");
    }
    if snapshot.config.daemon.dry_run {
        text.push_str("; DRY RUN: nothing is done");
    }
    if let Some((why, others)) = snapshot.not_ready.split_first() {
        let _ = write!(text, "; NOT READY: {why}");
        if !others.is_empty() {
            let _ = write!(text, " (and {} more)", others.len());
        }
    }
    // Another line would be another message to systemd.
    text.chars().map(|char| if char.is_control() { ' ' } else { char }).take(STATUS_CHARS).collect()
}

/// The highest level, and who is at it: of several the first.
fn worst(snapshot: &Snapshot) -> Option<(Level, String)> {
    let name = |target: u16| snapshot.config.targets.get(usize::from(target)).map_or("?", |target| &*target.name);
    let members = snapshot.members().iter();
    let members = members.map(|it| (snapshot.level(&it.lists), format!("{}[{}]", name(it.key.target), it.key.slot)));
    let groups = snapshot.groups().iter().map(|it| (snapshot.level(&it.lists), name(it.target).to_owned()));
    let host = (snapshot.host_ladder.level, "the host".to_owned());
    members.chain(groups).chain([host]).reduce(|worst, next| if next.0 > worst.0 { next } else { worst })
}

/// A datagram socket that never waits.
#[derive(Debug)]
struct Wire {
    socket: UnixDatagram,
    address: SocketAddr,
}

impl Wire {
    /// None where there can be no such socket: then nobody is told, as where there is no systemd.
    fn to(name: &OsStr) -> Option<Self> {
        let address = match name.as_bytes() {
            [b'@', rest @ ..] => SocketAddr::from_abstract_name(rest),
            [b'/', ..] => SocketAddr::from_pathname(name),
            _ => return None,
        };
        let socket = UnixDatagram::unbound().ok()?;
        socket.set_nonblocking(true).ok()?;
        Some(Self { socket, address: address.ok()? })
    }

    /// One datagram.
    fn send(&self, states: &[NotifyState<'_>]) -> io::Result<()> {
        let lines: String = states.iter().map(|state| format!("{state}\n")).collect();
        self.socket.send_to_addr(lines.as_bytes(), &self.address).map(drop)
    }
}

#[expect(clippy::disallowed_methods, reason = "systemd says in the environment where it listens")]
fn notify_socket() -> Option<OsString> {
    std::env::var_os("NOTIFY_SOCKET").filter(|name| !name.is_empty())
}
