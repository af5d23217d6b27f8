//! The last lines that the journal has of the unit of a process.

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use rustix::fs::{Access, AtFlags, CWD, accessat};

use super::{Subject, own, plain};
use crate::act::courier::program;
use crate::model::Evidence;

const JOURNALCTL: [&str; 2] = ["/usr/bin/journalctl", "/bin/journalctl"];
/// Where journald keeps what it has, on disk or until the next boot.
const JOURNALS: [&str; 2] = ["/run/log/journal", "/var/log/journal"];
const TIMEOUT: Duration = Duration::from_secs(2);
const LINES: &str = "--lines=300";
const WHAT: &str = "the last log lines of its unit";
/// Who may read the lines of others: journalctl(1).
const NEEDS: &str = "the group systemd-journal (SupplementaryGroups= of tradedog.service)";

pub(super) fn collect(subject: &Subject, stop: &AtomicBool, evidence: &mut Evidence) {
    let Some(unit) = subject.unit.clone().or_else(|| unit_of(subject)) else { return };
    if !JOURNALS.iter().any(|folder| is_there(folder)) {
        return evidence.lacks(WHAT, "there is no journal on this host");
    }
    let Some(journalctl) = JOURNALCTL.into_iter().find(|path| is_there(path)) else {
        return evidence.lacks(WHAT, "there is no journalctl on this host");
    };
    // What the unit has said itself, and what systemd has said of it; neither is taken for a pattern.
    let (own, of_it) = (format!("_SYSTEMD_UNIT={unit}"), format!("UNIT={unit}"));
    let argv = [journalctl, "--no-pager", "--quiet", "--output=short-iso-precise", LINES, &own, "+", &of_it];
    let argv = argv.map(str::to_owned);
    let ran =
        program(&argv, &String::new(), &[]).and_then(|program| own::run(&program, (TIMEOUT, plain::MOST_BYTES), stop));
    match ran {
        Err(why) => evidence.lacks(WHAT, why),
        Ok(ran) if ran.stdout.is_empty() && !ran.stderr.is_empty() => {
            evidence.lacks_right(WHAT, plain::line(ran.stderr.trim_ascii()), NEEDS);
        }
        Ok(ran) if ran.stdout.is_empty() && !ran.trouble.is_empty() => evidence.lacks(WHAT, ran.trouble),
        Ok(ran) if ran.stdout.is_empty() => {
            evidence.lacks_right(WHAT, "the journal has none, or none that tradedog may read", NEEDS);
        }
        Ok(ran) => {
            if !ran.trouble.is_empty() {
                evidence.lacks(format!("all of {WHAT}"), ran.trouble.clone());
            }
            evidence.file(
                "journal.txt",
                format!("the last log lines of {}", plain::line(unit.as_bytes())),
                plain::lines(&ran.stdout),
            );
        }
    }
}

/// The unit that the cgroup of the process is of: the last part of its path that is the name of a service or
/// scope.
fn unit_of(subject: &Subject) -> Option<String> {
    let mut buffer = Vec::new();
    let cgroups = subject.process.cgroups(&mut buffer).ok()?;
    let path = cgroups.unified.or(cgroups.systemd)?;
    let is_unit = |part: &&[u8]| part.ends_with(b".service") || part.ends_with(b".scope");
    let unit = path.split(|byte| *byte == b'/').rfind(is_unit)?;
    std::str::from_utf8(unit).ok().filter(|unit| unit.len() < 256).map(str::to_owned)
}

fn is_there(path: &str) -> bool {
    accessat(CWD, path, Access::EXISTS, AtFlags::empty()).is_ok()
}
