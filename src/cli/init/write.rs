//! The file: what was seen, what it suggests, and why. Pure.
//!
//! Lines that begin with `# ` are read, lines that begin with a bare `#` are there to be uncommented;
//! all of them together are a configuration that can be used, with or without.

use std::fmt::Write as _;
use std::time::Duration;

use super::bounds::{self, Cell, FDS, MEMORY, THREADS};
use super::ladder::Ladder;
use super::look::{Seen, whom};
use super::text::shown;
use crate::cli::unit::ToldBy;
use crate::config::units::{self, Duration as Written};
use crate::model::{Base, Level, Unit};
use crate::record::show_duration;

/// Column of the comments behind values.
const COMMENT: usize = 43;

/// Readings of a process that started so lately are those of a start.
const YOUNG: Duration = Duration::from_secs(600);

/// A row of thresholds that is a table of its own.
struct Row {
    base: Base,
    lead: String,
    cells: Vec<Cell>,
}

/// The whole file.
pub(super) fn document(seen: &Seen, version: &str) -> String {
    let mut out = String::new();
    head(seen, version, &mut out);
    out.push_str("\n[daemon]\n");
    line(&mut out, "dry_run = true", "what would be done is told, not done; set to false when you trust it");
    peers(seen, &mut out);
    target(seen, &mut out);
    let levels = thresholds(seen, &mut out);
    let ladder = Ladder::new(seen, &levels);
    ladder.write(&mut out);
    out
}

fn line(out: &mut String, code: &str, comment: &str) {
    let _ = writeln!(out, "{code:<COMMENT$} # {comment}");
}

/// Sentences in comments, broken between words.
fn remark(out: &mut String, text: &str) {
    let mut line = String::from("#");
    for word in text.split_whitespace() {
        if line.chars().count() + 1 + word.chars().count() > 110 && line.len() > 1 {
            let _ = writeln!(out, "{line}");
            line = String::from("#");
        }
        let _ = write!(line, " {word}");
    }
    let _ = writeln!(out, "{line}");
}

fn head(seen: &Seen, version: &str, out: &mut String) {
    let age = show_duration(seen.age);
    remark(out, &format!("Written by tradedog init {version} for {}, up for {age}.", whom(seen)));
    remark(
        out,
        "Bounds are what its readings of one moment suggest: correct them after a busy day. tradedog check tells \
         whether the file is right, tradedog explain WORD what a word means. Nobody but its owner may be able to write \
         it: chmod go-w.",
    );
    if seen.age < YOUNG {
        remark(out, "It has not been running for long: what is normal shows after a busy hour. Write it anew then.");
    }
    match &seen.unit {
        Some(Ok(unit)) => match &unit.told_by {
            ToldBy::Systemd => remark(out, &format!("Its unit was asked of systemd: {}.", shown(&unit.name))),
            ToldBy::Files(files) => {
                let file = files.first().map(|file| shown(&file.to_string_lossy())).unwrap_or_default();
                remark(out, &format!("systemd does not run here; its unit was read from {file}."));
            }
        },
        Some(Err(why)) => remark(out, &format!("Not seen: who starts it again. {}.", shown(why))),
        None => remark(out, "Not seen: a unit of systemd. Whether somebody starts it again after a kill is not known."),
    }
    for ((why, remedy), metrics) in &seen.dark {
        let remedy = if remedy.is_empty() { String::new() } else { format!("; {}", remedy.trim_end_matches('.')) };
        let end = if remedy.ends_with('?') { "" } else { "." };
        remark(out, &format!("Not seen ({why}): {}{remedy}{end}", metrics.join(", ")));
    }
    if !seen.network.listens.is_empty() {
        let ports: Vec<String> = seen.network.listens.iter().map(ToString::to_string).collect();
        remark(out, &format!("It listens on port {}.", ports.join(", ")));
    }
}

fn peers(seen: &Seen, out: &mut String) {
    let network = &seen.network;
    if network.peers.is_empty() && network.listens.is_empty() {
        return;
    }
    out.push_str(
        "\n# Whom its sockets belong to. The names are guesses from the port: give them those that you use.\n",
    );
    let hash = if network.peers.is_empty() { "#" } else { "" };
    let _ = writeln!(out, "{hash}[peers]");
    for peer in &network.peers {
        let code = format!("{} = \"{}\"", peer.name, peer.pattern);
        line(out, &code, &format!("{} sockets now, {} of them in CLOSE_WAIT", peer.sockets, peer.close_wait));
    }
    if network.more > 0 {
        remark(out, &format!("... and {} more with fewer sockets.", network.more));
    }
    if let Some(port) = network.listens.first() {
        line(out, &format!("#clients = {{ local = \"*:{port}\" }}"), "connections that others make to it");
    }
}

fn target(seen: &Seen, out: &mut String) {
    let _ = writeln!(out, "\n[target.{}]", seen.name);
    let anchor =
        if seen.anchored { "which processes" } else { "a kill or a freeze would need unit, user or pidfile too" };
    line(out, &format!("match = {}", seen.matching), anchor);
    if seen.count == 1 {
        line(out, "expect = { min = 1, max = 1 }", "how many there should be: shown and alerted on");
    } else {
        line(out, &format!("#expect = {{ min = {0}, max = {0} }}", seen.count), "how many there are now");
    }
    line(out, "#startup_grace = \"2m\"", "no order sooner after its start: as long as it warms up");
    if let Some((max, per)) = Ladder::new(seen, &Level::ABOVE_NORMAL).kill_budget() {
        let code = format!("kill_budget = {{ max = {max}, per = \"{}\" }}", Written(per));
        line(out, &code, "fewer than systemd starts again (StartLimitBurst=)");
    }
}

