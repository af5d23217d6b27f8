//! Removing the oldest incidents, and what was never finished.

use std::ffi::CStr;
use std::os::fd::BorrowedFd;

use rustix::fs::{AtFlags, Dir, FileType, Mode, openat, statat, unlinkat};

use super::store::{Limits, remove_file};
use super::{HIDDEN, OPEN, is_id};

/// A hidden folder that is older was left by a daemon that ended meanwhile, in seconds.
const LEFT: i64 = 600;

/// Removes the oldest until what is left is within `limits`; `newest` stays in any case. Returns how many were
/// removed. What cannot be removed is left.
pub(super) fn prune(base: BorrowedFd<'_>, newest: &str, limits: Limits) -> usize {
    let mut ids = Vec::new();
    for name in names(base) {
        if is_id(&name) {
            ids.push((size(base, &name), name));
        } else if name.strip_prefix(HIDDEN).is_some_and(is_id) && is_left(base, &name) {
            remove(base, &name);
        }
    }
    ids.sort_by(|(_, one), (_, other)| one.cmp(other));
    let (mut count, mut size) = (ids.len(), ids.iter().map(|(size, _)| size).sum::<u64>());
    let mut removed = 0;
    for (bytes, id) in ids.iter().filter(|(_, id)| id != newest) {
        if count <= limits.count && size <= limits.size {
            break;
        }
        removed += usize::from(remove(base, id));
        // What cannot be removed, for somebody has put a folder into it, costs no other incident its place.
        count -= 1;
        size -= bytes;
    }
    removed
}

/// Removes a folder with the files in it; whether it is gone. A folder in it is none of ours: then it stays.
pub(super) fn remove(base: BorrowedFd<'_>, name: &str) -> bool {
    let Ok(folder) = openat(base, name, OPEN, Mode::empty()) else { return false };
    each(&folder, &mut |entry| {
        let _ = remove_file(std::os::fd::AsFd::as_fd(&folder), entry);
    });
    unlinkat(base, name, AtFlags::REMOVEDIR).is_ok()
}

/// The bytes in it.
pub(super) fn size(base: BorrowedFd<'_>, name: &str) -> u64 {
    let Ok(folder) = openat(base, name, OPEN, Mode::empty()) else { return 0 };
    let mut size = 0;
    each(&folder, &mut |entry| {
        let found = statat(&folder, entry, AtFlags::SYMLINK_NOFOLLOW);
        size += found.map_or(0, |found| u64::try_from(found.st_size).unwrap_or(0));
    });
    size
}

/// The names in a folder that are text.
pub(super) fn names(base: BorrowedFd<'_>) -> Vec<String> {
    let mut names = Vec::new();
    each(&base, &mut |name| names.extend(name.to_str().ok().map(str::to_owned)));
    names
}

fn each(folder: &impl std::os::fd::AsFd, visit: &mut dyn FnMut(&CStr)) {
    let Ok(entries) = Dir::read_from(folder) else { return };
    for entry in entries.flatten().filter(|entry| ![c".", c".."].contains(&entry.file_name())) {
        visit(entry.file_name());
    }
}

fn is_left(base: BorrowedFd<'_>, name: &str) -> bool {
    let Ok(found) = statat(base, name, AtFlags::SYMLINK_NOFOLLOW) else { return false };
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Realtime).tv_sec;
    FileType::from_raw_mode(found.st_mode) == FileType::Directory && found.st_mtime < now - LEFT
}
