//! A configuration as single facts under the names that an operator knows. Every field is taken apart by
//! name, so that none that is added is forgotten here.

use std::collections::BTreeMap;
use std::path::Path as File;
use std::time::Duration;

use super::Path;
use crate::config::text::capped;
use crate::config::{
    Action, Address, Bound, Budget, Config, Daemon, EffectKind, End, Escalate, Expect, Host, HostStep, Ladder, Members,
    Needs, Network, Otherwise, Peer, Per, Schedule, Selector, Target, Threshold, Tls, User, Web, WebUser, units,
};
use crate::model::{ActionScope, Command, FreezeBy, Http, KillScope, Measure, PerLevel, Undo, UndoBy, Unit};

/// What stands somewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fact {
    /// Equal only where it means the same.
    pub(super) exact: String,
    /// For people; none for what is secret.
    pub(super) shown: Option<String>,
}

/// Collects facts.
#[derive(Default)]
pub(super) struct Facts {
    all: BTreeMap<Path, Fact>,
    at: Path,
}

impl Facts {
    /// Everything that `config` says.
    pub(super) fn of(config: &Config) -> BTreeMap<Path, Fact> {
        let Config {
            daemon,
            web,
            history,
            incidents,
            peers,
            calendars,
            host,
            targets,
            files,
            warnings: _,
            set_aside: _,
            fallback: _,
        } = config;
        let mut facts = Self::default();
        facts.daemon(daemon);
        facts.web(web);
        facts.history(*history);
        facts.incidents(*incidents);
        for peer in peers {
            facts.peer(peer);
        }
        for calendar in calendars {
            facts.calendar(calendar);
        }
        facts.host(host, targets);
        for target in targets {
            facts.within(format!("target {}", target.name), |facts| facts.target(config, target));
        }
        for file in files.iter().skip(1) {
            facts.within(format!("file {}", path(file)), |_| ());
        }
        facts.all
    }

    /// The facts of something that has a name.
    pub(super) fn within(&mut self, name: String, tell: impl FnOnce(&mut Self)) {
        self.at.push(name);
        self.all.insert(self.at.clone(), Fact { exact: String::new(), shown: None });
        tell(self);
        self.at.pop();
    }

    fn put(&mut self, key: &str, fact: Fact) {
        let place: Path = self.at.iter().cloned().chain([key.to_owned()]).collect();
        // Two under one name are told together.
        let before = self.all.remove(&place);
        let fact = match before {
            Some(before) => Fact {
                exact: format!("{}\0{}", before.exact, fact.exact),
                shown: before.shown.zip(fact.shown).map(|(one, other)| format!("{one}, {other}")),
            },
            None => fact,
        };
        self.all.insert(place, fact);
    }

    pub(super) fn text(&mut self, key: &str, text: impl Into<String>) {
        let exact = text.into();
        let shown = Some(if exact.is_empty() { "none".to_owned() } else { capped(&exact) });
        self.put(key, Fact { exact, shown });
    }

    pub(super) fn secret(&mut self, key: &str, exact: String) {
        self.put(key, Fact { exact, shown: None });
    }

    pub(super) fn time(&mut self, key: &str, time: Duration) {
        self.text(key, units::Duration(time).to_string());
    }

    fn time_if_any(&mut self, key: &str, time: Option<Duration>) {
        self.text(key, time.map_or_else(String::new, |time| units::Duration(time).to_string()));
    }

    fn budget(&mut self, key: &str, Budget { max, per }: Budget) {
        self.text(key, format!("{max} per {}", units::Duration(per)));
    }

    fn number(&mut self, key: &str, (value, unit): (f64, Unit)) {
        self.put(key, Fact { exact: format!("{:x}", value.to_bits()), shown: Some(units::show(value, unit)) });
    }

    fn daemon(&mut self, daemon: &Daemon) {
        let Daemon {
            interval,
            min_interval,
            rescan,
            sockets_interval,
            max_cpu,
            dry_run,
            kill_budget,
            summary,
            forecast_window,
            evidence_timeout,
        } = daemon;
        self.within("[daemon]".to_owned(), |facts| {
            facts.time("interval", *interval);
            facts.time("min_interval", *min_interval);
            facts.time("rescan", *rescan);
            facts.time("sockets_interval", *sockets_interval);
            facts.text("max_cpu", max_cpu.map_or_else(|| "off".to_owned(), |share| units::show(share, Unit::Ratio)));
            facts.text("dry_run", dry_run.to_string());
            facts.budget("kill_budget", *kill_budget);
            facts.time("summary", *summary);
            facts.time("forecast_window", *forecast_window);
            facts.time("evidence_timeout", *evidence_timeout);
        });
    }

