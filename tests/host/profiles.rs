//! Each profile does what the table says, and no more.

use super::guest::Guest;

const FOUND: &str = "target_processes target=other";
const DELIVERED: &str = "orders_total action=reset_pool outcome=delivered";
const REFUSED: &str = "orders_total action=reset_pool outcome=failed reason=refused";

fn install(guest: &Guest, arguments: &str) {
    guest.heading(&format!("install {arguments}"));
    guest.sh(&format!("/root/tarball/install {arguments} --now"));
    guest.sh("grep -E '^Cap(Prm|Amb)' /proc/$(systemctl show -P MainPID tradedog)/status");
    guest.wait("the trader's files are counted, whatever the profile", || {
        guest.metric("process_open_fds process=0 target=trader").is_some_and(|count| count > 2.0)
    });
}

/// `check` judges with the rights of the service; what it says of the trader.
fn checked(guest: &Guest, rights: &str) -> String {
    let said = guest.sh("tradedog check --unit tradedog.service");
    let whose = format!("seen with the rights of tradedog.service: user tradedog, {rights}");
    assert!(said.contains(&whose), "{whose}");
    said
}

/// A command of an action has nothing of what the daemon may do.
fn command_has_no_capability(guest: &Guest) {
    guest.leak(250, "");
    guest.wait("a command is run", || guest.lease("pause"));
    let sets = guest.sh("grep -v CapBnd /var/lib/tradedog/command");
    assert_eq!(sets.lines().filter(|set| set.ends_with("\t0000000000000000")).count(), 4);
    guest.sh("tradedog undo trader pause");
    guest.calm();
}

pub(super) fn each_does_what_the_table_says(guest: &Guest) {
    install(guest, "--profile observe");
    assert!(checked(guest, "observe (no capability)").contains("may not be signalled (refused)"));
    guest.leak(150, "");
    guest.wait("the signal is refused", || guest.metric(REFUSED).is_some_and(|count| count >= 1.0));
    guest.wait("its files are counted", || {
        guest.metric("process_open_fds process=0 target=trader").is_some_and(|count| count > 150.0)
    });
    guest.leak(250, "");
    guest.wait("a command is not", || guest.lease("pause"));
    guest.sh("tradedog undo trader pause");
    guest.calm();

    install(guest, "--profile act");
    assert!(!checked(guest, "act (CAP_KILL)").contains("may not be signalled"));
    guest.leak(150, "");
    guest.wait("the signal is delivered", || guest.metric(DELIVERED).is_some_and(|count| count >= 1.0));
    assert_eq!(guest.metric(FOUND), Some(0.0), "match by exe needs more");
    guest.calm();
    command_has_no_capability(guest);

    install(guest, "--profile deep");
    guest.wait("a process is found by its executable", || guest.metric(FOUND) == Some(1.0));
    guest.wait("and nothing is blind", || guest.is_ready());
    checked(guest, "deep (CAP_KILL, CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH)");
    command_has_no_capability(guest);

    install(guest, "--profile act --cgroup");
    checked(guest, "act and cgroup (CAP_KILL, CAP_DAC_OVERRIDE)");
    guest.sh("sed -i 's/by = \"signal\"/by = \"cgroup\"/' /etc/tradedog/watchdog.toml; systemctl reload tradedog");
    let events = "/sys/fs/cgroup/system.slice/trader.service/cgroup.events";
    guest.leak(320, "stubborn");
    guest.wait("its cgroup is frozen", || guest.quiet(&format!("grep -q 'frozen 1' {events}")).0);
    guest.sh("systemctl stop tradedog");
    guest.wait("and thawed by a stop", || guest.quiet(&format!("grep -q 'frozen 0' {events}")).0);
    guest.sh("install -m 0640 -g tradedog /mnt/watchdog.toml /etc/tradedog/watchdog.toml");
    guest.calm();

    install(guest, "--no-cgroup");
    guest.sh("! ls /etc/systemd/system/tradedog.service.d/60-cgroup.conf 2>/dev/null");
}

/// The control socket is for root, the daemon's user, and the members of its group.
pub(super) fn the_group_may_ask(guest: &Guest) {
    guest.heading("who may ask the daemon");
    guest.sh("setpriv --reuid ops --regid ops --init-groups tradedog thaw --runtime-directory /run/tradedog");
    guest.fails("setpriv --reuid trader --regid trader --clear-groups tradedog thaw --runtime-directory /run/tradedog");
}
