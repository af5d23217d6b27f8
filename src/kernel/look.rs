//! A process looked at whole: every descriptor, thread and table that the kernel tells of it, for evidence.
//!
//! Not for the loop: it takes milliseconds to seconds, and touches the memory of the process. All of it goes
//! through one open folder `/proc/PID`, which pins the process: what is read here is of that one, or
//! [`Error::Gone`]. What belongs here: opening, reading, bounds. What does not: `environ`, which has no name
//! here, and any opinion about what was read.

mod lines;

use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, RawDir, StatxFlags};
use rustix::io::Errno;

use super::digits::number;
use super::reserve::{keep_aside, open_aside};
use super::source::{FOLDER, read_piece};
use super::{Cgroup, Entry, Error};
pub use lines::{NetLine, UnixLine, arguments_length};

/// A text file of `/proc/PID`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the file that is named after it, see proc(5)")]
pub enum Page {
    Status,
    Stat,
    Limits,
    /// Its arguments; faults its pages in.
    Cmdline,
    Cgroup,
    Io,
    OomScore,
    OomScoreAdj,
    /// Memory by kind; takes the lock of its address space for as long as the kernel walks that.
    SmapsRollup,
}

impl Page {
    const fn name(self) -> &'static CStr {
        match self {
            Self::Status => c"status",
            Self::Stat => c"stat",
            Self::Limits => c"limits",
            Self::Cmdline => c"cmdline",
            Self::Cgroup => c"cgroup",
            Self::Io => c"io",
            Self::OomScore => c"oom_score",
            Self::OomScoreAdj => c"oom_score_adj",
            Self::SmapsRollup => c"smaps_rollup",
        }
    }
}

/// A table of the network namespace of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the file of /proc/PID/net that is named after it")]
pub enum Table {
    Tcp,
    Tcp6,
    Udp,
    Udp6,
    Unix,
}

impl Table {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Tcp, Self::Tcp6, Self::Udp, Self::Udp6, Self::Unix];

    const fn path(self) -> &'static CStr {
        match self {
            Self::Tcp => c"net/tcp",
            Self::Tcp6 => c"net/tcp6",
            Self::Udp => c"net/udp",
            Self::Udp6 => c"net/udp6",
            Self::Unix => c"net/unix",
        }
    }
}

/// Where a link of `/proc/PID` leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the link that is named after it, see proc(5)")]
pub enum Pointer {
    Exe,
    Cwd,
    Root,
}

impl Pointer {
    const fn name(self) -> &'static CStr {
        match self {
            Self::Exe => c"exe",
            Self::Cwd => c"cwd",
            Self::Root => c"root",
        }
    }
}

/// A descriptor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Descriptor {
    /// Its number.
    pub number: u64,
    /// What the kernel calls it: a path, `socket:[1234]`, `anon_inode:[eventfd]`.
    pub target: Vec<u8>,
    /// What is behind it; none where it could not be asked.
    pub behind: Option<Behind>,
    /// `fdinfo`: position, flags, and what else is told of its kind.
    pub info: Vec<u8>,
}

/// What is behind a descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Behind {
    /// Its kind: `file`, `folder`, `pipe`, `socket`, `device`, `other`.
    pub kind: &'static str,
    /// Its size in bytes.
    pub size: u64,
    /// Names that it has: a file without one was deleted, and its bytes are still there.
    pub links: u32,
}

/// A thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// Its number.
    pub tid: u64,
    /// `stat`, as the kernel prints it.
    pub stat: Vec<u8>,
    /// The function of the kernel that it waits in; `0` where it runs or that may not be told; empty where
    /// it could not be read.
    pub waits: Vec<u8>,
}

/// Most bytes of a descriptor's `fdinfo`: epoll tells of each descriptor that it watches.
const INFO_LIMIT: usize = 2048;
/// Most bytes of a path.
const LINK_LIMIT: usize = 4096;
const LIST: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
const READ: OFlags = OFlags::RDONLY.union(OFlags::CLOEXEC);

/// A process, to be looked at.
pub struct Look {
    folder: OwnedFd,
}

impl Entry {
    /// Opens its folder for a look at all of it.
    ///
    /// # Errors
    /// [`Error::Gone`] where the process is.
    pub fn look(&self) -> Result<Look, Error> {
        Ok(Look { folder: open_aside(|| self.folder())? })
    }
}

