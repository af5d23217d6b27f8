//! Against a real datagram socket, as systemd's.

use std::sync::Arc;

use super::*;
use crate::config::Config;
use crate::export::fixture;

const WATCHDOG: Duration = Duration::from_secs(30);

/// The other end.
struct Systemd {
    socket: UnixDatagram,
    folder: tempfile::TempDir,
}

impl Systemd {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = UnixDatagram::bind(folder.path().join("notify")).unwrap();
        socket.set_nonblocking(true).unwrap();
        Self { socket, folder }
    }

    fn notify(&self, watchdog: Option<Duration>) -> Notify {
        let wire = Wire::to(self.folder.path().join("notify").as_os_str());
        assert!(wire.is_some());
        Notify::new(wire, watchdog, at(0))
    }

    /// The lines of each datagram since the last time.
    fn heard(&self) -> Vec<Vec<String>> {
        let mut buffer = [0; 4096];
        let mut heard = Vec::new();
        while let Ok(length) = self.socket.recv(&mut buffer) {
            heard.push(std::str::from_utf8(&buffer[..length]).unwrap().lines().map(str::to_owned).collect());
        }
        heard
    }
}

fn at(seconds: u64) -> Moment {
    Moment::from_secs(1_000 + seconds)
}

fn begun() -> Snapshot {
    fixture::snapshot()
}

fn starting() -> Snapshot {
    Snapshot::empty(Arc::clone(&begun().config))
}

#[test]
fn ready_is_told_after_the_first_pass_and_the_watchdog_fed_at_most_every_quarter() {
    let systemd = Systemd::new();
    let mut notify = systemd.notify(Some(WATCHDOG));
    for second in 0..3 {
        notify.finished(&starting(), false, at(second));
    }
    assert_eq!(systemd.heard(), Vec::<Vec<String>>::new(), "nothing was read yet");

    notify.finished(&begun(), false, at(3));
    let heard = systemd.heard();
    assert_eq!(heard.len(), 1);
    assert_eq!(heard[0][..2], ["READY=1", "WATCHDOG=1"]);
    assert_eq!(heard[0][2], format!("STATUS={}", status(&begun())));

    for second in 4..=33 {
        notify.finished(&begun(), false, at(second));
    }
    assert_eq!(systemd.heard(), vec![vec!["WATCHDOG=1"]; 3], "30 s of passes, 8 s apart at the soonest");
}

#[test]
fn a_loop_whose_passes_are_rare_comes_in_time() {
    let systemd = Systemd::new();
    let mut notify = systemd.notify(Some(Duration::from_secs(2)));
    assert_eq!(notify.next(), Some(at(10)), "told at last, whatever is still missing");
    let mut now = at(0);
    notify.finished(&begun(), false, now);
    systemd.heard();
    for _ in 0..20 {
        let next = notify.next().unwrap();
        assert_eq!(next.since(now), Duration::from_secs(1));
        now = next;
        notify.finished(&begun(), false, now);
        assert_eq!(systemd.heard(), [["WATCHDOG=1"]]);
    }
}

#[test]
fn a_start_that_takes_long_is_told_with_what_is_missing() {
    let systemd = Systemd::new();
    let mut notify = systemd.notify(Some(WATCHDOG));
    notify.finished(&starting(), false, at(9));
    assert!(systemd.heard().is_empty());
    notify.finished(&starting(), false, at(10));
    let heard = systemd.heard().remove(0);
    assert_eq!(heard[0], "READY=1");
    assert!(heard[2].ends_with("NOT READY: no pass has been made yet"), "{heard:?}");
}

