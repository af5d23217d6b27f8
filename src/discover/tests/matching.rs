use std::os::unix::process::CommandExt as _;

use super::{
    Scene, Victim, command, facts_of, found, founds, is_root, lost, marker, sorted, targets, troubles, waiting,
};
use crate::kernel::own_pid;
use crate::model::Pid;

fn cmdline(marker: &str) -> String {
    format!("match = {{ cmdline = '{marker}' }}")
}

#[test]
fn a_process_is_found_once_and_its_end_is_not_ours_to_tell() {
    let marker = marker();
    let config = targets(&[&cmdline(&marker)]);
    let mut victim = Victim::sleeping(&marker);
    let mut scene = Scene::of(&config);
    assert_eq!(found(&scene.scan(), 0), [victim.pid()]);
    for _ in 0..3 {
        assert!(founds(&scene.scan()).next().is_none(), "found once");
    }
    assert!(founds(&scene.scan_all()).next().is_none());
    victim.end();
    assert!(lost(&scene.scan()).is_empty() && lost(&scene.scan_all()).is_empty());
    let successor = Victim::sleeping(&marker);
    scene.until("the successor", |change| found(std::slice::from_ref(change), 0) == [successor.pid()]);
}

#[test]
fn all_that_is_given_must_hold() {
    let marker = marker();
    let victim = Victim::sleeping(&marker);
    let exe = std::fs::read_link(format!("/proc/{}/exe", victim.pid())).unwrap();
    let exe = exe.to_str().unwrap();
    for (table, matches) in [
        (format!("cmdline = '{marker}', comm = 'sh'"), true),
        (format!("cmdline = '{marker}', comm = 's'"), false),
        (format!("cmdline = '{marker}', exe = '{exe}'"), true),
        // What the shell is a link to.
        (format!("cmdline = '{marker}', exe = '/bin/sh'"), true),
        (format!("cmdline = '{marker}', exe = '/bin/cat'"), false),
        (format!("cmdline = '^sh -c read x {marker}$'"), true),
        (format!("cmdline = '^{marker}'"), false),
    ] {
        let config = targets(&[&format!("match = {{ {table} }}")]);
        let expected: &[Pid] = if matches { &[victim.pid()] } else { &[] };
        assert_eq!(found(&Scene::of(&config).scan(), 0), expected, "{table}");
    }
}

#[test]
fn a_program_that_was_replaced_on_disk_is_still_the_program() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("trader");
    std::fs::copy(std::fs::canonicalize("/bin/sh").unwrap(), &program).unwrap();
    let config = targets(&[&format!("match = {{ exe = '{}' }}", program.display())]);
    let victim = Victim::of(command(program.to_str().unwrap(), &["-c", "read x"]));
    assert_eq!(found(&Scene::of(&config).scan(), 0), [victim.pid()]);
    std::fs::remove_file(&program).unwrap();
    assert_eq!(found(&Scene::of(&config).scan(), 0), [victim.pid()]);
}

#[test]
fn an_impostor_of_another_user_is_no_member() {
    if !is_root() {
        return;
    }
    let marker = marker();
    let real = Victim::sleeping(&marker);
    let mut other = command("sh", &["-c", "read x", &marker]);
    let _impostor = Victim::of({
        other.uid(65534);
        other
    });
    // Another real uid behind the right effective one: any setuid program gives that.
    let _setuid = Victim::python(&waiting("os.setresuid(65534, 0, 0)", ""), &[&marker]);
    let config = targets(&[&format!("match = {{ cmdline = '{marker}', user = 'root' }}"), &cmdline(&marker)]);
    let changes = Scene::of(&config).scan();
    assert_eq!(found(&changes, 0), [real.pid()]);
    assert_eq!(found(&changes, 1).len(), 3);
    let anchored: Vec<bool> = founds(&changes).map(|found| found.facts.anchored).collect();
    assert_eq!(anchored.iter().filter(|is| **is).count(), 1, "only the match by user is anchored");
}

#[test]
fn hostile_names_are_found_and_shown_escaped() {
    for (name, shown) in [
        (r"b') R 1 ('", ") R 1 ("),
        (r"b'a\nb'", "a\\nb"),
        (r"b'\xff\xfe'", "\\xff\\xfe"),
        (r"b'((((('", "((((("),
        (r"b'\x1b[31m'", "\\x1b[31m"),
    ] {
        let marker = marker();
        let script = waiting(&format!("import ctypes\nctypes.CDLL(None).prctl(15, {name}, 0, 0, 0)"), "");
        let victim = Victim::python(&script, &[&marker]);
        let changes = Scene::of(&targets(&[&cmdline(&marker)])).scan();
        assert_eq!(found(&changes, 0), [victim.pid()], "{name}");
        assert_eq!(facts_of(&changes, victim.pid()).comm, shown);
    }
}

