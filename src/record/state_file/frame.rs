//! How the memory is written: one line of JSON that says how long the rest is and what its checksum
//! is, then the memory as JSON. Whatever is cut off or changed does not fit that line.

use std::io::{self, Write as _};

use serde::Deserialize;

use crate::model::Memory;

/// The version of the format, to be raised with every change of [`Memory`] that an older or newer
/// daemon would misread.
pub(super) const VERSION: u32 = 1;

/// Largest file that is written or read: some ten thousand processes with all their rungs.
pub(super) const LARGEST: u64 = 64 << 20;

/// The first line, whose length is the same whatever it says: it is written last.
const HEADER: usize = 64;

/// Enough to tell a file of another version, whatever else has changed.
#[derive(Deserialize)]
struct Version {
    tradedog_state: u32,
}

#[derive(Deserialize)]
struct Header {
    bytes: u64,
    crc32: u32,
}

/// Why bytes are no memory.
#[derive(Debug, PartialEq, Eq)]
pub enum Damage {
    /// Written by a daemon of another version.
    Version(u32),
    /// Cut off, changed, or no state file at all; says what shows it.
    Corrupt(String),
}

/// Puts the bytes of `memory` in place of what is in `buffer`.
pub(super) fn wrap(memory: &Memory, buffer: &mut Vec<u8>) -> io::Result<()> {
    buffer.clear();
    buffer.resize(HEADER, b' ');
    serde_json::to_writer(&mut *buffer, memory)?;
    buffer.push(b'\n');
    if buffer.len() as u64 > LARGEST {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "there is more to remember than 64 MiB"));
    }
    let (head, body) = buffer.split_at_mut(HEADER);
    let (bytes, crc32) = (body.len(), crc32fast::hash(body));
    let mut line = &mut *head;
    write!(line, "{{\"tradedog_state\":{VERSION},\"bytes\":{bytes},\"crc32\":{crc32}}}")?;
    head.last_mut().into_iter().for_each(|last| *last = b'\n');
    Ok(())
}

/// The memory in `bytes`.
pub(super) fn unwrap(bytes: &[u8]) -> Result<Memory, Damage> {
    let corrupt = |why: &str| Damage::Corrupt(why.to_owned());
    let first = bytes.split_inclusive(|byte| *byte == b'\n').next().unwrap_or_default();
    let version: Version =
        serde_json::from_slice(first).map_err(|_| corrupt("its first line is none of tradedog's"))?;
    if version.tradedog_state != VERSION {
        return Err(Damage::Version(version.tradedog_state));
    }
    let header: Header = serde_json::from_slice(first).map_err(|_| corrupt("its first line is not whole"))?;
    let body = bytes.get(first.len()..).unwrap_or_default();
    if body.len() as u64 != header.bytes {
        return Err(Damage::Corrupt(format!("{} bytes are there, {} were written", body.len(), header.bytes)));
    }
    if crc32fast::hash(body) != header.crc32 {
        return Err(corrupt("its checksum is wrong"));
    }
    serde_json::from_slice(body).map_err(|error| Damage::Corrupt(error.to_string()))
}