    fn web(&mut self, web: &Web) {
        let Web { listen, max_series, tls, users } = web;
        self.within("[web]".to_owned(), |facts| {
            facts.text("listen", listen.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "));
            facts.text("max_series", max_series.to_string());
            facts.text("tls", if tls.is_some() { "on" } else { "off" });
            if let Some(Tls { cert, key, client_ca }) = tls {
                facts.text("tls cert", path(cert));
                facts.text("tls key", path(key));
                facts.text("tls client_ca", client_ca.as_deref().map(path).unwrap_or_default());
            }
        });
        for WebUser { name, hash } in users {
            let name = format!("[web] user {}", capped(name));
            self.within(name, |facts| facts.secret("password", hash.reveal().to_owned()));
        }
    }

    fn peer(&mut self, peer: &Peer) {
        let Peer { name, end, address, port } = peer;
        let end = match end {
            End::Remote => "",
            End::Local => "local ",
        };
        let address = match address {
            Address::Any => "*".to_owned(),
            Address::Network(Network { address, prefix }) => format!("{address}/{prefix}"),
            Address::Name(name) => name.to_string(),
        };
        let port = port.map_or_else(|| "*".to_owned(), |port| port.to_string());
        self.within(format!("[peers] {name}"), |facts| facts.text("", format!("{end}{address} port {port}")));
    }

    fn host(&mut self, host: &Host, targets: &[Target]) {
        let Host { metrics: _, thresholds, forecasts: _, ladder } = host;
        let name = |HostStep { target, action }: &HostStep| {
            let target = targets.get(*target)?;
            Some(format!("{}.{}", target.name, target.actions.get(*action)?.name))
        };
        self.within("[host]".to_owned(), |facts| {
            for threshold in thresholds {
                facts.threshold(threshold, &[]);
            }
            for (level, steps) in ladder.iter() {
                let steps: Vec<String> = steps.iter().filter_map(name).collect();
                facts.text(&format!("ladder {level}"), steps.join(", "));
            }
        });
    }

    fn target(&mut self, config: &Config, target: &Target) {
        let Target {
            name: _,
            written: _,
            selector,
            members,
            shared,
            expect,
            startup_grace,
            settle,
            kill_budget,
            keep_at_least,
            metrics: _,
            thresholds: _,
            forecasts,
            ladders: _,
            during: _,
            usual: _,
            inside: _,
            actions,
            per,
            schedule,
            on_host_ladder: _,
            wanted,
        } = target;
        self.wanted(wanted);
        self.selector(selector);
        self.text("members", if *members == Members::Main { "main" } else { "all" });
        self.text("shared", shared.to_string());
        self.expect(*expect);
        self.time("startup_grace", *startup_grace);
        self.time("settle", *settle);
        self.budget("kill_budget", *kill_budget);
        self.text("keep_at_least", keep_at_least.to_string());
        self.text("per", if *per == Per::Group { "group" } else { "process" });
        self.time("forecast_window", forecasts.window);
        self.bounds(target);
        for action in actions {
            self.within(format!("action {}", action.name), |facts| facts.action(config, action, actions));
        }
        schedule.iter().for_each(|entry| self.schedule(*entry, actions));
    }

    fn expect(&mut self, expect: Option<Expect>) {
        let end = |end: Option<u32>| end.map_or_else(|| "any".to_owned(), |count| count.to_string());
        let expect = expect.map(|Expect { min, max }| format!("{} to {}", end(min), end(max)));
        self.text("expect", expect.unwrap_or_default());
    }

    fn schedule(&mut self, Schedule { action, every, phase, jitter }: Schedule, actions: &[Action]) {
        let [every, phase, jitter] = [every, phase, jitter].map(units::Duration);
        let text = format!("every {every}, phase {phase}, jitter {jitter}");
        self.within(format!("schedule {}", name_of(action, actions)), |facts| facts.text("", text));
    }

    fn selector(&mut self, selector: &Selector) {
        let Selector { unit, cgroup, exe, cmdline, comm, user, pidfile, container, cidfile } = selector;
        self.text("match unit", unit.clone().unwrap_or_default());
        self.text("match cgroup", cgroup.as_ref().map_or("", |glob| glob.glob().glob()));
        self.text("match exe", exe.as_deref().map(path).unwrap_or_default());
        self.text("match cmdline", cmdline.as_ref().map_or("", |regex| regex.as_str()));
        self.text("match comm", comm.clone().unwrap_or_default());
        let user = user.as_ref().map(|User { name, uid }| format!("{name} ({uid})"));
        self.text("match user", user.unwrap_or_default());
        self.text("match pidfile", pidfile.as_deref().map(path).unwrap_or_default());
        self.text("match container", container.as_ref().map_or("", |container| container.as_str()));
        self.text("match cidfile", cidfile.as_deref().map(path).unwrap_or_default());
    }

    pub(super) fn threshold(&mut self, threshold: &Threshold, ladders: &[Ladder]) {
        let Threshold { metric: _, name, ladder, expected, bounds, clear_hold } = threshold;
        let unit = name.unit();
        self.within(format!("threshold {name}"), |facts| {
            facts.bound("expected", (*expected, unit));
            for (level, bound) in bounds.iter() {
                let name = level.name();
                facts.bound(name, (bound.map(|Bound { at, .. }| at), unit));
                facts.bound(&format!("{name} clear"), (bound.map(|Bound { clear, .. }| clear), unit));
                facts.time_if_any(&format!("{name} hold"), bound.map(|Bound { hold, .. }| hold));
            }
            facts.time("clear_hold", *clear_hold);
            facts.text("ladder", ladders.get(*ladder).map_or("default", |ladder| &*ladder.name));
        });
    }

    fn bound(&mut self, key: &str, (value, unit): (Option<f64>, Unit)) {
        match value {
            Some(value) => self.number(key, (value, unit)),
            None => self.text(key, ""),
        }
    }

    pub(super) fn ladder(&mut self, Ladder { name, steps }: &Ladder, actions: &[Action]) {
        self.within(format!("ladder {name}"), |facts| {
            let names = |steps: &Vec<usize>| steps.iter().map(|step| name_of(*step, actions)).collect::<Vec<_>>();
            let levels = PerLevel::iter(steps).map(|(level, steps)| (level, names(steps).join(", ")));
            levels.for_each(|(level, steps)| facts.text(level.name(), steps));
        });
    }

    fn action(&mut self, config: &Config, action: &Action, actions: &[Action]) {
        let Action {
            name: _,
            measure,
            cooldown,
            repeat,
            max_attempts,
            scope,
            undo,
            max_cycles,
            patience,
            not_during,
            effect,
            min_effect,
            escalate,
            needs,
            expect_successor,
        } = action;
        self.measure("", measure);
        self.time("cooldown", *cooldown);
        self.time_if_any("repeat", *repeat);
        self.text("max_attempts", max_attempts.to_string());
        self.text("scope", if *scope == ActionScope::Target { "target" } else { "process" });
        self.text("undo", if undo.is_some() { "given" } else { "" });
        if let Some(Undo { measure, after, by }) = undo {
            self.measure("undo ", measure);
            self.time("undo_after", *after);
            self.text("undo_by", if *by == UndoBy::Operator { "operator" } else { "daemon" });
        }
        self.budget("max_cycles", *max_cycles);
        self.time("patience", *patience);
        let hours: Vec<String> = not_during.iter().map(|hours| config.hours_name(*hours)).collect();
        self.text("not_during", hours.join(", "));
        self.text("effect", if *effect == EffectKind::StopsGrowth { "stops_growth" } else { "falls" });
        self.number("min_effect", (*min_effect, Unit::Ratio));
        self.text("escalate", (*escalate != Escalate::No).to_string());
        self.text("escalate_to_kill", (*escalate == Escalate::ToKill).to_string());
        self.needs(*needs, actions);
        self.time_if_any("expect_successor", *expect_successor);
    }

    fn needs(&mut self, needs: Option<Needs>, actions: &[Action]) {
        let needs = needs.map(|Needs { action, within, otherwise }| {
            let otherwise = if otherwise == Otherwise::Kill { "kill" } else { "hold" };
            format!("{} within {}, otherwise {otherwise}", name_of(action, actions), units::Duration(within))
        });
        self.text("needs", needs.unwrap_or_default());
    }

    /// What it sends is not shown where a secret may be in it.
    fn measure(&mut self, whose: &str, measure: &Measure) {
        let by = |by: FreezeBy| if by == FreezeBy::Cgroup { "cgroup" } else { "signal" };
        let (kind, told) = match measure {
            Measure::Signal { signal, assume_handled } => {
                let assumed = if *assume_handled { ", assumed handled" } else { "" };
                ("signal", Ok(format!("{}{assumed}", signal_name(signal.number()))))
            }
            Measure::Kill { grace, scope } => {
                ("kill", Ok(format!("{}, grace {}", scope_name(*scope), units::Duration(*grace))))
            }
            Measure::Freeze { by: how, deadline } => {
                ("freeze", Ok(format!("by {}, deadline {}", by(*how), units::Duration(*deadline))))
            }
            Measure::Thaw { by: how } => ("thaw", Ok(format!("by {}", by(*how)))),
            Measure::Http(http) => {
                let Http { post, headers, bearer_file, body, expect, timeout } = &**http;
                let post = post.as_written();
                ("http", Err(format!("{post:?} {headers:?} {bearer_file:?} {body:?} {expect:?} {timeout:?}")))
            }
            Measure::Command(command) => {
                let Command { argv, timeout } = &**command;
                ("command", Err(format!("{argv:?} {timeout:?}")))
            }
        };
        self.within(format!("{whose}{kind}"), |facts| match told {
            Ok(shown) => facts.text("", shown),
            Err(secret) => facts.secret("", secret),
        });
    }
}

const fn scope_name(scope: KillScope) -> &'static str {
    match scope {
        KillScope::Process => "process",
        KillScope::Tree => "tree",
        KillScope::Cgroup => "cgroup",
    }
}

pub(super) fn name_of(action: usize, actions: &[Action]) -> &str {
    actions.get(action).map_or("?", |action| &*action.name)
}

pub(super) fn path(path: &File) -> String {
    path.to_string_lossy().into_owned()
}

fn signal_name(number: i32) -> String {
    let named = nix::sys::signal::Signal::try_from(number);
    named.map_or_else(|_| format!("signal {number}"), |signal| signal.to_string())
}
