//! What tradedog costs beside the least that the kernel can charge, and beside what Debian packages for
//! the same purpose cost: real processes, descriptors and sockets, all measured in one run.
//!
//! What belongs here: bringing up the workload, measuring, telling. `figures`, `table`, `chart` and
//! `document` are pure, and tested in `tests/comparing.rs`. `benches/compare --help` says how to call it,
//! `docs/cost.md` what is measured and how.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a program of its own that starts processes, waits, prints, and fails by panicking"
)]

mod chart;
mod child;
mod cpu;
mod daemon;
mod document;
mod exporter;
mod figures;
mod floor;
mod monit;
mod options;
mod packages;
mod run;
mod table;
mod traffic;
mod web;
mod workload;

use std::path::Path;
use std::process::ExitCode;

use clap::Parser;

use figures::Report;
use options::Options;

fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some(child::ARGUMENT) {
        child::run(std::env::args().skip(2));
        return ExitCode::SUCCESS;
    }
    let options = Options::parse();
    tradedog::kernel::raise_fd_limit();
    let report = run::all(&options);
    tell(&report);
    deliver(&options, &report);
    if options.assert && report.is_missed() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn tell(report: &Report) {
    println!("\n{}\n\n{}\n{}\n{}", report.place, table::costs(report), table::growth(report), table::bars(report));
    for one in &report.measured {
        for (who, result) in [("process-exporter", &one.exporter), ("monit", &one.monit)] {
            if let Err(why) = result {
                println!("{who} at {}: {why}", one.size.name);
            }
        }
    }
}

/// To the files that were asked for.
fn deliver(options: &Options, report: &Report) {
    if let Some(path) = &options.svg {
        save(path, chart::svg(report));
    }
    if let Some(path) = &options.markdown {
        save(path, format!("{}\n{}", table::costs(report), table::bars(report)));
    }
    if options.write {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        save(&root.join("docs/cost.svg"), chart::svg(report));
        put_into(&root.join("README.md"), ("cost", &format!("{}\n{}", table::costs(report), table::verdict(report))));
        let bars = table::bars(report);
        let measured =
            format!("{}.\n\n{bars}\nWhat grows, in milliseconds a pass:\n\n{}", report.place, table::growth(report));
        put_into(&root.join("docs/cost.md"), ("bars", &measured));
    }
}

fn put_into(path: &Path, table: (&str, &str)) {
    let text = std::fs::read_to_string(path).unwrap();
    let text = document::with_table(&text, table);
    save(path, text.unwrap_or_else(|| panic!("{} has no place for the table", path.display())));
}

fn save(path: &Path, text: String) {
    std::fs::write(path, text).unwrap_or_else(|error| panic!("cannot write {}: {error}", path.display()));
    println!("written: {}", path.display());
}
