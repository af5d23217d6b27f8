//! The certificate and the key of `[web] tls`: whether the start would get by with them.

use std::io;
use std::path::Path;

use rustix::fs::{Mode, stat};

use super::Report;
use crate::cli::lookup::shown;
use crate::config::Web;
use crate::export::usable_tls;

/// Tells what keeps them from being used, and who else may read the key.
pub(super) fn tell(web: &Web, report: &mut Report<'_>) -> io::Result<()> {
    let Some(tls) = &web.tls else { return Ok(()) };
    if let Err(wrong) = usable_tls(tls) {
        return report.error("", wrong);
    }
    match open_to_others(&tls.key) {
        Some(mode) => report.warn(
            "",
            format!("[web] tls: key {} is open to others (mode {mode:04o}): chmod g-w,o-rwx", shown(&tls.key)),
        ),
        None => Ok(()),
    }
}

/// The mode of a file that others than its owner and group may read, or than its owner write.
fn open_to_others(path: &Path) -> Option<u32> {
    let mode = Mode::from_raw_mode(stat(path).ok()?.st_mode);
    (mode.intersects(Mode::RWXO) || mode.intersects(Mode::WGRP)).then_some(mode.bits())
}
