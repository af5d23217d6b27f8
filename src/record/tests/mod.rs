//! What is said, what is counted, and who writes it.

mod counts;
mod lines;
mod many;
mod writer;

use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::config::{Action, Budget, Daemon, Ladder, Target, Web};
use crate::model::{
    ActionScope, Base, BootId, Cause, Command, FreezeBy, Http, Identity, KillScope, Level, Measure, MemberKey, Metric,
    Moment, Order, OrderId, PerLevel, Pid, Signal, Undo, UndoBy,
};

fn action(name: &str, measure: Measure) -> Action {
    let cooldown = Duration::from_secs(60);
    Action { name: Arc::from(name), measure, cooldown, ..Action::default() }
}

/// What no line may show.
const SECRET: &str = "s3cret";

fn undoable(name: &str, measure: Measure, back: Measure) -> Action {
    let scope = if measure.is_freeze() { ActionScope::Process } else { ActionScope::Target };
    let undo = Undo { measure: back, after: Duration::from_secs(300), by: UndoBy::Daemon };
    Action { scope, undo: Some(undo), ..action(name, measure) }
}

fn command(word: &str) -> Measure {
    let argv = ["/usr/local/bin/trader-ctl", word, "its name"].map(str::to_owned).to_vec();
    Measure::Command(Arc::new(Command { argv, timeout: Duration::from_secs(10) }))
}

fn http(word: &str) -> Measure {
    Measure::Http(Arc::new(Http {
        post: format!("http://me:{SECRET}@127.0.0.1:8080/websocket/{word}/{SECRET}?token={SECRET}#{SECRET}").into(),
        headers: vec![("X-Token".to_owned(), SECRET.to_owned())],
        bearer_file: Some(format!("/etc/{SECRET}").into()),
        body: Some(SECRET.to_owned()),
        expect: vec![200],
        timeout: Duration::from_secs(2),
    }))
}

fn freeze(by: FreezeBy) -> Measure {
    Measure::Freeze { by, deadline: Duration::from_secs(30) }
}

fn target(name: &str) -> Target {
    let ladder = |name: &str| Ladder { name: Arc::from(name), steps: PerLevel::default() };
    let signal = Measure::Signal { signal: Signal::new(10).unwrap(), assume_handled: false };
    Target {
        name: Arc::from(name),
        kill_budget: Budget { max: 3, per: Duration::from_secs(3600) },
        metrics: vec![Metric::plain(Base::OpenFds)],
        thresholds: Vec::new(),
        ladders: if name == "trader" { vec![ladder("default")] } else { vec![ladder("default"), ladder("memory")] },
        actions: vec![
            action("reset_pool", signal),
            action("kill", Measure::Kill { grace: Duration::from_secs(45), scope: KillScope::Tree }),
            undoable("pause", command("pause"), command("resume")),
            undoable("disable_websocket", http("disable"), http("enable")),
            undoable("freeze", freeze(FreezeBy::Signal), Measure::Thaw { by: FreezeBy::Signal }),
            undoable("freeze_all", freeze(FreezeBy::Cgroup), Measure::Thaw { by: FreezeBy::Cgroup }),
        ],
        ..Target::default()
    }
}

fn config(targets: &[&str], dry_run: bool) -> Arc<Config> {
    Arc::new(Config {
        daemon: Daemon { dry_run, ..Daemon::default() },
        web: Web { listen: Vec::new(), max_series: 10, ..Web::default() },
        targets: targets.iter().map(|name| target(name)).collect(),
        ..Config::default()
    })
}

const WHO: MemberKey = MemberKey { target: 0, slot: 0 };

fn identity() -> Identity {
    Identity { boot: BootId(1), pid: Pid::new(1234).unwrap(), start_ticks: 1, pidfs_inode: None }
}

fn cause(metric: Metric, value: f64, bound: f64) -> Cause {
    Cause { metric, value, bound, since: Moment::from_secs(100), escalated: None }
}

fn order(target: &Target, action: usize) -> Arc<Order> {
    let action = &target.actions[action];
    Arc::new(Order {
        id: OrderId(17),
        member: WHO,
        identity: identity(),
        target: Arc::clone(&target.name),
        ladder: Arc::from("default"),
        level: Level::Elevated,
        action: Arc::clone(&action.name),
        measure: action.measure.clone(),
        cause: Some(cause(Metric::plain(Base::OpenFds), 305.0, 300.0)),
        undo: false,
        scope: action.scope,
        thaw: None,
        decided: Moment::from_secs(100),
        attempt: 1,
        by: None,
    })
}

/// What takes the measure of an action back.
fn undo(target: &Target, action: usize) -> Arc<Order> {
    let measure = target.actions[action].undo.clone().unwrap().measure;
    Arc::new(Order { id: OrderId(18), undo: true, measure, ..(*order(target, action)).clone() })
}
