//! What is ahead, as data: each level that a ladder has not come to, when it comes there as it grows now, and
//! what would be done there behind which brakes.

use serde::{Deserialize, Serialize};

use super::account::{self, Closed, Coming, Plan, Then, When};
use super::{Reading, is_false};
use crate::config::{self, Otherwise};
use crate::export::{Snapshot, WallClock};
use crate::model::{MemberKey, Value};

/// A level that a ladder has not come to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ahead {
    /// The slot of the process; absent where all are judged together, and of the host.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub process: Option<u32>,
    /// Its ladder; absent where the target has none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ladder: Option<String>,
    /// The level.
    pub level: String,
    /// The threshold that comes there first.
    pub metric: String,
    /// Its bound; that of a higher level where it comes there sooner.
    pub bound: f64,
    /// Readings must be past the bound for so long.
    #[serde(skip_serializing_if = "is_zero", default)]
    pub hold_seconds: f64,
    /// What the metric stands at: `unlimited` of a time left is never.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reading: Option<Reading>,
    /// How fast it grows, in its unit a minute.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub growth_per_minute: Option<f64>,
    /// Seconds from the snapshot until the level is entered, its hold included: `unlimited` while no growth goes
    /// on, `unknown` while its growth is not known. Absent of what is not foretold, as a rate.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub time_left: Option<Reading>,
    /// When that is.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub time: Option<f64>,
    /// A calendar puts other bounds or measures in force before that.
    #[serde(skip_serializing_if = "is_false", default)]
    pub bounds_change: bool,
    /// Which.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub bounds_then: Option<BoundsThen>,
    /// What is done there, in this order; nothing where it is only told.
    pub measures: Vec<Planned>,
}

/// What a level becomes in other hours.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BoundsThen {
    /// From when on.
    pub time: f64,
    /// The hours that last then: none where the usual bounds hold.
    pub during: Vec<String>,
    /// The bound of the level then; absent where it has none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub bound: Option<f64>,
    /// Seconds from the snapshot until that enters the level, its hold included; absent where it does not.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub time_left_seconds: Option<f64>,
    /// The actions of the level then.
    pub measures: Vec<String>,
}

/// A measure that would be taken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Planned {
    /// The target whose action it is; absent of its own ladder.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub target: Option<String>,
    /// The action.
    pub action: String,
    /// Whether it would only be told of.
    #[serde(skip_serializing_if = "is_false", default)]
    pub dry_run: bool,
    /// Whether it is in force already, or would be then.
    #[serde(skip_serializing_if = "is_false", default)]
    pub in_force: bool,
    /// The brakes that would hold it then; those that would now, where it is not known when.
    pub brakes: Vec<Braked>,
    /// The action that must be acknowledged before.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub needs: Option<Needed>,
    /// What follows where it has no effect.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub without_effect: Option<StepsUp>,
    /// Of a kill: how many the budget leaves now.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub kill_budget_remaining: Option<u32>,
}

/// The ladder steps up, because a measure had no effect and says `escalate`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepsUp {
    /// To that level.
    pub level: String,
    /// So long after the delivery, in seconds.
    pub after_seconds: f64,
    /// Its actions; `TARGET.ACTION` on the host's ladder.
    pub measures: Vec<String>,
}

/// A brake that would be closed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Braked {
    /// As in the label `reason`.
    pub reason: String,
    /// When it opens, where that is known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub opens: Option<f64>,
}

/// What a kill needs first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Needed {
    /// The action that must be acknowledged.
    pub action: String,
    /// For so long an answer is waited for.
    pub within_seconds: f64,
    /// What then: `kill`, `hold`.
    pub otherwise: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn is_zero(seconds: &f64) -> bool {
    *seconds <= 0.0
}

/// Of the target at `index` of the configuration.
pub(super) fn of_target(snapshot: &Snapshot, index: u16, target: &config::Target) -> Vec<Ahead> {
    account::ahead_of_target(snapshot, index, target).iter().map(|coming| of(snapshot, coming)).collect()
}

