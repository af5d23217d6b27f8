//! The control socket: how an operator asks the running daemon to do something.
//!
//! One connection is one request and one answer, each a line of JSON. What belongs here: the socket,
//! who may ask, and every limit. What does not: doing what is asked, which the loop does when it
//! takes the next [`Asked`]; it never waits for anybody here.
#![expect(clippy::disallowed_methods, reason = "this is the module that owns the file of the socket")]

mod bind;
mod peers;
mod serve;
mod wire;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use tokio::net::UnixListener;
use tokio::runtime;
use tokio::sync::oneshot;

use super::Published;
use peers::Rights;
pub use wire::{OrderAnswer, Reply, Request, Whom};

/// Its name in the runtime directory.
pub const SOCKET: &str = "control.sock";

/// What a client may take.
#[derive(Clone, Copy, Debug)]
struct Limits {
    /// Connections at a time; further ones are told so and closed.
    connections: usize,
    /// Bytes of a request, its newline included.
    request: usize,
    /// Time to send the request, and again to take the answer.
    client: Duration,
    /// Time for the loop to answer.
    answer: Duration,
    /// Time to read the configuration again, which looks at every process of the host.
    reload: Duration,
    /// Requests that the loop has not taken yet.
    queue: usize,
    /// Refused ones that the loop has not told of yet.
    strangers: usize,
    /// Pause after the system could not accept (no descriptors, no memory): neither spin nor die.
    accept_pause: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 16,
            request: 4096,
            client: Duration::from_secs(5),
            answer: Duration::from_secs(10),
            reload: Duration::from_secs(30),
            queue: 16,
            strangers: 16,
            accept_pause: Duration::from_millis(250),
        }
    }
}

/// A request that waits for its answer.
#[derive(Debug)]
pub struct Asked {
    /// What is asked.
    pub request: Request,
    /// Who asks, as the log calls him; one line of printable text.
    pub by: Arc<str>,
    reply: oneshot::Sender<Reply>,
}

impl Asked {
    /// Answers it. Whoever asked may have left.
    pub fn answer(self, reply: Reply) {
        let _ = self.reply.send(reply);
    }
}

/// Wakes the loop.
type Wake = Box<dyn Fn() + Send + Sync>;

/// What every connection shares.
struct Desk {
    queue: SyncSender<Asked>,
    wake: Wake,
    rights: Rights,
    /// What the status is told from.
    published: Option<Arc<Published>>,
    /// Those who may not ask and did; who finds no room is not told of.
    strangers: SyncSender<Arc<str>>,
    limits: Limits,
}

/// The control socket; dropping it removes the socket and ends its thread.
#[derive(Debug)]
pub struct Control {
    asked: Receiver<Asked>,
    strangers: Receiver<Arc<str>>,
    /// Why its own group may not ask, where that is so.
    flaw: Option<String>,
    path: PathBuf,
    /// Device and inode of the socket's file: what is removed at the end is ours.
    file: Option<(u64, u64)>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Control {
    /// Listens on the socket in `dir`, which root, this user and the members of its group may use, and
    /// calls `wake` for each request. The socket that a dead daemon left is replaced.
    ///
    /// # Errors
    /// When the socket cannot be made; the text says which one and what to do.
    pub fn start(dir: &Path, wake: impl Fn() + Send + Sync + 'static) -> io::Result<Self> {
        Self::open(dir, (Box::new(wake), None), Limits::default())
    }

    /// As [`Control::start`], and tells the status from what is published.
    ///
    /// # Errors
    /// As [`Control::start`].
    pub fn start_telling(
        dir: &Path,
        wake: impl Fn() + Send + Sync + 'static,
        published: Arc<Published>,
    ) -> io::Result<Self> {
        Self::open(dir, (Box::new(wake), Some(published)), Limits::default())
    }

    #[cfg(test)]
    fn start_with(dir: &Path, wake: impl Fn() + Send + Sync + 'static, limits: Limits) -> io::Result<Self> {
        Self::open(dir, (Box::new(wake), None), limits)
    }

    fn open(dir: &Path, (wake, published): (Wake, Option<Arc<Published>>), limits: Limits) -> io::Result<Self> {
        let path = dir.join(SOCKET);
        let listener = bind::bind(&path)?;
        let file = bind::identity(&path);
        let (queue, asked) = sync_channel(limits.queue);
        let rights = Rights::of(&path);
        let flaw = rights.flaw();
        let (refused, strangers) = sync_channel(limits.strangers);
        let desk = Arc::new(Desk { queue, wake, rights, published, strangers: refused, limits });
        let runtime = runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
        let listener = {
            let _inside = runtime.enter();
            UnixListener::from_std(listener)?
        };
        let (stop, stopped) = oneshot::channel();
        let thread = Builder::new().name("control".into()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = serve::accept_all(listener, desk) => {}
                    // Said, or the socket was dropped: the same.
                    _ = stopped => {}
                }
            });
            // A name that is still looked up is waited for by nobody.
            runtime.shutdown_background();
        })?;
        Ok(Self { asked, strangers, flaw, path, file, stop: Some(stop), thread: Some(thread) })
    }

    /// The next request whose client still waits. Never waits itself.
    pub fn next_request(&mut self) -> Option<Asked> {
        self.asked.try_iter().find(|asked| !asked.reply.is_closed())
    }

    /// The next one who asked and may not, as the log calls him. Never waits.
    pub fn next_stranger(&mut self) -> Option<Arc<str>> {
        self.strangers.try_recv().ok()
    }

    /// Why the members of the daemon's own group may not ask, where that is so: a sentence.
    pub fn flaw(&self) -> Option<&str> {
        self.flaw.as_deref()
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic there has been printed; there is nothing to add at the end.
            let _ = thread.join();
        }
        if self.file.is_some() && self.file == bind::identity(&self.path) {
            // What cannot be removed is replaced by the next daemon.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests;
