//! Who reads other network namespaces: whoever asks, or for the watch loop, which must not wait for the
//! kernel's walk over all its sockets, a thread.

use std::sync::mpsc::{Receiver, SendError, Sender, TryRecvError, channel};
use std::thread;

use super::count::{Counted, Job};

/// Reads at once, until it is told otherwise.
#[derive(Default)]
pub(super) struct Reader {
    detached: bool,
    thread: Option<Thread>,
    /// What was read at once.
    read: Vec<Counted>,
}

struct Thread {
    /// The thread ends when this hangs up; nobody waits for it.
    jobs: Sender<Vec<Job>>,
    answers: Receiver<Counted>,
    /// So many answers are under way.
    owed: usize,
}

impl Reader {
    pub(super) const fn detach(&mut self) {
        self.detached = true;
    }

    /// Whether answers are under way.
    pub(super) fn is_busy(&self) -> bool {
        self.thread.as_ref().is_some_and(|thread| thread.owed > 0)
    }

    /// Has `jobs` done; without a thread it waits for that.
    pub(super) fn read(&mut self, jobs: Vec<Job>) {
        if self.detached && self.thread.is_none() {
            // It is started when first needed: most hosts never do.
            self.thread = Thread::start();
        }
        let left = match &mut self.thread {
            Some(thread) => thread.send(jobs),
            None => jobs,
        };
        self.read.extend(left.iter().map(Job::run));
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
    fn start() -> Option<Self> {
        let (jobs, to_do) = channel::<Vec<Job>>();
        let (done, answers) = channel();
        let work = move || {
            for job in to_do.into_iter().flatten() {
                if done.send(job.run()).is_err() {
                    return;
                }
            }
        };
        thread::Builder::new().name("namespaces".to_owned()).spawn(work).ok()?;
        Some(Self { jobs, answers, owed: 0 })
    }

    /// Gives the jobs back if there is nobody to do them.
    fn send(&mut self, jobs: Vec<Job>) -> Vec<Job> {
        let count = jobs.len();
        match self.jobs.send(jobs) {
            Ok(()) => {
                self.owed += count;
                Vec::new()
            }
            Err(SendError(jobs)) => jobs,
        }
    }

    /// Adds the answers that are there; says whether no more can come.
    fn has_ended_after(&mut self, answers: &mut Vec<Counted>) -> bool {
        loop {
            match self.answers.try_recv() {
                Ok(answer) => {
                    self.owed = self.owed.saturating_sub(1);
                    answers.push(answer);
                }
                Err(error) => return error == TryRecvError::Disconnected,
            }
        }
    }
}
