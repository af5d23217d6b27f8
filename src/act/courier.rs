//! The slow deliveries: HTTP requests and commands, on a thread of their own with tokio.
//!
//! What belongs here: carrying such an order out, and its outcome. What does not: whether, when and
//! how often it is tried (judge), and anything that touches a process of a target. The watch loop
//! hands over and takes back; it never waits for a peer, and when the thread itself is stuck, the
//! loop ends the delivery by its own clock.

mod child;
mod connect;
mod context;
mod http;
mod run;
mod tail;

#[cfg(test)]
mod tests;

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::runtime::{self, Runtime};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::Instant;

pub(super) use child::{Child, Printed, Program};
pub(super) use run::program;

use super::end::End;
use crate::kernel;
use crate::model::{Measure, Moment, Order, Outcome, printable};

/// Deliveries at a time, over all targets.
const MOST: usize = 64;
/// So much later than the deadline the loop gives up waiting for the thread.
const STUCK: Duration = Duration::from_secs(1);
/// Most characters of what the other side said.
const SHOWN: usize = 200;
/// So long a stop waits for the thread to end what is under way.
const FAREWELL: Duration = Duration::from_secs(1);

/// Takes orders to their endpoints and commands. Owned by the watch thread; dropping it ends what
/// is under way.
#[derive(Debug)]
pub(super) struct Courier {
    jobs: mpsc::Sender<Job>,
    reports: Receiver<Report>,
    /// What was handed over and has no outcome yet; never more than [`MOST`].
    under_way: Vec<UnderWay>,
    handed_over: u64,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Too much is under way; the order was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Full;

/// A delivery as the loop sees it.
#[derive(Debug)]
struct UnderWay {
    ticket: u64,
    order: Arc<Order>,
    deadline: Moment,
}

/// A delivery as the thread gets it.
#[derive(Debug)]
struct Job {
    /// Its own number: the retries of an order share the order's.
    ticket: u64,
    order: Arc<Order>,
    deadline: Moment,
}

/// What became of a job.
#[derive(Debug)]
struct Report {
    ticket: u64,
    end: End,
}

impl Courier {
    /// Starts the thread. `series` is the part of every idempotency key that tells states apart;
    /// `wake` is called after each outcome, from that thread.
    ///
    /// # Errors
    /// When the system has no thread or descriptor left.
    pub(super) fn start(series: u64, wake: impl Fn() + Send + Sync + 'static) -> io::Result<Self> {
        let runtime = runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .thread_name("courier-wait")
            .max_blocking_threads(MOST)
            .build()?;
        let (jobs, orders) = mpsc::channel(MOST);
        let (reports, arrived) = channel();
        let (stop, stopped) = oneshot::channel();
        let desk = Arc::new(Desk { series, reports, wake: Box::new(wake) });
        let thread =
            thread::Builder::new().name("courier".to_owned()).spawn(move || serve(runtime, desk, orders, stopped))?;
        Ok(Self {
            jobs,
            reports: arrived,
            under_way: Vec::with_capacity(MOST),
            handed_over: 0,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Hands over an order whose measure is HTTP or a command. Never waits.
    ///
    /// # Errors
    /// [`Full`] when too much is under way: nothing was sent.
    pub(super) fn send(&mut self, order: &Arc<Order>, now: Moment) -> Result<(), Full> {
        // The place of the outcome: without one the order is not taken.
        if self.under_way.len() >= MOST {
            return Err(Full);
        }
        let (ticket, deadline) = (self.handed_over, now + time_limit(&order.measure));
        self.jobs.try_send(Job { ticket, order: Arc::clone(order), deadline }).map_err(|_| Full)?;
        self.handed_over += 1;
        self.under_way.push(UnderWay { ticket, order: Arc::clone(order), deadline });
        Ok(())
    }

    /// Appends the outcomes that have arrived, and ends by itself what should have arrived long ago:
    /// whatever the thread still says of that is dropped. Never waits.
    pub(super) fn advance(&mut self, now: Moment, outcomes: &mut Vec<Outcome>) {
        while let Ok(report) = self.reports.try_recv() {
            let found = self.under_way.iter().position(|delivery| delivery.ticket == report.ticket);
            outcomes.extend(found.map(|index| report.end.of(&self.under_way.remove(index).order, now)));
        }
        for late in self.under_way.extract_if(.., |delivery| now >= delivery.deadline + STUCK) {
            outcomes.push(End::overdue("no word from the thread that delivers").of(&late.order, now));
        }
    }

    /// When [`Courier::advance`] has something to do at the latest, whoever wakes the loop.
    pub(super) fn next_deadline(&self) -> Option<Moment> {
        self.under_way.iter().map(|delivery| delivery.deadline + STUCK).min()
    }
}

impl Drop for Courier {
    fn drop(&mut self) {
        drop(self.stop.take());
        // The thread holds senders as long as anything of it is alive. One that does not end is
        // left behind: a stop waits for nobody.
        let ended = loop {
            match self.reports.recv_timeout(FAREWELL) {
                Ok(_) => {}
                Err(RecvTimeoutError::Disconnected) => break true,
                Err(RecvTimeoutError::Timeout) => break false,
            }
        };
        if let Some(thread) = self.thread.take().filter(|_| ended) {
            // A panic there has been printed; there is nothing to add at the end.
            let _ = thread.join();
        }
    }
}

/// How long the delivery itself may take.
fn time_limit(measure: &Measure) -> Duration {
    match measure {
        Measure::Http(http) => http.timeout,
        Measure::Command(command) => command.timeout,
        Measure::Signal { .. } | Measure::Kill { .. } | Measure::Freeze { .. } | Measure::Thaw { .. } => Duration::ZERO,
    }
}

/// What every delivery on the thread shares.
struct Desk {
    series: u64,
    reports: Sender<Report>,
    wake: Box<dyn Fn() + Send + Sync>,
}

impl Desk {
    /// Takes every outcome at once, however many the loop has not fetched: there is a place for each
    /// delivery that the loop waits for.
    fn report(&self, ticket: u64, end: End) {
        // Nobody is left to tell once the loop has ended.
        let _ = self.reports.send(Report { ticket, end });
        (self.wake)();
    }
}

fn serve(runtime: Runtime, desk: Arc<Desk>, mut jobs: mpsc::Receiver<Job>, mut stopped: oneshot::Receiver<()>) {
    runtime.block_on(async move {
        let places = Arc::new(Semaphore::new(MOST));
        let _kept = keep_a_thread();
        loop {
            let job = tokio::select! {
                biased;
                _ = &mut stopped => break,
                job = jobs.recv() => job,
            };
            let Some(job) = job else { break };
            match Arc::clone(&places).try_acquire_owned() {
                Ok(place) => {
                    let desk = Arc::clone(&desk);
                    tokio::spawn(async move {
                        deliver(&desk, job).await;
                        drop(place);
                    });
                }
                // Commands that do not die hold their places beyond their outcome.
                Err(_) => desk.report(job.ticket, End::queue_full().told("too many commands do not end")),
            }
        }
    });
    // A name may still be looked up, or a file opened, by a thread that nobody can end.
    runtime.shutdown_background();
}

/// Keeps a thread for what would block until the answer is dropped. A pool without any panics where
/// the system has no thread to give; with one, what was asked waits, and times out.
fn keep_a_thread() -> Sender<()> {
    let (keep, kept) = channel::<()>();
    // It ends when nothing can come any more.
    tokio::task::spawn_blocking(move || kept.recv().is_ok());
    keep
}

async fn deliver(desk: &Desk, job: Job) {
    let left = job.deadline.since(kernel::now());
    if left.is_zero() {
        return desk.report(job.ticket, End::unreached("its time was over before its turn came"));
    }
    let (deadline, order) = (Instant::now() + left, &*job.order);
    match &order.measure {
        Measure::Http(http) => {
            let told = context::told(order, desk.series);
            let end = http::deliver(http, &told, http::Call { deadline, trust: connect::host_trust }).await;
            desk.report(job.ticket, end);
        }
        Measure::Command(command) => {
            let (end, child) = run::deliver(command, &context::told(order, desk.series), deadline).await;
            desk.report(job.ticket, end);
            if let Some(child) = child {
                run::end(child).await;
            }
        }
        Measure::Signal { .. } | Measure::Kill { .. } | Measure::Freeze { .. } | Measure::Thaw { .. } => {
            desk.report(job.ticket, End::refused("this measure has nobody to be carried to"));
        }
    }
}

/// What the other side said, and where it was asked: neither is ours to trust.
fn said(bytes: impl AsRef<[u8]>) -> String {
    printable(bytes.as_ref(), SHOWN)
}
