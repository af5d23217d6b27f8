//! Asking the running systemd: `systemctl show`, bounded in time and in size.
#![expect(clippy::disallowed_methods, reason = "a command that an operator runs asks systemd by its own client")]

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// Longer than a systemd that is busy takes, shorter than an operator waits.
const PATIENCE: Duration = Duration::from_secs(5);

/// Largest answer: a unit has some 300 properties.
const MOST_BYTES: u64 = 1 << 20;

/// As sd_booted(3) tells.
pub(super) fn is_running() -> bool {
    Path::new("/run/systemd/system").is_dir()
}

/// All properties of a unit.
///
/// # Errors
/// A clause that says why there is no answer.
pub(super) fn show(unit: &str) -> Result<String, String> {
    let mut command = Command::new("systemctl");
    command.args(["show", "--no-pager", "--", unit]).env("LC_ALL", "C").env("SYSTEMD_COLORS", "0");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().map_err(|error| format!("systemctl could not be started: {error}"))?;
    let Some(answers) = child.stdout.take() else { return Err("systemctl has no output".to_owned()) };
    let (send, answer) = mpsc::channel();
    thread::spawn(move || {
        let mut text = String::new();
        let read = answers.take(MOST_BYTES).read_to_string(&mut text);
        // Nobody waits any more when the time is over.
        let _ = send.send(read.map(|_| text));
    });
    let answer = answer.recv_timeout(PATIENCE);
    if answer.is_err() {
        // One that has ended meanwhile is only reaped.
        let _ = child.kill();
    }
    let status = child.wait().map_err(|error| format!("systemctl was lost: {error}"))?;
    match answer {
        Ok(Ok(text)) if status.success() => Ok(text),
        Ok(Ok(_)) => Err(format!("systemctl show ended with {status}")),
        Ok(Err(error)) => Err(format!("systemctl show cannot be read: {error}")),
        Err(_) => Err(format!("systemctl show gave no answer within {} s", PATIENCE.as_secs())),
    }
}

/// `NAME=VALUE`, a line each.
pub(super) fn properties(answer: &str) -> BTreeMap<String, String> {
    let pairs = answer.lines().filter_map(|line| line.split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}
