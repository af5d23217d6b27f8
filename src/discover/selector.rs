//! Whether a process is what a target means. All that is given must hold; cheap facts first.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use super::containers::in_container;
use super::units::in_unit;
use super::view::View;
use crate::config::Selector;
use crate::kernel::Error;

/// The part that may be asked again before every signal: without cmdline, exe, pidfile and cidfile.
pub(super) fn holds_cheaply(selector: &Selector, view: &mut View<'_>) -> Result<bool, Error> {
    // Kernel threads have nothing that could be watched; they are meant only where they are named.
    if view.stat.is_kernel_thread() && selector.comm.is_none() {
        return Ok(false);
    }
    if selector.comm.as_ref().is_some_and(|comm| comm.as_bytes() != view.stat.comm.as_bytes()) {
        return Ok(false);
    }
    if let Some(user) = &selector.user
        && view.status()?.uids != (user.uid, user.uid)
    {
        return Ok(false);
    }
    if let Some(unit) = &selector.unit
        && !view.cgroups()?.iter().any(|path| in_unit(path, unit.as_bytes()))
    {
        return Ok(false);
    }
    if let Some(glob) = &selector.cgroup
        && !view.cgroups()?.iter().any(|path| glob.is_match(OsStr::from_bytes(path)))
    {
        return Ok(false);
    }
    if let Some(container) = &selector.container
        && !view.cgroups()?.iter().any(|path| in_container(path, container).is_some())
    {
        return Ok(false);
    }
    Ok(true)
}

/// Whether [`holds_slowly`] has anything to ask.
pub(super) const fn is_slow(selector: &Selector) -> bool {
    selector.exe.is_some() || selector.cmdline.is_some()
}

/// The part that needs a right (exe) or touches the memory of the process (cmdline).
///
/// `resolved` is what the path of `selector.exe` leads to now: `/usr/bin/python3` is a link.
pub(super) fn holds_slowly(selector: &Selector, resolved: Option<&Path>, view: &mut View<'_>) -> Result<bool, Error> {
    if let Some(wanted) = &selector.exe {
        let exe = Path::new(OsStr::from_bytes(view.exe()?));
        if exe != wanted && Some(exe) != resolved {
            return Ok(false);
        }
    }
    match &selector.cmdline {
        Some(regex) => view.arguments().map(|arguments| regex.is_match(arguments)),
        None => Ok(true),
    }
}