/// Gives the levels that the default ladder can come to.
fn thresholds(seen: &Seen, out: &mut String) -> Vec<Level> {
    let rows = rows(seen);
    let _ = writeln!(out, "\n[target.{}.thresholds]", seen.name);
    let waiting = |now: f64| (now * 3.0).max(10.0).floor();
    let mut levels = Vec::new();
    let mut single = |name: &str, bound: String, hold: &str, now: String| {
        line(out, &format!("{name} = {{ elevated = {bound}, hold = \"{hold}\" }}"), &format!("{now} now"));
        levels.push(Level::Elevated);
    };
    if let Some(now) = seen.now(Base::CloseWait) {
        single("close_wait", format!("{}", waiting(now)), "10s", format!("{now}"));
        for peer in &seen.network.peers {
            let bound = format!("{}", waiting(peer.close_wait));
            single(&format!("\"close_wait.{}\"", peer.name), bound, "10s", format!("{}", peer.close_wait));
        }
    }
    if let Some(now) = seen.now(Base::Swap) {
        let bound = (now * 2.0).max(64.0 * 1024.0 * 1024.0);
        let bound = bounds::written((bound / 1_048_576.0).ceil() * 1_048_576.0, Unit::Bytes);
        single("swap", bound, "1m", units::show(now, Unit::Bytes));
    }
    usage(seen, out, &mut levels);
    for row in rows.iter().filter(|row| !row.cells.is_empty()) {
        table(seen, row, out);
        levels.extend(row.cells.iter().filter_map(|cell| level(cell.key)));
    }
    levels.sort_unstable();
    levels.dedup();
    levels
}

fn level(key: &str) -> Option<Level> {
    Level::ABOVE_NORMAL.into_iter().find(|level| level.name() == key)
}

/// The share of a cgroup's memory limit, where there is one and it is far enough away.
fn usage(seen: &Seen, out: &mut String, levels: &mut Vec<Level>) {
    let (Some(limit), Some(now)) = (seen.now(Base::CgroupMemoryLimit), seen.now(Base::CgroupMemoryUsage)) else {
        return;
    };
    if !limit.is_finite() || now >= 0.6 {
        return;
    }
    let code = "cgroup_memory_usage = { elevated = \"70%\", warning = \"80%\", critical = \"90%\", hold = \"30s\" }";
    let comment = format!("{} of {} now", units::show(now, Unit::Ratio), units::show(limit, Unit::Bytes));
    line(out, code, &comment);
    levels.extend([Level::Elevated, Level::Warning, Level::Critical]);
}

fn rows(seen: &Seen) -> Vec<Row> {
    let mut rows = Vec::new();
    if let Some(now) = seen.now(Base::OpenFds) {
        let limit = seen.now(Base::MaxFds).filter(|limit| limit.is_finite());
        let (ceiling, is_limit) = bounds::ceiling(now, limit, (1024.0, 12.0));
        let lead = match limit {
            Some(limit) if is_limit => format!("{now} now, limit {limit}: past it accept(), open() and the log fail"),
            Some(limit) => {
                format!("{now} now; the limit of {limit} is far away, so the bounds are shares of {ceiling}")
            }
            None => format!("{now} now; its limit is not known, so the bounds are shares of {ceiling}"),
        };
        rows.push(Row { base: Base::OpenFds, lead, cells: bounds::row(&FDS, now, Some(ceiling)) });
    }
    if let Some(now) = seen.now(Base::Rss) {
        let (ceiling, is_all) = bounds::ceiling(now, seen.memory, (500e6, 5.0));
        let of = if is_all { "the memory of the host" } else { "an assumption, for want of a nearer limit" };
        let (at, top) = (units::show(now, Unit::Bytes), units::show(ceiling, Unit::Bytes));
        let lead = format!("{at} now; ceiling {top}: {of}");
        rows.push(Row { base: Base::Rss, lead, cells: bounds::row(&MEMORY, now, Some(ceiling)) });
    }
    if let Some(now) = seen.now(Base::Threads) {
        rows.push(Row { base: Base::Threads, lead: format!("{now} now"), cells: bounds::row(&THREADS, now, None) });
    }
    rows
}

fn table(seen: &Seen, row: &Row, out: &mut String) {
    let info = row.base.info();
    let _ = writeln!(out, "\n[target.{}.thresholds.{}] # {}", seen.name, info.name, row.lead);
    for cell in &row.cells {
        let value = bounds::written(cell.value, info.unit);
        let value = if cell.key == "fatal" { format!("{{ at = {value}, hold = \"3s\" }}") } else { value };
        line(out, &format!("{:<8} = {value}", cell.key), &cell.why);
    }
    if info.unit == Unit::Bytes {
        line(out, "hold     = \"30s\"", "every reading for so long");
    }
}