impl Look {
    /// A text file, at most `limit` bytes of it.
    ///
    /// # Errors
    /// What the kernel said; an empty file is [`Error::Gone`], but for the arguments of a kernel thread.
    pub fn page(&self, page: Page, limit: usize) -> Result<Vec<u8>, Error> {
        let text = self.text(page.name(), limit)?;
        if text.is_empty() && page != Page::Cmdline { Err(Error::Gone) } else { Ok(text) }
    }

    /// Where a link leads.
    ///
    /// # Errors
    /// What the kernel said: [`Error::Denied`] without the right to trace the process.
    pub fn pointer(&self, pointer: Pointer) -> Result<Vec<u8>, Error> {
        self.link(pointer.name())
    }

    /// Calls `visit` with each line of a table of its network namespace, without its heading, until that says
    /// no.
    ///
    /// # Errors
    /// What the kernel said; [`Error::Gone`] also where it has no such table.
    pub fn table(&self, table: Table, visit: &mut dyn FnMut(&[u8]) -> bool) -> Result<(), Error> {
        reading((&self.folder, table.path(), READ), |file| lines_of(file, visit))
    }

    /// Calls `visit` with each descriptor, in no order, until that says no. Of the first `told` all is asked, of
    /// the others the target alone.
    ///
    /// # Errors
    /// [`Error::Denied`] without the right to trace the process, or to read a folder of its user.
    pub fn descriptors(&self, told: usize, visit: &mut dyn FnMut(Descriptor) -> bool) -> Result<(), Error> {
        let mut seen = 0;
        self.numbers(c"fd", &mut |number| {
            let Ok(target) = self.link(&path(b"fd", number, b"")) else {
                // Closed since it was listed.
                return true;
            };
            seen += 1;
            let (behind, info) = if seen <= told {
                (self.behind(number), self.text(&path(b"fdinfo", number, b""), INFO_LIMIT).unwrap_or_default())
            } else {
                (None, Vec::new())
            };
            visit(Descriptor { number, target, behind, info })
        })
    }

    /// Calls `visit` with each thread, in no order, until that says no.
    ///
    /// # Errors
    /// What the kernel said.
    pub fn tasks(&self, visit: &mut dyn FnMut(Task) -> bool) -> Result<(), Error> {
        self.numbers(c"task", &mut |tid| {
            let Ok(stat) = self.text(&path(b"task", tid, b"/stat"), INFO_LIMIT) else { return true };
            let waits = self.text(&path(b"task", tid, b"/wchan"), INFO_LIMIT).unwrap_or_default();
            visit(Task { tid, stat, waits })
        })
    }

    /// What a descriptor leads to, by what the kernel knows already: a file server that does not answer is not
    /// asked.
    fn behind(&self, number: u64) -> Option<Behind> {
        let flags = AtFlags::STATX_DONT_SYNC | AtFlags::NO_AUTOMOUNT;
        let wanted = StatxFlags::TYPE | StatxFlags::SIZE | StatxFlags::NLINK;
        let found = rustix::fs::statx(&self.folder, path(b"fd", number, b"").as_c_str(), flags, wanted).ok()?;
        let kind = match FileType::from_raw_mode(u32::from(found.stx_mode)) {
            FileType::RegularFile => "file",
            FileType::Directory => "folder",
            FileType::Fifo => "pipe",
            FileType::Socket => "socket",
            FileType::CharacterDevice | FileType::BlockDevice => "device",
            FileType::Symlink | FileType::Unknown => "other",
        };
        Some(Behind { kind, size: found.stx_size, links: found.stx_nlink })
    }

    fn text(&self, name: &CStr, limit: usize) -> Result<Vec<u8>, Error> {
        reading((&self.folder, name, READ), |file| read_bounded(file, limit))
    }

    fn link(&self, name: &CStr) -> Result<Vec<u8>, Error> {
        let mut space = [MaybeUninit::uninit(); LINK_LIMIT];
        let (target, _) = rustix::fs::readlinkat_raw(&self.folder, name, &mut space)?;
        Ok(target.to_vec())
    }

    /// Calls `visit` with each number that is a name in a folder, until that says no.
    fn numbers(&self, folder: &CStr, visit: &mut dyn FnMut(u64) -> bool) -> Result<(), Error> {
        reading((&self.folder, folder, LIST), |listed| {
            let mut space = [MaybeUninit::uninit(); 8192];
            let mut entries = RawDir::new(listed, &mut space);
            while let Some(entry) = entries.next() {
                let entry = entry?;
                if number(entry.file_name().to_bytes()).is_some_and(|number| !visit(number)) {
                    return Ok(());
                }
            }
            Ok(())
        })
    }

