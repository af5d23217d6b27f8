//! What a file that is right means.

use std::net::IpAddr;

use tradedog::config::{Address, Bound, Budget, End, Ladder, Members};
use tradedog::model::{KillScope, Level, METRICS, Measure, MetricInfo, Scope, Signal};

use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// A target with these further lines.
fn with(lines: &str) -> Target {
    target(&format!("[target.trader]\nmatch = {{ unit = \"trader.service\" }}\n{lines}"))
}

fn bound(target: &Target, metric: &str, level: Level) -> Option<Bound> {
    let index = target.metrics.iter().position(|m| m.to_string() == metric)?;
    target.thresholds.iter().find(|row| row.metric == index)?.bounds.get(level).copied().flatten()
}

/// Names of the actions of a ladder, level by level.
fn steps(target: &Target, ladder: &str) -> Vec<(Level, Vec<String>)> {
    let Some(index) = target.ladders.iter().position(|l: &Ladder| &*l.name == ladder) else { return Vec::new() };
    let named = |level| target.rungs(index, level).map(|(_, action)| action.name.to_string()).collect::<Vec<_>>();
    Level::ABOVE_NORMAL.map(|level| (level, named(level))).into_iter().filter(|(_, names)| !names.is_empty()).collect()
}

#[test]
fn an_empty_file_has_the_documented_defaults() {
    let config = parse("").unwrap();
    assert_eq!(config.daemon.interval, SECOND);
    assert!(!config.daemon.dry_run);
    assert_eq!(config.daemon.kill_budget, Budget { max: 10, per: 3600 * SECOND });
    assert_eq!(config.web.listen, ["127.0.0.1:7911".parse().unwrap()]);
    assert_eq!(config.web.max_series, 10_000);
    assert!(config.targets.is_empty() && config.peers.is_empty());
}

#[test]
fn a_bare_target_has_the_documented_defaults_and_every_exported_metric() {
    let target = with("");
    assert_eq!(target.members, Members::All);
    assert_eq!((target.shared, target.expect, target.keep_at_least), (false, None, 0));
    assert_eq!((target.startup_grace, target.settle), (Duration::ZERO, 5 * SECOND));
    assert_eq!(target.kill_budget, Budget { max: 3, per: 3600 * SECOND });
    let metrics: Vec<String> = target.metrics.iter().map(ToString::to_string).collect();
    // What costs a file of its own or a long list of sockets is read only where somebody asks for it.
    let dear = |row: &MetricInfo| row.name == "major_faults" || row.base.is_other_state();
    let always = METRICS.iter().filter(|row| row.scope == Scope::Process && !dear(row));
    let mut exported: Vec<&str> = always.map(|row| row.name).collect();
    exported.extend(["cgroup_memory", "cgroup_working_set", "cgroup_memory_limit", "cgroup_swap"]);
    assert_eq!(metrics, exported);
    let asking = with("[target.trader.thresholds]\nestablished = { elevated = 9 }\n");
    let states = METRICS.iter().filter(|row| row.scope == Scope::Process && row.base.is_other_state());
    assert!(states.clone().count() > 7);
    for state in states {
        assert!(asking.metrics.iter().any(|metric| metric.base == state.base), "{}", state.name);
    }
    assert_eq!(target.ladders.len(), 1);
    assert_eq!(&*target.ladders[0].name, "default");
}

#[test]
fn cgroups_are_read_where_the_match_or_a_threshold_has_to_do_with_them() {
    let read = |target: &Target| -> Vec<String> {
        target.metrics.iter().filter(|m| m.info().scope == Scope::Cgroup).map(ToString::to_string).collect()
    };
    let by = |text: &str| target(&format!("[target.x]\nmatch = {{ {text} }}\n"));
    let exported = ["cgroup_memory", "cgroup_working_set", "cgroup_memory_limit", "cgroup_swap"];
    assert_eq!(read(&by("unit = \"x.service\"")), exported);
    assert_eq!(read(&by("cgroup = \"/x/*\"")), exported);
    assert!(read(&by("comm = \"x\"")).is_empty());
    let row = "comm = \"x\" }\nthresholds = { cgroup_memory_pressure = { elevated = \"10%\" }, cgroup_swap = { expected = \"1MB\" }";
    let named = ["cgroup_memory_pressure", "cgroup_swap", "cgroup_memory", "cgroup_working_set", "cgroup_memory_limit"];
    assert_eq!(read(&by(row)), named);
}

