//! What a reload leaves of windows, counts and escalations: all of it where the action is the same as
//! before.

use std::sync::Arc;

use crate::config::{Action, Config};
use crate::model::{Memory, ThresholdMemory};

/// Forgets what is about actions that are not the same in both configurations: how they do now is to be
/// found out.
pub(in crate::judge) fn without_changed(mut memory: Memory, was: &Config, is: &Config) -> Memory {
    let kept = |target: &Arc<str>, name: &Arc<str>| {
        let before = action(was, target, name);
        before.is_some() && before == action(is, target, name)
    };
    memory.windows.retain(|window| kept(&window.order.target, &window.order.action));
    for member in &mut memory.members {
        for rung in member.rungs.iter_mut().filter(|rung| !kept(&member.target, &rung.action)) {
            rung.judged = None;
            rung.ineffective = 0;
        }
    }
    let members = memory.members.iter_mut().map(|member| &mut member.thresholds);
    let groups = memory.groups.iter_mut().map(|group| &mut group.thresholds);
    let all = members.chain(groups).chain(std::iter::once(&mut memory.host.thresholds));
    let rows = all.flatten().map(|row: &mut ThresholdMemory| &mut row.escalations);
    rows.for_each(|escalations| escalations.retain(|one| kept(&one.target, &one.why.action)));
    memory
}

fn action<'a>(config: &'a Config, target: &str, name: &str) -> Option<&'a Action> {
    let target = config.targets.iter().find(|other| *other.name == *target)?;
    target.actions.iter().find(|action| *action.name == *name)
}
