//! The sampler over real processes, and over ones whose n-th read fails.

use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::*;
use crate::config;
use crate::discover::Facts;
use crate::kernel::Process;
use crate::kernel::faulty::{Fault as Injected, Plan};
use crate::model::{Base, METRICS, MemberKey, Metric, Pid, Scope};

mod groups;
mod rest;

const SECOND: Duration = Duration::from_secs(1);

/// Every metric there is, plain and with the peer.
fn every_metric() -> Vec<Metric> {
    let plain = METRICS.iter().map(|row| Metric::plain(row.base));
    let with_peer = METRICS.iter().filter(|row| row.per_peer);
    plain.chain(with_peer.map(|row| Metric::of(row.base, Some("server".into())))).collect()
}

fn host_metrics() -> Vec<Metric> {
    every_metric().into_iter().filter(|metric| metric.info().scope == Scope::Host).collect()
}

fn config(port: u16) -> Arc<Config> {
    let text = format!(
        "[peers]\nserver = '*:{port}'\n[target.trader]\nmatch = {{ comm = 'sleep' }}\n\
         [target.trader.thresholds]\nopen_fds = {{ elevated = 100 }}\n"
    );
    let mut config = config::parse(vec![config::Source::new("watchdog.toml", &text)]).unwrap();
    config.targets[0].metrics = every_metric();
    config.host.metrics = host_metrics();
    Arc::new(config)
}

/// A process that sleeps on two connections: its standard input waits to be closed, its standard
/// output is established. It is ended with the test.
struct Sleeper {
    child: Child,
    _server: (TcpListener, TcpStream),
    port: u16,
}

