//! How the effect of an action is judged, and what follows where it has none.

use super::super::super::problem::Report;
use super::super::super::reader::{Entry, Table, Value};
use super::super::super::source::Place;
use super::super::super::units::Share;
use super::super::super::value::{share, word};
use super::super::super::{Action, EffectKind, Escalate};
use super::deliver::{Given, Kind};

/// Least share that may be asked for.
const LEAST: f64 = 0.001;

/// Where an action says something about its effect: whether that leads anywhere is known once it has its
/// place on a ladder.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::config::check) struct Said {
    /// `effect`, `min_effect`, `escalate` or `escalate_to_kill`: the first of them.
    pub any: Option<Place>,
    /// `escalate`, where it is true.
    pub escalate: Option<Place>,
}

/// What an action says about its effect. A none is a mistake.
pub(super) struct Felt {
    pub kind: Option<EffectKind>,
    pub least: Option<f64>,
    pub escalate: Option<Escalate>,
    pub said: Said,
}

/// Reads `effect`, `min_effect`, `escalate` and `escalate_to_kill`. `undone`: whether there is an undo.
pub(super) fn read(table: &mut Table<'_>, given: Option<&Given>, undone: bool, report: &mut Report) -> Felt {
    let entries = ["effect", "min_effect", "escalate", "escalate_to_kill"].map(|key| table.entry(key));
    if let Some(kill) = given.filter(|given| given.kind == Kind::Kill) {
        for entry in entries.iter().flatten() {
            let draft = report.error(entry.key_place, format!("`{}` of a kill", entry.key));
            draft.also(kill.place, "the delivery").help("remove it: a kill is done when its process is gone");
        }
    }
    let [effect, least, escalate, to_kill] = entries;
    let usual = if undone { EffectKind::StopsGrowth } else { EffectKind::Falls };
    let flag =
        |entry: Option<Entry<'_>>, report: &mut Report| entry.map_or(Some(false), |entry| entry.value.flag(report));
    let (up, kill) = (flag(escalate, report), flag(to_kill, report));
    if let Some(entry) = to_kill.filter(|_| (up, kill) == (Some(false), Some(true))) {
        report
            .error(entry.key_place, "`escalate_to_kill` without `escalate`")
            .help("write escalate = true beside it, or remove it");
    }
    Felt {
        kind: effect.map_or(Some(usual), |entry| kind(entry.value, report)),
        least: least.map_or(Some(Action::default().min_effect), |entry| enough(entry.value, report)),
        escalate: up.zip(kill).map(|(up, kill)| match (up, kill) {
            (false, _) => Escalate::No,
            (true, false) => Escalate::Yes,
            (true, true) => Escalate::ToKill,
        }),
        said: Said {
            any: [effect, least, escalate, to_kill].into_iter().flatten().map(|entry| entry.key_place).next(),
            escalate: escalate.filter(|_| up == Some(true)).map(|entry| entry.key_place),
        },
    }
}

fn kind(value: Value<'_>, report: &mut Report) -> Option<EffectKind> {
    match word(value, &["falls", "stops_growth"], report)? {
        "stops_growth" => Some(EffectKind::StopsGrowth),
        _ => Some(EffectKind::Falls),
    }
}

/// Nothing at all would be an effect by chance, and more than all is never one.
fn enough(value: Value<'_>, report: &mut Report) -> Option<f64> {
    let least = share(value, report)?;
    if (LEAST..=1.0).contains(&least) {
        return Some(least);
    }
    report
        .error(value.place, format!("\"{}\" is out of range", Share(least)))
        .help(format!("write by how much the causing reading must become better: \"{}\" to \"100%\"", Share(LEAST)));
    None
}
