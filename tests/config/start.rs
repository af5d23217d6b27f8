//! A start for which not every file is good: a drop-in is set aside alone.

use super::files::folder_with;
use super::*;

const MAIN: &str = "[peers]\ndb = \"10.0.0.1:5432\"\n[host.thresholds]\nhost_memory_used = { warning = \"72%\" }\n\
                    [host.ladder]\nwarning = [\"b.reset\", \"trader.reset\"]\n[target.trader]\nmatch = { unit = \"trader.service\" }\n\
                    actions = { reset = { signal = \"SIGUSR1\" } }\n";

const A: &str = "[target.a]\nmatch = { comm = \"a\" }\n";
const B: &str = "[target.b]\nmatch = { comm = \"b\" }\nactions = { reset = { signal = \"SIGUSR1\" } }\n";

/// Names of the targets, and of the files that are set aside with the first error of each.
fn started(files: &[(&str, &str)]) -> (Vec<String>, Vec<(String, String)>, Config) {
    let folder = folder_with(files);
    let config = config::load_at_start(&folder.path().join("watchdog.toml")).unwrap();
    let targets = config.targets.iter().map(|target| target.name.to_string()).collect();
    let aside = config.set_aside.iter().map(|aside| {
        let first = aside.problems.iter().next().unwrap();
        (aside.file.file_name().unwrap().to_str().unwrap().to_owned(), first.what.clone())
    });
    (targets, aside.collect(), config)
}

#[test]
fn where_all_is_good_nothing_is_set_aside() {
    let (targets, aside, config) =
        started(&[("watchdog.toml", MAIN), ("watchdog.d/a.toml", A), ("watchdog.d/b.toml", B)]);
    assert_eq!((targets, aside), (vec!["trader".into(), "a".into(), "b".into()], Vec::new()));
    assert!(config.warnings.is_empty() && config.fallback.is_none());
    let texts: Vec<&str> = config.sources().iter().map(|source| source.text.as_str()).collect();
    assert_eq!(texts, [MAIN, A, B]);
}

#[test]
fn a_bad_drop_in_takes_nobody_with_it() {
    for (bad, what) in [
        ("[target.a]\nmatch = { com = \"a\" }\n", "unknown key"),
        ("[target.a\nmatch = 1", ""),
        ("[daemon]\ninterval = \"2s\"\n", "may hold only"),
        ("[target.trader]\nmatch = { comm = \"a\" }\n", "is defined twice"),
        ("[target.a]\nmatch = { comm = \"a\" }\n[target.a.thresholds]\n\"close_wait.dp\" = { warning = 1 }\n", "dp"),
    ] {
        let files = [("watchdog.toml", MAIN), ("watchdog.d/a.toml", bad), ("watchdog.d/b.toml", B)];
        let folder = folder_with(&files);
        assert!(config::load(&folder.path().join("watchdog.toml")).is_err(), "a reload is whole or not at all: {bad}");
        let (targets, aside, config) = started(&files);
        assert_eq!(targets, ["trader", "b"], "{bad}");
        assert!(aside.len() == 1 && aside[0].0 == "a.toml" && aside[0].1.contains(what), "{aside:?}");
        assert_eq!(config.files.len(), 2);
        assert_eq!(config.place(&config.targets[1]).rsplit('/').next().unwrap(), "b.toml:1");
    }
}

#[test]
fn of_two_with_the_same_target_the_later_one_is_set_aside() {
    let (targets, aside, config) = started(&[
        ("watchdog.toml", MAIN),
        ("watchdog.d/a.toml", A),
        ("watchdog.d/b.toml", B),
        ("watchdog.d/c.toml", "[target.a]\nmatch = { comm = \"c\" }\n[target.c]\nmatch = { comm = \"c\" }\n"),
    ]);
    assert_eq!(targets, ["trader", "a", "b"]);
    assert_eq!(aside.len(), 1);
    assert_eq!(aside[0].0, "c.toml");
    let shown = config.set_aside[0].problems.to_string();
    assert!(shown.contains("c.toml:1") && shown.contains("a.toml"), "both places:\n{shown}");
}

