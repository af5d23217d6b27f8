//! Hours: the bounds of the hour are in force, and what is not to be taken in it is held.

use std::time::Duration;

use super::support::{Daemon, Leaker, throughout};

/// A market that never closes, and one that never opens.
const CALENDARS: &str = r#"
[calendar.always]
zone = "Asia/Hong_Kong"
days = "mon-sun"
sessions = { open = "00:00-24:00" }
[calendar.over]
zone = "America/New_York"
days = "mon-sun"
sessions = { open = "00:00-24:00" }
valid_until = "2020-12-31"
"#;

fn watching(leaker: &Leaker, rest: &str) -> Daemon {
    let text = format!(
        r#"{CALENDARS}
[target.trader]
match = {{ cmdline = "{}", user = "{{user}}" }}
settle = "1s"
[target.trader.thresholds]
open_fds = {{ elevated = 5000, fatal = 6000 }}
{rest}
"#,
        leaker.tag()
    );
    Daemon::told(&text).start()
}

#[test]
fn the_bounds_of_the_hour_are_those_that_hold() {
    let mut leaker = Leaker::handling(&["SIGUSR1", "SIGUSR2"]).start();
    leaker.tell("files 80");
    let daemon = watching(
        &leaker,
        r#"
[target.trader.ladder]
elevated = ["reset"]
[target.trader.actions]
reset = { signal = "SIGUSR1" }
later = { signal = "SIGUSR2", not_during = ["always.open"] }
[target.trader.during.always.thresholds]
open_fds = { elevated = 60 }
[target.trader.during.always.ladder]
elevated = ["reset", "later"]
"#,
    );
    daemon.wait_for_order(5, "reset", ("delivered", "none"));
    daemon.wait_for_order(5, "later", ("held", "calendar"));
    let bound = |level| [("target", "trader"), ("metric", "open_fds"), ("level", level)];
    daemon.wait_for(2, ("tradedog_threshold", &bound("elevated")), 60.0);
    daemon.wait_for(2, ("tradedog_session_held", &[("calendar", "always"), ("session", "open")]), 1.0);
    throughout(Duration::from_secs(2), "it is held", || daemon.orders("later", "delivered", "none") == 0.0);
}

#[test]
fn a_calendar_that_is_over_holds_the_kill() {
    let mut leaker = Leaker::handling(&["SIGUSR1"]).start();
    leaker.tell("files 150");
    let daemon = watching(
        &leaker,
        r#"
[target.trader.ladder]
fatal = ["kill"]
[target.trader.actions]
kill = { kill = { grace = "1s" } }
[target.trader.during.over.thresholds]
open_fds = { fatal = 100 }
"#,
    );
    daemon.wait_for_order(5, "kill", ("held", "calendar"));
    throughout(Duration::from_secs(4), "it lives", || leaker.lives());
    assert_eq!(daemon.orders("kill", "gone", "none"), 0.0);
}
