//! What a target's measures meet in its unit: who starts it again, how long it may take to stop, who
//! else watches it. Pure.

use std::time::Duration;

use super::Lint;
use crate::cli::unit::{Ending, Unit};
use crate::config::{Action, Budget, Target};
use crate::model::Measure;
use crate::record::show_duration;

/// systemd's own default of `TimeoutStopSec=` (`DefaultTimeoutStopSec=`): nobody asked for it.
const DEFAULT_STOP: Duration = Duration::from_secs(90);

/// What there is to say of a service; `handles` SIGTERM or not, if that is known.
pub(super) fn of(target: &Target, unit: &Unit, handles: Option<bool>) -> Vec<Lint> {
    let mut lints = Vec::new();
    for action in &target.actions {
        match action.measure {
            Measure::Kill { grace, .. } => {
                lints.push(restart(action, unit, (grace, handles)));
                lints.extend(stop(action, unit, grace));
                lints.extend(successor(action, unit));
            }
            Measure::Freeze { deadline, .. } => lints.extend(watchdog(action, unit, deadline)),
            Measure::Signal { .. } | Measure::Thaw { .. } | Measure::Http(_) | Measure::Command(_) => {}
        }
    }
    if kills(target) {
        lints.extend(start_limit(target, unit));
    }
    lints
}

fn kills(target: &Target) -> bool {
    target.actions.iter().any(|action| action.measure.is_kill())
}

/// What there is to say of a scope or another unit that systemd does not start.
pub(super) fn of_other(target: &Target, name: &str) -> Option<Lint> {
    let kill = target.actions.iter().find(|action| action.measure.is_kill())?;
    let text = format!(
        "{}: systemd does not start {name} again after a kill; see that its runtime does (docker: --restart=always)",
        kill.name
    );
    Some(Lint::note(text))
}

/// Whether systemd starts it again, however it ends under our kill.
fn restart(action: &Action, unit: &Unit, (grace, handles): (Duration, Option<bool>)) -> Lint {
    let Action { name, .. } = action;
    let (by, place) = (unit.restart().name(), unit.place());
    let own = match handles {
        Some(true) => vec![Ending::CleanExit],
        Some(false) => vec![Ending::Terminated],
        None => vec![Ending::CleanExit, Ending::Terminated],
    };
    let on_term = own.iter().all(|ending| unit.restarts_after(*ending));
    let unit_name = &unit.name;
    match (on_term, unit.restarts_after(Ending::Killed)) {
        (true, true) => Lint::note(format!(
            "{name}: {unit_name} starts it again (Restart={by}, after {})",
            show_duration(unit.restart_after())
        )),
        (false, true) => Lint::warning(format!(
            "{name}: a process that ends on SIGTERM counts as a success, after which {unit_name} (Restart={by}) is not \
             started again; write Restart=always ({place})"
        )),
        (true, false) => Lint::warning(format!(
            "{name}: should it need SIGKILL after {}, {unit_name} (Restart={by}) is not started again; write \
             Restart=always ({place})",
            show_duration(grace)
        )),
        (false, false) => Lint::warning(format!(
            "{name}: nobody starts it again, for {unit_name} has Restart={by}; write Restart=always ({place}), or take \
             the kill off the ladder"
        )),
    }
}

/// Whether the unit asks for another time to stop than the kill gives.
fn stop(action: &Action, unit: &Unit, grace: Duration) -> Option<Lint> {
    let wanted = unit.time("TimeoutStopUSec").filter(|wanted| *wanted != DEFAULT_STOP && !wanted.is_zero())?;
    let (name, unit_name) = (&action.name, &unit.name);
    let (wants, gives) = (show_duration(wanted), show_duration(grace));
    if grace < wanted {
        return Some(Lint::warning(format!(
            "{name}: {unit_name} is given {wants} to stop by systemd (TimeoutStopSec=), but SIGKILL comes after {gives} \
             here; write kill = {{ grace = \"{}\" }}",
            crate::config::units::Duration(wanted)
        )));
    }
    (grace > wanted).then(|| {
        Lint::note(format!(
            "{name}: SIGKILL comes after {gives}; systemd itself would not wait longer than {wants} (TimeoutStopSec= of \
             {unit_name})"
        ))
    })
}

/// Whether a successor can be there in time.
fn successor(action: &Action, unit: &Unit) -> Option<Lint> {
    let within = action.expect_successor?;
    let start = unit.start_took().unwrap_or_default();
    let needed = unit.restart_after() + start;
    if needed < within {
        return None;
    }
    let (name, unit_name) = (&action.name, &unit.name);
    let start =
        if start.is_zero() { String::new() } else { format!(" and its last start took {}", show_duration(start)) };
    Some(Lint::warning(format!(
        "{name}: {unit_name} has RestartSec={}{start}, so no successor can be there within {}; write expect_successor = \
         \"{}\"",
        show_duration(unit.restart_after()),
        show_duration(within),
        crate::config::units::Duration(roomy(needed))
    )))
}

/// Three times as long, in whole tens of seconds.
fn roomy(span: Duration) -> Duration {
    Duration::from_secs((span.as_secs() * 3).div_ceil(10).max(1) * 10)
}

/// Whether systemd would take a frozen service for one that hangs.
fn watchdog(action: &Action, unit: &Unit, deadline: Duration) -> Option<Lint> {
    let span = unit.watchdog().filter(|span| *span <= deadline)?;
    let (name, unit_name, span) = (&action.name, &unit.name, show_duration(span));
    Some(Lint::warning(format!(
        "{name}: frozen for up to {}, it cannot answer WatchdogSec={span} of {unit_name}, so systemd would abort it; \
         write a deadline well below {span}",
        show_duration(deadline)
    )))
}

/// Whether kills may use up the starts that systemd allows: then the last one is final.
fn start_limit(target: &Target, unit: &Unit) -> Option<Lint> {
    let (burst, interval) = unit.start_limit()?;
    let Budget { max, per } = target.kill_budget;
    let kills = possible(target, unit, interval);
    // The start before the first kill counts too.
    if kills < burst {
        return None;
    }
    let (unit_name, place) = (&unit.name, unit.place());
    Some(Lint::warning(format!(
        "kill_budget allows {max} kills in {}, and systemd no more than {burst} starts of {unit_name} in {} \
         (StartLimitBurst=): after that nobody starts it; write a smaller kill_budget, or a larger StartLimitBurst= \
         ({place})",
        show_duration(per),
        show_duration(interval)
    )))
}

/// How many kills the brakes let pass within `interval`.
fn possible(target: &Target, unit: &Unit, interval: Duration) -> u32 {
    let Budget { max, per } = target.kill_budget;
    let between = target.settle.max(target.startup_grace) + unit.restart_after();
    let millis = |span: Duration| span.as_millis().max(1);
    let count = |count: u128| u32::try_from(count).unwrap_or(u32::MAX);
    let spans = count(millis(interval).div_ceil(millis(per)));
    let paced = count(millis(interval) / millis(between)).saturating_add(1);
    max.saturating_mul(spans).min(paced)
}
