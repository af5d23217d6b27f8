use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use super::*;
use crate::config::Threshold;
use crate::kernel::faulty::{Fault as Injected, Plan};
use crate::kernel::host::HostFile;
use crate::model::{Metric, Unknown};
use crate::sample::names::Names;

const START: Moment = Moment::from_secs(100);
const SECOND: Duration = Duration::from_secs(1);

/// Metrics that thresholds are about.
fn judging(bases: &[Base]) -> Config {
    let mut config = Config::default();
    config.host.metrics = bases.iter().map(|&base| Metric::plain(base)).collect();
    let threshold = |metric: usize| {
        let name = Metric::plain(bases[metric]);
        Threshold { metric, name, ladder: 0, expected: None, bounds: Default::default(), clear_hold: SECOND }
    };
    config.host.thresholds = (0..bases.len()).map(threshold).collect();
    config
}

/// The same, only to be shown.
fn showing(bases: &[Base]) -> Config {
    let mut config = judging(bases);
    config.host.thresholds.clear();
    config
}

fn pass(probe: &mut Host, now: Moment) {
    let names = &mut Names::default();
    let periods = crate::sample::pace::Periods::unhurried(&Default::default());
    probe.prepare(&mut Pass { now, members: &[], seats: &mut [], groups: &[], names, periods }).unwrap();
}

const fn column(base: Base) -> Column {
    Column { at: 0, base, peer: None, judged: true }
}

/// A host that swaps 100 pages in and 7 out with each reading of its vmstat.
fn swapping() -> HostFiles {
    let mut read = 0;
    HostFiles::saying(move |file| match file {
        HostFile::MemInfo => {
            Some("MemTotal: 100 kB\nMemAvailable: 25 kB\nSwapTotal: 50 kB\nSwapFree: 40 kB\n".to_owned())
        }
        HostFile::VmStat => {
            read += 1;
            Some(format!("pswpin {}\npswpout {}\n", 100 * read, 7 * read))
        }
        HostFile::MemoryPressure => Some("some avg10=37.50 avg60=0.00 avg300=0.00 total=1\n".to_owned()),
        HostFile::FileNr => Some("590\t0\t2466183\n".to_owned()),
    })
}

#[test]
fn each_metric_comes_from_its_file() {
    let mut probe = Host::new(&judging(&METRICS), swapping());
    pass(&mut probe, START);
    let values = |probe: &Host| METRICS.map(|base| probe.host(column(base)));
    let [memory, swap, swap_in, out, pressure, files] = values(&probe);
    assert_eq!((memory, swap, pressure, files), (Ok(0.75), Ok(0.2), Ok(0.375), Ok(590.0)));
    assert_eq!((swap_in, out), (Err(Fault::FIRST), Err(Fault::FIRST)), "one count is no rate");
    assert_eq!(Fault::FIRST.unknown, Unknown::Overdue);
    pass(&mut probe, START + SECOND);
    assert_eq!(values(&probe), [Ok(0.75), Ok(0.2), Ok(100.0), Ok(7.0), Ok(0.375), Ok(590.0)]);
}

#[test]
fn a_fresh_rate_starts_from_an_earlier_pass_and_leaves_the_passes_alone() {
    let mut probe = Host::new(&judging(&METRICS), swapping());
    assert_eq!(probe.fresh_host(START, column(Base::HostSwapIn)), Err(Fault::FIRST));
    pass(&mut probe, START);
    pass(&mut probe, START + SECOND);
    assert_eq!(probe.fresh_host(START + SECOND, column(Base::HostSwapIn)), Ok(200.0));
    assert_eq!(probe.fresh_host(START + SECOND, column(Base::HostSwapOut)), Ok(21.0));
    assert_eq!(probe.fresh_host(START + SECOND, column(Base::HostOpenFiles)), Ok(590.0));
    assert_eq!(probe.host(column(Base::HostSwapIn)), Ok(100.0), "what the pass read stays");
    pass(&mut probe, START + 2 * SECOND);
    assert_eq!(probe.host(column(Base::HostSwapIn)), Ok(300.0), "the base of the passes is theirs");
}

