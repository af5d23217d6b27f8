//! Why the kernel gave nothing.

use rustix::io::Errno;

use crate::model::Unknown;

/// Why the kernel gave nothing. Decided once, here; callers never look at an errno.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// ENOENT, ESRCH, an emptied file, a zombie: the process is no more. ENODEV: its cgroup is no more.
    #[error("the process is gone")]
    Gone,
    /// EACCES, EPERM; EROFS where systemd mounts the cgroups read-only (`ProtectControlGroups=`).
    #[error("permission denied")]
    Denied,
    /// It does not parse; the text says what was expected.
    #[error("malformed: {0}")]
    Malformed(&'static str),
    /// Anything else (EMFILE, EIO ...), by errno.
    #[error("{}", std::io::Error::from_raw_os_error(*.0))]
    Os(i32),
}

impl Error {
    /// A file that no kernel lacks but an old one, or one that was built without it.
    pub const MISSING: Self = Self::Malformed("a kernel that has this file of /proc");
}

impl From<Error> for Unknown {
    fn from(error: Error) -> Self {
        match error {
            Error::Gone => Self::Gone,
            Error::Denied => Self::Denied,
            Error::Malformed(_) | Error::Os(_) => Self::Malformed,
        }
    }
}

/// The one place where an errno about a process becomes a meaning.
impl From<Errno> for Error {
    fn from(errno: Errno) -> Self {
        match errno {
            Errno::NOENT | Errno::SRCH | Errno::NODEV => Self::Gone,
            Errno::ACCESS | Errno::PERM | Errno::ROFS => Self::Denied,
            other => Self::Os(other.raw_os_error()),
        }
    }
}
