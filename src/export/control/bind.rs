//! The file of the socket: its owner's alone from the first moment on, until its group is let in.

use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

use rustix::fs::Mode;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};

use crate::model::printable;

/// Connections that the kernel keeps until they are accepted.
const BACKLOG: i32 = 32;

/// Longest path shown.
const PATH_CHARS: usize = 300;

/// A socket at `path` that listens, with mode 0600.
pub(super) fn bind(path: &Path) -> io::Result<UnixListener> {
    let shown = printable(path.as_os_str().as_encoded_bytes(), PATH_CHARS);
    make_way(path).and_then(|()| listen(path)).map_err(|error| {
        let remedies = [
            (ErrorKind::AddrInUse, "another tradedog answers there: stop it, or"),
            (ErrorKind::AlreadyExists, "a file that is no socket is in its place: remove it, or"),
            (ErrorKind::NotFound, "its directory is not there: make it, or"),
            (ErrorKind::PermissionDenied, "this user may not write there: correct its owner, or"),
            (ErrorKind::InvalidInput, "its path is too long for a socket (107 bytes at most):"),
        ];
        let hint = remedies.iter().find(|(kind, _)| *kind == error.kind()).map_or("", |(_, hint)| hint);
        let text = format!("cannot make the control socket {shown}: {hint} use another runtime directory ({error})");
        io::Error::new(error.kind(), text)
    })
}

/// Device and inode of what is at `path`.
pub(super) fn identity(path: &Path) -> Option<(u64, u64)> {
    std::fs::symlink_metadata(path).ok().map(|file| (file.dev(), file.ino()))
}

/// Removes the socket of a dead daemon. One that lives is left alone, and so is any other file.
fn make_way(path: &Path) -> io::Result<()> {
    let Ok(file) = std::fs::symlink_metadata(path) else { return Ok(()) };
    if !file.file_type().is_socket() {
        return Err(ErrorKind::AlreadyExists.into());
    }
    match UnixStream::connect(path) {
        Ok(_) => Err(ErrorKind::AddrInUse.into()),
        Err(_) => std::fs::remove_file(path),
    }
}

/// The mode is set before the file exists: Linux gives it the mode of the socket itself, less the
/// umask (`unix_bind_bsd` in net/unix/af_unix.c). So there is no moment at which others may connect.
fn listen(path: &Path) -> io::Result<UnixListener> {
    let address = SocketAddrUnix::new(path).map_err(|_| ErrorKind::InvalidInput)?;
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    rustix::fs::fchmod(&socket, Mode::RUSR | Mode::WUSR)?;
    rustix::net::bind(&socket, &address)?;
    rustix::net::listen(&socket, BACKLOG)?;
    Ok(UnixListener::from(socket))
}
