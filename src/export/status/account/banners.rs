//! What must be known before all else.

use super::words::within;
use super::{Banner, hours, plain};
use crate::config::Config;
use crate::export::{Snapshot, metrics};
use crate::model::{Inhibition, Moment, printable};

/// Longest name of a file.
const NAME_CHARS: usize = 60;

/// Most banners of a kind.
const MOST: usize = 8;

pub(in crate::export::status) fn banners(snapshot: &Snapshot) -> Vec<Banner> {
    let mut all = Vec::new();
    if snapshot.config.daemon.dry_run {
        all.push(banner("dry_run", "DRY RUN", "measures are told of, not taken"));
    }
    let inhibitions =
        snapshot.inhibitions.iter().map(|inhibition| held_back(inhibition, snapshot.taken)).collect::<Vec<_>>();
    all.extend(several(("inhibited", "INHIBITED"), &inhibitions));
    all.extend(several(("not_ready", "NOT READY"), &snapshot.not_ready));
    let lost = snapshot.host_names.iter().filter(|name| name.trouble.is_some()).map(ToString::to_string);
    // One that keeps a threshold blind is among those already.
    let lost: Vec<String> = lost.filter(|text| !snapshot.not_ready.contains(text)).collect();
    all.extend(several(("unresolved", "NOT RESOLVED"), &lost));
    all.extend(several(("calendar", "CALENDAR"), &hours::troubles(snapshot)));
    if snapshot.config.fallback.is_some() {
        let armed = if snapshot.config.daemon.dry_run { "" } else { ", measures are taken" };
        let text = format!(
            "the configuration could not be used at the start, and the one that was used last goes on{armed}: tradedog \
             check, then tradedog reload"
        );
        all.push(banner("last_good", "OLD CONFIGURATION", &text));
    } else if snapshot.reload.failed {
        let text =
            "the last reload failed, and the configuration before it goes on: tradedog check, then tradedog reload";
        all.push(banner("reload_failed", "OLD CONFIGURATION", text));
    }
    if snapshot.reload.set_aside > 0 {
        let count = files(snapshot.reload.set_aside);
        let text = format!("{count} set aside because of errors: tradedog check says why{}", which(&snapshot.config));
        all.push(banner("set_aside", "FILES SET ASIDE", &text));
    }
    if !snapshot.slowed.is_empty() {
        all.push(banner("slowed", "READ SELDOM", &snapshot.slowed));
    }
    let left_out = metrics::left_out(snapshot);
    if left_out > 0 {
        let text = format!("{left_out} processes are not in /metrics: [web] max_series is too small");
        all.push(banner("left_out", "LEFT OUT", &text));
    }
    all
}

fn banner(kind: &str, title: &str, text: &str) -> Banner {
    Banner { kind: kind.to_owned(), title: title.to_owned(), text: plain(text) }
}

fn several((kind, title): (&str, &str), texts: &[String]) -> Vec<Banner> {
    let more = texts.len().saturating_sub(MOST);
    let mut all: Vec<Banner> = texts.iter().take(MOST).map(|text| banner(kind, title, text)).collect();
    if more > 0 {
        all.push(banner(kind, title, &format!("and {more} more reasons, all of them in /api/v1/status")));
    }
    all
}

/// `all orders of trader, by alice (uid 1000), for 28m at most: tradedog release trader`
fn held_back(inhibition: &Inhibition, now: Moment) -> String {
    let Inhibition { target, action, by, until, until_successor, .. } = inhibition;
    let (what, whom) = match action {
        Some(action) => (format!("orders of {action} of {target}"), format!("{target} {action}")),
        None => (format!("all orders of {target}"), target.to_string()),
    };
    let successor = if *until_successor { "when a successor is there, or " } else { "" };
    format!("{what} are held back by {by}; ends {successor}{}: tradedog release {whom}", within(now, *until))
}

/// Names of the files that are set aside, in brackets.
fn which(config: &Config) -> String {
    let names = config.set_aside.iter().filter_map(|aside| aside.file.file_name());
    let names: Vec<String> = names.map(|name| printable(name.as_encoded_bytes(), NAME_CHARS)).take(MOST).collect();
    if names.is_empty() { String::new() } else { format!(" ({})", names.join(", ")) }
}

fn files(count: u32) -> String {
    if count == 1 { "1 configuration file was".to_owned() } else { format!("{count} configuration files were") }
}
