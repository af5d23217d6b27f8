//! Files on disk: the drop-ins, and those that are refused whatever they say.

use std::os::unix::fs::PermissionsExt;

use tempfile::TempDir;

use super::*;

const MAIN: &str = "[peers]\ndb = \"10.0.0.1:5432\"\n[target.trader]\nmatch = { unit = \"trader.service\" }\n";

/// A folder with these files, as an operator makes them.
pub(super) fn folder_with(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::set_permissions(path.parent().unwrap(), fs::Permissions::from_mode(0o755)).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    }
    folder
}

fn load(folder: &TempDir) -> Result<Config, Problems> {
    config::load(&folder.path().join("watchdog.toml"))
}

/// File, line, column, text and help of every problem.
fn problems(folder: &TempDir) -> Vec<(String, usize, usize, String, String)> {
    let problems = load(folder).expect_err("it is refused");
    let row = |problem: &tradedog::config::Problem| {
        let file = problem.file.strip_prefix(folder.path()).unwrap().display().to_string();
        (file, problem.line, problem.column, problem.what.clone(), problem.help.clone().unwrap_or_default())
    };
    problems.iter().map(row).collect()
}

#[test]
fn drop_ins_are_read_by_name_behind_the_main_file() {
    let folder = folder_with(&[
        ("watchdog.toml", MAIN),
        (
            "watchdog.d/b.toml",
            "[target.b]\nmatch = { comm = \"b\" }\n[target.b.thresholds]\n\"close_wait.db\" = { elevated = 1 }\n",
        ),
        ("watchdog.d/a.toml", "[target.a]\nmatch = { comm = \"a\" }\n"),
        ("watchdog.d/.hidden.toml", "nonsense"),
        ("watchdog.d/a.toml.bak", "nonsense"),
    ]);
    let config = load(&folder).unwrap();
    let names: Vec<&str> = config.targets.iter().map(|target| &*target.name).collect();
    assert_eq!(names, ["trader", "a", "b"]);
    let files: Vec<_> = config.files.iter().map(|file| file.file_name().unwrap().to_str().unwrap()).collect();
    assert_eq!(files, ["watchdog.toml", "a.toml", "b.toml"]);
}

#[test]
fn a_drop_in_may_hold_only_targets_and_all_files_are_told_at_once() {
    let folder = folder_with(&[
        ("watchdog.toml", &format!("{MAIN}settle = 3\n")),
        ("watchdog.d/a.toml", "[daemon]\ninterval = \"1s\"\n[target.a]\nmatch = { comm = \"a\" }\nsettel = \"1s\"\n"),
        ("watchdog.d/b.toml", "[target.a]\nmatch = { comm = \"b\" }\n\n[target.trader]\nmatch = { comm = \"t\" }\n"),
    ]);
    let told = problems(&folder);
    let places: Vec<(&str, usize, usize)> =
        told.iter().map(|(file, line, column, ..)| (file.as_str(), *line, *column)).collect();
    let (a, b) = ("watchdog.d/a.toml", "watchdog.d/b.toml");
    assert_eq!(places, [("watchdog.toml", 5, 10), (a, 1, 2), (a, 5, 1), (b, 1, 9), (b, 4, 9)], "{told:#?}");
    assert!(told[1].3.contains("may hold only [target.NAME]"));
    assert!(told[3].3.contains("target `a` is defined twice"));
    let shown = load(&folder).unwrap_err().to_string();
    assert!(shown.contains("b.toml:1:9") && shown.contains("a.toml:3"), "both places of a double target:\n{shown}");
}

#[test]
fn what_others_may_write_is_refused_and_read_nevertheless() {
    for mode in [0o664, 0o646, 0o666, 0o622] {
        let folder = folder_with(&[("watchdog.toml", "[daemon]\ninterval = 1\n")]);
        let file = folder.path().join("watchdog.toml");
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        let told = problems(&folder);
        assert_eq!(told.len(), 2, "{told:#?}");
        assert!(told[0].3.contains("others than its owner may write it"), "{told:#?}");
        assert_eq!(told[0].4, format!("chmod go-w {}", file.display()));
        assert_eq!((told[1].1, told[1].2), (2, 12));
    }
    for mode in [0o600, 0o640, 0o444, 0o755] {
        let folder = folder_with(&[("watchdog.toml", MAIN)]);
        fs::set_permissions(folder.path().join("watchdog.toml"), fs::Permissions::from_mode(mode)).unwrap();
        load(&folder).unwrap();
    }
}

