//! Pidfiles: a number that somebody wrote down, and whether it can be believed.

use std::path::Path;
use std::time::SystemTime;

use super::Error;
use super::digits::number;
use super::noted::Noted;
use crate::model::Pid;

/// A pidfile as it is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pidfile {
    /// The number in it.
    pub pid: Pid,
    /// When it was last written.
    pub written: SystemTime,
    /// Whether only root can have written it: the file, every folder that leads to it and every
    /// link on the way are root's, and nobody else may write them.
    pub roots: bool,
}

impl Pidfile {
    /// Reads the file at `path`. [`Error::Gone`] means that it is not there, or is empty: nobody runs.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let expected = Error::Malformed("a pidfile: a file with one number");
        let file = Noted::read(path, 64, expected)?;
        let pid = number(file.text()).and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::new).ok_or(expected)?;
        Ok(Self { pid, written: file.written, roots: file.roots })
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "makes the files that are read")]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    #[test]
    fn one_number_is_read_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.pid");
        let read = |text: &str| {
            fs::write(&path, text).unwrap();
            Pidfile::read(&path).map(|file| file.pid.get())
        };
        assert_eq!(read("4711\n"), Ok(4711));
        assert_eq!(read(" 4711"), Ok(4711));
        assert_eq!(read(""), Err(Error::Gone));
        for text in ["0", "-1", "4711 4712", "4711x", "99999999999", &"1".repeat(100)] {
            assert!(matches!(read(text), Err(Error::Malformed(_))), "{text}");
        }
        assert_eq!(Pidfile::read(&folder.path().join("none")), Err(Error::Gone));
        assert!(matches!(Pidfile::read(folder.path()), Err(Error::Malformed(_))));
        assert!(matches!(Pidfile::read(Path::new("/dev/null")), Err(Error::Malformed(_))));
    }

    #[test]
    fn it_is_roots_only_where_nobody_else_can_replace_it() {
        if !rustix::process::geteuid().is_root() {
            eprintln_skipped();
            return;
        }
        // Not in /tmp, which everybody may write.
        let folder = tempfile::Builder::new().permissions(Permissions::from_mode(0o755)).tempdir_in("/run").unwrap();
        let path = folder.path().join("x.pid");
        fs::write(&path, "1").unwrap();
        let roots = |path: &Path| Pidfile::read(path).unwrap().roots;
        assert!(roots(&path));
        assert!(roots(&folder.path().join("../..").join(path.strip_prefix("/").unwrap())));

        let by_link = folder.path().join("link.pid");
        symlink("x.pid", &by_link).unwrap();
        assert!(roots(&by_link));

        let open = folder.path().join("open");
        fs::create_dir(&open).unwrap();
        fs::set_permissions(&open, Permissions::from_mode(0o777)).unwrap();
        symlink(&path, open.join("detour.pid")).unwrap();
        assert!(!roots(&open.join("detour.pid")), "the link itself can be replaced");
        let through = folder.path().join("through.pid");
        symlink("open/detour.pid", &through).unwrap();
        assert!(!roots(&through), "a link on the way can be replaced");

        fs::set_permissions(&path, Permissions::from_mode(0o664)).unwrap();
        assert!(!roots(&path), "the group may write it");
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        std::os::unix::fs::chown(&path, Some(65534), None).unwrap();
        assert!(!roots(&path), "its owner may write it");
    }

    #[expect(clippy::disallowed_macros, reason = "says that a test looked at nothing")]
    fn eprintln_skipped() {
        eprintln!("skipped: needs root");
    }
}
