//! Memory of cgroups, and waiting for the disk: who is past the bound is asked or killed, who is not is left.

use std::path::Path;
use std::time::Duration;

use nix::libc::SIGTERM;

use super::support::{Group, Leaker, eventually, texts, throughout, tradedog, watching};

const FIRST: &[(&str, &str)] = &[("target", "trader"), ("process", "0")];
const SECOND: &[(&str, &str)] = &[("target", "trader"), ("process", "1")];

#[test]
fn who_is_in_a_large_cgroup_is_asked_and_who_is_in_a_small_one_is_not() {
    let mut large = Leaker::handling(&["SIGUSR1"]).start();
    let Some(group) = Group::accounted(&large.tag(), &[large.pid()]) else { return };
    let daemon = watching(
        &large,
        "[target.trader.thresholds]\ncgroup_memory = { elevated = \"100MB\", clear_hold = \"500ms\" }\n\
         cgroup_memory_usage = { expected = \"90%\" }\n[target.trader.ladder]\nelevated = [\"ask\"]\n\
         [target.trader.actions]\nask = { signal = \"SIGUSR1\" }\n",
    );
    daemon.wait_for(5, ("tradedog_target_processes", &[("target", "trader")]), 1.0);
    let mut small = Leaker::handling(&["SIGUSR1"]).beside(&large).start();
    let Some(other) = Group::accounted(&format!("{}-small", large.tag()), &[small.pid()]) else { return };
    daemon.wait_for(5, ("tradedog_target_processes", &[("target", "trader")]), 2.0);
    small.tell("mem 20000000");
    group.limit(400_000_000);
    large.tell("mem 150000000");
    daemon.wait_for(15, ("tradedog_level", FIRST), 1.0);
    eventually(5, "it is asked", || (large.signals() == ["SIGUSR1"]).then_some(()));
    assert!(small.signals().is_empty());
    let near = |series: &str, process, wanted: f64| {
        eventually(15, series, || daemon.value(series, process).filter(|value| (value - wanted).abs() < 30e6))
    };
    near("tradedog_process_cgroup_memory_bytes", FIRST, group.account().unwrap());
    near("tradedog_process_cgroup_memory_bytes", SECOND, other.account().unwrap());
    near("tradedog_process_cgroup_working_set_bytes", FIRST, 160e6);
    near("tradedog_process_cgroup_memory_limit_bytes", FIRST, 400e6);
    assert_eq!(daemon.value("tradedog_process_cgroup_memory_limit_bytes", SECOND), None, "it has none");
    // It moves, and what it left behind is no more its own.
    other.add(large.pid());
    daemon.wait_for(15, ("tradedog_level", FIRST), 0.0);
    assert!(large.lives() && small.lives() && small.signals().is_empty());
}

/// Nobody dies for the memory of strangers, and everybody for his own.
#[test]
fn a_cgroup_orders_a_kill_only_where_all_in_it_are_the_targets() {
    let mut trader = Leaker::handling(&[]).start();
    let mut stranger = Leaker::handling(&[]).start();
    let Some(group) = Group::accounted(&trader.tag(), &[trader.pid(), stranger.pid()]) else { return };
    let daemon = watching(
        &trader,
        "[target.trader.thresholds]\ncgroup_working_set = { fatal = \"100MB\" }\n[target.trader.ladder]\nfatal = [\"kill\"]\n\
         [target.trader.actions]\nkill = { kill = { grace = \"5s\" } }\n",
    );
    stranger.tell("mem 150000000");
    daemon.wait_for(15, ("tradedog_level", FIRST), 4.0);
    daemon.wait_for_order(15, "kill", ("vetoed", "identity"));
    throughout(Duration::from_secs(1), "both live", || trader.lives() && stranger.lives());
    let stranger_is_named = format!("also holds pid {}", stranger.pid());
    assert!(daemon.log().contains(&stranger_is_named), "{}", daemon.log());
    let path = daemon.configuration();
    let (_, said, _) = texts(&tradedog(Path::new("/"), &["check", "--config", path.to_str().unwrap()]));
    assert!(said.contains(&stranger_is_named) && said.contains("order no kill"), "{said}");
    // What the stranger leaves behind is the trader's alone to answer for.
    trader.tell("mem 150000000");
    let elsewhere = Group::accounted(&format!("{}-away", trader.tag()), &[stranger.pid()]);
    assert!(elsewhere.is_some() && group.account() > Some(100e6));
    assert_eq!(trader.end_signal(20, "all in its cgroup is the target's"), Some(SIGTERM));
    assert!(stranger.lives());
}

#[test]
fn who_waits_for_the_disk_is_asked_and_who_only_grows_is_not() {
    let mut slow = Leaker::handling(&["SIGUSR1"]).start();
    slow.tell("faulting 1");
    let count = || {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", slow.pid())).unwrap();
        stat.rsplit(") ").next().unwrap().split(' ').nth(9).unwrap().parse::<u64>().unwrap()
    };
    let before = count();
    std::thread::sleep(Duration::from_millis(500));
    if count() < before + 50 {
        eprintln!("skipped: what is on this disk never leaves memory");
        return;
    }
    let mut growing = Leaker::handling(&["SIGUSR1"]).beside(&slow).start();
    let daemon = watching(
        &slow,
        "[target.trader.thresholds]\nmajor_faults = { elevated = \"20/s\", clear_hold = \"500ms\" }\n\
         [target.trader.ladder]\nelevated = [\"ask\"]\n[target.trader.actions]\nask = { signal = \"SIGUSR1\" }\n",
    );
    growing.tell("mem 50000000");
    eventually(10, "it is asked", || (slow.signals() == ["SIGUSR1"]).then_some(()));
    let (status, text) = daemon.get("/api/v1/status").unwrap();
    assert!(status == 200 && text.contains("\"major_faults\""), "{text}");
    slow.tell("faulting 0");
    let (slow, calm) = (("process", "0"), ("process", "1"));
    for process in [slow, calm] {
        daemon.wait_for(10, ("tradedog_level", &[("target", "trader"), process]), 0.0);
    }
    assert!(growing.signals().is_empty());
}
