//! Sockets of processes whose descriptors may not be looked at, by the cgroup that they have to themselves.
#![expect(clippy::disallowed_methods, reason = "the tests make and remove cgroups")]

use std::path::PathBuf;
use std::time::Duration;

use crate::namespaces::{inside, renounced};
use crate::watched::{Eye, Watched, config, config_of_group, is_root, skip};
use tradedog::kernel;
use tradedog::model::{Moment, Unknown, Value};

/// A cgroup of the unified hierarchy, removed with the test.
struct Group(PathBuf);

impl Group {
    /// None, said on the terminal, where this machine has none to give.
    fn new(name: &str) -> Option<Self> {
        let mounts = std::fs::read_to_string("/proc/mounts").unwrap();
        let unified =
            mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>()).find(|words| words[2] == "cgroup2");
        let made = unified.map(|words| PathBuf::from(words[1]).join(format!("tradedog-{name}-{}", std::process::id())));
        let made = made.filter(|path| is_root() && std::fs::create_dir(path).is_ok());
        if made.is_none() {
            skip("needs root and a unified hierarchy of cgroups that can be written to");
        }
        made.map(Self)
    }

    fn take(&self, process: &Watched) {
        std::fs::write(self.0.join("cgroup.procs"), process.pid().to_string()).unwrap();
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // Whoever is left in it goes back to where everybody is.
        let pids = std::fs::read_to_string(self.0.join("cgroup.procs")).unwrap_or_default();
        let root = self.0.parent().unwrap().join("cgroup.procs");
        pids.lines().for_each(|pid| drop(std::fs::write(&root, pid)));
        let _ = std::fs::remove_dir(&self.0);
    }
}

/// Looks at the members every second of its own clock.
struct Watch {
    eye: Eye,
    now: Moment,
}

impl Watch {
    fn on(processes: &[&Watched]) -> Self {
        let pids: Vec<i32> = processes.iter().map(|process| process.pid()).collect();
        Self { eye: Eye::on(config_of_group(""), &pids), now: kernel::now() }
    }

    /// `close_wait` of the first member and of all together, so many seconds later.
    fn after(&mut self, seconds: u64) -> [Value; 2] {
        self.now = self.now + Duration::from_secs(seconds);
        let at = self.eye.metric("close_wait");
        let sample = self.eye.look_at(self.now);
        [sample.members[0].readings[at].value, sample.groups[0].readings[at].value]
    }
}

/// A process with so many in CLOSE_WAIT that were made in `group`, and that nobody may look into.
fn closed_up(group: &Group, count: u32) -> Watched {
    let mut process = Watched::start();
    group.take(&process);
    process.tell(&format!("leak 127.0.0.1 {count}"));
    process.tell("become 65534");
    process
}

const DENIED: Value = Value::Unknown(Unknown::Denied);

#[test]
fn a_number_that_falls_is_not_believed_of_who_has_moved_or_is_not_alone_any_more() {
    let (Some(home), Some(other)) = (Group::new("home"), Group::new("other")) else { return };
    let (mut process, stranger) = (closed_up(&home, 12), Watched::start());
    renounced(|| {
        let mut watch = Watch::on(&[&process]);
        let known = |count| [Value::Known(count); 2];
        assert_eq!(watch.after(0), known(12.0));
        process.tell("close 5");
        assert_eq!(watch.after(1), known(7.0));

        // A stranger may hold what is left.
        home.take(&stranger);
        process.tell("close 1");
        assert_eq!(watch.after(1), [DENIED; 2]);
        other.take(&stranger);
        process.tell("close 1");
        assert_eq!(watch.after(1), known(5.0));

        // What it made before it moved it may still hold.
        other.take(&process);
        home.take(&stranger);
        process.tell("leak 127.0.0.1 3");
        process.tell("close 4");
        assert_eq!(watch.after(1), [DENIED; 2]);
        process.tell("leak 127.0.0.1 3");
        assert_eq!(watch.after(10), [Value::AtLeast(3.0); 2], "three of seven");
        process.tell("close 2");
        assert_eq!(watch.after(1), [Value::AtLeast(1.0); 2]);
        let pid = process.pid();
        assert_eq!(Eye::on(config(""), &[pid]).value("close_wait", 0), Value::Known(1.0), "who comes new cannot know");
    });
}

#[test]
fn those_of_a_cgroup_are_counted_together_wherever_the_others_of_the_group_are() {
    let Some(home) = Group::new("both") else { return };
    let Some(mut away) = inside() else { return };
    away.tell("leak 127.0.0.1 5");
    away.tell("become 65534");
    let processes = [closed_up(&home, 12), closed_up(&home, 4)];
    renounced(|| {
        let [first, second] = &processes;
        let mut watch = Watch::on(&[first, second]);
        assert_eq!(watch.after(0), [DENIED, Value::Known(16.0)]);
        assert_eq!(watch.eye.together_anew("close_wait"), Value::Known(16.0));
        let mut watch = Watch::on(&[first, second, &away]);
        assert_eq!(watch.after(0), [DENIED, Value::Known(21.0)]);
        assert_eq!(watch.eye.together_anew("close_wait"), Value::Known(21.0));
        // Without the second the first cannot be told from it.
        let mut watch = Watch::on(&[first, &away]);
        assert_eq!(watch.after(0), [DENIED, Value::AtLeast(5.0)]);
        assert_eq!(watch.eye.together_anew("close_wait"), Value::AtLeast(5.0));
    });
}