    /// Ends the look. Its descriptor stays with those that are kept for the next.
    pub fn close(self) {
        keep_aside(self.folder);
    }
}

/// A file of a cgroup, at most `limit` bytes of it; none where the group has no such file.
///
/// # Errors
/// What the kernel said.
pub fn cgroup_file(group: &Cgroup, name: &CStr, limit: usize) -> Result<Option<Vec<u8>>, Error> {
    match open_aside(|| rustix::fs::openat(group.folder(), name, READ | OFlags::NOFOLLOW, Mode::empty())) {
        Ok(file) => read_and_keep(file, |file| read_bounded(file, limit)).map(Some),
        Err(Errno::NOENT) => Ok(None),
        Err(errno) => Err(errno.into()),
    }
}

/// A file of `/proc` that is about the host, at most `limit` bytes of it.
///
/// # Errors
/// What the kernel said.
pub fn host_file(name: HostPage, limit: usize) -> Result<Vec<u8>, Error> {
    let root = (rustix::fs::CWD, c"/proc", FOLDER);
    reading(root, |root| reading((root, name.path(), READ), |file| read_bounded(file, limit)))
}

/// A text file of `/proc` that is about the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the file that is named after it, see proc(5)")]
pub enum HostPage {
    Loadavg,
    Meminfo,
    MemoryPressure,
    FileNr,
}

impl HostPage {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Loadavg, Self::Meminfo, Self::MemoryPressure, Self::FileNr];

    const fn path(self) -> &'static CStr {
        match self {
            Self::Loadavg => c"loadavg",
            Self::Meminfo => c"meminfo",
            Self::MemoryPressure => c"pressure/memory",
            Self::FileNr => c"sys/fs/file-nr",
        }
    }

    /// Its place.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Loadavg => "/proc/loadavg",
            Self::Meminfo => "/proc/meminfo",
            Self::MemoryPressure => "/proc/pressure/memory",
            Self::FileNr => "/proc/sys/fs/file-nr",
        }
    }
}

/// Opens a file below a folder, has it read, and keeps the descriptor for the next: evidence is wanted most where there
/// are none left.
fn reading<T>(
    (folder, name, flags): (impl AsFd, &CStr, OFlags),
    read: impl FnOnce(&OwnedFd) -> Result<T, Error>,
) -> Result<T, Error> {
    read_and_keep(open_aside(|| rustix::fs::openat(folder, name, flags, Mode::empty()))?, read)
}

fn read_and_keep<T>(file: OwnedFd, read: impl FnOnce(&OwnedFd) -> T) -> T {
    let done = read(&file);
    keep_aside(file);
    done
}

/// Calls `visit` with each line but the first, until that says no.
fn lines_of(file: &OwnedFd, visit: &mut dyn FnMut(&[u8]) -> bool) -> Result<(), Error> {
    let (mut piece, mut begun) = (Vec::new(), Vec::new());
    let mut headed = false;
    loop {
        read_piece(file, &mut piece)?;
        if piece.is_empty() {
            return Ok(());
        }
        begun.extend_from_slice(&piece);
        let Some(end) = begun.iter().rposition(|byte| *byte == b'\n') else { continue };
        for line in begun[..end].split(|byte| *byte == b'\n') {
            if std::mem::replace(&mut headed, true) && !visit(line) {
                return Ok(());
            }
        }
        begun.drain(..=end);
    }
}

fn read_bounded(file: &OwnedFd, limit: usize) -> Result<Vec<u8>, Error> {
    let (mut text, mut piece) = (Vec::new(), Vec::new());
    while text.len() < limit {
        read_piece(file, &mut piece)?;
        if piece.is_empty() {
            break;
        }
        text.extend_from_slice(&piece);
    }
    text.truncate(limit);
    Ok(text)
}

/// `FOLDER/NUMBER` with what is behind it.
fn path(folder: &[u8], number: u64, rest: &[u8]) -> std::ffi::CString {
    let text = [folder, b"/", number.to_string().as_bytes(), rest].concat();
    // Digits and plain words: there is no zero byte in it.
    std::ffi::CString::new(text).unwrap_or_default()
}

#[cfg(test)]
mod tests;
