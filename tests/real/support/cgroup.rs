//! A cgroup for the processes of one test.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

/// It ends with this value, and with the processes in it: make it after whoever is in it.
pub(crate) struct Group(PathBuf);

impl Group {
    /// One of v2 with these processes; says on standard error where the test may not make it.
    pub(crate) fn holding(name: &str, pids: &[i32]) -> Option<Self> {
        let mounts = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"].map(Path::new);
        let mount = mounts.into_iter().find(|mount| mount.join("cgroup.procs").is_file());
        let made = mount.map(|mount| mount.join(name)).filter(|path| fs::create_dir(path).is_ok()).map(Self);
        if made.is_none() {
            eprintln!("skipped: cannot make a cgroup of v2");
        }
        for (group, pid) in made.iter().flat_map(|group| pids.iter().map(move |pid| (group, pid))) {
            fs::write(group.0.join("cgroup.procs"), pid.to_string()).unwrap();
        }
        made
    }

    /// One whose memory the kernel keeps account of, of v1 or v2, which the tests may make.
    pub(crate) fn accounted(name: &str, pids: &[i32]) -> Option<Self> {
        let mounts = ["/sys/fs/cgroup/memory", "/sys/fs/cgroup"].map(Path::new);
        let mount = mounts.into_iter().find(|mount| mount.join("cgroup.procs").is_file());
        let made = mount.map(|mount| mount.join(name)).filter(|path| fs::create_dir(path).is_ok()).map(Self);
        let made = made.filter(|group| group.account().is_some());
        if made.is_none() {
            eprintln!("skipped: cannot make a cgroup with an account of its memory");
        }
        made.iter().for_each(|group| pids.iter().for_each(|pid| group.add(*pid)));
        made
    }

    /// Moves a process here.
    pub(crate) fn add(&self, pid: i32) {
        fs::write(self.0.join("cgroup.procs"), pid.to_string()).unwrap();
    }

    /// What the kernel says of its memory.
    pub(crate) fn account(&self) -> Option<f64> {
        let files = ["memory.current", "memory.usage_in_bytes"];
        files.iter().find_map(|file| fs::read_to_string(self.0.join(file)).ok()?.trim().parse().ok())
    }

    /// Limits its memory.
    pub(crate) fn limit(&self, bytes: u64) {
        let files = ["memory.max", "memory.limit_in_bytes"].map(|file| self.0.join(file));
        let file = files.into_iter().find(|file| file.exists()).unwrap();
        fs::write(file, bytes.to_string()).unwrap();
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = fs::write(self.0.join("cgroup.freeze"), "0");
        for _ in 0..200 {
            let _ = fs::write(self.0.join("cgroup.kill"), "1");
            // v1 has no such file.
            for pid in fs::read_to_string(self.0.join("cgroup.procs")).unwrap_or_default().lines() {
                let pid = nix::unistd::Pid::from_raw(pid.parse().unwrap());
                let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL);
            }
            if fs::remove_dir(&self.0).is_ok() {
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
    }
}