#[test]
fn a_long_command_line_is_matched_to_its_end() {
    let marker = marker();
    let filler = "x".repeat(4096);
    let arguments = [filler.as_str(), "\u{202e}\n", marker.as_str()];
    let victim = Victim::python(&waiting("", ""), &arguments);
    let config = targets(&[&format!("match = {{ cmdline = 'x{{800}} .*(?s:.*){marker}$' }}")]);
    assert_eq!(found(&Scene::of(&config).scan(), 0), [victim.pid()]);
}

#[test]
fn main_is_the_one_whose_parent_is_outside() {
    let marker = marker();
    let script = waiting("os.fork() and os.fork()", "");
    let script = script.replace("print('ready', flush=True)", "time.sleep(0.2)\nos.write(1, b'ready\\n')");
    let mut parent = Victim::python(&script, &[&marker]);
    let config = targets(&[&cmdline(&marker), &format!("{}\nmembers = 'main'", cmdline(&marker))]);
    let mut scene = Scene::of(&config);
    let changes = scene.scan();
    let all = found(&changes, 0);
    assert_eq!(all.len(), 3, "parent and two children");
    // Both targets have the parent, and neither says `shared`.
    assert_eq!(found(&changes, 1), [parent.pid()]);
    assert!(founds(&changes).all(|found| found.facts.contested == (found.process.identity().pid == parent.pid())));
    parent.end();
    let orphans: Vec<Pid> = all.into_iter().filter(|pid| *pid != parent.pid()).collect();
    let changes = scene.scan_all();
    assert_eq!(found(&changes, 1), sorted(orphans.clone()), "now their parent is outside");
    for pid in orphans {
        let _ = rustix::process::kill_process(
            rustix::process::Pid::from_raw(pid.get()).unwrap(),
            rustix::process::Signal::KILL,
        );
    }
}

#[test]
fn who_is_matched_twice_is_contested_unless_both_share() {
    let marker = marker();
    let victim = Victim::sleeping(&marker);
    for (tables, contested) in [
        ([cmdline(&marker), cmdline(&marker)], true),
        ([cmdline(&marker) + "\nshared = true", cmdline(&marker)], true),
        ([cmdline(&marker) + "\nshared = true", cmdline(&marker) + "\nshared = true"], false),
    ] {
        let changes = Scene::of(&targets(&[&tables[0], &tables[1]])).scan();
        let all: Vec<_> = founds(&changes).collect();
        assert_eq!(all.len(), 2);
        assert!(all.iter().all(|found| found.facts.contested == contested));
        assert!(std::sync::Arc::ptr_eq(&all[0].process, &all[1].process), "opened once");
        assert_eq!(all[0].process.identity().pid, victim.pid());
    }
}

#[test]
fn nobody_touches_the_protected() {
    let config = targets(&["match = { user = 'root' }"]);
    let changes = Scene::of(&config).scan();
    let protected = |pid: Pid| facts_of(&changes, pid).protected;
    if !is_root() {
        return;
    }
    assert_eq!(protected(own_pid()), Some("tradedog itself"));
    let parent = Pid::new(i32::try_from(std::os::unix::process::parent_id()).unwrap()).unwrap();
    assert_eq!(protected(parent), Some("an ancestor of tradedog"));
    assert_eq!(protected(Pid::INIT), Some("pid 1"));
    assert!(founds(&changes).all(|found| found.facts.protected != Some("a thread of the kernel")));

    let threads = targets(&["match = { comm = 'kthreadd' }"]);
    let changes = Scene::of(&threads).scan();
    assert!(founds(&changes).all(|found| found.facts.protected == Some("a thread of the kernel")));
}

#[test]
fn an_sshd_is_protected_by_its_program_whatever_its_arguments() {
    let folder = tempfile::tempdir().unwrap();
    let marker = marker();
    let program = folder.path().join("sshd-session");
    std::fs::copy(std::fs::canonicalize("/bin/sh").unwrap(), &program).unwrap();
    let victim = Victim::of(command(program.to_str().unwrap(), &["-c", "read x", &marker]));
    let changes = Scene::of(&targets(&[&cmdline(&marker)])).scan();
    assert_eq!(facts_of(&changes, victim.pid()).protected, Some("sshd"));
}

#[test]
fn hidden_processes_are_a_fact_and_not_an_empty_host() {
    let root = tempfile::tempdir().unwrap();
    let proc = crate::kernel::Proc::captured(root.path()).unwrap();
    let config = targets(&["match = { user = 'root' }"]);
    let mut scene = Scene::over(&config, proc);
    let changes = scene.scan();
    assert!(troubles(&changes)[0].contains("hidepid"), "{:?}", troubles(&changes));
    assert!(troubles(&scene.scan()).is_empty() && troubles(&scene.scan_all()).is_empty(), "said once");
    std::fs::create_dir(root.path().join("1")).unwrap();
    std::fs::write(root.path().join("1/stat"), "").unwrap();
    assert!(troubles(&scene.scan_all()).is_empty());
    std::fs::remove_dir_all(root.path().join("1")).unwrap();
    assert_eq!(troubles(&scene.scan_all()).len(), 1, "said again when it begins again");
}
