//! What the sections beside thresholds, ladders and actions mean: the host's, groups, schedules.

use tradedog::config::{HostStep, Per, Schedule};
use tradedog::model::Level;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// Two targets, of which nothing else names the actions.
const TARGETS: &str = "[target.gateway]\nmatch = { unit = \"gateway.service\" }\n\
    actions = { other = { signal = \"SIGUSR2\" }, shed_load = { signal = \"SIGUSR1\" } }\n\
    schedule = [{ every = \"1h\", action = \"other\" }]\n\
    [target.analysis]\nmatch = { unit = \"analysis.service\" }\nactions = { kill = { kill = {} } }\n";

fn whole(text: &str) -> Config {
    parse(text).unwrap_or_else(|problems| panic!("{problems}"))
}

fn names(config: &Config) -> Vec<String> {
    config.host.metrics.iter().map(ToString::to_string).collect()
}

const ALWAYS: [&str; 6] =
    ["host_memory_used", "host_swap_used", "host_swap_in", "host_swap_out", "host_memory_pressure", "host_open_files"];

#[test]
fn what_is_exported_of_the_host_is_read_whatever_is_written() {
    assert_eq!(names(&whole("")), ALWAYS);
    let peers = "[peers]\nb = \"*:1\"\na = \"*:2\"\n";
    let with_peers = [&ALWAYS[..], &["host_established", "host_established.b", "host_established.a"]].concat();
    assert_eq!(names(&whole(peers)), with_peers);
    let time_wait = ["host_time_wait", "host_time_wait.b", "host_time_wait.a"];
    let host = "[host.thresholds]\n\"host_time_wait.a\" = { elevated = 10 }\n";
    let target = "[target.x]\nmatch = { comm = \"x\" }\n[target.x.thresholds]\nhost_time_wait = { elevated = 10 }\n";
    for naming in [host, target] {
        let config = whole(&(peers.to_owned() + naming));
        assert_eq!(names(&config), [&with_peers[..], &time_wait].concat(), "{naming}");
    }
    let config = whole(&(peers.to_owned() + host));
    let metric = config.host.thresholds[0].metric;
    assert_eq!(config.host.metrics[metric].to_string(), "host_time_wait.a");
}

#[test]
fn the_hosts_ladder_names_actions_of_targets_in_the_written_order() {
    let config = whole(&format!(
        "[host.thresholds]\nhost_memory_used = {{ elevated = \"60%\", fatal = \"90%\", hold = \"1m\" }}\n\
         host_swap_in = {{ warning = \"500/s\", critical = {{ at = \"600/min\", clear = \"0.5/s\" }} }}\n\
         [host.ladder]\nwarning = [\"gateway.shed_load\"]\nfatal = [\"analysis.kill\", \"gateway.shed_load\"]\n{TARGETS}"
    )
    .replace("warning = \"500/s\"", "warning = \"300/min\""));
    let (shed, kill) = (HostStep { target: 0, action: 1 }, HostStep { target: 1, action: 0 });
    assert_eq!(config.host.ladder.get(Level::Warning), Some(&vec![shed]));
    assert_eq!(config.host.ladder.get(Level::Fatal), Some(&vec![kill, shed]));
    assert_eq!(config.host.ladder.get(Level::Elevated), Some(&Vec::new()));
    let [memory, swap] = &config.host.thresholds[..] else { panic!("{:?}", config.host.thresholds) };
    let at = |level| swap.bounds.get(level).copied().flatten().map(|bound| (bound.at, bound.clear, bound.hold));
    assert_eq!(at(Level::Warning), Some((5.0, 4.5, Duration::ZERO)));
    assert_eq!(at(Level::Critical), Some((10.0, 0.5, Duration::ZERO)));
    assert_eq!(memory.bounds.get(Level::Fatal).copied().flatten().unwrap().hold, 60 * SECOND);
    assert!(config.targets.iter().all(Target::has_ladder), "something may be done to both");
    assert!(config.warnings.is_empty(), "{}", config.warnings);
}

#[test]
fn bounds_of_the_host_without_a_ladder_are_observed() {
    let config = whole("[host.thresholds]\nhost_memory_pressure = { fatal = \"20%\" }\n");
    assert_eq!(config.host.thresholds.len(), 1);
    assert!(config.host.ladder.iter().all(|(_, steps)| steps.is_empty()));
}

#[test]
fn the_hosts_ladder_may_name_what_a_target_inherits_and_what_a_drop_in_brings() {
    let main = "[host.thresholds]\nhost_memory_used = { elevated = \"60%\" }\n[host.ladder]\nelevated = [\"a.calm\"]\n\
                [defaults.actions]\ncalm = { http = { post = \"http://127.0.0.1/\" } }\n";
    let drop_in = Source::new("a.toml", "[target.a]\nmatch = { comm = \"a\" }\n");
    let config = config::parse(vec![Source::new("watchdog.toml", main), drop_in]).unwrap();
    assert_eq!(config.host.ladder.get(Level::Elevated), Some(&vec![HostStep { target: 0, action: 0 }]));
    let host = Source::new("a.toml", "[host.thresholds]\nhost_memory_used = { elevated = \"60%\" }\n");
    let problems = config::parse(vec![Source::new("watchdog.toml", ""), host]).unwrap_err();
    assert!(problems.iter().next().unwrap().what.contains("in a drop-in"), "{problems}");
}

#[test]
fn a_schedule_has_the_documented_defaults() {
    let config = whole(
        TARGETS
            .replace("[target.analysis]", "per = \"group\"\n[target.analysis]")
            .as_str()
            .replace("kill = { kill = {} }", "")
            .replace("shed_load = { signal = \"SIGUSR1\" }", "")
            .as_str(),
    );
    let hour = 3600 * SECOND;
    let expected = Schedule { action: 0, every: hour, phase: hour, jitter: Duration::ZERO };
    assert_eq!(config.targets[0].schedule, [expected]);
    assert!(config.targets[0].has_ladder() && !config.targets[1].has_ladder());
    assert_eq!([config.targets[0].per, config.targets[1].per], [Per::Group, Per::Process]);
}

#[test]
fn a_schedule_takes_phase_and_jitter_as_written() {
    let target = target(
        "[target.x]\nmatch = { comm = \"x\" }\nactions = { a = { signal = \"SIGUSR1\" } }\n\
         [[target.x.schedule]]\nevery = \"5m\"\naction = \"a\"\nphase = \"0s\"\njitter = \"2m30s\"\n",
    );
    let expected = Schedule { action: 0, every: 300 * SECOND, phase: Duration::ZERO, jitter: 150 * SECOND };
    assert_eq!(target.schedule, [expected]);
}

#[test]
fn a_schedule_that_outruns_the_cooldown_of_its_action_is_warned_of() {
    let warned = |cooldown: &str| {
        let text = format!(
            "[target.x]\nmatch = {{ comm = \"x\" }}\nactions = {{ a = {{ signal = \"SIGUSR1\", cooldown = \"{cooldown}\" }} }}\n\
             [[target.x.schedule]]\nevery = \"10s\"\naction = \"a\"\n"
        );
        whole(&text).warnings.iter().map(|problem| problem.what.to_string()).collect::<Vec<_>>()
    };
    let told = "`every` (\"10s\") is shorter than the `cooldown` of `a` (\"11s\"), which holds it back";
    assert_eq!(warned("11s"), [told]);
    assert!(warned("10s").is_empty());
}
