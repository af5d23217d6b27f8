//! What the kernel prints of a process, its cgroup and the host, page by page.

use std::ffi::CStr;
use std::fmt::Write as _;

use super::{Subject, lack, page, plain};
use crate::kernel::{self, CgroupTree, HostPage, Look, Page, Pointer, Status};
use crate::model::{Evidence, printable};

/// Most of its arguments.
const COMMAND_LINE: usize = 4096;
/// The kernel walks the memory of the process and keeps it from changing meanwhile: of a larger one the sums
/// by kind are left out.
const WALKED: u64 = 16 << 30;
/// Most of a file of a cgroup.
const CGROUP_FILE: usize = 16 << 10;
/// Most of a file about the host.
const HOST_FILE: usize = 16 << 10;

const CGROUP_FILES: [&CStr; 16] = [
    c"memory.current",
    c"memory.min",
    c"memory.low",
    c"memory.high",
    c"memory.max",
    c"memory.swap.current",
    c"memory.swap.max",
    c"memory.events",
    c"memory.pressure",
    c"memory.stat",
    c"pids.current",
    c"pids.max",
    c"cpu.max",
    c"cpu.stat",
    c"cgroup.events",
    c"cgroup.procs",
];

/// Who it is.
pub(super) fn process(look: &Look, subject: &Subject, evidence: &mut Evidence) {
    let mut out = format!("pid          {}\n", subject.process.identity().pid);
    for (pointer, name) in [(Pointer::Exe, "program"), (Pointer::Cwd, "folder"), (Pointer::Root, "root")] {
        match look.pointer(pointer) {
            Ok(path) => {
                // Writing into a String cannot fail.
                let _ = writeln!(out, "{name:<12} {}", plain::line(&path));
            }
            Err(error) => lack(evidence, &format!("its {name}"), error),
        }
    }
    match look.page(Page::Cmdline, COMMAND_LINE) {
        Ok(mut text) => {
            let stat = look.page(Page::Stat, COMMAND_LINE).unwrap_or_default();
            // Behind that comes its environment.
            let most = kernel::arguments_length(&stat).unwrap_or(COMMAND_LINE);
            let cut = if text.len() >= COMMAND_LINE || text.len() > most { " ..." } else { "" };
            text.truncate(most);
            let arguments = text.strip_suffix(b"\0").unwrap_or(&text).split(|byte| *byte == 0);
            let arguments: Vec<String> = arguments.map(|one| printable(one, COMMAND_LINE)).collect();
            let _ = writeln!(out, "command      {}{cut}", arguments.join(" "));
        }
        Err(error) => lack(evidence, "its arguments", error),
    }
    for (one, name) in [(Page::OomScore, "oom_score"), (Page::OomScoreAdj, "oom_adjust")] {
        if let Some(text) = page(look, (one, name), evidence) {
            let _ = writeln!(out, "{name:<12} {}", text.trim_end());
        }
    }
    evidence.file("process.txt", "who it is", out);
}

/// Its limits, its status, its memory, what it has read and written.
pub(super) fn limits_and_memory(look: &Look, evidence: &mut Evidence) {
    if let Some(text) = page(look, (Page::Limits, "limits"), evidence) {
        evidence.file("limits.txt", "its limits", text);
    }
    let status = page(look, (Page::Status, "status"), evidence);
    let rss = look.page(Page::Status, plain::MOST_BYTES).ok().and_then(|text| Status::parse(&text).ok()?.rss);
    if let Some(text) = status {
        evidence.file("status.txt", "its status, as proc(5) describes it", text);
    }
    if let Some(text) = page(look, (Page::Io, "what it has read and written"), evidence) {
        evidence.file("io.txt", "what it has read and written", text);
    }
    if rss.is_some_and(|rss| rss > WALKED) {
        evidence.lacks("its memory by kind", "it is so large that to sum it up would hold it up");
    } else if let Some(text) = page(look, (Page::SmapsRollup, "its memory by kind"), evidence) {
        evidence.file("memory.txt", "its memory by kind (smaps_rollup)", text);
    }
}

/// The group that it is in, v2 or what of v1 tells who belongs together.
pub(super) fn cgroup(subject: &Subject, evidence: &mut Evidence) {
    let own = || CgroupTree::mounted().own_of(&subject.process, &mut Vec::new());
    let group = match kernel::lend_aside(own) {
        Ok(Some(group)) => group,
        Ok(None) => return evidence.lacks("its cgroup", "there are no cgroups on this host, or none are to be seen"),
        Err(error) => return lack(evidence, "its cgroup", error),
    };
    let mut out = format!("path  {}\n", plain::line(group.path()));
    if group.is_root() {
        out += "the root, which says nothing of the process\n";
    } else {
        for name in CGROUP_FILES {
            match kernel::cgroup_file(&group, name, CGROUP_FILE) {
                Ok(Some(text)) => {
                    plain::heading(&mut out, &name.to_string_lossy());
                    out += &plain::lines(&text);
                }
                Ok(None) => {}
                Err(error) => lack(evidence, &format!("{} of its cgroup", name.to_string_lossy()), error),
            }
        }
    }
    evidence.file("cgroup.txt", "the files of its cgroup", out);
}

/// The host: load, memory, pressure, open files.
pub(super) fn host(evidence: &mut Evidence) {
    let mut out = String::new();
    for one in HostPage::ALL {
        match kernel::host_file(one, HOST_FILE) {
            Ok(text) => {
                plain::heading(&mut out, one.name());
                out += &plain::lines(&text);
            }
            Err(error) => evidence.lacks(one.name(), error.to_string()),
        }
    }
    evidence.file("host.txt", "load, memory, pressure and open files of the host", out);
}
