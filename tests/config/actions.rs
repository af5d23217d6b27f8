//! What an action means: its delivery, its undo, and what stands beside them.

use std::sync::Arc;

use tradedog::config::{Action, Budget, Needs, Otherwise};
use tradedog::model::{ActionScope, Command, FreezeBy, Http, KillScope, Measure, Signal, Undo, UndoBy};

use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// The actions of a target with one level and a ladder that names all of them.
fn actions(names: &[&str], lines: &str) -> Vec<Action> {
    target(&file(names, lines)).actions
}

fn file(names: &[&str], lines: &str) -> String {
    format!(
        "[target.x]\nmatch = {{ user = 4711 }}\n[target.x.thresholds]\nopen_fds = {{ fatal = 9 }}\n\
         [target.x.ladder]\nfatal = {names:?}\n[target.x.actions]\n{lines}\n"
    )
}

/// The only action of such a target.
fn action(line: &str) -> Action {
    actions(&["a"], &format!("a = {{ {line} }}")).remove(0)
}

fn signal(number: i32) -> Measure {
    Measure::Signal { signal: Signal::new(number).unwrap(), assume_handled: false }
}

fn command(argv: &[&str], timeout: Duration) -> Measure {
    Measure::Command(Arc::new(Command { argv: argv.iter().map(|arg| (*arg).to_owned()).collect(), timeout }))
}

#[test]
fn a_signal_has_the_documented_defaults() {
    let expected = Action { name: "a".into(), measure: signal(nix::libc::SIGUSR1), ..Action::default() };
    assert_eq!(action("signal = \"SIGUSR1\""), expected);
    assert_eq!((expected.cooldown, expected.patience), (60 * SECOND, 60 * SECOND));
    assert_eq!((expected.repeat, expected.max_attempts), (None, 5));
    assert_eq!(expected.max_cycles, Budget { max: 3, per: 4 * 3600 * SECOND });
    assert_eq!((expected.scope, expected.undo), (ActionScope::Process, None));
}

#[test]
fn http_has_the_documented_defaults_and_takes_the_rest_as_written() {
    let bare = action("http = { post = \"http://127.0.0.1:8080/off\" }");
    let http = Http {
        post: "http://127.0.0.1:8080/off".into(),
        headers: Vec::new(),
        bearer_file: None,
        body: None,
        expect: vec![200, 202, 204],
        timeout: 2 * SECOND,
    };
    assert_eq!(bare.measure, Measure::Http(Arc::new(http)));
    assert_eq!(bare.scope, ActionScope::Target, "once, and not for each worker");
    let whole = action(
        "http = { post = \"https://[::1]/x?y=%20\", headers = { X-Reason = \"leak\", a = \"\" }, expect = [201], \
         bearer_file = \"/etc/token\", body = \"{}\", timeout = \"500ms\" }, scope = \"process\"",
    );
    let headers = vec![("X-Reason".to_owned(), "leak".to_owned()), ("a".to_owned(), String::new())];
    let (post, timeout) = ("https://[::1]/x?y=%20".to_owned(), Duration::from_millis(500));
    let (bearer_file, body) = (Some("/etc/token".into()), Some("{}".to_owned()));
    assert_eq!(
        whole.measure,
        Measure::Http(Arc::new(Http { post: post.into(), headers, bearer_file, body, expect: vec![201], timeout }))
    );
    assert_eq!(whole.scope, ActionScope::Process);
}

#[test]
fn a_command_and_its_undo_have_a_timeout_each() {
    let action = action(
        "command = [\"/bin/ctl\", \"pause\", \"{pid}\"], timeout = \"3s\", undo = { command = [\"/bin/ctl\", \"resume\"] }, \
         undo_by = \"operator\", max_cycles = { max = 1, per = \"1d\" }",
    );
    assert_eq!(action.measure, command(&["/bin/ctl", "pause", "{pid}"], 3 * SECOND));
    let undo =
        Undo { measure: command(&["/bin/ctl", "resume"], 10 * SECOND), after: 300 * SECOND, by: UndoBy::Operator };
    assert_eq!(action.undo, Some(undo));
    assert_eq!(action.max_cycles, Budget { max: 1, per: 86_400 * SECOND });
    assert_eq!(action.scope, ActionScope::Target);
}

