//! Giving back the code that only the start needed, through `madvise(2)`, which no safe crate has.
#![expect(unsafe_code, reason = "madvise is unsafe: what is written to is lost by it, and here nothing is")]

use std::io;

use procfs::process::{MMPermissions, MMapPath, MemoryMap, Process};
use rustix::mm::{Advice, madvise};

/// Gives back the pages of the program and its libraries: the kernel maps 64 KiB of a file around each
/// fault (`fault_around_bytes`), so that after the start nearly the whole program is resident, and memory
/// that is locked from then on would keep it so. What still runs is mapped anew from the page cache as it
/// is touched. Best effort: where the kernel does not tell what is mapped (`CONFIG_PROC_PAGE_MONITOR`),
/// or memory is locked already, everything stays.
pub fn give_back_start() {
    let Ok(maps) = Process::myself().and_then(|own| own.smaps()) else { return };
    for map in maps.iter().filter(|map| is_only_file(map)) {
        let _ = give_back(map.address);
    }
}

/// What a file backs, that nobody can write to, and of which no page is our own copy (as are those that
/// the linker wrote relocations to).
fn is_only_file(map: &MemoryMap) -> bool {
    let own = map.extension.map.get("Anonymous").copied();
    matches!(map.pathname, MMapPath::Path(_)) && !map.perms.contains(MMPermissions::WRITE) && own == Some(0)
}

fn give_back((from, to): (u64, u64)) -> io::Result<()> {
    let [Ok(from), Ok(to)] = [usize::try_from(from), usize::try_from(to)] else { return Ok(()) };
    let start = std::ptr::with_exposed_provenance_mut(from);
    // SAFETY: the mapping is backed by a file, cannot be written to, and holds no page of our own: what is
    // dropped is read from the file again, the same bytes, when it is next touched.
    unsafe { madvise(start, to.saturating_sub(from), Advice::LinuxDontNeed) }?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_file_backs_is_given_back_and_read_again_when_touched() {
        let shared = || Process::myself().unwrap().statm().unwrap().shared;
        // Code all over the program is touched, as at the start.
        let maps = Process::myself().unwrap().smaps().unwrap();
        assert!(maps.iter().any(is_only_file), "{maps:?}");
        let before = shared();
        give_back_start();
        let after = shared();
        assert!(after < before, "{after} pages of files, {before} before");
        assert!("0123".parse::<u64>().is_ok_and(|value| value == 123));
    }

    #[test]
    fn what_was_written_to_is_never_given_back() {
        let maps = Process::myself().unwrap().smaps().unwrap();
        let of_files = |map: &&MemoryMap| matches!(map.pathname, MMapPath::Path(_));
        // The linker writes relocations, and takes the right to write away behind itself.
        let relocated = |map: &MemoryMap| map.extension.map.get("Anonymous") > Some(&0);
        let sealed = |map: &&MemoryMap| !map.perms.contains(MMPermissions::WRITE) && relocated(map);
        assert!(maps.iter().filter(of_files).any(|map| sealed(&map)), "{maps:?}");
        assert!(!maps.iter().filter(of_files).any(|map| relocated(map) && is_only_file(map)));
    }
}
