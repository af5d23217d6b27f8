//! The evidence of a kill, collected by the service as it is installed.

use super::guest::Guest;

/// The journal is not for everybody: the service must be in its group, and ask for the right unit.
pub(super) fn have_the_last_words_of_the_unit(guest: &Guest) {
    guest.heading("the incident of that kill has the last words of the trader");
    assert!(guest.sh("id -nG tradedog").split_whitespace().any(|group| group == "systemd-journal"));
    let folder = "/var/lib/tradedog/incidents";
    guest.wait("its folder is there", || guest.quiet(&format!("ls -d {folder}/*-trader-0-kill/incident.json")).0);
    let told = guest.sh("tradedog incidents show last --dir /var/lib/tradedog");
    assert!(told.contains("before a kill") && told.contains("the last log lines of trader.service"));
    let journal = guest.sh("tradedog incidents show last journal.txt --dir /var/lib/tradedog | tail -n 8");
    assert!(journal.contains("SIGUSR1: not now"), "what the trader has said itself");
    let whole = guest.quiet("tradedog incidents show last journal.txt --dir /var/lib/tradedog").1;
    assert!(whole.contains("Started trader.service"), "what systemd has said of it: {whole}");
    assert!(!whole.contains("tradedog["), "nobody else's: {whole}");
    assert_eq!(guest.sh(&format!("stat -c '%U %a' {folder}/*-trader-0-kill | sort -u")).trim(), "tradedog 700");
}
