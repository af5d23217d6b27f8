//! The nouns of the watchdog: data only.
//!
//! What belongs here: types that more than one stage talks about, and pure functions of them.
//! What does not: anything that reads a file, a clock or a socket, that logs, or that knows a
//! stage. This module imports no other module of the crate.

mod course;
mod effect;
mod event;
mod growth;
mod host_name;
mod identity;
mod incident;
mod inhibit;
mod level;
mod memory;
mod metric;
mod moment;
mod order;
mod own;
mod past;
mod reading;
mod rights;
mod secret;
mod standing;
mod text;

pub use course::Course;
pub use effect::{Effect, Escalation, Measured, Slowing, Subject, Window};
pub use event::{Event, Note};
pub use growth::Growth;
pub use host_name::HostName;
pub use identity::{BootId, Identity, MemberKey, Pid};
pub use incident::{Collected, Evidence, EvidenceFile, Flaw, IncidentView, IncidentsView, Missing, Trigger};
pub use inhibit::{Inhibition, InhibitionEnd, LONGEST_INHIBITION};
pub use level::{Level, PerLevel};
pub use memory::{
    Answer, Cycle, Delivery, GroupMemory, HostMemory, IncidentMemory, Judged, KillMemory, Lease, MemberMemory, Memory,
    RungMemory, RungName, RungStateMemory, Sent, SuccessorMemory, TargetDelivery, ThresholdMemory, Undo, UndoBy,
    Undoing,
};
pub use metric::{Base, Derived, Direction, METRICS, Metric, MetricInfo, SOCKET_STATES, Scope, Unit};
pub use moment::Moment;
pub use order::{
    ActionScope, Cause, Command, FreezeBy, Http, KillScope, Measure, Order, OrderId, Outcome, OutcomeKind, Reason,
    Signal,
};
pub use own::OwnFacts;
pub use past::{PackedValues, PastMemory, SeriesMemory};
pub use reading::{GroupSample, MemberSample, Reading, Sample, Unknown, Value};
pub use rights::{CAPABILITIES, Capability, Rights, remedy};
pub use secret::{Url, secret_pieces, secret_spans, withheld, without_secrets};
pub use standing::{
    BrakeView, End, ForecastView, Holds, LadderView, LeaseStanding, LeaseView, RungOf, RungView, Standing,
    ThresholdView,
};
pub use text::printable;
