//! The command line: which queries.

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
