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
const NEEDS: &str = "the group systemd-journal (usermod -aG systemd-journal tradedog, then restart tradedog)";

/// A unit, and whose.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Unit {
    /// Of the system.
    System(String),
    /// Of the service manager of a user: one of the same name may be the system's.
    Of { uid: u32, name: String },
}

impl Unit {
    const fn name(&self) -> &String {
        match self {
            Self::System(name) | Self::Of { name, .. } => name,
        }
    }

    /// What the unit has said itself, and what its manager has said of it; neither is taken for a pattern.
    fn matches(&self) -> Vec<String> {
        match self {
            Self::System(name) => vec![format!("_SYSTEMD_UNIT={name}"), "+".to_owned(), format!("UNIT={name}")],
            Self::Of { uid, name } => {
                let whose = format!("_UID={uid}");
                let (own, of_it) = (format!("_SYSTEMD_USER_UNIT={name}"), format!("USER_UNIT={name}"));
                vec![own, whose.clone(), "+".to_owned(), of_it, whose]
            }
        }
    }
}

pub(super) fn collect(subject: &Subject, stop: &AtomicBool, evidence: &mut Evidence) {
    let Some(unit) = unit_of(subject).or_else(|| subject.unit.clone().map(Unit::System)) else { return };
    if !JOURNALS.iter().any(|folder| is_there(folder)) {
        return evidence.lacks(WHAT, "there is no journal on this host");
    }
    let Some(journalctl) = JOURNALCTL.into_iter().find(|path| is_there(path)) else {
        return evidence.lacks(WHAT, "there is no journalctl on this host");
    };
    let argv = [journalctl, "--no-pager", "--quiet", "--output=short-iso-precise", LINES].map(str::to_owned);
    let argv: Vec<String> = argv.into_iter().chain(unit.matches()).collect();
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
                format!("the last log lines of {}", plain::line(unit.name().as_bytes())),
                plain::lines(&ran.stdout),
            );
        }
    }
}

fn unit_of(subject: &Subject) -> Option<Unit> {
    let mut buffer = Vec::new();
    let cgroups = subject.process.cgroups(&mut buffer).ok()?;
    unit_in(cgroups.unified.or(cgroups.systemd)?)
}

/// The unit that a cgroup is of, as systemd reads its path: slices, then the unit, and what is below that is the
/// unit's own affair. Below `user@UID.service` the same again, of that user.
fn unit_in(path: &[u8]) -> Option<Unit> {
    let mut parts = path.split(|byte| *byte == b'/').filter(|part| !part.is_empty() && !part.ends_with(b".slice"));
    let mut next = || {
        let part = std::str::from_utf8(parts.next()?).ok().filter(|part| part.len() < 256)?;
        (part.ends_with(".service") || part.ends_with(".scope")).then(|| part.to_owned())
    };
    let first = next()?;
    let uid = first.strip_prefix("user@").and_then(|rest| rest.strip_suffix(".service")?.parse().ok());
    match (uid, next()) {
        (Some(uid), Some(name)) => Some(Unit::Of { uid, name }),
        (None | Some(_), None | Some(_)) => Some(Unit::System(first)),
    }
}

fn is_there(path: &str) -> bool {
    accessat(CWD, path, Access::EXISTS, AtFlags::empty()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str) -> Option<Unit> {
        unit_in(path.as_bytes())
    }

    #[test]
    fn the_unit_of_a_cgroup_is_the_one_that_systemd_sees() {
        let system = |name: &str| Some(Unit::System(name.to_owned()));
        assert_eq!(found("/system.slice/trader.service"), system("trader.service"));
        assert_eq!(
            found("/system.slice/system-trader.slice/trader@1.service/worker/a.service"),
            system("trader@1.service")
        );
        assert_eq!(found("/trader.slice/docker-0123.scope/system.slice/nginx.service"), system("docker-0123.scope"));
        assert_eq!(found("/user.slice/user-1000.slice/session-2.scope"), system("session-2.scope"));
        assert_eq!(found("/user.slice/user-1000.slice/user@1000.service"), system("user@1000.service"));
        for none in ["/", "", "/system.slice", "/docker/0123", "/init"] {
            assert_eq!(found(none), None, "{none}");
        }
        assert_eq!(unit_in(&[b"/", &[b'x'; 300][..], b".service"].concat()), None);
    }

    /// Any user may call a unit of his as one of the system's is called.
    #[test]
    fn a_unit_of_a_user_is_not_taken_for_one_of_the_system() {
        let unit = found("/user.slice/user-1000.slice/user@1000.service/app.slice/sshd.service").unwrap();
        assert_eq!(unit, Unit::Of { uid: 1000, name: "sshd.service".to_owned() });
        let matches = unit.matches();
        assert_eq!(
            matches,
            ["_SYSTEMD_USER_UNIT=sshd.service", "_UID=1000", "+", "USER_UNIT=sshd.service", "_UID=1000"]
        );
        let matches = Unit::System("sshd.service".to_owned()).matches();
        assert_eq!(matches, ["_SYSTEMD_UNIT=sshd.service", "+", "UNIT=sshd.service"]);
    }
}
