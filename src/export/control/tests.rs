#![expect(clippy::disallowed_methods, reason = "a test looks at the socket's file, and waits for other threads")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::Shutdown;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use super::*;
use crate::model::{LeaseStanding, LeaseView, Level, Moment, UndoBy};

/// Long enough for a busy machine, short enough to wait for.
const QUICK: Duration = Duration::from_millis(300);

struct Site {
    control: Control,
    folder: tempfile::TempDir,
    woken: Arc<AtomicUsize>,
}

fn site(change: impl FnOnce(&mut Limits)) -> Site {
    let folder = tempfile::tempdir().unwrap();
    let woken = Arc::new(AtomicUsize::new(0));
    let wake = Arc::clone(&woken);
    let mut limits = Limits::default();
    change(&mut limits);
    let count = move || {
        wake.fetch_add(1, Ordering::SeqCst);
    };
    let control = Control::start_with(folder.path(), count, limits).unwrap();
    Site { control, folder, woken }
}

fn connect(path: &Path) -> UnixStream {
    let stream = UnixStream::connect(path).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream
}

fn answer_on(stream: UnixStream) -> Option<Reply> {
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).ok()?;
    serde_json::from_str(&line).ok()
}

/// What is answered to `bytes`; none where the connection is closed without an answer.
fn said_to(path: &Path, bytes: &[u8]) -> Option<Reply> {
    let mut stream = connect(path);
    // The daemon may answer and close before all is sent.
    let _ = stream.write_all(bytes);
    let _ = stream.shutdown(Shutdown::Write);
    answer_on(stream)
}

fn refusal(reply: Option<Reply>) -> String {
    let Some(Reply::Refused(text)) = reply else { panic!("no refusal: {reply:?}") };
    text
}

/// What the log calls whoever runs the test.
fn me() -> String {
    let uid = nix::unistd::Uid::effective();
    let name = nix::unistd::User::from_uid(uid).unwrap().map_or_else(|| "somebody".to_owned(), |user| user.name);
    format!("{name} (uid {uid}, pid {})", std::process::id())
}

impl Site {
    fn path(&self) -> PathBuf {
        self.folder.path().join(SOCKET)
    }

    /// Sends a line from another thread.
    fn ask(&self, line: &'static str) -> thread::JoinHandle<Option<Reply>> {
        let path = self.path();
        thread::spawn(move || said_to(&path, line.as_bytes()))
    }

    /// The next request, once it is there.
    fn taken(&mut self) -> Asked {
        let begin = Instant::now();
        loop {
            if let Some(asked) = self.control.next_request() {
                return asked;
            }
            assert!(begin.elapsed() < Duration::from_secs(20), "no request came");
            thread::sleep(Duration::from_millis(1));
        }
    }

    fn is_alive(&mut self) -> bool {
        let client = self.ask("\"leases\"\n");
        self.taken().answer(Reply::Leases(Vec::new()));
        client.join().unwrap() == Some(Reply::Leases(Vec::new()))
    }
}

#[test]
fn what_is_asked_reaches_the_loop_and_what_it_answers_the_client() {
    let mut site = site(|_| ());
    let undo = |action: Option<&str>| Request::Undo { target: "trader".into(), action: action.map(Into::into) };
    for (line, request) in [
        ("{\"undo\":{\"target\":\"trader\",\"action\":\"pause\"}}\n", undo(Some("pause"))),
        ("{\"undo\":{\"target\":\"trader\"}}", undo(None)),
        ("\"undo_all\"\n", Request::UndoAll),
        (" \"thaw\" \n", Request::Thaw),
        ("\"reload\"\nand more\n", Request::Reload),
        ("\"release_all\"\n", Request::ReleaseAll),
    ] {
        let client = site.ask(line);
        let asked = site.taken();
        assert_eq!((&asked.request, &*asked.by), (&request, &*me()), "{line}");
        assert!(site.woken.load(Ordering::SeqCst) > 0, "the loop was not woken");
        asked.answer(Reply::Done(vec!["so be it".into()]));
        assert_eq!(client.join().unwrap(), Some(Reply::Done(vec!["so be it".into()])), "{line}");
    }
    assert!(site.control.next_request().is_none());
}

#[test]
fn requests_and_answers_are_read_as_they_were_written() {
    let lease = LeaseView {
        target: "trader".into(),
        action: "pause".into(),
        process: Some(1),
        since: Moment::from_secs(5),
        level: Level::Critical,
        freeze: false,
        after: Duration::from_secs(600),
        by: UndoBy::Operator,
        standing: LeaseStanding::Retrying { at: Moment::from_secs(9) },
    };
    for reply in [Reply::Leases(vec![lease]), Reply::Refused("a\nb".into()), Reply::Done(Vec::new())] {
        let line = reply.line();
        assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1);
        assert_eq!(serde_json::from_slice::<Reply>(&line).unwrap(), reply);
    }
    let all = [Request::UndoAll, Request::Thaw, Request::Reload, Request::Leases];
    for request in all.into_iter().chain([Request::Undo { target: "a\"\n".into(), action: Some(String::new()) }]) {
        assert_eq!(Request::parse(&serde_json::to_vec(&request).unwrap()), Ok(request));
    }
}

