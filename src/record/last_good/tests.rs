#![expect(clippy::disallowed_methods, reason = "a test changes what is on disk")]

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};

use super::*;

fn source(path: &str, text: &str) -> Source {
    Source { path: path.into(), text: text.to_owned() }
}

fn files() -> Vec<Source> {
    vec![
        source("/etc/tradedog/watchdog.toml", "[daemon]\ninterval = \"1s\"\n# {\"file\":\"x\",\"bytes\":3}\n"),
        source("/etc/tradedog/watchdog.d/a.toml", ""),
        source("/etc/tradedog/watchdog.d/é b.toml", "[target.b]\r\nmatch = { comm = \"b\" }"),
    ]
}

/// A folder in which `sources` are kept, and the file there.
fn kept(sources: &[Source]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    LastGood::keep_in(folder.path(), sources).unwrap();
    let file = folder.path().join(name_of(&sources[0].path));
    (folder, file)
}

fn refusal(folder: &Path, main: &str) -> String {
    LastGood::read_from(folder, Path::new(main)).unwrap_err().to_string()
}

const MAIN: &str = "/etc/tradedog/watchdog.toml";

#[test]
fn what_is_kept_comes_back_under_the_same_paths_and_is_its_owners_alone() {
    let (folder, file) = kept(&files());
    let back = LastGood::read_from(folder.path(), Path::new(MAIN)).unwrap().unwrap();
    assert_eq!(back.sources, files());
    assert_eq!(fs::metadata(&file).unwrap().mode() & 0o7777, 0o600);
    assert!(back.kept <= fs::metadata(&file).unwrap().modified().unwrap());
    let other = vec![source(MAIN, "[daemon]\n")];
    LastGood::keep_in(folder.path(), &other).unwrap();
    assert_eq!(LastGood::read_from(folder.path(), Path::new(MAIN)).unwrap().unwrap().sources, other);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left behind");
}

#[test]
fn a_single_file_may_be_copied_back_by_hand() {
    let (_folder, file) = kept(&[source(MAIN, "[target.a]\nmatch = { comm = \"a\" }\n")]);
    let config = crate::config::parse(vec![source("copy.toml", &fs::read_to_string(file).unwrap())]).unwrap();
    assert_eq!(&*config.targets[0].name, "a");
}

#[test]
fn it_is_of_one_main_file_and_of_no_other() {
    let (folder, file) = kept(&files());
    let other = Path::new("/etc/tradedog/other/watchdog.toml");
    assert!(LastGood::read_from(folder.path(), other).unwrap().is_none());
    assert!(LastGood::read_from(&folder.path().join("absent"), Path::new(MAIN)).unwrap().is_none());
    fs::rename(&file, folder.path().join(name_of(other))).unwrap();
    assert!(
        refusal(folder.path(), other.to_str().unwrap()).contains("is of another file: /etc/tradedog/watchdog.toml")
    );
    let relative = vec![source("watchdog.toml", "a = 1\n"), source("watchdog.d/a.toml", "b = 1\n")];
    let (folder, _) = kept(&relative);
    let absolute = std::path::absolute("watchdog.toml").unwrap();
    let back = LastGood::read_from(folder.path(), &absolute).unwrap().unwrap().sources;
    assert_eq!(back[0].path, absolute);
    assert_eq!(back[1].path, absolute.with_file_name("watchdog.d").join("a.toml"));
}

#[test]
fn whatever_is_cut_off_or_changed_is_not_believed() {
    let whole = wrap(&files()).unwrap();
    let main = Path::new(MAIN);
    assert_eq!(unwrap(&whole, main).unwrap(), files());
    for length in 0..whole.len() {
        assert!(unwrap(&whole[..length], main).is_err(), "cut off at {length}");
    }
    for place in 0..whole.len() {
        let mut changed = whole.clone();
        changed[place] ^= 1;
        // Another way to write the same header is the same.
        assert!(unwrap(&changed, main).is_err_and(|why| !why.is_empty()), "changed at {place}");
    }
    let later = String::from_utf8(whole).unwrap().replacen("\"tradedog_last_good\":1", "\"tradedog_last_good\":2", 1);
    assert!(unwrap(later.as_bytes(), main).unwrap_err().contains("another version"));
}

#[test]
fn what_others_may_have_written_is_not_believed() {
    let (folder, file) = kept(&files());
    fs::set_permissions(&file, fs::Permissions::from_mode(0o620)).unwrap();
    assert!(refusal(folder.path(), MAIN).contains("may be written by others"), "{}", refusal(folder.path(), MAIN));
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
    assert!(refusal(folder.path(), MAIN).contains("open to others"));
    assert!(LastGood::keep_in(folder.path(), &files()).unwrap_err().contains("open to others"));
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let moved = folder.path().join("moved");
    fs::rename(&file, &moved).unwrap();
    symlink(&moved, &file).unwrap();
    assert!(refusal(folder.path(), MAIN).contains("cannot be read"));
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    assert!(refusal(folder.path(), MAIN).contains("is no file"));
    if geteuid().is_root() {
        fs::remove_dir(&file).unwrap();
        fs::rename(&moved, &file).unwrap();
        std::os::unix::fs::chown(&file, Some(4321), None).unwrap();
        assert!(refusal(folder.path(), MAIN).contains("belongs to user 4321"));
    }
}

#[test]
fn what_cannot_be_kept_leaves_what_was() {
    let (folder, file) = kept(&files());
    let huge = "x".repeat(1 << 20);
    let many: Vec<Source> = (0..65).map(|_| source(MAIN, &huge)).collect();
    assert!(LastGood::keep_in(folder.path(), &many).unwrap_err().contains("64 MiB"));
    fs::create_dir(folder.path().join(format!("{}.new", file.file_name().unwrap().to_str().unwrap()))).unwrap();
    assert!(LastGood::keep_in(folder.path(), &[source(MAIN, "")]).is_err());
    assert_eq!(LastGood::read_from(folder.path(), Path::new(MAIN)).unwrap().unwrap().sources, files());
}
