//! `thresholds`: one row a metric, one bound a level.

use std::time::Duration;

use super::super::Bound;
use super::super::forecast::has_limit;
use super::super::keys;
use super::super::problem::Report;
use super::super::reader::{Entry, Table, Value};
use super::super::source::Place;
use super::super::text::{capped, nearest, quoted};
use super::super::units;
use super::super::value::{duration, quantity, share};
use super::peers::Peers;
use super::{Named, Setting, metric, removes};
use crate::model::{Derived, Direction, Level, Metric, PerLevel, Scope, Unit};

/// A row, its ladder not yet looked up.
#[derive(Clone, Debug)]
pub(super) struct Row<'a> {
    pub metric: Metric,
    /// Of its name.
    pub place: Place,
    pub ladder: Option<(&'a str, Place)>,
    pub expected: Option<f64>,
    pub bounds: PerLevel<Option<Bound>>,
    pub clear_hold: Duration,
}

impl Row<'_> {
    /// The highest level that it can raise.
    pub(super) fn reach(&self) -> Level {
        self.bounds.iter().rev().find(|(_, bound)| bound.is_some()).map_or(Level::Normal, |(level, _)| level)
    }
}

/// Whose thresholds they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    Target,
    Host,
}

/// Reads a table of thresholds; none where it is no table.
pub(super) fn read<'a>(
    value: Value<'a>,
    peers: &Peers,
    owner: Owner,
    report: &mut Report,
) -> Option<Vec<Named<'a, Row<'a>>>> {
    let example = if owner == Owner::Host { "[host.thresholds]" } else { "[target.NAME.thresholds]" };
    let table = value.table(example, report)?;
    let rows = table.rest().into_iter().filter_map(|entry| {
        let (name, place) = (entry.key, entry.key_place);
        if removes(entry.value) {
            return Some(Named { name, place, setting: Setting::Removed });
        }
        unquoted(&entry, report)?;
        let metric = metric::find(name, place, peers, report).filter(|metric| suits(metric, owner, place, report));
        let setting = metric.and_then(|metric| row((metric, place), owner, entry.value, report)).into();
        Some(Named { name, place, setting })
    });
    Some(rows.collect())
}

/// The host judges nobody's processes.
fn suits(metric: &Metric, owner: Owner, place: Place, report: &mut Report) -> bool {
    let suits = owner == Owner::Target || metric.info().scope == Scope::Host;
    if !suits {
        report
            .error(place, format!("`{metric}` is a metric of processes, and these thresholds are the host's"))
            .help("move it to [target.NAME.thresholds]; the host's metrics begin with host_");
    }
    suits
}

/// `close_wait.postgres = ...` without quotes is a table in a table for TOML.
fn unquoted(entry: &Entry<'_>, report: &mut Report) -> Option<()> {
    let Some(first) = entry.value.entries().and_then(|inner| inner.into_iter().next()) else { return Some(()) };
    let known = |key: &str| keys::ROW.known.contains(&key);
    if known(first.key)
        || !(first.value.is_table() || entry.dotted)
        || nearest(first.key, keys::ROW.known.iter().copied()).is_some()
    {
        return Some(());
    }
    for inner in entry.value.entries().unwrap_or_default() {
        let name = format!("{}.{}", entry.key, inner.key);
        let place = if inner.key_place.start == first.key_place.start && entry.dotted {
            Place { end: inner.key_place.end, ..entry.key_place }
        } else {
            inner.key_place
        };
        if metric::is_later(entry.key) {
            report
                .error(place, format!("{} is not available in this version", quoted(&name)))
                .help("remove it for now");
        } else {
            let draft = report.error(place, "a dot outside of quotes makes a table of its own");
            draft.help(format!("quote the name: \"{}\"", capped(&name)));
        }
    }
    None
}

/// What matters of a metric for its bounds.
#[derive(Clone, Copy)]
struct Kind {
    unit: Unit,
    direction: Direction,
    scope: Scope,
    foretold: bool,
}

impl Kind {
    fn of(metric: &Metric) -> Self {
        let (unit, direction) = (metric.unit(), metric.direction());
        Self { unit, direction, scope: metric.info().scope, foretold: metric.derived.is_some() }
    }
}

/// What the row says for all its bounds.
struct Common {
    info: Kind,
    owner: Owner,
    clear: f64,
    hold: Duration,
    /// Nothing in the row was wrong so far. What is wrong is read as its default, so that the rest
    /// of the row is checked too.
    sound: bool,
}

impl Common {
    /// The value; where there is none, the row is not sound and the default stands in.
    fn or<T>(&mut self, value: Option<T>, default: T) -> T {
        self.sound &= value.is_some();
        value.unwrap_or(default)
    }
}

