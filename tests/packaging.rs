//! The tarball and its install script, below a folder of the test's own. On a real systemd they are
//! tried in `tests/host`.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a test writes files, starts programs, and fails by panicking"
)]

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// A tarball, unpacked, and a root to install it to.
struct Site {
    folder: TempDir,
    unpacked: PathBuf,
}

impl Site {
    /// Packs a script that calls the binary of this build: the binary itself is large, and to pack it
    /// takes its time.
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let binary = folder.path().join("tradedog");
        fs::write(&binary, format!("#!/bin/sh\nexec {} \"$@\"\n", env!("CARGO_BIN_EXE_tradedog"))).unwrap();
        fs::set_permissions(&binary, fs::Permissions::from_mode(0o755)).unwrap();
        let packed = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/tarball"))
            .arg("--binary")
            .arg(&binary)
            .arg("--out")
            .arg(folder.path())
            .output()
            .unwrap();
        assert!(packed.status.success(), "{}", String::from_utf8_lossy(&packed.stderr));
        let tarball = PathBuf::from(String::from_utf8(packed.stdout).unwrap().trim());
        let name = tarball.file_name().unwrap().to_str().unwrap().strip_suffix(".tar.gz").unwrap().to_owned();
        assert!(name.starts_with(concat!("tradedog-", env!("CARGO_PKG_VERSION"), "-")), "{name}");
        let mut sum = Command::new("sha256sum");
        sum.args(["--check", "--quiet"]).arg(format!("{name}.tar.gz.sha256")).current_dir(&folder);
        assert!(sum.status().unwrap().success(), "the checksum beside it is right");
        let unpack = Command::new("tar").arg("-xzf").arg(&tarball).arg("-C").arg(folder.path()).status().unwrap();
        assert!(unpack.success());
        let unpacked = folder.path().join(name);
        Self { folder, unpacked }
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("root")
    }

    /// The path in the root of a path on the host.
    fn at(&self, path: &str) -> PathBuf {
        self.root().join(path.trim_start_matches('/'))
    }

    fn install(&self, arguments: &[&str]) -> Output {
        Command::new(self.unpacked.join("install")).arg("--root").arg(self.root()).args(arguments).output().unwrap()
    }

    fn installed(&self, arguments: &[&str]) -> String {
        let output = self.install(arguments);
        let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {said}");
        said
    }

    /// All files and links below the root.
    fn files(&self) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        let mut folders = vec![self.root()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap()) {
                if entry.file_type().unwrap().is_dir() {
                    folders.push(entry.path());
                } else {
                    found.insert(format!("/{}", entry.path().strip_prefix(self.root()).unwrap().display()));
                }
            }
        }
        found
    }

    fn profile(&self) -> String {
        let link = fs::read_link(self.at("/etc/systemd/system/tradedog.service.d/50-profile.conf")).unwrap();
        link.file_stem().unwrap().to_str().unwrap().to_owned()
    }
}

#[test]
fn everything_is_in_its_place_and_readable() {
    let site = Site::new();
    site.installed(&[]);
    let files = site.files();
    for path in [
        "/usr/local/bin/tradedog",
        "/usr/local/lib/systemd/system/tradedog.service",
        "/usr/local/lib/sysusers.d/tradedog.conf",
        "/usr/local/lib/tmpfiles.d/tradedog.conf",
        "/usr/local/share/man/man1/tradedog.1",
        "/usr/local/share/man/man1/tradedog-check.1",
        "/usr/local/share/bash-completion/completions/tradedog",
        "/usr/local/share/zsh/site-functions/_tradedog",
        "/usr/local/share/fish/vendor_completions.d/tradedog.fish",
        "/usr/local/share/doc/tradedog/install.md",
        "/usr/local/share/doc/tradedog/LICENSE",
        "/usr/local/share/tradedog/profiles/deep.conf",
        "/etc/tradedog/watchdog.toml",
        "/etc/systemd/system/tradedog.service.d/50-profile.conf",
    ] {
        assert!(files.contains(path), "{path} is not among {files:#?}");
        let found = fs::symlink_metadata(site.at(path)).unwrap();
        assert!(found.is_symlink() || found.mode() & 0o022 == 0, "{path} {:o}", found.mode());
    }
    let unit = fs::read_to_string(site.at("/usr/local/lib/systemd/system/tradedog.service")).unwrap();
    assert!(unit.contains("ExecStart=/usr/local/bin/tradedog run") && !unit.contains("/usr/bin/tradedog"), "{unit}");
    assert!(unit.contains("Documentation=file:///usr/local/share/doc/tradedog/install.md"), "{unit}");
}

