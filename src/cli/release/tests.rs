use std::sync::{Arc, Mutex};

use clap::Parser as _;

use super::*;
use crate::cli::daemon::tests::{Fake, said};
use crate::export::Reply;

#[derive(clap::Parser, Debug)]
struct Line {
    #[command(flatten)]
    arguments: Arguments,
}

fn arguments(words: &[&str], daemon: Daemon) -> Arguments {
    let words = std::iter::once("release").chain(words.iter().copied());
    Arguments { daemon, ..Line::parse_from(words).arguments }
}

#[test]
fn what_is_asked_is_what_was_written() {
    let release = |action: Option<&str>| Request::Release { target: "trader".into(), action: action.map(Into::into) };
    let asked = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&asked);
    let fake = Fake::start(move |request| {
        log.lock().unwrap().push(request);
        Reply::Done(vec!["so be it".into()])
    });
    for (words, request) in [
        (&["trader"][..], release(None)),
        (&["trader", "pause"], release(Some("pause"))),
        (&["--all"], Request::ReleaseAll),
    ] {
        let told = Output::captured(|output| run(&arguments(words, fake.daemon()), output).unwrap());
        assert_eq!((asked.lock().unwrap().pop(), &*told), (Some(request), "so be it\n"), "{words:?}");
    }
    for words in [&["release"][..], &["release", "trader", "--all"], &["release", "a", "b", "c"]] {
        assert!(Line::try_parse_from(words).is_err(), "{words:?}");
    }
}

#[test]
fn what_was_not_held_back_is_a_failure() {
    let fake = Fake::start(|_| Reply::Refused("nothing of trader is held back".into()));
    let text = said(run(&arguments(&["trader"], fake.daemon()), &mut Output::stdout()));
    assert_eq!(text, "nothing of trader is held back");
}
