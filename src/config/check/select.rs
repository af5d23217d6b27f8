//! `match`: which processes a target means.

mod container;

use std::path::PathBuf;

use nix::unistd;

use super::super::keys;
use super::super::problem::Report;
use super::super::reader::Value;
use super::super::text::{capped, quoted};
use super::super::{Selector, User};

/// Reads `match`.
pub(super) fn read(value: Value<'_>, report: &mut Report) -> Option<Selector> {
    let mut table = value.table("match = { unit = \"trader.service\" }", report)?;
    let place = table.place;
    let mut given = 0;
    let mut take = |key: &str| {
        let value = table.take(key);
        given += usize::from(value.is_some());
        value
    };
    let selector = Selector {
        unit: take("unit").and_then(|value| unit(value, report)),
        cgroup: take("cgroup").and_then(|value| cgroup(value, report)),
        exe: take("exe").and_then(|value| path(value, "/usr/bin/python3.11", report)),
        cmdline: take("cmdline").and_then(|value| cmdline(value, report)),
        comm: take("comm").and_then(|value| comm(value, report)),
        user: take("user").and_then(|value| user(value, report)),
        pidfile: take("pidfile").and_then(|value| path(value, "/run/trader.pid", report)),
        container: take("container").and_then(|value| container::read(value, report)),
        cidfile: take("cidfile").and_then(|value| path(value, "/run/trader.cid", report)),
    };
    if table.finish(&keys::MATCH, report) && given == 0 {
        report
            .missing(place, "a match that says nothing")
            .help(format!("give at least one of {}", keys::MATCH.known.join(", ")));
    }
    // A part that is wrong says nothing about who matches.
    let right = [
        selector.unit.is_some(),
        selector.cgroup.is_some(),
        selector.exe.is_some(),
        selector.cmdline.is_some(),
        selector.comm.is_some(),
        selector.user.is_some(),
        selector.pidfile.is_some(),
        selector.container.is_some(),
        selector.cidfile.is_some(),
    ];
    (right.into_iter().filter(|right| *right).count() == given).then_some(selector)
}

/// Kinds of units that processes live in.
const KINDS: [&str; 6] = ["service", "scope", "slice", "socket", "mount", "swap"];

/// Kinds of units that hold none.
const EMPTY_KINDS: [&str; 5] = ["timer", "path", "target", "device", "automount"];

fn unit(value: Value<'_>, report: &mut Report) -> Option<String> {
    let text = value.text("trader.service", report)?;
    match no_unit(text) {
        None => Some(text.to_owned()),
        Some((what, help)) => {
            report.error(value.place, format!("{} {what}", quoted(text))).help(help);
            None
        }
    }
}

/// Why it is not the exact name of a unit with processes (systemd.unit(5)), and what to write.
fn no_unit(text: &str) -> Option<(&'static str, String)> {
    if text.contains('/') {
        return Some(("is a path, not the name of a unit", "write the name alone, or match by `cgroup`".to_owned()));
    }
    if text.contains(['*', '?', '[']) {
        return Some(("is a pattern, not the name of a unit", "write the whole name, or match by `cgroup`".to_owned()));
    }
    let legal = !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || ":_.\\@-".contains(c));
    if !legal || text.len() > 255 {
        return Some(("is not the name of a unit", "write it as systemctl shows it: \"trader.service\"".to_owned()));
    }
    let (name, kind) = text.rsplit_once('.').unwrap_or((text, ""));
    if EMPTY_KINDS.contains(&kind) {
        return Some(("has no processes", format!("name the service behind it: \"{}.service\"", capped(name))));
    }
    if !KINDS.contains(&kind) || name.is_empty() {
        return Some(("is not the whole name of a unit", format!("write \"{}.service\"", capped(text))));
    }
    name.ends_with('@').then(|| ("is a template", format!("name an instance: \"{}INSTANCE.{kind}\"", capped(name))))
}

fn cgroup(value: Value<'_>, report: &mut Report) -> Option<globset::GlobMatcher> {
    let text = value.text("/system.slice/trader-*.service", report)?;
    if !text.starts_with('/') {
        report.error(value.place, format!("{} does not begin with /", quoted(text))).help(
            "write the path as in /proc/PID/cgroup: \"/system.slice/trader-*.service\"; ** passes over any folders",
        );
        return None;
    }
    match globset::GlobBuilder::new(text).literal_separator(true).build() {
        Ok(glob) => Some(glob.compile_matcher()),
        Err(error) => {
            report
                .error(value.place, format!("{} is not a glob: {}", quoted(text), capped(&error.kind().to_string())))
                .help("* stands for anything but /, ** for any folders, ? for one character, [ab] for one of them");
            None
        }
    }
}

fn path(value: Value<'_>, example: &str, report: &mut Report) -> Option<PathBuf> {
    let text = value.text(example, report)?;
    if text.starts_with('/') && !text.contains('\0') {
        return Some(PathBuf::from(text));
    }
    report
        .error(value.place, format!("{} is not an absolute path", quoted(text)))
        .help(format!("write the whole path, such as \"{example}\""));
    None
}

fn cmdline(value: Value<'_>, report: &mut Report) -> Option<regex::bytes::Regex> {
    let text = value.text("trader\\\\.py", report)?;
    if text.is_empty() {
        report.error(value.place, "an empty pattern matches every process").help("write a part of the command line");
        return None;
    }
    match regex::bytes::Regex::new(text) {
        Ok(regex) => Some(regex),
        Err(error) => {
            let error = error.to_string();
            let reason = error.lines().last().unwrap_or_default().trim_start_matches("error: ");
            report
                .error(value.place, format!("not a regular expression: {}", capped(reason)))
                .help("in single quotes a backslash is itself: 'trader\\.py'");
            None
        }
    }
}

/// Longest name that the kernel keeps (TASK_COMM_LEN less its end, see prctl(2) PR_SET_NAME).
const COMM: usize = 15;

fn comm(value: Value<'_>, report: &mut Report) -> Option<String> {
    let text = value.text("python3", report)?;
    let (what, help) = match text.len() {
        0 => ("is empty", "write the name as in /proc/PID/comm".to_owned()),
        n if n > COMM => {
            let kept = &text[..text.floor_char_boundary(COMM)];
            ("is longer than the 15 bytes that the kernel keeps", format!("write \"{}\"", capped(kept)))
        }
        _ => return Some(text.to_owned()),
    };
    report.error(value.place, format!("{} {what}", quoted(text))).help(help);
    None
}

fn user(value: Value<'_>, report: &mut Report) -> Option<User> {
    let name = match value.as_number() {
        Some(_) => value.whole(0..=u64::from(u32::MAX - 1), report)?.to_string(),
        None => value.text("trader", report)?.to_owned(),
    };
    if let Ok(uid) = name.parse::<u32>()
        && uid != u32::MAX
    {
        return Some(User { name, uid });
    }
    let (what, help) = match unistd::User::from_name(&name) {
        Ok(Some(user)) => return Some(User { name, uid: user.uid.as_raw() }),
        Ok(None) => {
            ("is no user of this host", "create it, write its number, or correct the name: `getent passwd` lists them")
        }
        Err(_) => ("cannot be looked up", "write the user's number, which needs no look-up"),
    };
    report.error(value.place, format!("{} {what}", quoted(&name))).help(help);
    None
}
