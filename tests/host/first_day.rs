//! What a new user does first: a configuration for a service that runs, looked at, and run as it is.

use super::guest::Guest;

pub(super) fn with_init_check_and_run(guest: &Guest) {
    guest.heading("the first day: init, check, run");
    guest.sh("cd /root && tradedog init --unit trader.service > watchdog.toml");
    let file = guest.sh("cat /root/watchdog.toml");
    for part in ["match = { unit = \"trader.service\" }", "dry_run = true", "# 50 % of 1024", "asked of systemd"] {
        assert!(file.contains(part), "{part:?} is not in it");
    }
    let told = guest.sh("cd /root && tradedog check --config watchdog.toml");
    assert!(told.contains("ok: the configuration can be used") && !told.contains("warning"));
    guest.fails("tradedog init --unit trader.service --output /etc/tradedog/watchdog.toml");
    guest.fails("tradedog init --unit nobody.service");

    guest.sh("cd /root && { tradedog run --config watchdog.toml >run.log 2>&1 & echo $! >run.pid; }");
    guest.wait("it watches", || guest.metric("target_processes target=trader") == Some(1.0));
    guest.leak(600, "stubborn");
    guest.wait("it tells what it would have done", || guest.quiet("grep -q 'would have' /root/run.log").0);
    guest.sh("cd /root && tradedog status --config watchdog.toml");
    guest.sh("kill $(cat /root/run.pid); while kill -0 $(cat /root/run.pid) 2>/dev/null; do sleep 0.1; done");
    guest.sh("cat /root/run.log");
    let untouched = guest.quiet("journalctl -u trader | grep -c 'SIGUSR1'").1;
    assert_eq!(untouched.trim(), "0", "dry run: nothing was done");
    guest.sh("trader-ctl leak 0; rm -r /run/tradedog /root/watchdog.toml /root/run.log /root/run.pid");
}
