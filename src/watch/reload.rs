//! Another configuration, whole or not at all. A thread of its own reads the files and lets a new
//! discovery look everywhere once; the loop then changes over within one tick.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use super::start::waking;
use super::{Watch, hours};
use crate::config::{self, Config, Problems};
use crate::discover::{Discovery, Roster};
use crate::export::{Asked, Reply};
use crate::kernel;
use crate::model::Moment;

/// How long the first look of a new discovery is waited for.
const FIRST_LOOK: Duration = Duration::from_secs(10);
/// How often it is looked whether it is there.
const LOOK: Duration = Duration::from_millis(5);

/// Lines of a reload that the log gets, and that whoever asked for it gets.
const MOST_LOGGED: usize = 50;
const MOST_ANSWERED: usize = 500;

/// How a failure begins, in the log as in the answer.
const NOT_READ: &str = "the configuration was not read again, the one before goes on";

/// What the reload thread came to.
enum Read {
    Good {
        config: Arc<Config>,
        discovery: Discovery,
        /// What has changed, a line each.
        difference: Vec<String>,
    },
    Bad(Problems),
    Failed(io::Error),
    /// Of a configuration that is in use already: why the next start cannot fall back on it.
    NotKept(String),
}

/// The reload thread, as the loop sees it.
pub(super) struct Reload {
    wake: Arc<dyn Fn() + Send + Sync>,
    sender: Sender<Read>,
    done: Receiver<Read>,
    /// Whether one is at work, and who wants to know.
    running: bool,
    waiting: Vec<Asked>,
    /// Asked again while one was at work: the files may have changed since.
    again: bool,
}

impl Reload {
    pub(super) fn new(wake: impl Fn() + Send + Sync + 'static) -> Self {
        let (sender, done) = channel();
        Self { wake: Arc::new(wake), sender, done, running: false, waiting: Vec::new(), again: false }
    }

    /// Whether one is at work.
    pub(super) fn is_running(&self) -> bool {
        self.running
    }

    /// How a thread says that the configuration could not be kept.
    pub(super) fn teller(&self) -> impl FnOnce(String) + Send + 'static {
        let (sender, wake) = (self.sender.clone(), Arc::clone(&self.wake));
        move |why| {
            // The loop may have ended.
            let _ = sender.send(Read::NotKept(why));
            wake();
        }
    }

    fn start(&mut self, path: PathBuf, before: Arc<Config>) {
        let (sender, wake) = (self.sender.clone(), Arc::clone(&self.wake));
        let work = move || {
            let read = read(&path, &before, Arc::clone(&wake));
            // The loop may have ended.
            let _ = sender.send(read);
            wake();
        };
        self.running = true;
        if let Err(error) = thread::Builder::new().name("reload".to_owned()).spawn(work) {
            let _ = self.sender.send(Read::Failed(error));
        }
    }
}

fn read(path: &Path, before: &Config, wake: Arc<dyn Fn() + Send + Sync>) -> Read {
    let config = match config::load(path) {
        Ok(config) => Arc::new(config),
        Err(problems) => return Read::Bad(problems),
    };
    let discovery = match Discovery::start(Arc::clone(&config), move || wake()) {
        Ok(discovery) => discovery,
        Err(error) => return Read::Failed(error),
    };
    let begun = kernel::now();
    let (_hold, never) = channel::<()>();
    while discovery.last_scan().is_none() && kernel::now().since(begun) < FIRST_LOOK {
        match never.recv_timeout(LOOK) {
            Err(RecvTimeoutError::Timeout) | Ok(()) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    let difference = config::difference(before, &config);
    Read::Good { config, discovery, difference }
}

/// The first lines, and how many there are beyond.
fn shortened(lines: &[String], most: usize) -> Vec<String> {
    let more = lines.len().saturating_sub(most);
    let more = (more > 0).then(|| format!("and {more} more differences"));
    lines.iter().take(most).cloned().chain(more).collect()
}

impl Watch {
    /// Begins to read the configuration again; `asked` is answered when it is done.
    pub(super) fn begin_reload(&mut self, asked: Option<Asked>) {
        self.reload.waiting.extend(asked);
        if self.reload.running {
            self.reload.again = true;
            return;
        }
        let Some(path) = self.config.files.first().cloned() else { return };
        self.reload.start(path, Arc::clone(&self.config));
        self.notify.reloading();
    }

    /// Changes over when the reload thread is done.
    pub(super) fn finish_reload(&mut self, now: Moment) {
        let Ok(read) = self.reload.done.try_recv() else { return };
        if let Read::NotKept(why) = read {
            self.warn(why);
            return;
        }
        self.reload.running = false;
        let reply = match read {
            Read::Good { config, discovery, difference } => {
                self.adopt(config, discovery, now);
                self.reload.keep(&self.config);
                self.view.reload_failed = false;
                self.view.configured = now;
                let told = self.tell_difference(difference);
                self.warn_of_config();
                self.warn_of_rights();
                Reply::Done(told)
            }
            Read::Bad(problems) => self.refuse_all(&problems),
            Read::Failed(error) => {
                let why = format!("{NOT_READ}: a thread could not be started: {error}");
                self.view.reload_failed = true;
                self.warn(why.clone());
                Reply::Refused(why)
            }
            // Taken above.
            Read::NotKept(_) => return,
        };
        if std::mem::take(&mut self.reload.again) {
            self.begin_reload(None);
            return;
        }
        let waiting = self.reload.waiting.drain(..);
        self.replies.extend(waiting.map(|asked| (asked, reply.clone())));
    }

    /// What is different now: for the log as much as that bears, for whoever asked as much as he can read.
    fn tell_difference(&mut self, mut difference: Vec<String>) -> Vec<String> {
        let count = self.config.targets.len();
        let dry = if self.config.daemon.dry_run { "; dry run: nothing is done" } else { "" };
        let plural = if count == 1 { "" } else { "s" };
        let same = if difference.is_empty() { "; nothing has changed" } else { "" };
        let text = format!("the configuration was read again: {count} target{plural}{same}{dry}");
        difference.insert(0, text);
        for line in shortened(&difference, MOST_LOGGED) {
            self.say(line);
        }
        shortened(&difference, MOST_ANSWERED)
    }

    /// The log gets one line a problem, whoever asked all of them with their places underlined.
    fn refuse_all(&mut self, problems: &Problems) -> Reply {
        self.view.reload_failed = true;
        self.warn(format!("{NOT_READ}; tradedog check shows why:"));
        self.tell_errors(problems);
        Reply::Refused(format!("{NOT_READ}:\n{problems}"))
    }

    fn adopt(&mut self, config: Arc<Config>, discovery: Discovery, now: Moment) {
        self.let_kills_go(now);
        if (&config.web.listen, &config.web.tls) != (&self.config.web.listen, &self.config.web.tls) {
            self.warn("[web] listen and tls change only with a restart of tradedog".to_owned());
        }
        let config = hours::in_force(config);
        self.state = self.state.reconfigured(&config, now);
        let seats = self.roster.seats();
        self.roster = Roster::new(&config);
        self.roster.remember(seats);
        self.sampler = self.sampler.reconfigured(Arc::clone(&config)).detached(&waking(&self.waiter));
        self.view.slowed.clear();
        self.executor.reconfigure(Arc::clone(&config));
        self.recorder.reconfigure(Arc::clone(&config));
        self.discovery = discovery;
        self.changes.clear();
        self.all_found = false;
        self.next_pass = now;
        self.config = config;
    }
}