fn row<'a>((metric, named): (Metric, Place), owner: Owner, value: Value<'a>, report: &mut Report) -> Option<Row<'a>> {
    let info = Kind::of(&metric);
    let levels_of = format!("a level with its bound: {{ warning = {} }}", example(info));
    let mut table = value.table(&levels_of, report)?;
    let place = table.place;
    let mut common = common(&mut table, info, owner, report);
    let expected = table.take("expected").map(|value| (bound_value(value, info, report), value.place));
    let clear_hold = table.take("clear_hold").map_or(Some(CLEAR_HOLD), |value| duration(value, "0s"..="1d", report));
    let ladder = joins(&mut table, owner, report);
    let written = Level::ABOVE_NORMAL.map(|level| (level, table.entry(level.name())));
    let empty = expected.is_none() && written.iter().all(|(_, entry)| entry.is_none());
    let section = if owner == Owner::Host { &keys::HOST_ROW } else { &keys::ROW };
    if table.finish(section, report) && empty {
        report.missing(place, "a threshold without a bound").help(format!("write {levels_of}"));
    }
    let bounds = levels(&written, &mut common, report);
    rising(&bounds, info, report);
    if let (Some((Some(expected), at)), Some((_, lowest, _))) = (expected, bounds.first())
        && past(expected, lowest.at, info)
        && expected != lowest.at
    {
        let (expected, lowest) = (show(expected, info), show(lowest.at, info));
        report
            .error(at, format!("`expected` ({expected}) is past the lowest bound ({lowest})"))
            .help("it says where the normal range ends, before anything is done");
    }
    let expected = expected.map_or(Some(None), |(value, _)| value.map(Some));
    let mut slots = PerLevel::<Option<Bound>>::default();
    for (level, bound, _) in bounds {
        slots.get_mut(level)?.replace(bound);
    }
    let row =
        Row { metric, place: named, ladder: ladder?, expected: expected?, bounds: slots, clear_hold: clear_hold? };
    common.sound.then_some(row)
}

/// The ladder that the row feeds, by name. The outer none is a mistake, the inner one the default.
fn joins<'a>(table: &mut Table<'a>, owner: Owner, report: &mut Report) -> Option<Option<(&'a str, Place)>> {
    let Some(entry) = table.entry("ladder") else { return Some(None) };
    if owner == Owner::Target {
        return Some(Some((entry.value.text("memory", report)?, entry.value.place)));
    }
    report.error(entry.key_place, "the host has one ladder, which all its thresholds feed").help("remove it");
    None
}

/// Default of `clear_hold`.
const CLEAR_HOLD: Duration = Duration::from_secs(30);

/// Default of a row's `clear`.
const fn default_clear(direction: Direction) -> f64 {
    match direction {
        Direction::Up => 0.9,
        Direction::Down => 1.1,
    }
}

fn common(table: &mut Table<'_>, info: Kind, owner: Owner, report: &mut Report) -> Common {
    let mut common = Common { info, owner, clear: default_clear(info.direction), hold: Duration::ZERO, sound: true };
    if let Some(value) = table.take("hold") {
        common.hold = common.or(duration(value, "0s"..="1d", report), Duration::ZERO);
    }
    if let Some(value) = table.take("clear") {
        let clear = share(value, report).filter(|clear| clear_share(*clear, value, info, report));
        common.clear = common.or(clear, common.clear);
    }
    common
}

/// Whether a row's `clear` leads to the good side of its bounds.
fn clear_share(clear: f64, value: Value<'_>, info: Kind, report: &mut Report) -> bool {
    let (good, side, example) = match info.direction {
        Direction::Up => (clear > 0.0 && clear < 1.0, "between 0% and 100%", "90%"),
        Direction::Down => (clear > 1.0, "above 100%", "110%"),
    };
    if !good {
        report
            .error(value.place, format!("a row's `clear` is a share of its bounds {side}"))
            .help(format!("write \"{example}\"; a value in the metric's unit goes into {{ at, clear }}"));
    }
    good
}