impl Sleeper {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let connect = || {
            let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            (Stdio::from(OwnedFd::from(client)), listener.accept().unwrap().0)
        };
        let (waiting, closed) = connect();
        let (established, server) = connect();
        drop(closed);
        #[expect(clippy::disallowed_methods, reason = "the test starts its own process")]
        let mut command = Command::new("sleep");
        let child = command.arg("600").stdin(waiting).stdout(established).spawn().unwrap();
        drop(command);
        let port = listener.local_addr().unwrap().port();
        let sleeper = Self { child, _server: (listener, server), port };
        sleeper.settle();
        sleeper
    }

    fn pid(&self) -> Pid {
        Pid::new(i32::try_from(self.child.id()).unwrap()).unwrap()
    }

    fn member(&self) -> Member {
        member(0, Process::open(kernel::boot_id().unwrap(), self.pid()).unwrap())
    }

    /// Until it has become `sleep`, sleeps, and the other side's end of stream has arrived.
    fn settle(&self) {
        let mut sampler = Sampler::new(config(self.port));
        for _ in 0..10_000 {
            let member = self.member();
            let mut buffer = Vec::new();
            let ready = member
                .process
                .stat(&mut buffer)
                .is_ok_and(|stat| (stat.comm.as_bytes(), stat.state) == (b"sleep", b'S'));
            let row = sampler.sample([&member].into_iter(), kernel::now());
            if ready && value(row, Base::CloseWait, 0) == Value::Known(1.0) {
                return;
            }
            std::thread::yield_now();
        }
        panic!("the sleeping process did not come up");
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

fn member(slot: u32, process: Process) -> Member {
    let key = MemberKey { target: 0, slot };
    let facts = Facts { uids: (0, 0), ..Facts::default() };
    Member { key, process: Arc::new(process), facts, first_seen: Moment::from_secs(1) }
}

fn at(base: Base) -> usize {
    every_metric().iter().position(|metric| *metric == Metric::plain(base)).unwrap()
}

fn at_peer(base: Base) -> usize {
    every_metric().iter().position(|metric| metric.base == base && metric.peer.is_some()).unwrap()
}

fn at_host(base: Base) -> usize {
    host_metrics().iter().position(|metric| *metric == Metric::plain(base)).unwrap()
}

fn value(sample: &Sample, base: Base, index: usize) -> Value {
    sample.members[index].readings[at(base)].value
}

#[test]
fn each_metric_is_read_by_one_probe() {
    for row in METRICS {
        let probes = PROBES.iter().filter(|probe| probe.metrics.contains(&row.base)).count();
        assert_eq!(probes, 1, "{}", row.name);
    }
}

#[test]
fn a_quiet_process_is_read_as_it_is() {
    let sleeper = Sleeper::new();
    let member = sleeper.member();
    let mut sampler = Sampler::new(config(sleeper.port));
    let now = Moment::from_secs(1000);
    let sample = sampler.sample([&member].into_iter(), now).clone();
    let row = &sample.members[0];
    assert_eq!((row.identity, row.member, row.first_seen), (member.process.identity(), member.key, member.first_seen));
    assert!(row.readings.iter().all(|reading| reading.at == now));
    assert_eq!((row.readings[at(Base::OpenFds)].period, row.readings[at(Base::MaxFds)].period), (SECOND, 30 * SECOND));
    let oracle = procfs::process::Process::new(sleeper.pid().get()).unwrap();
    let (status, limits) = (oracle.status().unwrap(), oracle.limits().unwrap());
    let fds = oracle.fd().unwrap().count() as f64;
    let procfs::process::LimitValue::Value(limit) = limits.max_open_files.soft_limit else { panic!("no limit") };
    for (base, wanted) in [
        (Base::OpenFds, fds),
        (Base::MaxFds, limit as f64),
        (Base::FdUsage, fds / limit as f64),
        (Base::Rss, status.vmrss.unwrap() as f64 * 1024.0),
        (Base::Swap, status.vmswap.unwrap() as f64 * 1024.0),
        (Base::Threads, 1.0),
        (Base::CloseWait, 1.0),
        (Base::Established, 1.0),
        (Base::Listen, 0.0),
        (Base::Sockets, 2.0),
    ] {
        assert_eq!(value(&sample, base, 0), Value::Known(wanted), "{base:?}");
        assert_eq!(sampler.fresh(&member, at(base), now).value, Value::Known(wanted), "{base:?} anew");
    }
    for (base, wanted) in [(Base::CloseWait, 1.0), (Base::Established, 1.0), (Base::Sockets, 2.0)] {
        assert_eq!(row.readings[at_peer(base)].value, Value::Known(wanted), "{base:?} of the peer");
        assert_eq!(sampler.fresh(&member, at_peer(base), now).value, Value::Known(wanted));
    }
    let host = value(&sample, Base::HostMemoryUsed, 0);
    assert!(host.number().is_some_and(|share| share > 0.0 && share < 1.0));
    let of_host = Reading { at: now, period: 10 * SECOND, value: host };
    assert_eq!(sample.host[at_host(Base::HostMemoryUsed)], of_host, "no threshold is about it");
    assert_eq!(sampler.unattributed().map(|(base, _)| base).collect::<Vec<_>>().len(), 8);
    assert!(sampler.stats().iter().all(|probe| !probe.last.is_zero() && probe.errors.iter().all(|(_, n)| *n == 0)));
}

/// Whatever read fails in whatever way: a reading is what it is without the failure, or unknown.
#[test]
fn a_failed_read_makes_readings_unknown_and_never_another_number() {
    let sleeper = Sleeper::new();
    let start = Moment::from_secs(1000);
    let healthy = sleeper.member();
    let truth = Sampler::new(config(sleeper.port)).sample([&healthy].into_iter(), start).clone();
    for injected in Injected::ALL {
        let mut struck = 0;
        for nth in 0.. {
            let plan = Plan::new(injected, nth);
            let Ok(process) = Process::open_faulty(sleeper.pid(), &plan) else { continue };
            if plan.struck() {
                continue;
            }
            let member = member(0, process);
            let mut sampler = Sampler::new(config(sleeper.port));
            let sample = sampler.sample([&member].into_iter(), start).clone();
            if !plan.struck() {
                break;
            }
            struck += 1;
            let spoilt = check(&truth, &sample, &format!("{injected:?} at read {nth}"));
            let counted: u64 = sampler.stats().iter().flat_map(|probe| &probe.errors).map(|(_, n)| n).sum();
            let expected = u64::from(spoilt.iter().any(|why| *why != Unknown::Gone));
            assert_eq!(counted, expected, "{injected:?} at read {nth}: one failure is one error");
            // The failure was passing: all is known again, a denied one after a while.
            let after = sampler.sample([&member].into_iter(), start + 31 * SECOND).clone();
            assert_eq!(check(&truth, &after, "afterwards"), []);
        }
        assert!(struck >= 5, "{injected:?} struck {struck} reads: count, limits, status, namespace, links");
    }
}

/// Why readings are unknown; every other one must be the true one.
fn check(truth: &Sample, sample: &Sample, when: &str) -> Vec<Unknown> {
    let mut unknown = Vec::new();
    for (index, metric) in every_metric().iter().enumerate().filter(|(_, m)| m.info().scope != Scope::Host) {
        let truth = truth.members[0].readings[index].value;
        let value = sample.members[0].readings[index].value;
        // What this host cannot tell, and a rate at the first look.
        if value == truth {
            continue;
        }
        match value {
            Value::Unknown(why) => unknown.push(why),
            // Whoever runs the tests is in that cgroup, too.
            Value::Known(bytes) if metric.info().scope == Scope::Cgroup => assert!(bytes >= 0.0, "{metric}, {when}"),
            known @ (Value::Known(_) | Value::AtLeast(_)) => {
                // At the second look there is a rate; and the kernel may take back a page of who sleeps.
                let near = |truth: f64| (known.number().unwrap_or(0.0) - truth).abs() < 1048576.0;
                let varies = metric.base == Base::Rss && truth.number().is_some_and(near);
                assert!(
                    known == truth || varies || metric.base == Base::MajorFaults,
                    "{metric}: {known:?}, {truth:?}, {when}"
                );
            }
        }
    }
    unknown
}

#[test]
fn a_zombie_is_gone_and_that_is_no_error() {
    let mut sleeper = Sleeper::new();
    let member = sleeper.member();
    let mut sampler = Sampler::new(config(sleeper.port));
    sampler.sample([&member].into_iter(), Moment::from_secs(1));
    sleeper.child.kill().unwrap();
    while !member.process.has_exited() {
        std::thread::yield_now();
    }
    for reaped in [false, true] {
        if reaped {
            sleeper.child.wait().unwrap();
        }
        let now = Moment::from_secs(20);
        let readings = sampler.sample([&member].into_iter(), now).members[0].readings.clone();
        for (metric, reading) in every_metric().iter().zip(readings) {
            let known = metric.info().scope == Scope::Host;
            assert!(known || reading.value == Value::Unknown(Unknown::Gone), "{metric} {reading:?}, reaped: {reaped}");
        }
        let close_wait = at(Base::CloseWait);
        for metric in [at(Base::OpenFds), at(Base::MaxFds), at(Base::Rss), close_wait, at_peer(Base::CloseWait)] {
            assert_eq!(sampler.fresh(&member, metric, now).value, Value::Unknown(Unknown::Gone));
        }
    }
    assert!(sampler.stats().iter().all(|probe| probe.errors.iter().all(|(_, count)| *count == 0)));
    assert!(sampler.sample([].into_iter(), Moment::from_secs(21)).members.is_empty());
    assert_eq!(sampler.unattributed().count(), 0, "nothing was asked for");
    let swap = sampler.latest().host[at_host(Base::HostSwapUsed)];
    assert!(matches!(swap.value, Value::Known(_)), "the host is read without members too");
}

/// It was alive when its descriptors were counted, and dead when the sockets were listed.
#[test]
fn who_dies_between_the_count_and_the_dump_has_no_count_of_0() {
    let mut sleeper = Sleeper::new();
    let (member, config) = (sleeper.member(), config(sleeper.port));
    let mut probe = (sockets::PROBE.make)(&config);
    let column = probe::Column { at: 0, base: Base::CloseWait, peer: None, judged: true };
    let mut seats = [Seat::new(&member)];
    let mut count = || {
        let names = &mut Names::default();
        let mut pass = Pass {
            now: kernel::now(),
            members: &[&member],
            seats: &mut seats,
            groups: &[],
            names,
            periods: Periods::TEST,
        };
        probe.prepare(&mut pass).unwrap();
        probe.slow(&pass, 0, column).unwrap().value
    };
    assert_eq!(count(), Ok(Value::Known(1.0)));
    sleeper.child.kill().unwrap();
    while !member.process.has_exited() {
        std::thread::yield_now();
    }
    assert_eq!(count(), Err(Fault::GONE));
}

#[test]
fn the_sample_follows_the_membership_and_keeps_its_order() {
    let (first, second) = (Sleeper::new(), Sleeper::new());
    let mut sampler = Sampler::new(config(first.port));
    let open =
        |slot, sleeper: &Sleeper| member(slot, Process::open(kernel::boot_id().unwrap(), sleeper.pid()).unwrap());
    let (a, b) = (open(0, &first), open(1, &second));
    let seats =
        |sample: &Sample| sample.members.iter().map(|row| (row.member.slot, row.identity.pid)).collect::<Vec<_>>();
    let now = Moment::from_secs(5);
    assert_eq!(seats(sampler.sample([&b, &a].into_iter(), now)), [(1, second.pid()), (0, first.pid())]);
    assert_eq!(seats(sampler.sample([&a, &b].into_iter(), now)), [(0, first.pid()), (1, second.pid())]);
    assert_eq!(seats(sampler.sample([&b].into_iter(), now)), [(1, second.pid())]);
    // The seat is taken by another process: nothing of the one before is kept.
    let heir = open(1, &first);
    let sample = sampler.sample([&heir].into_iter(), now);
    assert_eq!(seats(sample), [(1, first.pid())]);
    assert_eq!(value(sample, Base::Sockets, 0), Value::Known(2.0));
    // A process in two seats is read in both.
    let sample = sampler.sample([&a, &heir].into_iter(), now);
    assert_eq!(
        (value(sample, Base::Sockets, 0), value(sample, Base::Sockets, 1)),
        (Value::Known(2.0), Value::Known(2.0))
    );
}

#[test]
fn a_limit_is_read_seldom_and_anew_for_a_fresh_reading() {
    let sleeper = Sleeper::new();
    let member = sleeper.member();
    let mut sampler = Sampler::new(config(sleeper.port));
    let start = Moment::from_secs(100);
    let limit = |sample: &Sample| value(sample, Base::MaxFds, 0).number().unwrap();
    let before = limit(sampler.sample([&member].into_iter(), start));
    let pid = rustix::process::Pid::from_raw(sleeper.pid().get());
    let low = rustix::process::Rlimit { current: Some(50), maximum: Some(50) };
    rustix::process::prlimit(pid, rustix::process::Resource::Nofile, low).unwrap();
    assert!((limit(sampler.sample([&member].into_iter(), start + 29 * SECOND)) - before).abs() < 0.5);
    assert_eq!(sampler.fresh(&member, at(Base::MaxFds), start + 29 * SECOND).value, Value::Known(50.0));
    let sample = sampler.sample([&member].into_iter(), start + 30 * SECOND);
    assert_eq!(value(sample, Base::MaxFds, 0), Value::Known(50.0));
    assert_eq!(value(sample, Base::FdUsage, 0), Value::Known(value(sample, Base::OpenFds, 0).number().unwrap() / 50.0));
    let none = rustix::process::Rlimit { current: Some(0), maximum: Some(50) };
    rustix::process::prlimit(pid, rustix::process::Resource::Nofile, none).unwrap();
    let usage = sampler.fresh(&member, at(Base::FdUsage), start).value.number().unwrap();
    assert!(usage >= 3.0, "any descriptor is too many for a limit of 0: {usage}");
}

#[test]
fn an_unknown_target_or_metric_has_no_reading_and_harms_nobody() {
    let sleeper = Sleeper::new();
    let mut stranger = sleeper.member();
    stranger.key.target = 9;
    let mut sampler = Sampler::new(config(sleeper.port));
    assert_eq!(sampler.sample([&stranger].into_iter(), Moment::from_secs(1)).members[0].readings, []);
    let member = sleeper.member();
    let reading = sampler.fresh(&member, 999, Moment::from_secs(1));
    assert_eq!(reading.value, Value::Unknown(Unknown::Overdue));
}
