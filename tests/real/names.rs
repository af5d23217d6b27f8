//! Peers by host name.

use std::path::Path;

use super::support::{Daemon, Leaker, Peer, eventually, target, texts, tradedog};

const BROKER: &[(&str, &str)] = &[("target", "trader"), ("process", "0"), ("state", "close_wait"), ("peer", "broker")];

fn text(leaker: &Leaker, (name, port): (&str, u16)) -> String {
    let tables = "[target.trader.thresholds]\n\"close_wait.broker\" = { elevated = 3 }\n\
         [target.trader.ladder]\nelevated = [\"ask\"]\n[target.trader.actions]\nask = { signal = \"SIGUSR1\" }\n";
    format!("[peers]\nbroker = \"{name}:{port}\"\n{}", target(leaker, tables))
}

#[test]
fn a_leak_towards_a_host_name_is_seen_and_a_reload_forgets_no_address() {
    let mut leaker = Leaker::handling(&["SIGUSR1"]).start();
    let (peer, other) = (Peer::listen(), Peer::listen());
    let daemon = Daemon::told(&text(&leaker, ("localhost", peer.port))).start();
    leaker.tell(&format!("connect 6 {}", other.port));
    other.close(6);
    leaker.tell(&format!("connect 5 {}", peer.port));
    peer.close(2);
    daemon.wait_for(10, ("tradedog_process_sockets", BROKER), 2.0);
    assert!(leaker.signals().is_empty(), "those of the other peer count for nobody");
    peer.close(2);
    daemon.wait_for(10, ("tradedog_process_sockets", BROKER), 4.0);
    eventually(5, "it is asked", || (leaker.signals() == ["SIGUSR1"]).then_some(()));
    daemon.reload();
    daemon.wait_for(10, ("tradedog_process_sockets", BROKER), 4.0);
    assert!(!daemon.log().contains("cannot be resolved"), "{}", daemon.log());
    assert_eq!(daemon.get("/-/ready").unwrap().0, 200);
}

#[test]
fn a_name_that_nobody_knows_is_told_of_and_counts_nothing() {
    const NOWHERE: &str = "no-such-host.invalid";
    let mut leaker = Leaker::handling(&["SIGUSR1"]).start();
    let peer = Peer::listen();
    let daemon = Daemon::told(&text(&leaker, (NOWHERE, peer.port))).start();
    leaker.tell(&format!("connect 5 {}", peer.port));
    peer.close(5);
    let blind = ("tradedog_reading_unknown", &[("target", "trader"), ("metric", "close_wait.broker")][..]);
    daemon.wait_for(10, blind, 1.0);
    assert_eq!(daemon.value("tradedog_process_sockets", BROKER), None, "unknown is not zero");
    eventually(40, "the log tells of it", || daemon.log().contains(NOWHERE).then_some(()));
    let ready = eventually(10, "it is not ready for that", || {
        let (status, text) = daemon.get("/-/ready").unwrap();
        (status == 503 && text.contains(NOWHERE)).then_some(text)
    });
    assert!(ready.contains("cannot be resolved"), "{ready}");
    let (_, status) = daemon.get("/api/v1/status").unwrap();
    assert!(status.contains(NOWHERE));
    std::thread::sleep(std::time::Duration::from_secs(3));
    let told = daemon.log().lines().filter(|line| line.contains("cannot be resolved")).count();
    assert_eq!(told, 1, "once:\n{}", daemon.log());
    assert!(leaker.signals().is_empty());
    // The same file, looked at by an operator.
    let path = daemon.configuration();
    let (_, said, _) = texts(&tradedog(Path::new("/"), &["check", "--config", path.to_str().unwrap()]));
    assert!(said.contains(NOWHERE) && said.contains("close_wait.broker"), "{said}");
}