#[test]
fn a_reload_is_told_with_its_time_and_its_end() {
    let systemd = Systemd::new();
    let mut notify = systemd.notify(Some(WATCHDOG));
    notify.finished(&begun(), false, at(0));
    systemd.heard();
    notify.reloading();
    notify.finished(&begun(), true, at(1));
    let heard = systemd.heard();
    assert_eq!(heard.len(), 1, "{heard:?}");
    assert_eq!(heard[0][0], "RELOADING=1");
    let time = heard[0][1].strip_prefix("MONOTONIC_USEC=").unwrap();
    assert!(time.parse::<u64>().unwrap() > 0);
    notify.finished(&begun(), false, at(2));
    assert_eq!(systemd.heard(), [["READY=1", "WATCHDOG=1"]]);
    notify.finished(&begun(), false, at(3));
    assert!(systemd.heard().is_empty());
}

#[test]
fn the_end_is_told() {
    let systemd = Systemd::new();
    systemd.notify(None).stopping();
    assert_eq!(systemd.heard(), [["STOPPING=1", "STATUS=stopping"]]);
}

#[test]
fn without_a_watchdog_only_a_new_status_is_told() {
    let systemd = Systemd::new();
    let mut notify = systemd.notify(None);
    notify.finished(&begun(), false, at(0));
    assert_eq!(notify.next(), None);
    for second in 1..60 {
        notify.finished(&begun(), false, at(second));
    }
    let mut blind = begun();
    blind.not_ready.push("trader[0]:\nWATCHDOG=trigger".to_owned());
    notify.finished(&blind, false, at(60));
    let heard = systemd.heard();
    assert_eq!(heard.len(), 2);
    assert_eq!(heard[1], [format!("STATUS={}", status(&blind))], "one line, whatever a name contains");
}

#[test]
fn a_systemd_that_takes_nothing_is_neither_waited_for_nor_beset() {
    let systemd = Systemd::new();
    let mut notify = systemd.notify(Some(WATCHDOG));
    let wire = Wire::to(systemd.folder.path().join("notify").as_os_str()).unwrap();
    let mut filled = 0;
    while wire.send(&[NotifyState::Status("full")]).is_ok() {
        filled += 1;
        assert!(filled < 100_000, "the queue has no end");
    }
    notify.finished(&begun(), false, at(0));
    assert_eq!(notify.next(), Some(at(1)), "later, and no busy loop until then");
    notify.finished(&begun(), false, at(0));
    assert_eq!(systemd.heard().len(), filled);
    notify.finished(&begun(), false, at(1));
    assert_eq!(systemd.heard()[0][0], "READY=1");
}

#[test]
fn one_that_is_not_there_costs_nothing() {
    let mut silent = Notify::new(None, None, at(0));
    silent.reloading();
    silent.stopping();
    silent.finished(&begun(), false, at(100));
    assert_eq!(silent.next(), None);
    for name in ["", "relative", "vsock:2:1234"] {
        assert!(Wire::to(OsStr::new(name)).is_none(), "{name}");
    }
    assert!(Wire::to(OsStr::new("@abstract")).is_some());
    let gone = Wire::to(OsStr::new("/nowhere/notify")).unwrap();
    assert!(gone.send(&[NotifyState::Ready]).is_err());
}

#[test]
fn the_status_names_the_worst() {
    let text = status(&begun());
    assert_eq!(text, "5 processes of 3 targets; workers is critical; NOT READY: trader[1]: open_fds is denied");
    let mut calm = starting();
    calm.not_ready = ["one", "two", "three"].map(str::to_owned).to_vec();
    assert_eq!(status(&calm), "0 processes of 3 targets; NOT READY: one (and 2 more)");
    let mut dry = Config::clone(&begun().config);
    dry.daemon.dry_run = true;
    let mut dry = Snapshot::empty(Arc::new(dry));
    dry.not_ready.clear();
    dry.host_ladder.level = Level::Critical;
    assert_eq!(status(&dry), "0 processes of 3 targets; the host is critical; DRY RUN: nothing is done");
    dry.not_ready.push("x".repeat(4096));
    assert_eq!(status(&dry).chars().count(), STATUS_CHARS);
}
