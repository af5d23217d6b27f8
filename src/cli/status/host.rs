//! Who this host is and how it fares: a cold path, by the sysinfo crate.

use std::time::Duration;

use sysinfo::{MemoryRefreshKind, System};

use crate::config::units;
use crate::model::{Unit, printable};
use crate::record::show_duration;

/// Longest name shown.
const NAME_CHARS: usize = 100;

/// Identity and totals; what cannot be told is none.
pub(super) struct Host {
    name: Option<String>,
    system: Option<String>,
    kernel: Option<String>,
    up: Option<Duration>,
    /// Used of all, in bytes.
    memory: Option<(u64, u64)>,
    swap: Option<(u64, u64)>,
}

impl Host {
    pub(super) fn look() -> Self {
        let memory = System::new().ok().map(|mut system| {
            system.refresh_memory_specifics(MemoryRefreshKind::everything());
            system
        });
        // Used is what is not available: cache that can be dropped at once counts as free.
        let used = |system: &System| system.total_memory().saturating_sub(system.available_memory());
        Self {
            name: System::host_name().ok(),
            system: System::name().ok().map(|name| [name, System::os_version().unwrap_or_default()].join(" ")),
            kernel: System::kernel_version().ok(),
            up: System::uptime().ok().map(Duration::from_secs),
            memory: memory.as_ref().map(|system| (used(system), system.total_memory())),
            swap: memory.as_ref().map(|system| (system.used_swap(), system.total_swap())),
        }
    }

    /// Two lines.
    pub(super) fn lines(&self) -> [String; 2] {
        let name = |text: &Option<String>| text.as_ref().map_or_else(unknown, |t| printable(t.as_bytes(), NAME_CHARS));
        let up = self.up.map_or_else(unknown, show_duration);
        [
            format!("{} ({}, kernel {}), up {up}", name(&self.name), name(&self.system), name(&self.kernel)),
            format!("memory {}, swap {}", share(self.memory), share(self.swap)),
        ]
    }
}

fn unknown() -> String {
    String::from("unknown")
}

fn share(used_of_all: Option<(u64, u64)>) -> String {
    match used_of_all {
        None => unknown(),
        Some((_, 0)) => String::from("none"),
        Some((used, all)) => {
            let ratio = units::show(used as f64 / all as f64, Unit::Ratio);
            format!("{ratio} of {}", units::show(all as f64, Unit::Bytes))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_host_can_be_told_of_and_a_missing_fact_is_said_to_be() {
        let [identity, totals] = Host::look().lines();
        assert!(
            identity.contains(", up ") && totals.starts_with("memory ") && totals.contains('%'),
            "{identity} {totals}"
        );
        let nothing = Host { name: None, system: None, kernel: None, up: None, memory: None, swap: Some((0, 0)) };
        assert_eq!(nothing.lines(), ["unknown (unknown, kernel unknown), up unknown", "memory unknown, swap none"]);
        let hostile = Host { name: Some("a\nb\u{1b}".into()), memory: Some((806, 1000)), ..nothing };
        assert!(hostile.lines()[0].starts_with("a\\nb\\x1b ("));
        assert!(hostile.lines()[1].starts_with("memory 80.6% of 1kB"));
    }
}
