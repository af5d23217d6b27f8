//! The host: what was read of it, and how it is judged.

use super::{Row, escalated, forecasts, readings, rung};
use crate::export::status::{Host, HostRung, account, ahead};
use crate::export::{RungOf, Snapshot};
use crate::model::{Base, MemberKey, Metric, printable};

/// The name that stands for its only ladder.
const LADDER: &str = "host";

/// Longest name shown.
const NAME_CHARS: usize = 100;

pub(super) fn host(snapshot: &Snapshot) -> Host {
    let (config, wall) = (&snapshot.config.host, &snapshot.wall);
    let rows = config.thresholds.iter().zip(&snapshot.host_thresholds);
    let judged = !snapshot.host_thresholds.is_empty();
    Host {
        name: (!snapshot.host_name.is_empty()).then(|| printable(snapshot.host_name.as_bytes(), NAME_CHARS)),
        memory_used_ratio: snapshot.host_number(&Metric::plain(Base::HostMemoryUsed)),
        swap_used_ratio: snapshot.host_number(&Metric::plain(Base::HostSwapUsed)),
        level: judged.then(|| snapshot.host_ladder.level.name().to_owned()),
        since: judged.then(|| wall.unix_seconds(snapshot.host_ladder.since)),
        readings: readings(&config.metrics, &snapshot.host, wall),
        forecasts: forecasts((&config.metrics, &config.forecasts), &snapshot.host_forecasts, wall),
        thresholds: rows
            .map(|(row, view)| {
                let row = Row { threshold: row, ladder: LADDER };
                row.seen(*view, wall)
            })
            .collect(),
        escalated: escalated(snapshot, None, LADDER),
        ahead: ahead::of_host(snapshot),
        rungs: rungs(snapshot).collect(),
        account: account::of_host(snapshot),
    }
}

fn rungs(snapshot: &Snapshot) -> impl Iterator<Item = HostRung> {
    snapshot.rungs.iter().filter(|rung| rung.ladder == RungOf::Host).filter_map(|view| {
        let target = snapshot.config.targets.get(usize::from(view.member.target))?;
        Some(HostRung {
            target: target.name.to_string(),
            process: (view.member.slot != MemberKey::ALL).then_some(view.member.slot),
            rung: rung(snapshot, target, view),
        })
    })
}
