//! Every measure, by a daemon with each set of capabilities.

use std::fs;

use super::super::support::{Daemon, Endpoint, Group, Leaker, eventually, has, lives, state};
use super::table::{Row, part};
use super::{OWNER, SETS, may_try};

/// The measures of the table's lines: a name, the head of its line, the words of the configuration.
const MEASURES: [(&str, &str, &str); 8] = [
    ("http", "`http`, `command`", "http = { post = \"URL\" }"),
    ("command", "`http`, `command`", "command = [\"/bin/true\"]"),
    ("signal", "`signal`", "signal = \"SIGUSR1\""),
    ("stop", "`freeze = { by = \"signal\" }` and its thaw", "freeze = { by = \"signal\", deadline = \"1s\" }"),
    ("halt", "`freeze = { by = \"cgroup\" }` and its thaw", "freeze = { by = \"cgroup\", deadline = \"1s\" }"),
    ("kill", KILL, "kill = { grace = \"100ms\", scope = \"process\" }"),
    ("kill_tree", KILL, "kill = { grace = \"100ms\", scope = \"tree\" }"),
    ("kill_cgroup", KILL, "kill = { grace = \"100ms\", scope = \"cgroup\" }"),
];
const KILL: &str = "`kill` with `scope = \"process\"`, `\"tree\"`, `\"cgroup\"`";

/// A process, and the one measure that is taken on it as soon as it is seen.
struct Case {
    name: &'static str,
    /// Whether the table says that it works.
    may: bool,
    leaker: Leaker,
    group: Option<Group>,
}

impl Case {
    /// None where the host has no cgroup for it.
    fn new((name, head, _): (&'static str, &str, &str), set: &str, rows: &[Row]) -> Option<Self> {
        let row = rows.iter().find(|row| row.head == head).unwrap_or_else(|| panic!("no line {head}"));
        let leaker = Leaker::handling(&["SIGUSR1"]).run_by(OWNER).start();
        let own = matches!(name, "halt" | "kill_cgroup");
        let group = own.then(|| Group::holding(&leaker.tag(), &[leaker.pid()]));
        if group.as_ref().is_some_and(Option::is_none) {
            return None;
        }
        Some(Self { name, may: row.says(set), leaker, group: group.flatten() })
    }

    fn told(&self, words: &str, url: &str) -> String {
        let Self { name, leaker, .. } = self;
        format!(
            "[target.{name}]\nmatch = {{ cmdline = \"{}\", user = \"{OWNER}\" }}\nsettle = \"0s\"\n\
             thresholds = {{ threads = {{ elevated = 1 }} }}\nladder = {{ elevated = [\"{name}\"] }}\n\
             actions = {{ {name} = {{ {}, max_attempts = 1 }} }}\n",
            leaker.tag(),
            words.replace("URL", url)
        )
    }

    /// Waits until the order has ended as the table says, and looks at the process.
    fn assert_done(&self, daemon: &Daemon, endpoint: &Endpoint) {
        let ends: &[(&str, &str)] = match self.may {
            true => &[("delivered", "none"), ("acknowledged", "none"), ("gone", "none")],
            false => &[("failed", "refused")],
        };
        let count = || ends.iter().map(|(outcome, reason)| daemon.orders(self.name, outcome, reason)).sum::<f64>();
        eventually(20, &format!("the end of {} as {ends:?}:\n{}", self.name, daemon.log()), || {
            (count() == 1.0).then_some(())
        });
        let pid = self.leaker.pid();
        match self.name {
            "http" => assert_eq!(endpoint.asked("/").len(), 1),
            "command" => {}
            "signal" => {
                let expected: &[&str] = if self.may { &["SIGUSR1"] } else { &[] };
                eventually(5, "the signal", || (self.leaker.signals() == expected).then_some(()));
            }
            "stop" | "halt" => self.assert_thawed(daemon),
            _ => assert_eq!(lives(pid), !self.may, "{}", self.name),
        }
    }

    /// It stood still, if it may, and runs again.
    fn assert_thawed(&self, daemon: &Daemon) {
        eventually(10, "nothing in force", || (daemon.in_force(self.name) == 0).then_some(()));
        let frozen = self.group.as_ref().map(|group| fs::read_to_string(group.path().join("cgroup.freeze")).unwrap());
        assert!(frozen.is_none_or(|frozen| frozen.trim() == "0"));
        assert_ne!(state(self.leaker.pid()), 'T', "{}", self.name);
    }
}

fn try_all(set: &str) {
    if !may_try() || !has("setpriv") {
        return;
    }
    let rows = part("measures");
    let (_, capabilities) = SETS.into_iter().find(|(head, _)| *head == set).unwrap();
    let endpoint = Endpoint::start();
    let all = MEASURES.into_iter().filter_map(|measure| Some((Case::new(measure, set, &rows)?, measure.2)));
    let cases: Vec<(Case, &str)> = all.collect();
    let told: String = cases.iter().map(|(case, words)| case.told(words, &endpoint.url("/"))).collect();
    let setup = Daemon::told(&told).run_by_nobody();
    let daemon = if capabilities.is_empty() { setup.start() } else { setup.with_capabilities(capabilities).start() };
    for (case, _) in &cases {
        case.assert_done(&daemon, &endpoint);
    }
    let log = daemon.log();
    let refused = cases.iter().any(|(case, _)| !case.may && case.name == "signal");
    assert_eq!(log.contains("without CAP_KILL (systemd/act.conf)"), refused, "{log}");
    let (code, body) = daemon.get("/-/ready").unwrap();
    assert_eq!(code, 200, "no threshold is blind: {body}");
}

#[test]
fn the_table_is_right_about_observe() {
    try_all("observe");
}

#[test]
fn the_table_is_right_about_act() {
    try_all("act");
}

#[test]
fn the_table_is_right_about_ptrace() {
    try_all("PTRACE");
}

#[test]
fn the_table_is_right_about_read() {
    try_all("READ");
}

#[test]
fn the_table_is_right_about_ptrace_and_read() {
    try_all("PTRACE, READ");
}

#[test]
fn the_table_is_right_about_deep() {
    try_all("deep");
}

#[test]
fn the_table_is_right_about_cgroup() {
    try_all("act, cgroup");
}

#[test]
fn every_line_about_measures_is_tried() {
    for row in part("measures") {
        assert!(MEASURES.iter().any(|(_, head, _)| *head == row.head), "nobody tries {}", row.head);
    }
}
