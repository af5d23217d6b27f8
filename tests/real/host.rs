//! The host's ladder: its entries one after the other, as long as its level holds, and what is held
//! keeps nobody waiting.

use std::time::{Duration, Instant};

use nix::libc::SIGTERM;

use super::support::{Daemon, Endpoint, Leaker, Peer, eventually, throughout};

const LEVEL: (&str, &[(&str, &str)]) = ("tradedog_host_level", &[]);
const PATIENCE: Duration = Duration::from_millis(3500);

/// Two targets that can be asked, one of which can be paused and killed too, and one that has only
/// just started. Somebody else has the connections that move the host.
struct Host {
    daemon: Daemon,
    gateway: Leaker,
    analysis: Leaker,
    young: Leaker,
    stranger: Leaker,
    endpoint: Endpoint,
    broker: Peer,
}

impl Host {
    fn with(ladder: &str) -> Self {
        let (endpoint, broker) = (Endpoint::start(), Peer::listen());
        let [gateway, analysis, young, stranger] = std::array::from_fn(|_| Leaker::handling(&["SIGUSR1"]).start());
        let head = format!(
            "[peers]\nbroker = \"127.0.0.1:{}\"\n[host.thresholds]\n\"host_established.broker\" = \
             {{ warning = 5, critical = 10, clear_hold = \"1s\" }}\n[host.ladder]\n{ladder}\n",
            broker.port
        );
        let patience = format!("patience = \"{}ms\"", PATIENCE.as_millis());
        let (pause, resume) = (endpoint.url("/pause"), endpoint.url("/resume"));
        let undo = format!("undo = {{ http = {{ post = \"{resume}\" }} }}, undo_after = \"0s\"");
        let actions = [
            ("ask", format!("{{ signal = \"SIGUSR1\", {patience} }}")),
            ("pause", format!("{{ http = {{ post = \"{pause}\" }}, {undo}, {patience} }}")),
            ("kill", "{ kill = { grace = \"30s\" } }".to_owned()),
        ];
        let target = |name: &str, leaker: &Leaker, rest: &str| {
            // An action that nothing orders is an error.
            let named = actions.iter().filter(|(action, _)| ladder.contains(&format!("\"{name}.{action}\"")));
            let lines: String = named.map(|(action, what)| format!("{action} = {what}\n")).collect();
            let tag = leaker.tag();
            let head = format!("[target.{name}]\nmatch = {{ cmdline = \"{tag}\", user = \"{{user}}\" }}\n{rest}\n");
            format!("{head}[target.{name}.actions]\n{lines}")
        };
        let text = [
            head,
            target("gateway", &gateway, "settle = \"200ms\""),
            target("analysis", &analysis, ""),
            target("young", &young, "startup_grace = \"1h\""),
        ];
        let daemon = Daemon::told(&text.concat()).start();
        let host = Self { daemon, gateway, analysis, young, stranger, endpoint, broker };
        for name in ["gateway", "analysis", "young"] {
            host.daemon.wait_for(5, ("tradedog_target_processes", &[("target", name)]), 1.0);
        }
        host
    }

    fn connections(&mut self, count: u32) {
        self.stranger.tell(&format!("connect {count} {}", self.broker.port));
    }

    fn asked(&self) -> [usize; 4] {
        let signals = |leaker: &Leaker| leaker.signals().len();
        [signals(&self.gateway), self.endpoint.count("/pause"), signals(&self.analysis), signals(&self.young)]
    }

    /// Waits until so many were asked; since when.
    fn wait_for(&self, asked: [usize; 4]) -> Instant {
        eventually(6, &format!("asked {asked:?}"), || {
            let now = self.asked();
            let too_much = now.iter().zip(asked).any(|(now, most)| *now > most);
            assert!(!too_much, "asked {now:?} before {asked:?}; log:\n{}", self.daemon.log());
            (now == asked).then(Instant::now)
        })
    }
}

