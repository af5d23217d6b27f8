//! prometheus-process-exporter, as lean as its options make it: descriptors and memory of each target
//! at each scrape, no threads, no smaps. It reads no sockets.

use std::process::Command;
use std::time::{Duration, Instant};

use super::figures::Cost;
use super::packages::{self, Running};
use super::{cpu, web};

const PATIENCE: Duration = Duration::from_secs(30);

/// What a scrape costs, on average over `scrapes`, one a second.
pub(crate) fn measure(comm: &str, processes: u32, scrapes: u32) -> Result<Cost, String> {
    let program = packages::program("prometheus-process-exporter", "prometheus-process-exporter")?;
    let (folder, port) = (tempfile::tempdir().unwrap(), web::free_port());
    let file = folder.path().join("config.yml");
    // One group a process, for that is what tradedog shows.
    let config = format!("process_names:\n  - name: \"{{{{.Comm}}}}:{{{{.PID}}}}\"\n    comm:\n      - {comm}\n");
    std::fs::write(&file, config).unwrap();
    let mut command = Command::new(program);
    command.args(["-threads=false", "-gather-smaps=false", "-config.path"]).arg(&file);
    let running = Running::start(command.arg(format!("-web.listen-address=127.0.0.1:{port}")))?;
    await_targets(port, processes)?;
    let before = cpu::of_process(running.pid());
    for _ in 0..scrapes {
        let begun = Instant::now();
        assert!(!web::metrics(port).is_empty(), "a scrape failed");
        std::thread::sleep(Duration::from_secs(1).saturating_sub(begun.elapsed()));
    }
    let per_pass = (cpu::of_process(running.pid()) - before) / scrapes;
    let (resident, anonymous) = cpu::memory(running.pid());
    Ok(Cost { per_pass, resident, anonymous })
}

fn await_targets(port: u16, processes: u32) -> Result<(), String> {
    let begun = Instant::now();
    let mut seen = 0.0;
    while begun.elapsed() < PATIENCE {
        seen = web::sum(&web::metrics(port), ("namedprocess_namegroup_num_procs", ""));
        if seen == f64::from(processes) {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    Err(format!("it sees {seen} of {processes} processes"))
}
