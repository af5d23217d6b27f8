//! The probe over copies of both trees, and over ones whose n-th read fails.
#![expect(clippy::disallowed_methods, reason = "makes the copies")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::*;
use crate::config::{self, Per};
use crate::discover::{Facts, Member};
use crate::kernel::faulty::{Fault as Injected, Plan};
use crate::kernel::{Proc, Process};
use crate::model::{MemberKey, Metric, Moment, Pid, Unknown};
use crate::sample::names::Names;
use crate::sample::pace::Periods;
use crate::sample::probe::Seat;

const START: Moment = Moment::from_secs(1000);
const SECOND: Duration = Duration::from_secs(1);
const MIB: u64 = 1 << 20;

/// Copies of `/proc` and of the cgroup trees.
struct Copy(tempfile::TempDir);

impl Copy {
    fn new() -> Self {
        let copy = Self(tempfile::tempdir().unwrap());
        for folder in ["proc", "memory", "unified"] {
            fs::create_dir(copy.path(folder)).unwrap();
        }
        copy.write("memory/release_agent", "");
        copy
    }

    fn path(&self, place: &str) -> PathBuf {
        self.0.path().join(place)
    }

    fn write(&self, place: &str, text: &str) {
        fs::write(self.path(place), text).unwrap();
    }

    fn process(&self, pid: i32, cgroup: &str) {
        fs::create_dir_all(self.path(&format!("proc/{pid}"))).unwrap();
        self.write(&format!("proc/{pid}/stat"), &fs::read_to_string("/proc/self/stat").unwrap());
        self.write(&format!("proc/{pid}/cgroup"), cgroup);
    }

    /// A group of v2 whose controller is on.
    fn unified(&self, path: &str, (current, inactive): (u64, u64), max: &str) {
        self.bare(path);
        let file = |name: &str, text: &str| self.write(&format!("unified{path}/memory.{name}"), text);
        file("current", &format!("{current}\n"));
        file("stat", &format!("anon 1\nfile 2\ninactive_anon 3\ninactive_file {inactive}\nactive_file 4\n"));
        file("max", &format!("{max}\n"));
        file("swap.current", "4096\n");
        file(
            "pressure",
            "some avg10=12.50 avg60=0.00 avg300=0.00 total=9\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n",
        );
    }

    /// One whose controller is off.
    fn bare(&self, path: &str) {
        fs::create_dir_all(self.path(&format!("unified{path}"))).unwrap();
        self.write(&format!("unified{path}/cgroup.type"), "domain\n");
        self.write(&format!("unified{path}/cgroup.procs"), "");
    }

    /// A group of the v1 controller.
    fn v1(&self, path: &str, (usage, inactive): (u64, u64), limit: &str) {
        fs::create_dir_all(self.path(&format!("memory{path}"))).unwrap();
        let file = |name: &str, text: &str| self.write(&format!("memory{path}/{name}"), text);
        file("cgroup.procs", "");
        file("memory.usage_in_bytes", &format!("{usage}\n"));
        file("memory.limit_in_bytes", &format!("{limit}\n"));
        let stat = "inactive_file 1\nswap 1\ntotal_swap 8192\n";
        file("memory.stat", &format!("cache 5\n{stat}total_inactive_file {inactive}\ntotal_active_file 7\n"));
    }

    fn member(&self, slot: u32, pid: i32) -> Member {
        let proc = Proc::captured(&self.path("proc")).unwrap();
        let process = Arc::new(Process::captured(&proc, Pid::new(pid).unwrap()).unwrap());
        Member { key: MemberKey { target: 0, slot }, process, facts: Facts::default(), first_seen: START }
    }

    fn trees(&self) -> MemoryTrees {
        let mounted = |name: &str| Some(self.path(name)).filter(|path| path.exists());
        let (memory, unified) = (mounted("memory"), mounted("unified"));
        MemoryTrees::captured(memory.as_deref(), unified.as_deref())
    }