#[test]
fn it_may_be_repeated_and_the_operators_files_are_never_touched() {
    let site = Site::new();
    site.installed(&["--profile", "deep", "--cgroup"]);
    let files = site.files();
    let config = site.at("/etc/tradedog/watchdog.toml");
    fs::write(&config, "# mine\n").unwrap();
    let own = site.at("/etc/systemd/system/tradedog.service.d/90-mine.conf");
    fs::write(&own, "[Service]\n").unwrap();

    let said = site.installed(&[]);
    assert!(said.contains("kept ") && said.contains("watchdog.toml"), "{said}");
    assert_eq!(fs::read_to_string(&config).unwrap(), "# mine\n");
    assert_eq!(site.profile(), "deep", "what was chosen stays");
    let mut expected = files;
    expected.insert("/etc/systemd/system/tradedog.service.d/90-mine.conf".to_owned());
    assert_eq!(site.files(), expected);

    site.installed(&["--profile", "observe", "--no-cgroup"]);
    assert_eq!(site.profile(), "observe");
    assert!(!site.at("/etc/systemd/system/tradedog.service.d/60-cgroup.conf").is_symlink());
    assert!(own.is_file());
}

#[test]
fn what_a_version_no_longer_has_goes_with_the_upgrade() {
    let site = Site::new();
    site.installed(&[]);
    let list = site.at("/usr/local/share/tradedog/installed");
    let gone = "/usr/local/share/doc/tradedog/old.md";
    fs::write(site.at(gone), "old").unwrap();
    fs::write(&list, fs::read_to_string(&list).unwrap() + gone + "\n").unwrap();
    site.installed(&[]);
    assert!(!site.files().contains(gone));
    assert!(site.files().contains("/usr/local/bin/tradedog"));
}

#[test]
fn uninstalled_it_leaves_what_is_the_operators() {
    for prefix in ["/usr/local", "/usr", "/opt/tradedog"] {
        let site = Site::new();
        site.installed(&["--prefix", prefix, "--cgroup"]);
        let unit =
            if prefix == "/opt/tradedog" { "/etc/systemd/system" } else { &format!("{prefix}/lib/systemd/system") };
        assert!(site.at(&format!("{unit}/tradedog.service")).is_file(), "{prefix}");
        // With the script that was installed, for the tarball is long gone.
        let script = site.at(&format!("{prefix}/share/tradedog/install"));
        let remove = |arguments: &[&str]| {
            let mut command = Command::new("sh");
            command.arg(&script).args(["--uninstall", "--prefix", prefix, "--root"]).arg(site.root()).args(arguments);
            assert!(command.output().unwrap().status.success(), "{prefix}");
        };
        let saved = fs::read(&script).unwrap();
        remove(&[]);
        assert_eq!(site.files().into_iter().collect::<Vec<_>>(), ["/etc/tradedog/watchdog.toml"], "{prefix}");
        site.installed(&["--prefix", prefix]);
        assert_eq!(fs::read(&script).unwrap(), saved);
        remove(&["--purge"]);
        assert!(site.files().is_empty(), "{prefix}: {:?}", site.files());
    }
}

#[test]
fn what_cannot_be_is_said() {
    let site = Site::new();
    for (arguments, expected) in [
        (&["--profile", "all"][..], "observe, act or deep"),
        (&["--profile"], "needs a value"),
        (&["--prefix", "usr"], "absolute"),
        (&["--frobnicate"], "unknown argument"),
        (&["--uninstall"], "nothing is installed"),
    ] {
        let output = site.install(arguments);
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && said.contains(expected), "{arguments:?}: {said}");
    }
    assert!(!site.root().exists(), "nothing was begun");
    let loose = site.folder.path().join("install");
    fs::copy(site.unpacked.join("install"), &loose).unwrap();
    let output = Command::new(&loose).arg("--root").arg(site.root()).output().unwrap();
    assert!(String::from_utf8(output.stderr).unwrap().contains("is not an unpacked tarball"));
}
