//! What is denied is said to be denied: it is not zero, not healthy, and raises nothing.

use std::time::Duration;

use super::support::{
    BINARY, Daemon, Group, Leaker, NOBODY, eventually, has, is_root, lives, output, texts, throughout, tradedog,
};

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

/// Which sets of capabilities(7) there are beside the bounding set, as `/proc/PID/status` names them.
const SETS: [&str; 4] = ["CapInh", "CapPrm", "CapEff", "CapAmb"];

/// A daemon under `setpriv` runs a command, as a user with a right and as root with all of them: the
/// daemon has its rights, the command has none.
#[test]
fn a_command_has_none_of_the_daemons_capabilities() {
    if !is_root() || !has("setpriv") {
        return;
    }
    for act in [true, false] {
        let leaker = Leaker::handling(&[]).start();
        let folder = tempfile::tempdir().unwrap();
        std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
        let report = folder.path().join("status");
        let told = format!(
            "[target.trader]\nmatch = {{ cmdline = \"{}\" }}\n[target.trader.thresholds]\nthreads = {{ elevated = 5 }}\n\
             [target.trader.ladder]\nelevated = [\"look\"]\n[target.trader.actions]\n\
             look = {{ command = [\"/bin/cp\", \"/proc/self/status\", \"{}\"] }}\n",
            leaker.tag(),
            report.display()
        );
        let setup = Daemon::told(&told);
        let daemon = if act { setup.run_by_nobody().with_capabilities("kill").start() } else { setup.start() };
        let mut leaker = leaker;
        leaker.tell("threads 9");
        daemon.wait_for_order(10, "look", ("acknowledged", "none"));
        let own = std::fs::read_to_string(format!("/proc/{}/status", daemon.pid())).unwrap();
        let command = std::fs::read_to_string(&report).unwrap();
        for set in SETS {
            assert_eq!(value(&command, set), 0, "{set} of the command:\n{command}");
        }
        assert_ne!(value(&own, "CapEff"), 0, "the daemon keeps its own:\n{own}");
        assert_eq!(value(&own, "CapAmb") | value(&own, "CapInh"), 0, "nobody inherits them:\n{own}");
        assert_eq!(value(&own, "Uid"), value(&command, "Uid"), "the same user");
        let profile = if act { "rights: act (CAP_KILL)" } else { "user root" };
        assert!(daemon.log().contains(profile), "{}", daemon.log());
    }
}

/// The first word of a line of `/proc/PID/status`, which is hexadecimal where it is about capabilities.
fn value(status: &str, name: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(":\t"));
    u64::from_str_radix(line.unwrap().split_whitespace().next().unwrap(), 16).unwrap()
}

