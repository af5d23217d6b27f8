use std::sync::{Arc, Mutex};

use clap::{CommandFactory as _, FromArgMatches as _, Parser as _};

use super::*;
use crate::cli::daemon::tests::{Fake, said};
use crate::export::Reply;

#[derive(clap::Parser, Debug)]
struct Line {
    #[command(flatten)]
    arguments: Arguments,
}

/// What is asked of a daemon by these words, and what is printed.
fn asked(words: &[&str]) -> (Result<(), Failure>, Vec<Request>, String) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&asked);
    let fake = Fake::start(move |request| {
        log.lock().unwrap().push(request);
        Reply::Done(vec!["so be it".into()])
    });
    let words = std::iter::once("inhibit").chain(words.iter().copied());
    let parsed = Line::from_arg_matches(&Line::command().get_matches_from(words)).unwrap();
    let arguments = Arguments { daemon: fake.daemon(), ..parsed.arguments };
    let mut result = Ok(());
    let told = Output::captured(|output| result = run(&arguments, output));
    let asked = asked.lock().unwrap().clone();
    (result, asked, told)
}

fn inhibit(action: Option<&str>, seconds: Option<u64>, until_successor: bool) -> Request {
    Request::Inhibit { target: "trader".into(), action: action.map(Into::into), seconds, until_successor }
}

#[test]
fn what_is_asked_is_what_was_written() {
    for (words, request) in [
        (&["trader", "--for", "30m"][..], inhibit(None, Some(1800), false)),
        (&["trader", "pause", "--for", "1500ms"], inhibit(Some("pause"), Some(2), false)),
        (&["trader", "pause", "--until-successor"], inhibit(Some("pause"), None, true)),
        (&["trader", "--until-successor", "--for", "1h"], inhibit(None, Some(3600), true)),
        (&[], Request::Inhibitions),
    ] {
        let (result, requests, told) = asked(words);
        result.unwrap();
        assert_eq!((&*requests, &*told), (&[request][..], "so be it\n"), "{words:?}");
    }
}

#[test]
fn an_end_must_be_named_and_the_longest_is_said() {
    for (words, part) in [(&["trader"][..], "say when it ends"), (&["trader", "--for", "0s"], "tradedog release")] {
        let (result, requests, _) = asked(words);
        let Err(Failure::Usage(error)) = result else { panic!("{words:?}: {result:?}") };
        assert!(error.to_string().contains(part) && requests.is_empty(), "{error}");
    }
    let (result, requests, told) = asked(&["trader", "--for", "2d"]);
    result.unwrap();
    assert_eq!(requests, [inhibit(None, Some(2 * 86_400), false)]);
    assert!(told.contains("so be it\n1d is the longest"), "{told}");
    let error = Line::try_parse_from(["inhibit", "trader", "--for", "30"]).unwrap_err().to_string();
    assert!(error.contains("--for") && error.contains("30s"), "{error}");
    assert!(Line::try_parse_from(["inhibit", "--for", "30m"]).is_err(), "of whom?");
}

#[test]
fn a_refusal_is_a_failure() {
    let fake = Fake::start(|_| Reply::Refused("no target is called tradr: there is trader".into()));
    let parsed = Line::parse_from(["inhibit", "tradr", "--for", "5m"]);
    let arguments = Arguments { daemon: fake.daemon(), ..parsed.arguments };
    assert_eq!(said(run(&arguments, &mut Output::stdout())), "no target is called tradr: there is trader");
}