#[test]
fn peers_bring_their_metrics_and_thresholds_what_they_name() {
    let target = target(
        "[peers]\nb = \"*:1\"\na = { local = \"10.0.0.0/8:*\" }\n[target.x]\nmatch = { comm = \"x\" }\n\
         [target.x.thresholds]\n\"sockets.a\" = { elevated = 1 }\n\"close_wait.b\" = { elevated = 2 }\nhost_swap_used = { elevated = \"50%\" }\n",
    );
    let metrics: Vec<String> = target.metrics.iter().map(ToString::to_string).collect();
    let added = ["close_wait.b", "close_wait.a", "established.b", "established.a", "sockets.a", "host_swap_used"];
    assert_eq!(metrics[15..], added);
    let named: Vec<&str> = target.thresholds.iter().map(|t| metrics[t.metric].as_str()).collect();
    assert_eq!(named, ["sockets.a", "close_wait.b", "host_swap_used"]);
}

fn network(address: &Address) -> Option<(IpAddr, u8)> {
    if let Address::Network(network) = address { Some((network.address, network.prefix)) } else { None }
}

#[test]
fn host_names_are_read_in_one_spelling_and_each_once() {
    let longest = format!("{}.com", ["a".repeat(63), "b".repeat(63), "c".repeat(63), "d".repeat(57)].join("."));
    assert_eq!(longest.len(), 253);
    let text = format!(
        "[peers]\na = \"Broker.Example.COM.:443\"\nb = {{ local = \"broker.example.com:*\" }}\nc = \"_svc.db-1:1\"\n\
         d = \"localhost:2\"\ne = \"{longest}:3\"\nf = \"3com.example:4\"\n"
    );
    let config = parse(&text).unwrap();
    let name = |text: &str| Address::Name(text.into());
    let (a, b) = (&config.peers[0], &config.peers[1]);
    assert_eq!((a.end, &a.address, a.port), (End::Remote, &name("broker.example.com"), Some(443)));
    assert_eq!((b.end, &b.address, b.port), (End::Local, &name("broker.example.com"), None));
    let names: Vec<String> = config.host_names().iter().map(ToString::to_string).collect();
    assert_eq!(names, ["broker.example.com", "_svc.db-1", "localhost", &longest, "3com.example"]);
}

#[test]
fn peers_take_addresses_networks_and_stars() {
    let text = "[peers]\na = \"10.0.5.10:5432\"\nb = \"[fd00::/8]:*\"\nc = { local = \"*:8443\" }\nd = \"0.0.0.0/0:1\"\ne = \"[::1]:2\"\n";
    let config = parse(text).unwrap();
    let rows: Vec<_> = config.peers.iter().map(|p| (&*p.name, p.end, network(&p.address), p.port)).collect();
    let ip = |text: &str| text.parse::<IpAddr>().unwrap();
    assert_eq!(rows[0], ("a", End::Remote, Some((ip("10.0.5.10"), 32)), Some(5432)));
    assert_eq!(rows[1], ("b", End::Remote, Some((ip("fd00::"), 8)), None));
    assert_eq!(rows[2], ("c", End::Local, None, Some(8443)));
    assert_eq!(rows[3], ("d", End::Remote, Some((ip("0.0.0.0"), 0)), Some(1)));
    assert_eq!(rows[4], ("e", End::Remote, Some((ip("::1"), 128)), Some(2)));
}

#[test]
fn a_bound_takes_clear_and_hold_from_itself_then_from_its_row() {
    let target = with(
        "[target.trader.thresholds]\nopen_fds = { elevated = 70, warning = { at = 100, clear = 99, hold = \"3s\" }, clear = \"50%\", hold = \"1m\" }\n\
         threads = { fatal = 70 }\nrss = { elevated = { at = \"100MB\", hold = \"0s\" }, hold = \"9s\", clear_hold = \"0s\" }\n",
    );
    let of = |metric, level| bound(&target, metric, level).unwrap();
    assert_eq!(of("open_fds", Level::Elevated), Bound { at: 70.0, clear: 35.0, hold: 60 * SECOND });
    assert_eq!(of("open_fds", Level::Warning), Bound { at: 100.0, clear: 99.0, hold: 3 * SECOND });
    assert_eq!(bound(&target, "open_fds", Level::Critical), None);
    assert_eq!(of("threads", Level::Fatal), Bound { at: 70.0, clear: 63.0, hold: Duration::ZERO });
    assert_eq!(of("rss", Level::Elevated), Bound { at: 1e8, clear: 9e7, hold: Duration::ZERO });
    assert_eq!(target.thresholds[0].clear_hold, 30 * SECOND);
    assert_eq!(target.thresholds[2].clear_hold, Duration::ZERO);
}

