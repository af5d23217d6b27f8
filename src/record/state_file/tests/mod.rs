//! The state file, on a real folder.
#![expect(clippy::disallowed_methods, reason = "puts files in the way, and looks at what was written")]

mod memories;

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};
use std::sync::LazyLock;

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use tempfile::TempDir;

use super::*;

const BOOT: BootId = BootId(7 << 100);

fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
    folder
}

fn state(folder: &TempDir) -> PathBuf {
    folder.path().join("state.json")
}

/// A memory with something in it, the same in each run.
fn some_memory() -> Memory {
    let mut runner = TestRunner::deterministic();
    let full = memories::memory(BOOT).prop_filter("full", |m| m.members.len() > 1 && m.leases.len() > 1);
    full.new_tree(&mut runner).unwrap().current()
}

/// The sentence that `read` fails with.
fn refused(file: &StateFile) -> String {
    file.read(BOOT).unwrap_err().to_string()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn what_was_written_is_read(memories in prop::collection::vec(memories::memory(BOOT), 1..3)) {
        let folder = folder();
        let mut file = StateFile::open(folder.path()).unwrap();
        for memory in memories {
            file.write(&memory).unwrap();
            prop_assert_eq!(file.read(BOOT).unwrap(), Some(memory));
        }
    }

    /// One bit anywhere.
    #[test]
    fn a_changed_file_is_not_believed(at in any::<prop::sample::Index>(), bit in 0..8_u32) {
        static WHOLE: LazyLock<(Memory, Vec<u8>)> = LazyLock::new(|| {
            let (memory, mut bytes) = (some_memory(), Vec::new());
            frame::wrap(&memory, &mut bytes).unwrap();
            (memory, bytes)
        });
        let (written, mut bytes) = WHOLE.clone();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        // What the padding of the first line consists of does not matter.
        if let Ok(memory) = frame::unwrap(&bytes) {
            prop_assert_eq!(memory, written);
        }
    }

    #[test]
    fn noise_is_not_believed(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(matches!(frame::unwrap(&bytes), Err(Damage::Corrupt(_))));
    }
}

#[test]
fn where_nothing_was_written_nothing_is_remembered() {
    let folder = folder();
    assert_eq!(StateFile::open(folder.path()).unwrap().read(BOOT).unwrap(), None);
    assert_eq!(fs::metadata(folder.path().join("lock")).unwrap().mode() & 0o7777, 0o600);
}

#[test]
fn the_file_is_for_its_owner_alone_and_replaces_the_old_one() {
    let folder = folder();
    let mut file = StateFile::open(folder.path()).unwrap();
    file.write(&some_memory()).unwrap();
    let old = fs::File::open(state(&folder)).unwrap();
    file.write(&Memory { boot: BOOT, ..Memory::default() }).unwrap();
    assert_eq!(fs::metadata(state(&folder)).unwrap().mode() & 0o7777, 0o600);
    assert_ne!(old.metadata().unwrap().ino(), fs::metadata(state(&folder)).unwrap().ino());
    assert!(old.metadata().unwrap().len() > 1000, "who reads the old one reads all of it");
    let lines = fs::read_to_string(state(&folder)).unwrap();
    for line in lines.lines() {
        serde_json::from_str::<serde_json::Value>(line).unwrap();
    }
    assert_eq!(lines.lines().count(), 2);
}

#[test]
fn a_daemon_killed_while_it_wrote_leaves_the_old_state() {
    let folder = folder();
    let mut file = StateFile::open(folder.path()).unwrap();
    file.write(&some_memory()).unwrap();
    drop(file);
    fs::write(folder.path().join("state.json.new"), "{\"tradedog_st").unwrap();
    let mut file = StateFile::open(folder.path()).unwrap();
    assert_eq!(file.read(BOOT).unwrap(), Some(some_memory()));
    file.write(&Memory { boot: BOOT, series: 9, ..Memory::default() }).unwrap();
    assert_eq!(file.read(BOOT).unwrap().unwrap().series, 9);
    assert!(!folder.path().join("state.json.new").exists());
}

