//! Writing the file where the operator wants it: whole or not at all, and over nothing that is there.

use std::fs::Permissions;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::cli::Failure;
use crate::cli::lookup::shown;

/// Writes `text` to `path`; over a file that is there only when `force` says so.
pub(super) fn save(path: &Path, text: &str, force: bool) -> Result<(), Failure> {
    let place = shown(path);
    let failed = |error: &std::io::Error| Failure::runtime(format!("{place} could not be written: {error}"));
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(|error| failed(&error))?;
    file.write_all(text.as_bytes()).map_err(|error| failed(&error))?;
    // It holds no secret, the daemon's user must read it, and nobody else may write it.
    file.as_file().set_permissions(Permissions::from_mode(0o644)).map_err(|error| failed(&error))?;
    let kept = if force { file.persist(path) } else { file.persist_noclobber(path) };
    match kept {
        Ok(_) => Ok(()),
        Err(error) if error.error.kind() == ErrorKind::AlreadyExists => Err(Failure::runtime(format!(
            "{place} is there already, and is left as it is: name another file, or add --force"
        ))),
        Err(error) => Err(failed(&error.error)),
    }
}
