//! A container that boots, and is always taken down.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// A boot takes well under a second; a loaded machine has its time.
const BOOT: Duration = Duration::from_secs(60);
const DOWN: Duration = Duration::from_secs(10);
/// Longest that one command may take in there.
const COMMAND: &str = "90";

/// Gives the container a cgroup of its own in a pure v2 tree, whatever the host has mounted, and
/// keeps what systemd-nspawn notes in /run from the host. Its first process ends with `unshare`, and
/// everything in the container with that.
const BOOT_SCRIPT: &str = r#"
umount --lazy /sys/fs/cgroup && mount -t cgroup2 cgroup2 /sys/fs/cgroup || exit 1
mount -t tmpfs tmpfs /run || exit 1
mkdir -p "/sys/fs/cgroup/$1" && echo $$ >"/sys/fs/cgroup/$1/cgroup.procs" || exit 1
exec systemd-nspawn --quiet --register=no --keep-unit --volatile=overlay --private-network --console=pipe \
    --machine=tradedog-host --directory="$2" --bind-ro="$3:/mnt" --boot
"#;

/// The tree to boot, or none with the reason said.
pub(super) fn tree() -> Option<PathBuf> {
    let tree = std::env::var_os("TRADEDOG_HOST_TREE")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools/debian"), PathBuf::from);
    let missing = if !rustix::process::geteuid().is_root() {
        Some("root is needed".to_owned())
    } else if Command::new("systemd-nspawn").arg("--version").stdout(Stdio::null()).status().is_err() {
        Some("there is no systemd-nspawn (Debian: systemd-container)".to_owned())
    } else if !tree.join("usr/lib/systemd/systemd").exists() {
        Some(format!("there is no Debian in {}: tests/run puts one there", tree.display()))
    } else {
        None
    };
    match missing {
        Some(why) => println!("skipped: the service on a real systemd: {why}"),
        None => return Some(tree),
    }
    None
}

/// A container that runs.
pub(super) struct Container {
    unshare: Child,
    leader: u32,
    cgroup: String,
    /// What is bound to `/mnt` in there.
    share: TempDir,
}

impl Container {
    /// Boots `tree` with the tarball and the guest's files in `/mnt`.
    pub(super) fn boot(tree: &Path, tarball: &Path) -> Self {
        let share = tempfile::tempdir().unwrap();
        let files = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/host/guest");
        for file in fs::read_dir(files).unwrap().map(|entry| entry.unwrap().path()) {
            fs::copy(&file, share.path().join(file.file_name().unwrap())).unwrap();
        }
        fs::copy(tarball, share.path().join("tradedog.tar.gz")).unwrap();
        let cgroup = format!("tradedog-host-{}", std::process::id());
        let unshare = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "unshare", "--mount", "--propagation", "private"])
            .args(["--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", BOOT_SCRIPT, "boot", &cgroup])
            .args([tree, share.path()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(share.path().join("nspawn.log")).unwrap())
            .spawn()
            .unwrap();
        let mut container = Self { unshare, leader: 0, cgroup, share };
        container.wait_for_boot();
        container
    }

    fn wait_for_boot(&mut self) {
        let begun = Instant::now();
        while begun.elapsed() < BOOT {
            let ended = self.unshare.try_wait().unwrap();
            let said = || fs::read_to_string(self.share.path().join("nspawn.log")).unwrap_or_default();
            assert!(ended.is_none(), "systemd-nspawn has ended: {}", said());
            self.leader = leader(self.unshare.id()).unwrap_or(0);
            if self.leader != 0 {
                let (_, state) = self.run(&["systemctl", "is-system-running"]);
                if ["running", "degraded"].contains(&state.trim()) {
                    println!(
                        "Debian {} is up after {:.1} s",
                        self.run(&["cat", "/etc/debian_version"]).1.trim(),
                        begun.elapsed().as_secs_f32()
                    );
                    return;
                }
            }
            sleep(Duration::from_millis(50));
        }
        panic!("the container has not booted within {BOOT:?}");
    }

    /// Runs a program in there as root; whether it succeeded, and what it printed.
    pub(super) fn run(&self, command: &[&str]) -> (bool, String) {
        let output = Command::new("timeout")
            .args(["--kill-after=5", COMMAND, "nsenter", "--target", &self.leader.to_string()])
            .args(["--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup", "--wdns=/", "env", "-i"])
            .args([
                "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                "LC_ALL=C.UTF-8",
                "COLUMNS=120",
            ])
            .args(command)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        (output.status.success(), text)
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        if std::thread::panicking() && self.leader != 0 {
            println!("\n== what the journal says");
            println!("{}", self.run(&["journalctl", "--no-pager", "--lines=60", "--unit=tradedog", "--unit=trader"]).1);
        }
        // The first process of its pid namespace: nobody in there outlives it, and `unshare` buries it.
        if let Some(nspawn) = child(self.unshare.id(), "systemd-nspawn") {
            let _ = Command::new("kill").args(["-KILL", &nspawn.to_string()]).status();
            let begun = Instant::now();
            while begun.elapsed() < DOWN && matches!(self.unshare.try_wait(), Ok(None)) {
                sleep(Duration::from_millis(20));
            }
        }
        let _ = self.unshare.kill();
        let _ = self.unshare.wait();
        remove_cgroup(&self.cgroup);
    }
}

/// The first process of the container: `unshare` starts systemd-nspawn, and that starts it.
fn leader(unshare: u32) -> Option<u32> {
    let nspawn = child(unshare, "systemd-nspawn")?;
    child(nspawn, "systemd")
}

/// A child of that name.
fn child(pid: u32, name: &str) -> Option<u32> {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).ok()?;
    let is_named =
        |child: &u32| fs::read_to_string(format!("/proc/{child}/comm")).is_ok_and(|comm| comm.trim_end() == name);
    children.split_whitespace().filter_map(|child| child.parse().ok()).find(is_named)
}

/// In a mount namespace again, since the host may have its tree elsewhere.
fn remove_cgroup(name: &str) {
    let script = r#"umount --lazy /sys/fs/cgroup && mount -t cgroup2 cgroup2 /sys/fs/cgroup &&
        find "/sys/fs/cgroup/$1" -depth -type d -exec rmdir {} + 2>/dev/null"#;
    let _ = Command::new("unshare")
        .args(["--mount", "--propagation", "private", "sh", "-c", script, "remove", name])
        .status();
}
