//! The flow holds: a module of `src/` names only the modules that stand before it.
//!
//! Reads the sources as text and follows every `crate::`, `tradedog::` and `super::` path, wherever
//! it stands: in a `use`, in a nested group, or in the middle of an expression. Unit tests count as
//! part of their module.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "the test reads the sources, and fails by panicking"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Module -> the modules that it may name. The order is the order of the flow.
const FLOW: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("config", &["model"]),
    ("kernel", &["model"]),
    ("discover", &["model", "config", "kernel"]),
    ("sample", &["model", "config", "kernel", "discover"]),
    ("judge", &["model", "config"]),
    ("replay", &["model", "config", "judge"]),
    ("act", &["model", "config", "kernel", "discover"]),
    ("record", &["model", "config"]),
    ("export", &["model", "config", "record"]),
    ("watch", &["model", "config", "kernel", "discover", "sample", "judge", "act", "record", "export"]),
    (
        "cli",
        &["model", "config", "kernel", "discover", "sample", "judge", "replay", "act", "record", "export", "watch"],
    ),
    ("main", &["cli"]),
];

/// Past this a file no longer reads at one sitting.
const MOST_LINES: usize = 400;

#[test]
fn modules_look_only_up_the_flow() {
    let complaints: Vec<String> = sources()
        .iter()
        .filter(|file| file.as_path() != Path::new("src/lib.rs"))
        .flat_map(|file| trespasses(file, &fs::read_to_string(root().join(file)).unwrap()))
        .collect();
    assert!(complaints.is_empty(), "imports against the flow:\n  {}", complaints.join("\n  "));
}

#[test]
fn every_module_has_its_place_in_the_flow() {
    let known: BTreeSet<&str> = FLOW.iter().map(|(module, _)| *module).collect();
    let found: BTreeSet<String> =
        sources().iter().map(|file| module_path(file).remove(0)).filter(|module| module != "lib").collect();
    for module in &found {
        assert!(known.contains(module.as_str()), "src/{module} has no row in FLOW: say what it may import");
    }
    for module in known {
        assert!(found.contains(module), "FLOW has a row for {module}, which is no module of src/");
    }
}

#[test]
fn files_stay_short() {
    for file in sources() {
        let is_test = file.components().any(|part| part.as_os_str() == "tests") || file.ends_with("tests.rs");
        let lines = fs::read_to_string(root().join(&file)).unwrap().lines().count();
        assert!(
            is_test || lines <= MOST_LINES,
            "{} has {lines} lines, {MOST_LINES} at most: give a part of it a file of its own",
            file.display()
        );
    }
}

#[test]
fn a_trespass_is_seen_however_it_is_written() {
    let seen = |file: &str, text: &str| trespasses(Path::new(file), text);
    let sentence = "src/judge/mod.rs uses crate::sample: judge may see only model, config";

    assert_eq!(seen("src/judge/mod.rs", "use crate::sample::Sampler;"), [sentence]);
    assert_eq!(seen("src/judge/mod.rs", "use crate::{model::Level, sample};"), [sentence]);
    assert_eq!(seen("src/judge/mod.rs", "fn f() -> u8 { crate::sample::count() }"), [sentence]);
    assert_eq!(seen("src/judge/mod.rs", "use tradedog::sample::x;"), [sentence]);
    assert_eq!(seen("src/judge/mod.rs", "use super::sample::x;"), [sentence]);
    assert_eq!(seen("src/judge/mod.rs", "#[cfg(test)] mod tests { use super::super::sample::x; }"), [sentence]);
    assert_eq!(
        seen("src/judge/rungs.rs", "pub(crate) use super::super::{sample, model};"),
        ["src/judge/rungs.rs uses crate::sample: judge may see only model, config"]
    );
    assert_eq!(
        seen("src/model/level.rs", "use crate::config;"),
        ["src/model/level.rs uses crate::config: model may see nothing"]
    );
    assert_eq!(
        seen("src/export/mod.rs", "use crate::*;"),
        ["src/export/mod.rs uses crate::*: export may see only model, config, record"]
    );

    assert!(
        seen("src/judge/mod.rs", "use crate::{model::{Level, Order}, config::Config}; use crate::judge::x;").is_empty()
    );
    assert!(
        seen("src/judge/mod.rs", "//! See [`crate::sample`].\n/* crate::act */ const T: &str = \"crate::act\";")
            .is_empty()
    );
    assert!(
        seen(
            "src/judge/mod.rs",
            r##"const S: &str = r#"crate::act "quoted" "#; fn f<'a>(c: char) -> bool { c == '"' }"##
        )
        .is_empty()
    );
    assert_eq!(seen("src/judge/mod.rs", r#"fn f<'a>(c: char) { g('\'', '"', "\""); crate::sample::h() }"#), [sentence]);
    assert!(
        seen("src/judge/rungs.rs", "use super::Brake; mod tests { use super::super::Brake; use super::*; }").is_empty()
    );
    assert!(seen("src/main.rs", "fn main() { tradedog::cli::main() }").is_empty());
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every `.rs` file under `src/`, as a path from the project's root.
fn sources() -> Vec<PathBuf> {
    let mut folders = vec![root().join("src")];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path.strip_prefix(root()).unwrap().to_owned());
            }
        }
    }
    files.sort();
    assert!(files.len() > 10, "the sources were not found");
    files
}

