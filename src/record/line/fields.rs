//! What a line is about, as data: the fields of the journal. `docs/logs.md` is their reference.

use std::sync::Arc;

use crate::model::{
    ActionScope, Cause, Collected, Effect, Identity, Inhibition, Level, Measured, MemberKey, Note, Order, OrderId,
    OutcomeKind, Pid, Reason, Unknown,
};

/// A kind of event. The journal's catalogue and filters know it by its id, which never changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "KINDS says what each is; a second text would drift")]
pub enum Kind {
    #[default]
    Daemon,
    Found,
    Gone,
    Contested,
    Level,
    Ordered,
    Held,
    Released,
    Retrying,
    Ended,
    Measured,
    GaveUp,
    StillHeld,
    Reading,
    LeaseEnded,
    StaysInForce,
    SuccessorMissing,
    SuccessorCame,
    Asked,
    Inhibited,
    InhibitionEnded,
    Incident,
    Summary,
}

/// A row of the table of kinds.
#[derive(Clone, Copy, Debug)]
pub struct KindInfo {
    /// The kind.
    pub kind: Kind,
    /// `MESSAGE_ID`: 128 bits in hexadecimal, chosen at random once and for all.
    pub id: &'static str,
    /// When there is such a line.
    pub about: &'static str,
}

const fn row(kind: Kind, id: &'static str, about: &'static str) -> KindInfo {
    KindInfo { kind, id, about }
}

/// Every kind, each at the place of its variant.
pub const KINDS: &[KindInfo] = &[
    row(Kind::Daemon, "8e60c7b550ec4f61a474fc58d7f8d104", "the daemon about itself"),
    row(Kind::Found, "c58ed960c4964f7d8f3e3bd76fea0212", "a process became a member"),
    row(Kind::Gone, "be5ed81cf8e24ee18287e958ad1a49cd", "a member exited, or stopped matching"),
    row(Kind::Contested, "81a72ecee633443993aa42edaa5b72d0", "a process is matched by two targets"),
    row(Kind::Level, "67573dc233fd424fb66d1f71bf960f40", "a ladder stepped, of a process, a group or the host"),
    row(Kind::Ordered, "a6a957eb6e6447fe82cc72439f374798", "a decision: an order goes out"),
    row(Kind::Held, "5bd560acd5084f6a92ca1103ae18e819", "a brake closed on an order"),
    row(Kind::Released, "5803abc246204f40b2fb72a72c134b0c", "that brake is open again"),
    row(Kind::Retrying, "7afc9b2d16cb4d1c885e643fafe9a5e4", "a delivery failed and is tried again"),
    row(Kind::Ended, "466adb0dc1ff43e6b160312852d8eae4", "the outcome of an order"),
    row(Kind::Measured, "1b7c9804a3ea3130dcba48bec0269c29", "what an order did, by the metric that caused it"),
    row(Kind::GaveUp, "64c0bfee8d024be18b1f45eb414fb144", "too many tries of an order failed, or had no effect"),
    row(Kind::StillHeld, "9fd90660145b48cd94b14e3926c9addf", "fatal is still held back; every five minutes"),
    row(Kind::Reading, "53cfde1dca1141f394d29145730589b9", "a metric became unknown, or known again"),
    row(Kind::LeaseEnded, "9b2bd520d4cd40fc9f4564151d636153", "a measure ended, and nobody had to take it back"),
    row(Kind::StaysInForce, "e47ca75c28754ac7a122313f1e7fb3ab", "a measure was taken and undone too often"),
    row(Kind::SuccessorMissing, "0bbcb5128ad74241978e902fac453d38", "nobody has come after a kill"),
    row(Kind::SuccessorCame, "ab0a6bc6a738492990bedcc7207faa0d", "the successor that was missed has come"),
    row(Kind::Asked, "48d04d46f4fd416bbd95e3d1a793c770", "an operator asked for something"),
    row(Kind::Inhibited, "137ad6cca27341b48c2a5834bcbf6b33", "an operator holds orders back"),
    row(Kind::InhibitionEnded, "28238a4926d143ad9b854c7a17da7c5a", "he does so no more"),
    row(Kind::Incident, "d5fbaf964d8c46e2672734500021b20d", "evidence of a process was collected, or could not be"),
    row(Kind::Summary, "525a94a4f443474da585b254bb6039a7", "how a target stands; every `[daemon] summary`"),
];

impl Kind {
    /// Its word, in the history.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Daemon => "daemon",
            Self::Found => "found",
            Self::Gone => "gone",
            Self::Contested => "contested",
            Self::Level => "level",
            Self::Ordered => "ordered",
            Self::Held => "held",
            Self::Released => "released",
            Self::Retrying => "retrying",
            Self::Ended => "ended",
            Self::Measured => "measured",
            Self::GaveUp => "gave_up",
            Self::StillHeld => "still_held",
            Self::Reading => "reading",
            Self::LeaseEnded => "lease_ended",
            Self::StaysInForce => "stays_in_force",
            Self::SuccessorMissing => "successor_missing",
            Self::SuccessorCame => "successor_came",
            Self::Asked => "asked",
            Self::Inhibited => "inhibited",
            Self::InhibitionEnded => "inhibition_ended",
            Self::Incident => "incident",
            Self::Summary => "summary",
        }
    }

    /// Its `MESSAGE_ID`.
    pub fn id(self) -> &'static str {
        KINDS[self as usize].id
    }
}

