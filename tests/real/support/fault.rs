//! What became of a fault: a row of the table in docs/reliability.md, which `tests/run` prints.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

/// A fault that was survived: the test that tells it has asserted that.
pub(crate) struct Survived<'a> {
    /// What was wrong.
    pub(crate) fault: &'a str,
    /// How often, or how long.
    pub(crate) tried: &'a str,
    /// From a breach in the middle of it to the order, the longest of those that were seen.
    pub(crate) next_order: Option<Duration>,
    /// What was lost.
    pub(crate) lost: &'a str,
}

impl Survived<'_> {
    /// Prints it, and writes it where `TRADEDOG_FAULTS` says.
    pub(crate) fn tell(&self) {
        let next = self.next_order.map_or_else(|| "-".to_owned(), |time| format!("{:.1} s", time.as_secs_f64()));
        let row = format!("| {} | {} | yes | {next} | {} |", self.fault, self.tried, self.lost);
        println!("{row}");
        let Some(folder) = std::env::var_os("TRADEDOG_FAULTS").map(PathBuf::from) else { return };
        let letter = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(self.fault.chars().map(letter).collect::<String>()), row + "\n").unwrap();
    }
}