    fn probe(&self, thresholds: &str) -> Watched {
        let (memory, unified) = (self.path("memory"), self.path("unified"));
        let mounted = |path: &Path| Some(path.to_owned()).filter(|path| path.exists());
        let (memory, unified) = (mounted(&memory), mounted(&unified));
        Watched::over(thresholds, move || MemoryTrees::captured(memory.as_deref(), unified.as_deref()))
    }
}

/// The probe, and what is remembered of the members.
struct Watched {
    probe: Cgroups,
    seats: Vec<Seat>,
    names: Names,
}

type Shown = Vec<Vec<Result<f64, Fault>>>;

impl Watched {
    fn over(thresholds: &str, mount: impl Fn() -> MemoryTrees + 'static) -> Self {
        let text = format!("[target.t]\nmatch = {{ unit = 't.service' }}\n[target.t.thresholds]\n{thresholds}\n");
        let mut config = config::parse(vec![config::Source::new("watchdog.toml", &text)]).unwrap();
        config.targets[0].metrics.retain(|metric| !METRICS.contains(&metric.base));
        let moved = config.targets[0].metrics.len();
        config.targets[0].metrics.extend(METRICS.map(Metric::plain));
        let named = |base: Base| thresholds.lines().any(|line| line.starts_with(base.info().name));
        let rows = METRICS.iter().enumerate().filter(|(_, base)| named(**base)).map(|(at, _)| moved + at);
        let rows: Vec<usize> = rows.collect();
        for (row, metric) in config.targets[0].thresholds.iter_mut().zip(rows) {
            row.metric = metric;
        }
        config.targets[0].per = Per::Process;
        Self { probe: Cgroups::new(&config, mount), seats: Vec::new(), names: Names::default() }
    }

    /// One pass: of each member the metrics, and what all of them come to together.
    fn pass(&mut self, members: &[&Member], now: Moment) -> (Shown, Vec<Option<f64>>) {
        let stays = |member: &&Member| self.seats.iter().find(|seat| seat.is_of(member)).cloned();
        self.seats = members.iter().map(|member| stays(member).unwrap_or_else(|| Seat::new(member))).collect();
        let groups = [Group { target: 0, members: (0..members.len()).collect() }];
        let periods = Periods::unhurried(&Default::default());
        let mut pass = Pass { now, members, seats: &mut self.seats, groups: &groups, names: &mut self.names, periods };
        self.probe.prepare(&mut pass).unwrap();
        let mut shown = Vec::new();
        for index in 0..members.len() {
            self.probe.look(&mut pass, index);
            shown.push(METRICS.map(|base| self.probe.value(column(base))).to_vec());
        }
        (shown, METRICS.map(|base| self.probe.once(0, column(base))).to_vec())
    }

    fn one(&mut self, member: &Member, now: Moment) -> Vec<Result<f64, Fault>> {
        self.pass(&[member], now).0.remove(0)
    }
}

const fn column(base: Base) -> Column {
    Column { at: 0, base, peer: None, judged: true }
}

const EVERYTHING: &str = "cgroup_memory = { elevated = '1GB' }\ncgroup_working_set = { elevated = '1GB' }\n\
    cgroup_memory_usage = { elevated = '90%' }\ncgroup_swap = { elevated = '1GB' }\ncgroup_memory_pressure = { elevated = '50%' }";

fn bytes(mib: u64) -> Result<f64, Fault> {
    Ok((mib * MIB) as f64)
}

const UNIT: &str = "0::/system.slice/t.service\n";

#[test]
fn v2_is_read_as_the_kernel_documents_it() {
    let copy = Copy::new();
    copy.bare("/system.slice");
    copy.unified("/system.slice/t.service", (100 * MIB, 40 * MIB), &(200 * MIB).to_string());
    copy.process(100, UNIT);
    let shown = copy.probe(EVERYTHING).one(&copy.member(0, 100), START);
    assert_eq!(shown, [bytes(100), bytes(60), bytes(200), Ok(0.3), Ok(4096.0), Ok(0.125)]);
}

