//! The tarball, as an operator installs it, again, and away.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::guest::Guest;

/// The one that `tests/run` has packed, else the binary of this build.
pub(super) fn tarball() -> PathBuf {
    if let Some(path) = std::env::var_os("TRADEDOG_TARBALL") {
        return path.into();
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let packed = Command::new(root.join("packaging/tarball"))
        .args(["--binary", env!("CARGO_BIN_EXE_tradedog"), "--out", env!("CARGO_TARGET_TMPDIR")])
        .output()
        .unwrap();
    assert!(packed.status.success(), "{}", String::from_utf8_lossy(&packed.stderr));
    PathBuf::from(String::from_utf8(packed.stdout).unwrap().trim())
}

pub(super) fn as_an_operator_would(guest: &Guest, tarball: &Path) {
    guest.heading("the tarball is installed");
    guest.saw(&tarball.file_name().unwrap().to_string_lossy());
    guest.sh("mkdir /root/tarball && tar -xzf /mnt/tradedog.tar.gz -C /root/tarball --strip-components=1");
    guest.sh("/root/tarball/install");
    guest.sh("ls -ld /etc/tradedog /etc/tradedog/* /var/lib/tradedog; id tradedog");
    guest.sh("ls -l /etc/systemd/system/tradedog.service.d | tail -n +2");
    guest.sh("systemd-analyze verify tradedog.service");

    guest.heading("a trader is there, and the configuration is the operator's");
    guest.sh("useradd --system trader; useradd --create-home --groups tradedog ops");
    guest.sh(
        "install -m 0755 /mnt/trader.py /usr/local/bin/trader; install -m 0755 /mnt/trader-ctl /usr/local/bin/; \
         cp \"$(realpath \"$(command -v sleep)\")\" /usr/local/bin/otherd; install -m 0644 /mnt/*.service /etc/systemd/system/",
    );
    guest.sh("systemctl daemon-reload; systemctl start trader other");
    guest.wait("the trader trades", || guest.quiet("trader-ctl how").1.contains("trading"));
    guest.sh("install -m 0640 -g tradedog /mnt/watchdog.toml /etc/tradedog/watchdog.toml");
    let again = guest.sh("/root/tarball/install");
    assert!(again.contains("kept /etc/tradedog/watchdog.toml"));
    guest.sh("cmp /mnt/watchdog.toml /etc/tradedog/watchdog.toml");
    guest.attempt("tradedog check --unit tradedog.service");
}

pub(super) fn away_again(guest: &Guest) {
    guest.heading("uninstalled: the operator's own stays");
    guest.sh("/usr/local/share/tradedog/install --uninstall");
    assert_eq!(guest.property("tradedog.service", "LoadState"), "not-found");
    let left = guest.sh("find / -xdev -path /proc -prune -o -path /root -prune -o -name '*tradedog*' -print | sort");
    let left: Vec<&str> =
        left.lines().filter(|line| !line.starts_with("/run/") && !line.starts_with("/tmp/")).collect();
    assert_eq!(left, ["/etc/tradedog", "/var/lib/tradedog"]);
    guest.sh("test -f /etc/tradedog/watchdog.toml");
    guest.sh("/root/tarball/install --prefix /opt/tradedog >/dev/null && systemctl start tradedog && systemctl is-active tradedog");
    guest.sh("/opt/tradedog/share/tradedog/install --prefix /opt/tradedog --uninstall --purge");
    guest.sh("! ls -d /etc/tradedog /var/lib/tradedog 2>/dev/null");
}
