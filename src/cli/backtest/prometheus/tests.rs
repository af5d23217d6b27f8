//! The command line: which times, which queries.

use super::*;
use crate::config::{Source as File, parse};

fn arguments(words: &str) -> Prometheus {
    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        arguments: Prometheus,
    }
    let words = ["x", "--prometheus", "http://127.0.0.1:1"].into_iter().chain(words.split_whitespace());
    <Line as clap::Parser>::try_parse_from(words).unwrap().arguments
}

fn span(words: &str) -> Result<String, String> {
    let now = "2026-11-20T12:00:00Z".parse().unwrap();
    match arguments(words).span(now) {
        Ok((from, to)) => Ok(format!("{from} {to}")),
        Err(Failure::Usage(error)) => Err(error.to_string()),
        Err(other) => panic!("{other:?}"),
    }
}

#[test]
fn which_times() {
    let of = |from: &str, to: &str| Ok(format!("2026-11-{from}:00Z 2026-11-{to}:00Z"));
    assert_eq!(span(""), of("19T12:00", "20T12:00"));
    assert_eq!(span("--range 7d"), of("13T12:00", "20T12:00"));
    assert_eq!(span("--range 1h --to 2026-11-18T09:30:00-05:00"), of("18T13:30", "18T14:30"));
    assert_eq!(span("--from 2026-11-18T09:30:00Z"), of("18T09:30", "20T12:00"));
    assert_eq!(span("--from 2026-11-18T09:30:00Z --to 2026-11-18T10:00:00Z"), of("18T09:30", "18T10:00"));
    assert_eq!(span("--from 2026-11-18T09:30:00Z --range 30m"), of("18T09:30", "18T10:00"));
    assert_eq!(span("--from 2026-11-20T11:00:00Z --range 7d"), of("20T11:00", "20T12:00"), "not into the future");
    for words in ["--from 2026-11-21T00:00:00Z", "--from 2026-11-19T00:00:00Z --to 2026-11-18T00:00:00Z", "--range 0s"]
    {
        assert!(span(words).unwrap_err().contains("write --from before --to"), "{words}");
    }
    let twice = span("--range 1h --from 2026-11-19T00:00:00Z --to 2026-11-19T01:00:00Z").unwrap_err();
    assert!(twice.contains("leave one of them out"), "{twice}");
}

#[test]
fn a_query_is_about_one_target() {
    let text = "[target.a]\nmatch = { user = \"root\" }\n[target.b]\nmatch = { user = \"root\" }\n";
    let config = parse(vec![File::new("watchdog.toml", text)]).unwrap();
    let said = |words: &str, target: Option<&str>| match arguments(words).check_queries(&config, target) {
        Ok(()) => String::new(),
        Err(Failure::Usage(error)) => error.to_string(),
        Err(other) => panic!("{other:?}"),
    };
    let which = said("--query open_fds=x", None);
    assert!(which.contains("--query open_fds may be for any of a, b") && which.contains("--target"), "{which}");
    assert_eq!(said("--query open_fds=x", Some("a")), "");
    assert_eq!(said("--query host_swap_used=x", None), "");
    assert!(said("--query rss=x --query rss=y", Some("a")).contains("there twice"));
}
