//! Asking for addresses, on threads of its own: one that knows when a name is due, and one for each question,
//! because a question may take a minute and has no deadline.

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use crate::kernel;
use crate::model::Moment;

/// Finds the addresses of a name, however long that takes; else a reason, fit to be printed.
pub type Lookup = Arc<dyn Fn(&str) -> Result<Vec<IpAddr>, String> + Send + Sync>;
/// Called when there is an answer.
pub type Wake = Arc<dyn Fn() + Send + Sync>;

/// A name that was resolved is resolved again after so long.
const AGAIN: Duration = Duration::from_secs(60);
/// One that could not be is tried again after so long, doubling up to [`AGAIN`].
const RETRY: Duration = Duration::from_secs(1);
/// A question that is not answered by then counts as failed for now; its answer counts all the same.
const OVERDUE: Duration = Duration::from_secs(10);
/// So many questions are open at a time: an answer that never comes must not be asked for without end.
const MOST_OPEN: usize = 16;
/// Room for a question: the modules behind getaddrinfo(3) are not known.
const STACK: usize = 512 * 1024;

/// What was found out about a name.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) name: Arc<str>,
    pub(super) found: Result<Vec<IpAddr>, String>,
}

/// What the thread is told.
enum Told {
    /// These names are wanted from now on.
    Names(Vec<Arc<str>>),
    Answer(Answer),
    Stop,
}

/// The thread, as others see it. It ends with this value; a question that is open then ends when it ends.
pub(super) struct Resolver {
    tell: Sender<Told>,
    answers: Receiver<Answer>,
}

impl Resolver {
    pub(super) fn start(lookup: Lookup, wake: Wake) -> io::Result<Self> {
        let (tell, told) = channel();
        let (answer, answers) = channel();
        let work = Work { lookup, wake, back: tell.clone(), answer, names: HashMap::new() };
        thread::Builder::new().name("names".to_owned()).stack_size(STACK).spawn(move || work.run(&told))?;
        Ok(Self { tell, answers })
    }

    /// From now on these names are wanted.
    pub(super) fn ask(&self, names: Vec<Arc<str>>) {
        // It ends with this value, so it is there.
        let _ = self.tell.send(Told::Names(names));
    }

    /// An answer, if there is one; never waits.
    pub(super) fn answer(&self) -> Option<Answer> {
        self.answers.try_recv().ok()
    }

    /// An answer, as soon as there is one, if that is within `most`.
    pub(super) fn wait(&self, most: Duration) -> Option<Answer> {
        self.answers.recv_timeout(most).ok()
    }
}

impl Drop for Resolver {
    fn drop(&mut self) {
        let _ = self.tell.send(Told::Stop);
    }
}

/// What the thread knows of a name.
struct Name {
    wanted: bool,
    /// When it is asked for again.
    due: Moment,
    /// Attempts that failed since it was last resolved.
    failures: u32,
    /// When the question that is open was asked, and whether it was said to be overdue.
    open: Option<(Moment, bool)>,
}

struct Work {
    lookup: Lookup,
    wake: Wake,
    /// By which questions come back.
    back: Sender<Told>,
    answer: Sender<Answer>,
    names: HashMap<Arc<str>, Name>,
}

impl Work {
    fn run(mut self, told: &Receiver<Told>) {
        loop {
            let wait = self.advance(kernel::now());
            match told.recv_timeout(wait) {
                Ok(Told::Names(names)) => self.want(names, kernel::now()),
                Ok(Told::Answer(answer)) => self.take(answer, kernel::now()),
                Err(RecvTimeoutError::Timeout) => {}
                Ok(Told::Stop) | Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn want(&mut self, names: Vec<Arc<str>>, now: Moment) {
        self.names.values_mut().for_each(|name| name.wanted = false);
        for name in names {
            let fresh = || Name { wanted: true, due: now, failures: 0, open: None };
            self.names.entry(name).or_insert_with(fresh).wanted = true;
        }
        // A question cannot be taken back: its name stays until it comes back.
        self.names.retain(|_, name| name.wanted || name.open.is_some());
    }

    fn take(&mut self, Answer { name, found }: Answer, now: Moment) {
        let Some(state) = self.names.get_mut(&name) else { return };
        state.open = None;
        if !state.wanted {
            self.names.remove(&name);
            return;
        }
        // No address is no answer.
        let found =
            found.and_then(|found| if found.is_empty() { Err("it has no address".to_owned()) } else { Ok(found) });
        state.failures = if found.is_ok() { 0 } else { state.failures.saturating_add(1) };
        let after = match state.failures {
            0 => AGAIN,
            failures => RETRY.saturating_mul(1 << (failures - 1).min(6)).min(AGAIN),
        };
        state.due = now + after;
        self.pass_on(Answer { name, found });
    }

    fn pass_on(&self, answer: Answer) {
        let _ = self.answer.send(answer);
        (self.wake)();
    }

    /// Asks what is due and says what is overdue. How long there is nothing to do then.
    fn advance(&mut self, now: Moment) -> Duration {
        let mut next = now + AGAIN;
        let mut open = self.names.values().filter(|name| name.open.is_some()).count();
        let (mut asked, mut overdue) = (Vec::new(), Vec::new());
        for (name, state) in &mut self.names {
            match &mut state.open {
                Some((since, said)) if !*said => {
                    let at = *since + OVERDUE;
                    if now >= at {
                        *said = true;
                        overdue.push(Arc::clone(name));
                    } else {
                        next = next.min(at);
                    }
                }
                Some(_) => {}
                None if now >= state.due && open < MOST_OPEN => {
                    open += 1;
                    state.open = Some((now, false));
                    next = next.min(now + OVERDUE);
                    asked.push(Arc::clone(name));
                }
                // One that is due and finds no room is asked when another comes back.
                None => next = if now < state.due { next.min(state.due) } else { next },
            }
        }
        overdue.into_iter().for_each(|name| {
            let found = Err(format!("no answer for {} s", OVERDUE.as_secs()));
            self.pass_on(Answer { name, found });
        });
        asked.into_iter().for_each(|name| self.question(name));
        next.since(now)
    }

    fn question(&self, name: Arc<str>) {
        let (lookup, back, asked) = (Arc::clone(&self.lookup), self.back.clone(), Arc::clone(&name));
        let work = move || {
            let found = lookup(&asked);
            let _ = back.send(Told::Answer(Answer { name: asked, found }));
        };
        let spawned = thread::Builder::new().name("resolve".to_owned()).stack_size(STACK).spawn(work);
        if let Err(error) = spawned {
            let found = Err(format!("no thread to ask: {error}"));
            let _ = self.back.send(Told::Answer(Answer { name, found }));
        }
    }
}
