//! Memories of every shape.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use crate::model::{
    ActionScope, Answer, BootId, Cause, Command, Course, Cycle, Delivery, Escalation, FreezeBy, GroupMemory, Growth,
    HostMemory, Http, Identity, IncidentMemory, Judged, KillMemory, KillScope, Lease, Level, METRICS, Measure,
    Measured, MemberKey, MemberMemory, Memory, Metric, Moment, Order, OrderId, PackedValues, PastMemory, PerLevel, Pid,
    Reason, RungMemory, RungName, RungStateMemory, Sent, SeriesMemory, Signal, Slowing, Subject, SuccessorMemory,
    TargetDelivery, ThresholdMemory, Undo, UndoBy, Undoing, Window,
};

fn name() -> impl Strategy<Value = Arc<str>> {
    prop_oneof!["[a-z][a-z0-9_]{0,8}", any::<String>()].prop_map(Arc::from)
}

fn moment() -> impl Strategy<Value = Moment> {
    any::<u64>().prop_map(Moment::from_nanos)
}

fn span() -> impl Strategy<Value = Duration> {
    (any::<u64>(), 0..1_000_000_000_u32).prop_map(|(secs, nanos)| Duration::new(secs, nanos))
}

/// Every number that a reading can be.
fn number() -> impl Strategy<Value = f64> {
    use prop::num::f64::{NEGATIVE, NORMAL, POSITIVE, SUBNORMAL, ZERO};
    POSITIVE | NEGATIVE | NORMAL | SUBNORMAL | ZERO
}

fn level() -> impl Strategy<Value = Level> {
    select([Level::Normal, Level::Elevated, Level::Warning, Level::Critical, Level::Fatal].as_slice())
}

fn reason() -> impl Strategy<Value = Reason> {
    select([Reason::None, Reason::Timeout, Reason::Refused, Reason::QueueFull, Reason::Breaker].as_slice())
}

fn metric() -> impl Strategy<Value = Metric> {
    (0..METRICS.len(), option::of("[a-z][a-z0-9_]{0,8}"))
        .prop_map(|(row, peer)| Metric::of(METRICS[row].base, peer.map(Arc::from)))
}

fn identity() -> impl Strategy<Value = Identity> {
    (any::<u128>(), 1..i32::MAX, any::<u64>(), any::<Option<u64>>()).prop_map(
        |(boot, pid, start_ticks, pidfs_inode)| Identity {
            boot: BootId(boot),
            pid: Pid::new(pid).unwrap(),
            start_ticks,
            pidfs_inode,
        },
    )
}

fn freeze_by() -> impl Strategy<Value = FreezeBy> {
    select([FreezeBy::Signal, FreezeBy::Cgroup].as_slice())
}

fn measure() -> impl Strategy<Value = Measure> {
    let scopes = select([KillScope::Process, KillScope::Tree, KillScope::Cgroup].as_slice());
    let http = (any::<String>(), vec(any::<(String, String)>(), 0..3), any::<Option<String>>(), span());
    prop_oneof![
        ((1..32_i32), any::<bool>()).prop_map(|(number, assume_handled)| Measure::Signal {
            signal: Signal::new(number).unwrap(),
            assume_handled
        }),
        (span(), scopes).prop_map(|(grace, scope)| Measure::Kill { grace, scope }),
        (freeze_by(), span()).prop_map(|(by, deadline)| Measure::Freeze { by, deadline }),
        freeze_by().prop_map(|by| Measure::Thaw { by }),
        http.prop_map(|(post, headers, body, timeout)| Measure::Http(Arc::new(Http {
            bearer_file: body.as_ref().map(PathBuf::from),
            post: post.into(),
            headers,
            body,
            expect: vec![200, 204],
            timeout
        }))),
        (vec(any::<String>(), 0..4), span())
            .prop_map(|(argv, timeout)| Measure::Command(Arc::new(Command { argv, timeout }))),
    ]
}

fn cause() -> impl Strategy<Value = Cause> {
    (metric(), number(), number(), moment()).prop_map(|(metric, value, bound, since)| Cause {
        metric,
        value,
        bound,
        since,
        escalated: None,
    })
}

fn measured() -> impl Strategy<Value = Arc<Measured>> {
    let growth = option::of((option::of(number()), option::of(number())));
    (name(), metric(), number(), option::of(number()), span(), growth).prop_map(
        |(action, metric, from, to, within, growth)| {
            let growth = growth.map(|(before, after)| Slowing { before, after });
            Arc::new(Measured { action, metric, from, to, within, growth })
        },
    )
}

