//! Every line of the table in `docs/privileges.md`, under every set of capabilities that it has a
//! column for: what it calls possible is done, and what it calls impossible is refused and said.
//!
//! The daemon is one user, the process another. A line that the tests do not know, a metric that has
//! no line, and a cell that lies fail.

mod check;
mod measures;
mod readings;
mod table;

use std::process::{Command, Output};

use tempfile::TempDir;

use super::support::{BINARY, NOBODY, has, is_root, output};

/// Who owns the processes that are watched: neither root nor the daemon.
const OWNER: u32 = 64_002;

/// The columns: their heads, and the capabilities as `setpriv` names them.
const SETS: [(&str, &str); 7] = [
    ("observe", ""),
    ("act", "kill"),
    ("PTRACE", "sys_ptrace"),
    ("READ", "dac_read_search"),
    ("PTRACE, READ", "sys_ptrace,dac_read_search"),
    ("deep", "kill,sys_ptrace,dac_read_search"),
    ("act, cgroup", "kill,dac_override"),
];

/// Whether there can be other users and sets of capabilities here.
fn may_try() -> bool {
    is_root() && has("setpriv")
}

/// `tradedog`, where everybody may execute it, with a configuration.
struct Stage(TempDir);

impl Stage {
    fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("privileges").tempdir().unwrap();
        std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        std::fs::copy(BINARY, folder.path().join("tradedog")).unwrap();
        Self(folder)
    }

    /// Writes the configuration; its path.
    fn write(&self, told: &str) -> String {
        let file = self.0.path().join("watchdog.toml");
        std::fs::write(&file, told).unwrap();
        file.to_str().unwrap().to_owned()
    }

    /// Runs it with those capabilities, on that configuration.
    fn run(&self, capabilities: &str, (subcommand, told): (&[&str], &str)) -> Output {
        let file = self.write(told);
        let given: Vec<String> =
            capabilities.split(',').filter(|name| !name.is_empty()).map(|name| format!(",+{name}")).collect();
        let id = NOBODY.to_string();
        let mut command = Command::new("setpriv");
        command.args(["--reuid", &id, "--regid", &id, "--clear-groups"]);
        for set in ["bounding-set", "inh-caps", "ambient-caps"] {
            command.arg(format!("--{set}=-all{}", given.concat()));
        }
        command.arg(self.0.path().join("tradedog")).args(subcommand).arg("--config").arg(&file);
        output(command.env("NO_COLOR", "1"))
    }
}