#[test]
fn entries_are_tried_one_after_the_other_and_a_held_one_is_passed_over() {
    let mut host = Host::with("warning = [\"young.ask\", \"gateway.ask\", \"gateway.pause\", \"analysis.ask\"]");
    host.connections(4);
    throughout(Duration::from_secs(1), "below the bound nobody is asked", || host.asked() == [0; 4]);
    host.connections(6);
    host.daemon.wait_for(5, LEVEL, 2.0);
    let times = [[1, 0, 0, 0], [1, 1, 0, 0], [1, 1, 1, 0]].map(|asked| host.wait_for(asked));
    for pair in times.windows(2) {
        let apart = pair[1] - pair[0];
        let about = PATIENCE - Duration::from_millis(300)..PATIENCE + Duration::from_millis(3500);
        assert!(about.contains(&apart), "{apart:?} after the one before; log:\n{}", host.daemon.log());
    }
    let held = [("target", "young"), ("action", "ask"), ("outcome", "held"), ("reason", "startup_grace")];
    host.daemon.wait_for(2, ("tradedog_orders_total", &held), 1.0);
    // A second round has nothing to say to who was asked, nor to who is held.
    throughout(Duration::from_secs(3), "nobody is asked twice", || host.asked() == [1, 1, 1, 0]);
    assert_eq!(host.daemon.value("tradedog_orders_total", &held), Some(1.0), "a hold is counted once");
    assert!(host.stranger.signals().is_empty());
}

#[test]
fn when_the_level_is_left_nothing_more_is_tried_and_leases_are_undone() {
    let mut host = Host::with("warning = [\"gateway.pause\", \"analysis.ask\"]");
    host.connections(6);
    host.wait_for([0, 1, 0, 0]);
    host.daemon.wait_for_lease(3, "pause", 1);
    host.daemon.wait_for(2, LEVEL, 2.0);
    host.connections(1);
    host.endpoint.wait_for(5, "/resume", 1);
    host.daemon.wait_for(2, LEVEL, 0.0);
    host.daemon.wait_for_lease(3, "pause", 0);
    throughout(Duration::from_secs(2), "the next one is left alone", || host.asked() == [0, 1, 0, 0]);
    assert_eq!(host.endpoint.count("/resume"), 1);
}

#[test]
fn a_restart_goes_on_with_the_next_entry() {
    let mut host = Host::with("warning = [\"gateway.ask\", \"gateway.pause\", \"analysis.ask\"]");
    host.connections(6);
    host.wait_for([1, 0, 0, 0]);
    let paused = host.wait_for([1, 1, 0, 0]);
    host.daemon.wait_for_lease(3, "pause", 1);
    host.daemon.kill_9();
    host.daemon.start_again();
    let asked = host.wait_for([1, 1, 1, 0]);
    assert!(asked - paused > PATIENCE - Duration::from_millis(300), "{:?}", asked - paused);
    host.connections(1);
    host.endpoint.wait_for(5, "/resume", 1);
    throughout(Duration::from_secs(1), "nobody is asked twice", || host.asked() == [1, 1, 1, 0]);
}

/// The process that the host's ladder names is not to blame: what is milder comes first.
#[test]
fn a_kill_skips_no_other_entry() {
    let mut host = Host::with("warning = [\"analysis.ask\"]\ncritical = [\"gateway.kill\"]");
    host.connections(12);
    let asked = host.wait_for([0, 0, 1, 0]);
    throughout(Duration::from_millis(1000), "it lives while the milder one may help", || host.gateway.lives());
    assert_eq!(host.gateway.end_signal(5, "killed when nothing helped"), Some(SIGTERM));
    assert!(asked.elapsed() > PATIENCE - Duration::from_millis(300), "killed after {:?}", asked.elapsed());
    assert!(host.analysis.lives() && host.young.lives() && host.stranger.lives());
}