fn escalation() -> impl Strategy<Value = Escalation> {
    (name(), name(), [level(), level(), level()], moment(), measured()).prop_map(
        |(target, ladder, [from, to, own], since, why)| Escalation { target, ladder, from, to, since, own, why },
    )
}

fn window() -> impl Strategy<Value = Window> {
    let subject = select([Subject::Process, Subject::Group, Subject::Host].as_slice());
    let seen = [option::of(number()), option::of(number()), option::of(number())];
    let course = vec((0..100_u64, number()), 0..20).prop_map(|mut readings| {
        readings.sort_by_key(|(at, _)| *at);
        let mut course = Course::over(Duration::from_secs(60));
        readings.into_iter().for_each(|(at, value)| course.push(Moment::from_secs(at), value.clamp(-1e300, 1e300)));
        course
    });
    let times = [moment(), moment(), moment(), moment()];
    (any::<u64>(), order(), subject, times, level(), any::<bool>(), seen, course).prop_map(
        |(id, order, subject, [from, until, last_at, read], level, left, [best, last, growth], course)| Window {
            id: OrderId(id),
            order,
            subject,
            from,
            until,
            level,
            left,
            best,
            last,
            last_at,
            read,
            growth,
            course,
        },
    )
}

fn order() -> impl Strategy<Value = Arc<Order>> {
    let who = (any::<u64>(), any::<u16>(), any::<u32>(), identity());
    let what = (name(), name(), name(), level(), measure(), option::of(freeze_by()));
    let why = (option::of(cause()), moment(), any::<u32>(), any::<bool>());
    (who, what, why).prop_map(|(who, what, why)| {
        let (id, target_index, slot, identity) = who;
        let (target, ladder, action, level, measure, thaw) = what;
        let (cause, decided, attempt, undo) = why;
        Arc::new(Order {
            id: OrderId(id),
            member: MemberKey { target: target_index, slot },
            identity,
            target,
            ladder,
            level,
            action,
            undo,
            scope: if undo { ActionScope::Target } else { ActionScope::Process },
            measure,
            thaw,
            cause,
            decided,
            attempt,
            by: None,
        })
    })
}

fn delivery() -> impl Strategy<Value = Delivery> {
    (name(), moment()).prop_map(|(action, at)| Delivery { action, at })
}

fn threshold() -> impl Strategy<Value = ThresholdMemory> {
    let bounds = vec(option::of(number()), 4).prop_map(|values| {
        let mut bounds = PerLevel::default();
        bounds.iter_mut().zip(values).for_each(|((_, bound), value)| *bound = value);
        bounds
    });
    (metric(), level(), moment(), bounds, option::of(number()), vec(escalation(), 0..2)).prop_map(
        |(metric, level, since, bounds, value, escalations)| ThresholdMemory {
            metric,
            level,
            since,
            bounds,
            value,
            escalations,
        },
    )
}

fn rung() -> impl Strategy<Value = RungMemory> {
    let of = prop_oneof![name().prop_map(RungName::Ladder), Just(RungName::Host), Just(RungName::Schedule)];
    let state = prop_oneof![
        Just(RungStateMemory::Due),
        Just(RungStateMemory::InFlight),
        Just(RungStateMemory::InForce),
        (moment(), any::<bool>()).prop_map(|(at, dry)| RungStateMemory::Done { at, dry }),
        (moment(), reason()).prop_map(|(retry, reason)| RungStateMemory::Failed { retry, reason }),
        reason().prop_map(RungStateMemory::GaveUp),
    ];
    let judged = option::of((any::<u64>(), order(), moment()));
    let felt = (any::<u32>(), judged, option::of(moment()));
    (of, level(), name(), state, any::<u32>(), any::<bool>(), option::of(order()), felt).prop_map(
        |(of, level, action, state, attempts, acknowledged, order, (ineffective, judged, decided))| RungMemory {
            decided,
            ineffective,
            judged: judged.map(|(window, order, at)| Judged { window: OrderId(window), order, at }),
            of,
            level,
            action,
            state,
            attempts,
            acknowledged,
            order,
        },
    )
}

fn member() -> impl Strategy<Value = MemberMemory> {
    let who = (name(), any::<u32>(), identity(), moment(), moment());
    (who, vec(threshold(), 0..3), vec(rung(), 0..3), vec(delivery(), 0..2), vec(delivery(), 0..2)).prop_map(
        |((target, slot, identity, first_seen, settled_from), thresholds, rungs, delivered, schedule)| MemberMemory {
            target,
            slot,
            identity,
            first_seen,
            thresholds,
            rungs,
            delivered,
            schedule,
            settled_from,
        },
    )
}

