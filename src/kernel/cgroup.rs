//! `/proc/PID/cgroup`: in which cgroup a process is, one line a hierarchy (cgroups(7)).

use super::Error;
use super::digits::number;

/// Its paths in the hierarchies that service managers keep, from the root of our cgroup namespace.
/// A host may have one of them or both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cgroups<'a> {
    /// `0::PATH`, the unified hierarchy (v2).
    pub unified: Option<&'a [u8]>,
    /// `N:name=systemd:PATH`, the hierarchy of systemd on hosts with v1.
    pub systemd: Option<&'a [u8]>,
    /// `N:memory:PATH`, the hierarchy that keeps account of memory on hosts with v1.
    pub memory: Option<&'a [u8]>,
}

impl<'a> Cgroups<'a> {
    /// Reads what the kernel printed. Paths hold no newline (the kernel refuses it) but may hold `:`.
    pub fn parse(text: &'a [u8]) -> Result<Self, Error> {
        let expected = Error::Malformed("/proc/PID/cgroup with lines of `ID:CONTROLLERS:PATH`");
        let whole = text.strip_suffix(b"\n").ok_or(expected)?;
        let mut found = Self::default();
        for line in whole.split(|byte| *byte == b'\n') {
            let mut parts = line.splitn(3, |byte| *byte == b':');
            let (Some(id), Some(controllers), Some(path)) = (parts.next(), parts.next(), parts.next()) else {
                return Err(expected);
            };
            let id = number(id).filter(|_| path.starts_with(b"/")).ok_or(expected)?;
            match controllers {
                b"" if id == 0 => found.unified = Some(path),
                b"name=systemd" => found.systemd = Some(path),
                _ if controllers.split(|byte| *byte == b',').any(|name| name == b"memory") => {
                    found.memory = Some(path);
                }
                _ => {}
            }
        }
        Ok(found)
    }

    /// The paths that say with whom it belongs together.
    pub fn paths(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.unified.into_iter().chain(self.systemd)
    }
}
