use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use super::*;
use crate::export::{Control, LeaseStanding};
use crate::model::{Level, Moment, UndoBy};

/// A daemon that answers as it is told to.
pub(in crate::cli) struct Fake {
    folder: tempfile::TempDir,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Fake {
    pub(in crate::cli) fn start(mut answer: impl FnMut(Request) -> Reply + Send + 'static) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut control = Control::start(folder.path(), || ()).unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            while !stopped.load(Ordering::SeqCst) {
                while let Some(asked) = control.next_request() {
                    let reply = answer(asked.request.clone());
                    asked.answer(reply);
                }
                thread::sleep(Duration::from_millis(1));
            }
        });
        Self { folder, stop, thread: Some(thread) }
    }

    pub(in crate::cli) fn daemon(&self) -> Daemon {
        at(self.folder.path())
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        self.thread.take().unwrap().join().unwrap();
    }
}

pub(in crate::cli) fn at(folder: &Path) -> Daemon {
    Daemon { runtime_directory: Some(folder.to_owned()) }
}

pub(in crate::cli) fn lease(target: &str, action: &str, since: u64) -> LeaseView {
    LeaseView {
        target: target.into(),
        action: action.into(),
        process: None,
        since: Moment::from_secs(since),
        level: Level::Critical,
        freeze: action == "freeze",
        after: Duration::from_secs(600),
        by: UndoBy::Daemon,
        standing: LeaseStanding::Needed,
    }
}

/// The sentence of a failure at run time.
pub(in crate::cli) fn said(result: Result<(), Failure>) -> String {
    let Err(Failure::Runtime(error)) = result else { panic!("no failure: {result:?}") };
    error.to_string()
}

#[test]
fn what_is_answered_is_printed_line_by_line_and_made_harmless() {
    let fake = Fake::start(|_| Reply::Done(vec!["one\x1b[31m".into(), "two".into()]));
    let told = Output::captured(|output| fake.daemon().order(&Request::Reload, output).unwrap());
    assert_eq!(told, "one\\x1b[31m\ntwo\n");
}

#[test]
fn who_is_not_there_is_said_to_be_with_a_remedy() {
    let folder = tempfile::tempdir().unwrap();
    drop(std::os::unix::net::UnixListener::bind(folder.path().join(SOCKET)).unwrap());
    for folder in [folder.path(), &folder.path().join("absent\n"), Path::new("/dev/null")] {
        let failure = at(folder).leases().unwrap_err();
        let nobody = matches!(failure, Unanswered::Nobody(_));
        let text = said(Err(failure.into()));
        assert!(nobody || folder == Path::new("/dev/null"), "{text}");
        assert!(text.contains("control.sock") && text.contains("systemctl") && !text.contains('\n'), "{text}");
    }
}

#[test]
fn who_only_looks_does_not_wait_long_for_a_daemon_that_hangs() {
    let folder = tempfile::tempdir().unwrap();
    let _hangs = std::os::unix::net::UnixListener::bind(folder.path().join(SOCKET)).unwrap();
    let text = said(at(folder.path()).status().map(drop).map_err(Failure::from));
    assert!(text.contains("no answer") && text.contains("within 5s"), "{text}");
}

#[test]
fn an_answer_that_is_none_is_not_believed() {
    let fake =
        Fake::start(
            |request| {
                if request == Request::Leases { Reply::Done(Vec::new()) } else { Reply::Leases(Vec::new()) }
            },
        );
    assert!(said(fake.daemon().leases().map(drop).map_err(Failure::from)).contains("same version"));
    let ordered = fake.daemon().order(&Request::Thaw, &mut Output::stdout());
    assert!(said(ordered.map_err(Failure::from)).contains("same version"));
    for answer in ["", "HTTP/1.1 400 Bad Request\r\n", "{\"leases\":[{}]}\n"] {
        let folder = tempfile::tempdir().unwrap();
        let listener = std::os::unix::net::UnixListener::bind(folder.path().join(SOCKET)).unwrap();
        let server = thread::spawn(move || listener.accept().unwrap().0.write_all(answer.as_bytes()).unwrap());
        let text = said(at(folder.path()).leases().map(drop).map_err(Failure::from));
        server.join().unwrap();
        let expected = if answer.is_empty() { "without an answer" } else { "same version" };
        assert!(text.contains(expected), "{text}");
    }
}

#[test]
fn measures_are_followed_to_their_end_and_what_stays_is_named() {
    let mut looks = 0;
    let fake = Fake::start(move |_| {
        looks += 1;
        let retrying = LeaseStanding::Retrying { at: Moment::from_secs(1 << 30) };
        let stuck = LeaseView { standing: retrying, process: Some(1), ..lease("gateway", "pause", 5) };
        let all = [lease("trader", "pause", 5), lease("trader", "off", 6), stuck];
        let gone = if looks < 3 { 0 } else { 1 };
        Reply::Leases(all.into_iter().skip(gone).collect())
    });
    let stuck = LeaseView { process: Some(1), ..lease("gateway", "pause", 5) };
    // `off` was taken anew since: the one that was meant is gone.
    let meant = [lease("trader", "pause", 5), lease("trader", "off", 4), stuck];
    let mut result = Ok(());
    let told = Output::captured(|output| {
        result = fake.daemon().follow(&meant, Duration::from_millis(600), output);
    });
    assert!(told.starts_with("off of trader: no longer in force\npause of trader: no longer in force\n"), "{told}");
    assert!(told.contains("pause of gateway[1]: still in force: its undo failed and is tried again in"), "{told}");
    let text = said(result);
    assert!(text.starts_with("1 of 3 not undone after 600ms") && text.contains("tradedog status"), "{text}");
}
