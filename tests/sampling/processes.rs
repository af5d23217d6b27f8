//! Descriptors, memory and threads of real processes, against the kernel's own listing.

use crate::watched::{Eye, Watched, config, is_root, skip};
use tradedog::model::{Unknown, Value};

fn listed(pid: i32) -> usize {
    #[expect(clippy::disallowed_methods, reason = "the test looks for itself")]
    std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count()
}

#[test]
fn open_descriptors_are_those_that_the_folder_lists_at_every_step() {
    let mut process = Watched::start();
    let mut eye = Eye::on(config(""), &[process.pid()]);
    for files in [0, 1, 10, 500, 85, 350, 3] {
        process.tell(&format!("files {files}"));
        let listed = listed(process.pid());
        assert!(listed > files);
        assert_eq!(eye.value("open_fds", 0), Value::Known(listed as f64));
        assert_eq!(eye.fresh("open_fds", 0), Value::Known(listed as f64));
        let limit = eye.number("max_fds", 0);
        assert_eq!(eye.value("fd_usage", 0), Value::Known(listed as f64 / limit));
    }
}

#[test]
fn memory_and_threads_agree_with_another_reader() {
    let process = Watched::start();
    let mut eye = Eye::on(config(""), &[process.pid()]);
    let oracle = procfs::process::Process::new(process.pid()).unwrap().status().unwrap();
    let rss = oracle.vmrss.unwrap() as f64 * 1024.0;
    // The kernel counts resident pages in batches a thread.
    assert!((eye.number("rss", 0) - rss).abs() <= 64.0 * 4096.0);
    assert_eq!(eye.value("threads", 0), Value::Known(oracle.threads as f64));
    assert_eq!(eye.value("swap", 0), Value::Known(oracle.vmswap.unwrap() as f64 * 1024.0));
}

#[test]
fn who_exits_between_two_passes_is_gone_in_every_metric() {
    let processes = [Watched::start(), Watched::start()];
    let pids = processes.each_ref().map(Watched::pid);
    let mut eye = Eye::on(config(""), &pids);
    eye.look();
    let [first, second] = processes;
    drop(first);
    let sample = eye.look().clone();
    assert!(sample.members[0].readings.iter().all(|reading| reading.value == Value::Unknown(Unknown::Gone)));
    assert!(sample.members[1].readings.iter().all(|reading| matches!(reading.value, Value::Known(_))));
    assert!(eye.sampler.stats().iter().all(|probe| probe.errors.iter().all(|(_, count)| *count == 0)));
    drop(second);
}

/// Set for the run of this test binary as another user, to the pid that it is to look at.
const LOOK_AT: &str = "TRADEDOG_TEST_LOOK_AT";

#[test]
#[expect(clippy::disallowed_methods, reason = "the test runs itself as another user")]
fn without_rights_counts_are_known_and_sockets_are_denied_not_zero() {
    if let Ok(pid) = std::env::var(LOOK_AT) {
        return without_rights(pid.parse().unwrap());
    }
    if !is_root() {
        return skip("only root can become another user");
    }
    use std::os::unix::process::CommandExt as _;
    let process = Watched::start();
    // The binary may lie where the other user may not look; a descriptor of it has no path to walk.
    let binary = std::fs::File::open(std::env::current_exe().unwrap()).unwrap();
    let path = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&binary));
    rustix::io::fcntl_setfd(&binary, rustix::io::FdFlags::empty()).unwrap();
    let name = "processes::without_rights_counts_are_known_and_sockets_are_denied_not_zero";
    let mut command = std::process::Command::new(path);
    command.args(["--exact", name]).env(LOOK_AT, process.pid().to_string()).uid(65534).gid(65534);
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

fn without_rights(pid: i32) {
    let mut eye = Eye::on(config("[peers]\nserver = '*:5432'"), &[pid]);
    for known in ["open_fds", "max_fds", "fd_usage", "rss", "swap", "threads"] {
        assert!(matches!(eye.value(known, 0), Value::Known(_)), "{known}");
    }
    for denied in ["close_wait", "established", "listen", "sockets", "close_wait.server"] {
        assert_eq!(eye.value(denied, 0), Value::Unknown(Unknown::Denied), "{denied}");
    }
    assert_eq!(eye.fresh("close_wait", 0), Value::Unknown(Unknown::Denied));
    let sockets = eye.sampler.stats().iter().find(|probe| probe.name == "sockets").unwrap();
    assert!(sockets.errors.iter().any(|(reason, count)| *reason == "denied" && *count > 0), "{sockets:?}");
}
