//! So many processes of one target, of which nothing is news: what the benches of judge, snapshot and
//! exposition are fed with, and the test that counts what those allocate. Needs nothing of the host.
#![expect(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a bench fails by panicking, and most metrics are zero"
)]

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tradedog::config::{self, Config, Source};
use tradedog::export::{Publisher, Snapshot, TargetView};
use tradedog::judge::{Start, State, Verdicts, judge};
use tradedog::model::{
    Base, BootId, Identity, MemberKey, MemberSample, Metric, Moment, Pid, Reading, Sample, Unknown, Value,
};

/// Every usual threshold, and a ladder with a rung at each level.
const CONFIG: &str = r#"
[daemon]
dry_run = true

[calendar.always]
zone = "America/New_York"
days = "mon-sun"
sessions = { open = "00:00-24:00" }
valid_until = "2099-12-31"

[peers]
postgres = "10.0.5.10:5432"
redis    = "10.0.5.11:6379"
broker   = "10.0.5.12:443"

[host.thresholds]
host_memory_used = { elevated = "60%", warning = "72%", critical = "80%", hold = "1m" }

[target.trader]
match = { comm = "trader" }

[target.trader.thresholds]
open_fds = { expected = 150, elevated = 300, warning = 600, critical = 800, fatal = { at = 900, hold = "3s" } }
close_wait = { elevated = 50, hold = "10s" }
"close_wait.broker" = { elevated = 10, hold = "10s" }
rss = { elevated = "900MB", critical = "1500MB", hold = "30s" }
swap = { elevated = "64MiB", hold = "1m" }
"open_fds.time_left" = { elevated = "2h", warning = "20m" }
"rss.growth" = { warning = "50MiB/min", hold = "1m" }

[target.trader.ladder]
elevated = ["reset_pool"]
warning  = ["disable_websocket"]
critical = ["pause"]
fatal    = ["kill"]

[target.trader.during.always.thresholds]
rss = { elevated = "800MB", critical = "1200MB", hold = "30s" }

[target.trader.actions.reset_pool]
signal = "SIGUSR1"

[target.trader.actions.disable_websocket]
http = { post = "http://127.0.0.1:8080/admin/websocket/disable" }
undo = { http = { post = "http://127.0.0.1:8080/admin/websocket/enable" } }

[target.trader.actions.pause]
command = ["/usr/local/bin/trader-ctl", "pause"]
undo    = { command = ["/usr/local/bin/trader-ctl", "resume"] }

[target.trader.actions.kill]
kill = { grace = "45s" }
"#;

/// What the wall clock is ahead of the other one, in nanoseconds: it is 2026.
const WALL: i128 = 1_790_000_000 * 1_000_000_000;
/// The time between two passes.
const INTERVAL: Duration = Duration::from_secs(1);

/// Judge and publisher with so many members to see to.
pub(crate) struct Crowd {
    /// What they are judged by.
    pub(crate) config: Arc<Config>,
    /// Where they stand.
    pub(crate) state: State,
    /// What was read of them last.
    pub(crate) sample: Sample,
    /// Where readers look.
    pub(crate) publisher: Publisher,
    now: Moment,
}

impl Crowd {
    /// Seen for some passes already.
    pub(crate) fn new(members: u32) -> Self {
        let source = Source::new("watchdog.toml", CONFIG);
        let config = Arc::new(config::parse(vec![source]).unwrap());
        let now = Moment::from_secs(1_000_000);
        let state = State::new(Arc::clone(&config), Start { boot: BootId(7 << 100), series: 1, now });
        let (host, metrics) = (vec![reading(now, 0.25); config.host.metrics.len()], &config.targets[0].metrics);
        let members = (0..members).map(|slot| member(slot, metrics, now)).collect();
        let sample = Sample { members, groups: Vec::new(), host };
        let publisher = Publisher::new(Snapshot::empty(Arc::clone(&config)));
        let mut crowd = Self { config, state, sample, publisher, now };
        for _ in 0..3 {
            crowd.read();
            crowd.judge();
            crowd.publish();
        }
        crowd
    }

    /// The next pass reads everything anew, and all of it is a little different and far from any bound.
    pub(crate) fn read(&mut self) {
        self.now = self.now + INTERVAL;
        for reading in
            self.sample.members.iter_mut().flat_map(|member| &mut member.readings).chain(&mut self.sample.host)
        {
            reading.at = self.now;
            if let Value::Known(value) = &mut reading.value {
                *value = if value.fract() > 0.5 { *value - 0.5 } else { *value + 0.5 };
            }
        }
    }

    /// Everybody has so many descriptors.
    pub(crate) fn have_open(&mut self, descriptors: f64) {
        let column = self.config.targets[0].metrics.iter().position(|metric| *metric == Metric::plain(Base::OpenFds));
        for member in &mut self.sample.members {
            member.readings[column.unwrap()].value = Value::Known(descriptors);
        }
    }

    /// What follows from that, at this hour.
    pub(crate) fn judge(&mut self) -> Verdicts {
        self.state.tell_time(self.wall(), &self.sample, self.now);
        judge(&mut self.state, &self.sample, &[], self.now)
    }

    fn wall(&self) -> Timestamp {
        Timestamp::from_nanosecond(WALL + i128::from(self.now.as_nanos())).unwrap()
    }

    /// Shows it to readers.
    pub(crate) fn publish(&mut self) {
        let Self { config, state, sample, publisher, now } = self;
        publisher.publish(|snapshot| {
            snapshot.config = Arc::clone(config);
            snapshot.taken = *now;
            snapshot.begun = true;
            snapshot.targets.push(TargetView { kill_budget_remaining: 3, successor_missing: false, incident: None });
            snapshot.host.extend_from_slice(&sample.host);
            snapshot.brakes.extend(state.closed(*now));
            for member in &sample.members {
                let Some(judged) = state.member(member.member) else { continue };
                let lists = snapshot.push_member(member.member, member.identity.pid, member.started);
                let lists = lists.readings(&member.readings).ladders(judged.ladders());
                lists.thresholds(judged.thresholds(*now)).forecasts(judged.watched().forecasts());
                snapshot.rungs.extend(judged.rungs());
            }
        });
    }
}

fn member(slot: u32, metrics: &[Metric], now: Moment) -> MemberSample {
    let pid = Pid::new(i32::try_from(slot + 1_000_000).unwrap()).unwrap();
    let identity = Identity { boot: BootId(7 << 100), pid, start_ticks: 123_456, pidfs_inode: Some(u64::from(slot)) };
    let readings = metrics.iter().map(|metric| match metric.base {
        // As on most hosts: no limit of the cgroup, and no leak.
        Base::CgroupMemoryLimit => Reading { value: Value::Unknown(Unknown::Denied), ..reading(now, 0.0) },
        Base::OpenFds => reading(now, 95.0),
        Base::MaxFds => reading(now, 1024.0),
        Base::Rss | Base::CgroupMemory | Base::CgroupWorkingSet => reading(now, 412_876_800.0),
        Base::Threads => reading(now, 14.0),
        _ => reading(now, 0.0),
    });
    MemberSample {
        member: MemberKey { target: 0, slot },
        identity,
        started: Moment::from_nanos(123_456_789_012_345),
        first_seen: now,
        readings: readings.collect(),
    }
}

const fn reading(at: Moment, value: f64) -> Reading {
    Reading { at, period: INTERVAL, value: Value::Known(value) }
}
