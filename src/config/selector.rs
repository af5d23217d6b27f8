//! `match`, `members` and `expect`: whom a target is about.

use std::path::PathBuf;

/// Which processes; all that is given must hold.
#[derive(Clone, Debug, Default)]
pub struct Selector {
    /// A system unit by name: its exact path in the cgroup tree, outside user.slice.
    pub unit: Option<String>,
    /// Glob over the cgroup path.
    pub cgroup: Option<globset::GlobMatcher>,
    /// Path of the executable.
    pub exe: Option<PathBuf>,
    /// Over the arguments joined by blanks.
    pub cmdline: Option<regex::bytes::Regex>,
    /// The kernel's name of the process, 15 bytes at most.
    pub comm: Option<String>,
    /// Real and effective user, by name or number.
    pub user: Option<User>,
    /// A file that holds the pid.
    pub pidfile: Option<PathBuf>,
    /// A container, as the cgroup path tells it.
    pub container: Option<Container>,
    /// A file that holds the id of a container.
    pub cidfile: Option<PathBuf>,
}

/// How a container is named in the cgroup path of its processes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Container {
    /// The first 12 to 64 hexadecimal digits of its id.
    Id(String),
    /// Its name, where the runtime writes that and no id.
    Name(String),
}

impl Container {
    /// Fewest digits that are believed to mean one container: as many as `docker ps` shows.
    pub const FEWEST: usize = 12;
    /// Digits of a whole id.
    pub const WHOLE: usize = 64;

    /// As written.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Id(text) | Self::Name(text) => text,
        }
    }
}

impl Selector {
    /// Whether it names something that another local user cannot imitate, or not as long as what it names is
    /// root's: whether a file or the group of a container is shows only on the host.
    pub const fn may_be_anchored(&self) -> bool {
        let by_group = self.unit.is_some() || self.container.is_some();
        by_group || self.user.is_some() || self.pidfile.is_some() || self.cidfile.is_some()
    }

    /// Whether it matches by what a service manager or a container runtime made a cgroup for.
    pub const fn names_cgroup(&self) -> bool {
        self.unit.is_some() || self.cgroup.is_some() || self.container.is_some() || self.cidfile.is_some()
    }
}

/// A user as written, resolved when the configuration was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// As written.
    pub name: String,
    /// Its number.
    pub uid: u32,
}

/// Which of the matching processes are members.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Members {
    /// All of them.
    #[default]
    All,
    /// Those whose parent does not match.
    Main,
}

/// How many members there should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expect {
    /// At least.
    pub min: Option<u32>,
    /// At most.
    pub max: Option<u32>,
}
