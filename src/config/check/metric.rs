//! Names of metrics: those that exist, those of a peer, and those of later versions.

use super::super::problem::Report;
use super::super::source::Place;
use super::super::text::{nearest, quoted, suggest};
use super::peers::Peers;
use crate::model::{Base, Derived, METRICS, Metric, MetricInfo};

/// The metric of that name, if it exists and takes bounds.
pub(super) fn find(name: &str, place: Place, peers: &Peers, report: &mut Report) -> Option<Metric> {
    let derived = name.rsplit_once('.').and_then(|(of, last)| Some((of, Derived::by_name(last)?)));
    let (of, derived) = derived.map_or((name, None), |(of, derived)| (of, Some(derived)));
    let (base_name, peer) = of.split_once('.').map_or((of, None), |(base, peer)| (base, Some(peer)));
    let base = match base(name, base_name) {
        Ok(base) => base,
        Err((what, help)) => {
            report.error(place, what).help(help);
            return None;
        }
    };
    let Some(peer) = peer else { return Some(Metric::plain(base).with(derived)) };
    let info = base.info();
    if let Some(near) = nearest(peer, Derived::ALL.map(Derived::name)).filter(|_| derived.is_none() && !info.per_peer) {
        let help = format!("did you mean \"{}.{near}\"?", info.name);
        report.error(place, format!("unknown metric {}", quoted(name))).help(help);
        return None;
    }
    if !info.per_peer {
        let some = METRICS.iter().filter(|row| row.per_peer && row.bounded);
        report
            .error(place, format!("`{}` is not counted by peer", info.name))
            .help(format!("metrics that are: {}", names(some)));
        return None;
    }
    if let Some(known) = peers.names.iter().find(|known| ***known == *peer) {
        return Some(Metric::of(base, Some(known.clone())).with(derived));
    }
    if !peers.unknown {
        let behind = derived.map_or_else(String::new, |derived| format!(".{}", derived.name()));
        let help = match nearest(peer, peers.names.iter().map(|name| &**name)) {
            Some(near) => format!("did you mean \"{}.{near}{behind}\"?", info.name),
            None => "add it to [peers]: NAME = \"ADDRESS:PORT\"".to_owned(),
        };
        report.missing(place, format!("no peer {} in [peers]", quoted(peer))).help(help);
    }
    None
}

/// The quantity of that name, or what is wrong and what to write.
fn base(name: &str, base_name: &str) -> Result<Base, (String, String)> {
    let bounded = || METRICS.iter().filter(|row| row.bounded);
    if is_later(base_name) {
        let what = format!("{} is not available in this version", quoted(name));
        return Err((what, format!("available metrics: {}", names(bounded()))));
    }
    let Some(base) = Base::by_name(base_name) else {
        let help = match nearest(base_name, bounded().map(|row| row.name)) {
            Some(near) => format!("did you mean `{}`?", name.replacen(base_name, near, 1)),
            None => suggest("", "metrics", bounded().map(|row| row.name)),
        };
        return Err((format!("unknown metric {}", quoted(name)), help));
    };
    if base.info().bounded {
        return Ok(base);
    }
    Err((format!("`{base_name}` is shown but takes no bounds"), format!("metrics that do: {}", names(bounded()))))
}

fn names<'m>(rows: impl Iterator<Item = &'m MetricInfo>) -> String {
    rows.map(|row| row.name).collect::<Vec<_>>().join(", ")
}

/// Whether a later version brings it.
pub(super) fn is_later(base: &str) -> bool {
    base == "gauge"
}
