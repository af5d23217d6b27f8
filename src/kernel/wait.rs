//! The one place where the watch loop waits: an epoll over its inbox, its signals and the pidfds of
//! its members, and a timer for what is due next.

use std::collections::HashMap;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use rustix::event::{EventfdFlags, Timespec, epoll, eventfd};
use rustix::time::{Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, timerfd_create, timerfd_settime};

use super::Process;
use crate::model::Identity;

/// Keys of what is not a pidfd; a pid is at most 2^22.
const INBOX: u64 = u64::MAX;
const SIGNALS: u64 = u64::MAX - 1;
const TIMER: u64 = u64::MAX - 2;
/// Wake-ups taken in at once; more come with the next wait.
const BATCH: usize = 64;

/// Signals of the daemon itself, taken by the loop alone. Blocks them in the calling thread and in
/// every thread that it starts later: call it before the first.
pub fn block_signals() -> io::Result<()> {
    signals().thread_block().map_err(io::Error::from)
}

fn signals() -> SigSet {
    SigSet::from_iter([Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP])
}

/// Wakes the loop from another thread.
#[derive(Clone, Debug)]
pub struct Waker(Arc<OwnedFd>);

impl Waker {
    /// Makes the current or next wait return. Several calls before it does are one.
    pub fn wake(&self) {
        // A full counter means that it is awake already.
        let _ = rustix::io::write(&*self.0, &1u64.to_ne_bytes());
    }
}

/// What ended a wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Woken {
    /// SIGTERM or SIGINT, or SIGHUP.
    pub signal: Option<Asked>,
    /// Some member may have exited.
    pub exits: bool,
}

/// What the daemon was asked by a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// SIGTERM, SIGINT.
    Stop,
    /// SIGHUP.
    Reload,
}

/// The epoll.
pub struct Waiter {
    epoll: OwnedFd,
    inbox: Waker,
    signals: SignalFd,
    timer: Timer,
    events: Vec<epoll::Event>,
    watched: HashMap<Identity, Arc<Process>>,
    /// Whether somebody who is watched has no pidfd, so that his exit ends no wait.
    blind: bool,
}

impl Waiter {
    /// An epoll that waits for the inbox and, once [`block_signals`] was called, for signals.
    pub fn new() -> io::Result<Self> {
        let inbox = Waker(Arc::new(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?));
        let signals = SignalFd::with_flags(&signals(), SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?;
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        epoll::add(&epoll, &*inbox.0, epoll::EventData::new_u64(INBOX), epoll::EventFlags::IN)?;
        epoll::add(&epoll, &signals, epoll::EventData::new_u64(SIGNALS), epoll::EventFlags::IN)?;
        let (timer, events) = (Timer::within(&epoll), Vec::with_capacity(BATCH));
        Ok(Self { epoll, inbox, signals, timer, events, watched: HashMap::new(), blind: false })
    }

    /// For other threads.
    pub fn waker(&self) -> Waker {
        self.inbox.clone()
    }

    /// From now on the exit of any of these, and of nobody else, ends a wait. On failure (no memory,
    /// no watches left) an exit is seen by the next reading instead; where there are no pidfds, every
    /// wait says that somebody may have exited.
    pub fn watch<'a>(&mut self, processes: impl Iterator<Item = &'a Arc<Process>>) {
        let mut before = std::mem::take(&mut self.watched);
        for process in processes {
            let identity = process.identity();
            let known = before.remove(&identity).or_else(|| self.watched.remove(&identity));
            let held = known.unwrap_or_else(|| {
                let key = epoll::EventData::new_u64(u64::from(identity.pid.get().unsigned_abs()));
                if let Some(pidfd) = process.pidfd() {
                    let _ = epoll::add(&self.epoll, pidfd, key, epoll::EventFlags::IN);
                }
                Arc::clone(process)
            });
            self.watched.insert(identity, held);
        }
        // A pidfd stays readable after the exit: left in, it would end every wait at once.
        for pidfd in before.values().filter_map(|process| process.pidfd()) {
            let _ = epoll::delete(&self.epoll, pidfd);
        }
        self.blind = self.watched.values().any(|process| process.pidfd().is_none());
    }

