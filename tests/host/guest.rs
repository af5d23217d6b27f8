//! What the cases do in the container and see there, printed as it happens.

use std::time::{Duration, Instant};

use super::container::Container;

/// Longest wait for something that should come within a second or two.
const PATIENCE: Duration = Duration::from_secs(30);
/// Most lines of one answer that are printed.
const MOST_LINES: usize = 90;

/// The container with a transcript.
pub(super) struct Guest {
    container: Container,
    begun: Instant,
}

impl Guest {
    pub(super) fn new(container: Container) -> Self {
        Self { container, begun: Instant::now() }
    }

    /// A new part of the transcript.
    pub(super) fn heading(&self, text: &str) {
        println!("\n== {text} ({:.1} s)", self.begun.elapsed().as_secs_f32());
    }

    /// What was found.
    pub(super) fn saw(&self, text: &str) {
        println!("-- {text}");
    }

    /// Runs a command line with bash, prints it with its answer, and gives both back.
    pub(super) fn attempt(&self, line: &str) -> (bool, String) {
        let (good, text) = self.quiet(line);
        println!("# {line}");
        let lines: Vec<&str> = text.lines().collect();
        for line in lines.iter().take(MOST_LINES) {
            println!("  {line}");
        }
        if lines.len() > MOST_LINES {
            println!("  ... {} more lines", lines.len() - MOST_LINES);
        }
        (good, text)
    }

    /// As [`Self::attempt`]; it must succeed.
    pub(super) fn sh(&self, line: &str) -> String {
        let (good, text) = self.attempt(line);
        assert!(good, "failed: {line}");
        text
    }

    /// As [`Self::attempt`]; it must fail.
    pub(super) fn fails(&self, line: &str) -> String {
        let (good, text) = self.attempt(line);
        assert!(!good, "did not fail: {line}");
        text
    }

    /// Runs a command line without a word.
    pub(super) fn quiet(&self, line: &str) -> (bool, String) {
        self.container.run(&["bash", "-c", line])
    }

    /// Waits until `holds` says so, and says how long it took.
    pub(super) fn wait(&self, what: &str, mut holds: impl FnMut() -> bool) -> Duration {
        let begun = Instant::now();
        while !holds() {
            assert!(begun.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
            std::thread::sleep(Duration::from_millis(50));
        }
        let took = begun.elapsed();
        self.saw(&format!("{what}, after {:.2} s", took.as_secs_f32()));
        took
    }

    /// A property of a unit.
    pub(super) fn property(&self, unit: &str, name: &str) -> String {
        self.quiet(&format!("systemctl show --property={name} --value {unit}")).1.trim().to_owned()
    }

    pub(super) fn pid(&self, unit: &str) -> u32 {
        self.property(unit, "MainPID").parse().unwrap()
    }

    /// Which letter `ps` gives a process: S, R, T.
    pub(super) fn state(&self, pid: u32) -> Option<char> {
        self.quiet(&format!("ps -o state= -p {pid}")).1.trim().chars().next()
    }

    pub(super) fn is_frozen(&self, pid: u32) -> bool {
        self.state(pid) == Some('T')
    }

    pub(super) fn runs(&self, pid: u32) -> bool {
        self.state(pid).is_some_and(|state| "SRD".contains(state))
    }

    /// The value of a series: its name without `tradedog_`, then some of its labels, as
    /// `level target=trader process=0`.
    pub(super) fn metric(&self, series: &str) -> Option<f64> {
        let (_, page) = self.quiet("/mnt/get /metrics");
        let mut words = series.split(' ');
        let name = format!("tradedog_{}{{", words.next()?);
        let labels: Vec<String> = words
            .filter_map(|word| word.split_once('='))
            .map(|(label, value)| format!("{label}=\"{value}\""))
            .collect();
        let is_meant = |line: &&str| line.starts_with(&name) && labels.iter().all(|label| line.contains(label));
        page.lines().find(is_meant)?.rsplit(' ').next()?.parse().ok()
    }

    /// The trader's level is normal.
    pub(super) fn is_normal(&self) -> bool {
        self.metric("level target=trader process=0 ladder=default") == Some(0.0)
    }

    pub(super) fn is_ready(&self) -> bool {
        self.quiet("/mnt/get /-/ready").1.starts_with("HTTP/1.1 200")
    }

    /// Makes the trader leak `count` sockets; `how` is empty or `stubborn`.
    pub(super) fn leak(&self, count: u32, how: &str) {
        self.sh(&format!("trader-ctl leak {count} {how}"));
    }

    /// A measure of the trader that is in force.
    pub(super) fn lease(&self, action: &str) -> bool {
        self.metric(&format!("lease target=trader action={action}")).is_some_and(|value| value > 0.0)
    }

    /// The trader calm again, nothing in force, the service as it was installed and running.
    pub(super) fn calm(&self) {
        self.quiet(
            "rm -rf /run/systemd/system/tradedog.service.d; systemctl daemon-reload; systemctl restart tradedog",
        );
        self.quiet("trader-ctl leak 0; tradedog undo --all");
        self.wait("calm again", || self.is_normal() && !self.lease("pause") && !self.lease("hold_still"));
    }

    /// A drop-in until the next boot, taken up at once by the next start.
    pub(super) fn drop_in(&self, text: &str) {
        self.sh(&format!(
            "mkdir -p /run/systemd/system/tradedog.service.d; printf '[Service]\\n{text}\\n' \
             >/run/systemd/system/tradedog.service.d/99-test.conf; systemctl daemon-reload"
        ));
    }
}
