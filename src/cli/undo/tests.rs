use std::sync::{Arc, Mutex};

use clap::{CommandFactory as _, FromArgMatches as _, Parser as _};

use super::*;
use crate::cli::daemon::tests::{Fake, at, lease, said};
use crate::export::Reply;

#[derive(clap::Parser, Debug)]
struct Line {
    #[command(flatten)]
    arguments: Arguments,
}

fn arguments(words: &[&str], daemon: Daemon) -> Arguments {
    let words = std::iter::once("undo").chain(words.iter().copied());
    let parsed = Line::from_arg_matches(&Line::command().get_matches_from(words)).unwrap();
    Arguments { daemon, ..parsed.arguments }
}

/// A daemon in which two measures of trader and one of gateway are in force until they are undone,
/// and what it was asked.
fn daemon() -> (Fake, Arc<Mutex<Vec<Request>>>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&asked);
    let mut leases = vec![lease("trader", "pause", 5), lease("trader", "off", 6), lease("gateway", "pause", 7)];
    let fake = Fake::start(move |request| {
        log.lock().unwrap().push(request.clone());
        match request {
            Request::Undo { target, action } => {
                let meant =
                    |one: &LeaseView| *one.target == target && action.as_deref().is_none_or(|a| a == &*one.action);
                leases.retain(|one| !meant(one));
            }
            Request::UndoAll => leases.clear(),
            Request::Leases => return Reply::Leases(leases.clone()),
            Request::Thaw
            | Request::Reload
            | Request::Act { .. }
            | Request::Orders(_)
            | Request::Inhibit { .. }
            | Request::Release { .. }
            | Request::ReleaseAll
            | Request::Inhibitions
            | Request::Status => return Reply::Refused("not asked here".into()),
        }
        Reply::Done(vec!["on its way".into()])
    });
    (fake, asked)
}

#[test]
fn one_all_of_a_target_or_all_are_undone_and_told_of() {
    let undo = |action: Option<&str>| Request::Undo { target: "trader".into(), action: action.map(Into::into) };
    let line = |of: &str| format!("{of}: no longer in force\n");
    let (pause, off, other) = (line("pause of trader"), line("off of trader"), line("pause of gateway"));
    for (words, request, told) in [
        (&["trader", "pause"][..], undo(Some("pause")), pause.clone()),
        (&["trader", "--all"], undo(None), format!("{pause}{off}")),
        (&["--all"], Request::UndoAll, format!("{pause}{off}{other}")),
    ] {
        let (fake, asked) = daemon();
        let arguments = arguments(words, fake.daemon());
        assert_eq!(Output::captured(|output| run(&arguments, output).unwrap()), format!("on its way\n{told}"));
        assert_eq!(asked.lock().unwrap()[1], request, "{words:?}");
    }
}

#[test]
fn what_is_not_in_force_is_a_failure_that_names_what_is() {
    let (fake, asked) = daemon();
    for words in [&["trader", "freeze"][..], &["tradr", "pause"], &["tra\x1bder", "--all"]] {
        let text = said(run(&arguments(words, fake.daemon()), &mut Output::stdout()));
        let all = "in force: pause of trader, off of trader, pause of gateway";
        assert!(text.contains("is not in force") && text.contains(all) && !text.contains('\x1b'), "{text}");
    }
    drop((fake, asked));
    let unknown = Fake::start(|request| match request == Request::Leases {
        true => Reply::Leases(vec![lease("trader", "pause", 5)]),
        false => Reply::Refused("no target is called tradr: there is trader".into()),
    });
    let text = said(run(&arguments(&["tradr", "pause"], unknown.daemon()), &mut Output::stdout()));
    assert_eq!(text, "no target is called tradr: there is trader");
    let empty = Fake::start(|request| match request == Request::Leases {
        true => Reply::Leases(Vec::new()),
        false => Reply::Done(Vec::new()),
    });
    let text = said(run(&arguments(&["trader", "pause"], empty.daemon()), &mut Output::stdout()));
    assert_eq!(text, "nothing to undo: pause of trader is not in force; nothing is");
    let told = Output::captured(|output| run(&arguments(&["--all"], empty.daemon()), output).unwrap());
    assert_eq!(told, "nothing is in force\n");
}

#[test]
fn a_refusal_and_no_daemon_are_failures() {
    let fake = Fake::start(|request| {
        let leases = Reply::Leases(vec![lease("trader", "pause", 5)]);
        if request == Request::Leases { leases } else { Reply::Refused("the watch loop has not answered".into()) }
    });
    let text = said(run(&arguments(&["--all"], fake.daemon()), &mut Output::stdout()));
    assert_eq!(text, "the watch loop has not answered");
    let text = said(run(&arguments(&["--all"], at(std::path::Path::new("/absent"))), &mut Output::stdout()));
    assert!(text.contains("no tradedog answers at /absent/control.sock"), "{text}");
}

#[test]
fn a_command_line_that_could_mean_two_things_is_refused() {
    let error = Line::try_parse_from(["undo", "--all", "--wait", "30"]).unwrap_err().to_string();
    assert!(error.contains("--wait") && error.contains("30s"), "{error}");
    for words in [&["undo"][..], &["undo", "trader"], &["undo", "trader", "pause", "--all"], &["undo", "a", "b", "c"]] {
        assert!(Line::try_parse_from(words).is_err(), "{words:?}");
    }
}
