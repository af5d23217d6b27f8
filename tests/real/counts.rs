//! What is exported is what the kernel's own tools count.

use super::support::{Daemon, Leaker, Peer, ss, status};

const TRADER: (&str, &str) = ("target", "trader");

fn sockets<'a>(state: &'a str, peer: &'a str) -> [(&'a str, &'a str); 3] {
    [TRADER, ("state", state), ("peer", peer)]
}

fn watching(leaker: &Leaker, rest: &str) -> Daemon {
    let tag = leaker.tag();
    Daemon::told(&format!("{rest}\n[target.trader]\nmatch = {{ cmdline = \"{tag}\", user = \"{{user}}\" }}\n")).start()
}

#[test]
fn open_files_equal_ls_at_every_step() {
    let mut leaker = Leaker::handling(&[]).start();
    let daemon = watching(&leaker, "");
    for files in [5, 50, 500, 10] {
        leaker.tell(&format!("files {files}"));
        let there = leaker.fds();
        assert!(there >= files);
        daemon.wait_for(3, ("tradedog_process_open_fds", &[TRADER, ("process", "0")]), there as f64);
    }
    daemon.wait_for(1, ("tradedog_process_pid", &[TRADER]), f64::from(leaker.pid()));
    daemon.wait_for(1, ("tradedog_target_processes", &[TRADER]), 1.0);
}

#[test]
fn sockets_in_close_wait_equal_ss_at_every_step() {
    let mut leaker = Leaker::handling(&[]).start();
    // A peer asks for the other states, too.
    let daemon = watching(&leaker, "[peers]\nnobody = \"127.0.0.1:1\"\n");
    daemon.wait_for(5, ("tradedog_process_sockets", &sockets("close_wait", "")), 0.0);
    for count in [3, 40, 2, 0] {
        leaker.tell(&format!("cw {count}"));
        assert_eq!(ss(leaker.pid(), &["state", "close-wait"]), count);
        daemon.wait_for(5, ("tradedog_process_sockets", &sockets("close_wait", "")), count as f64);
    }
    daemon.wait_for(15, ("tradedog_process_sockets", &sockets("listen", "")), 1.0);
}

#[test]
fn sockets_are_counted_by_peer_too() {
    let mut leaker = Leaker::handling(&[]).start();
    let (broker, postgres) = (Peer::listen(), Peer::listen());
    let peers = format!(
        "[peers]\nbroker = \"127.0.0.1:{}\"\npostgres = \"127.0.0.0/8:{}\"\nnobody = \"127.0.0.1:1\"\n",
        broker.port, postgres.port
    );
    let daemon = watching(&leaker, &peers);
    leaker.tell(&format!("connect 7 {}", broker.port));
    leaker.tell(&format!("connect 4 {}", postgres.port));
    assert_eq!(ss(leaker.pid(), &["state", "established"]), 11);
    for (peer, count) in [("broker", 7.0), ("postgres", 4.0), ("nobody", 0.0), ("", 11.0)] {
        daemon.wait_for(15, ("tradedog_process_sockets", &sockets("established", peer)), count);
    }
    broker.close(5);
    let to_broker = format!(":{}", broker.port);
    assert_eq!(ss(leaker.pid(), &["state", "close-wait", "dport", "=", &to_broker]), 5);
    for (peer, count) in [("broker", 5.0), ("postgres", 0.0), ("", 5.0)] {
        daemon.wait_for(5, ("tradedog_process_sockets", &sockets("close_wait", peer)), count);
    }
    for (peer, count) in [("broker", 2.0), ("", 6.0)] {
        daemon.wait_for(15, ("tradedog_process_sockets", &sockets("established", peer)), count);
    }
}

#[test]
fn memory_threads_and_limits_are_those_of_proc() {
    let mut leaker = Leaker::handling(&[]).start();
    // What a threshold is about is read in each pass, what is only shown is not.
    let thresholds = "[target.trader.thresholds]\nthreads = { elevated = 1_000 }\nswap = { elevated = \"1TB\" }\n";
    let daemon = watching(&leaker, thresholds);
    for (bytes, threads) in [(60_000_000, 5), (1, 0)] {
        leaker.tell(&format!("mem {bytes}"));
        leaker.tell(&format!("threads {threads}"));
        daemon.wait_for(3, ("tradedog_process_threads", &[TRADER]), f64::from(threads + 1));
        let there = status(leaker.pid(), "VmRSS") * 1024;
        let told = daemon.value("tradedog_process_resident_memory_bytes", &[TRADER]).unwrap();
        assert!((told - there as f64).abs() < f64::from(2 << 20), "told {told}, there is {there}");
        assert!(bytes < 2 || told > f64::from(bytes));
    }
    let swapped = status(leaker.pid(), "VmSwap") * 1024;
    daemon.wait_for(3, ("tradedog_process_swap_bytes", &[TRADER]), swapped as f64);
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", leaker.pid())).unwrap();
    let row = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    let soft: f64 = row.split_whitespace().nth(3).unwrap().parse().unwrap();
    daemon.wait_for(3, ("tradedog_process_max_fds", &[TRADER]), soft);
}

