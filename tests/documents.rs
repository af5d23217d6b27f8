//! What the documents promise is there.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a test reads, starts programs, and fails by panicking"
)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use tradedog::model::METRICS;
use tradedog::record::KINDS;

fn document(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

/// The contents of its fenced blocks of that language.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    text.split(&fence).skip(1).map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

#[test]
fn the_configuration_of_the_readme_is_accepted() {
    accepted("README.md");
}

#[test]
fn the_configuration_of_the_guide_to_calendars_is_accepted() {
    accepted("docs/calendar.md");
}

/// The one configuration of the document.
fn accepted(name: &str) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("watchdog.toml");
    let samples = blocks(&document(name), "toml");
    assert_eq!(samples.len(), 1);
    fs::write(&file, &samples[0]).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let check = Command::new(env!("CARGO_BIN_EXE_tradedog")).args(["check", "--config"]).arg(&file).output().unwrap();
    let said = String::from_utf8_lossy(&check.stderr).into_owned() + &String::from_utf8_lossy(&check.stdout);
    assert_ne!(check.status.code(), Some(2), "{said}");
}

#[test]
fn the_two_commands_of_the_readme_are_there_and_checked() {
    let commands = blocks(&document("README.md"), "sh").remove(0);
    let commands: Vec<&str> = commands.lines().map(|line| line.split(" #").next().unwrap().trim()).collect();
    assert_eq!(commands, ["cargo run --release -- demo", "tests/run"]);
    let demo = Command::new(env!("CARGO_BIN_EXE_tradedog")).args(["demo", "--help"]).output().unwrap();
    assert!(demo.status.success());
    let help = String::from_utf8(demo.stdout).unwrap();
    for part in ["--stubborn", "--keep"] {
        assert!(help.contains(part), "{part} is not in:\n{help}");
    }
    assert!(!help.contains("ctl") && !help.contains("PART"), "its parts are nobody's business:\n{help}");
    let checked = document("tests/run").contains("cargo run --locked --quiet --release -- demo");
    assert!(checked, "tests/run does not run the first command");
}

#[test]
fn the_readme_names_every_metric_that_a_threshold_may_name() {
    let text = document("README.md");
    for metric in METRICS.iter().filter(|metric| metric.bounded) {
        assert!(text.contains(&format!("`{}`", metric.name)), "{} is not in README.md", metric.name);
        let per_peer = format!("`{}.PEER`", metric.name);
        assert_eq!(text.contains(&per_peer), metric.per_peer, "{per_peer} in README.md");
    }
}

/// `benches/compare --write` puts the figures there.
#[test]
fn what_it_costs_is_told_in_figures_and_in_a_chart() {
    let readme = document("README.md");
    let section = readme.split("\n## What it costs\n").nth(1).unwrap().split("\n## ").next().unwrap();
    assert!(section.contains("docs/cost.svg") && document("docs/cost.svg").contains("W3: 1,000 processes"));
    let tables = [("README.md", "cost", 13), ("docs/cost.md", "bars", 13)];
    for (name, place, least) in tables {
        let text = document(name);
        let begin = format!("<!-- {place}: benches/compare --write -->");
        let table = text.split(&begin).nth(1).unwrap().split("<!-- ").next().unwrap();
        let rows: Vec<&str> = table.lines().filter(|line| line.starts_with("| ")).skip(1).collect();
        assert!(rows.len() + 1 >= least, "{name} has {} rows", rows.len());
        for row in rows {
            let figures: Vec<&str> = row.split(" | ").skip(1).collect();
            let is_told =
                |cell: &str| cell.contains(|symbol: char| symbol.is_ascii_digit()) || cell.contains("not measured");
            assert!(figures.len() >= 3 && figures[..2].iter().all(|cell| is_told(cell)), "{name}: {row}");
        }
    }
}

/// `benches/latency --write` puts them there.
#[test]
fn the_way_from_breach_to_signal_is_told_in_figures_and_in_a_chart() {
    let readme = document("README.md");
    let table = readme.split("<!-- benches/latency --write: begin -->").nth(1).unwrap();
    let table = table.split("<!-- benches/latency --write: end -->").next().unwrap();
    let rows: Vec<&str> = table.lines().filter(|line| line.starts_with("| ")).skip(1).collect();
    assert_eq!(rows.len(), 4, "{table}");
    for row in rows {
        let times: Vec<f64> =
            row.trim_end_matches(" |").split(" | ").skip(1).map(|time| time.parse().unwrap()).collect();
        assert!(times.len() == 4 && times.is_sorted(), "{row}");
        assert!(document("docs/latency.svg").contains(row[2..].split(" | ").next().unwrap()), "{row}");
    }
}

#[test]
fn links_between_documents_lead_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let guides = fs::read_dir(root.join("docs")).unwrap().map(|guide| guide.unwrap().path());
    let documents =
        ["README.md", "ARCHITECTURE.md", "CHANGELOG.md"].map(|name| root.join(name)).into_iter().chain(guides);
    for path in documents {
        let text = fs::read_to_string(&path).unwrap();
        for link in text.split("](").skip(1).map(|rest| rest.split(')').next().unwrap()) {
            let file = link.split('#').next().unwrap();
            let is_there = link.starts_with("https://") || path.with_file_name(file).exists();
            assert!(is_there, "{} links to {link}, which is not there", path.display());
        }
    }
}

/// docs/reliability.md: "a panic anywhere ends the daemon at once; systemd starts it anew".
#[test]
fn a_panic_anywhere_ends_what_is_shipped() {
    let manifest: toml::Table = document("Cargo.toml").parse().unwrap();
    assert_eq!(manifest["profile"]["release"]["panic"].as_str(), Some("abort"));
    let service = document("systemd/tradedog.service");
    for line in ["Restart=always", "RestartSec=1", "StartLimitIntervalSec=0"] {
        assert!(service.lines().any(|other| other == line), "{line}");
    }
}

#[test]
fn files_that_the_architecture_names_exist() {
    let text = document("ARCHITECTURE.md");
    for path in text.split('`').filter(|word| word.starts_with("src/") || word.starts_with("tests/")) {
        let path = path.split(' ').next().unwrap();
        assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join(path).exists(), "ARCHITECTURE.md names {path}");
    }
}

/// Filters and catalogues of others rest on these ids.
#[test]
fn each_kind_of_line_is_documented_under_its_message_id() {
    let text = document("docs/logs.md");
    let id = |line: &str| line.strip_prefix("| `").and_then(|rest| rest.split('`').next().map(str::to_owned));
    let is_id = |text: &str| text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let rows: Vec<&str> = text.lines().filter(|line| id(line).is_some_and(|id| is_id(&id))).collect();
    let expected: Vec<String> = KINDS.iter().map(|kind| format!("| `{}` | {} |", kind.id, kind.about)).collect();
    assert_eq!(rows, expected);
}

#[test]
fn the_first_day_is_one_that_the_test_on_a_real_systemd_goes_through() {
    let (text, test) = (document("docs/first-day.md"), document("tests/host/first_day.rs"));
    let day = blocks(&text, "console").remove(0);
    let commands: Vec<&str> = day.lines().filter_map(|line| line.strip_prefix("$ tradedog ")).collect();
    assert!(commands.len() >= 4, "{commands:?}");
    for command in commands {
        let command = command.split(" >run.log").next().unwrap();
        assert!(test.contains(&format!("tradedog {command}")), "tests/host/first_day.rs does not do: {command}");
    }
    assert!(day.contains("dry_run = true") && day.contains("ok: the configuration can be used"));
}