#[test]
fn garbage_and_too_much_are_refused_and_the_loop_is_not_bothered() {
    let mut site = site(|_| ());
    let huge = [b'['; 1 << 20];
    let long = format!("{{\"undo\":{{\"target\":\"{}\"}}}}\n", "x".repeat(5000));
    for (bytes, said) in [
        (&b"\n"[..], "no request"),
        (b"", "no request"),
        (b"GET / HTTP/1.1\r\n\r\n", "no request"),
        (b"\"reboot\"\n", "no request"),
        (b"{\"undo\":{\"target\":\"a\",\"force\":true}}\n", "force"),
        (b"{\"undo\":{}}\n", "target"),
        (b"\xff\x00\xfe\n", "no request"),
        (b"\"re\x1b[31mload\xe2\x80\xae\"\n", "no request"),
        (&huge, "too long"),
        (long.as_bytes(), "too long"),
    ] {
        let text = refusal(said_to(&site.path(), bytes));
        assert!(text.contains(said), "{said:?} is not in {text:?}");
        assert!(!text.chars().any(|c| c.is_control() || c == '\u{202e}'), "{text:?}");
    }
    assert!(site.control.next_request().is_none());
    assert!(site.is_alive());
}

#[test]
fn a_client_that_says_nothing_is_told_so_and_closed() {
    let mut site = site(|limits| limits.client = QUICK);
    for bytes in [&b""[..], b"\"the"] {
        let mut stream = connect(&site.path());
        stream.write_all(bytes).unwrap();
        let text = refusal(answer_on(stream));
        assert!(text.contains("no request within"), "{text}");
    }
    assert!(site.is_alive());
}

#[test]
fn a_loop_that_does_not_answer_is_told_of_and_is_not_asked_late() {
    let mut site = site(|limits| limits.answer = QUICK);
    let text = refusal(site.ask("\"undo_all\"\n").join().unwrap());
    assert!(text.contains("has not answered within 300ms"), "{text}");
    assert!(site.control.next_request().is_none(), "nobody waits for it any more");
    let client = site.ask("\"thaw\"\n");
    drop(site.taken());
    assert!(refusal(client.join().unwrap()).contains("stopping"));
}

#[test]
fn a_full_queue_and_too_many_connections_are_said_to_be() {
    let mut site = site(|limits| (limits.queue, limits.connections) = (2, 4));
    let waiting: Vec<_> = (0..2).map(|_| site.ask("\"thaw\"\n")).collect();
    while site.woken.load(Ordering::SeqCst) < 2 {
        thread::sleep(Duration::from_millis(1));
    }
    let text = refusal(said_to(&site.path(), b"\"thaw\"\n"));
    assert!(text.contains("wait for the watch loop"), "{text}");
    let silent: Vec<_> = (0..2).map(|_| connect(&site.path())).collect();
    let text = refusal(answer_on(connect(&site.path())));
    assert!(text.contains("too many"), "{text}");
    drop(silent);
    for _ in &waiting {
        site.taken().answer(Reply::Done(Vec::new()));
    }
    for client in waiting {
        assert_eq!(client.join().unwrap(), Some(Reply::Done(Vec::new())));
    }
    assert!(site.is_alive());
}

#[test]
fn the_file_is_its_owners_and_its_groups_and_goes_with_the_daemon() {
    let Site { control, folder, .. } = site(|_| ());
    let path = folder.path().join(SOCKET);
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    let wide = super::peers::is_everybodys(nix::unistd::Gid::effective());
    assert_eq!(mode & 0o777, if wide { 0o600 } else { 0o660 }, "{mode:o}");
    drop(control);
    assert!(!path.exists());
}

#[test]
fn the_socket_of_the_dead_is_replaced_and_that_of_the_living_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(SOCKET);
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    assert!(path.exists(), "a dead daemon leaves it behind");
    let first = Control::start(folder.path(), || ()).unwrap();
    let error = Control::start(folder.path(), || ()).unwrap_err().to_string();
    assert!(error.contains("another tradedog") && error.contains("control.sock"), "{error}");
    std::fs::remove_file(&path).unwrap();
    let second = Control::start(folder.path(), || ()).unwrap();
    drop(first);
    assert!(path.exists(), "whoever goes last removes only its own");
    drop(second);
    assert!(!path.exists());
}

