//! What the other side is told of the order: the JSON of a request, the variables of a command.

use serde::Serialize;

use crate::model::{ActionScope, Cause, MemberKey, Order};

/// The order, told.
#[derive(Clone, Debug)]
pub(super) struct Told {
    /// The same over all retries of the order, and no other order's: whoever gets it twice has
    /// nothing left to do.
    pub(super) key: String,
    /// The JSON.
    pub(super) json: Vec<u8>,
    /// Names and values of the variables.
    pub(super) variables: Vec<(&'static str, String)>,
    /// The process, for `{pid}`.
    pub(super) pid: String,
}

#[derive(Serialize)]
struct Context<'a> {
    target: &'a str,
    process: &'a str,
    pid: i32,
    action: &'a str,
    undo: bool,
    scope: &'a str,
    level: &'a str,
    ladder: &'a str,
    metric: Option<String>,
    value: Option<f64>,
    bound: Option<f64>,
    order: &'a str,
    attempt: u32,
}

/// Tells of `order`; `series` tells the states apart whose orders count from one.
pub(super) fn told(order: &Order, series: u64) -> Told {
    let key = format!("{series:016x}-{}", order.id.0);
    let process = match order.member.slot {
        MemberKey::ALL => "all".to_owned(),
        slot => slot.to_string(),
    };
    let cause = order.cause.as_ref();
    let context = Context {
        target: &order.target,
        process: &process,
        pid: order.identity.pid.get(),
        action: &order.action,
        undo: order.undo,
        scope: scope(order.scope),
        level: order.level.name(),
        ladder: &order.ladder,
        metric: cause.map(|cause| cause.metric.to_string()),
        value: cause.map(|cause| cause.value),
        bound: cause.map(|cause| cause.bound),
        order: &key,
        attempt: order.attempt,
    };
    // Strings, numbers and no map: it cannot fail.
    let json = serde_json::to_vec(&context).unwrap_or_default();
    let pid = context.pid.to_string();
    let variables = variables(&context, cause);
    Told { json, variables, pid, key }
}

/// What no reading caused has an empty metric, value and bound, so that `set -u` finds them.
fn variables(context: &Context<'_>, cause: Option<&Cause>) -> Vec<(&'static str, String)> {
    let number = |of: fn(&Cause) -> f64| cause.map(|cause| of(cause).to_string()).unwrap_or_default();
    vec![
        ("TRADEDOG_TARGET", context.target.to_owned()),
        ("TRADEDOG_PROCESS", context.process.to_owned()),
        ("TRADEDOG_PID", context.pid.to_string()),
        ("TRADEDOG_ACTION", context.action.to_owned()),
        ("TRADEDOG_UNDO", u8::from(context.undo).to_string()),
        ("TRADEDOG_SCOPE", context.scope.to_owned()),
        ("TRADEDOG_LEVEL", context.level.to_owned()),
        ("TRADEDOG_LADDER", context.ladder.to_owned()),
        ("TRADEDOG_METRIC", context.metric.clone().unwrap_or_default()),
        ("TRADEDOG_VALUE", number(|cause| cause.value)),
        ("TRADEDOG_BOUND", number(|cause| cause.bound)),
        ("TRADEDOG_ORDER", context.order.to_owned()),
        ("TRADEDOG_ATTEMPT", context.attempt.to_string()),
    ]
}

const fn scope(scope: ActionScope) -> &'static str {
    match scope {
        ActionScope::Process => "process",
        ActionScope::Target => "target",
    }
}