/// The main file is no worse for what another one has lost.
#[test]
fn what_the_hosts_ladder_names_of_a_file_that_is_set_aside_is_passed_over() {
    for bad in [&B.replace("comm", "com"), "[target.b", "\u{fffe}"] {
        let (targets, aside, config) = started(&[("watchdog.toml", MAIN), ("watchdog.d/b.toml", bad)]);
        assert_eq!((targets, aside.len()), (vec!["trader".to_owned()], 1));
        let steps: usize = config.host.ladder.iter().map(|(_, steps)| steps.len()).sum();
        assert_eq!(steps, 1);
        let warnings: Vec<&str> = config.warnings.iter().map(|warning| warning.what.as_str()).collect();
        assert_eq!(warnings, ["`b.reset` is passed over: its file is set aside"]);
    }
    let folder = folder_with(&[("watchdog.toml", MAIN), ("watchdog.d/a.toml", &A.replace("comm", "com"))]);
    let problems = config::load_at_start(&folder.path().join("watchdog.toml")).unwrap_err();
    assert!(problems.to_string().contains("no target `b`"), "of no file that is there:\n{problems}");
}

/// The host's ladder names an action that the drop-in has no more: the error is in the main file.
#[test]
fn the_drop_in_with_which_the_main_file_goes_wrong_is_found() {
    let renamed = B.replace("reset", "restart");
    for at in 0..5 {
        let names: Vec<String> = (0..5).map(|index| format!("watchdog.d/{index}.toml")).collect();
        let texts: Vec<String> = (0..5)
            .map(|i| if i == at { renamed.clone() } else { A.replace("target.a", &format!("target.a{i}")) })
            .collect();
        let mut files = vec![("watchdog.toml", MAIN)];
        files.extend(names.iter().map(String::as_str).zip(texts.iter().map(String::as_str)));
        let (targets, aside, _) = started(&files);
        assert_eq!(targets.len(), 5, "{targets:?}");
        assert_eq!(aside.len(), 1, "{aside:?}");
        assert_eq!(aside[0].0, format!("{at}.toml"));
    }
}

#[test]
fn a_bad_main_file_is_told_with_all_that_is_wrong() {
    let folder = folder_with(&[
        ("watchdog.toml", &MAIN.replace("unit", "unti")),
        ("watchdog.d/a.toml", &A.replace("comm", "com")),
        ("watchdog.d/b.toml", B),
    ]);
    let problems = config::load_at_start(&folder.path().join("watchdog.toml")).unwrap_err().to_string();
    assert!(problems.contains("unti") && problems.contains("com"), "{problems}");
    let problems = config::load_at_start(&folder.path().join("absent.toml")).unwrap_err();
    assert!(problems.to_string().contains("cannot be read"), "{problems}");
}

#[test]
fn what_others_may_write_is_set_aside_whatever_it_says() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = folder_with(&[("watchdog.toml", MAIN), ("watchdog.d/a.toml", A), ("watchdog.d/b.toml", B)]);
    let start = || config::load_at_start(&folder.path().join("watchdog.toml")).unwrap();
    let chmod = |name: &str, mode| {
        fs::set_permissions(folder.path().join(name), fs::Permissions::from_mode(mode)).unwrap();
    };
    chmod("watchdog.d/a.toml", 0o666);
    assert_eq!((start().targets.len(), start().set_aside.len()), (2, 1));
    chmod("watchdog.d", 0o777);
    let config = start();
    assert_eq!((config.targets.len(), config.set_aside.len()), (1, 1), "nothing in it can be trusted");
    assert!(config.set_aside[0].file.ends_with("watchdog.d"));
}

#[test]
fn many_bad_drop_ins_are_told_from_the_good_ones() {
    let names: Vec<String> = (0..200).map(|index| format!("watchdog.d/{index:03}.toml")).collect();
    let texts: Vec<String> = (0..200)
        .map(|index| {
            A.replace("target.a", &format!("target.a{index}"))
                .replace("comm", if index % 2 == 0 { "comm" } else { "com" })
        })
        .collect();
    let mut files = vec![("watchdog.toml", MAIN)];
    files.extend(names.iter().map(String::as_str).zip(texts.iter().map(|text| text.as_str())));
    files.push(("watchdog.d/b.toml", B));
    let (targets, aside, _) = started(&files);
    assert_eq!((targets.len(), aside.len()), (102, 100));
}
