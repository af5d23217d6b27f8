//! How sure a forecast is: the table of docs/forecast.md, worked out anew.

use std::fmt::Write as _;
use std::path::Path;

use super::shapes::{Case, Dice, calms, leaks};
use super::{SECOND, START, row};
use crate::judge::forecast::Series;
use crate::model::{Reading, Value};

/// All of the series end here.
const FATAL: f64 = 900.0;
/// Leaks are followed so long at most, in seconds.
const LONGEST: u32 = 8 * 3600;
/// What is calm is looked at for so long.
const CALM: u32 = 4 * 3600;
/// A forecast that is nearer than this is an alarm.
const ALARM: f64 = 1200.0;

/// One series, with what was foretold at each second.
struct Told {
    /// When it came to the bound first; of a calm series the end.
    crossed: u32,
    left: Vec<Option<f64>>,
}

fn told(case: &Case) -> Told {
    let mut dice = Dice::new(7);
    let mut series = Series::new(SECOND * 1800);
    let mut left = Vec::new();
    for second in 0..if case.begins.is_some() { LONGEST } else { CALM } {
        let (now, value) = (START + SECOND * second, (case.shape)(f64::from(second), &mut dice));
        if value >= FATAL {
            break;
        }
        series.observe(&row(FATAL), &[Reading { at: now, period: SECOND, value: Value::Known(value) }], now);
        left.push(series.view().time_left.number());
    }
    Told { crossed: u32::try_from(left.len()).unwrap(), left }
}

/// A leak at some share of its way.
struct Look {
    truth: f64,
    left: Option<f64>,
}

impl Told {
    fn at(&self, case: &Case, share: f64) -> Look {
        let begins = f64::from(case.begins.unwrap_or(0));
        let at = (f64::from(self.crossed) - begins).mul_add(share, begins).floor();
        let index = self.left.iter().zip(0_u32..).find(|(_, second)| f64::from(*second) >= at);
        Look { truth: f64::from(self.crossed) - at, left: index.and_then(|(left, _)| *left) }
    }
}

impl Look {
    fn error(&self) -> Option<f64> {
        self.left.filter(|left| left.is_finite()).map(|left| (left - self.truth) / self.truth)
    }

    /// `27m, +3%`
    fn text(&self) -> String {
        match (self.left, self.error()) {
            (Some(left), Some(error)) => format!("{:.0} | {:+.0}%", left / 60.0, error * 100.0 + 0.0),
            (Some(_), None) => "never | ".to_owned(),
            (None, _) => "unknown | ".to_owned(),
        }
    }
}

/// With what was told of them.
fn all(cases: Vec<Case>) -> Vec<(Case, Told)> {
    let with_told = |case: Case| {
        let told = told(&case);
        (case, told)
    };
    cases.into_iter().map(with_told).collect()
}

fn table(leaks: &[(Case, Told)], calms: &[(Case, Told)]) -> String {
    let mut text = String::from(
        "| leak | reaches 900 after | true at 50 % | foretold | error | true at 80 % | foretold | error |\n\
         |---|---|---|---|---|---|---|---|\n",
    );
    for (case, told) in leaks {
        let (half, late) = (told.at(case, 0.5), told.at(case, 0.8));
        let (crossed, name) = (told.crossed / 60, case.name);
        let truth = [half.truth, late.truth].map(|truth| truth / 60.0);
        let line = format!("{:.0} | {} | {:.0} | {}", truth[0], half.text(), truth[1], late.text());
        writeln!(text, "| {name} | {crossed} | {line} |").unwrap();
    }
    text.push_str("\n| calm series, 4 h | least time left | never, of the time that it was known | below 20 min |\n|---|---|---|---|\n");
    for (case, told) in calms {
        let known: Vec<f64> = told.left.iter().flatten().copied().collect();
        let least = known.iter().copied().fold(f64::INFINITY, f64::min);
        let least = if least.is_finite() { format!("{:.1} h", least / 3600.0) } else { "never".to_owned() };
        let percent = |count: usize| count * 100 / known.len().max(1);
        let never = percent(known.iter().filter(|left| left.is_infinite()).count());
        let alarms = known.iter().filter(|left| **left < ALARM).count();
        writeln!(text, "| {} | {least} | {never} % | {alarms} s |", case.name).unwrap();
    }
    text
}

/// Half way the time left is right within a fifth.
fn check_leak((case, told): &(Case, Told)) {
    let sure = ["linear", "sawtooth", "late"].iter().any(|kind| case.name.starts_with(kind));
    let error = told.at(case, 0.5).error();
    assert!(!sure || error.is_some_and(|error| error.abs() <= 0.2), "{}: {error:?}", case.name);
}

/// What is calm never seems to end within twenty minutes.
fn check_calm((case, told): &(Case, Told)) {
    assert_eq!(told.crossed, CALM, "{} is not calm", case.name);
    let alarm = (0_u32..).zip(&told.left).find(|(_, left)| left.is_some_and(|left| left < ALARM));
    assert_eq!(alarm, None, "{}", case.name);
}

/// Written anew by `tests/run --bless`, as the other golden files.
#[test]
#[expect(clippy::disallowed_methods, reason = "the document is held against the code")]
fn the_table_of_the_document_is_this_one_and_as_good_as_it_must_be() {
    const BEGIN: &str = "<!-- table -->\n";
    const END: &str = "<!-- end of table -->";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/forecast.md");
    let document = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = document.split_once(BEGIN).unwrap();
    let (written, after) = rest.split_once(END).unwrap();
    let (leaks, calms) = (all(leaks()), all(calms()));
    leaks.iter().for_each(check_leak);
    calms.iter().for_each(check_calm);
    let table = table(&leaks, &calms);
    if std::env::var_os("INSTA_UPDATE").is_some_and(|update| update == "always") && written != table {
        std::fs::write(&path, format!("{before}{BEGIN}{table}{END}{after}")).unwrap();
        return;
    }
    assert_eq!(written, table, "run tests/run --bless and look at the difference");
}
