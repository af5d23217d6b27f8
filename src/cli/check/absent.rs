//! A target that matches nothing: where to look, by what it is matched by.

use super::containers;
use crate::cli::lookup::shown;
use crate::config::Selector;
use crate::model::printable;

/// Longest pattern shown.
const MOST_CHARS: usize = 200;

/// One sentence for each part of the match.
pub(super) fn hints(selector: &Selector) -> Vec<String> {
    let text = |text: &str| printable(text.as_bytes(), MOST_CHARS);
    let Selector { unit, cgroup, exe, cmdline, comm, user, pidfile, container, cidfile } = selector;
    [
        unit.as_ref().map(|unit| {
            format!("unit: is it running (systemctl status {})? A unit of a user's own is not matched.", text(unit))
        }),
        cgroup.as_ref().map(|glob| {
            format!("cgroup: is there one that {} matches (systemd-cgls, /proc/PID/cgroup)?", text(glob.glob().glob()))
        }),
        container.as_ref().map(containers::absent),
        cidfile.as_ref().map(|path| format!("cidfile: does {} hold the id of a running container?", shown(path))),
        exe.as_ref().map(|path| {
            format!(
                "exe: does a process run {} (ls -l /proc/*/exe)? Those of other users need CAP_SYS_PTRACE.",
                shown(path)
            )
        }),
        cmdline.as_ref().map(|regex| {
            format!("cmdline: do the arguments of a process match (ps -eo pid,args)? {}", text(regex.as_str()))
        }),
        comm.as_ref()
            .map(|comm| format!("comm: is there a process of exactly this name (ps -eo pid,comm)? {}", text(comm))),
        user.as_ref().map(|user| {
            format!("user: does {} run one, as real and effective user (ps -eo pid,ruser,user)?", text(&user.name))
        }),
        pidfile.as_ref().map(|path| {
            format!("pidfile: does {} hold the pid of a live process? And {}.", shown(path), containers::INNER)
        }),
    ]
    .into_iter()
    .flatten()
    .collect()
}
