//! The thread that collects: each job on a thread of its own, a few at a time, so that one that hangs holds up
//! no other.

use std::fmt::Write as _;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel};
use std::thread::Builder;
use std::time::Duration;

use super::chart::{self, When};
use super::job::{Job, Whose};
use crate::act::evidence::{Subject, collect};
use crate::config::Per;
use crate::export::Published;
use crate::export::status::{Account, Status};
use crate::kernel;
use crate::model::{Evidence, EvidenceFile, Flaw};
use crate::record::incident::{Kept, NotKept, Store};
use crate::sample::Wake;

/// Jobs that wait, or are carried out.
const MOST: usize = 64;
/// Jobs at a time.
const AT_ONCE: usize = 4;

/// The loop's end.
#[derive(Debug)]
pub(super) struct Collector {
    jobs: SyncSender<Job>,
    done: Receiver<Done>,
    stop: Arc<AtomicBool>,
    /// The numbers of those that are not done.
    open: Vec<u64>,
}

/// For whoever waits for the last ones, when the daemon ends.
#[derive(Debug)]
pub(in crate::watch) struct Ending(Receiver<()>);

/// A job is done.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) job: u64,
    pub(super) whose: Whose,
    /// The folder, and how many things are missing in it.
    pub(super) result: Result<(Kept, usize), NotKept>,
}

/// What a job has to do.
type Work = Box<dyn FnOnce() + Send>;

/// Gives work to a thread of its own.
type Begin = fn(Work) -> io::Result<()>;

/// What all jobs share.
struct Desk {
    store: Store,
    begin: Begin,
    published: Arc<Published>,
    done: Sender<Done>,
    wake: Wake,
    stop: Arc<AtomicBool>,
}

impl Collector {
    pub(super) fn start(store: Store, published: Arc<Published>, wake: Wake) -> io::Result<(Self, Ending)> {
        Self::start_with(begin, (store, published, wake))
    }

    fn start_with(begin: Begin, (store, published, wake): (Store, Arc<Published>, Wake)) -> io::Result<(Self, Ending)> {
        let ((jobs, inbox), (tell, done), (last, ending)) = (sync_channel(MOST), channel(), channel());
        let stop = Arc::<AtomicBool>::default();
        let desk = Desk { store, begin, published, done: tell, wake, stop: Arc::clone(&stop) };
        Builder::new().name("incidents".to_owned()).spawn(move || serve(&inbox, &Arc::new(desk), &last))?;
        Ok((Self { jobs, done, stop, open: Vec::new() }, Ending(ending)))
    }

    /// Whether there are too many already: then none need be made, which copies an hour of readings.
    pub(super) fn is_full(&self) -> bool {
        self.open.len() >= MOST
    }

    /// Hands over a job; never waits. False where too many wait.
    pub(super) fn send(&mut self, job: Job) -> bool {
        let number = job.number;
        let sent = self.jobs.try_send(job).is_ok();
        self.open.extend(sent.then_some(number));
        sent
    }

    /// The next that is done.
    pub(super) fn next(&mut self) -> Option<Done> {
        let done = self.done.try_recv().ok()?;
        self.open.retain(|number| *number != done.job);
        Some(done)
    }

