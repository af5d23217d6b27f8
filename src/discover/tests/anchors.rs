//! Pidfiles, and what they prove.

use std::fs::{self, FileTimes, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::{Scene, Victim, facts_of, found, is_root, lost, marker, targets, thread, troubles};
use crate::model::Pid;

fn by_pidfile(path: &Path) -> std::sync::Arc<crate::config::Config> {
    targets(&[&format!("match = {{ pidfile = '{}' }}", path.display())])
}

fn age(path: &Path, by: Duration) {
    let times = FileTimes::new().set_modified(SystemTime::now() - by);
    fs::File::options().write(true).open(path).unwrap().set_times(times).unwrap();
}

#[test]
fn a_pidfile_names_its_process_and_follows_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.pid");
    let (first, second) = (Victim::sleeping(&marker()), Victim::sleeping(&marker()));
    let mut scene = Scene::of(&by_pidfile(&path));
    assert!(found(&scene.scan(), 0).is_empty() && troubles(&scene.scan()).is_empty(), "no file: nobody runs");
    fs::write(&path, first.pid().to_string()).unwrap();
    let changes = scene.scan();
    assert_eq!(found(&changes, 0), [first.pid()]);
    assert!(!facts_of(&changes, first.pid()).anchored, "a folder that others may write anchors nothing");
    fs::write(&path, format!("{}\n", second.pid())).unwrap();
    let changes = scene.scan();
    assert_eq!((found(&changes, 0), lost(&changes)), (vec![second.pid()], vec![first.pid()]));
    fs::remove_file(&path).unwrap();
    assert_eq!(lost(&scene.scan()), [second.pid()]);
}

#[test]
fn a_pidfile_with_the_number_of_a_thread_names_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.pid");
    let (thread, _end) = thread();
    fs::write(&path, thread.to_string()).unwrap();
    // Whom a selector lets through is also kept out by the kernel, which gives no pidfd of a thread.
    for more in ["", ", comm = 'nobody'"] {
        let mut scene = Scene::of(&targets(&[&format!("match = {{ pidfile = '{}'{more} }}", path.display())]));
        assert!(found(&scene.scan(), 0).is_empty());
        assert!(!scene.scanner.knows(thread), "{more}");
    }
}

#[test]
fn a_pidfile_that_makes_no_sense_is_said_and_loses_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.pid");
    let victim = Victim::sleeping(&marker());
    fs::write(&path, victim.pid().to_string()).unwrap();
    let mut scene = Scene::of(&by_pidfile(&path));
    assert_eq!(found(&scene.scan(), 0), [victim.pid()]);
    fs::write(&path, "half written\n").unwrap();
    let changes = scene.scan();
    assert!(lost(&changes).is_empty());
    assert!(troubles(&changes)[0].contains("a pidfile"), "{:?}", troubles(&changes));
    assert!(troubles(&scene.scan()).is_empty(), "said once");
}

#[test]
fn a_file_older_than_the_process_means_another_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.pid");
    let victim = Victim::sleeping(&marker());
    fs::write(&path, victim.pid().to_string()).unwrap();
    age(&path, Duration::from_secs(60));
    let changes = Scene::of(&by_pidfile(&path)).scan();
    assert!(found(&changes, 0).is_empty());
    assert!(troubles(&changes)[0].contains("older than process"), "{:?}", troubles(&changes));
    let gone = folder.path().join("gone.pid");
    fs::write(&gone, i32::MAX.to_string()).unwrap();
    assert!(found(&Scene::of(&by_pidfile(&gone)).scan(), 0).is_empty());
    assert!(Pid::new(i32::MAX).is_some());
}

#[test]
fn a_pidfile_of_roots_is_an_anchor() {
    if !is_root() {
        return;
    }
    let folder = tempfile::Builder::new().permissions(Permissions::from_mode(0o755)).tempdir_in("/run").unwrap();
    let path = folder.path().join("x.pid");
    let victim = Victim::sleeping(&marker());
    fs::write(&path, victim.pid().to_string()).unwrap();
    let config = by_pidfile(&path);
    assert!(facts_of(&Scene::of(&config).scan(), victim.pid()).anchored);
    fs::set_permissions(folder.path(), Permissions::from_mode(0o775)).unwrap();
    assert!(!facts_of(&Scene::of(&config).scan(), victim.pid()).anchored);
}
