//! The one place where the watch loop waits: an epoll over its inbox, its signals and the pidfds of
//! its members, and a timer for what is due next. And how a thread beside it waits that may be stopped.

use std::collections::HashMap;
use std::io::{self, PipeReader};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, epoll, eventfd, poll};
use rustix::io::Errno;
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
/// every thread that it starts later: call it before the first. Under a limit on the size of files (`ulimit -f`,
/// `LimitFSIZE=`) a write that goes beyond it is to fail, not to end the daemon.
pub fn block_signals() -> io::Result<()> {
    let mut blocked = signals();
    blocked.add(Signal::SIGXFSZ);
    blocked.thread_block().map_err(io::Error::from)
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

/// For a thread that is told to stop by the hang-up of a pipe: waits until that, until `news` can be read, or
/// until `most` is over. Whether it is to stop. It may return early.
pub fn stopped_within(stop: &PipeReader, news: Option<BorrowedFd<'_>>, most: Duration) -> bool {
    let of_stop = PollFd::new(stop, PollFlags::empty());
    // For want of news the one that is waited for may as well be the same.
    let of_news = news.map_or(of_stop.clone(), |news| PollFd::from_borrowed_fd(news, PollFlags::IN));
    let mut fds = [of_stop, of_news];
    match poll(&mut fds, Timespec::try_from(most).ok().as_ref()) {
        Ok(_) => !fds[0].revents().is_empty(),
        // Not even that can be waited for: the caller must not go round and round all the same.
        Err(Errno::INTR) => false,
        Err(_) => {
            std::thread::park_timeout(most.min(Duration::from_secs(1)));
            false
        }
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
    fn a_thread_beside_the_loop_waits_for_news_the_end_of_its_pipe_or_the_time() {
        let long = Duration::from_secs(60);
        let (stop, keep) = io::pipe().unwrap();
        let (news, mut tell) = io::pipe().unwrap();
        let begun = now();
        assert!(!stopped_within(&stop, None, Duration::from_millis(20)));
        assert!(!stopped_within(&stop, Some(news.as_fd()), Duration::from_millis(20)));
        assert!(now().since(begun) >= Duration::from_millis(40));
        io::Write::write_all(&mut tell, b"!").unwrap();
        assert!(!stopped_within(&stop, Some(news.as_fd()), long));
        drop(keep);
        assert!(stopped_within(&stop, Some(news.as_fd()), long) && stopped_within(&stop, None, long));
        assert!(now().since(begun) < long);
    }

    #[test]
    fn a_file_that_may_not_grow_ends_nobody() {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        block_signals().unwrap();
        let mut file = tempfile::tempfile().unwrap();
        let limit = getrlimit(Resource::Fsize);
        setrlimit(Resource::Fsize, Rlimit { current: Some(1), ..limit }).unwrap();
        assert_eq!(io::Write::write(&mut file, b"ab").unwrap(), 1);
        let refused = io::Write::write(&mut file, b"b").unwrap_err();
        setrlimit(Resource::Fsize, limit).unwrap();
        assert_eq!(refused.kind(), io::ErrorKind::FileTooLarge);
    }

    #[test]
    fn without_a_timer_the_timeout_does() {
        let mut waiter = Waiter { timer: Timer(None), ..Waiter::new().unwrap() };
        assert!(waited(&mut waiter, Duration::from_millis(20)) >= Duration::from_millis(20));
    }
}
