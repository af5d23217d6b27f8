//! `/proc/PID/statm`: seven numbers of pages in a line (proc_pid_statm(5)). An eighth of what `status` costs.

use super::Error;
use super::digits::{number, words};

/// Pages in memory, field 2. None where all seven are 0: so it is printed for whoever has no memory of his own,
/// a kernel thread, a zombie, or a process that has just died.
pub fn resident_pages(text: &[u8]) -> Result<Option<u64>, Error> {
    let expected = Error::Malformed("/proc/PID/statm with 7 numbers");
    let line = text.strip_suffix(b"\n").ok_or(expected)?;
    let (mut fields, mut resident, mut nothing) = (0, 0, true);
    for word in words(line) {
        let pages = number(word).ok_or(expected)?;
        fields += 1;
        nothing &= pages == 0;
        if fields == 2 {
            resident = pages;
        }
    }
    if fields == 7 { Ok((!nothing).then_some(resident)) } else { Err(expected) }
}
