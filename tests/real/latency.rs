//! Decisions do not wait: from a breach to the signal in the process, with somebody else's trouble and
//! without. The figures are printed; only what nobody could explain fails.

use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::support::{Answer, Daemon, Endpoint, Leaker, Survived, eventually, status, watching};

/// No trouble of others explains a signal later than that.
const MOST: Duration = Duration::from_secs(3);

/// The quick one: a signal at 60 open files, again each time.
pub(super) fn quick(leaker: &Leaker) -> String {
    format!(
        r#"
[target.quick]
match = {{ cmdline = "{}", user = "{{user}}" }}
[target.quick.thresholds]
open_fds = {{ elevated = 60, clear_hold = "200ms" }}
[target.quick.ladder]
elevated = ["reset_pool"]
[target.quick.actions]
reset_pool = {{ signal = "SIGUSR1", cooldown = "100ms" }}
"#,
        leaker.tag()
    )
}

/// From the breach to the signal, several times; the longest.
pub(super) fn longest(leaker: &mut Leaker, daemon: &Daemon, what: &str) -> Duration {
    let mut took = Vec::new();
    for round in 0..5 {
        leaker.tell("files 5");
        daemon.wait_for(5, ("tradedog_target_level", &[("target", "quick")]), 0.0);
        // Each time at another moment between two readings.
        thread::sleep(Duration::from_millis(150 + 37 * round));
        let before = leaker.signals().len();
        let breached = Instant::now();
        leaker.tell("files 80");
        while leaker.signals().len() == before {
            assert!(breached.elapsed() < MOST, "{what}: no signal within {MOST:?}");
            thread::sleep(Duration::from_millis(1));
        }
        took.push(breached.elapsed());
        daemon.wait_for(5, ("tradedog_target_level", &[("target", "quick")]), 1.0);
    }
    let longest = took.iter().copied().max().unwrap();
    println!("{what}: {took:.0?}, the longest {longest:.0?}");
    longest
}

/// So many processes that do nothing; they end with this value.
struct Sleepers(Vec<Child>);

impl Sleepers {
    fn start(count: usize, seconds: &str) -> Self {
        let one = |_| Command::new("sleep").arg(seconds).stdin(Stdio::null()).spawn().unwrap();
        Self((0..count).map(one).collect())
    }
}

