//! What was told, as lines: seconds since the beginning, whom it concerns, what happened.

use std::time::Duration;

use tradedog::config::units;
use tradedog::model::{Cause, Effect, Event, Measured, MemberKey, Moment, Note, Order, OrderId, Unknown};

/// The lines of the events of one tick. An order that has its outcome within the tick is one line.
pub(crate) fn lines(events: &[Event], start: Moment) -> Vec<String> {
    let answered = |id: OrderId| {
        events.iter().any(|event| match &event.note {
            Note::Ended { order, .. } | Note::Retrying { order, .. } => order.id == id,
            Note::Held { order, .. } => order.id == id && event.at > start,
            _other => false,
        })
    };
    let line = |event: &Event| {
        if matches!(&event.note, Note::Ordered(order) if answered(order.id)) {
            return None;
        }
        let at = event.at.since(start);
        Some(format!("{} {}", shown(at), told(&event.note, start)))
    };
    events.iter().filter_map(line).collect()
}

fn shown(at: Duration) -> String {
    units::Duration(at).to_string()
}

fn told(note: &Note, start: Moment) -> String {
    let at = |moment: Moment| shown(moment.since(start));
    let until = |opens: &Option<Moment>| opens.map_or_else(String::new, |opens| format!(" until {}", at(opens)));
    match note {
        Note::LevelChanged { target, member, ladder, from, to, cause, .. } => {
            format!("{} {ladder}: {from} -> {to}{}", whom(target, *member), because(cause.as_ref()))
        }
        Note::LadderStepped { target, ladder, from, to, cause } => {
            let whose = target.as_ref().map_or_else(String::new, |target| format!("{target}[all] "));
            format!("{whose}{ladder}: {from} -> {to}{}", because(cause.as_ref()))
        }
        Note::Ordered(order) => format!("{}: sent", named(order)),
        Note::Held { order, reason, opens } => format!("{}: held ({reason}){}", named(order), until(opens)),
        Note::StillHeld { order, reason, opens } => format!("{}: still held ({reason}){}", named(order), until(opens)),
        Note::Released { order, reason } => format!("{}: {reason} is over", named(order)),
        Note::Retrying { order, reason, at: again, .. } => {
            format!("{}: failed ({reason}), again at {}", named(order), at(*again))
        }
        Note::Ended { order, kind, reason, .. } => {
            let reason = if *reason == tradedog::model::Reason::None { String::new() } else { format!(" ({reason})") };
            format!("{}: {}{reason}", named(order), kind.name())
        }
        Note::Measured { order, effect, measured } => format!("{}: {}", named(order), did(*effect, measured)),
        Note::GaveUp { order, reason } => format!("{}: gave up ({reason})", named(order)),
        Note::Reading { target, member, metric, why, .. } => {
            format!("{} {metric}: {}", whom(target, *member), sight(*why))
        }
        Note::Seen { target, metric, why } => {
            let whose = target.as_ref().map_or_else(|| "host".to_owned(), |target| format!("{target}[all]"));
            format!("{whose} {metric}: {}", sight(*why))
        }
        Note::LeaseEnded { order } => format!("{}: in force no more", named(order)),
        Note::StaysInForce { order, opens } => format!("{}: stays in force{}", named(order), until(opens)),
        Note::SuccessorMissing { target, .. } => format!("{target}: successor missing"),
        Note::SuccessorCame { target, member, .. } => format!("{}: successor came", whom(target, *member)),
        Note::Inhibited(inhibition) => format!("{}: inhibited until {}", inhibition.target, at(inhibition.until)),
        Note::InhibitionEnded { inhibition, why } => format!("{}: no longer inhibited ({why:?})", inhibition.target),
        Note::Daemon { text, .. } => text.clone(),
        other => format!("{other:?}"),
    }
}

fn did(effect: Option<Effect>, measured: &Measured) -> String {
    let read = |value: f64| units::show(value, measured.metric.unit());
    let effect = effect.map_or("effect unknown", Effect::name);
    let to = measured.to.map_or_else(|| "?".to_owned(), read);
    format!("{effect} ({} {} -> {to})", measured.metric, read(measured.from))
}

fn sight(why: Option<Unknown>) -> &'static str {
    why.map_or("known again", Unknown::name)
}

fn whom(target: &str, member: MemberKey) -> String {
    if member.slot == MemberKey::ALL { format!("{target}[all]") } else { format!("{target}[{}]", member.slot) }
}

fn named(order: &Order) -> String {
    let undo = if order.undo { "undo of " } else { "" };
    format!("{} {undo}{}", whom(&order.target, order.member), order.action)
}

fn because(cause: Option<&Cause>) -> String {
    cause.map_or_else(String::new, |cause| {
        if let Some(in_vain) = &cause.escalated {
            return format!(" ({} had no effect)", in_vain.action);
        }
        format!(" ({} {})", cause.metric, units::show(cause.value, cause.metric.unit()))
    })
}
