//! A command: no shell, a cleared environment, a process group of its own, bounded output.

use std::ffi::CString;
use std::io;
use std::os::unix::ffi::OsStringExt as _;
use std::time::Duration;

use rustix::process::{Signal, WaitIdStatus};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep, timeout_at};

use super::child::{Child, Printed, Program};
use super::context::Told;
use super::said;
use super::tail::Tail;
use crate::act::end::End;
use crate::model::Command;

/// Where a command finds others. Ours may be anything.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// What else a command gets of our environment, where it is set.
const KEPT: [&str; 4] = ["HOME", "LANG", "LC_ALL", "TZ"];
/// Between SIGTERM and SIGKILL for a command whose time is over.
const GRACE: Duration = Duration::from_secs(1);

/// A command under way.
#[derive(Debug)]
pub(super) struct Running {
    child: AsyncFd<Child>,
    stdout: Tail,
    stderr: Tail,
}

/// Runs the command to its end or its deadline; in the latter case it is given back, for [`end`].
///
/// Whatever it has left in the background goes on after its end; its output is read no more.
pub(super) async fn deliver(command: &Command, told: &Told, deadline: Instant) -> (End, Option<Running>) {
    let program = match program(&command.argv, &told.pid, &told.variables) {
        Ok(program) => program,
        Err(why) => return (End::refused(said(why)), None),
    };
    // A program on a dead file server keeps whoever starts it waiting, and others behind it.
    let start = move || match Instant::now() < deadline {
        true => Child::start(&program),
        false => Err(io::ErrorKind::TimedOut.into()),
    };
    let started = timeout_at(deadline, spawn_blocking(start)).await;
    let late = || End::overdue(format!("not ended within {:?}", command.timeout));
    let (child, printed) = match started {
        Ok(Ok(Ok(started))) => started,
        Ok(Ok(Err(error))) => return (refused(command, &error), None),
        Ok(Err(_)) => return (refused(command, &io::Error::other("no thread to start it")), None),
        Err(_) => return (late(), None),
    };
    let mut running = match Running::new(child, printed) {
        Ok(running) => running,
        Err(error) => return (End::doubtful(said(format!("it cannot be watched: {error}"))), None),
    };
    match timeout_at(deadline, running.exit()).await {
        Ok(status) => (running.ended(status), None),
        Err(_) => (late(), Some(running)),
    }
}

/// Ends a command whose time is over: SIGTERM to its group, then SIGKILL, then its zombie.
pub(super) async fn end(mut running: Running) {
    running.child.get_ref().signal(Signal::TERM);
    let kill = sleep(GRACE);
    tokio::pin!(kill);
    // The child itself is not reaped before the SIGKILL, so that its group keeps its number.
    loop {
        tokio::select! {
            () = &mut kill => break,
            () = running.stdout.more() => {}
            () = running.stderr.more() => {}
        }
    }
    running.child.get_ref().signal(Signal::KILL);
    let _ = running.exit().await;
}

impl Running {
    #[expect(deprecated, reason = "its successor is unsafe; that the descriptor stays what it is, Child guarantees")]
    fn new(child: Child, printed: Printed) -> io::Result<Self> {
        let child = AsyncFd::with_interest(child, Interest::READABLE)?;
        Ok(Self { child, stdout: Tail::new(printed.stdout)?, stderr: Tail::new(printed.stderr)? })
    }

    /// Waits for the end of the child, and lets nothing that it prints hold it up.
    async fn exit(&mut self) -> io::Result<WaitIdStatus> {
        loop {
            tokio::select! {
                ready = self.child.readable_mut() => {
                    let mut ready = ready?;
                    match ready.get_inner_mut().reap()? {
                        Some(status) => return Ok(status),
                        None => ready.clear_ready(),
                    }
                }
                () = self.stdout.more() => {}
                () = self.stderr.more() => {}
            }
        }
    }

    fn ended(mut self, status: io::Result<WaitIdStatus>) -> End {
        let how = match status {
            Ok(status) => match (status.exit_status(), status.terminating_signal()) {
                (Some(0), _) => return End::acknowledged(),
                (Some(code), _) => format!("exit code {code}"),
                (None, Some(signal)) => format!("ended by signal {signal}"),
                (None, None) => "ended in no known way".to_owned(),
            },
            Err(error) => format!("its exit code is lost: {error}"),
        };
        self.stdout.rest();
        self.stderr.rest();
        let words = self.stderr.last_line().or_else(|| self.stdout.last_line());
        let detail = words.map_or_else(|| how.clone().into(), |words| [how.as_bytes(), b": ", words].concat());
        End::doubtful(said(detail))
    }
}

fn refused(command: &Command, error: &io::Error) -> End {
    let name = command.argv.first().map_or("", String::as_str);
    End::refused(said(format!("cannot start {name}: {error}")))
}

/// The program with what it is told. Nothing of ours is left in its environment but what is needed
/// to find other programs and to print as this host does.
#[expect(clippy::disallowed_methods, reason = "what a command inherits is decided here")]
pub(in crate::act) fn program(
    argv: &[String],
    pid: &String,
    told: &[(&'static str, String)],
) -> Result<Program, String> {
    let name = argv.first().filter(|name| name.starts_with('/'));
    name.ok_or("the program of a command is an absolute path: there is no shell and no search")?;
    let arguments = argv.iter().map(|argument| if argument == "{pid}" { pid } else { argument });
    let argv = arguments.map(|argument| terminated(argument.as_bytes().to_vec())).collect::<Result<_, _>>()?;
    let kept = KEPT.into_iter().filter_map(|name| Some((name, std::env::var_os(name)?.into_vec())));
    let mut variables = vec![terminated(format!("PATH={PATH}").into_bytes())?];
    for (name, value) in kept.chain(told.iter().map(|(name, value)| (*name, value.clone().into_bytes()))) {
        variables.push(terminated([name.as_bytes(), b"=", &value].concat())?);
    }
    Ok(Program { argv, variables })
}

fn terminated(bytes: Vec<u8>) -> Result<CString, String> {
    CString::new(bytes).map_err(|_| "an argument or variable of a command holds a zero byte".to_owned())
}
