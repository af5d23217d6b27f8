use super::{Scene, Victim, founds, is_root, marker, targets, waiting};
use crate::discover::{Member, recheck};
use crate::kernel::now;
use crate::model::{MemberKey, Reason};

/// The member that `config` finds.
fn member(config: &crate::config::Config) -> Member {
    let mut changes = Vec::new();
    Scene::of(&std::sync::Arc::new(config.clone())).scanner.scan(now(), &mut changes);
    let found = founds(&changes).next().expect("a member").clone();
    let key = MemberKey { target: 0, slot: 0 };
    Member { key, process: found.process, facts: found.facts, first_seen: now() }
}

/// What a recheck says until it changes its mind, for 5 s at most.
fn eventually(member: &Member, target: &crate::config::Target) -> Result<(), Reason> {
    for _ in 0..500 {
        recheck(member, target, &mut Vec::new())?;
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    Ok(())
}

#[test]
fn an_unchanged_process_passes() {
    let marker = marker();
    let _victim = Victim::sleeping(&marker);
    let config = targets(&[&format!("match = {{ cmdline = '{marker}', comm = 'sh' }}")]);
    let member = member(&config);
    assert_eq!(recheck(&member, &config.targets[0], &mut Vec::new()), Ok(()));
}

#[test]
fn the_dead_do_not_pass() {
    let marker = marker();
    let mut victim = Victim::sleeping(&marker);
    let config = targets(&[&format!("match = {{ cmdline = '{marker}' }}")]);
    let member = member(&config);
    victim.child.kill().unwrap();
    assert_eq!(eventually(&member, &config.targets[0]), Err(Reason::Identity), "a zombie");
    victim.end();
    assert_eq!(recheck(&member, &config.targets[0], &mut Vec::new()), Err(Reason::Identity));
}

#[test]
fn an_exec_in_between_does_not_pass_even_when_it_looks_the_same() {
    let marker = marker();
    let again = "os.execv(sys.executable, [sys.executable, '-c', 'input()', sys.argv[1]])";
    let mut victim = Victim::python(&waiting("", again), &[&marker]);
    let config = targets(&[&format!("match = {{ cmdline = '{marker}' }}")]);
    let member = member(&config);
    assert!(member.facts.exec_generation.is_some());
    victim.go();
    assert_eq!(eventually(&member, &config.targets[0]), Err(Reason::Identity));
}

/// As the daemon sees a process of another user without the right to trace it.
#[test]
fn where_the_exec_is_hidden_name_and_code_speak() {
    let marker = marker();
    let mut victim = Victim::python(&waiting("", "os.execvp('sh', ['sh', '-c', 'read x', sys.argv[1]])"), &[&marker]);
    let config = targets(&[&format!("match = {{ cmdline = '{marker}' }}")]);
    let member = member(&config);
    let shape = |member: &Member| {
        let mut text = Vec::new();
        let comm = member.process.stat(&mut text).unwrap().comm;
        (comm, member.process.status(&mut text).unwrap().code)
    };
    assert_eq!(shape(&member), (member.facts.shape.comm, member.facts.shape.code));
    victim.go();
    for _ in 0..500 {
        if shape(&member).0.as_bytes() == b"sh" {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let (before, after) = ((member.facts.shape.comm, member.facts.shape.code), shape(&member));
    assert!(before.0 != after.0 && before.1 != after.1, "{before:?} {after:?}");
}

#[test]
fn another_name_or_user_does_not_pass() {
    let marker = marker();
    let rename = "import ctypes\nctypes.CDLL(None).prctl(15, b'other', 0, 0, 0)";
    let mut victim = Victim::python(&waiting("", rename), &[&marker]);
    let comm = std::fs::read_to_string(format!("/proc/{}/comm", victim.pid())).unwrap();
    let by_name = targets(&[&format!("match = {{ cmdline = '{marker}', comm = '{}' }}", comm.trim())]);
    let without = targets(&[&format!("match = {{ cmdline = '{marker}' }}")]);
    let (named, unnamed) = (member(&by_name), member(&without));
    victim.go();
    assert_eq!(eventually(&named, &by_name.targets[0]), Err(Reason::Identity));
    assert_eq!(recheck(&unnamed, &without.targets[0], &mut Vec::new()), Ok(()), "its name is its own business");

    if !is_root() {
        return;
    }
    let mut victim = Victim::python(&waiting("", "os.setuid(65534)"), &[&marker, "second"]);
    let config = targets(&[&format!("match = {{ cmdline = '{marker} second' }}")]);
    let member = member(&config);
    victim.go();
    assert_eq!(eventually(&member, &config.targets[0]), Err(Reason::Identity), "no longer the user that was seen");
}