    /// Waits for `timeout` at most.
    pub fn wait(&mut self, timeout: Duration) -> Woken {
        let timeout = self.timer.set(timeout);
        self.events.clear();
        let buffer = rustix::buffer::spare_capacity(&mut self.events);
        let mut woken = Woken { exits: self.blind, ..Woken::default() };
        // EINTR and the like are an early wake-up: the caller looks at the clock anyway.
        if epoll::wait(&self.epoll, buffer, timeout.as_ref()).is_err() {
            return woken;
        }
        for event in &self.events {
            match event.data.u64() {
                TIMER => {}
                INBOX => drop(rustix::io::read(self.inbox.0.as_fd(), &mut [0u8; 8])),
                SIGNALS => woken.signal = self.asked().or(woken.signal),
                _ => woken.exits = true,
            }
        }
        woken
    }

    /// Stop outweighs reload.
    fn asked(&self) -> Option<Asked> {
        let mut asked = None;
        while let Ok(Some(info)) = self.signals.read_signal() {
            let reload = i32::try_from(info.ssi_signo).is_ok_and(|number| number == Signal::SIGHUP as i32);
            asked = match (asked, reload) {
                (None, true) => Some(Asked::Reload),
                (Some(Asked::Reload), true) => asked,
                (_, false) | (Some(Asked::Stop), true) => Some(Asked::Stop),
            };
        }
        asked
    }
}

/// Ends a wait in time. The timeout of epoll_wait does not: it is counted in whole milliseconds, and the kernel takes
/// it a thousandth too long, to wake the processor less often (`select_estimate_accuracy` in fs/select.c).
struct Timer(Option<OwnedFd>);

impl Timer {
    /// One whose end `epoll` tells of; where there can be none, the timeout must do.
    fn within(epoll: &OwnedFd) -> Self {
        let timer = timerfd_create(TimerfdClockId::Boottime, TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK);
        let key = epoll::EventData::new_u64(TIMER);
        Self(timer.ok().filter(|timer| epoll::add(epoll, timer, key, epoll::EventFlags::IN).is_ok()))
    }

    /// It ends after `wait`. Gives the timeout for the epoll: none where the timer ends the wait.
    fn set(&self, wait: Duration) -> Option<Timespec> {
        let timespec =
            Timespec { tv_sec: i64::try_from(wait.as_secs()).unwrap_or(i64::MAX), tv_nsec: wait.subsec_nanos().into() };
        let never = Timespec { tv_sec: 0, tv_nsec: 0 };
        // Zero would stop the timer. That it ended before is forgotten when it is set anew.
        let once = |timer| {
            timerfd_settime(timer, TimerfdTimerFlags::empty(), &Itimerspec { it_interval: never, it_value: timespec })
        };
        match &self.0 {
            Some(timer) if !wait.is_zero() && once(timer).is_ok() => None,
            _ => Some(timespec),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::now;

    fn waited(waiter: &mut Waiter, most: Duration) -> Duration {
        let begun = now();
        waiter.wait(most);
        now().since(begun)
    }

    #[test]
    fn a_wait_is_as_long_as_asked_for_unless_something_ends_it() {
        let mut waiter = Waiter::new().unwrap();
        for _ in 0..3 {
            assert!(waited(&mut waiter, Duration::from_millis(20)) >= Duration::from_millis(20));
        }
        let long = Duration::from_secs(60);
        assert!(waited(&mut waiter, Duration::ZERO) < long);
        waiter.waker().wake();
        assert!(waited(&mut waiter, long) < long);
        // Neither what is left of the timer nor of the inbox ends the next one.
        assert!(waited(&mut waiter, Duration::from_millis(20)) >= Duration::from_millis(20));
    }

    #[test]
    fn without_a_timer_the_timeout_does() {
        let mut waiter = Waiter { timer: Timer(None), ..Waiter::new().unwrap() };
        assert!(waited(&mut waiter, Duration::from_millis(20)) >= Duration::from_millis(20));
    }
}
