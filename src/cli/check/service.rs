//! `check --unit`: the rights that a unit gives its service, and taking them on.
//!
//! What the unit's sandbox hides (mounts, namespaces) cannot be taken on; what of it would blind the
//! daemon is told.

use std::path::{Path, PathBuf};

use nix::unistd::{Gid, Group, User, getgrouplist};
use rustix::thread::CapabilitySet;

use crate::cli::Failure;
use crate::cli::unit::{Unit, UnitError, Units, in_file};
use crate::config::Config;
use crate::kernel::{Assumed, Unassumed, assume};
use crate::model::{FreezeBy, Measure, printable};

/// Longest name shown.
const MOST_CHARS: usize = 100;

/// A service as its unit has it.
#[derive(Debug)]
pub(super) struct Service {
    /// The unit's name, printable.
    pub(super) name: String,
    /// Its user, printable.
    pub(super) user: String,
    whom: Assumed,
    unit: Unit,
}

impl Service {
    /// The one that `--unit` names: a unit, or a path to its file.
    pub(super) fn find(given: &str, units: &Units) -> Result<Self, Failure> {
        let unit = if given.contains('/') { in_file(Path::new(given)) } else { units.look(given) };
        let unit = unit.map_err(|error| match error {
            UnitError::Name(_) => Failure::usage(error.to_string()),
            UnitError::Missing(_) | UnitError::Silent { .. } => Failure::runtime(error.to_string()),
        })?;
        Self::of(unit).map_err(Failure::runtime)
    }

    fn of(unit: Unit) -> Result<Self, String> {
        let name = shown(&unit.name);
        let (user, whom) = user(&unit).map_err(|why| format!("{name}: {why}"))?;
        Ok(Self { name, user: shown(&user), whom, unit })
    }

    /// Becomes the service: everything that is looked at from now on is seen with its rights.
    pub(super) fn take_on(&self) -> Result<(), Failure> {
        let Self { name, user, .. } = self;
        assume(&self.whom).map_err(|error| match error {
            Unassumed::Another => Failure::runtime(format!(
                "only root can take on the rights of {name}, whose user is {user}: run it as root"
            )),
            Unassumed::Lacking(capability) => Failure::runtime(format!(
                "the rights of {name} cannot be taken on: it has {capability}, and this user has not; run it as root, \
                 outside of a container"
            )),
            Unassumed::Refused(errno) => {
                Failure::runtime(format!("the rights of {name} (user {user}) cannot be taken on: {errno}"))
            }
        })
    }

    /// The configuration that the unit starts the daemon with, if it names one.
    pub(super) fn configuration(&self) -> Option<PathBuf> {
        let line = self.unit.get("ExecStart").replace("--config=", "--config ");
        let path = line.split_whitespace().skip_while(|word| *word != "--config").nth(1)?;
        (!path.contains('%')).then(|| PathBuf::from(path))
    }

    /// What of its sandbox keeps the daemon from what the configuration asks for.
    pub(super) fn walls(&self, config: &Config) -> Vec<String> {
        let measures = || config.targets.iter().flat_map(|target| &target.actions).map(|action| &action.measure);
        let freezes = measures().any(|measure| matches!(measure, Measure::Freeze { by: FreezeBy::Cgroup, .. }));
        let walls = WALLS.iter().filter(|wall| freezes || wall.key != CGROUPS);
        let standing = walls.filter_map(|wall| {
            let value = self.unit.get(wall.key).trim();
            let harmless = value.is_empty() || wall.harmless.contains(&value.to_ascii_lowercase().as_str());
            (!harmless).then(|| format!("{}: {}={}: {}", self.name, wall.key, shown(value), wall.hides))
        });
        standing.collect()
    }
}

/// A setting of the sandbox that the daemon cannot work behind.
struct Wall {
    key: &'static str,
    /// Values that take nothing away.
    harmless: &'static [&'static str],
    hides: &'static str,
}

const NO: &[&str] = &["no", "false", "off", "0"];
const CGROUPS: &str = "ProtectControlGroups";