#[test]
fn v1_is_read_with_what_is_below_and_has_no_pressure() {
    let copy = Copy::new();
    copy.v1("/docker", (900 * MIB, 0), "9223372036854771712");
    copy.v1("/docker/abc", (100 * MIB, 40 * MIB), &(200 * MIB).to_string());
    copy.process(100, "4:memory,hugetlb:/docker/abc\n1:name=systemd:/docker/abc\n0::/\n");
    let shown = copy.probe(EVERYTHING).one(&copy.member(0, 100), START);
    assert_eq!(shown, [bytes(100), bytes(60), bytes(200), Ok(0.3), Ok(8192.0), Err(Fault::UNSUPPORTED)]);
    // Beside it a group of v2 says who waits.
    copy.bare("/docker/abc");
    copy.write("unified/docker/abc/memory.pressure", "some avg10=1.00 avg60=0.00 avg300=0.00 total=9\n");
    copy.bare("/docker");
    copy.process(101, "4:memory:/docker/abc\n0::/docker/abc\n");
    assert_eq!(copy.probe(EVERYTHING).one(&copy.member(0, 101), START)[5], Ok(0.01));
}

#[test]
fn without_a_limit_there_is_no_share_of_it_and_the_root_has_nothing() {
    let copy = Copy::new();
    copy.bare("/system.slice");
    copy.unified("/system.slice/t.service", (100 * MIB, 0), "max");
    copy.process(100, UNIT);
    let shown = copy.probe(EVERYTHING).one(&copy.member(0, 100), START);
    assert_eq!((shown[2], shown[3]), (Ok(f64::INFINITY), Err(Fault::UNSUPPORTED)));
    assert_eq!(Fault::UNSUPPORTED.unknown, Unknown::Denied);
    for (pid, place) in [(101, "0::/\n"), (102, "4:memory:/\n0::/\n"), (103, "1:name=systemd:/\n")] {
        copy.process(pid, place);
        let shown = copy.probe(EVERYTHING).one(&copy.member(0, pid), START);
        assert_eq!(shown, vec![Err(Fault::UNSUPPORTED); METRICS.len()], "{place}");
    }
    copy.process(104, "0::/../elsewhere\n");
    assert_eq!(copy.probe(EVERYTHING).one(&copy.member(0, 104), START), vec![Err(Fault::NAMESPACE); METRICS.len()]);
}

#[test]
fn the_limit_that_is_nearest_counts_wherever_it_is() {
    let copy = Copy::new();
    copy.unified("/system.slice", (900 * MIB, 0), &(1000 * MIB).to_string());
    copy.unified("/system.slice/t.service", (100 * MIB, 50 * MIB), &(200 * MIB).to_string());
    copy.process(100, UNIT);
    let shown = copy.probe(EVERYTHING).one(&copy.member(0, 100), START);
    assert_eq!((shown[2], shown[3]), (bytes(200), Ok(0.9)), "the slice is fuller than the unit");
    copy.unified("/system.slice", (100 * MIB, 0), &(1000 * MIB).to_string());
    assert_eq!(copy.probe(EVERYTHING).one(&copy.member(0, 100), START)[3], Ok(0.25));
    copy.unified("/system.slice/t.service", (0, 0), "0");
    assert_eq!(copy.probe(EVERYTHING).one(&copy.member(0, 100), START)[3], Ok(0.1));
}

/// In v2 the memory of a group whose controller is off is charged to the one above.
#[test]
fn a_group_without_account_counts_for_the_one_above() {
    let copy = Copy::new();
    copy.bare("/system.slice");
    copy.unified("/system.slice/t.service", (100 * MIB, 0), "max");
    for (pid, worker) in [(100, "a"), (101, "b")] {
        copy.bare(&format!("/system.slice/t.service/{worker}"));
        copy.process(pid, &format!("0::/system.slice/t.service/{worker}\n"));
    }
    let mut watched = copy.probe(EVERYTHING);
    let (shown, together) = watched.pass(&[&copy.member(0, 100), &copy.member(1, 101)], START);
    assert_eq!((shown[0][0], shown[1][0]), (bytes(100), bytes(100)));
    assert_eq!(together[0], Some((100 * MIB) as f64), "it is one and the same memory");
}

