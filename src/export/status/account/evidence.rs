//! Where to look for more: processes, and commands to copy.

use std::cmp::Reverse;

use super::Scene;
use super::seats::Seat;
use super::words::shell;
use crate::export::Snapshot;
use crate::model::{Base, Level, MemberKey, Pid};
use crate::record::{LogTo, show_duration};

/// Most processes that are listed.
const MOST_PROCESSES: usize = 3;

pub(super) fn of_target(scene: &Scene<'_>, seats: &[Seat<'_>]) -> Vec<String> {
    let mut lines = processes(scene, seats);
    if let Some(pid) = worst(scene, seats) {
        lines.push(look_at(pid, seats));
    }
    if let Some(unit) = &scene.target.selector.unit {
        let unit = shell(unit);
        lines.push(format!("systemctl status {unit}"));
        lines.push(format!("journalctl -u {unit} -n 50"));
    }
    if scene.snapshot.log_to == LogTo::Journal {
        lines.push(format!("journalctl -t tradedog TRADEDOG_TARGET={} -n 50", scene.target.name));
    }
    lines.extend(incident(scene));
    lines.extend(api(scene.snapshot));
    lines
}

/// The last folder of evidence.
fn incident(scene: &Scene<'_>) -> Option<String> {
    let last = scene.snapshot.incidents.kept.iter().rfind(|incident| incident.target == scene.target.name)?;
    Some(format!("tradedog incidents show {}", last.id))
}

pub(super) fn of_host(snapshot: &Snapshot) -> Vec<String> {
    let mut lines = vec!["free -h".to_owned(), "vmstat 1 5".to_owned()];
    lines.extend(api(snapshot));
    lines
}

/// What the kernel says of the process, as far as it concerns what is worst.
fn look_at(pid: Pid, seats: &[Seat<'_>]) -> String {
    let worst = seats.iter().flat_map(Seat::raised).min_by_key(|row| Reverse(row.view.level));
    match worst.map(|row| row.metric.base) {
        Some(base) if base.is_socket_state() || base == Base::Sockets => format!("ss -tanp | grep pid={pid},"),
        Some(Base::Rss | Base::Swap) => format!("grep -E 'VmRSS|RssAnon|VmSwap' /proc/{pid}/status"),
        Some(Base::Threads) => format!("ls /proc/{pid}/task"),
        Some(_) | None => format!("ls -l /proc/{pid}/fd"),
    }
}

/// `process 0, pid 4711, up 3h`
fn processes(scene: &Scene<'_>, seats: &[Seat<'_>]) -> Vec<String> {
    let worst = worst(scene, seats);
    let mut members: Vec<_> = scene.snapshot.members().iter().filter(|m| m.key.target == scene.index).collect();
    members.sort_by_key(|member| Some(member.pid) != worst);
    let more = members.len().saturating_sub(MOST_PROCESSES);
    let line = |member: &&crate::export::MemberView| {
        format!("{}, up {}", scene.who(member.key), show_duration(scene.now().since(member.started)))
    };
    let mut lines: Vec<String> = members.iter().take(MOST_PROCESSES).map(line).collect();
    if more > 0 {
        lines.push(format!("and {more} more processes"));
    }
    lines
}

/// The process that is worst off; any where all are alike.
fn worst(scene: &Scene<'_>, seats: &[Seat<'_>]) -> Option<Pid> {
    let seat = seats.iter().max_by_key(|seat| (seat.level(), Reverse(seat.key)));
    let key = seat.filter(|seat| seat.level() > Level::Normal).and_then(|seat| seat.key);
    let key = key.filter(|key| key.slot != MemberKey::ALL);
    let mut members = scene.snapshot.members().iter().filter(|member| member.key.target == scene.index);
    members.find(|member| key.is_none_or(|key| member.key == key)).map(|member| member.pid)
}

fn api(snapshot: &Snapshot) -> Option<String> {
    let web = &snapshot.config.web;
    let address = web.listen.first()?;
    let scheme = if web.tls.is_some() { "https" } else { "http" };
    let user = web.users.first().map_or_else(String::new, |user| format!("-u {} ", shell(&user.name)));
    Some(format!("curl -s {user}{}", shell(&format!("{scheme}://{address}/api/v1/status"))))
}