#[test]
fn ladders_name_actions_in_the_written_order() {
    let target = with(
        "[target.trader.thresholds]\nopen_fds = { elevated = 1, fatal = 9 }\nrss = { critical = \"1GB\", ladder = \"memory\" }\n\
         [target.trader.ladder]\nelevated = [\"b\", \"a\"]\nfatal = [\"k\"]\nmemory = { critical = [\"k\", \"b\"] }\n\
         [target.trader.actions]\na = { signal = \"SIGRTMIN\" }\nb = { signal = \"SIGRTMAX-1\", assume_handled = true }\nk = { kill = { scope = \"tree\" } }\n",
    );
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    assert_eq!(steps(&target, "default"), [(Level::Elevated, names(&["b", "a"])), (Level::Fatal, names(&["k"]))]);
    assert_eq!(steps(&target, "memory"), [(Level::Critical, names(&["k", "b"]))]);
    let ladders: Vec<usize> = target.thresholds.iter().map(|t| t.ladder).collect();
    assert_eq!(ladders, [0, 1]);
    let action = &target.actions[2];
    assert_eq!(action.measure, Measure::Kill { grace: 30 * SECOND, scope: KillScope::Tree });
    assert_eq!((action.cooldown, action.repeat, action.max_attempts), (60 * SECOND, None, 5));
    let measures = [&target.actions[0], &target.actions[1]].map(|action| action.measure.clone());
    let signal = |number, assume_handled| Measure::Signal { signal: Signal::new(number).unwrap(), assume_handled };
    assert_eq!(measures, [signal(nix::libc::SIGRTMIN(), false), signal(nix::libc::SIGRTMAX() - 1, true)]);
}

const DEFAULTS: &str = "[defaults.thresholds]\nopen_fds = { elevated = 300, fatal = 900 }\nrss = { elevated = \"1GB\", ladder = \"memory\" }\n\
    [defaults.ladder]\nelevated = [\"reload\"]\nwarning = [\"reset\"]\ncritical = [\"reset\"]\nmemory = { elevated = [\"reset\"] }\n\
    [defaults.actions]\nreload = { signal = \"SIGHUP\" }\nreset = { signal = \"SIGUSR1\", cooldown = \"9s\" }\n\
    [target.trader]\nmatch = { comm = \"x\" }\n";

#[test]
fn a_target_inherits_what_it_does_not_say() {
    let target = target(DEFAULTS);
    assert_eq!(bound(&target, "open_fds", Level::Fatal).unwrap().at, 900.0);
    let flat = |ladder: &str| {
        steps(&target, ladder).into_iter().map(|(l, names)| (l.name(), names.join("+"))).collect::<Vec<_>>()
    };
    let row = |level: &'static str, names: &str| (level, names.to_owned());
    let default = [row("elevated", "reload"), row("warning", "reset"), row("critical", "reset")];
    assert_eq!(flat("default"), default);
    assert_eq!(flat("memory"), [row("elevated", "reset")]);
}

#[test]
fn what_a_target_says_replaces_the_inherited_entry_as_a_whole() {
    let target = target(&format!(
        "{DEFAULTS}[target.trader.thresholds]\nopen_fds = {{ warning = 5 }}\nrss = \"none\"\n\
         [target.trader.ladder]\nwarning = [\"reload\", \"reset\"]\nelevated = \"none\"\n\
         [target.trader.actions]\nreset = {{ signal = \"SIGUSR2\" }}\n"
    ));
    assert_eq!(bound(&target, "open_fds", Level::Elevated), None, "replaced whole");
    assert_eq!(bound(&target, "open_fds", Level::Warning).unwrap().at, 5.0);
    assert_eq!(target.thresholds.len(), 1, "rss is taken out");
    let names: Vec<_> = steps(&target, "default");
    assert_eq!(names, [(Level::Warning, vec!["reload".to_owned(), "reset".to_owned()])], "critical is out of reach");
    assert_eq!(target.ladders.len(), 1, "nothing feeds the inherited ladder");
    let reset = target.actions.iter().find(|action| &*action.name == "reset").unwrap();
    assert_eq!(reset.cooldown, 60 * SECOND, "replaced whole");
}

