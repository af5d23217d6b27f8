//! What the collector is told: of whom, and what was decided.

use std::sync::Arc;
use std::time::SystemTime;

use crate::config::{Config, Per};
use crate::discover::Member;
use crate::kernel::{self, Process};
use crate::model::{Cause, Event, Identity, Level, MemberKey, Moment, Note, Order, Trigger, printable};
use crate::record::incident::{About, Grounds, Limits, Ordered};
use crate::record::samples::LastHour;
use crate::watch::Watch;

/// Whom a job is about.
#[derive(Clone, Debug)]
pub(super) struct Whose {
    pub(super) target: Arc<str>,
    pub(super) member: MemberKey,
    pub(super) identity: Identity,
    pub(super) trigger: Trigger,
    /// When it was asked for.
    pub(super) at: Moment,
}

/// Evidence to be collected.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) number: u64,
    pub(super) whose: Whose,
    pub(super) process: Arc<Process>,
    pub(super) config: Arc<Config>,
    pub(super) about: About,
    pub(super) limits: Limits,
    /// What was read of it, or of its group, within the last hour.
    pub(super) hour: Option<LastHour>,
}

impl Job {
    /// Of this member, for what `event` tells.
    pub(super) fn new(watch: &Watch, member: &Member, (trigger, event): (Trigger, &Event), now: Moment) -> Self {
        let identity = member.process.identity();
        let target = watch.config.targets.get(usize::from(member.key.target));
        // By what all are together, where that is what is judged.
        let is_group = target.is_some_and(|target| target.per == Per::Group);
        let seat = if is_group { MemberKey::all_of(member.key.target) } else { member.key };
        let target = target.map_or_else(|| Arc::from("?"), |target| Arc::clone(&target.name));
        let wall = millis(kernel::wall_now());
        let age = i64::try_from(now.since(kernel::started(identity.start_ticks)).as_millis()).unwrap_or(0);
        let about = About {
            trigger,
            at_millis: wall,
            target: target.to_string(),
            process: member.key.slot,
            pid: identity.pid.get(),
            started_millis: wall.saturating_sub(age),
            host: printable(kernel::host_name().as_bytes(), 200),
            dry_run: watch.config.daemon.dry_run,
            decision: watch.recorder.line(event),
            grounds: None,
            order: None,
        };
        Self {
            number: 0,
            whose: Whose { target, member: member.key, identity, trigger, at: now },
            process: Arc::clone(&member.process),
            config: Arc::clone(&watch.config),
            about,
            limits: Limits::of(&watch.config.incidents),
            hour: watch.recorder.hour().of(seat),
        }
    }

    /// Before this kill.
    pub(super) fn ordered(mut self, order: &Order, now: Moment) -> Self {
        let by = order.by.as_ref().map(|by| printable(by.as_bytes(), 200));
        self.about.order =
            Some(Ordered { number: order.id.0, action: order.action.to_string(), attempt: order.attempt, by });
        self.about.grounds = order.cause.as_ref().map(|cause| grounds((&order.ladder, order.level), cause, now));
        self
    }

    /// At this step of a ladder.
    pub(super) fn reached(mut self, event: &Event, now: Moment) -> Self {
        let (Note::LevelChanged { ladder, to, cause, .. } | Note::LadderStepped { ladder, to, cause, .. }) =
            &event.note
        else {
            return self;
        };
        self.about.grounds = cause.as_ref().map(|cause| grounds((ladder, *to), cause, now));
        self
    }

    /// What a command is told, beside the pid.
    pub(super) fn variables(&self) -> Vec<(&'static str, String)> {
        let about = &self.about;
        let grounds = about.grounds.as_ref();
        let of = |of: fn(&Grounds) -> String| grounds.map(of).unwrap_or_default();
        vec![
            ("TRADEDOG_TARGET", about.target.clone()),
            ("TRADEDOG_PROCESS", about.process.to_string()),
            ("TRADEDOG_PID", about.pid.to_string()),
            ("TRADEDOG_TRIGGER", about.trigger.name().to_owned()),
            ("TRADEDOG_LEVEL", of(|grounds| grounds.level.clone())),
            ("TRADEDOG_LADDER", of(|grounds| grounds.ladder.clone())),
            ("TRADEDOG_METRIC", of(|grounds| grounds.metric.clone())),
            ("TRADEDOG_VALUE", of(|grounds| grounds.value.to_string())),
            ("TRADEDOG_BOUND", of(|grounds| grounds.bound.to_string())),
        ]
    }
}

fn grounds((ladder, level): (&str, Level), cause: &Cause, now: Moment) -> Grounds {
    Grounds {
        ladder: ladder.to_owned(),
        level: level.name().to_owned(),
        metric: cause.metric.to_string(),
        value: cause.value,
        bound: cause.bound,
        for_millis: u64::try_from(now.since(cause.since).as_millis()).unwrap_or(0),
        escalated_by: cause.escalated.as_ref().map(|in_vain| in_vain.action.to_string()),
    }
}

fn millis(time: SystemTime) -> i64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
