//! What must outlive the daemon: the content of the state file, and what a reload hands over.
//!
//! Everything is under the names of the configuration, never under an index: the next daemon may
//! have read another one. Bound to the boot; a process only by its identity.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{
    ActionScope, BootId, Escalation, Identity, Inhibition, Level, Measure, Metric, Moment, Order, OrderId, PastMemory,
    PerLevel, Reason, Window,
};

/// All that judge would miss.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Memory {
    /// The boot that all moments and identities are of.
    pub boot: BootId,
    /// Told apart from the orders of other states: part of every idempotency key.
    pub series: u64,
    /// The number of the next order.
    pub next_order: OrderId,
    /// The members that lived.
    pub members: Vec<MemberMemory>,
    /// Targets that are judged as a group.
    pub groups: Vec<GroupMemory>,
    /// The host.
    pub host: HostMemory,
    /// Measures in force.
    pub leases: Vec<Lease>,
    /// Kills that were ordered and have no outcome.
    pub killing: Vec<Sent>,
    /// Kills that count against budgets.
    pub kills: Vec<KillMemory>,
    /// Deliveries that served all processes of a target.
    pub delivered: Vec<TargetDelivery>,
    /// When measures were undone.
    pub cycles: Vec<Cycle>,
    /// Kills that wait for a successor.
    pub successors: Vec<SuccessorMemory>,
    /// Incidents that are not over.
    #[serde(default)]
    pub incidents: Vec<IncidentMemory>,
    /// What the operator holds back.
    #[serde(default)]
    pub inhibitions: Vec<Inhibition>,
    /// Orders whose effect is being measured.
    #[serde(default)]
    pub windows: Vec<Window>,
    /// How metrics went before: as much of it as there is room for, and some minutes old where the daemon ended
    /// without notice.
    #[serde(default)]
    pub pasts: Arc<Vec<PastMemory>>,
}

/// One member.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MemberMemory {
    /// Name of the target.
    pub target: Arc<str>,
    /// The label `process`.
    pub slot: u32,
    /// Who.
    pub identity: Identity,
    /// When it was first seen.
    pub first_seen: Moment,
    /// Its thresholds that are not at normal.
    pub thresholds: Vec<ThresholdMemory>,
    /// Its rungs that are not idle.
    pub rungs: Vec<RungMemory>,
    /// Deliveries to it.
    pub delivered: Vec<Delivery>,
    /// Its scheduled actions, each with when it is due next.
    pub schedule: Vec<Delivery>,
    /// No kill sooner than `settle` after this.
    pub settled_from: Moment,
}

/// One threshold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ThresholdMemory {
    /// Its metric.
    pub metric: Metric,
    /// The level.
    pub level: Level,
    /// Since when.
    pub since: Moment,
    /// The bounds that it was judged by.
    pub bounds: PerLevel<Option<f64>>,
    /// The last value that was known.
    pub value: Option<f64>,
    /// Ladders that it has raised further than its level, because measures had no effect.
    #[serde(default)]
    pub escalations: Vec<Escalation>,
}

/// One rung.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RungMemory {
    /// Where it belongs.
    pub of: RungName,
    /// Its level.
    pub level: Level,
    /// Name of its action.
    pub action: Arc<str>,
    /// Where it stands.
    pub state: RungStateMemory,
    /// Failed deliveries since the level was entered.
    pub attempts: u32,
    /// Whether the other side acknowledged it.
    pub acknowledged: bool,
    /// The order that is spoken of.
    pub order: Option<Arc<Order>>,
    /// When the order was decided by which it is done.
    #[serde(default)]
    pub decided: Option<Moment>,
    /// Orders without effect since the level was entered.
    #[serde(default)]
    pub ineffective: u32,
    /// The order whose effect is being measured.
    #[serde(default)]
    pub judged: Option<Judged>,
}

/// An order that was delivered, and whose effect is not known yet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Judged {
    /// The window that it is judged in.
    pub window: OrderId,
    /// Which.
    pub order: Arc<Order>,
    /// When it was delivered.
    pub at: Moment,
}

/// Where a rung belongs, by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RungName {
    /// To that ladder of its target.
    Ladder(Arc<str>),
    /// To the host's ladder.
    Host,
    /// To the target's schedule.
    Schedule,
}