/// What is known of a line as data; what it does not concern is none.
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "each is the field of the journal that is named after it")]
pub struct Fields {
    pub kind: Kind,
    pub target: Option<Arc<str>>,
    pub process: Option<u32>,
    pub pid: Option<Pid>,
    pub ladder: Option<Arc<str>>,
    pub level: Option<Level>,
    pub action: Option<Arc<str>>,
    pub metric: Option<Arc<str>>,
    pub value: Option<f64>,
    pub bound: Option<f64>,
    pub order: Option<OrderId>,
    pub outcome: Option<OutcomeKind>,
    pub reason: Option<&'static str>,
    pub effect: Option<&'static str>,
    pub before: Option<f64>,
    pub escalated_by: Option<Arc<str>>,
    pub by: Option<Arc<str>>,
}

impl Fields {
    pub(super) fn of(note: &Note) -> Self {
        match note {
            Note::Found { target, member, identity } => Self::of_process(Kind::Found, target, (*member, identity)),
            Note::Gone { target, member, identity } => Self::of_process(Kind::Gone, target, (*member, identity)),
            Note::Contested { target, member, identity } => {
                Self::of_process(Kind::Contested, target, (*member, identity))
            }
            Note::SuccessorCame { target, member, identity } => {
                Self::of_process(Kind::SuccessorCame, target, (*member, identity))
            }
            Note::SuccessorMissing { target, .. } => Self::of_target(Kind::SuccessorMissing, target),
            Note::Incident { .. } => Self::of_incident(note),
            Note::LevelChanged { target, member, identity, ladder, to, cause, .. } => {
                Self::of_process(Kind::Level, target, (*member, identity)).on(ladder, *to).caused_by(cause.as_ref())
            }
            Note::LadderStepped { target, ladder, to, cause, .. } => {
                Self::of_all(Kind::Level, target.as_ref()).on(ladder, *to).caused_by(cause.as_ref())
            }
            Note::Reading { target, member, identity, metric, why } => {
                Self::of_process(Kind::Reading, target, (*member, identity)).of_sight(metric, *why)
            }
            Note::Seen { target, metric, why } => Self::of_all(Kind::Reading, target.as_ref()).of_sight(metric, *why),
            Note::Asked { by, .. } => Self { kind: Kind::Asked, by: Some(Arc::clone(by)), ..Self::default() },
            Note::Inhibited(inhibition) => Self::of_inhibition(Kind::Inhibited, inhibition),
            Note::InhibitionEnded { inhibition, .. } => Self::of_inhibition(Kind::InhibitionEnded, inhibition),
            Note::Summary { target, level, .. } => {
                Self { level: Some(*level), ..Self::of_target(Kind::Summary, target) }
            }
            Note::Measured { order, effect, measured } => Self::of_effect(order, *effect, measured),
            Note::Daemon { .. }
            | Note::Ordered(_)
            | Note::Held { .. }
            | Note::Released { .. }
            | Note::Retrying { .. }
            | Note::Ended { .. }
            | Note::GaveUp { .. }
            | Note::StillHeld { .. }
            | Note::LeaseEnded { .. }
            | Note::StaysInForce { .. } => Self::of_order_note(note),
        }
    }

    fn of_order_note(note: &Note) -> Self {
        let (kind, order, outcome, reason) = match note {
            Note::Ordered(order) => (Kind::Ordered, order, None, None),
            Note::Held { order, reason, .. } => (Kind::Held, order, Some(OutcomeKind::Held), Some(reason)),
            Note::Released { order, reason } => (Kind::Released, order, None, Some(reason)),
            Note::Retrying { order, reason, .. } => (Kind::Retrying, order, None, Some(reason)),
            Note::Ended { order, kind, reason, .. } => (Kind::Ended, order, Some(*kind), Some(reason)),
            Note::GaveUp { order, reason } => (Kind::GaveUp, order, None, Some(reason)),
            Note::StillHeld { order, reason, .. } => (Kind::StillHeld, order, None, Some(reason)),
            Note::LeaseEnded { order } => (Kind::LeaseEnded, order, None, None),
            Note::StaysInForce { order, .. } => (Kind::StaysInForce, order, None, None),
            Note::Found { .. }
            | Note::Gone { .. }
            | Note::Contested { .. }
            | Note::LevelChanged { .. }
            | Note::Measured { .. }
            | Note::Reading { .. }
            | Note::SuccessorMissing { .. }
            | Note::SuccessorCame { .. }
            | Note::LadderStepped { .. }
            | Note::Seen { .. }
            | Note::Asked { .. }
            | Note::Inhibited(_)
            | Note::InhibitionEnded { .. }
            | Note::Incident { .. }
            | Note::Summary { .. }
            | Note::Daemon { .. } => return Self::default(),
        };
        Self { outcome, reason: reason.copied().map(Reason::name), ..Self::of_order(kind, order) }
    }

