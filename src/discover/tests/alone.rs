//! What needs a process of its own: other rights, other limits. Each test runs this binary again.

use std::process::Command;

use super::{Scene, Victim, facts_of, found, is_root, marker, targets, troubles, waiting};
use crate::discover::{Facts, Member, Shape, recheck};
use crate::kernel::{Error, now};
use crate::model::{MemberKey, Pid, Reason, Signal};

/// Runs the ignored test `name` of this file, told about `victim`.
fn run(name: &str, victim: (Pid, &str), through: &[&str]) {
    let own = std::env::current_exe().unwrap();
    let test = format!("discover::tests::alone::{name}");
    let mut words: Vec<&std::ffi::OsStr> = through.iter().map(std::ffi::OsStr::new).collect();
    words.extend([own.as_os_str(), "--exact".as_ref(), "--ignored".as_ref(), "--nocapture".as_ref(), test.as_ref()]);
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).env("VICTIM", victim.0.to_string()).env("MARKER", victim.1);
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

/// Whom the outer test is about; none when this test was called by hand.
fn told() -> Option<(Pid, String)> {
    let pid = std::env::var("VICTIM").ok()?.parse().ok().and_then(Pid::new)?;
    Some((pid, std::env::var("MARKER").ok()?))
}

fn member(config: &std::sync::Arc<crate::config::Config>, pid: Pid) -> Member {
    let changes = Scene::of(config).scan();
    let process = super::founds(&changes).find(|f| f.process.identity().pid == pid).unwrap().process.clone();
    let key = MemberKey { target: 0, slot: 0 };
    Member { key, process, facts: facts_of(&changes, pid), first_seen: now() }
}

#[test]
fn without_rights_what_can_be_told_is_told_and_the_rest_is_said() {
    if !is_root() {
        return;
    }
    let marker = marker();
    let victim = Victim::sleeping(&marker);
    let nobody = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"];
    run("as_nobody", (victim.pid(), &marker), &nobody);
}

#[test]
#[ignore = "without_rights_what_can_be_told_is_told_and_the_rest_is_said runs it"]
fn as_nobody() {
    let Some((pid, marker)) = told() else { return };
    let by_exe = targets(&[&format!("match = {{ exe = '/bin/sh', cmdline = '{marker}' }}")]);
    let changes = Scene::of(&by_exe).scan();
    assert!(found(&changes, 0).is_empty(), "what cannot be told is no match");
    assert!(troubles(&changes)[0].contains("CAP_SYS_PTRACE"), "{:?}", troubles(&changes));

    let config = targets(&[&format!("match = {{ cmdline = '{marker}', user = 'root' }}")]);
    let member = member(&config, pid);
    assert_eq!((member.facts.exec_generation, member.facts.anchored), (None, true));
    assert_eq!(recheck(&member, &config.targets[0], &mut Vec::new()), Ok(()));
    assert!(member.process.open_fds().unwrap() >= 3, "counted without any right");
    assert_eq!(member.process.socket_inodes(&mut |_| ()), Err(Error::Denied));
    assert_eq!(member.process.signal(Signal::new(15).unwrap()), Err(Error::Denied));
    assert!(!member.process.has_exited());

    let facts = Facts { shape: Shape::default(), ..member.facts.clone() };
    let other_name = Member { facts, ..member };
    assert_eq!(
        recheck(&other_name, &config.targets[0], &mut Vec::new()),
        Err(Reason::Identity),
        "an exec that is hidden shows in name and code"
    );
}

#[test]
fn a_member_is_provable_when_no_descriptor_is_left() {
    let marker = marker();
    let mut victim = Victim::python(&waiting("", "import signal\nsignal.pause()"), &[&marker]);
    run("without_descriptors", (victim.pid(), &marker), &["env"]);
    victim.end();
}

#[test]
#[ignore = "a_member_is_provable_when_no_descriptor_is_left runs it"]
fn without_descriptors() {
    let Some((pid, marker)) = told() else { return };
    let config = targets(&[&format!("match = {{ cmdline = '{marker}', cgroup = '/**' }}")]);
    let member = member(&config, pid);
    let mut text = Vec::new();
    // What the sampler has open by then.
    member.process.open_fds().unwrap();

    let mut scene = Scene::of(&config);
    let mut taken = Vec::new();
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let few = rustix::process::Rlimit { current: Some(64), maximum: limit.maximum };
    rustix::process::setrlimit(rustix::process::Resource::Nofile, few).unwrap();
    while let Ok(file) = std::fs::File::open("/dev/null") {
        taken.push(file);
    }
    assert_eq!(recheck(&member, &config.targets[0], &mut text), Ok(()));
    assert!(member.process.open_fds().unwrap() >= 3);
    assert!(member.process.status(&mut text).unwrap().rss.unwrap() > 0);
    let changes = scene.scan();
    assert!(!troubles(&changes).is_empty() && found(&changes, 0).is_empty(), "{changes:?}");
    assert_eq!(member.process.signal(Signal::new(9).unwrap()), Ok(()));
    while !member.process.has_exited() {
        std::thread::yield_now();
    }
    assert_eq!(recheck(&member, &config.targets[0], &mut text), Err(Reason::Identity));
    drop(taken);
    assert!(found(&scene.scan(), 0).is_empty());
}
