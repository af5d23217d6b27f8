//! What a target's measures meet in its processes: connections that a freeze would starve, a server that
//! accepts nothing when it is out of files, memory that nothing bounds.

use std::collections::BTreeSet;
use std::net::IpAddr;

use hyper::Uri;

use super::Lint;
use crate::config::{Target, units};
use crate::kernel::sock_diag::{SockDiag, States, TcpState};
use crate::model::{Base, Level, Measure, MemberSample};
use crate::record::show_duration;

/// A port that somebody listens on, and whose it is.
pub(super) type Listener = (u16, u32);

/// The ports of this network namespace that processes listen on, with their users; none where they cannot
/// be listed.
pub(super) fn listeners() -> Vec<Listener> {
    let mut sockets = Vec::new();
    // What cannot be listed gives no opinion.
    let _ = SockDiag::new().dump(States::of(&[TcpState::Listen]), &mut sockets);
    sockets.iter().map(|socket| (socket.local.port, socket.uid)).collect()
}

/// What there is to say of a target whose members have these readings.
pub(super) fn of(target: &Target, members: &[&MemberSample], own_ports: &BTreeSet<u16>) -> Vec<Lint> {
    let mut lints = Vec::new();
    lints.extend(freezes(target, members));
    lints.extend(out_of_files(target, own_ports));
    lints.extend(unbounded(target, members));
    lints
}

/// The highest reading of a metric, if all members have one.
fn highest(target: &Target, members: &[&MemberSample], base: Base) -> Option<f64> {
    let at = target.metrics.iter().position(|metric| metric.base == base && metric.peer.is_none())?;
    let values: Option<Vec<f64>> = members.iter().map(|member| member.readings.get(at)?.value.number()).collect();
    values?.into_iter().reduce(f64::max)
}

/// A frozen process keeps its connections and answers on none of them.
fn freezes(target: &Target, members: &[&MemberSample]) -> Vec<Lint> {
    let Some(peers) = highest(target, members, Base::Established).filter(|count| *count > 0.0) else {
        return Vec::new();
    };
    let freezes = target.actions.iter().filter_map(|action| match action.measure {
        Measure::Freeze { deadline, .. } => Some((&action.name, deadline)),
        Measure::Signal { .. }
        | Measure::Kill { .. }
        | Measure::Thaw { .. }
        | Measure::Http(_)
        | Measure::Command(_) => None,
    });
    let lint = |(name, deadline)| {
        Lint::warning(format!(
            "{name}: the process has {peers} connections, whose other sides would hear nothing for up to {}: heartbeats \
             are missed and sessions lost (FIX, WebSocket); write a deadline below their timeouts, or pause by http or \
             command",
            show_duration(deadline)
        ))
    };
    freezes.map(lint).collect()
}

/// At critical and fatal of its files a process accepts no connection any more: neither ours.
fn out_of_files(target: &Target, own_ports: &BTreeSet<u16>) -> Vec<Lint> {
    let mut lints = Vec::new();
    for level in [Level::Critical, Level::Fatal] {
        let rows = target.thresholds.iter().filter(|row| row.bounds.get(level).is_some_and(Option::is_some));
        let of_files = |base: Base| matches!(base, Base::OpenFds | Base::FdUsage);
        let rows = rows.filter(|row| of_files(row.name.base) && row.name.derived.is_none());
        let ladders: BTreeSet<usize> = rows.map(|row| row.ladder).collect();
        for (_, action) in ladders.iter().flat_map(|ladder| target.rungs(*ladder, level)) {
            let Measure::Http(http) = &action.measure else { continue };
            let Some(port) = local_port(http.post.as_written()).filter(|port| own_ports.contains(port)) else {
                continue;
            };
            lints.push(Lint::warning(format!(
                "{}: at {level} the process may be out of files and accept no connection on its port {port}: use a \
                 signal there, and http at warning at the latest",
                action.name
            )));
        }
    }
    lints
}

/// The port of a URL of this host.
fn local_port(url: &str) -> Option<u16> {
    let uri: Uri = url.parse().ok()?;
    let host = uri.host()?.trim_matches(['[', ']']);
    let local = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    let default = if uri.scheme_str() == Some("https") { 443 } else { 80 };
    local.then(|| uri.port_u16().unwrap_or(default))
}

/// A share of a limit that is not there, and memory that nothing but we bound.
fn unbounded(target: &Target, members: &[&MemberSample]) -> Option<Lint> {
    let names = |bases: &[Base]| {
        let named = target.thresholds.iter().filter_map(|row| target.metrics.get(row.metric));
        named.map(|metric| metric.base).find(|base| bases.contains(base)).map(|base| base.info().name)
    };
    let limit = highest(target, members, Base::CgroupMemoryLimit)?;
    if limit.is_finite() {
        return None;
    }
    const REMEDY: &str = "write MemoryMax= into its unit (systemctl edit), or docker --memory";
    if let Some(name) = names(&[Base::CgroupMemoryUsage]) {
        return Some(Lint::warning(format!(
            "{name}: its cgroup has no memory limit to be a share of (memory.max); {REMEDY}"
        )));
    }
    let name = names(&[Base::CgroupMemory, Base::CgroupWorkingSet, Base::Rss])?;
    let at = highest(target, members, Base::Rss).map(|now| units::show(now, Base::Rss.info().unit)).unwrap_or_default();
    Some(Lint::note(format!(
        "{name}: nothing but tradedog bounds its memory ({at} now), for its cgroup has no limit; {REMEDY}"
    )))
}
