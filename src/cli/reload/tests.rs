use super::*;
use crate::cli::daemon::tests::{Fake, at, said};
use crate::export::Reply;

#[test]
fn what_the_daemon_says_is_printed_and_a_refusal_is_a_failure() {
    let fake = Fake::start(|request| {
        assert_eq!(request, Request::Reload);
        Reply::Done(vec!["3 targets".into()])
    });
    let told = Output::captured(|output| run(&Arguments { daemon: fake.daemon() }, output).unwrap());
    assert_eq!(told, "3 targets\n");
    let problems = "watchdog.toml:4: unknown key\x07\nwatchdog.toml:9: no unit";
    let fake = Fake::start(move |_| Reply::Refused(problems.into()));
    let text = said(run(&Arguments { daemon: fake.daemon() }, &mut Output::stdout()));
    assert_eq!(text, "watchdog.toml:4: unknown key\\x07\nwatchdog.toml:9: no unit");
    let text = said(run(&Arguments { daemon: at(std::path::Path::new("/absent")) }, &mut Output::stdout()));
    assert!(text.contains("systemctl start tradedog"), "{text}");
}
