//! What holds of effects and escalations for every series.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::effects::{DAY, SECOND, effects};
use super::world::{World, http, target};
use crate::config::{Action, Escalate, Target};
use crate::model::{ActionScope, Note, OutcomeKind, Reason, Unknown, Value};

fn readings() -> impl Strategy<Value = Vec<Option<Value>>> {
    let reading = prop_oneof![
        8 => (0u32..1000).prop_map(|v| Some(Value::Known(f64::from(v)))),
        1 => (0u32..1000).prop_map(|v| Some(Value::AtLeast(f64::from(v)))),
        1 => Just(Some(Value::Unknown(Unknown::Denied))),
        1 => Just(None),
    ];
    prop::collection::vec((reading, 1usize..12), 1..25)
        .prop_map(|runs| runs.into_iter().flat_map(|(value, times)| vec![value; times]).collect())
}

/// Three measures and a kill; the second is taken back.
fn measures() -> impl Strategy<Value = Target> {
    let escalate = prop::sample::select(vec![Escalate::No, Escalate::Yes, Escalate::ToKill]);
    let one = (escalate, 1u32..12, prop::option::of(1u32..12), 1u32..4);
    prop::collection::vec(one, 3).prop_map(|pace| {
        let mut measures = target();
        measures.actions[1] = Action { scope: ActionScope::Process, ..http("disable_websocket") };
        for (action, (escalate, patience, repeat, max_attempts)) in measures.actions.iter_mut().zip(pace) {
            action.escalate = escalate;
            action.patience = patience * SECOND;
            action.repeat = repeat.map(|repeat| repeat * SECOND);
            action.max_attempts = max_attempts;
        }
        measures
    })
}

fn play(measures: Target, readings: &[Option<Value>], restart: Option<usize>) -> World {
    let mut world = World::new(measures);
    world.arrive(0, DAY);
    world.executor = Box::new(|order| {
        let kind = if order.measure.is_kill() { OutcomeKind::Vetoed } else { OutcomeKind::Delivered };
        let reason = if order.measure.is_kill() { Reason::Imitable } else { Reason::None };
        Some((kind, reason))
    });
    for (second, &reading) in readings.iter().enumerate() {
        if restart == Some(second) {
            // At the moment of the last pass: a later one would judge its reading once more.
            world.now = world.now - world.interval;
            world.restart();
            world.now = world.now + world.interval;
        }
        world.pass(&[reading]);
    }
    world
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    /// Each effect is told of an order that was delivered its patience ago or longer, and once.
    #[test]
    fn an_effect_is_told_once_and_never_before_its_patience(measures in measures(), values in readings()) {
        let world = play(measures.clone(), &values, None);
        let mut delivered = BTreeMap::new();
        let mut told = Vec::new();
        for event in &world.events {
            match &event.note {
                Note::Ended { order, kind: OutcomeKind::Delivered, .. } if !order.undo => {
                    delivered.insert(order.id, event.at);
                }
                Note::Measured { order, measured, .. } => {
                    let action = measures.actions.iter().find(|action| action.name == order.action).unwrap();
                    let since = event.at.since(delivered[&order.id]);
                    prop_assert!(since >= action.patience && since >= measured.within, "{}", world.told());
                    prop_assert!(!told.contains(&order.id), "{}", world.told());
                    told.push(order.id);
                }
                _ => {}
            }
        }
        // The last order before a long silence of orders has been judged, unless its process or level went.
        prop_assert!(told.len() <= delivered.len());
    }

    /// Nobody is killed below the bound of a kill by what was not told to lead there.
    #[test]
    fn no_escalation_leads_to_a_kill_unless_it_is_told_to(mut measures in measures(), values in readings()) {
        for action in &mut measures.actions {
            action.escalate = if action.escalate == Escalate::ToKill { Escalate::Yes } else { action.escalate };
        }
        let world = play(measures, &values, None);
        let fatal = |order: &crate::model::Order| order.cause.as_ref().is_some_and(|cause| cause.bound >= 900.0);
        prop_assert!(world.orders.iter().filter(|order| order.measure.is_kill()).all(|kill| fatal(kill)), "{}", world.told());
    }

    /// What an unknown or missing reading alone follows upon is never judged to be in vain.
    #[test]
    fn nothing_known_is_never_in_vain(measures in measures(), n in 1usize..60) {
        let mut values = vec![Some(Value::Known(650.0))];
        values.extend(vec![Some(Value::Unknown(Unknown::Malformed)); n]);
        let told = effects(&play(measures, &values, None)).join("\n");
        prop_assert!(!told.contains("effective "), "{told}");
    }

    /// A restart in the middle changes nothing of what is told of effects.
    #[test]
    fn a_restart_in_the_middle_tells_the_same_effects(measures in measures(), values in readings(), at in 0usize..100) {
        let values: Vec<_> = values.into_iter().filter(|value| matches!(value, Some(Value::Known(_)))).collect();
        let (through, broken) = (play(measures.clone(), &values, None), play(measures, &values, Some(at)));
        prop_assert_eq!(effects(&through), effects(&broken), "through\n{}\nbroken at {}\n{}", through.told(), at, broken.told());
    }

    /// A ladder that was raised is down again once its metric is normal.
    #[test]
    fn every_escalation_ends(measures in measures(), values in readings()) {
        let mut world = play(measures, &values, None);
        world.play("1x3");
        prop_assert_eq!(world.level(), crate::model::Level::Normal, "{}", world.told());
    }
}
