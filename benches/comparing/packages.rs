//! The programs of other people: from the path, or out of Debian's packages, unpacked below target/tools
//! so that no service is installed or started.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Where `program` is, or why there is none.
pub(crate) fn program(package: &str, program: &str) -> Result<PathBuf, String> {
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools/peers");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let installed = std::env::split_paths(&path).chain([tools.join("usr/bin")]).map(|folder| folder.join(program));
    if let Some(found) = installed.into_iter().find(|path| path.is_file()) {
        return Ok(found);
    }
    fetch(package, &tools)?;
    let found = tools.join("usr/bin").join(program);
    if found.is_file() { Ok(found) } else { Err(format!("the package {package} has no {program}")) }
}

fn fetch(package: &str, tools: &Path) -> Result<(), String> {
    println!("fetching Debian's package {package}");
    std::fs::create_dir_all(tools).map_err(|error| format!("cannot make {}: {error}", tools.display()))?;
    let script = "(apt-get download -qq \"$1\" || { apt-get update -qq && apt-get download -qq \"$1\"; }) && \
        dpkg-deb -x \"$1\"_*.deb . && rm \"$1\"_*.deb";
    let output = Command::new("sh").args(["-c", script, "fetch", package]).current_dir(tools).output();
    match output {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            Err(format!("Debian's package {package} could not be fetched: {said}"))
        }
        Err(error) => Err(format!("there is no shell: {error}")),
    }
}

/// A running one, ended with this value.
pub(crate) struct Running(Child);

impl Running {
    pub(crate) fn start(command: &mut Command) -> Result<Self, String> {
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        child.map(Self).map_err(|error| format!("it cannot be started: {error}"))
    }

    pub(crate) fn pid(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both have nothing to finish.
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}
