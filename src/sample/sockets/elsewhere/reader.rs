//! Who reads other network namespaces: whoever asks, or for the watch loop, which must not wait for the
//! kernel's walk over all its sockets, a thread. A loop without that thread, because it could not be
//! started or has ended, reads nothing: what it asks for is tried again, and overdue until then.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread;

use super::count::{Counted, Job};
use crate::sample::names::Wake;

/// Reads at once, until it is told otherwise.
#[derive(Default)]
pub(super) struct Reader {
    /// For the loop; none for whoever waits himself.
    apart: Option<Apart>,
    thread: Option<Thread>,
    /// What was read at once.
    read: Vec<Counted>,
}

/// How the loop is told.
#[derive(Clone)]
struct Apart {
    wake: Wake,
    /// Whether somebody waits for the answers that are under way.
    awaited: Arc<AtomicBool>,
}

struct Thread {
    /// The thread ends when this hangs up; nobody waits for it.
    jobs: Sender<Vec<Job>>,
    answers: Receiver<Counted>,
    /// So many answers were given.
    given: Arc<AtomicUsize>,
    /// So many were asked for, and so many taken in.
    asked: usize,
    taken: usize,
}

impl Reader {
    /// From now on another thread reads, and calls `wake` when it has answered what somebody waits for.
    pub(super) fn detach(&mut self, wake: Wake) {
        self.apart = Some(Apart { wake, awaited: Arc::default() });
    }

    /// Whether another thread reads.
    pub(super) const fn is_detached(&self) -> bool {
        self.apart.is_some()
    }

    /// Whether answers are under way.
    pub(super) fn is_busy(&self) -> bool {
        self.thread.as_ref().is_some_and(|thread| thread.taken < thread.asked)
    }

    /// Says whether somebody waits for what is under way.
    pub(super) fn await_answers(&self, awaited: bool) {
        if let Some(apart) = &self.apart {
            apart.awaited.store(awaited, Ordering::Release);
        }
    }

    /// Whether all that somebody waits for is there to be taken in.
    pub(super) fn is_awaited(&self) -> bool {
        let awaits = |apart: &Apart| apart.awaited.load(Ordering::Acquire);
        self.apart.as_ref().is_some_and(awaits) && self.thread.as_ref().is_some_and(Thread::has_done)
    }

    /// Has `jobs` done; without a thread for it, it waits for that.
    pub(super) fn read(&mut self, jobs: Vec<Job>) {
        let Some(apart) = &self.apart else {
            self.read.extend(jobs.iter().map(Job::run));
            return;
        };
        if self.thread.is_none() {
            // It is started when first needed: most hosts never do.
            self.thread = Thread::start(apart.clone());
        }
        if let Some(thread) = &mut self.thread {
            thread.send(jobs);
        }
    }

    /// What was read since this was last asked.
    pub(super) fn answers(&mut self) -> Vec<Counted> {
        let mut answers = std::mem::take(&mut self.read);
        if self.thread.as_mut().is_some_and(|thread| thread.has_ended_after(&mut answers)) {
            self.thread = None;
        }
        answers
    }
}

impl Thread {
    fn start(apart: Apart) -> Option<Self> {
        let (jobs, to_do) = channel::<Vec<Job>>();
        let (done, answers) = channel();
        let given = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&given);
        let work = move || {
            for job in to_do.into_iter().flatten() {
                if done.send(job.run()).is_err() {
                    return;
                }
                count.fetch_add(1, Ordering::Release);
                if apart.awaited.load(Ordering::Acquire) {
                    (apart.wake)();
                }
            }
        };
        thread::Builder::new().name("namespaces".to_owned()).spawn(work).ok()?;
        Some(Self { jobs, answers, given, asked: 0, taken: 0 })
    }

    /// Where there is nobody to do them, the next look at the answers finds that out.
    fn send(&mut self, jobs: Vec<Job>) {
        let count = jobs.len();
        if self.jobs.send(jobs).is_ok() {
            self.asked += count;
        }
    }

    /// Whether it has nothing more to do, and something to tell.
    fn has_done(&self) -> bool {
        let given = self.given.load(Ordering::Acquire);
        given == self.asked && given > self.taken
    }

    /// Adds the answers that are there; says whether no more can come.
    fn has_ended_after(&mut self, answers: &mut Vec<Counted>) -> bool {
        loop {
            match self.answers.try_recv() {
                Ok(answer) => {
                    self.taken += 1;
                    answers.push(answer);
                }
                Err(error) => return error == TryRecvError::Disconnected,
            }
        }
    }
}