#[test]
fn a_link_in_the_place_of_the_new_file_is_not_written_through() {
    let folder = folder();
    let precious = folder.path().join("precious");
    fs::write(&precious, "keep").unwrap();
    symlink(&precious, folder.path().join("state.json.new")).unwrap();
    let mut file = StateFile::open(folder.path()).unwrap();
    file.write(&some_memory()).unwrap();
    assert_eq!(fs::read_to_string(&precious).unwrap(), "keep");
    assert_eq!(file.read(BOOT).unwrap(), Some(some_memory()));
}

#[test]
fn what_is_cut_off_anywhere_is_damaged() {
    let mut bytes = Vec::new();
    frame::wrap(&some_memory(), &mut bytes).unwrap();
    for length in (0..bytes.len()).filter(|n| *n < 200 || n % 7 == 0 || n + 20 > bytes.len()) {
        let result = frame::unwrap(&bytes[..length]);
        assert!(matches!(result, Err(Damage::Corrupt(_))), "{length}: {result:?}");
    }
    bytes.push(b' ');
    assert!(matches!(frame::unwrap(&bytes), Err(Damage::Corrupt(_))));
}

#[test]
fn a_damaged_file_is_kept_said_and_not_believed() {
    let folder = folder();
    let mut file = StateFile::open(folder.path()).unwrap();
    let bad = folder.path().join("state.json.bad");
    for text in ["", "first", "second"] {
        fs::write(state(&folder), text).unwrap();
        let said = refused(&file);
        assert!(said.contains("is damaged") && said.contains("state.json.bad") && said.contains("forgotten"), "{said}");
        assert_eq!(fs::read_to_string(&bad).unwrap(), text, "one is kept, the newest");
        assert_eq!(file.read(BOOT).unwrap(), None);
    }
    file.write(&some_memory()).unwrap();
    assert_eq!(file.read(BOOT).unwrap(), Some(some_memory()));
}

#[test]
fn a_file_that_is_whole_and_no_memory_is_damaged() {
    let body = "{\"boot\":1}\n";
    let crc32 = crc32fast::hash(body.as_bytes());
    let text = format!("{{\"tradedog_state\":1,\"bytes\":{},\"crc32\":{crc32}}}\n{body}", body.len());
    let Err(Damage::Corrupt(why)) = frame::unwrap(text.as_bytes()) else { panic!() };
    assert!(why.contains("missing field"), "{why}");
}

#[test]
fn other_versions_and_boots_are_told_apart() {
    let folder = folder();
    let mut file = StateFile::open(folder.path()).unwrap();
    file.write(&some_memory()).unwrap();
    assert!(matches!(file.read(BootId(1)), Err(StateError::OtherBoot { .. })));
    assert_eq!(file.read(BOOT).unwrap(), Some(some_memory()), "untouched");
    fs::write(state(&folder), "{\"tradedog_state\":2,\"length\":\"whatever\"}\n").unwrap();
    assert!(matches!(file.read(BOOT), Err(StateError::OtherVersion { version: 2, aside: Aside::Kept(_), .. })));
}

#[test]
fn what_somebody_else_may_have_written_is_not_believed() {
    let folder = folder();
    let mut file = StateFile::open(folder.path()).unwrap();
    let elsewhere = folder.path().join("elsewhere");
    file.write(&some_memory()).unwrap();
    fs::rename(state(&folder), &elsewhere).unwrap();
    symlink(&elsewhere, state(&folder)).unwrap();
    assert!(refused(&file).contains("is a symbolic link"));
    fs::create_dir(state(&folder)).unwrap();
    fs::remove_file(folder.path().join("state.json.bad")).unwrap();
    assert!(refused(&file).contains("is no file"));
    fs::remove_dir(folder.path().join("state.json.bad")).unwrap();
    file.write(&some_memory()).unwrap();
    fs::set_permissions(state(&folder), fs::Permissions::from_mode(0o620)).unwrap();
    assert!(refused(&file).contains("may be written by others than its owner (mode 0620)"));
    fs::File::create(state(&folder)).unwrap().set_len(LARGEST + 1).unwrap();
    assert!(refused(&file).contains("is larger than 64 MiB"));
    if geteuid().is_root() {
        file.write(&some_memory()).unwrap();
        chown(state(&folder), Some(4321), None).unwrap();
        assert!(refused(&file).contains("belongs to user 4321"));
    }
}

