//! Processes that are judged together, and the host: no single one is to blame, the sum is.

use std::time::Duration;

use nix::libc::SIGTERM;

use super::support::{Daemon, Leaker, Peer, eventually, throughout};

const TRADER: (&str, &str) = ("target", "trader");
const ALL: (&str, &str) = ("process", "all");

fn watching(leaker: &Leaker, rest: &str) -> Daemon {
    let tag = leaker.tag();
    Daemon::told(&format!(
        "[target.trader]\nmatch = {{ cmdline = \"{tag}\", user = \"{{user}}\" }}\nper = \"group\"\nsettle = \"200ms\"\n{rest}"
    ))
    .start()
}

/// The measure goes to every member, and to nobody else.
#[test]
fn members_that_are_calm_by_themselves_are_asked_together() {
    let mut first = Leaker::handling(&["SIGUSR1"]).start();
    let mut second = Leaker::handling(&["SIGUSR1"]).beside(&first).start();
    let mut stranger = Leaker::handling(&["SIGUSR1"]).start();
    stranger.tell("files 300");
    let daemon = watching(
        &first,
        "[target.trader.thresholds]\nopen_fds = { elevated = 100, clear_hold = \"1s\" }\n[target.trader.ladder]\nelevated = [\"ask\"]\n\
         [target.trader.actions]\nask = { signal = \"SIGUSR1\" }\n",
    );
    first.tell("files 60");
    let one = (first.fds() + second.fds()) as f64;
    daemon.wait_for(5, ("tradedog_process_open_fds", &[TRADER, ALL]), one);
    throughout(Duration::from_millis(1500), "below the bound nobody is asked", || first.signals().is_empty());
    second.tell("files 60");
    let both = (first.fds() + second.fds()) as f64;
    daemon.wait_for(5, ("tradedog_process_open_fds", &[TRADER, ALL]), both);
    daemon.wait_for(5, ("tradedog_level", &[TRADER, ALL]), 1.0);
    for member in [&first, &second] {
        eventually(5, "each member is asked", || (member.signals() == ["SIGUSR1"]).then_some(()));
    }
    assert!(stranger.signals().is_empty() && stranger.lives());
    first.tell("files 1");
    daemon.wait_for(5, ("tradedog_level", &[TRADER, ALL]), 0.0);
    assert_eq!(second.signals(), ["SIGUSR1"]);
}

#[test]
fn of_a_group_the_largest_contributor_is_killed_and_then_it_is_enough() {
    let mut small = Leaker::handling(&[]).start();
    let mut large = Leaker::handling(&[]).beside(&small).start();
    let daemon = watching(
        &small,
        "[target.trader.thresholds]\nopen_fds = { fatal = 150 }\n[target.trader.ladder]\nfatal = [\"kill\"]\n\
         [target.trader.actions]\nkill = { kill = { grace = \"5s\" } }\n",
    );
    daemon.wait_for(5, ("tradedog_target_processes", &[TRADER]), 2.0);
    small.tell("files 70");
    throughout(Duration::from_millis(1500), "half of it is no reason", || small.lives());
    large.tell("files 90");
    assert_eq!(large.end_signal(6, "the larger one is killed"), Some(SIGTERM));
    daemon.wait_for_order(5, "kill", ("gone", "none"));
    let left = small.fds() as f64;
    daemon.wait_for(5, ("tradedog_process_open_fds", &[TRADER, ALL]), left);
    throughout(Duration::from_secs(2), "the smaller one lives", || small.lives());
}

/// The host's connections with a peer, whoever has them, move the host's ladder.
#[test]
fn a_metric_of_the_host_asks_the_target_that_its_ladder_names() {
    let mut asked = Leaker::handling(&["SIGUSR1"]).start();
    let mut stranger = Leaker::handling(&["SIGUSR1"]).start();
    let peer = Peer::listen();
    let daemon = Daemon::told(&format!(
        "[peers]\nbroker = \"127.0.0.1:{}\"\n[host.thresholds]\n\"host_established.broker\" = {{ warning = 5 }}\n\
         [host.ladder]\nwarning = [\"trader.ask\"]\n[target.trader]\nmatch = {{ cmdline = \"{}\", user = \"{{user}}\" }}\n\
         [target.trader.actions]\nask = {{ signal = \"SIGUSR1\" }}\n",
        peer.port,
        asked.tag()
    ))
    .start();
    let broker = [("peer", "broker")];
    stranger.tell(&format!("connect 4 {}", peer.port));
    daemon.wait_for(5, ("tradedog_host_established_sockets", &broker), 4.0);
    throughout(Duration::from_millis(1500), "below the bound nobody is asked", || asked.signals().is_empty());
    asked.tell(&format!("connect 2 {}", peer.port));
    daemon.wait_for(5, ("tradedog_host_established_sockets", &broker), 6.0);
    eventually(5, "the target is asked", || (asked.signals() == ["SIGUSR1"]).then_some(()));
    assert!(stranger.signals().is_empty() && stranger.lives() && asked.lives());
}
