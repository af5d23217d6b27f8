//! What is not decided yet of measures: whether they help, and what stands higher because others did not.

use std::sync::Arc;

use crate::model::{Escalation, MemberKey, Moment};

/// An order whose effect is not known yet.
#[derive(Clone, Debug, PartialEq)]
pub struct WindowView {
    /// Whose.
    pub member: MemberKey,
    /// Name of its action.
    pub action: Arc<str>,
    /// When it is judged.
    pub until: Moment,
}

/// A ladder that stands higher than its readings ask for, because a measure had no effect.
#[derive(Clone, Debug, PartialEq)]
pub struct EscalationView {
    /// Whose: a seat, [`MemberKey::ALL`] of a group; none for the host's.
    pub member: Option<MemberKey>,
    /// How far, and why.
    pub what: Escalation,
}