/// `src/judge/rungs.rs` -> `["judge", "rungs"]`; `src/judge/mod.rs` -> `["judge"]`.
fn module_path(file: &Path) -> Vec<String> {
    let mut path: Vec<String> =
        file.with_extension("").components().skip(1).map(|c| c.as_os_str().to_str().unwrap().to_owned()).collect();
    path.pop_if(|last| last == "mod");
    path
}

/// One sentence for each path of `text` that leads where the module may not look.
fn trespasses(file: &Path, text: &str) -> Vec<String> {
    let home = module_path(file);
    let (_, allowed) = FLOW.iter().find(|(module, _)| *module == home[0]).unwrap_or(&("", &[]));
    let list = if allowed.is_empty() { "nothing".to_owned() } else { format!("only {}", allowed.join(", ")) };
    reached_from_root(&tokens(text), home.len())
        .into_iter()
        .filter(|name| *name != home[0] && !allowed.contains(&name.as_str()))
        .map(|name| format!("{} uses crate::{name}: {} may see {list}", file.display(), home[0]))
        .collect()
}

/// The first segment after the crate's root of every path that goes through the root.
fn reached_from_root(tokens: &[String], depth: usize) -> Vec<String> {
    let mut found = Vec::new();
    let mut braces = 0;
    let mut inline: Vec<usize> = Vec::new();
    for (i, token) in tokens.iter().enumerate() {
        let at = |ahead: usize| tokens.get(i + ahead).map_or("", String::as_str);
        match token.as_str() {
            "{" => braces += 1,
            "}" => {
                inline.pop_if(|opened| *opened == braces);
                braces -= 1;
            }
            "mod" if at(2) == "{" => inline.push(braces + 1),
            "crate" | "tradedog" if at(1) == "::" => found.extend(heads(&tokens[i + 2..])),
            "super" if at(1) == "::" && (i == 0 || tokens[i - 1] != "::") => {
                let steps = tokens[i..].chunks(2).take_while(|pair| *pair == ["super", "::"]).count();
                if steps == depth + inline.len() {
                    found.extend(heads(&tokens[i + 2 * steps..]));
                }
            }
            _ => {}
        }
    }
    found
}

/// The names that a path goes on with: one, or each head of a `{a::b, c}` group.
fn heads(rest: &[String]) -> Vec<String> {
    if rest.first().is_none_or(|token| token != "{") {
        return rest.first().cloned().into_iter().collect();
    }
    let mut depth = 0;
    let mut names = Vec::new();
    for pair in rest.windows(2) {
        match pair[0].as_str() {
            "{" => depth += 1,
            "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            break;
        }
        if depth == 1 && (pair[0] == "{" || pair[0] == ",") && pair[1] != "}" {
            names.push(pair[1].clone());
        }
    }
    names
}

/// Words, `::` and single other characters; comments and literals left out.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let word = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if let Some(length) = literal(rest) {
            length
        } else if word > 0 {
            tokens.push(rest[..word].to_owned());
            word
        } else if rest.starts_with("::") {
            tokens.push("::".to_owned());
            2
        } else {
            if !first.is_whitespace() {
                tokens.push(first.to_string());
            }
            first.len_utf8()
        };
        rest = &rest[length..];
    }
    tokens
}

/// How long the string or character literal is that `text` starts with.
fn literal(text: &str) -> Option<usize> {
    let body = text.strip_prefix('b').unwrap_or(text);
    let prefix = text.len() - body.len();
    if let Some(raw) = body.strip_prefix('r') {
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        if raw[hashes..].starts_with('"') {
            let close = format!("\"{}", "#".repeat(hashes));
            let end = raw[hashes + 1..].find(&close).map_or(raw.len(), |end| hashes + 1 + end + close.len());
            return Some(prefix + 1 + end);
        }
    }
    if let Some(string) = body.strip_prefix('"') {
        let mut escaped = false;
        let end = string.find(|c| {
            let closes = c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            closes
        });
        return Some(prefix + 1 + end.map_or(string.len(), |end| end + 1));
    }
    let mut character = body.strip_prefix('\'')?.char_indices();
    let (_, first) = character.next()?;
    if first == '\\' {
        character.next();
        return character.find(|(_, c)| *c == '\'').map(|(end, _)| prefix + end + 2);
    }
    // Without a closing quote right behind it, it is a lifetime.
    character.next().filter(|(_, c)| *c == '\'').map(|(end, _)| prefix + end + 2)
}
