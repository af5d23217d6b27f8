//! Processes as containers have them: in cgroups named as their runtimes name them, and in namespaces of
//! their own. Each leaks, or does not, behind its own loopback.

use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::support::{Daemon, Group, Leaker, NOBODY, Options, Peer, eventually, is_root, throughout};

/// New namespaces, as `docker run` makes them; the leaking one is the first process in them, and but for
/// the cgroup nobody else is.
const CONTAINER: &str = "unshare --pid --fork --kill-child unshare --net --cgroup --ipc sh -c";
const LOOPBACK: &str = "ip link set lo up && exec \"$@\"";

/// A container of one process.
struct Container {
    leaker: Leaker,
    /// The process in it, by the host's number.
    pid: i32,
    id: String,
    _group: Group,
}

impl Container {
    /// None, said on standard error, where this machine does not let it be made.
    fn start(head: u32, options: Options) -> Option<Self> {
        if !is_root() || !may_unshare() {
            return None;
        }
        let words: Vec<&str> = CONTAINER.split(' ').chain([LOOPBACK, "sh"]).collect();
        let leaker = options.within(&words).start();
        let children = format!("/proc/{0}/task/{0}/children", leaker.pid());
        let pid = fs::read_to_string(children).unwrap().trim().parse().unwrap();
        let id = format!("{head:04x}{:08x}{:052x}", std::process::id(), u64::MAX);
        let group = Group::holding(&format!("docker-{id}.scope"), &[pid])?;
        Some(Self { leaker, pid, id, _group: group })
    }
}

fn may_unshare() -> bool {
    let status = Command::new("unshare").args(["--net", "--pid", "--fork", "true"]).stderr(Stdio::null()).status();
    let may = status.is_ok_and(|status| status.success());
    if !may {
        eprintln!("skipped: cannot make namespaces");
    }
    may
}

/// A target for a container, stepped down and in the end killed for its sockets in CLOSE_WAIT.
fn target(name: &str, selector: &str) -> String {
    format!(
        r#"
[target.{name}]
match = {{ {selector} }}
settle = "200ms"
[target.{name}.thresholds]
close_wait = {{ elevated = 20, fatal = 200 }}
[target.{name}.ladder]
elevated = ["reset_pool"]
fatal = ["kill"]
[target.{name}.actions]
reset_pool = {{ signal = "SIGUSR1" }}
kill = {{ kill = {{ grace = "1s" }} }}
"#
    )
}

fn close_wait(daemon: &Daemon, target: &str) -> Option<f64> {
    daemon.value("tradedog_process_sockets", &[("target", target), ("state", "close_wait"), ("peer", "")])
}

fn orders(daemon: &Daemon, target: &str, action: &str) -> f64 {
    let scrape = daemon.scrape();
    let of = |label: &str, name: &str, sample: &super::support::Sample| sample.label(label) == name;
    let all = scrape.all("tradedog_orders_total").filter(|one| of("target", target, one) && of("action", action, one));
    all.map(|sample| sample.value).sum()
}

#[test]
fn the_leaking_container_is_stepped_down_and_the_calm_one_and_the_host_are_not() {
    let Some(mut leaky) = Container::start(1, Leaker::handling(&["SIGUSR1"])) else { return };
    let Some(mut calm) = Container::start(2, Leaker::handling(&["SIGUSR1"])) else { return };
    leaky.leaker.tell("cw 30");
    calm.leaker.tell("cw 3");
    // The host has far more, of a process like it.
    let peer = Peer::listen();
    let mut outside = Leaker::handling(&["SIGUSR1"]).start();
    outside.tell(&format!("connect 300 {}", peer.port));
    peer.close(300);

    let by_id = |container: &Container, digits: usize| format!("container = \"{}\"", &container.id[..digits]);
    let daemon = Daemon::told(&(target("leaky", &by_id(&leaky, 12)) + &target("calm", &by_id(&calm, 64)))).start();
    daemon.wait_for(15, ("tradedog_process_pid", &[("target", "leaky")]), f64::from(leaky.pid));
    daemon.wait_for(15, ("tradedog_process_pid", &[("target", "calm")]), f64::from(calm.pid));
    eventually(20, "the counts of both", || {
        let counts = (close_wait(&daemon, "leaky"), close_wait(&daemon, "calm"));
        (counts == (Some(30.0), Some(3.0))).then_some(())
    });
    eventually(5, "SIGUSR1 in the container", || (leaky.leaker.signals() == ["SIGUSR1"]).then_some(()));
    throughout(Duration::from_secs(1), "nobody else is touched", || {
        calm.leaker.signals().is_empty() && outside.signals().is_empty() && orders(&daemon, "calm", "reset_pool") == 0.0
    });
    assert!(leaky.leaker.lives() && calm.leaker.lives());
}

