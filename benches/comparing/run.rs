//! The measurements, one after the other.

use std::time::Duration;

use super::daemon::Daemon;
use super::figures::{Growth, Measured, Report, Size};
use super::floor::Floor;
use super::options::Options;
use super::traffic::Traffic;
use super::workload::Workload;
use super::{exporter, monit};

/// Scrapes whose processor time is averaged.
const SCRAPES: u32 = 50;
/// The peers are measured that many seconds, at most.
const PEER_SECONDS: u32 = 10;
/// tradedog reads nothing more when there are more bystanders; a tenth is noise.
const NOISE: f64 = 1.1;
/// A window in seconds: a rescan of all processes is in each.
const WINDOW: u32 = 30;

pub(crate) fn all(options: &Options) -> Report {
    let measured: Vec<Measured> = options.sizes().iter().map(|size| one(size, options)).collect();
    let growth = if options.asks_for("growth") { growth(options) } else { Vec::new() };
    Report { place: place(), measured, growth }
}

/// One workload: the floor, the daemon beside it, then the others.
fn one(size: &Size, options: &Options) -> Measured {
    say(size);
    let workload = Workload::up(size);
    let pids = workload.targets();
    let (mut floor, hot) = floor(&pids, size);
    let daemon = Daemon::start(&Workload::comm(), size, options.seconds);
    let begun = started();
    let (still, per_pass) = side_by_side(&mut floor, &daemon, options.seconds);
    let others = (started() - begun) / f64::from(options.seconds);
    let tradedog = daemon.cost(per_pass);
    let traffic = Traffic::start();
    let (bare, daemons) = side_by_side(&mut floor, &daemon, options.seconds);
    drop(traffic);
    // Scrapes are segments, too: the passes meanwhile are those of a busy host.
    let scrape = daemon.scrape(SCRAPES, daemons);
    drop(daemon);
    let (exporter, monit) = peers(&pids, options);
    let busy = [bare, daemons];
    Measured { size: size.clone(), others, floor: still, hot, tradedog, busy, scrape, exporter, monit }
}

/// A floor that counts all that is there.
fn floor(pids: &[u32], size: &Size) -> (Floor, Duration) {
    let mut floor = Floor::over(pids);
    let hot = floor.hot();
    let there = (u64::from(size.processes) * u64::from(size.fds), size.close_wait);
    assert_eq!(floor.counted(), there, "descriptors and sockets in CLOSE_WAIT that the floor counts");
    (floor, hot)
}

/// What a pass costs the floor and the daemon, who take turns every half second: of all windows each
/// one's median. Within a window the average counts, for what is done seldom is done all the same.
fn side_by_side(floor: &mut Floor, daemon: &Daemon, seconds: u32) -> Pair {
    let phase = daemon.between_passes();
    floor.paced(1, phase);
    let missed = daemon.missed_passes();
    floor.paced(1, phase);
    let (windows, passes) = windows(seconds);
    let mut window = || {
        let before = daemon.cpu();
        let bare = floor.paced(passes, phase);
        (bare, (daemon.cpu() - before) / passes)
    };
    let (bare, daemons) = (0..windows).map(|_| window()).unzip();
    let missed = daemon.missed_passes() - missed;
    assert!(missed < 0.05 * f64::from(seconds), "the machine is too busy: {missed} of {seconds} passes were missed");
    (median(bare), median(daemons))
}

/// How many, and how many passes are in each.
fn windows(seconds: u32) -> (u32, u32) {
    let windows = (seconds / WINDOW).max(1);
    (windows, seconds / windows)
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

type Peer = Result<super::figures::Cost, String>;

fn peers(pids: &[u32], options: &Options) -> (Peer, Peer) {
    if options.no_peers {
        return (Err("not asked for".to_owned()), Err("not asked for".to_owned()));
    }
    let seconds = options.seconds.min(PEER_SECONDS);
    let exporter = exporter::measure(&Workload::comm(), u32::try_from(pids.len()).unwrap(), seconds);
    let monit = if pids.len() > monit::MANY && !options.slow_peers {
        Err("skipped: its first cycle takes minutes (--slow-peers)".to_owned())
    } else {
        monit::measure(pids, seconds)
    };
    (exporter, monit)
}

/// With what should not matter, descriptors in a target and processes beside it, and with what should
/// matter as much as there is of it: targets. The first take turns, a window each, for a host whose pace
/// changes meanwhile would else pass for growth.
fn growth(options: &Options) -> Vec<Growth> {
    let few = Size::new("growth", (10, 100), (100, 50, 0));
    let descriptors = Size { fds: 10_000, ..few.clone() };
    let bystanders = Size { bystanders: 1_000, ..few.clone() };
    let targets = Size { processes: 100, ..few.clone() };
    let more_targets = Size { processes: 1_000, ..few.clone() };
    let [few, descriptors, bystanders] = by_turns(&[few, descriptors, bystanders], options.seconds);
    let [targets, more_targets] = [targets, more_targets].map(|size| bare(&size, options.seconds));
    let of = |of, (before, after): (Pair, Pair), (times, bar)| {
        let (floor, tradedog) = ([before.0, after.0], [before.1, after.1]);
        Growth { of, tradedog, floor, times, bar }
    };
    vec![
        of("CPU per pass, descriptors per target 100 to 10,000", (few, descriptors), (1.0, 1.3)),
        of("CPU per pass, bystanders none to 1,000", (few, bystanders), (1.0, NOISE)),
        of("CPU per pass and target, targets 100 to 1,000", (targets, more_targets), (10.0, NOISE)),
    ]
}

fn by_turns<const MANY: usize>(sizes: &[Size; MANY], seconds: u32) -> [Pair; MANY] {
    let (rounds, seconds) = windows(seconds);
    let rounds: Vec<[Pair; MANY]> = (0..rounds).map(|_| sizes.each_ref().map(|size| bare(size, seconds))).collect();
    std::array::from_fn(|size| {
        let (bare, daemons) = rounds.iter().map(|round| round[size]).unzip();
        (median(bare), median(daemons))
    })
}

/// What a pass costs the floor, and what it costs the daemon.
type Pair = (Duration, Duration);

fn bare(size: &Size, seconds: u32) -> Pair {
    say(size);
    let workload = Workload::up(size);
    let (mut floor, _) = floor(&workload.targets(), size);
    let daemon = Daemon::start(&Workload::comm(), size, seconds);
    // The first rescan lists whoever was started since the daemon was, its own threads too: that is none of a steady pass.
    std::thread::sleep(Duration::from_secs(WINDOW.min(seconds).into()));
    side_by_side(&mut floor, &daemon, seconds)
}

fn say(size: &Size) {
    let Size { name, processes, fds, established, close_wait, bystanders } = size;
    println!(
        "{name}: {processes} processes x {fds} descriptors, {established} sockets established, \
         {close_wait} in CLOSE_WAIT, {bystanders} bystanders"
    );
}

/// Processes and threads that have been started since the host was, by anybody: the daemon hears of each.
fn started() -> f64 {
    let text = std::fs::read_to_string("/proc/stat").unwrap();
    text.lines().find_map(|line| line.strip_prefix("processes ")).unwrap().parse().unwrap()
}

fn place() -> String {
    let date = std::process::Command::new("date").args(["-u", "-I"]).output().unwrap().stdout;
    let date = String::from_utf8(date).unwrap();
    let kernel = rustix::system::uname();
    let release = kernel.release().to_string_lossy();
    let kernel = release.split('-').next().unwrap();
    let processors = std::thread::available_parallelism().unwrap();
    format!("{}, Linux {kernel}, {processors} processors", date.trim())
}