#[test]
fn a_drop_in_and_its_folder_are_held_to_the_same() {
    let folder =
        folder_with(&[("watchdog.toml", MAIN), ("watchdog.d/a.toml", "[target.a]\nmatch = { comm = \"a\" }\n")]);
    let (drop_ins, file) = (folder.path().join("watchdog.d"), folder.path().join("watchdog.d/a.toml"));
    fs::set_permissions(&file, fs::Permissions::from_mode(0o666)).unwrap();
    assert_eq!(problems(&folder)[0].4, format!("chmod go-w {}", file.display()));
    fs::set_permissions(&drop_ins, fs::Permissions::from_mode(0o777)).unwrap();
    let told = problems(&folder);
    assert_eq!(told.len(), 1, "{told:#?}");
    assert_eq!(told[0].4, format!("chmod go-w {}", drop_ins.display()));
}

#[test]
fn what_cannot_be_read_is_a_problem_of_its_own_and_of_nobody_else() {
    let drop_in =
        "[target.a]\nmatch = { comm = \"a\" }\n[target.a.thresholds]\n\"close_wait.db\" = { elevated = 1 }\nrsss = 3\n";
    let folder = folder_with(&[("watchdog.d/a.toml", drop_in)]);
    let file = folder.path().join("watchdog.toml");
    let told = problems(&folder);
    assert_eq!(told.len(), 2, "the peer may be in the file that is not there: {told:#?}");
    assert_eq!((told[0].0.as_str(), told[0].1, told[0].2), ("watchdog.toml", 0, 0));
    assert!(told[0].3.starts_with("cannot be read: No such file"), "{told:#?}");
    fs::write(&file, b"[daemon]\ninterval = \"\xff\"\n").unwrap();
    assert!(problems(&folder)[0].3.contains("not UTF-8 in line 2"));
    fs::write(&file, "#".repeat((1 << 20) + 1)).unwrap();
    assert!(problems(&folder)[0].3.contains("larger than 1 MiB"));
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    assert!(problems(&folder)[0].3.contains("not a file"));
}

#[test]
fn a_pipe_in_the_place_of_a_file_does_not_stop_the_start() {
    let folder = folder_with(&[("watchdog.d/a.toml", "")]);
    let pipe = folder.path().join("watchdog.toml");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRUSR).unwrap();
    assert!(problems(&folder)[0].3.contains("not a file"));
}

#[test]
fn a_hostile_path_stays_on_its_line() {
    let folder = folder_with(&[("watchdog.toml", MAIN), ("watchdog.d/a\nerror: \u{202e}.toml", "x = 1\n")]);
    let shown = load(&folder).unwrap_err().to_string();
    assert!(shown.contains("a\\nerror: \\u{202e}.toml:1:1"), "{shown}");
}

#[test]
fn a_file_of_somebody_else_and_a_folder_that_is_open_are_warned_of() {
    let folder = folder_with(&[("watchdog.toml", MAIN)]);
    let warnings = || {
        let config = load(&folder).unwrap();
        config.warnings.iter().map(|problem| problem.what.clone()).collect::<Vec<_>>()
    };
    assert_eq!(warnings(), [""; 0]);
    let mode = |mode| fs::set_permissions(folder.path(), fs::Permissions::from_mode(mode)).unwrap();
    mode(0o1777);
    assert_eq!(warnings(), [""; 0], "nobody may take away what is another's");
    mode(0o777);
    let said = warnings();
    assert!(said.len() == 1 && said[0].contains("another file in its place (mode 0777"), "{said:?}");
    let line = load(&folder).unwrap().warnings.iter().map(config::Problem::line).collect::<String>();
    assert!(line.contains("watchdog.toml: anybody may") && line.contains(": chmod o-w "), "{line}");
    mode(0o755);
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    std::os::unix::fs::chown(folder.path().join("watchdog.toml"), Some(4321), None).unwrap();
    let said = warnings();
    assert!(said.len() == 1 && said[0].contains("belongs to user 4321"), "{said:?}");
}
