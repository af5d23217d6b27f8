//! Totals of the host: memory and swap, paging, memory pressure, open files.
//!
//! What belongs here: the files that the kernel prints about the host as a whole, and a parser of
//! each. What does not: anything about one process, or about a container's limit (its cgroup has
//! that); sockets of the host (`sock_diag`).

use std::ffi::CStr;
use std::os::fd::OwnedFd;

use rustix::io::Errno;

use super::Error;
use super::source::{read_all, read_kept, read_record};

mod file_nr;
mod meminfo;
mod pressure;
#[cfg(test)]
mod tests;
mod vmstat;

pub use file_nr::open_files;
pub use meminfo::MemInfo;
pub use pressure::some_avg10;
pub use vmstat::Swapped;

/// A file about the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HostFile {
    MemInfo,
    VmStat,
    MemoryPressure,
    FileNr,
}

impl HostFile {
    const ALL: [Self; 4] = [Self::MemInfo, Self::VmStat, Self::MemoryPressure, Self::FileNr];

    const fn path(self) -> &'static CStr {
        match self {
            Self::MemInfo => c"/proc/meminfo",
            Self::VmStat => c"/proc/vmstat",
            Self::MemoryPressure => c"/proc/pressure/memory",
            Self::FileNr => c"/proc/sys/fs/file-nr",
        }
    }
}

/// Where the texts come from: the kernel, or a test's idea of it.
pub(crate) trait HostSource {
    /// The file's text, in place of what was in `buffer`.
    fn read(&mut self, file: HostFile, buffer: &mut Vec<u8>) -> Result<(), Errno>;
}

/// The kernel, through descriptors that are opened when first needed and kept: on a host without a
/// descriptor left it still says how many are open. After a failure the file is opened anew.
#[derive(Default)]
pub(crate) struct HostOs {
    files: [Option<OwnedFd>; HostFile::ALL.len()],
}

impl HostSource for HostOs {
    fn read(&mut self, file: HostFile, buffer: &mut Vec<u8>) -> Result<(), Errno> {
        read_kept(&mut self.files[file as usize], file.path(), |kept| {
            // Only vmstat has more than one record; of the others one call returns one consistent text.
            if file == HostFile::VmStat { read_all(kept, buffer) } else { read_record(kept, usize::MAX, buffer) }
        })
    }
}

/// The files, kept open.
pub struct HostFiles {
    source: Box<dyn HostSource>,
    buffer: Vec<u8>,
}

impl HostFiles {
    /// Opens nothing yet: the first reading of each does.
    pub fn new() -> Self {
        Self::over(Box::new(HostOs::default()))
    }

    /// Reads from `source`.
    pub(crate) const fn over(source: Box<dyn HostSource>) -> Self {
        Self { source, buffer: Vec::new() }
    }

    /// Memory and swap now.
    pub fn memory(&mut self) -> Result<MemInfo, Error> {
        self.read(HostFile::MemInfo, MemInfo::parse)
    }

    /// Pages that went to swap and came back, since boot.
    pub fn swapped(&mut self) -> Result<Swapped, Error> {
        self.read(HostFile::VmStat, Swapped::parse)
    }

    /// The share of the last 10 s in which some process waited for memory; none where the kernel does
    /// not keep account of that (built without CONFIG_PSI, or started without `psi=1` where that is
    /// not the default).
    pub fn memory_pressure(&mut self) -> Result<Option<f64>, Error> {
        match self.source.read(HostFile::MemoryPressure, &mut self.buffer) {
            Ok(()) => some_avg10(&self.buffer).map(Some),
            Err(Errno::NOENT | Errno::OPNOTSUPP) => Ok(None),
            Err(errno) => Err(error(errno)),
        }
    }

    /// Open files of the whole host.
    pub fn open_files(&mut self) -> Result<u64, Error> {
        self.read(HostFile::FileNr, open_files)
    }

    fn read<T>(&mut self, file: HostFile, parse: fn(&[u8]) -> Result<T, Error>) -> Result<T, Error> {
        self.source.read(file, &mut self.buffer).map_err(error)?;
        parse(&self.buffer)
    }
}

impl Default for HostFiles {
    fn default() -> Self {
        Self::new()
    }
}

/// Whether anything at all is in swap, by sysinfo(2): while nothing is, no process has memory there.
pub fn swap_in_use() -> bool {
    let info = rustix::system::sysinfo();
    info.totalswap != info.freeswap
}

/// What stands behind `name` in the first line that begins with it. A last line without its newline
/// is not looked at: it may have been cut in the middle of a number.
fn line<'t>(text: &'t [u8], name: &[u8]) -> Option<&'t [u8]> {
    let complete = &text[..text.iter().rposition(|&byte| byte == b'\n')?];
    complete.split(|&byte| byte == b'\n').find_map(|line| line.strip_prefix(name))
}

/// No process is meant here, so ENOENT (no /proc) is an error as any other, not "gone".
fn error(errno: Errno) -> Error {
    match errno {
        Errno::ACCESS | Errno::PERM => Error::Denied,
        other => Error::Os(other.raw_os_error()),
    }
}
