//! Unknown is never zero: each reading, with each of its reads failing in each way.

use super::Victim;
use crate::kernel::faulty::{Fault, Plan};
use crate::kernel::{Error, Process};

/// Runs `reading` with `fault` at every read that it makes, until one run makes fewer.
fn with_each_read_failing<T>(fault: Fault, reading: impl Fn(&Process) -> Result<T, Error>) -> Vec<Result<T, Error>> {
    let victim = Victim::sleeping();
    let mut results = Vec::new();
    for at in 0.. {
        let plan = Plan::new(fault, at);
        let result = Process::open_faulty(victim.pid(), &plan).and_then(|process| reading(&process));
        if !plan.struck() {
            assert!(result.is_ok(), "without a fault it can be read");
            return results;
        }
        results.push(result);
    }
    unreachable!("a reading makes finitely many reads")
}

#[test]
fn a_failed_read_is_an_error_and_never_a_number() {
    for fault in Fault::ALL {
        let mut all = Vec::new();
        all.extend(with_each_read_failing(fault, Process::open_fds));
        all.extend(with_each_read_failing(fault, |p| p.max_fds(&mut Vec::new()).map(|limit| limit.unwrap_or(1))));
        all.extend(with_each_read_failing(fault, |p| p.status(&mut Vec::new()).map(|s| s.rss.unwrap())));
        all.extend(with_each_read_failing(fault, |p| p.resident(&mut Vec::new()).map(|rss| rss.unwrap())));
        all.extend(with_each_read_failing(fault, |p| p.socket_inodes(&mut |_| ()).map(|()| 0)));
        all.extend(with_each_read_failing(fault, |p| p.entry().net_namespace()));
        assert!(all.len() >= 12);
        for result in all {
            let expected = match fault {
                // `Malformed` where a file seems to be missing although the process is alive.
                Fault::Gone | Fault::Emptied => &[Error::Gone, MISSING_FILE, Error::Os(libc::EIO)][..],
                Fault::Denied => &[Error::Denied],
                Fault::Truncated => &[],
            };
            let error = result.unwrap_err();
            let malformed = fault == Fault::Truncated && matches!(error, Error::Malformed(_) | Error::Os(libc::EIO));
            assert!(malformed || expected.contains(&error), "{fault:?}: {error:?}");
        }
    }
}

#[test]
fn a_table_of_sockets_that_fails_is_never_one_without_sockets() {
    for fault in Fault::ALL {
        let sockets = |p: &Process| p.entry().tcp_sockets(&mut Vec::new(), &mut |_| ()).map(|()| 0);
        let results = with_each_read_failing(fault, sockets);
        assert!(results.len() >= 2, "two tables are read");
        // A kernel without IPv6 has no second one.
        let (last, first) = results.split_last().unwrap();
        assert!(first.iter().all(Result::is_err), "{fault:?}: {first:?}");
        assert_eq!(last.is_err(), fault != Fault::Gone, "{fault:?}: {last:?}");
    }
}

const MISSING_FILE: Error = Error::Malformed("a kernel that has this file of /proc");
