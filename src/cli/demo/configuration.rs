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
    let program = std::env::current_exe().context("cannot find the own program")?;
    let program = program.to_str().context("the path of the program is not UTF-8, so no configuration can name it")?;
    let user = User::from_uid(getuid()).ok().flatten().map_or_else(|| getuid().to_string(), |user| user.name);
    let places = [
        ("{web}", web.to_string()),
        ("{admin}", admin.to_string()),
        ("{broker}", peers.broker.to_string()),
        ("{database}", peers.database.to_string()),
        ("{cmdline}", format!("demo trader --admin {} ", admin.to_string().replace('.', "[.]"))),
        ("{user}", quoted(&user)),
        ("{exe}", quoted(program)),
    ];
    Ok(places.iter().fold(TEMPLATE.to_owned(), |text, (place, value)| text.replace(place, value)))
}

/// What happens when.
pub(super) fn essence() -> &'static str {
    TEMPLATE.find(ESSENCE).and_then(|at| TEMPLATE.get(at..)).unwrap_or(TEMPLATE)
}

/// As TOML writes it.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}
