#![expect(clippy::disallowed_methods, reason = "looks whether a file is there")]

use super::*;
use crate::config::Config;
use crate::export::{Publisher, Snapshot};
use crate::kernel::{Process, boot_id, own_pid};
use crate::model::{MemberKey, Moment, Trigger};
use crate::record::incident::{About, Limits};

fn job(number: u64) -> Job {
    let process = Process::open(boot_id().unwrap(), own_pid()).unwrap();
    let (member, identity, at) = (MemberKey { target: 0, slot: 0 }, process.identity(), Moment::from_secs(1));
    Job {
        number,
        whose: Whose { target: "trader".into(), member, identity, trigger: Trigger::Kill, at },
        process: Arc::new(process),
        config: Arc::new(Config::default()),
        about: About {
            trigger: Trigger::Kill,
            at_millis: 1_795_302_902_123,
            target: "trader".to_owned(),
            process: 0,
            pid: 1,
            started_millis: 0,
            host: "host".to_owned(),
            dry_run: false,
            decision: "order 1: kill".to_owned(),
            grounds: None,
            order: None,
        },
        limits: Limits { count: 10, size: 1 << 20 },
        hour: None,
    }
}

fn start(begin: Begin) -> (Collector, Ending, Receiver<()>, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let publisher = Publisher::new(Snapshot::empty(Arc::new(Config::default())));
    let (wake, woken) = channel();
    let wake: Wake = Arc::new(move || {
        let _ = wake.send(());
    });
    let of = (Store::in_folder(folder.path().to_owned()), publisher.published(), wake);
    let (collector, ending) = Collector::start_with(begin, of).unwrap();
    (collector, ending, woken, folder)
}

#[test]
fn a_job_is_carried_out_and_told() {
    let (mut collector, ending, woken, folder) = start(begin);
    assert!(collector.send(job(7)) && collector.has(7));
    woken.recv_timeout(Duration::from_secs(60)).unwrap();
    let done = collector.next().unwrap();
    let (kept, _) = done.result.unwrap();
    assert_eq!((done.job, collector.has(7)), (7, false));
    assert!(kept.path.starts_with(folder.path()) && kept.path.join("status.txt").exists());
    drop(collector);
    assert!(ending.finish(Duration::from_secs(60)));
}

/// Whoever waits for it waits no longer than until it is known, and the next one has its turn.
#[test]
fn a_job_for_which_the_host_has_no_thread_is_over_at_once() {
    let (mut collector, ending, woken, _folder) = start(|_| Err(io::ErrorKind::WouldBlock.into()));
    for number in 1..=3 * AT_ONCE as u64 {
        assert!(collector.send(job(number)));
        woken.recv_timeout(Duration::from_secs(60)).unwrap();
        let done = collector.next().unwrap();
        let why = done.result.unwrap_err();
        assert_eq!((done.job, why.flaw, collector.has(number)), (number, Flaw::Busy, false));
        assert!(why.text.starts_with("the host has no thread for it: "), "{}", why.text);
    }
    assert!(collector.open.is_empty());
    drop(collector);
    assert!(ending.finish(Duration::from_secs(60)));
}

#[test]
fn it_is_full_before_a_job_is_made_in_vain() {
    // Threads that never come to an end.
    let (mut collector, _ending, _woken, _folder) = start(|work| {
        std::mem::forget(work);
        Ok(())
    });
    for number in 1..=MOST as u64 {
        assert!(!collector.is_full());
        assert!(collector.send(job(number)));
    }
    assert!(collector.is_full());
}
