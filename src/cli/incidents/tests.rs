use std::path::Path;

use clap::Parser;

use super::*;
use crate::model::Evidence;
use crate::record::incident::{About, Grounds, Limits, Ordered, Store};

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    arguments: Arguments,
}

fn told(words: &[&str]) -> String {
    let cli = Cli::try_parse_from(["incidents"].iter().chain(words)).unwrap_or_else(|error| panic!("{error}"));
    Output::captured(|output| {
        if let Err(failure) = run(&cli.arguments, output) {
            let text = match failure {
                Failure::Runtime(error) | Failure::Usage(error) => error.to_string(),
                Failure::Configuration(_) | Failure::NoWay { .. } | Failure::Closed => "another failure".to_owned(),
            };
            output.line(format!("failed: {text}")).unwrap();
        }
    })
}

fn keep(folder: &Path, target: &str, second: i64) -> String {
    let about = About {
        trigger: if second == 0 { Trigger::Critical } else { Trigger::Kill },
        at_millis: 1_795_302_902_123 + second * 1000,
        target: target.to_owned(),
        process: 0,
        pid: 4711,
        started_millis: 1_795_302_000_000,
        host: "trading-1".to_owned(),
        dry_run: false,
        decision: "order 17: kill for trader[0] pid 4711: open_fds 905 at or past 900 (fatal)".to_owned(),
        grounds: Some(Grounds {
            ladder: "default".to_owned(),
            level: "fatal".to_owned(),
            metric: "open_fds".to_owned(),
            value: 905.0,
            bound: 900.0,
            for_millis: 3000,
            escalated_by: None,
        }),
        order: Some(Ordered { number: 17, action: "kill".to_owned(), attempt: 1, by: None }),
    };
    let mut evidence = Evidence::default();
    evidence.file("descriptors.txt", "what it has open", "905 descriptors\n\x1b[2J\tx\n".to_owned());
    evidence.lacks_right("its memory by kind", "permission denied", "CAP_SYS_PTRACE");
    evidence.counts.insert("descriptors".to_owned(), 905);
    let limits = Limits { count: 10, size: 1 << 20 };
    Store::in_folder(folder.to_owned()).keep(&about, (&evidence, 12), limits).unwrap().id
}

#[test]
fn a_list_and_one_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().to_str().unwrap();
    assert_eq!(told(&["--dir", dir]), "no incidents\n");
    let first = keep(folder.path(), "trader", 0);
    let second = keep(folder.path(), "gateway", 5);
    let all = told(&["--dir", dir]);
    assert_eq!(
        all,
        format!(
            "{first}  pid 4711  open_fds 905, bound 900  1 thing missing\n{second}  pid 4711  open_fds 905, bound 900  1 thing missing\n"
        )
    );
    assert!(!told(&["--dir", dir, "--target", "gateway"]).contains("trader"));
    let shown = told(&["show", "last", "--dir", dir]);
    for part in [
        "order 17: kill",
        "before a kill",
        "gateway[0], pid 4711",
        "905 descriptors",
        "descriptors.txt",
        "needs CAP_SYS_PTRACE",
        &second,
    ] {
        assert!(shown.contains(part), "no {part} in\n{shown}");
    }
    assert!(told(&["show", &first, "--dir", dir]).contains("at critical"));
    assert_eq!(told(&["show", &first, "descriptors.txt", "--dir", dir]), "905 descriptors\n\\x1b[2J\tx\n");
    let json: serde_json::Value = serde_json::from_str(&told(&["--dir", dir, "--json"])).unwrap();
    assert_eq!((&json[0]["id"], &json[1]["target"]), (&first.into(), &"gateway".into()));
    let json: serde_json::Value = serde_json::from_str(&told(&["show", "last", "--dir", dir, "--json"])).unwrap();
    assert_eq!(json["order"]["action"], "kill");
}

#[test]
fn an_option_stands_before_show_or_after_it() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().to_str().unwrap();
    let id = keep(folder.path(), "trader", 0);
    let (file, document) = (["show", &id, "descriptors.txt"], ["show", &id, "--json"]);
    assert_eq!(told(&[&["--dir", dir], &file[..]].concat()), told(&[&file[..], &["--dir", dir]].concat()));
    let json = told(&[&document[..], &["--dir", dir]].concat());
    assert!(json.contains("open_fds"), "{json}");
    for words in [["--dir", dir, "--json", "show", &id], ["--json", "show", "--dir", dir, &id]] {
        assert_eq!(told(&words), json);
    }
    for (words, why) in [
        (["--target", "trader", "show", &id].as_slice(), "`--target` chooses"),
        (["--json", "show", &id, "descriptors.txt"].as_slice(), "`--json` prints"),
        (["show", &id, "descriptors.txt", "--json"].as_slice(), "`--json` prints"),
    ] {
        let refused = told(&[words, &["--dir", dir]].concat());
        assert!(refused.starts_with("failed: ") && refused.contains(why), "{refused}");
    }
}

#[test]
fn what_is_not_there_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().to_str().unwrap();
    assert_eq!(told(&["show", "last", "--dir", dir]), "failed: there is no incident yet\n");
    let missing = told(&["show", "20261121T231502.123Z-trader-0-kill", "--dir", dir]);
    assert!(missing.contains("there is no incident 20261121T231502.123Z-trader-0-kill"), "{missing}");
    let id = keep(folder.path(), "trader", 0);
    let missing = told(&["show", &id, "../incident.json", "--dir", dir]);
    assert!(missing.contains("not the name of one of its files"), "{missing}");
    let nowhere = folder.path().join("nowhere");
    assert!(told(&["--dir", nowhere.to_str().unwrap()]).contains("there are no incidents at"));
}

#[test]
fn a_document_of_somebody_else_cannot_move_the_cursor_and_hides_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().to_str().unwrap();
    let first = keep(folder.path(), "trader", 0);
    let second = keep(folder.path(), "trader", 1);
    let document = folder.path().join("incidents").join(&first).join("incident.json");
    #[expect(clippy::disallowed_methods, reason = "a test changes a file")]
    let change = |from: &str, to: &str| {
        let text = std::fs::read_to_string(&document).unwrap().replace(from, to);
        std::fs::write(&document, text).unwrap();
    };
    change("trading-1", "\\u001b[2J");
    assert!(told(&["show", &first, "--dir", dir]).contains("\\x1b[2J"));
    change("{", "[");
    let all = told(&["--dir", dir]);
    assert!(all.contains(&format!("{first}  ")) && all.contains("cannot be read") && all.contains(&second), "{all}");
}
