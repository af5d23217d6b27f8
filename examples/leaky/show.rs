//! The main job, watched: a leaking process, the watchdog beside it, and what becomes of the two.
//!
//! The story is told from outside, as an operator would see it: from `/metrics` and from what the
//! leaking process prints.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, User, getuid};

use crate::scrape::Scrape;

/// The name under which the same program is the watchdog.
pub(crate) const WATCHDOG: &str = "tradedog";

/// How the process is to leak, and what it does when told to stop: nothing that would save it.
const LEAK: &[&str] = &[
    "leak",
    "--files-per-second=20",
    "--close-wait-per-second=3",
    "--memory-per-second=2",
    "--handle=SIGUSR1=close-sockets",
    "--handle=SIGUSR2=close-files",
    "--handle=SIGHUP=slow-down",
    "--handle=SIGTERM=note",
];

const TRADER: &[(&str, &str)] = &[("target", "trader")];
const PATIENCE: Duration = Duration::from_secs(120);
/// Until then the watchdog need not answer yet.
const START: Duration = Duration::from_secs(10);
const LEVELS: [&str; 5] = ["normal", "elevated", "warning", "critical", "fatal"];

#[derive(clap::Args)]
pub(crate) struct Show {
    /// Keep the folder with the configuration and the watchdog's log
    #[arg(long)]
    keep: bool,
}

impl Show {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let mut folder = tempfile::Builder::new().prefix("tradedog-").tempdir().context("cannot make a folder")?;
        folder.disable_cleanup(self.keep);
        let server = free_address()?;
        let configuration = configuration(server);
        println!("What the watchdog is told, in {}:\n", folder.path().join("watchdog.toml").display());
        println!("{}", configuration.trim_end().replace('\n', "\n    ").replacen("[daemon]", "    [daemon]", 1));
        write_private(&folder.path().join("watchdog.toml"), &configuration)?;

        let mut leaking = Running::start("leaky", LEAK, folder.path(), Stdio::piped())?;
        let lines = leaking.lines()?;
        let mut watchdog =
            Running::start(WATCHDOG, &["run", "--config", "watchdog.toml"], folder.path(), Stdio::null())?;
        println!(
            "\nThe leaking process is {}, the watchdog {}, its metrics are at http://{server}/metrics\n",
            leaking.id(),
            watchdog.id()
        );

        let mut story = Story::new(server, lines);
        let told = story.tell(&mut leaking, &mut watchdog);
        let log = fs::read_to_string(folder.path().join("log")).unwrap_or_default();
        if let Err(error) = told {
            bail!("{error:#}; the watchdog's log ends with:\n{}", last_lines(&log, 15));
        }
        watchdog.stop()?;
        println!("\nWhat the watchdog logged:\n");
        print!("{}", indented(&log));
        if self.keep {
            println!("\nKept: {}", folder.path().display());
        }
        Ok(())
    }
}

/// For whoever runs this: the user anchors the kill, for cmdline alone can be imitated.
fn configuration(server: SocketAddr) -> String {
    let user = User::from_uid(getuid()).ok().flatten().map_or_else(|| getuid().to_string(), |user| user.name);
    format!(
        r#"[daemon]
interval = "200ms"

[web]
listen = ["{server}"]

[target.trader]
match = {{ cmdline = "leaky leak --files", user = "{user}" }}

[target.trader.thresholds]
close_wait = {{ elevated = 10, clear_hold = "1s" }}
open_fds   = {{ warning = 200, critical = 250, fatal = {{ at = 300, hold = "1s" }}, clear_hold = "1s" }}

[target.trader.ladder]
elevated = ["reset_pool"]
warning  = ["disable_websocket"]
critical = ["pause"]
fatal    = ["kill"]

[target.trader.actions]
reset_pool        = {{ signal = "SIGUSR1", cooldown = "5s" }}
disable_websocket = {{ signal = "SIGUSR2", cooldown = "1m" }}
pause             = {{ signal = "SIGHUP" }}
kill              = {{ kill = {{ grace = "3s" }} }}
"#
    )
}

/// A child of the show; it does not outlive it.
struct Running {
    child: Child,
}

impl Running {
    fn start(name: &str, arguments: &[&str], folder: &Path, output: Stdio) -> anyhow::Result<Self> {
        let log = fs::OpenOptions::new().create(true).append(true).open(folder.join("log"))?;
        let child = Command::new(std::env::current_exe()?)
            .arg0(name)
            .args(arguments)
            .current_dir(folder)
            .env("RUNTIME_DIRECTORY", folder)
            .env("STATE_DIRECTORY", folder)
            .stdin(Stdio::piped())
            .stdout(output)
            .stderr(log)
            .spawn()
            .context("cannot start itself a second time")?;
        Ok(Self { child })
    }

    fn id(&self) -> u32 {
        self.child.id()
    }

