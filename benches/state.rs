//! What it costs to remember: the state file is written before each measure goes out.
#![expect(clippy::unwrap_used, reason = "a bench fails by panicking")]

use std::sync::Arc;
use std::time::Duration;

use tradedog::model::{
    ActionScope, Base, BootId, Cause, Delivery, Http, Identity, Level, Measure, MemberKey, MemberMemory, Memory,
    Metric, Moment, Order, OrderId, PerLevel, Pid, RungMemory, RungName, RungStateMemory, ThresholdMemory,
};
use tradedog::record::StateFile;

const SINCE: Moment = Moment::from_nanos(123_456_789_012_345);

fn main() {
    divan::main();
}

/// So many processes, each with so many rungs that are not idle.
#[divan::bench(args = [(10, 5), (100, 5), (1_000, 0), (1_000, 5)])]
fn write(bencher: divan::Bencher<'_, '_>, (members, rungs): (u32, usize)) {
    // The runtime directory is in memory too.
    let folder = tempfile::tempdir_in("/dev/shm").unwrap();
    let mut file = StateFile::open(folder.path()).unwrap();
    let members = (0..members).map(|slot| member(slot, rungs)).collect();
    let memory = Memory { boot: BootId(7 << 100), members, ..Memory::default() };
    bencher.bench_local(|| file.write(&memory).unwrap());
}

fn member(slot: u32, rungs: usize) -> MemberMemory {
    let pid = Pid::new(i32::try_from(slot + 4_000_000).unwrap()).unwrap();
    let identity = Identity { boot: BootId(7 << 100), pid, start_ticks: 123_456_789, pidfs_inode: Some(98_765) };
    let metrics = if rungs == 0 { &[][..] } else { &[Base::OpenFds, Base::CloseWait] };
    MemberMemory {
        target: "trader".into(),
        slot,
        identity,
        first_seen: SINCE,
        thresholds: metrics.iter().map(|base| threshold(*base)).collect(),
        rungs: (0..rungs).map(|_| rung(slot, identity)).collect(),
        delivered: (0..rungs).map(|_| Delivery { action: "disable_websocket".into(), at: SINCE }).collect(),
        schedule: Vec::new(),
        settled_from: SINCE,
    }
}

fn threshold(base: Base) -> ThresholdMemory {
    let mut bounds = PerLevel::default();
    bounds.iter_mut().zip([300.0, 600.0, 800.0, 900.0]).for_each(|((_, bound), at)| *bound = Some(at));
    let (metric, value) = (Metric::plain(base), Some(812.0));
    ThresholdMemory { metric, level: Level::Critical, since: SINCE, bounds, value, escalations: Vec::new() }
}

fn rung(slot: u32, identity: Identity) -> RungMemory {
    let cause =
        Cause { metric: Metric::plain(Base::OpenFds), value: 655.0, bound: 600.0, since: SINCE, escalated: None };
    let http = Http {
        post: "http://127.0.0.1:8080/admin/websocket/disable".into(),
        headers: Vec::new(),
        bearer_file: Some("/etc/tradedog/secret/admin".into()),
        body: None,
        expect: vec![200, 202, 204],
        timeout: Duration::from_secs(2),
    };
    let order = Order {
        id: OrderId(u64::from(slot)),
        member: MemberKey { target: 0, slot },
        identity,
        target: "trader".into(),
        ladder: "default".into(),
        level: Level::Warning,
        action: "disable_websocket".into(),
        undo: false,
        scope: ActionScope::Process,
        measure: Measure::Http(Arc::new(http)),
        thaw: None,
        cause: Some(cause),
        decided: SINCE,
        attempt: 1,
        by: None,
    };
    RungMemory {
        of: RungName::Ladder("default".into()),
        level: Level::Warning,
        action: "disable_websocket".into(),
        state: RungStateMemory::InForce,
        attempts: 0,
        acknowledged: true,
        decided: Some(SINCE),
        ineffective: 0,
        judged: None,
        order: Some(Arc::new(order)),
    }
}
