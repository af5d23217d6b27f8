//! What is near a bound is read sooner than once an interval; what is far from every bound is not.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::support::{Daemon, Leaker, eventually};

/// Two processes of one target; the bound is far from where they are.
fn two(daemon: &str) -> (Leaker, Leaker, Daemon) {
    let leaking = Leaker::handling(&[]).start();
    let calm = Leaker::handling(&[]).beside(&leaking).start();
    let daemon = Daemon::told(&format!(
        r#"
[daemon]
{daemon}
[target.trader]
match = {{ cmdline = "{}", user = "{{user}}" }}
[target.trader.thresholds]
open_fds = {{ elevated = 600 }}
"#,
        leaking.tag()
    ))
    .start();
    daemon.wait_for(20, ("tradedog_target_processes", &[("target", "trader")]), 2.0);
    (leaking, calm, daemon)
}

/// When the descriptors of these processes were counted last, in nanoseconds since 1970 or nearly so.
fn counted(daemon: &Daemon, pids: [i32; 2]) -> Option<[i64; 2]> {
    let (_, text) = daemon.get("/api/v1/status")?;
    let status: serde_json::Value = serde_json::from_str(&text).unwrap();
    let members = status["targets"][0]["members"].as_array()?;
    let one = |pid: i32| {
        let member = members.iter().find(|member| member["pid"] == pid)?;
        let at = member["readings"]["open_fds"]["at"].as_f64()?;
        Some(Duration::from_secs_f64(at).as_nanos().try_into().unwrap())
    };
    Some([one(pids[0])?, one(pids[1])?])
}

/// How often each was counted, in as long as the calm one was counted `most` times.
fn counts(daemon: &Daemon, pids: [i32; 2], most: usize) -> [usize; 2] {
    let mut moments = [BTreeSet::new(), BTreeSet::new()];
    eventually(60, "readings of the calm one", || {
        for (moments, at) in moments.iter_mut().zip(counted(daemon, pids)?) {
            moments.insert(at);
        }
        (moments[1].len() > most).then_some(())
    });
    moments.map(|moments| moments.len() - 1)
}

#[test]
fn a_leaking_process_near_its_bound_is_read_more_often_than_a_calm_one_beside_it() {
    let (mut leaking, calm, daemon) = two("interval = \"1s\"");
    let pids = [leaking.pid(), calm.pid()];
    let [first, second] = counts(&daemon, pids, 3);
    assert!(first.abs_diff(second) <= 1, "far from the bound: {first} and {second} readings");

    // Three seconds of growth, and then it stands twenty descriptors before the bound, its own included ten.
    let begun = Instant::now();
    for count in (20..=580).step_by(10) {
        leaking.tell(&format!("files {count}"));
        std::thread::sleep(Duration::from_millis(50));
    }
    println!("grown in {:?}", begun.elapsed());
    let [near, far] = counts(&daemon, pids, 4);
    println!("{near} readings near the bound, {far} far from it in the same time");
    assert!(near >= 2 * far, "{near} readings near the bound, {far} far from it");
    assert_eq!(daemon.value("tradedog_target_level", &[("target", "trader")]), Some(0.0));
}

#[test]
fn nobody_is_read_more_often_than_min_interval_says() {
    let (mut leaking, calm, daemon) = two("interval = \"1s\"\nmin_interval = \"1s\"");
    let pids = [leaking.pid(), calm.pid()];
    for count in (20..=590).step_by(10) {
        leaking.tell(&format!("files {count}"));
        std::thread::sleep(Duration::from_millis(50));
    }
    let [near, far] = counts(&daemon, pids, 4);
    assert!(near <= far + 1, "{near} readings near the bound, {far} far from it");
}

#[test]
fn passes_that_could_not_be_made_are_counted() {
    let (_leaking, _calm, daemon) = two("interval = \"200ms\"");
    let missed = || daemon.value("tradedog_missed_passes_total", &[]).unwrap();
    let before = missed();
    let pid = Pid::from_raw(daemon.pid());
    kill(pid, Signal::SIGSTOP).unwrap();
    std::thread::sleep(Duration::from_secs(2));
    kill(pid, Signal::SIGCONT).unwrap();
    eventually(10, "the passes of two seconds counted as missed", || (missed() >= before + 8.0).then_some(()));
}
