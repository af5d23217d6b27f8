//! The bounds of the hour, for a state that begins: afterwards judge is told the time.

use std::sync::Arc;

use crate::config::Config;
use crate::kernel;

/// The configuration with the bounds of this hour in force.
pub(super) fn in_force(config: Arc<Config>) -> Arc<Config> {
    let now = config.in_hours(&config.almanac(kernel::wall_instant()));
    now.map_or(config, Arc::new)
}