    fn lines(&mut self) -> anyhow::Result<Receiver<String>> {
        let output = self.child.stdout.take().context("it has no output")?;
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            BufReader::new(output).lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
        });
        Ok(lines)
    }

    fn ended(&mut self) -> anyhow::Result<Option<ExitStatus>> {
        self.child.try_wait().context("cannot wait for a child")
    }

    fn stop(&mut self) -> anyhow::Result<()> {
        kill(Pid::from_raw(i32::try_from(self.id())?), Signal::SIGTERM).context("cannot stop the watchdog")?;
        let status = self.child.wait()?;
        anyhow::ensure!(status.success(), "the watchdog ended with {status}");
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // An error means that it has ended already, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What was seen so far, so that only what is new is told.
struct Story {
    server: SocketAddr,
    lines: Receiver<String>,
    began: Instant,
    next_row: Instant,
    level: usize,
    orders: BTreeMap<String, f64>,
}

impl Story {
    fn new(server: SocketAddr, lines: Receiver<String>) -> Self {
        let began = Instant::now();
        Self { server, lines, began, next_row: began, level: 0, orders: BTreeMap::new() }
    }

    fn tell(&mut self, leaking: &mut Running, watchdog: &mut Running) -> anyhow::Result<()> {
        println!("{:>7}  {:<9}  what was seen", "time", "who");
        while self.began.elapsed() < PATIENCE {
            thread::sleep(Duration::from_millis(100));
            // Told after the scrape, for what the trader does follows from what was seen.
            let said: Vec<String> = self.lines.try_iter().collect();
            if let Some(status) = watchdog.ended()? {
                bail!("the watchdog ended with {status}");
            }
            let scrape = match Scrape::of(self.server) {
                Ok(scrape) => scrape,
                Err(_) if self.began.elapsed() < START => Scrape::default(),
                Err(error) => return Err(error),
            };
            self.readings(&scrape);
            self.orders(&scrape);
            said.iter().for_each(|line| self.say("trader", line));
            let killed = killed(&scrape);
            if let Some(status) = leaking.ended()? {
                self.say("trader", &format!("ended: {status}"));
                return self.see_the_end(killed);
            }
        }
        bail!("the ladder was not climbed within {} s", PATIENCE.as_secs())
    }

    /// The process is gone: the watchdog must say so, and show no series of it any more.
    fn see_the_end(&mut self, mut told: bool) -> anyhow::Result<()> {
        let end = Instant::now() + Duration::from_secs(5);
        while Instant::now() < end {
            let scrape = Scrape::of(self.server)?;
            self.orders(&scrape);
            told |= killed(&scrape);
            if told && scrape.value("tradedog_process_open_fds", TRADER).is_none() {
                self.say("tradedog", "no process of the target is left, and no series of it");
                return Ok(());
            }
            thread::sleep(Duration::from_millis(100));
        }
        bail!("the process is gone, and the watchdog does not say that its kill did it")
    }

    fn readings(&mut self, scrape: &Scrape) {
        let Some(fds) = scrape.value("tradedog_process_open_fds", TRADER) else { return };
        let close_wait = [("target", "trader"), ("state", "close_wait"), ("peer", "")];
        let waiting = scrape.value("tradedog_process_sockets", &close_wait);
        let waiting = waiting.map_or_else(|| "-".to_owned(), |count| count.to_string());
        let rss =
            scrape.value("tradedog_process_resident_memory_bytes", TRADER).unwrap_or(f64::NAN) / f64::from(1 << 20);
        let number = scrape.value("tradedog_level", TRADER).unwrap_or_default();
        let level = (0..LEVELS.len()).rfind(|&level| level as f64 <= number).unwrap_or_default();
        if level == self.level && Instant::now() < self.next_row {
            return;
        }
        let step =
            if level == self.level { String::new() } else { format!("   {} -> {}", LEVELS[self.level], LEVELS[level]) };
        self.level = level;
        self.next_row = Instant::now() + Duration::from_secs(2);
        self.say(
            "tradedog",
            &format!("open_fds {fds:>4}  close_wait {waiting:>3}  rss {rss:>5.1} MiB  level {}{step}", LEVELS[level]),
        );
    }

    fn orders(&mut self, scrape: &Scrape) {
        for sample in scrape.all("tradedog_orders_total") {
            let reason =
                Some(sample.label("reason")).filter(|reason| *reason != "none").map(|reason| format!(" ({reason})"));
            let key =
                format!("{:<17} -> {}{}", sample.label("action"), sample.label("outcome"), reason.unwrap_or_default());
            let before = self.orders.insert(key.clone(), sample.value).unwrap_or_default();
            if sample.value > before {
                self.say("tradedog", &format!("order {key}"));
            }
        }
    }

    fn say(&self, who: &str, what: &str) {
        println!("{:>6.1}s  {who:<9}  {what}", self.began.elapsed().as_secs_f64());
        // A reader that went away is noticed at the next line.
        let _ = std::io::stdout().flush();
    }
}

/// Whether a kill went out and did what it is for.
fn killed(scrape: &Scrape) -> bool {
    let series = [("action", "kill"), ("outcome", "gone"), ("reason", "none")];
    scrape.value("tradedog_orders_total", &series).is_some_and(|count| count > 0.0)
}

fn free_address() -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").context("cannot find a free port on loopback")?;
    Ok(listener.local_addr()?)
}

/// The watchdog refuses a file that others may write, and the umask may be lax.
fn write_private(path: &Path, text: &str) -> anyhow::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    Ok(file.write_all(text.as_bytes())?)
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("    {line}\n")).collect()
}

fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}