    /// The reason says why there is no evidence, or not in time.
    fn of_incident(note: &Note) -> Self {
        let Note::Incident { target, member, identity, collected, .. } = note else { return Self::default() };
        let reason = match collected {
            Collected::Kept { .. } => None,
            Collected::Flawed { flaw, .. } => Some(flaw.name()),
        };
        Self { reason, ..Self::of_process(Kind::Incident, target, (*member, identity)) }
    }

    fn of_effect(order: &Order, effect: Option<Effect>, measured: &Measured) -> Self {
        let effect = Some(effect.map_or("unknown", Effect::name));
        Self { value: measured.to, before: Some(measured.from), effect, ..Self::of_order(Kind::Measured, order) }
    }

    fn of_target(kind: Kind, target: &Arc<str>) -> Self {
        Self { kind, target: Some(Arc::clone(target)), ..Self::default() }
    }

    /// All processes of a target together, or the host.
    fn of_all(kind: Kind, target: Option<&Arc<str>>) -> Self {
        Self { kind, target: target.cloned(), ..Self::default() }
    }

    /// A metric of many processes; of a target, where all of them are its.
    pub(super) fn of_many(target: Option<&Arc<str>>, (metric, why): (&Arc<str>, Option<Unknown>)) -> Self {
        Self::of_all(Kind::Reading, target).of_sight(metric, why)
    }

    fn of_sight(self, metric: &Arc<str>, why: Option<Unknown>) -> Self {
        Self { metric: Some(Arc::clone(metric)), reason: why.map(Unknown::name), ..self }
    }

    fn of_process(kind: Kind, target: &Arc<str>, (member, identity): (MemberKey, &Identity)) -> Self {
        Self { process: Some(member.slot), pid: Some(identity.pid), ..Self::of_target(kind, target) }
    }

    fn of_order(kind: Kind, order: &Order) -> Self {
        let whom = match order.scope {
            ActionScope::Process => Self::of_process(kind, &order.target, (order.member, &order.identity)),
            ActionScope::Target => Self::of_target(kind, &order.target),
        };
        let named =
            Self { action: Some(Arc::clone(&order.action)), order: Some(order.id), by: order.by.clone(), ..whom };
        named.on(&order.ladder, order.level).caused_by(order.cause.as_ref())
    }

    fn of_inhibition(kind: Kind, inhibition: &Inhibition) -> Self {
        let (action, by) = (inhibition.action.clone(), Some(Arc::clone(&inhibition.by)));
        Self { action, by, ..Self::of_target(kind, &inhibition.target) }
    }

    fn on(self, ladder: &Arc<str>, level: Level) -> Self {
        Self { ladder: Some(Arc::clone(ladder)), level: Some(level), ..self }
    }

    fn caused_by(self, cause: Option<&Cause>) -> Self {
        let Some(cause) = cause else { return self };
        let metric = Some(cause.metric.to_string().into());
        let escalated_by = cause.escalated.as_ref().map(|in_vain| Arc::clone(&in_vain.action));
        Self { metric, value: Some(cause.value), bound: Some(cause.bound), escalated_by, ..self }
    }

    /// Name and value of each field that the journal gets; values are text from outside at most where
    /// they were made printable.
    pub(in crate::record) fn all(&self) -> impl Iterator<Item = (&'static str, String)> {
        let text = |text: &Option<Arc<str>>| text.as_deref().map(str::to_owned);
        let pid = self.pid.map(|pid| pid.to_string());
        let all = [
            ("MESSAGE_ID", Some(self.kind.id().to_owned())),
            ("TRADEDOG_TARGET", text(&self.target)),
            ("TRADEDOG_PROCESS", self.process.map(|slot| slot.to_string())),
            ("TRADEDOG_PID", pid.clone()),
            ("OBJECT_PID", pid),
            ("TRADEDOG_LADDER", text(&self.ladder)),
            ("TRADEDOG_LEVEL", self.level.map(|level| level.to_string())),
            ("TRADEDOG_ACTION", text(&self.action)),
            ("TRADEDOG_METRIC", text(&self.metric)),
            ("TRADEDOG_VALUE", self.value.map(|value| value.to_string())),
            ("TRADEDOG_BOUND", self.bound.map(|bound| bound.to_string())),
            ("TRADEDOG_ORDER", self.order.map(|order| order.0.to_string())),
            ("TRADEDOG_OUTCOME", self.outcome.map(|outcome| outcome.name().to_owned())),
            ("TRADEDOG_REASON", self.reason.map(str::to_owned)),
            ("TRADEDOG_EFFECT", self.effect.map(str::to_owned)),
            ("TRADEDOG_BEFORE", self.before.map(|value| value.to_string())),
            ("TRADEDOG_ESCALATED_BY", text(&self.escalated_by)),
            ("TRADEDOG_BY", text(&self.by)),
        ];
        all.into_iter().filter_map(|(name, value)| Some((name, value?)))
    }
}
