//! From files to the checked configuration, and how the daemon starts when some of them are not good.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use toml::de::DeTable;

use super::load::{self, Loaded};
use super::problem::{Problems, Report, Severity};
use super::source::Source;
use super::{Config, check, reader, syntax};

/// Whether the main file says `dry_run = true`, whatever else is wrong with it.
pub fn says_dry_run(path: &Path) -> bool {
    let files = load::read(path);
    let Some(main) = files.first() else { return false };
    let (tree, _) = DeTable::parse_recoverable(&main.source.text);
    let daemon = tree.get_ref().get("daemon").and_then(|daemon| daemon.get_ref().as_table());
    let dry_run = daemon.and_then(|daemon| daemon.get("dry_run")).and_then(|value| value.get_ref().as_bool());
    dry_run == Some(true)
}

/// A drop-in that is left out because of its errors, and its targets with it.
#[derive(Clone, Debug)]
pub struct SetAside {
    /// Which; the folder, where that is refused as a whole.
    pub file: PathBuf,
    /// What is wrong with it.
    pub problems: Problems,
}

/// The files that are there cannot be used: those that were used last are used in their place.
#[derive(Clone, Debug)]
pub struct Fallback {
    /// What is wrong with those that are there.
    pub problems: Problems,
    /// When those that are used were read.
    pub kept: SystemTime,
}

/// Reads the main file and `watchdog.d/*.toml` beside it, which may hold only targets.
///
/// # Errors
///
/// Every problem of every file, if there is one that keeps the whole from being used.
pub fn load(path: &Path) -> Result<Config, Problems> {
    whole(&load::read(path), &[])
}

/// As [`load`], for the start of the daemon: a drop-in that is not good is set aside alone.
///
/// # Errors
///
/// Every problem of every file, if the main one is not good.
pub fn load_at_start(path: &Path) -> Result<Config, Problems> {
    without_bad_drop_ins(&load::read(path))
}

/// Reads files that are in memory already, the main one first.
///
/// # Errors
///
/// As [`load`].
pub fn parse(sources: Vec<Source>) -> Result<Config, Problems> {
    let files: Vec<Loaded> = sources.into_iter().map(Loaded::of).collect();
    whole(&files, &[])
}

fn without_bad_drop_ins(files: &[Loaded]) -> Result<Config, Problems> {
    let mut aside: Vec<(usize, SetAside)> = Vec::new();
    let mut first = None;
    loop {
        let left_out: Vec<usize> = aside.iter().map(|(file, _)| *file).collect();
        let problems = match whole(files, &left_out) {
            Ok(config) => {
                aside.sort_by_key(|(file, _)| *file);
                return Ok(Config { set_aside: aside.into_iter().map(|(_, aside)| aside).collect(), ..config });
            }
            Err(problems) => problems,
        };
        let bad = bad_drop_ins(files, &left_out, &problems);
        if bad.is_empty() {
            return Err(first.unwrap_or(problems));
        }
        first.get_or_insert(problems);
        aside.extend(bad);
    }
}

/// Those in which something is wrong; else the one with which the main file goes wrong. None where the
/// main file alone is not good.
fn bad_drop_ins(files: &[Loaded], left_out: &[usize], problems: &Problems) -> Vec<(usize, SetAside)> {
    let drop_ins: Vec<usize> = (1..files.len()).filter(|file| !left_out.contains(file)).collect();
    let errors_of = |file: usize| problems.errors_of(&files[file].source.path);
    let named = drop_ins.iter().map(|file| (*file, errors_of(*file))).filter(|(_, errors)| !errors.is_empty());
    let set_aside =
        |(file, problems): (usize, Problems)| (file, SetAside { file: files[file].source.path.clone(), problems });
    let named: Vec<_> = named.map(set_aside).collect();
    if !named.is_empty() {
        return named;
    }
    let goes_wrong = |count: usize| {
        let more = drop_ins.iter().skip(count);
        whole(files, &left_out.iter().chain(more).copied().collect::<Vec<_>>()).is_err()
    };
    if goes_wrong(0) {
        return Vec::new();
    }
    // The fewest with which it goes wrong: with all of them it does.
    let (mut good, mut wrong) = (0, drop_ins.len());
    while good + 1 < wrong {
        let middle = usize::midpoint(good, wrong);
        if goes_wrong(middle) { wrong = middle } else { good = middle }
    }
    drop_ins.get(good).map(|file| set_aside((*file, problems.clone()))).into_iter().collect()
}

/// What the files mean, without those that are set aside.
fn whole(files: &[Loaded], set_aside: &[usize]) -> Result<Config, Problems> {
    let mut report = Report::default();
    let kept = files.iter().enumerate().filter(|(index, _)| !set_aside.contains(index)).map(|(_, file)| file);
    for (index, file) in kept.clone().enumerate() {
        for doubt in &file.doubts {
            report.doubt(index, &*doubt.what).help(&*doubt.help);
        }
        let Some(refusal) = &file.refusal else { continue };
        report.file(index, &*refusal.what).help(&*refusal.help);
        if file.source.text.is_empty() {
            report.cut(index);
        }
    }
    for file in set_aside.iter().filter_map(|index| files.get(*index)) {
        report.leave_out(targets_of(&file.source));
    }
    let sources: Arc<Vec<Source>> = Arc::new(kept.map(|file| file.source.clone()).collect());
    let texts: Vec<String> = sources.iter().enumerate().map(|(i, s)| syntax::mend(i, s, &mut report)).collect();
    let trees: Vec<_> = texts.iter().map(|text| DeTable::parse_recoverable(text).0).collect();
    let tables = trees.iter().zip(&texts).enumerate().map(|(i, (tree, text))| reader::Table::root(i, tree, text));
    let tables = tables.collect();
    let mut config = check::check(tables, &mut report);
    config.files = sources.iter().map(|source| source.path.clone()).collect();
    let problems = report.finish(&sources);
    if problems.iter().any(|problem| problem.severity == Severity::Error) {
        return Err(problems);
    }
    config.warnings = problems;
    Ok(config)
}

/// The targets that a file defines; none where they cannot be told.
fn targets_of(source: &Source) -> Option<Vec<String>> {
    let (tree, errors) = DeTable::parse_recoverable(&source.text);
    let targets = tree.get_ref().get("target").and_then(|value| value.get_ref().as_table())?;
    errors.is_empty().then(|| targets.keys().map(|name| name.get_ref().to_string()).collect())
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn a_slip_elsewhere_does_not_hide_that_it_is_a_dry_run() {
        let folder = tempfile::tempdir().unwrap();
        for (text, dry) in [
            ("[daemon]\ndry_run = true\n[target.t]\nmatch = { comm = }\nfoo = = 3\n", true),
            ("[daemon]\ndry_run = false\n[target.t]\nmatch = {\n", false),
            ("[daemon]\ninterval = 3\n", false),
        ] {
            let mut file = tempfile::NamedTempFile::new_in(&folder).unwrap();
            file.write_all(text.as_bytes()).unwrap();
            assert_eq!(says_dry_run(file.path()), dry, "{text}");
        }
        assert!(!says_dry_run(&folder.path().join("none.toml")));
    }
}
