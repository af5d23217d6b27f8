//! Where the bytes about one process come from.
//!
//! The one seam of this folder: the kernel ([`Os`]), and in tests a fake that fails on the n-th
//! read. What belongs here: opening and reading. What does not: knowing what the bytes mean.

use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::OnceLock;

use rustix::buffer::spare_capacity;
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, RawDir, RawDirEntry};
use rustix::io::{Errno, retry_on_intr};

use super::Error;

/// A text file of `/proc/PID`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum File {
    Stat,
    Statm,
    Status,
    Cgroup,
    Limits,
    Cmdline,
}

impl File {
    const fn name(self) -> &'static CStr {
        match self {
            Self::Stat => c"stat",
            Self::Statm => c"statm",
            Self::Status => c"status",
            Self::Cgroup => c"cgroup",
            Self::Limits => c"limits",
            Self::Cmdline => c"cmdline",
        }
    }
}

/// A link of `/proc/PID`. Following one needs the right to trace the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    Exe,
    PidNamespace,
    UserNamespace,
}

impl Link {
    const fn name(self) -> &'static CStr {
        match self {
            Self::Exe => c"exe",
            Self::PidNamespace => c"ns/pid",
            Self::UserNamespace => c"ns/user",
        }
    }
}

/// A table of the network namespace of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NetTable {
    Tcp,
    Tcp6,
}

impl NetTable {
    const fn name(self) -> &'static CStr {
        match self {
            Self::Tcp => c"net/tcp",
            Self::Tcp6 => c"net/tcp6",
        }
    }
}

/// The bytes of one process. Every call may find it gone.
pub(crate) trait Source: Send + Sync {
    /// The file's text, in place of what was in `buffer`.
    fn read(&self, file: File, buffer: &mut Vec<u8>) -> Result<(), Error>;
    /// The target of a link, in place of what was in `buffer`.
    fn link(&self, link: Link, buffer: &mut Vec<u8>) -> Result<(), Error>;
    /// Its folder once more, opened to be read.
    fn folder(&self) -> Result<OwnedFd, Error>;
    /// Number of open descriptors; 0 for a process that just died, too.
    fn count_fds(&self) -> Result<u64, Error>;
    /// Calls `visit` with what each descriptor points at.
    fn fd_links(&self, visit: &mut dyn FnMut(&[u8])) -> Result<(), Error>;
    /// The inode of a table of its network namespace.
    fn net_inode(&self, table: NetTable) -> Result<u64, Error>;
    /// Calls `visit` with each piece of a table of its network namespace; `buffer` is for the pieces.
    fn net_table(
        &self,
        table: NetTable,
        buffer: &mut Vec<u8>,
        visit: &mut dyn FnMut(&[u8]) -> Result<(), Error>,
    ) -> Result<(), Error>;
}

/// How descriptors are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counting {
    /// The size that stat gives for `/proc/PID/fd` (Linux 6.2, commit f1f1f2569901): one call, no right needed.
    Size,
    /// Its entries, one by one; needs the right to list them.
    Entries,
}

impl Counting {
    /// What this kernel can do, found out on ourselves: we have descriptors, so a size of 0 is an
    /// old kernel. Nothing is ever mounted there by itself: the flag tells a sandbox that stands in for an
    /// old kernel this look from all others.
    pub(crate) fn of_kernel() -> Self {
        static FOUND: OnceLock<Counting> = OnceLock::new();
        *FOUND.get_or_init(|| match rustix::fs::statat(CWD, c"/proc/self/fd", AtFlags::NO_AUTOMOUNT) {
            Ok(stat) if stat.st_size > 0 => Self::Size,
            _ => Self::Entries,
        })
    }
}

/// The kernel, through descriptors that are opened when first needed and kept.
pub(crate) struct Os {
    /// `/proc/PID`. It pins the process: after its death everything below is ESRCH or ENOENT,
    /// whoever has the number then.
    dir: OwnedFd,
    fds: OnceLock<OwnedFd>,
    stat: OnceLock<OwnedFd>,
    statm: OnceLock<OwnedFd>,
    status: OnceLock<OwnedFd>,
    cgroup: OnceLock<OwnedFd>,
    counting: Counting,
}

/// Opens a folder to look things up in it, which needs less right than to list it.
pub(crate) const FOLDER: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
/// Opens a folder to list it.
pub(crate) const LIST: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
const READ: OFlags = OFlags::RDONLY.union(OFlags::CLOEXEC);