/// The first process of a pid namespace never gets a SIGTERM that it has no handler for.
#[test]
fn pid_1_of_a_container_that_cannot_hear_sigterm_is_forced_after_its_grace() {
    let Some(mut bloated) = Container::start(3, Leaker::handling(&[])) else { return };
    let Some(mut calm) = Container::start(4, Leaker::handling(&[])) else { return };
    bloated.leaker.tell("cw 250");
    calm.leaker.tell("cw 5");
    let by_id = |container: &Container| format!("container = \"{}\"", container.id);
    let daemon = Daemon::told(&(target("bloated", &by_id(&bloated)) + &target("calm", &by_id(&calm)))).start();
    let begun = Instant::now();
    eventually(30, "the end of the container", || bloated.leaker.ended());
    assert!(begun.elapsed() >= Duration::from_secs(1), "without its grace");
    eventually(10, "the outcome of the kill", || (daemon.orders("kill", "gone", "none") == 1.0).then_some(()));
    eventually(5, "a word of it", || daemon.log().contains("SIGKILL was needed").then_some(()));
    assert!(calm.leaker.lives() && orders(&daemon, "calm", "kill") == 0.0);
}

/// The readings of another namespace come every ten seconds: that is none too late, and two of them
/// make a hold.
#[test]
fn a_hold_counts_the_containers_own_readings() {
    let Some(mut leaky) = Container::start(5, Leaker::handling(&["SIGUSR1"])) else { return };
    leaky.leaker.tell("cw 30");
    let text = target("leaky", &format!("container = \"{}\"", leaky.id))
        .replace("elevated = 20", "elevated = { at = 20, hold = \"2s\" }");
    let daemon = Daemon::told(&text).start();
    let unknown = || daemon.value("tradedog_reading_unknown", &[("target", "leaky"), ("metric", "close_wait")]);
    eventually(15, "its first reading", || (close_wait(&daemon, "leaky") == Some(30.0)).then_some(()));
    let first = Instant::now();
    eventually(30, "SIGUSR1 after the second reading", || {
        assert!(unknown().unwrap_or(0.0) == 0.0, "a reading that is not due yet is not overdue");
        (leaky.leaker.signals() == ["SIGUSR1"]).then_some(())
    });
    assert!(first.elapsed() >= Duration::from_secs(5), "one reading holds nothing: {:?}", first.elapsed());
}

/// With the rights of `systemd/observe.conf`: none.
#[test]
fn without_any_right_the_sockets_of_a_container_are_known() {
    let Some(mut leaky) = Container::start(6, Leaker::handling(&[]).run_by(NOBODY + 1)) else { return };
    leaky.leaker.tell("cw 30");
    let daemon = Daemon::told(&target("leaky", &format!("container = \"{}\"", leaky.id))).run_by_nobody().start();
    eventually(20, "its count", || (close_wait(&daemon, "leaky") == Some(30.0)).then_some(()));
    assert_eq!(daemon.get("/-/ready").map(|(status, _)| status), Some(200), "{}", daemon.log());
}

#[test]
fn a_cidfile_leads_to_the_container_that_takes_the_place_of_another() {
    let Some(mut old) = Container::start(7, Leaker::handling(&["SIGUSR1"])) else { return };
    old.leaker.tell("cw 30");
    let folder = tempfile::tempdir_in("/run").unwrap();
    let cidfile = folder.path().join("trader.cid");
    fs::write(&cidfile, &old.id).unwrap();
    let daemon = Daemon::told(&target("trader", &format!("cidfile = \"{}\"", cidfile.display()))).start();
    eventually(20, "SIGUSR1 in the first", || (old.leaker.signals() == ["SIGUSR1"]).then_some(()));
    drop(old);
    let Some(mut new) = Container::start(8, Leaker::handling(&["SIGUSR1"])) else { return };
    new.leaker.tell("cw 4");
    fs::write(&cidfile, &new.id).unwrap();
    daemon.wait_for(10, ("tradedog_process_pid", &[("target", "trader")]), f64::from(new.pid));
    eventually(20, "its count", || (close_wait(&daemon, "trader") == Some(4.0)).then_some(()));
    assert!(new.leaker.signals().is_empty() && new.leaker.lives());
}
