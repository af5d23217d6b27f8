//! Containers in `check`: why one matches nothing, and what a match by one proves.

use crate::config::{Container, Selector};

/// Where to look when no process is in the container.
pub(super) fn absent(container: &Container) -> String {
    match container {
        Container::Id(id) => format!("container: is it running (docker ps, podman ps, crictl ps)? {id}"),
        Container::Name(name) => format!(
            "container: does machinectl or lxc-ls list it? {name}. Docker, Podman and Kubernetes write only the id into \
             the cgroup path: match by id, by cidfile, or by the unit or slice that it runs in."
        ),
    }
}

/// Why somebody could imitate what the target matches by, where only the host can tell; none where
/// the configuration alone tells it already.
pub(super) const fn why_imitable(selector: &Selector) -> Option<&'static str> {
    if selector.pidfile.is_some() {
        return Some("others than root may write the pidfile or a folder above it");
    }
    if selector.cidfile.is_some() {
        return Some(
            "others than root may write the cidfile or a folder above it, or the container runs below the service or \
             session of a user; add user or unit to `match`",
        );
    }
    if selector.container.is_some() {
        return Some(
            "the container runs below user.slice or a service, where others than root may make such a group, or the \
             digits of its id mean several; add user or unit to `match`",
        );
    }
    None
}
