use std::sync::{Arc, Mutex};

use clap::{CommandFactory as _, FromArgMatches as _, Parser as _};

use super::*;
use crate::cli::daemon::tests::{Fake, at, said};
use crate::export::{OrderAnswer, Reply};

#[derive(clap::Parser, Debug)]
struct Line {
    #[command(flatten)]
    arguments: Arguments,
}

fn arguments(words: &[&str], daemon: Daemon) -> Arguments {
    let words = std::iter::once("act").chain(words.iter().copied());
    let parsed = Line::from_arg_matches(&Line::command().get_matches_from(words)).unwrap();
    Arguments { daemon, ..parsed.arguments }
}

fn answer(order: u64, text: &str, end: Option<bool>) -> OrderAnswer {
    OrderAnswer { order, over: end.is_some(), done: end == Some(true), text: text.to_owned() }
}

/// A daemon that answers each look at its orders with the next of `looks`, and what it was asked.
fn daemon(ordered: Vec<OrderAnswer>, looks: Vec<Vec<OrderAnswer>>) -> (Fake, Arc<Mutex<Vec<Request>>>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&asked);
    let mut looks = looks.into_iter();
    let fake = Fake::start(move |request| {
        log.lock().unwrap().push(request.clone());
        let first = matches!(request, Request::Act { .. });
        Reply::Ordered(if first { ordered.clone() } else { looks.next().unwrap() })
    });
    (fake, asked)
}

#[test]
fn what_is_asked_is_what_was_written() {
    for (words, whom, needs) in [
        (&["trader", "kill"][..], Whom::Only, false),
        (&["trader", "kill", "--process", "3", "--needs"], Whom::Slot(3), true),
        (&["trader", "kill", "--all"], Whom::All, false),
    ] {
        let (fake, asked) = daemon(vec![answer(1, "done", Some(true))], Vec::new());
        let told = Output::captured(|output| run(&arguments(words, fake.daemon()), output).unwrap());
        assert_eq!(told, "done\n");
        let request = Request::Act { target: "trader".into(), action: "kill".into(), whom, needs };
        assert_eq!(*asked.lock().unwrap(), [request]);
    }
    for words in
        [&["act"][..], &["act", "trader"], &["act", "a", "b", "--all", "--process", "0"], &["act", "a", "b", "c"]]
    {
        assert!(Line::try_parse_from(words).is_err(), "{words:?}");
    }
}

#[test]
fn each_change_is_told_once_and_what_is_over_is_not_asked_for_again() {
    let ordered = vec![answer(7, "ordered: kill of trader[0]", None), answer(8, "ordered: kill of trader[1]", None)];
    let under_way = answer(8, "order 8: under way\x1b[31m", None);
    let looks = vec![
        vec![answer(7, "kill of trader[0]: done", Some(true)), under_way.clone()],
        vec![under_way],
        vec![answer(8, "kill of trader[1]: done", Some(true))],
    ];
    let (fake, asked) = daemon(ordered, looks);
    let told = Output::captured(|output| run(&arguments(&["trader", "kill", "--all"], fake.daemon()), output).unwrap());
    let lines = "ordered: kill of trader[0]\nordered: kill of trader[1]\nkill of trader[0]: done\n\
                 order 8: under way\\x1b[31m\nkill of trader[1]: done\n";
    assert_eq!(told, lines);
    let orders = |orders: &[u64]| Request::Orders(orders.to_vec());
    assert_eq!(asked.lock().unwrap()[1..], [orders(&[7, 8]), orders(&[8]), orders(&[8])]);
}

#[test]
fn many_are_asked_for_in_requests_that_fit() {
    let ordered = (0..300).map(|order| answer(order, &format!("ordered {order}"), None)).collect();
    let done = |orders: std::ops::Range<u64>| orders.map(|order| answer(order, "done", Some(true))).collect();
    let (fake, asked) = daemon(ordered, vec![done(0..128), done(128..256), done(256..300)]);
    let told = Output::captured(|output| run(&arguments(&["trader", "kill", "--all"], fake.daemon()), output).unwrap());
    assert_eq!(told.matches("done\n").count(), 300);
    let asked = asked.lock().unwrap();
    let longest = asked.iter().map(|request| serde_json::to_vec(request).unwrap().len()).max();
    assert!(asked.len() == 4 && longest < Some(4096), "{longest:?}");
}

#[test]
fn what_was_not_done_is_a_failure_and_so_is_what_is_not_over() {
    let (fake, _) = daemon(
        vec![answer(1, "ordered", None), answer(2, "in force already", Some(true))],
        vec![vec![answer(1, "reset_pool of trader[0]: vetoed: no handler", Some(false))]],
    );
    let mut result = Ok(());
    let told = Output::captured(|output| result = run(&arguments(&["trader", "reset_pool"], fake.daemon()), output));
    assert!(told.ends_with("vetoed: no handler\n"), "{told}");
    assert_eq!(said(result), "1 of 2 not done");
    let (fake, _) = daemon(vec![answer(1, "ordered", None)], Vec::new());
    let text = said(run(&arguments(&["trader", "pause", "--wait", "0s"], fake.daemon()), &mut Output::stdout()));
    assert!(text.starts_with("1 of 1 not over after 0ms") && text.contains("tradedog status"), "{text}");
}

#[test]
fn a_refusal_and_no_daemon_are_failures() {
    let fake = Fake::start(|_| Reply::Refused("trader has no action kil: it has kill".into()));
    let text = said(run(&arguments(&["trader", "kil"], fake.daemon()), &mut Output::stdout()));
    assert_eq!(text, "trader has no action kil: it has kill");
    let absent = at(std::path::Path::new("/absent"));
    let text = said(run(&arguments(&["trader", "kill"], absent), &mut Output::stdout()));
    assert!(text.contains("no tradedog answers at /absent/control.sock"), "{text}");
    let stranger = Fake::start(|_| Reply::Done(Vec::new()));
    let text = said(run(&arguments(&["trader", "kill"], stranger.daemon()), &mut Output::stdout()));
    assert!(text.contains("same version"), "{text}");
}