#[test]
fn a_pipe_in_its_place_does_not_stop_the_start() {
    let folder = folder();
    let file = StateFile::open(folder.path()).unwrap();
    nix::unistd::mkfifo(&state(&folder), nix::sys::stat::Mode::S_IRWXU).unwrap();
    assert!(refused(&file).contains("is no file"));
}

#[test]
fn what_cannot_be_read_is_kept_too() {
    let folder = folder();
    let file = StateFile::open(folder.path()).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(state(&folder)).unwrap();
    assert!(matches!(file.read(BOOT), Err(StateError::Unreadable { aside: Aside::Kept(_), .. })));
    assert!(folder.path().join("state.json.bad").exists());
    assert_eq!(file.read(BOOT).unwrap(), None);
}

#[test]
fn a_write_that_fails_says_so_and_leaves_nothing() {
    let folder = folder();
    let mut file = StateFile::open(folder.path()).unwrap();
    fs::create_dir(state(&folder)).unwrap();
    file.write(&some_memory()).unwrap_err();
    assert!(!folder.path().join("state.json.new").exists(), "the room is given back");
    fs::create_dir_all(folder.path().join("state.json.new/x")).unwrap();
    file.write(&some_memory()).unwrap_err();
    fs::remove_dir_all(folder.path()).unwrap();
    file.write(&some_memory()).unwrap_err();
}

#[test]
fn two_daemons_never_share_a_folder() {
    let folder = folder();
    let file = StateFile::open(folder.path()).unwrap();
    let said = StateFile::open(folder.path()).unwrap_err().to_string();
    assert!(said.contains(&format!("(pid {})", std::process::id())) && said.contains("RUNTIME_DIRECTORY"), "{said}");
    assert!(matches!(unlocked(folder.path(), BOOT), Err(StateError::Held { pid: Some(_), .. })));
    drop(file);
    StateFile::open(folder.path()).unwrap();
}

#[test]
fn a_lock_that_is_let_go_soon_is_waited_for() {
    let folder = folder();
    let file = StateFile::open(folder.path()).unwrap();
    let late = thread::spawn(move || {
        thread::sleep(Duration::from_millis(200));
        drop(file);
    });
    StateFile::open(folder.path()).unwrap();
    late.join().unwrap();
}

#[test]
fn a_folder_that_will_not_do_is_refused() {
    let folder = folder();
    let said = |path: &Path| StateFile::open(path).unwrap_err().to_string();
    assert!(said(&folder.path().join("missing")).contains("cannot be used"));
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
    assert!(said(folder.path()).contains("is open to others than its owner (mode 0777)"));
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
    symlink("nowhere", folder.path().join("lock")).unwrap();
    assert!(said(folder.path()).contains("has no lock"));
}

#[test]
fn what_a_dead_daemon_left_can_be_read_and_stays() {
    let folder = folder();
    assert_eq!(unlocked(&folder.path().join("missing"), BOOT).unwrap().memory, None);
    assert_eq!(unlocked(folder.path(), BOOT).unwrap().memory, None);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is made that the daemon could stumble over");
    StateFile::open(folder.path()).unwrap().write(&some_memory()).unwrap();
    if geteuid().is_root() {
        for path in [folder.path().to_owned(), state(&folder)] {
            chown(path, Some(4321), None).unwrap();
        }
    }
    assert_eq!(unlocked(folder.path(), BOOT).unwrap().memory, Some(some_memory()));
    let left = unlocked(folder.path(), BOOT).unwrap();
    assert!(matches!(unlocked(folder.path(), BOOT), Err(StateError::Held { .. })), "nobody else, while it is at work");
    drop(left);
    fs::write(state(&folder), "x").unwrap();
    assert!(matches!(unlocked(folder.path(), BOOT), Err(StateError::Corrupt { aside: Aside::Left, .. })));
    assert_eq!(fs::read_to_string(state(&folder)).unwrap(), "x");
}