    /// Whether that job is not done yet.
    pub(super) fn has(&self, job: u64) -> bool {
        self.open.contains(&job)
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

impl Ending {
    /// Waits until what is under way is written, but not longer than `most`. Drop the loop's end before.
    pub(in crate::watch) fn finish(self, most: Duration) -> bool {
        !matches!(self.0.recv_timeout(most), Err(RecvTimeoutError::Timeout))
    }
}

fn serve(inbox: &Receiver<Job>, desk: &Arc<Desk>, last: &Sender<()>) {
    let (end, ended) = channel::<()>();
    let mut at_once = 0;
    for job in inbox {
        while ended.try_recv().is_ok() {
            at_once -= 1;
        }
        if at_once >= AT_ONCE && ended.recv().is_ok() {
            at_once -= 1;
        }
        let (number, whose) = (job.number, job.whose.clone());
        let (ours, end, last) = (Arc::clone(desk), end.clone(), last.clone());
        let work = move || {
            carry_out(&job, &ours);
            // Nobody may be waiting any more.
            let _ = end.send(());
            drop(last);
        };
        match (desk.begin)(Box::new(work)) {
            Ok(()) => at_once += 1,
            Err(error) => {
                let text = format!("the host has no thread for it: {error}");
                desk.tell(Done { job: number, whose, result: Err(NotKept { flaw: Flaw::Busy, text }) });
            }
        }
    }
}

fn begin(work: Work) -> io::Result<()> {
    Builder::new().name("evidence".to_owned()).spawn(work).map(drop)
}

impl Desk {
    fn tell(&self, done: Done) {
        // The loop may have ended.
        let _ = self.done.send(done);
        (self.wake)();
    }
}

fn carry_out(job: &Job, desk: &Desk) {
    let begun = kernel::now();
    let mut evidence = collect(&subject(job), &desk.stop);
    let account = account(job, desk, &mut evidence);
    chart(job, &mut evidence);
    let took = u64::try_from(kernel::now().since(begun).as_millis()).unwrap_or(u64::MAX);
    let missing = evidence.missing.len();
    if missing > 0 {
        let text = told_missing(&evidence);
        evidence.file("missing.txt", "what could not be collected, and which right it would take", text);
    }
    let about = "what was decided, and why".to_owned();
    let text = decision(job, &account);
    evidence.files.insert(0, EvidenceFile { name: "decision.txt".to_owned(), about, text });
    let kept = kernel::lend_aside(|| desk.store.keep(&job.about, (&evidence, took), job.limits));
    let result = kept.map(|kept| (kept, missing));
    desk.tell(Done { job: job.number, whose: job.whose.clone(), result });
}

fn subject(job: &Job) -> Subject {
    let target = job.config.targets.get(usize::from(job.whose.member.target));
    Subject {
        process: Arc::clone(&job.process),
        peers: job.config.peers.clone(),
        wanted: target.map(|target| target.wanted.clone()).unwrap_or_default(),
        unit: target.and_then(|target| target.selector.unit.clone()),
        variables: job.variables(),
    }
}

/// How it stands with the target, as the page tells it; its part of the status goes in as JSON.
fn account(job: &Job, desk: &Desk, evidence: &mut Evidence) -> Account {
    let status = Status::of(&desk.published.latest());
    let Some(target) = status.targets.into_iter().find(|target| target.name == job.about.target) else {
        evidence.lacks("how it stands with the target", "the configuration has changed meanwhile");
        return Account::default();
    };
    match serde_json::to_string_pretty(&target) {
        Ok(text) => evidence.file("target.json", "the target in /api/v1/status", text + "\n"),
        Err(error) => evidence.lacks("the target in /api/v1/status", error.to_string()),
    }
    target.account
}

/// The last hour of the process, as far as it is in memory.
fn chart(job: &Job, evidence: &mut Evidence) {
    const WHAT: &str = "the last hour as a chart";
    let target = job.config.targets.get(usize::from(job.whose.member.target));
    let when = When { at: job.whose.at, wall: job.about.at_millis };
    let name = match target {
        Some(target) if target.per == Per::Group => format!("{}, all together", job.about.target),
        Some(_) | None => format!("{}[{}]", job.about.target, job.about.process),
    };
    let drawn = job.hour.as_ref().zip(target).and_then(|(hour, target)| chart::draw(hour, target, (&name, when)));
    match drawn {
        Some(text) => evidence.file("last-hour.svg", WHAT, text),
        None => evidence.lacks(WHAT, "nothing was read of it yet that is kept"),
    }
}

fn decision(job: &Job, account: &Account) -> String {
    let about = &job.about;
    let mut out = format!("{}\n", about.decision);
    // Writing into a String cannot fail.
    let _ = writeln!(out, "\ntarget   {}\nprocess  {}, pid {}", about.target, about.process, about.pid);
    if let Some(grounds) = &about.grounds {
        let _ = writeln!(out, "ladder   {}, {}", grounds.ladder, grounds.level);
        let _ = writeln!(out, "reading  {} {}, bound {}", grounds.metric, grounds.value, grounds.bound);
    }
    if let Some(order) = &about.order {
        let by = order.by.as_ref().map_or_else(String::new, |by| format!(", wanted by {by}"));
        let _ = writeln!(out, "order    {}: {}, attempt {}{by}", order.number, order.action, order.attempt);
    }
    for (name, lines) in [("why", &account.why), ("done", &account.done), ("next", &account.next)] {
        let _ = writeln!(out, "\n{name}");
        for line in lines {
            let _ = writeln!(out, "  {line}");
        }
        if lines.is_empty() {
            out.push_str("  nothing\n");
        }
    }
    out
}

fn told_missing(evidence: &Evidence) -> String {
    let mut out = String::new();
    for missing in &evidence.missing {
        let needs = missing.needs.as_ref().map_or_else(String::new, |needs| format!("; needs {needs}"));
        let _ = writeln!(out, "{}: {}{needs}", missing.what, missing.why);
    }
    out
}

#[cfg(test)]
mod tests;
