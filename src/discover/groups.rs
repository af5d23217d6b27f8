//! The cgroups of the targets: who comes into one later, without fork or exec, shows only there.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

use super::cidfiles::Cidfiles;
use super::containers::in_container;
use super::units::{in_unit, may_lead_to_units};
use crate::config::{Config, Container, Selector};
use crate::kernel::{CgroupTree, Visit};
use crate::model::Pid;

/// While nothing is forked the groups are read only every so many scans.
const QUIET: u32 = 5;
/// No more groups than this are read for one target; the scan of everybody sees the others too.
const MOST: usize = 64;

/// The groups of all targets by unit, container or cgroup.
#[derive(Debug, Default)]
pub(super) struct Groups {
    tree: CgroupTree,
    groups: Vec<Group>,
    quiet: u32,
    buffer: Vec<u8>,
}

#[derive(Debug, Default)]
struct Group {
    /// Index into the configuration's targets.
    target: usize,
    paths: Vec<Vec<u8>>,
    /// Who was there last, ascending.
    pids: Vec<Pid>,
}

impl Groups {
    pub(super) fn of(config: &Config) -> Self {
        let by_container = |selector: &Selector| selector.container.is_some() || selector.cidfile.is_some();
        let by_group =
            |selector: &Selector| selector.unit.is_some() || selector.cgroup.is_some() || by_container(selector);
        let targets = config.targets.iter().enumerate().filter(|(_, target)| by_group(&target.selector));
        let groups = targets.map(|(target, _)| Group { target, ..Group::default() }).collect();
        Self { groups, ..Self::default() }
    }

    /// Whether no target has any.
    pub(super) const fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// Looks up which groups there are.
    pub(super) fn find(&mut self, config: &Config, cidfiles: &Cidfiles) {
        if self.groups.is_empty() {
            return;
        }
        self.tree = CgroupTree::mounted();
        for group in &mut self.groups {
            if let Some(target) = config.targets.get(group.target) {
                let noted = cidfiles.of(group.target).map(|noted| &noted.container);
                let container = target.selector.container.as_ref().or(noted);
                group.paths = self.tree.groups(&mut |path| visit(&target.selector, container, path));
                group.paths.truncate(MOST);
            }
        }
    }

    /// Adds to `look` who came into one of the groups, or left it.
    pub(super) fn refresh(&mut self, busy: bool, look: &mut Vec<Pid>) {
        self.quiet = if busy { QUIET } else { self.quiet + 1 };
        if self.quiet < QUIET {
            return;
        }
        self.quiet = 0;
        for group in &mut self.groups {
            let mut pids = Vec::with_capacity(group.pids.len());
            // A group that cannot be read now is read the next time.
            let read = group.paths.iter().try_for_each(|path| self.tree.pids(path, &mut self.buffer, &mut pids));
            if read.is_err() {
                continue;
            }
            pids.sort_unstable();
            pids.dedup();
            look.extend(pids.iter().filter(|pid| group.pids.binary_search(pid).is_err()));
            look.extend(group.pids.iter().filter(|pid| pids.binary_search(pid).is_err()));
            group.pids = pids;
        }
    }
}

fn visit(selector: &Selector, container: Option<&Container>, path: &[u8]) -> Visit {
    if let Some(unit) = &selector.unit {
        return match (in_unit(path, unit.as_bytes()), may_lead_to_units(path)) {
            (true, _) => Visit::All,
            (false, true) => Visit::Below,
            (false, false) => Visit::Nothing,
        };
    }
    if let Some(container) = container {
        return if in_container(path, container).is_some() { Visit::All } else { Visit::Below };
    }
    let wanted = selector.cgroup.as_ref().is_some_and(|glob| glob.is_match(OsStr::from_bytes(path)));
    if wanted { Visit::This } else { Visit::Below }
}