/// Of the host.
pub(super) fn of_host(snapshot: &Snapshot) -> Vec<Ahead> {
    account::ahead_of_host(snapshot).iter().map(|coming| of(snapshot, coming)).collect()
}

fn of(snapshot: &Snapshot, coming: &Coming<'_>) -> Ahead {
    let (row, wall) = (coming.row(), &snapshot.wall);
    let slot = coming.key.map(|key| key.slot).filter(|slot| *slot != MemberKey::ALL);
    let growth = row.forecast.and_then(|forecast| forecast.growth.number());
    Ahead {
        process: slot,
        ladder: Some(coming.ladder()).filter(|name| !name.is_empty()).map(str::to_owned),
        level: coming.level.name().to_owned(),
        metric: row.metric.to_string(),
        bound: coming.bound.at,
        hold_seconds: coming.bound.hold.as_secs_f64(),
        reading: row.reading.as_ref().map(|reading| Reading::of(reading, wall)),
        growth_per_minute: growth,
        time_left: time_left(coming, snapshot),
        time: coming.seconds().map(|_| wall.unix_seconds(coming.at(snapshot.taken))),
        bounds_change: coming.then.is_some(),
        bounds_then: coming.then.as_ref().map(|then| bounds_then(then, wall)),
        measures: coming.plans.iter().map(|plan| planned(snapshot, coming.key, plan)).collect(),
    }
}

fn time_left(coming: &Coming<'_>, snapshot: &Snapshot) -> Option<Reading> {
    let value = match coming.when {
        When::In(seconds) => Value::Known(seconds),
        When::Never => Value::Known(f64::INFINITY),
        When::Unknown(why) => Value::Unknown(why),
        When::NotForetold => return None,
    };
    let at = coming.row().forecast.map_or(snapshot.taken, |forecast| forecast.at);
    let reading = crate::model::Reading { at, period: std::time::Duration::ZERO, value };
    Some(Reading::of(&reading, &snapshot.wall))
}

fn bounds_then(then: &Then, wall: &WallClock) -> BoundsThen {
    BoundsThen {
        time: wall.unix_seconds(then.from),
        during: then.during.clone(),
        bound: then.bound.map(|bound| bound.at),
        time_left_seconds: then.seconds,
        measures: then.actions.clone(),
    }
}

fn planned(snapshot: &Snapshot, key: Option<MemberKey>, plan: &Plan<'_>) -> Planned {
    let name = |index: usize| plan.target.actions.get(index).map_or_else(String::new, |action| action.name.to_string());
    let index = snapshot.config.targets.iter().position(|target| target.name == plan.target.name);
    let left = index.and_then(|index| snapshot.targets.get(index)).map(|view| view.kill_budget_remaining);
    Planned {
        target: key.is_none().then(|| plan.target.name.to_string()),
        action: plan.action.name.to_string(),
        dry_run: snapshot.config.daemon.dry_run,
        in_force: plan.in_force,
        brakes: plan.brakes.iter().map(|closed| braked(closed, &snapshot.wall)).collect(),
        needs: plan.action.needs.map(|needs| Needed {
            action: name(needs.action),
            within_seconds: needs.within.as_secs_f64(),
            otherwise: match needs.otherwise {
                Otherwise::Kill => "kill".to_owned(),
                Otherwise::Hold => "hold".to_owned(),
            },
        }),
        without_effect: plan.step_up.as_ref().map(|step| StepsUp {
            level: step.to.name().to_owned(),
            after_seconds: step.after.as_secs_f64(),
            measures: step.names(key.is_none()),
        }),
        kill_budget_remaining: left.filter(|_| plan.action.measure.is_kill()),
    }
}

fn braked(closed: &Closed, wall: &WallClock) -> Braked {
    Braked { reason: closed.reason.name().to_owned(), opens: closed.opens.map(|opens| wall.unix_seconds(opens)) }
}