fn lease() -> impl Strategy<Value = Lease> {
    let by = select([UndoBy::Daemon, UndoBy::Operator].as_slice());
    let undo = (measure(), span(), by).prop_map(|(measure, after, by)| Undo { measure, after, by });
    let answer = select([Answer::Awaited, Answer::Doubtful, Answer::Delivered, Answer::Acknowledged].as_slice());
    let undoing = prop_oneof![
        Just(Undoing::No),
        any::<u64>().prop_map(|id| Undoing::InFlight(OrderId(id))),
        (any::<u64>(), any::<u32>(), moment(), any::<bool>()).prop_map(|(id, attempts, retry, refused)| {
            Undoing::Failed { order: OrderId(id), attempts, retry, refused }
        }),
    ];
    (order(), undo, moment(), answer, option::of(moment()), undoing, any::<[bool; 2]>()).prop_map(
        |(order, undo, taken, answer, free, undoing, [wanted, orphaned])| Lease {
            order,
            undo,
            taken,
            answer,
            free,
            wanted,
            undoing,
            orphaned,
            shouted: None,
        },
    )
}

fn past() -> impl Strategy<Value = PastMemory> {
    let growth = (-1e9..1e9, -1e3..1e3, 0.0..1.0).prop_map(|(height, slope, bend)| Growth { height, slope, bend });
    let last = option::of((moment(), span(), -1e12..1e12));
    let one = (vec(any::<f32>(), 0..60), [moment(), moment()], last, option::of(growth), any::<(u8, bool, bool)>());
    let series = one.prop_map(|(values, [closes, told], last, growth, (doubt, decided, repaired))| SeriesMemory {
        metric: Metric::plain(METRICS[0].base),
        buckets: PackedValues::pack(values),
        closes,
        high: None,
        last,
        told: Some(told).filter(|_| decided),
        decided,
        growth,
        doubt,
        repaired,
    });
    (option::of(name()), option::of(identity()), vec(series, 0..3)).prop_map(|(target, identity, series)| PastMemory {
        target,
        identity,
        series,
        courses: vec![(Metric::plain(METRICS[0].base), Course::over(Duration::from_secs(60)))],
    })
}

/// A memory of the boot `boot`, anything in it.
pub(super) fn memory(boot: BootId) -> impl Strategy<Value = Memory> {
    let kills = vec((any::<u64>(), name(), any::<u32>(), moment()), 0..3);
    let cycles = vec((name(), name(), any::<Option<u32>>(), moment()), 0..3);
    let successors = vec((name(), moment(), span(), any::<bool>()), 0..3);
    let incidents = vec((name(), moment(), option::of(moment())), 0..3);
    let groups = vec((name(), vec(threshold(), 0..2), option::of(moment())), 0..2);
    let host = (vec(threshold(), 0..2), any::<u32>(), option::of(moment()));
    let lists = (vec(member(), 0..4), vec(lease(), 0..3), vec((order(), moment()), 0..2));
    let small = (kills, cycles, successors, groups, host, vec((name(), delivery()), 0..2), vec(window(), 0..2));
    let small = (small, vec(past(), 0..3), incidents);
    (any::<(u64, u64)>(), lists, small).prop_map(move |((series, next), lists, small)| {
        let (members, leases, killing) = lists;
        let ((kills, cycles, successors, groups, host, delivered, windows), pasts, incidents) = small;
        let kill = |(order, target, slot, at)| KillMemory { order: OrderId(order), target, slot, at };
        let cycle = |(target, action, slot, at)| Cycle { target, action, slot, at };
        let successor = |(target, missed, within, told)| SuccessorMemory { target, missed, within, told };
        let incident = |(target, since, killed)| IncidentMemory { target, since, killed };
        let group = |(target, thresholds, last_victim)| GroupMemory { target, thresholds, last_victim };
        let (thresholds, next_entry, patience) = host;
        Memory {
            boot,
            series,
            next_order: OrderId(next),
            members,
            groups: groups.into_iter().map(group).collect(),
            host: HostMemory { thresholds, next: next_entry, patience },
            leases,
            killing: killing.into_iter().map(|(order, at)| Sent { order, at }).collect(),
            kills: kills.into_iter().map(kill).collect(),
            delivered: delivered.into_iter().map(|(target, delivery)| TargetDelivery { target, delivery }).collect(),
            cycles: cycles.into_iter().map(cycle).collect(),
            successors: successors.into_iter().map(successor).collect(),
            incidents: incidents.into_iter().map(incident).collect(),
            inhibitions: Vec::new(),
            windows,
            pasts: Arc::new(pasts),
        }
    })
}