#[test]
fn a_freeze_brings_its_own_undo() {
    for (written, by, after) in [
        ("deadline = \"10m\" }", FreezeBy::Signal, Duration::ZERO),
        ("by = \"signal\", deadline = \"600s\" }, undo_by = \"daemon\"", FreezeBy::Signal, Duration::ZERO),
        ("by = \"cgroup\", deadline = \"10m\" }, undo_after = \"5s\"", FreezeBy::Cgroup, 5 * SECOND),
    ] {
        let action = action(&format!("freeze = {{ {written}"));
        assert_eq!(action.measure, Measure::Freeze { by, deadline: 600 * SECOND });
        assert_eq!(action.undo, Some(Undo { measure: Measure::Thaw { by }, after, by: UndoBy::Daemon }));
        assert_eq!(action.scope, ActionScope::Process);
    }
}

#[test]
fn a_signal_may_be_undone_by_another_and_both_are_assumed_handled() {
    let action =
        action("signal = \"SIGUSR1\", undo = { signal = \"SIGUSR2\" }, assume_handled = true, undo_after = \"0s\"");
    let assumed = |number| Measure::Signal { signal: Signal::new(number).unwrap(), assume_handled: true };
    assert_eq!(action.measure, assumed(nix::libc::SIGUSR1));
    let undo = Undo { measure: assumed(nix::libc::SIGUSR2), after: Duration::ZERO, by: UndoBy::Daemon };
    assert_eq!(action.undo, Some(undo));
}

#[test]
fn a_kill_may_need_an_action_and_expect_a_successor() {
    let actions = actions(
        &["kill"],
        "kill = { kill = { scope = \"cgroup\" }, needs = { action = \"pause\", within = \"20s\", otherwise = \"hold\" }, \
         expect_successor = \"1m\" }\npause = { command = [\"/bin/ctl\"] }",
    );
    let kill = &actions[0];
    assert_eq!(kill.measure, Measure::Kill { grace: 30 * SECOND, scope: KillScope::Cgroup });
    assert_eq!(kill.needs, Some(Needs { action: 1, within: 20 * SECOND, otherwise: Otherwise::Hold }));
    assert_eq!(kill.expect_successor, Some(60 * SECOND));
    assert_eq!(&*actions[1].name, "pause", "it is ordered although no ladder names it");
}

#[test]
fn what_a_kill_needs_may_be_inherited() {
    let text = "[defaults.actions]\npause = { http = { post = \"http://127.0.0.1/\" }, undo = { http = { post = \"http://127.0.0.1/on\" } } }\n";
    let needs = "needs = { action = \"pause\", within = \"20s\", otherwise = \"kill\" }";
    let target = target(&(text.to_owned() + &file(&["kill"], &format!("kill = {{ kill = {{}}, {needs} }}"))));
    let needs = target.actions.iter().find_map(|action| action.needs).unwrap();
    assert_eq!(&*target.actions[needs.action].name, "pause");
    assert!(target.actions[needs.action].undo.is_some());
}

#[test]
fn what_is_hardly_meant_is_warned_of() {
    let warned = |names: &[&str], lines: &str| {
        let told = told(&parse(&file(names, lines)));
        assert_eq!(told.len(), 1, "{told:#?}");
        told[0].2.clone()
    };
    let kill = "k = { kill = {}, needs = { action = \"a\", within = \"1s\", otherwise = \"kill\" } }\n";
    let told = warned(&["k"], &format!("{kill}a = {{ signal = \"SIGUSR1\" }}"));
    assert!(told.contains("`a` is a signal, which nobody acknowledges"), "{told}");
    let told = warned(&["a"], "a = { command = [\"/bin/ctl\", \"--pid={pid}\"] }");
    assert!(told.contains("`{pid}` is not replaced within `--pid={pid}`"), "{told}");
    let told = warned(&["a"], "a = { command = [\"/bin/ctl pause\"] }");
    assert!(told.contains("has a blank in its path"), "{told}");
    let told = warned(&["a"], "a = { http = { post = \"http://h/\", headers = { Authorization = \"Bearer x\" } } }");
    assert!(told.contains("a secret in this file") && !told.contains("Bearer"), "{told}");
    let told = warned(&["a"], "a = { freeze = { deadline = \"1m\" }, repeat = \"5m\" }");
    assert!(told.contains("`repeat` says nothing here"), "{told}");
    let told = warned(&["a"], "a = { command = [\"/bin/ctl\"], undo = { command = [\"/bin/ctl\"] } }");
    assert!(told.contains("does the same as the action"), "{told}");
    let undo = "undo = { command = [\"/bin/ctl\", \"on\"] }, undo_by = \"operator\", undo_after = \"1m\"";
    let told = warned(&["a"], &format!("a = {{ command = [\"/bin/ctl\"], {undo} }}"));
    assert!(told.contains("`undo_after` says nothing"), "{told}");
}