#[test]
fn a_named_ladder_and_an_action_are_taken_out_by_none() {
    let target = target(&format!(
        "{DEFAULTS}[target.trader.thresholds]\nrss = {{ elevated = \"2GB\" }}\n\
         [target.trader.ladder]\nmemory = \"none\"\n[target.trader.actions]\nreload = \"none\"\n"
    ));
    assert_eq!(target.ladders.len(), 1);
    let reset = || vec!["reset".to_owned()];
    assert_eq!(steps(&target, "default"), [(Level::Warning, reset()), (Level::Critical, reset())], "reload is gone");
}

#[test]
fn a_kill_that_can_never_happen_is_warned_of() {
    let text = |selector: &str| {
        format!(
            "[target.x]\nmatch = {{ {selector} }}\n[target.x.thresholds]\nopen_fds = {{ fatal = 9 }}\n\
             [target.x.ladder]\nfatal = [\"k\"]\n[target.x.actions]\nk = {{ kill = {{}} }}\n"
        )
    };
    for imitable in ["comm = \"x\"", "exe = \"/x\", cmdline = \"x\"", "cgroup = \"/x\""] {
        let told = told(&parse(&text(imitable)));
        assert_eq!(told.len(), 1, "{imitable}");
        assert_eq!((told[0].0, told[0].1), (8, 1));
        assert!(told[0].2.contains("always be vetoed as imitable"));
    }
    for anchored in [
        "comm = \"x\", user = \"root\"",
        "unit = \"x.service\"",
        "user = 65534",
        "pidfile = \"/x\"",
        "cidfile = \"/x\"",
        "container = \"db1\"",
    ] {
        assert_eq!(told(&parse(&text(anchored))), [], "{anchored}");
    }
}

#[test]
fn a_repeat_within_the_cooldown_is_warned_of() {
    let text = "[target.x]\nmatch = { comm = \"x\" }\n[target.x.thresholds]\nopen_fds = { fatal = 9 }\n[target.x.ladder]\nfatal = [\"a\"]\n\
        [target.x.actions]\na = { signal = \"SIGUSR1\", repeat = \"30s\" }\n";
    let told = told(&parse(text));
    assert_eq!(told.len(), 1);
    assert!(told[0].2.contains("shorter than `cooldown` (\"1m\")"), "{told:?}");
}

#[test]
fn a_container_is_an_id_or_a_name() {
    let container = |text: &str| {
        let target = target(&format!("[target.x]\nmatch = {{ container = \"{text}\", cidfile = \"/run/x.cid\" }}\n"));
        assert_eq!(target.selector.cidfile, Some(PathBuf::from("/run/x.cid")));
        target.selector.container.unwrap()
    };
    for id in ["4f2c9a1b7d3e", &"4f2c9a1b".repeat(8), "123456789012", "deadbeefcafe"] {
        assert_eq!(container(id), config::Container::Id(id.to_owned()));
    }
    for name in ["trader", "db1", "100", "feed", "facade", "build-eu_2.x", "4f2c9"] {
        assert_eq!(container(name), config::Container::Name(name.to_owned()));
    }
}

#[test]
fn a_selector_says_what_was_written() {
    let target = target(
        "[target.x]\nmatch = { cgroup = \"/a/*.service\", exe = \"/usr/bin/x\", cmdline = 'a\\.py', comm = \"a) R 1 (\", user = \"root\" }\n",
    );
    let selector = target.selector;
    let glob = selector.cgroup.unwrap();
    assert!(glob.is_match("/a/b.service") && !glob.is_match("/a/b/c.service"), "* stays within one folder");
    let regex = selector.cmdline.unwrap();
    assert!(regex.is_match(b"python \xff a.py") && !regex.is_match(b"axpy"));
    assert_eq!(selector.comm.as_deref(), Some("a) R 1 ("));
    assert_eq!(selector.user.map(|user| user.uid), Some(0));
    assert_eq!(selector.exe, Some(PathBuf::from("/usr/bin/x")));
}