impl Os {
    pub(crate) fn new(dir: OwnedFd, counting: Counting) -> Self {
        let slot = OnceLock::new;
        Self { dir, fds: slot(), stat: slot(), statm: slot(), status: slot(), cgroup: slot(), counting }
    }

    /// Where the descriptor of a file is kept that is read again and again, or before a signal: then
    /// there may be no descriptor left on the whole host to open it with. To keep one saves 1.3 us a reading:
    /// for the limits, which are read every 10 s, it does not pay.
    const fn kept(&self, file: File) -> Option<&OnceLock<OwnedFd>> {
        match file {
            File::Stat => Some(&self.stat),
            File::Statm => Some(&self.statm),
            File::Status => Some(&self.status),
            File::Cgroup => Some(&self.cgroup),
            File::Limits | File::Cmdline => None,
        }
    }

    fn fds(&self) -> Result<&OwnedFd, Error> {
        kept(&self.fds, || rustix::fs::openat(&self.dir, c"fd", FOLDER, Mode::empty()))
    }
}

/// The descriptor in `slot`, opened now if this is the first time.
fn kept(slot: &OnceLock<OwnedFd>, open: impl FnOnce() -> Result<OwnedFd, Errno>) -> Result<&OwnedFd, Error> {
    match slot.get() {
        Some(fd) => Ok(fd),
        None => {
            let fd = open()?;
            Ok(slot.get_or_init(|| fd))
        }
    }
}

impl Source for Os {
    fn read(&self, file: File, buffer: &mut Vec<u8>) -> Result<(), Error> {
        let open = || rustix::fs::openat(&self.dir, file.name(), READ, Mode::empty());
        let limit = if file == File::Cmdline { CMDLINE_LIMIT } else { usize::MAX };
        match self.kept(file) {
            Some(slot) => read_record(kept(slot, open)?, limit, buffer),
            None => read_record(&open()?, limit, buffer),
        }
        .map_err(Error::from)
    }

    fn link(&self, link: Link, buffer: &mut Vec<u8>) -> Result<(), Error> {
        let mut space = [MaybeUninit::uninit(); LINK_LIMIT];
        let target = read_link(self.dir.as_fd(), link.name(), &mut space)?;
        if target.len() == LINK_LIMIT {
            return Err(Error::Malformed("a link of /proc/PID that fits a path"));
        }
        buffer.clear();
        buffer.extend_from_slice(target);
        Ok(())
    }

    fn folder(&self) -> Result<OwnedFd, Error> {
        Ok(rustix::fs::openat(&self.dir, c".", LIST, Mode::empty())?)
    }

    fn count_fds(&self) -> Result<u64, Error> {
        match self.counting {
            Counting::Size => {
                let size = rustix::fs::fstat(self.fds()?)?.st_size;
                u64::try_from(size).map_err(|_| Error::Malformed("a size of /proc/PID/fd"))
            }
            Counting::Entries => {
                let mut count = 0;
                each_entry(self.fds()?.as_fd(), &mut |_| {
                    count += 1;
                    Ok(())
                })?;
                Ok(count)
            }
        }
    }

    fn fd_links(&self, visit: &mut dyn FnMut(&[u8])) -> Result<(), Error> {
        let folder = self.fds()?.as_fd();
        each_entry(folder, &mut |entry| {
            let mut space = [MaybeUninit::uninit(); FD_LINK_LIMIT];
            match read_link(folder, entry.file_name(), &mut space) {
                Ok(target) => visit(target),
                // Closed since it was listed.
                Err(Error::Gone) => {}
                Err(error) => return Err(error),
            }
            Ok(())
        })
    }

    fn net_inode(&self, table: NetTable) -> Result<u64, Error> {
        Ok(rustix::fs::statat(&self.dir, table.name(), AtFlags::empty())?.st_ino)
    }