#[test]
fn threads_raise_a_level_and_its_fall_clears_it() {
    let mut leaker = Leaker::handling(&[]).start();
    let thresholds = "[target.trader.thresholds]\nthreads = { elevated = 10, clear_hold = \"500ms\" }\n";
    let daemon = watching(&leaker, thresholds);
    daemon.wait_for(3, ("tradedog_level", &[TRADER, ("ladder", "default")]), 0.0);
    let (_, status) = daemon.get("/api/v1/status").unwrap();
    let status: serde_json::Value = serde_json::from_str(&status).unwrap();
    let member = &status["targets"][0]["members"][0];
    let since = member["thresholds"][0]["since"].as_f64().unwrap();
    assert!(since >= member["started"].as_f64().unwrap(), "normal since before the process began: {status}");
    leaker.tell("threads 20");
    daemon.wait_for(3, ("tradedog_level", &[TRADER, ("ladder", "default")]), 1.0);
    daemon.wait_for(1, ("tradedog_metric_level", &[TRADER, ("metric", "threads")]), 1.0);
    daemon.wait_for(1, ("tradedog_target_level", &[TRADER]), 1.0);
    daemon.wait_for(1, ("tradedog_threshold", &[TRADER, ("metric", "threads"), ("level", "elevated")]), 10.0);
    leaker.tell("threads 1");
    daemon.wait_for(3, ("tradedog_level", &[TRADER, ("ladder", "default")]), 0.0);
}

/// Every metric that takes a bound raises its threshold when it is at or past it, and only then.
#[test]
fn each_metric_raises_its_own_threshold_and_no_other() {
    let mut leaker = Leaker::handling(&[]).start();
    leaker.tell("cw 3");
    let thresholds = r#"
[peers]
own = "127.0.0.1:*"
[target.trader.thresholds]
open_fds = { elevated = 5 }
fd_usage = { warning = "0.001%", critical = "90%" }
close_wait = { warning = 3, critical = 4 }
"close_wait.own" = { critical = 3 }
established = { elevated = 100 }
sockets = { critical = 3 }
"sockets.own" = { fatal = 3 }
rss = { elevated = "1MiB", warning = "900GiB" }
swap = { elevated = "900GiB" }
threads = { fatal = 1 }
"#;
    let daemon = watching(&leaker, thresholds);
    let levels = [
        ("open_fds", 1.0),
        ("fd_usage", 2.0),
        ("close_wait", 2.0),
        ("close_wait.own", 3.0),
        ("established", 0.0),
        ("sockets", 3.0),
        ("sockets.own", 4.0),
        ("rss", 1.0),
        ("swap", 0.0),
        ("threads", 4.0),
    ];
    agree(&daemon, &levels);
    daemon.wait_for(1, ("tradedog_level", &[TRADER, ("ladder", "default")]), 4.0);
}

/// Memory pressure is left out: not every kernel keeps account of it.
#[test]
fn each_metric_of_the_host_raises_its_own_threshold_and_no_other() {
    let (peer, mut leaker) = (Peer::listen(), Leaker::handling(&[]).start());
    leaker.tell("cw 3");
    leaker.tell(&format!("connect 2 {}", peer.port));
    let thresholds = r#"
[peers]
own = "127.0.0.1:*"
[target.trader.thresholds]
host_memory_used = { elevated = "0.1%" }
host_swap_used = { elevated = "99.9%" }
host_swap_in = { elevated = "1000000/s" }
host_swap_out = { elevated = "1000000/s" }
host_open_files = { elevated = 5 }
host_established = { elevated = 10000000 }
"host_established.own" = { elevated = 1 }
host_time_wait = { elevated = 10000000 }
"#;
    let daemon = watching(&leaker, thresholds);
    let levels = [
        ("host_memory_used", 1.0),
        ("host_swap_used", 0.0),
        ("host_swap_in", 0.0),
        ("host_swap_out", 0.0),
        ("host_open_files", 1.0),
        ("host_established", 0.0),
        ("host_established.own", 1.0),
        ("host_time_wait", 0.0),
    ];
    agree(&daemon, &levels);
}

fn agree(daemon: &Daemon, levels: &[(&str, f64)]) {
    for &(metric, level) in levels {
        daemon.wait_for(5, ("tradedog_metric_level", &[TRADER, ("metric", metric)]), level);
        daemon.wait_for(1, ("tradedog_reading_unknown", &[TRADER, ("metric", metric)]), 0.0);
    }
}