const WALLS: &[Wall] = &[
    Wall { key: CGROUPS, harmless: NO, hides: "no cgroup can be frozen; systemd/cgroup.conf opens them" },
    Wall { key: "PrivateNetwork", harmless: NO, hides: "the daemon sees no sockets of the host" },
    Wall { key: "PrivateUsers", harmless: NO, hides: "its capabilities count for nothing outside of it" },
    Wall { key: "PrivatePIDs", harmless: NO, hides: "it sees no process but its own" },
    Wall { key: "ProtectProc", harmless: &["default"], hides: "processes of other users are hidden from it" },
    Wall { key: "ProcSubset", harmless: &["all"], hides: "memory, swap and pressure of the host are hidden from it" },
];

/// Whom systemd makes of the service, and his name: systemd.exec(5), "User/group identity" and
/// "Capabilities".
fn user(unit: &Unit) -> Result<(String, Assumed), String> {
    let (name, group) = (unit.get("User").trim(), unit.get("Group").trim());
    let user = if name.is_empty() { account("root", unit)? } else { account(name, unit)? };
    let gid = if group.is_empty() { user.gid } else { group_of(group)? };
    let name = std::ffi::CString::new(user.name.clone()).map_err(|_| "User= holds a zero byte".to_owned())?;
    let groups = getgrouplist(&name, gid).map_err(|error| format!("the groups of {}: {error}", shown(&user.name)))?;
    let more = unit.get("SupplementaryGroups").split_whitespace().map(group_of).collect::<Result<Vec<_>, _>>()?;
    let groups = groups.into_iter().chain(more).map(Gid::as_raw).collect();
    let bounding = set(unit.told("CapabilityBoundingSet"), CapabilitySet::all())?;
    let ambient = set(unit.told("AmbientCapabilities"), CapabilitySet::empty())?;
    if let Some((beyond, _)) = (ambient - bounding).iter_names().next() {
        return Err(format!(
            "it cannot start: CAP_{beyond} is in AmbientCapabilities= and not in CapabilityBoundingSet="
        ));
    }
    // An exec gives root what the bounding set leaves, and everybody else what is ambient.
    let capabilities = if user.uid.is_root() { bounding } else { ambient };
    Ok((user.name, Assumed { uid: user.uid.as_raw(), gid: gid.as_raw(), groups, capabilities }))
}

fn account(name: &str, unit: &Unit) -> Result<User, String> {
    let found = match name.parse() {
        Ok(uid) => User::from_uid(nix::unistd::Uid::from_raw(uid)),
        Err(_) => User::from_name(name),
    };
    let missing = if name.contains('%') {
        "write it without specifiers"
    } else if !NO.contains(&unit.told("DynamicUser").unwrap_or("no")) {
        "with DynamicUser= it is there only while the service runs"
    } else {
        "systemd-sysusers makes that of tradedog.service"
    };
    found.ok().flatten().ok_or_else(|| format!("its user {} is not known on this host: {missing}", shown(name)))
}

fn group_of(name: &str) -> Result<Gid, String> {
    if let Ok(gid) = name.parse() {
        return Ok(Gid::from_raw(gid));
    }
    let found = Group::from_name(name).ok().flatten();
    found.map(|group| group.gid).ok_or_else(|| format!("its group {} is not known on this host", shown(name)))
}

/// A set of capabilities, an assignment a line. One with `~` takes away; an empty one empties; the first
/// that names some replaces what was there by itself, `initial`.
fn set(told: Option<&str>, initial: CapabilitySet) -> Result<CapabilitySet, String> {
    let mut held = initial;
    for line in told.into_iter().flat_map(|told| told.split('\n')) {
        let (inverted, names) = line.strip_prefix('~').map_or((false, line), |names| (true, names));
        let named = names.split_whitespace().map(capability).collect::<Result<CapabilitySet, _>>()?;
        held = match (named.is_empty() || held == initial, inverted) {
            (true, false) => named,
            (true, true) => !named,
            (false, false) => held | named,
            (false, true) => held - named,
        };
    }
    Ok(held)
}

fn capability(name: &str) -> Result<CapabilitySet, String> {
    let upper = name.to_ascii_uppercase();
    let known = upper.strip_prefix("CAP_").and_then(CapabilitySet::from_name);
    known.ok_or_else(|| format!("{} is no capability that tradedog knows", shown(name)))
}

fn shown(text: &str) -> String {
    printable(text.as_bytes(), MOST_CHARS)
}

#[cfg(test)]
mod tests;
