//! monit: one check a target with bounds for memory and descriptors, by pid file, which is its cheapest
//! way; a cycle, then a second of sleep. It reads no sockets.

use std::fmt::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use super::cpu;
use super::figures::Cost;
use super::packages::{self, Running};

/// Beyond so many processes its first cycle takes minutes.
pub(crate) const MANY: usize = 300;
/// Cycles at the start cost more; it is measured when two stretches of this length differ by less than a fifth.
const STRETCH: Duration = Duration::from_secs(4);

/// What a cycle costs, on average over so many seconds.
pub(crate) fn measure(pids: &[u32], seconds: u32) -> Result<Cost, String> {
    let program = packages::program("monit", "monit")?;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("monitrc");
    std::fs::write(&file, configuration(pids, folder.path())).unwrap();
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
    let running = Running::start(Command::new(program).arg("-I").arg("-c").arg(&file))?;
    settle(&running, pids.len())?;
    let share = share(&running, Duration::from_secs(seconds.into()));
    // What it uses in the time of a cycle, which is its own time and the second that it sleeps.
    let per_pass = Duration::from_secs_f64(share / (1.0 - share));
    let (resident, anonymous) = cpu::memory(running.pid());
    Ok(Cost { per_pass, resident, anonymous })
}

fn configuration(pids: &[u32], folder: &Path) -> String {
    let path = folder.display();
    let mut text = format!("set daemon 1\nset pidfile {path}/pid\nset idfile {path}/id\nset statefile {path}/state\n");
    for (number, pid) in pids.iter().enumerate() {
        std::fs::write(folder.join(format!("{number}.pid")), format!("{pid}\n")).unwrap();
        let check = format!("check process target{number} with pidfile {path}/{number}.pid\n");
        let bounds = "  if total memory > 90 GB then alert\n  if filedescriptors > 100000 then alert\n";
        write!(text, "{check}{bounds}").unwrap();
    }
    text
}

fn settle(running: &Running, processes: usize) -> Result<(), String> {
    let patience = Duration::from_secs(if processes > MANY { 900 } else { 60 });
    let (begun, mut last) = (Instant::now(), f64::INFINITY);
    while begun.elapsed() < patience {
        let now = share(running, STRETCH);
        if (now - last).abs() < now / 5.0 && now < 0.9 {
            return Ok(());
        }
        last = now;
    }
    Err(format!("its cycles have not become even in {} s", patience.as_secs()))
}

/// Of one processor.
fn share(running: &Running, during: Duration) -> f64 {
    let (begun, before) = (Instant::now(), cpu::of_process(running.pid()));
    std::thread::sleep(during);
    (cpu::of_process(running.pid()) - before).as_secs_f64() / begun.elapsed().as_secs_f64()
}
