//! What measures did: a handler that does nothing, one that closes files, and what follows.

use super::support::{Daemon, Leaker, eventually};

/// 60 open files and above are elevated, 200 are warning.
fn watching(leaker: &Leaker, reset_pool: &str) -> Daemon {
    Daemon::told(&format!(
        r#"
[target.trader]
match = {{ cmdline = "{}", user = "{{user}}" }}
[target.trader.thresholds]
open_fds = {{ elevated = 60, warning = 200, clear_hold = "500ms" }}
[target.trader.ladder]
elevated = ["reset_pool"]
warning = ["disable_websocket"]
[target.trader.actions]
reset_pool = {{ signal = "SIGUSR1", cooldown = "100ms", {reset_pool} }}
disable_websocket = {{ signal = "SIGUSR2" }}
"#,
        leaker.tag()
    ))
    .start()
}

fn effects(daemon: &Daemon, action: &str, effect: &str) -> f64 {
    daemon.value("tradedog_effects_total", &[("action", action), ("effect", effect)]).unwrap()
}

#[test]
fn a_handler_that_does_nothing_has_no_effect_and_the_ladder_steps_up_until_it_is_better() {
    let mut leaker = Leaker::handling(&["SIGUSR1", "SIGUSR2"]).start();
    let daemon = watching(&leaker, r#"patience = "2s", escalate = true"#);
    assert_eq!(effects(&daemon, "reset_pool", "ineffective"), 0.0, "an explicit zero");
    leaker.tell("files 80");
    let ineffective = [("action", "reset_pool"), ("effect", "ineffective")];
    daemon.wait_for(20, ("tradedog_effects_total", &ineffective), 1.0);
    daemon.wait_for(5, ("tradedog_level", &[("target", "trader")]), 2.0);
    eventually(5, "the next measure", || (leaker.signals() == ["SIGUSR1", "SIGUSR2"]).then_some(()));
    assert_eq!(effects(&daemon, "reset_pool", "effective"), 0.0);
    let fds = leaker.fds();
    let why = format!("reset_pool had no effect in 2s (open_fds {fds} -> {fds})");
    assert!(daemon.log().contains(&why), "{why} is not in\n{}", daemon.log());
    for path in ["/", "/api/v1/status"] {
        let shown = || daemon.get(path).filter(|(_, text)| text.contains("had no effect in 2s"));
        eventually(5, &format!("the reason at {path}"), shown);
    }
    leaker.tell("files 5");
    daemon.wait_for(10, ("tradedog_level", &[("target", "trader")]), 0.0);
}

#[test]
fn one_that_closes_files_has_an_effect_although_the_level_holds() {
    let mut leaker = Leaker::handling(&["SIGUSR1", "SIGUSR2"]).start();
    let daemon = watching(&leaker, r#"patience = "6s", escalate = true"#);
    leaker.tell("files 150");
    eventually(10, "the signal", || (leaker.signals().len() == 1).then_some(()));
    leaker.tell("files 80");
    let effective = [("action", "reset_pool"), ("effect", "effective")];
    daemon.wait_for(30, ("tradedog_effects_total", &effective), 1.0);
    assert_eq!(effects(&daemon, "reset_pool", "ineffective"), 0.0);
    assert_eq!(daemon.value("tradedog_level", &[("target", "trader")]), Some(1.0));
    assert_eq!(leaker.signals(), ["SIGUSR1"], "nothing stronger follows");
    assert!(daemon.log().contains("reset_pool had an effect in 6s"), "{}", daemon.log());
}

#[test]
fn after_max_attempts_without_effect_it_is_given_up() {
    let mut leaker = Leaker::handling(&["SIGUSR1", "SIGUSR2"]).start();
    let daemon = watching(&leaker, r#"patience = "1s", repeat = "4s", max_attempts = 2"#);
    leaker.tell("files 80");
    daemon.wait_for(30, ("tradedog_gave_up", &[("action", "reset_pool"), ("reason", "none")]), 1.0);
    assert_eq!(effects(&daemon, "reset_pool", "ineffective"), 2.0);
    assert_eq!(leaker.signals(), ["SIGUSR1"; 2]);
    assert!(daemon.log().contains("gave up reset_pool"), "{}", daemon.log());
}