/// The bounds of a row that are right, lowest level first.
fn levels(
    written: &[(Level, Option<Entry<'_>>)],
    common: &mut Common,
    report: &mut Report,
) -> Vec<(Level, Bound, Place)> {
    let mut bounds = Vec::new();
    for (level, entry) in written.iter().filter_map(|(level, entry)| Some((*level, entry.as_ref()?))) {
        let foreign = common.owner == Owner::Target && common.info.scope == Scope::Host;
        let bound = if foreign && level > Level::Elevated {
            report
                .error(entry.key_place, format!("a metric of the host goes up to `elevated` here, not to `{level}`"))
                .help("a target does not pay for another process: put it into [host.thresholds], and what is to be done into [host.ladder]");
            None
        } else if common.info.foretold && level == Level::Fatal {
            report
                .error(entry.key_place, "a forecast goes up to `critical`, not to `fatal`")
                .help("give `fatal` to the metric itself: what is only foretold kills nobody");
            None
        } else {
            bound(entry.value, common, report)
        };
        common.sound &= bound.is_some();
        bounds.extend(bound.map(|(bound, place)| (level, bound, place)));
    }
    bounds
}

fn bound(value: Value<'_>, common: &mut Common, report: &mut Report) -> Option<(Bound, Place)> {
    let info = common.info;
    if !value.is_table() {
        let at = bound_value(value, info, report)?;
        return Some((Bound { at, clear: part(at, common.clear), hold: common.hold }, value.place));
    }
    let mut table = value.table("", report)?;
    let place = table.place;
    let at = table.take("at").map(|value| (bound_value(value, info, report), value.place));
    let clear = table.take("clear").map(|value| (quantity(value, info.unit, report), value.place));
    let hold = table.take("hold").map_or(Some(common.hold), |value| duration(value, "0s"..="1d", report));
    if table.finish(&keys::BOUND, report) && at.is_none() {
        let help = format!("write {{ at = {}, hold = \"30s\" }}", example(info));
        report.missing(place, "a bound without `at`").help(help);
    }
    let (Some(at), at_place) = at? else { return None };
    let hold = common.or(hold, common.hold);
    let clear = match clear {
        None => part(at, common.clear),
        Some((clear, place)) => {
            let clear = clear.filter(|clear| match unclear(*clear, at, info) {
                Some((what, help)) => {
                    report.error(place, what).help(help);
                    false
                }
                None => true,
            });
            common.or(clear, part(at, common.clear))
        }
    };
    Some((Bound { at, clear, hold }, at_place))
}

/// `share` of a bound: counted in the thousandths of a percent that shares are written in, so that 90%
/// of 70 is 63 and not a hair less.
fn part(at: f64, share: f64) -> f64 {
    at * (share * 100_000.0).round() / 100_000.0
}

/// A bound must be possible and mean something.
fn bound_value(value: Value<'_>, info: Kind, report: &mut Report) -> Option<f64> {
    let number = quantity(value, info.unit, report)?;
    let what = if number <= 0.0 && info.direction == Direction::Down {
        "is reached when it is too late"
    } else if number <= 0.0 {
        "is always reached"
    } else if info.unit == Unit::Ratio && number > 1.0 {
        "is never reached: the metric ends at 100%"
    } else {
        return Some(number);
    };
    report
        .error(value.place, format!("{} {what}", show(number, info)))
        .help(format!("write a bound such as {}", example(info)));
    None
}

/// What is wrong with `clear`, and what to do: it must be on the good side of `at`, and be reached.
fn unclear(clear: f64, at: f64, info: Kind) -> Option<(String, String)> {
    let side = if info.direction == Direction::Up { "below" } else { "above" };
    let (what, help) = if past(clear, at, info) {
        (format!("`clear` ({}) is not {side} `at` ({})", show(clear, info), show(at, info)), "leave a gap")
    } else if clear <= 0.0 {
        ("no reading is below 0: the level would never be left".to_owned(), "write at least 1")
    } else {
        return None;
    };
    Some((what, format!("the level is left {side} `clear`: {help}, or leave it out for a tenth")))
}

/// Reports rows that ask for the time left of what ends nowhere. Of those that are broken only the name is
/// known: what seems to be missing may be in them.
pub(super) fn ending(rows: &[(&str, Option<&Row<'_>>)], report: &mut Report) {
    let derived = rows.iter().filter_map(|(_, row)| row.filter(|row| row.metric.derived == Some(Derived::TimeLeft)));
    for row in derived {
        let of = row.metric.with(None);
        let own = rows.iter().find(|(name, other)| other.map_or(*name == of.to_string(), |other| other.metric == of));
        let is_fatal = own.is_some_and(|(_, own)| own.is_none_or(|own| own.reach() == Level::Fatal));
        if !is_fatal && !has_limit(of.base) {
            report
                .missing(
                    row.place,
                    format!("`{}` has no end: `{of}` has no `fatal` bound, and no limit of its own", row.metric),
                )
                .help(format!("give `{of}` a bound `fatal`, or watch \"{of}.growth\""));
        }
    }
}

/// Whether `value` is at or past `bound` in the metric's direction.
fn past(value: f64, bound: f64, info: Kind) -> bool {
    match info.direction {
        Direction::Up => value >= bound,
        Direction::Down => value <= bound,
    }
}

/// Each level's bound is strictly past the one below.
fn rising(bounds: &[(Level, Bound, Place)], info: Kind, report: &mut Report) {
    for pair in bounds.windows(2) {
        let [(low, first, first_place), (high, second, place)] = pair else { continue };
        if past(second.at, first.at, info) && second.at != first.at {
            continue;
        }
        let side = if info.direction == Direction::Up { "above" } else { "below" };
        let (low_at, high_at) = (show(first.at, info), show(second.at, info));
        report
            .error(*place, format!("`{high}` ({high_at}) is not {side} `{low}` ({low_at})"))
            .also(*first_place, "the level below")
            .help("a higher level needs a worse bound");
    }
}

fn show(value: f64, info: Kind) -> String {
    units::show(value, info.unit)
}

/// A bound as it would be written.
const fn example(info: Kind) -> &'static str {
    match info.unit {
        Unit::Count => "300",
        Unit::Bytes => "\"900MB\"",
        Unit::Ratio => "\"80%\"",
        Unit::PerSecond => "\"500/s\"",
        Unit::CountPerMinute => "\"20/min\"",
        Unit::BytesPerMinute => "\"5MiB/min\"",
        Unit::RatioPerMinute => "\"1%/min\"",
        Unit::RatePerMinute => "\"10/s/min\"",
        Unit::Seconds => "\"20m\"",
    }
}