/// Pages a second: over the time between two readings, whatever that is.
#[test]
fn what_is_only_shown_is_read_seldom_and_rates_begin_at_once() {
    let mut probe = Host::new(&showing(&METRICS), swapping());
    let shown = |probe: &mut Host, seconds: u32| {
        let (names, periods) = (&mut Names::default(), Periods::TEST);
        let now = START + seconds * SECOND;
        let mut pass = Pass { now, members: &[], seats: &mut [], groups: &[], names, periods };
        probe.prepare(&mut pass).unwrap();
        let slow = |base| probe.slow_host(&pass, Column { judged: false, ..column(base) }).unwrap();
        METRICS.map(|base| (slow(base).value.ok().and_then(Value::number), now.since(slow(base).at).as_secs()))
    };
    let first = shown(&mut probe, 0);
    assert_eq!((first[0], first[2], first[4]), ((Some(0.75), 0), (None, 0), (Some(0.375), 0)));
    let second = shown(&mut probe, 1);
    assert_eq!((second[0], second[2], second[3]), ((Some(0.75), 1), (Some(100.0), 0), (Some(7.0), 0)));
    let mut reads = 0;
    for seconds in 2..22 {
        let rows = shown(&mut probe, seconds);
        assert!(rows.iter().all(|(value, age)| value.is_some() && *age < 10), "{rows:?}");
        let (rate, age) = rows[2];
        if age == 0 {
            reads += 1;
            assert!(rate.unwrap() <= 25.0, "100 pages in so many seconds: {rate:?}");
        }
    }
    assert_eq!(reads, 2);
}

#[test]
fn what_is_missing_is_looked_for_seldom() {
    let tries = Rc::new(Cell::new(0));
    let count = Rc::clone(&tries);
    let files = HostFiles::saying(move |_| {
        count.set(count.get() + 1);
        None
    });
    let mut probe = Host::new(&judging(&[Base::HostMemoryPressure]), files);
    for seconds in 0..30 {
        pass(&mut probe, START + seconds * SECOND);
        assert_eq!(probe.host(column(Base::HostMemoryPressure)).unwrap_err().unknown, Unknown::Denied);
    }
    assert_eq!(tries.get(), 1);
    pass(&mut probe, START + 30 * SECOND);
    assert_eq!(tries.get(), 2);
}

#[test]
fn only_files_that_somebody_asks_for_are_read() {
    for base in METRICS {
        let read = Rc::new(Cell::new(0));
        let count = Rc::clone(&read);
        let files = HostFiles::saying(move |_| {
            count.set(count.get() + 1);
            None
        });
        let mut probe = Host::new(&judging(&[base]), files);
        pass(&mut probe, START);
        assert_eq!(read.get(), 1, "{base:?}");
    }
}

#[test]
fn a_kernel_without_pressure_is_no_error_and_not_calm() {
    let mut probe = Host::new(&judging(&METRICS), HostFiles::saying(|_| None));
    pass(&mut probe, START);
    let pressure = probe.host(column(Base::HostMemoryPressure)).unwrap_err();
    assert_eq!((pressure, pressure.unknown, pressure.is_error()), (Fault::UNSUPPORTED, Unknown::Denied, false));
    let files = probe.host(column(Base::HostOpenFiles)).unwrap_err();
    assert_eq!((files.unknown, files.is_error()), (Unknown::Malformed, true));
}

/// Whatever read fails in whatever way: its own metrics are unknown, the others are as ever.
#[test]
fn a_failed_read_spoils_its_own_metrics_alone() {
    for injected in Injected::ALL {
        for nth in 0..4 {
            let plan = Plan::new(injected, nth);
            let mut probe = Host::new(&judging(&METRICS), HostFiles::faulty(&plan));
            pass(&mut probe, START);
            assert!(plan.struck());
            let known = |base| probe.host(column(base)).is_ok();
            let [memory, pressure, files] =
                [Base::HostMemoryUsed, Base::HostMemoryPressure, Base::HostOpenFiles].map(known);
            let has_pressure = HostFiles::new().memory_pressure() != Ok(None);
            assert_eq!((memory, pressure, files), (nth != 0, nth != 1 && has_pressure, nth != 2), "{injected:?} {nth}");
            assert_eq!(known(Base::HostSwapUsed), memory);
            pass(&mut probe, START + SECOND);
            // A failed count is no base for a rate.
            assert_eq!(probe.host(column(Base::HostSwapIn)).is_ok(), nth != 3, "{injected:?} {nth}");
            // What was denied is tried again after a while.
            pass(&mut probe, START + 31 * SECOND);
            pass(&mut probe, START + 32 * SECOND);
            for base in METRICS {
                let known = probe.host(column(base)).is_ok();
                assert_eq!(known, has_pressure || base != Base::HostMemoryPressure, "{base:?} afterwards");
            }
        }
    }
}