    fn net_table(
        &self,
        table: NetTable,
        buffer: &mut Vec<u8>,
        visit: &mut dyn FnMut(&[u8]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let file = rustix::fs::openat(&self.dir, table.name(), READ, Mode::empty())?;
        loop {
            buffer.clear();
            buffer.reserve(FIRST_READ);
            if retry_on_intr(|| rustix::io::read(&file, spare_capacity(buffer)))? == 0 {
                return Ok(());
            }
            visit(buffer)?;
        }
    }
}

/// The longest path that a link of /proc is printed with (`PATH_MAX`).
const LINK_LIMIT: usize = 4096;
/// Enough for `socket:[18446744073709551615]`; longer ones are paths, whose beginning is enough.
const FD_LINK_LIMIT: usize = 64;
/// Arguments beyond this are not looked at: any user can start processes with megabytes of them.
const CMDLINE_LIMIT: usize = 128 * 1024;
/// More than any of the files but cmdline has on an ordinary host.
const FIRST_READ: usize = 4096;

/// Reads the file at `path` through the descriptor that is `kept`. It is opened where there is none, and anew
/// after a failure.
pub(crate) fn read_kept(
    kept: &mut Option<OwnedFd>,
    path: &CStr,
    read: impl FnOnce(&OwnedFd) -> Result<(), Errno>,
) -> Result<(), Errno> {
    let file = match kept.take() {
        Some(file) => file,
        None => rustix::fs::openat(CWD, path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?,
    };
    read(&file)?;
    *kept = Some(file);
    Ok(())
}

/// Reads a file that the kernel prints as one record, at most `limit` bytes of it.
///
/// One such read returns everything that fits (seq_file), so a short one is the end.
pub(crate) fn read_record(file: &OwnedFd, limit: usize, buffer: &mut Vec<u8>) -> Result<(), Errno> {
    buffer.clear();
    buffer.reserve(FIRST_READ);
    while buffer.len() < limit {
        let space = buffer.capacity() - buffer.len();
        let offset = u64::try_from(buffer.len()).unwrap_or(u64::MAX);
        let read = retry_on_intr(|| rustix::io::pread(file, spare_capacity(buffer), offset))?;
        if read < space {
            break;
        }
        buffer.reserve(buffer.len());
    }
    buffer.truncate(limit);
    Ok(())
}

/// Reads a file of many records to its end: there a short read is not the last one.
pub(crate) fn read_all(file: &OwnedFd, buffer: &mut Vec<u8>) -> Result<(), Errno> {
    buffer.clear();
    loop {
        buffer.reserve(FIRST_READ);
        let offset = u64::try_from(buffer.len()).unwrap_or(u64::MAX);
        if retry_on_intr(|| rustix::io::pread(file, spare_capacity(buffer), offset))? == 0 {
            return Ok(());
        }
    }
}

/// Opens and reads a file that is not about a process, whole.
pub(crate) fn read_file(dir: BorrowedFd<'_>, name: &CStr, buffer: &mut Vec<u8>) -> Result<(), Errno> {
    read_all(&rustix::fs::openat(dir, name, READ, Mode::empty())?, buffer)
}

/// The next piece of a file, in place of what was in `piece`; empty at its end.
pub(crate) fn read_piece(file: &OwnedFd, piece: &mut Vec<u8>) -> Result<(), Errno> {
    piece.clear();
    piece.reserve(FIRST_READ);
    retry_on_intr(|| rustix::io::read(file, spare_capacity(piece))).map(drop)
}

fn read_link<'a>(dir: BorrowedFd<'_>, name: &CStr, space: &'a mut [MaybeUninit<u8>]) -> Result<&'a [u8], Error> {
    let (target, _) = rustix::fs::readlinkat_raw(dir, name, space)?;
    Ok(target)
}

/// Calls `visit` with each entry of `folder`, `.` and `..` left out.
fn each_entry(
    folder: BorrowedFd<'_>,
    visit: &mut dyn FnMut(&RawDirEntry<'_>) -> Result<(), Error>,
) -> Result<(), Error> {
    let listed = rustix::fs::openat(folder, c".", LIST, Mode::empty())?;
    let mut space = [MaybeUninit::uninit(); 8192];
    let mut entries = RawDir::new(&listed, &mut space);
    while let Some(entry) = entries.next() {
        let entry = entry?;
        if entry.file_name() != c"." && entry.file_name() != c".." {
            visit(&entry)?;
        }
    }
    Ok(())
}

/// Calls `visit` with the name of each folder in `folder`.
pub(crate) fn each_folder(folder: BorrowedFd<'_>, visit: &mut dyn FnMut(&CStr)) -> Result<(), Error> {
    each_entry(folder, &mut |entry| {
        if entry.file_type() == FileType::Directory {
            visit(entry.file_name());
        }
        Ok(())
    })
}

/// Whether `name` in `dir` can be seen.
pub(crate) fn exists(dir: BorrowedFd<'_>, name: &CStr) -> bool {
    rustix::fs::statat(dir, name, AtFlags::empty()).is_ok()
}