#[test]
fn a_place_that_cannot_be_used_is_named_with_a_remedy() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(SOCKET), "precious").unwrap();
    let deep = folder.path().join("x".repeat(120));
    std::fs::create_dir(&deep).unwrap();
    for (dir, said) in [
        (folder.path().to_owned(), "no socket"),
        (folder.path().join("absent\n"), "not there: make it"),
        (deep, "too long"),
    ] {
        let error = Control::start(&dir, || ()).unwrap_err().to_string();
        assert!(error.contains(said) && error.contains("runtime directory") && !error.contains('\n'), "{error}");
    }
    assert_eq!(std::fs::read(folder.path().join(SOCKET)).unwrap(), b"precious");
}

/// Asks as a user of no name with these groups, the first of them his primary one: the answer, or why
/// he cannot connect.
fn as_another(path: &Path, groups: &[u32]) -> Result<Option<Reply>, io::ErrorKind> {
    let path = path.to_owned();
    let groups: Vec<_> = groups.iter().map(|group| rustix::process::Gid::from_raw(*group)).collect();
    let client = thread::spawn(move || {
        // Of this thread alone, which ends with it.
        rustix::thread::set_thread_groups(&groups).unwrap();
        rustix::thread::set_thread_gid(groups[0]).unwrap();
        rustix::thread::set_thread_uid(rustix::process::Uid::from_raw(STRANGER)).unwrap();
        let mut stream = UnixStream::connect(&path).map_err(|error| error.kind())?;
        // It need not be read to be refused.
        let _ = stream.write_all(b"\"undo_all\"\n");
        Ok(answer_on(stream))
    });
    client.join().unwrap()
}

/// Nobody has that number.
const STRANGER: u32 = 54_321;

/// Needs root: only root may become somebody else.
#[test]
fn members_of_the_group_may_ask_whichever_of_their_groups_it_is() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let mut site = site(|_| ());
    std::fs::set_permissions(site.folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let own = nix::unistd::getegid().as_raw();
    for groups in [&[own][..], &[STRANGER, own]] {
        let path = site.path();
        let groups = groups.to_vec();
        let client = thread::spawn(move || as_another(&path, &groups));
        let asked = site.taken();
        assert_eq!(*asked.by, *format!("somebody (uid {STRANGER}, pid {})", std::process::id()));
        asked.answer(Reply::Done(Vec::new()));
        assert_eq!(client.join().unwrap(), Ok(Some(Reply::Done(Vec::new()))));
    }
    assert_eq!(as_another(&site.path(), &[STRANGER]), Err(io::ErrorKind::PermissionDenied));
    assert_eq!(site.control.next_stranger(), None, "the kernel has turned him away");
}

/// Needs root: only root may become somebody else.
#[test]
fn another_user_is_refused_even_if_the_file_lets_him_in() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let mut site = site(|_| ());
    let path = site.path();
    std::fs::set_permissions(site.folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o666)).unwrap();
    let own = nix::unistd::getegid().as_raw();
    let text = refusal(as_another(&path, &[STRANGER, own]).unwrap());
    assert!(text.contains("(uid 54321, pid") && text.contains("may not ask: only root"), "{text}");
    assert!(site.control.next_stranger().is_some_and(|by| by.starts_with("somebody (uid 54321")));
    assert_eq!(site.control.next_stranger(), None);
    for _ in 0..Limits::default().strangers + 9 {
        as_another(&path, &[STRANGER]).unwrap();
    }
    let told = std::iter::from_fn(|| site.control.next_stranger()).count();
    assert_eq!(told, Limits::default().strangers, "who asks often is not told of as often");
    assert_eq!(site.woken.load(Ordering::SeqCst), 0, "the loop is not woken for him");
    assert!(site.control.next_request().is_none());
    assert!(site.is_alive());
}

#[test]
fn dropping_it_ends_every_connection() {
    let site = site(|_| ());
    let mut stream = connect(&site.path());
    drop(site.control);
    // A connection that was not accepted yet is reset.
    let ended = stream.read(&mut [0; 16]);
    assert!(matches!(&ended, Ok(0)) || ended.is_err_and(|error| error.kind() == io::ErrorKind::ConnectionReset));
}

/// A loop that stands still keeps nobody from asking how things stand.
#[test]
fn the_status_is_told_without_the_loop() {
    let folder = tempfile::tempdir().unwrap();
    let publisher = crate::export::Publisher::new(crate::export::fixture::snapshot());
    let wake = || panic!("the loop is not asked");
    let _control = Control::start_telling(folder.path(), wake, publisher.published()).unwrap();
    let mut stream = std::os::unix::net::UnixStream::connect(folder.path().join(SOCKET)).unwrap();
    stream.write_all(b"\"status\"\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let Reply::Status(json) = serde_json::from_str(&answer).unwrap() else { panic!("{answer}") };
    let status: crate::export::status::Status = serde_json::from_str(&json).unwrap();
    assert_eq!(status.targets.len(), 3);
}