impl Drop for Sleepers {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A measure over HTTP for each process of that command line, from the start on.
fn slow(seconds: &str, endpoint: &Endpoint) -> String {
    format!(
        r#"
[target.slow]
match = {{ cmdline = "sleep {seconds}$", user = "{{user}}" }}
[target.slow.thresholds]
open_fds = {{ elevated = 1 }}
[target.slow.ladder]
elevated = ["ask"]
[target.slow.actions]
ask = {{ http = {{ post = "{}", timeout = "30s" }}, scope = "process" }}
"#,
        endpoint.url("/ask")
    )
}

#[test]
fn a_hung_endpoint_delays_nobody_else() {
    let (endpoint, mut leaker) = (Endpoint::start(), Leaker::handling(&["SIGUSR1"]).start());
    let seconds = format!("701.{}", std::process::id());
    let daemon = Daemon::told(&format!("{}{}", quick(&leaker), slow(&seconds, &endpoint))).start();
    endpoint.answer("/ask", &[Answer::Hang]);
    longest(&mut leaker, &daemon, "without a hung endpoint");
    let _sleeper = Sleepers::start(1, &seconds);
    endpoint.wait_for(35, "/ask", 1);
    longest(&mut leaker, &daemon, "with a hung endpoint");
    assert_eq!(daemon.orders("ask", "failed", "timeout"), 0.0, "it hung all the while");
}

/// More orders than are delivered at a time, and each of them hangs.
#[test]
fn a_full_order_queue_delays_nobody_else() {
    let (endpoint, mut leaker) = (Endpoint::start(), Leaker::handling(&["SIGUSR1"]).start());
    let seconds = format!("702.{}", std::process::id());
    let daemon = Daemon::told(&format!("{}{}", quick(&leaker), slow(&seconds, &endpoint))).start();
    endpoint.answer("/ask", &[Answer::Hang]);
    longest(&mut leaker, &daemon, "without a full queue");
    let sleepers = Sleepers::start(80, &seconds);
    daemon.wait_for(40, ("tradedog_target_processes", &[("target", "slow")]), 80.0);
    let full = &[("action", "ask"), ("reason", "queue_full")][..];
    let waiting = eventually(10, "orders that found no place", || {
        daemon.value("tradedog_order_waiting", full).filter(|count| *count >= 1.0)
    });
    println!("{} under way, {waiting} found no place", endpoint.count("/ask"));
    let latest = longest(&mut leaker, &daemon, "with a full queue");
    assert!(status(daemon.pid(), "VmRSS") < 60 * 1024, "it has grown");
    // Who found no place is tried again: nobody is lost, and nobody is asked twice.
    endpoint.let_go();
    endpoint.answer("/ask", &[Answer::Status(204)]);
    let labels = &[("action", "ask"), ("outcome", "acknowledged")];
    daemon.wait_for(25, ("tradedog_orders_total", labels), 80.0);
    assert_eq!(endpoint.count("/ask"), 80);
    let fault = "more orders than can be under way, to an endpoint that hangs";
    Survived { fault, tried: "80 orders", next_order: Some(latest), lost: "none of the 80" }.tell();
    drop(sleepers);
}

#[test]
fn a_log_that_nobody_reads_delays_nobody() {
    let mut leaker = Leaker::handling(&["SIGUSR1"]).start();
    let daemon = Daemon::told(&quick(&leaker)).start();
    longest(&mut leaker, &daemon, "with a log");
    drop(daemon);
    let mut daemon = Daemon::told(&quick(&leaker)).with_unread_log().start();
    let latest = longest(&mut leaker, &daemon, "with a log that nobody reads");
    let lost = "lines, counted";
    Survived { fault: "a log that nobody reads", tried: "5 orders", next_order: Some(latest), lost }.tell();
    let asked = Instant::now();
    assert!(daemon.stop().success());
    println!("stopped after {:?}", asked.elapsed());
}

/// It stands still from the start: whatever asks it waits, and nothing else does.
#[test]
fn a_process_that_stands_still_delays_nobody_else() {
    let (mut leaker, still) = (Leaker::handling(&["SIGUSR1"]).start(), Leaker::handling(&[]).start());
    let both = format!("{}{}", quick(&leaker), quick(&still).replace("target.quick", "target.still"));
    let daemon = Daemon::told(&both).start();
    longest(&mut leaker, &daemon, "with all running");
    kill(Pid::from_raw(still.pid()), Signal::SIGSTOP).unwrap();
    let latest = longest(&mut leaker, &daemon, "with one that stands still");
    let lost = "nothing";
    Survived { fault: "another process stands still (SIGSTOP)", tried: "5 orders", next_order: Some(latest), lost }
        .tell();
    kill(Pid::from_raw(still.pid()), Signal::SIGCONT).unwrap();
}

/// One order of a process is in flight at a time, but a kill waits for none that it does not need.
#[test]
fn a_kill_does_not_wait_for_what_is_in_flight() {
    let (endpoint, mut leaker) = (Endpoint::start(), Leaker::handling(&[]).start());
    endpoint.answer("/off", &[Answer::Hang]);
    let daemon = watching(
        &leaker,
        &format!(
            r#"
[target.trader.thresholds]
open_fds = {{ warning = 100, fatal = 200 }}
[target.trader.ladder]
warning = ["disable_websocket"]
fatal = ["kill"]
[target.trader.actions]
disable_websocket = {{ http = {{ post = "{}", timeout = "30s" }} }}
kill = {{ kill = {{ grace = "5s" }} }}
"#,
            endpoint.url("/off")
        ),
    );
    leaker.tell("files 120");
    endpoint.wait_for(4, "/off", 1);
    leaker.tell("files 250");
    let breached = Instant::now();
    leaker.end_signal(4, "killed while another order hangs");
    println!("killed {:.0?} after the breach, with an order in flight that hangs", breached.elapsed());
    assert!(breached.elapsed() < MOST, "killed after {:?}", breached.elapsed());
    daemon.wait_for_order(2, "kill", ("gone", "none"));
}

/// What serves all of a target hangs; what serves another of its processes goes out.
#[test]
fn a_hung_measure_of_all_delays_no_signal_to_another() {
    let (endpoint, mut first) = (Endpoint::start(), Leaker::handling(&["SIGUSR1"]).start());
    let mut second = Leaker::handling(&["SIGUSR1"]).beside(&first).start();
    endpoint.answer("/off", &[Answer::Hang]);
    let daemon = watching(
        &first,
        &format!(
            r#"
[target.trader.thresholds]
open_fds = {{ elevated = 60, warning = 100 }}
[target.trader.ladder]
elevated = ["reset_pool"]
warning = ["disable_websocket"]
[target.trader.actions]
disable_websocket = {{ http = {{ post = "{}", timeout = "30s" }} }}
reset_pool = {{ signal = "SIGUSR1" }}
"#,
            endpoint.url("/off")
        ),
    );
    daemon.wait_for(5, ("tradedog_target_processes", &[("target", "trader")]), 2.0);
    first.tell("files 120");
    endpoint.wait_for(4, "/off", 1);
    second.tell("files 80");
    let breached = Instant::now();
    eventually(3, "the signal to the other", || (second.signals() == ["SIGUSR1"]).then_some(()));
    println!("signalled {:.0?} after the breach, with a measure of all that hangs", breached.elapsed());
    assert_eq!(first.signals(), ["SIGUSR1"]);
}
