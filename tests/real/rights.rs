//! What is denied is said to be denied: it is not zero, not healthy, and raises nothing.

use std::time::Duration;

use super::support::{Daemon, Leaker, eventually, has, is_root, throughout};

const TRADER: (&str, &str) = ("target", "trader");

fn told(leaker: &Leaker) -> String {
    format!(
        r#"
[target.trader]
match = {{ cmdline = "{}" }}
[target.trader.thresholds]
close_wait = {{ elevated = 1 }}
[target.trader.ladder]
elevated = ["reset_pool"]
[target.trader.actions]
reset_pool = {{ signal = "SIGUSR1" }}
"#,
        leaker.tag()
    )
}

#[test]
fn a_denied_reading_is_unknown_and_makes_the_daemon_not_ready() {
    if !is_root() || !has("setpriv") {
        return;
    }
    let mut leaker = Leaker::handling(&["SIGUSR1"]).start();
    leaker.tell("cw 5");
    let daemon = Daemon::told(&told(&leaker)).run_by_nobody().start();
    daemon.wait_for(5, ("tradedog_process_pid", &[TRADER]), f64::from(leaker.pid()));
    daemon.wait_for(5, ("tradedog_reading_unknown", &[TRADER, ("metric", "close_wait")]), 1.0);
    let close_wait = daemon.value("tradedog_process_sockets", &[TRADER, ("state", "close_wait"), ("peer", "")]);
    assert_eq!(close_wait, None, "a count that nobody could make");
    let (code, body) = eventually(5, "an answer of /-/ready", || daemon.get("/-/ready"));
    assert_eq!(code, 503, "{body}");
    assert!(body.contains("close_wait") && body.contains("denied"), "it does not say why: {body}");
    throughout(Duration::from_secs(1), "no order out of an unknown reading", || leaker.signals().is_empty());
    let (code, _) = daemon.get("/-/healthy").unwrap();
    assert_eq!(code, 200, "it is healthy, only not ready");
}

#[test]
fn with_the_rights_it_is_ready_and_acts() {
    let mut leaker = Leaker::handling(&["SIGUSR1"]).start();
    leaker.tell("cw 5");
    let daemon = Daemon::told(&told(&leaker)).start();
    daemon.wait_for_order(5, "reset_pool", ("delivered", "none"));
    eventually(5, "ready", || daemon.get("/-/ready").filter(|(status, _)| *status == 200));
    assert_eq!(daemon.value("tradedog_reading_unknown", &[TRADER, ("metric", "close_wait")]).unwrap_or(0.0), 0.0);
}

/// Since Linux 6.2 the count of descriptors needs no right at all; the signal does.
#[test]
fn a_signal_that_the_kernel_refuses_is_a_failure_and_said_so() {
    if !is_root() || !has("setpriv") {
        return;
    }
    let mut leaker = Leaker::handling(&["SIGUSR1"]).start();
    let told = told(&leaker).replace("close_wait = { elevated = 1 }", "threads = { elevated = 5 }");
    let daemon = Daemon::told(&told).run_by_nobody().start();
    leaker.tell("threads 9");
    daemon.wait_for(5, ("tradedog_level", &[TRADER]), 1.0);
    eventually(5, "word of the refusal", || daemon.log().contains("refused").then_some(()));
    assert!(leaker.signals().is_empty());
    assert_eq!(daemon.orders("reset_pool", "delivered", "none"), 0.0);
}
