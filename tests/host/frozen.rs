//! Nobody stays frozen, and what is in force is remembered.

use super::guest::Guest;

/// Freezes the trader; its pid.
fn freeze(guest: &Guest) -> u32 {
    let pid = guest.pid("trader");
    guest.leak(320, "stubborn");
    guest.wait("the trader is paused and frozen", || {
        guest.is_frozen(pid) && guest.lease("pause") && guest.lease("hold_still")
    });
    pid
}

/// What else is in force stays so.
fn pause_is_kept(guest: &Guest, pid: u32) {
    guest.wait("the pause is still in force, the freeze is not", || guest.lease("pause") && !guest.lease("hold_still"));
    assert_eq!(guest.pid("trader"), pid, "the same trader");
    assert!(guest.sh("trader-ctl how").contains("paused"));
    guest.attempt("tradedog status");
}

pub(super) fn over_a_restart(guest: &Guest) {
    guest.heading("systemctl restart while the trader is frozen");
    let pid = freeze(guest);
    guest.sh("systemctl restart tradedog");
    guest.wait("it runs", || guest.runs(pid));
    pause_is_kept(guest, pid);
    guest.sh("tradedog undo trader pause");
    assert!(guest.sh("trader-ctl how").contains("trading"));
    guest.calm();
}

pub(super) fn over_a_crash(guest: &Guest) {
    guest.heading("kill -9 of the daemon while the trader is frozen");
    let pid = freeze(guest);
    let daemon = guest.pid("tradedog");
    guest.sh(&format!("kill -9 {daemon}"));
    guest.wait("the trader runs", || guest.runs(pid));
    guest.wait("another daemon, active", || {
        ![0, daemon].contains(&guest.pid("tradedog")) && guest.property("tradedog", "ActiveState") == "active"
    });
    pause_is_kept(guest, pid);
    guest.calm();
}

pub(super) fn at_a_stop(guest: &Guest) {
    guest.heading("systemctl stop while the trader is frozen");
    let pid = freeze(guest);
    guest.sh("systemctl stop tradedog");
    guest.wait("it runs", || guest.runs(pid));
    guest.sh("ls -l /run/tradedog");
    guest.sh("systemctl start tradedog");
    pause_is_kept(guest, pid);
    guest.calm();
}

pub(super) fn when_nobody_comes_after_a_crash(guest: &Guest) {
    guest.heading("kill -9 of a daemon that is not started again: ExecStopPost thaws");
    guest.drop_in("Restart=no");
    let pid = freeze(guest);
    guest.sh("kill -9 $(systemctl show -P MainPID tradedog)");
    guest.wait("the daemon is gone for good", || guest.property("tradedog", "ActiveState") == "failed");
    guest.wait("and the trader runs", || guest.runs(pid));
    let said = guest.sh("journalctl -u tradedog -o cat | tail -5");
    assert!(said.contains("thawed"), "by `tradedog thaw`");
    guest.sh("systemctl start tradedog");
    pause_is_kept(guest, pid);
    guest.calm();
}