#[test]
fn a_groups_cgroups_count_once_each_and_what_is_below_another_not_at_all() {
    let copy = Copy::new();
    for (path, mib) in [("/s", 1000), ("/s/a", 100), ("/s/a/inner", 30), ("/s/b", 10)] {
        copy.unified(path, (mib * MIB, 0), "max");
    }
    for (pid, path) in [(100, "/s/a"), (101, "/s/a"), (102, "/s/b"), (103, "/s/a/inner")] {
        copy.process(pid, &format!("0::{path}\n"));
    }
    let members: Vec<Member> = (0..).zip(100..104).map(|(slot, pid)| copy.member(slot, pid)).collect();
    let mut watched = copy.probe(EVERYTHING);
    let together = |watched: &mut Watched, who: &[usize]| {
        let members: Vec<&Member> = who.iter().map(|at| &members[*at]).collect();
        watched.pass(&members, START).1
    };
    for (who, mib) in [(&[0, 1][..], 100), (&[0, 1, 2], 110), (&[0, 2, 3], 110), (&[3, 0], 100), (&[3, 2], 40)] {
        assert_eq!(together(&mut watched, who)[0], bytes(mib).ok(), "{who:?}");
    }
    let all = together(&mut watched, &[0, 1, 2]);
    assert_eq!((all[2], all[3], all[5]), (None, None, None), "limits and shares are not summed");
    assert_eq!(all[4], Some(8192.0));
}

/// Between two passes only those are read that are near a bound.
#[test]
fn who_is_not_read_counts_in_his_group_with_what_was_read_last() {
    let copy = Copy::new();
    for (path, mib, pid) in [("/a", 100, 100), ("/b", 10, 101)] {
        copy.unified(path, (mib * MIB, 0), "max");
        copy.process(pid, &format!("0::{path}\n"));
    }
    let members = [copy.member(0, 100), copy.member(1, 101)];
    let members = members.each_ref();
    let mut watched = copy.probe(EVERYTHING);
    assert_eq!(watched.pass(&members, START).1[0], bytes(110).ok());
    copy.unified("/a", (200 * MIB, 0), "max");
    let groups = [Group { target: 0, members: vec![0, 1] }];
    let Watched { probe, seats, names } = &mut watched;
    let (now, periods) = (START + SECOND / 2, Periods::TEST);
    let mut pass = Pass { now, members: &members, seats, groups: &groups, names, periods };
    probe.prepare(&mut pass).unwrap();
    probe.look(&mut pass, 0);
    assert_eq!(probe.once(0, column(Base::CgroupMemory)), bytes(210).ok());
    let open = probe.books.open();
    probe.fresh(&mut pass, column(Base::CgroupMemory)).unwrap();
    assert_eq!(probe.once(0, column(Base::CgroupMemory)), bytes(210).ok(), "what is read anew changes no pass");
    assert_eq!(probe.books.open(), open, "nobody has left");
}

#[test]
fn what_only_is_exported_is_read_seldom_and_a_fresh_reading_is_fresh() {
    let copy = Copy::new();
    copy.bare("/system.slice");
    copy.unified("/system.slice/t.service", (100 * MIB, 0), "max");
    copy.process(100, UNIT);
    let member = copy.member(0, 100);
    let mut watched = copy.probe("cgroup_swap = { elevated = '1GB' }");
    watched.one(&member, START);
    copy.unified("/system.slice/t.service", (200 * MIB, 0), "max");
    copy.write("unified/system.slice/t.service/memory.swap.current", "1\n");
    let shown = watched.one(&member, START + SECOND);
    assert_eq!((shown[0], shown[4]), (bytes(100), Ok(1.0)), "a threshold is worth each pass");
    let mut seats = [Seat::new(&member)];
    let (members, now) = (&[&member], START + SECOND);
    let periods = Periods::unhurried(&Default::default());
    let mut pass = Pass { now, members, seats: &mut seats, groups: &[], names: &mut watched.names, periods };
    let fresh = watched.probe.fresh(&mut pass, column(Base::CgroupMemory)).unwrap();
    assert_eq!((fresh.each, fresh.once), (vec![bytes(200)], Some((200 * MIB) as f64)));
    assert_eq!(watched.one(&member, START + 20 * SECOND)[0], bytes(200));
}

