//! The service in its life: started, reloaded, stuck.

use std::time::Duration;

use super::guest::Guest;

const KILLED: &str = "orders_total action=kill outcome=gone";

/// Started is what systemd believes only when a pass was made.
pub(super) fn is_started_only_when_ready(guest: &Guest) {
    guest.heading("started: active only when a pass was made");
    // Stopped by itself before it becomes the daemon, so that nothing is left to chance.
    guest.drop_in("ExecStart=\\nExecStart=/bin/sh -c \"kill -STOP $$$$; exec /usr/local/bin/tradedog run\"");
    guest.sh("systemctl start --no-block tradedog");
    guest.wait("it waits before its first pass", || {
        let pid = guest.pid("tradedog");
        pid != 0 && guest.is_frozen(pid)
    });
    assert!(guest.fails("systemctl is-active tradedog").starts_with("activating"));
    guest.sh("kill -CONT $(systemctl show --property=MainPID --value tradedog)");
    guest.wait("active", || guest.property("tradedog", "ActiveState") == "active");
    assert!(guest.sh("/mnt/get /-/healthy").starts_with("HTTP/1.1 200"), "a pass was made");
    guest
        .sh("rm -r /run/systemd/system/tradedog.service.d; systemctl daemon-reload; systemctl enable --quiet tradedog");

    guest.sh("systemctl restart tradedog && systemctl is-active tradedog");
    assert!(guest.sh("/mnt/get /-/ready").starts_with("HTTP/1.1 200"));
    let status = guest.property("tradedog", "StatusText");
    guest.saw(&format!("systemctl status says: {status}"));
    assert!(status.contains("of 2 targets"), "{status}");
    assert_eq!(guest.property("tradedog", "User"), "tradedog");
    guest.sh(
        "grep -E '^(Uid|Cap(Prm|Eff|Bnd|Amb)|NoNewPrivs|Seccomp):' /proc/$(systemctl show -P MainPID tradedog)/status",
    );
    guest.sh("ls -ld /run/tradedog; ls -l /run/tradedog; systemctl show -p OOMScoreAdjust,WatchdogUSec tradedog");
}

/// The whole ladder, through systemd's sandbox, on another user's process.
pub(super) fn signals_and_kills(guest: &Guest) {
    guest.heading("a leak is answered with a signal");
    guest.leak(150, "");
    guest.wait("the pool was reset, and the level left", || {
        guest.quiet("journalctl -u trader | grep -q 'SIGUSR1: .* sockets closed'").0 && guest.is_normal()
    });

    guest.heading("a leak that nothing helps against: killed, and the successor is seen");
    let before = guest.pid("trader");
    guest.leak(450, "stubborn");
    guest.wait("another trader", || ![0, before].contains(&guest.pid("trader")));
    guest.wait("the kill is counted", || guest.metric(KILLED).is_some_and(|count| count >= 1.0));
    guest.wait("the successor is watched, and calm", || {
        guest.metric("process_pid process=0 target=trader") == Some(f64::from(guest.pid("trader"))) && guest.is_normal()
    });
    assert_eq!(guest.metric("successor_missing target=trader"), Some(0.0));
    guest.sh("journalctl -u trader -o cat | tail -4");
    guest.sh("journalctl -u tradedog -o cat | tail -12");
    assert_eq!(guest.property("trader", "NRestarts"), "1");
}

/// What systemctl waits for, and what it is told.
pub(super) fn reloads(guest: &Guest) {
    guest.heading("reload: whole or not at all");
    let pid = guest.pid("tradedog");
    guest.sh("sed -i 's/elevated   = 100/elevated   = 120/' /etc/tradedog/watchdog.toml; systemctl reload tradedog");
    let bound = "threshold level=elevated metric=open_fds target=trader";
    assert_eq!(guest.metric(bound), Some(120.0), "in force when systemctl comes back");

    guest.sh("sed -i 's/elevated   = 120/elevated   = many/' /etc/tradedog/watchdog.toml");
    guest.fails("systemctl reload tradedog");
    assert_eq!(guest.metric(bound), Some(120.0), "the one before goes on");
    assert_eq!(guest.property("tradedog", "ActiveState"), "active");
    guest.sh("journalctl -u tradedog -o cat | tail -6");
    guest.sh("install -m 0640 -g tradedog /mnt/watchdog.toml /etc/tradedog/watchdog.toml; kill -HUP $(systemctl show -P MainPID tradedog)");
    guest.wait("a bare SIGHUP does it too", || guest.metric(bound) == Some(100.0));
    guest.wait("and systemd is told of its end", || guest.property("tradedog", "ActiveState") == "active");
    assert_eq!(guest.pid("tradedog"), pid, "by the same daemon");
}

/// A loop that hangs is seen by systemd, not by a thread beside it.
pub(super) fn is_killed_when_its_loop_is_stuck(guest: &Guest) {
    guest.heading("a stuck loop: the watchdog of systemd ends it, and the next one goes on");
    guest.drop_in("WatchdogSec=2");
    guest.sh("systemctl restart tradedog");
    let (pid, restarts) = (guest.pid("tradedog"), guest.property("tradedog", "NRestarts"));
    guest.sh(&format!("kill -STOP {pid}"));
    guest.wait("another daemon, active", || {
        ![0, pid].contains(&guest.pid("tradedog")) && guest.property("tradedog", "ActiveState") == "active"
    });
    assert_ne!(guest.property("tradedog", "NRestarts"), restarts);
    let said = guest.sh("journalctl -u tradedog -o cat | grep -i -A6 'watchdog timeout'");
    assert!(said.contains("Watchdog timeout"));
    guest.wait("it watches again", || guest.metric("target_processes target=trader") == Some(1.0));
}

/// Fed between passes too where those are rare.
pub(super) fn lives_on_with_a_long_interval(guest: &Guest) {
    guest.heading("passes once a minute, fed every second");
    guest.sh(
        "sed -i 's/interval = \"200ms\"/interval = \"1m\"/' /etc/tradedog/watchdog.toml; systemctl restart tradedog",
    );
    let pid = guest.pid("tradedog");
    std::thread::sleep(Duration::from_secs(6));
    assert_eq!(guest.pid("tradedog"), pid, "alive after three periods of the watchdog");
    guest.saw("alive after three periods of the watchdog");
    guest.sh("install -m 0640 -g tradedog /mnt/watchdog.toml /etc/tradedog/watchdog.toml");
    guest.calm();
}