/// Where a rung stands.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum RungStateMemory {
    /// To be ordered.
    Due,
    /// Ordered; what became of it is not known.
    InFlight,
    /// Done.
    Done {
        /// When.
        at: Moment,
        /// Whether it would have been only.
        dry: bool,
    },
    /// Its measure is in force.
    InForce,
    /// Failed.
    Failed {
        /// To be tried again at that time.
        retry: Moment,
        /// Why.
        reason: Reason,
    },
    /// Failed too often.
    GaveUp(Reason),
}

/// A name with a time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Delivery {
    /// Name of the action.
    pub action: Arc<str>,
    /// When.
    pub at: Moment,
}

/// A delivery that served all processes of a target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TargetDelivery {
    /// Name of the target.
    pub target: Arc<str>,
    /// Which, and when.
    pub delivery: Delivery,
}

/// A target that is judged as a group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GroupMemory {
    /// Name of the target.
    pub target: Arc<str>,
    /// Its thresholds that are not at normal.
    pub thresholds: Vec<ThresholdMemory>,
    /// When the last freeze or kill of one of its members went out.
    pub last_victim: Option<Moment>,
}

/// The host.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct HostMemory {
    /// Its thresholds that are not at normal.
    pub thresholds: Vec<ThresholdMemory>,
    /// Which entry of its ladder is next.
    pub next: u32,
    /// Until when the one before has time to help.
    pub patience: Option<Moment>,
}

/// A measure in force, or that may be: it must be undone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Lease {
    /// The order that took it.
    pub order: Arc<Order>,
    /// The undo that it was taken with.
    pub undo: Undo,
    /// When it was taken.
    pub taken: Moment,
    /// How sure it is.
    pub answer: Answer,
    /// Since when nobody needs it.
    pub free: Option<Moment>,
    /// Whether it is to be undone now, needed or not: the operator, the deadline of a freeze, the
    /// end of its process or a configuration without it want that.
    pub wanted: bool,
    /// What has become of its undo.
    pub undoing: Undoing,
    /// Whether nobody of the target is left.
    pub orphaned: bool,
    /// When it was last said that it stays in force.
    #[serde(skip)]
    pub shouted: Option<Moment>,
}

/// How a measure is taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undo {
    /// What to do.
    pub measure: Measure,
    /// So long after nobody needs the measure any more.
    pub after: Duration,
    /// Who does it.
    pub by: UndoBy,
}

/// Who takes a measure back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum UndoBy {
    /// The daemon.
    #[default]
    Daemon,
    /// The operator, with `tradedog undo`.
    Operator,
}

/// How sure it is that a measure is in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Answer {
    /// Sent, or about to be; nothing came back.
    Awaited,
    /// A failure that leaves it open.
    Doubtful,
    /// It left us; nobody confirms it.
    Delivered,
    /// The other side confirmed it.
    Acknowledged,
}

/// What has become of an undo.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Undoing {
    /// Not tried.
    No,
    /// Under way.
    InFlight(OrderId),
    /// Failed.
    Failed {
        /// Its order, the same over all tries.
        order: OrderId,
        /// How often.
        attempts: u32,
        /// To be tried again at that time.
        retry: Moment,
        /// Whether the other side clearly said no: the measure is in force as before.
        refused: bool,
    },
}

/// An order that went out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sent {
    /// Which.
    pub order: Arc<Order>,
    /// When.
    pub at: Moment,
}

/// A kill.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KillMemory {
    /// Its order.
    pub order: OrderId,
    /// Name of the target.
    pub target: Arc<str>,
    /// The seat.
    pub slot: u32,
    /// When.
    pub at: Moment,
}

/// A measure was undone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cycle {
    /// Name of the target.
    pub target: Arc<str>,
    /// Name of the action.
    pub action: Arc<str>,
    /// The slot; none where it served all processes of the target.
    pub slot: Option<u32>,
    /// When.
    pub at: Moment,
}

/// A kill that waits for a successor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SuccessorMemory {
    /// Name of the target.
    pub target: Arc<str>,
    /// When it is missed.
    pub missed: Moment,
    /// How long was waited then.
    pub within: Duration,
    /// Whether that was said.
    pub told: bool,
}

/// An incident that is not over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IncidentMemory {
    /// Name of the target.
    pub target: Arc<str>,
    /// When its first order went out.
    pub since: Moment,
    /// The last kill after which somebody must come.
    pub killed: Option<Moment>,
}

impl Lease {
    /// The slot of the process that it concerns; none where it concerns all of the target.
    pub fn process(&self) -> Option<u32> {
        match self.order.scope {
            ActionScope::Process => Some(self.order.member.slot),
            ActionScope::Target => None,
        }
    }
}
