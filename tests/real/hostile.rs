//! Names made to mislead, and processes that vanish while they are read.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::support::{BINARY, Daemon, Leaker, assert_lint_clean, eventually, throughout};

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_name_cannot_forge_a_line_or_a_field() {
    let names: [&[u8]; 5] = [b") R 1 (", b"a\nFORGED line", b"\x1b[31mred", b"\xff\xfe\x80", "\u{202e}evil".as_bytes()];
    let arguments =
        [b"\nFORGED argument\n".to_vec(), b"\x1b]0;title\x07".to_vec(), b"\xff\xfe".to_vec(), vec![b'x'; 4096]];
    let arguments: Vec<OsString> = arguments.into_iter().map(OsString::from_vec).collect();
    let mut leaker = Leaker::handling(&["SIGUSR1"]).arguments(arguments).start();
    for name in names {
        leaker.tell(&format!("comm {}", hex(name)));
        leaker.tell("files 10");
        let daemon = Daemon::told(&format!(
            r#"
[target.trader]
match = {{ cmdline = "{}", user = "{{user}}" }}
[target.trader.thresholds]
open_fds = {{ elevated = 60 }}
threads = {{ elevated = 50 }}
[target.trader.ladder]
elevated = ["reset_pool"]
[target.trader.actions]
reset_pool = {{ signal = "SIGUSR1" }}
"#,
            leaker.tag()
        ))
        .start();
        leaker.tell("files 80");
        daemon.wait_for_order(5, "reset_pool", ("delivered", "none"));
        let text = daemon.metrics();
        assert_lint_clean(&text);
        assert_eq!(daemon.value("tradedog_process_threads", &[("target", "trader")]), Some(1.0), "{name:?}");
        let (_, status) = daemon.get("/api/v1/status").unwrap();
        serde_json::from_str::<serde_json::Value>(&status).unwrap();
        for (what, text) in [("metrics", text), ("status", status), ("log", daemon.log())] {
            assert_harmless(what, &text);
        }
    }
}

fn assert_harmless(what: &str, text: &str) {
    let bad = text.chars().find(|c| (c.is_control() && *c != '\n') || ('\u{202a}'..='\u{202e}').contains(c));
    assert_eq!(bad, None, "in {what}:\n{text}");
    assert!(!text.lines().any(|line| line.starts_with("FORGED")), "a forged line in {what}:\n{text}");
}

#[test]
fn a_comm_with_a_parenthesis_matches_by_its_whole_name() {
    let mut odd = Leaker::handling(&[]).start();
    odd.tell(&format!("comm {}", hex(b") R 1 (")));
    let daemon = Daemon::told(&format!(
        "[target.odd]\nmatch = {{ comm = \") R 1 (\", cmdline = \"{tag}\" }}\n[target.other]\nmatch = {{ comm = \"R\", cmdline = \"{tag}\" }}\n",
        tag = odd.tag()
    ))
    .start();
    daemon.wait_for(5, ("tradedog_process_pid", &[("target", "odd")]), f64::from(odd.pid()));
    daemon.wait_for(1, ("tradedog_target_processes", &[("target", "other")]), 0.0);
}

/// A child that is ended and waited for whatever becomes of the test.
struct Brief(Child);

impl Drop for Brief {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn processes_that_vanish_while_they_are_read_make_no_level_and_no_order() {
    // The number is the tag: matched in the arguments of these children alone.
    let unique = std::process::id();
    let brief = |n: u32| {
        Brief(Command::new("sleep").arg(format!("0.0{}{unique:07}", n % 5)).stdin(Stdio::null()).spawn().unwrap())
    };
    let daemon = Daemon::told(&format!(
        r#"
[daemon]
interval = "100ms"
[target.brief]
match = {{ cmdline = "^sleep 0[.]0[0-9]{unique:07}", user = "{{user}}" }}
[target.brief.thresholds]
open_fds = {{ elevated = 50, fatal = 100 }}
rss = {{ elevated = "500MiB", fatal = "900MiB" }}
close_wait = {{ elevated = 1 }}
[target.brief.ladder]
elevated = ["nudge"]
fatal = ["kill"]
[target.brief.actions]
nudge = {{ signal = "SIGUSR1" }}
kill = {{ kill = {{ grace = "1s" }} }}
"#
    ))
    .start();
    let mut alive: Vec<Brief> = Vec::new();
    for n in 0..200 {
        alive.push(brief(n));
        if alive.len() > 20 {
            alive.remove(0);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    drop(alive);
    let level = daemon.value("tradedog_target_level", &[("target", "brief")]);
    assert_eq!(level, Some(0.0), "a level out of nothing; log:\n{}", daemon.log());
    let counted: f64 = daemon.scrape().all("tradedog_orders_total").map(|sample| sample.value).sum();
    assert_eq!(counted, 0.0);
    eventually(5, "an end of their series", || daemon.series_of_processes().is_empty().then_some(()));
    throughout(Duration::from_secs(1), "healthy", || daemon.get("/-/healthy").is_some_and(|(status, _)| status == 200));
    assert!(!daemon.log().contains("panicked"), "{}", daemon.log());
}

/// Of a copy of its own, for the other tests run daemons too.
#[test]
fn the_daemon_never_kills_itself() {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("tradedog");
    std::fs::copy(BINARY, &copy).unwrap();
    let daemon = Daemon::told(&format!(
        r#"
[target.itself]
match = {{ exe = "{}", user = "{{user}}" }}
settle = "500ms"
[target.itself.thresholds]
open_fds = {{ fatal = 1 }}
[target.itself.ladder]
fatal = ["kill"]
[target.itself.actions]
kill = {{ kill = {{ grace = "1s" }} }}
"#,
        copy.display()
    ))
    .binary(&copy)
    .start();
    daemon.wait_for_order(5, "kill", ("vetoed", "protected"));
    throughout(Duration::from_secs(2), "it lives", || {
        daemon.get("/-/healthy").is_some_and(|(status, _)| status == 200)
    });
    assert_eq!(daemon.orders("kill", "gone", "none"), 0.0);
}