/// As root `check` sees everything. With `--unit` it sees what the service would.
#[test]
fn check_judges_with_the_rights_of_the_service() {
    if !is_root() || !has("setpriv") {
        return;
    }
    let leaker = Leaker::handling(&["SIGUSR1"]).start();
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(file("watchdog.toml"), told(&leaker)).unwrap();
    let unit = |ambient: &str| {
        let set = format!("AmbientCapabilities={ambient}\nCapabilityBoundingSet={ambient}\n");
        std::fs::write(file("dog.service"), format!("[Service]\nUser={NOBODY}\n{set}")).unwrap();
    };
    let check = |more: &[&str]| {
        let config = file("watchdog.toml");
        texts(&tradedog(folder.path(), &[&["check", "--config", &config], more].concat()))
    };
    let dog = file("dog.service");
    let (denied, unsignalled) = ("cannot be read (denied): close_wait", "may not be signalled (refused)");

    let (code, out, _) = check(&[]);
    assert!(code == 0 && out.contains("seen with the rights of root, "), "{out}");
    assert!(out.contains("can be read by root") && !out.contains(denied) && !out.contains(unsignalled), "{out}");

    unit("CAP_KILL");
    let (code, out, _) = check(&["--unit", &dog]);
    assert!(code == 0 && out.contains("seen with the rights of dog.service: user nobody, act (CAP_KILL)\n"), "{out}");
    assert!(out.contains(denied) && !out.contains(unsignalled), "{out}");

    unit("CAP_KILL CAP_SYS_PTRACE CAP_DAC_READ_SEARCH");
    let (_, out, _) = check(&["--unit", &dog]);
    assert!(out.contains("can be read by nobody") && !out.contains(denied) && !out.contains(unsignalled), "{out}");

    unit("");
    let (_, out, _) = check(&["--unit", &dog]);
    assert!(out.contains("observe (no capability)") && out.contains(denied) && out.contains(unsignalled), "{out}");

    // The configuration, too, is read by the service.
    std::fs::set_permissions(file("watchdog.toml"), std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let (code, out, err) = check(&["--unit", &dog]);
    assert!(code == 2 && out.contains("read with the rights of dog.service: user nobody"), "{out}{err}");
}

#[test]
fn only_root_takes_on_the_rights_of_others() {
    if !is_root() || !has("setpriv") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    std::fs::copy(BINARY, file("tradedog")).unwrap();
    std::fs::write(file("watchdog.toml"), "").unwrap();
    std::fs::write(file("other.service"), "[Service]\nUser=1\n").unwrap();
    std::fs::write(file("own.service"), format!("[Service]\nUser={NOBODY}\nAmbientCapabilities=CAP_KILL\n")).unwrap();
    std::fs::write(file("bare.service"), format!("[Service]\nUser={NOBODY}\n")).unwrap();
    let check = |unit: &str| {
        let id = NOBODY.to_string();
        let mut command = std::process::Command::new("setpriv");
        command.args(["--reuid", &id, "--regid", &id, "--clear-groups", &file("tradedog"), "check"]);
        texts(&output(command.args(["--config", &file("watchdog.toml"), "--unit", &file(unit)])))
    };
    let (code, _, err) = check("other.service");
    assert!(code == 1 && err.contains("only root can take on the rights of other.service"), "{err}");
    let (code, _, err) = check("own.service");
    assert!(code == 1 && err.contains("it has CAP_KILL, and this user has not; run it as root"), "{err}");
    let (_, out, err) = check("bare.service");
    assert!(out.contains("seen with the rights of bare.service: user nobody, observe"), "{out}{err}");
    let (code, _, err) = check("missing.service");
    assert!(code == 1 && err.contains("cannot be read"), "{err}");
}

/// Its descriptors may not be looked at, but it is alone in its cgroup, as a service is: levels rise and
/// fall with its sockets, and a kill is confirmed by them.
#[test]
fn the_sockets_of_a_service_are_followed_without_the_right_to_look_at_its_descriptors() {
    if !is_root() || !has("setpriv") {
        return;
    }
    let mut leaker = Leaker::handling(&["SIGUSR1"]).start();
    let Some(_group) = Group::holding(&leaker.tag(), &[leaker.pid()]) else { return };
    let told = format!(
        r#"
[target.trader]
match = {{ cmdline = "{}", user = "0" }}
settle = "100ms"
thresholds = {{ close_wait = {{ elevated = 5, fatal = 20, clear_hold = "200ms" }} }}
ladder = {{ elevated = ["reset_pool"], fatal = ["kill"] }}
actions = {{ reset_pool = {{ signal = "SIGUSR1" }}, kill = {{ kill = {{ grace = "1s" }} }} }}
"#,
        leaker.tag()
    );
    let daemon = Daemon::told(&told).run_by_nobody().with_capabilities("kill").start();
    eventually(10, "ready", || daemon.get("/-/ready").filter(|(code, _)| *code == 200));
    for (sockets, level) in [(9, 1.0), (0, 0.0), (12, 1.0), (1, 0.0)] {
        leaker.tell(&format!("cw {sockets}"));
        daemon.wait_for(10, ("tradedog_level", &[TRADER]), level);
        let count = ("tradedog_process_sockets", &[TRADER, ("state", "close_wait"), ("peer", "")][..]);
        daemon.wait_for(10, count, f64::from(sockets));
    }
    assert!(lives(leaker.pid()));
    leaker.tell("cw 30");
    daemon.wait_for_order(15, "kill", ("gone", "none"));
    assert!(!lives(leaker.pid()));
}
