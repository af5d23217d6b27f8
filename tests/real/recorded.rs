//! A backtest of what a real Prometheus has scraped of the daemon gives the orders that the daemon gave.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use super::support::{BINARY, Daemon, Leaker, eventually, has, output, texts};

/// A Prometheus that scrapes one daemon every second, until it is dropped.
struct Prometheus {
    child: Child,
    url: String,
    _folder: TempDir,
}

impl Prometheus {
    fn of(server: SocketAddr) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("prometheus.yml");
        let text = format!(
            "global: {{scrape_interval: 1s}}\nscrape_configs:\n- job_name: tradedog\n  static_configs: [{{targets: \
             ['{server}']}}]\n"
        );
        std::fs::write(&config, text).unwrap();
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
        let option = |name: &str, value: &Path| format!("--{name}={}", value.display());
        let mut command = Command::new("prometheus");
        command.arg(option("config.file", &config)).arg(option("storage.tsdb.path", &folder.path().join("data")));
        command.arg(format!("--web.listen-address={address}")).arg("--log.level=error");
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let url = format!("http://{address}");
        let prometheus = Self { child, url, _folder: folder };
        eventually(60, "a first scrape", || {
            let (status, text) = super::support::get(address, "/api/v1/query?query=tradedog_process_open_fds").ok()?;
            (status == 200 && text.contains("trader")).then_some(())
        });
        prometheus
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const RULES: &str = r#"
[daemon]
interval     = "1s"
min_interval = "1s"
[target.trader.thresholds]
open_fds = { elevated = 60, warning = 120, critical = { at = 200, hold = "2s" }, clear_hold = "2s" }
[target.trader.ladder]
elevated = ["reset_pool"]
warning  = ["drop_caches"]
critical = ["pause"]
[target.trader.actions]
reset_pool  = { signal = "SIGUSR1", cooldown = "5s" }
drop_caches = { signal = "SIGUSR2" }
pause       = { command = ["/bin/true"], undo = { command = ["/bin/true"] }, undo_after = "2s" }
"#;

/// What was ordered, in order: `pause critical`, `undo of pause critical`.
fn orders<'a>(rows: impl Iterator<Item = &'a Value>) -> Vec<String> {
    let text = |row: &Value, key: &str| row[key].as_str().unwrap().to_owned();
    let went_out = rows.filter(|row| ["delivered", "acknowledged"].contains(&row["outcome"].as_str().unwrap()));
    let shown = went_out.map(|row| {
        let undo = if row["undo"].as_bool().unwrap_or_default() { "undo of " } else { "" };
        format!("{undo}{} {}", text(row, "action"), text(row, "level"))
    });
    shown.collect()
}

/// What the daemon has ordered, the first first.
fn lived(daemon: &Daemon) -> Vec<String> {
    let (_, status) = daemon.get("/api/v1/status").unwrap();
    let status: Value = serde_json::from_str(&status).unwrap();
    let mut orders = orders(status["recent_orders"].as_array().unwrap().iter());
    orders.reverse();
    orders
}

/// It leaks, is repaired, and leaks a little again; long enough at each level to be scraped there.
fn leak(leaker: &mut Leaker, daemon: &Daemon) {
    sleep(Duration::from_secs(5));
    for files in (30..240).step_by(2) {
        leaker.tell(&format!("files {files}"));
        sleep(Duration::from_millis(200));
    }
    daemon.wait_for_order(20, "pause", ("acknowledged", "none"));
    sleep(Duration::from_secs(4));
    leaker.tell("files 10");
    eventually(30, "nothing in force", || (daemon.in_force("pause") == 0).then_some(()));
    sleep(Duration::from_secs(6));
    leaker.tell("files 90");
    eventually(20, "a second reset", || (daemon.orders("reset_pool", "delivered", "none") == 2.0).then_some(()));
    sleep(Duration::from_secs(4));
}

#[test]
fn it_gives_the_orders_that_the_daemon_gave() {
    if !has("prometheus") {
        eprintln!("SKIPPED: prometheus is not installed (Debian: apt install prometheus)");
        return;
    }
    let mut leaker = Leaker::handling(&["SIGUSR1", "SIGUSR2"]).start();
    let whose = format!("match = {{ cmdline = \"{}\", user = \"{{user}}\" }}\nsettle = \"0s\"\n", leaker.tag());
    let rules =
        RULES.replace("[target.trader.thresholds]", &format!("[target.trader]\n{whose}[target.trader.thresholds]"));
    let daemon = Daemon::told(&rules).start();
    let prometheus = Prometheus::of(daemon.server());
    leak(&mut leaker, &daemon);
    let live = lived(&daemon);
    assert_eq!(live.len(), 5, "{live:?}");

    let backtest = |arguments: [&str; 4]| {
        let mut command = Command::new(BINARY);
        texts(&output(command.args(["backtest", "--json"]).args(arguments).arg("--config").arg(daemon.configuration())))
    };
    let at = ["--prometheus", &prometheus.url];
    let (code, json, errors) = backtest([at[0], at[1], "--range", "3m"]);
    assert_eq!(code, 0, "{errors}");
    let replayed: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(orders(replayed["orders"].as_array().unwrap().iter()), live, "{json}");
    assert_eq!(replayed["summary"]["period_seconds"], 1.0, "{json}");
    assert_eq!(replayed["orders"][0]["process"], "0");
    for (arguments, words) in [
        ([at[0], "http://127.0.0.1:1", "--range", "1h"], "is it running there"),
        ([at[0], at[1], "--to", "2020-01-01T00:00:00Z"], "knows nothing of the configuration's metrics"),
        ([at[0], at[1], "--query", "open_fds=sum("], "it cannot evaluate sum("),
    ] {
        let (code, _, errors) = backtest(arguments);
        assert!(code == 1 && errors.contains(words), "{code} {errors}");
    }
}
