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

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = fs::write(self.0.join("cgroup.freeze"), "0");
        for _ in 0..200 {
            let _ = fs::write(self.0.join("cgroup.kill"), "1");
            if fs::remove_dir(&self.0).is_ok() {
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
    }
}
