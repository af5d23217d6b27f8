//! The `watchdog.toml` of the demo.

use std::net::SocketAddr;

use anyhow::Context as _;
use nix::unistd::{User, getuid};

use super::peers::Peers;

/// With places for what is known only when it runs.
const TEMPLATE: &str = include_str!("watchdog.toml");
/// From here on it is shown at the start.
const ESSENCE: &str = "[target.trader.thresholds]";

/// The file, complete. Kept to the present user, for a command line can be imitated.
pub(super) fn text(admin: SocketAddr, web: SocketAddr, peers: Peers) -> anyhow::Result<String> {
    let user = User::from_uid(getuid()).ok().flatten().map_or_else(|| getuid().to_string(), |user| user.name);
    let places = [
        ("{web}", web.to_string()),
        ("{admin}", admin.to_string()),
        ("{broker}", peers.broker.to_string()),
        ("{database}", peers.database.to_string()),
        ("{cmdline}", format!("demo trader --admin {} ", admin.to_string().replace('.', "[.]"))),
        ("{user}", quoted(&user)),
        ("{exe}", quoted(&program()?)),
    ];
    Ok(places.iter().fold(TEMPLATE.to_owned(), |text, (place, value)| text.replace(place, value)))
}

/// What happens when, out of the file's text; the path of the program is shortened to its name.
pub(super) fn essence(text: &str) -> String {
    let essence = text.find(ESSENCE).and_then(|at| text.get(at..)).unwrap_or(text);
    match program() {
        Ok(program) => essence.replace(&quoted(&program), "\"tradedog\""),
        Err(_) => essence.to_owned(),
    }
}

fn program() -> anyhow::Result<String> {
    let program = std::env::current_exe().context("cannot find the own program")?;
    let program = program.into_os_string().into_string().ok();
    program.context("the path of the program is not UTF-8, so no configuration can name it")
}

/// As TOML writes it.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Source, parse};
    use crate::model::{ActionScope, Measure};

    fn filled() -> String {
        let port = |port: u16| SocketAddr::from(([127, 0, 0, 1], port));
        text(port(20_001), port(20_002), Peers { broker: port(20_003), database: port(20_004) }).unwrap()
    }

    #[test]
    fn it_is_accepted_without_a_warning_and_really_acts() {
        let config = parse(vec![Source { path: "watchdog.toml".into(), text: filled() }]).unwrap();
        assert!(config.warnings.iter().next().is_none() && !config.daemon.dry_run);
        let target = &config.targets[0];
        assert!(target.selector.user.is_some() && target.has_ladder());
        for (action, takes) in target.actions.iter().map(|action| (action, &action.measure)) {
            let undone = matches!(takes, Measure::Http(_) | Measure::Command(_));
            assert_eq!(
                (action.undo.is_some(), action.scope == ActionScope::Target),
                (undone, undone),
                "{}",
                action.name
            );
        }
        assert!(target.actions.iter().any(|action| action.needs.is_some() && action.expect_successor.is_some()));
    }

    #[test]
    fn what_is_shown_fits_the_screen() {
        let text = filled();
        let shown = essence(&text);
        assert!(shown.starts_with("[target.trader.thresholds]") && shown.contains("[\"tradedog\", "), "{shown}");
        for line in shown.lines() {
            assert!(line.chars().count() <= 97, "{line}");
        }
    }
}