#[test]
fn a_process_that_moves_is_followed() {
    let copy = Copy::new();
    copy.unified("/a", (100 * MIB, 0), "max");
    copy.unified("/b", (10 * MIB, 0), "max");
    copy.process(100, "0::/a\n");
    let member = copy.member(0, 100);
    let (mut prompt, mut seldom) = (copy.probe(EVERYTHING), copy.probe(""));
    assert_eq!((prompt.one(&member, START)[0], seldom.one(&member, START)[0]), (bytes(100), bytes(100)));
    copy.process(100, "0::/b\n");
    let soon = START + SECOND;
    assert_eq!((prompt.one(&member, soon)[0], seldom.one(&member, soon)[0]), (bytes(10), bytes(100)));
    assert_eq!(seldom.one(&member, START + 10 * SECOND)[0], bytes(10));
}

#[test]
fn groups_that_nobody_is_in_any_more_are_closed() {
    let copy = Copy::new();
    for worker in 0..20 {
        copy.unified(&format!("/w{worker}"), (MIB, 0), "max");
        copy.process(100 + worker, &format!("0::/w{worker}\n"));
    }
    let members: Vec<Member> = (0..20).map(|at| copy.member(u32::try_from(at).unwrap(), 100 + at)).collect();
    let mut watched = copy.probe(EVERYTHING);
    watched.pass(&members.iter().collect::<Vec<_>>(), START);
    assert_eq!(watched.probe.books.open(), 21, "and the root");
    watched.one(&members[3], START + SECOND);
    watched.one(&members[3], START + 2 * SECOND);
    assert_eq!(watched.probe.books.open(), 2);
    let shown = watched.pass(&members.iter().collect::<Vec<_>>(), START + 3 * SECOND).0;
    assert!(shown.iter().all(|one| one[0] == bytes(1)));
}

/// Whatever read of a cgroup fails in whatever way: a reading is what it is without the failure, or unknown.
#[test]
fn a_failed_read_makes_readings_unknown_and_never_another_number() {
    let copy = Copy::new();
    copy.unified("/system.slice", (900 * MIB, MIB), &(1000 * MIB).to_string());
    copy.unified("/system.slice/t.service", (100 * MIB, 40 * MIB), &(200 * MIB).to_string());
    copy.process(100, UNIT);
    copy.v1("/docker", (300 * MIB, MIB), &(500 * MIB).to_string());
    copy.process(101, "4:memory:/docker\n0::/\n");
    for pid in [100, 101] {
        let member = copy.member(0, pid);
        let truth = copy.probe(EVERYTHING).one(&member, START);
        for injected in Injected::ALL {
            let mut struck = 0;
            for nth in 0.. {
                let plan = Plan::new(injected, nth);
                let (trees, faults) = (std::cell::RefCell::new(Some(copy.trees())), plan.clone());
                let mount = move || trees.take().unwrap().with_faults(faults.clone());
                let mut watched = Watched::over(EVERYTHING, mount);
                let shown = watched.one(&member, START);
                if !plan.struck() {
                    break;
                }
                struck += 1;
                for ((base, found), true_one) in METRICS.iter().zip(shown).zip(&truth) {
                    assert!(found.is_err() || found == *true_one, "{base:?}: {found:?}, {injected:?} at {nth}");
                }
                let later = START + 31 * SECOND;
                assert_eq!(watched.one(&member, later), truth, "{injected:?} at {nth}: it was passing");
            }
            assert!(struck >= 3, "{injected:?} struck {struck} reads of {pid}");
        }
    }
}
