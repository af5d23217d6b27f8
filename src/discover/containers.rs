//! Containers as the cgroup tree shows them. Pure.
//!
//! The runtimes of OCI containers (Docker, containerd, CRI-O, Podman) write the id, 64 hexadecimal
//! digits, whichever driver makes the groups: `/docker/ID`, `/system.slice/docker-ID.scope`,
//! `/machine.slice/libpod-ID.scope/container`, `/kubepods/burstable/podUID/ID`,
//! `/kubepods.slice/.../cri-containerd-ID.scope`, `....slice:cri-containerd:ID`. None of them writes
//! the container's name. Those that know no id write the name: systemd-nspawn
//! (`/machine.slice/machine-NAME.scope`, `/machine.slice/systemd-nspawn@NAME.service`), LXC
//! (`/lxc.payload.NAME`, before 4.0 and on Proxmox `/lxc/NAME`), containerd's own `ctr` (`/default/NAME`).

use super::units::names;
use crate::config::Container;

/// Folders in which each container has a group of its own name.
const NAMING: [&[u8]; 2] = [b"lxc", b"default"];

/// A container's group on the way down a cgroup path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place<'a> {
    /// Its whole id; none where it is known by its name.
    pub(super) id: Option<&'a [u8]>,
    /// Whether none but root, and who acts for it, can have made the group.
    pub(super) roots: bool,
}

/// Where `path` enters the container, if it does.
pub(super) fn in_container<'a>(path: &'a [u8], container: &Container) -> Option<Place<'a>> {
    let mut above: &[u8] = b"";
    let mut roots = true;
    for (depth, name) in names(path).enumerate() {
        let id = id_in(name);
        let is_it = match container {
            Container::Id(wanted) => id.is_some_and(|id| id.starts_with(wanted.as_bytes())),
            Container::Name(wanted) => is_named(above, name, wanted.as_bytes()),
        };
        if is_it {
            return Some(Place { id, roots });
        }
        roots &= is_roots(depth, above, name);
        above = name;
    }
    None
}

/// Whether the folder `name` belongs to root for certain: slices and the plain folders of cgroupfs
/// drivers do. Services, scopes and containers are handed over to whoever runs in them
/// (`Delegate=` of systemd.resource-control(5)), and `..` leads out of our cgroup namespace.
fn is_roots(depth: usize, above: &[u8], name: &[u8]) -> bool {
    // `user` is what pam_cgfs of LXC makes on hosts without systemd.
    let is_users = depth == 0 && matches!(name, b"user.slice" | b"user");
    let is_unit = name.ends_with(b".service") || name.ends_with(b".scope");
    let is_container = id_in(name).is_some() || name.starts_with(b"lxc.payload.") || NAMING.contains(&above);
    !is_users && !is_unit && !is_container && name != b".."
}

/// The whole id that the name of a group ends with. The monitor beside a container bears its id too,
/// and is none of its processes.
fn id_in(name: &[u8]) -> Option<&[u8]> {
    let name = name.strip_suffix(b".scope").unwrap_or(name);
    let at = name.len().checked_sub(Container::WHOLE)?;
    let (before, id) = name.split_at(at);
    let is_id = id.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let parted = matches!(before.last(), None | Some(b'-' | b':'));
    let is_monitor = before.ends_with(b"conmon-");
    (is_id && parted && !is_monitor).then_some(id)
}

/// Whether the group `name`, right below `above`, is that of the container called `wanted`.
fn is_named(above: &[u8], name: &[u8], wanted: &[u8]) -> bool {
    let between = |head: &[u8], tail: &[u8]| {
        name.strip_prefix(head).and_then(|rest| rest.strip_suffix(tail)).is_some_and(|inner| is_escaped(inner, wanted))
    };
    if NAMING.contains(&above) {
        return name == wanted;
    }
    let is_lxc = name.strip_prefix(b"lxc.payload.") == Some(wanted);
    is_lxc || between(b"machine-", b".scope") || between(b"systemd-nspawn@", b".service")
}

/// Whether `unit` is `wanted` as it is or as systemd writes it in the name of a unit
/// (systemd.unit(5), "String Escaping for Inclusion in Unit Names"): `-` as `\x2d`.
fn is_escaped(unit: &[u8], wanted: &[u8]) -> bool {
    let mut rest = unit;
    for byte in wanted {
        let plain = rest.strip_prefix(&[*byte]);
        let escaped = if *byte == b'-' { rest.strip_prefix(br"\x2d") } else { None };
        match plain.or(escaped) {
            Some(after) => rest = after,
            None => return false,
        }
    }
    rest.is_empty()
}

#[cfg(test)]
mod tests;
