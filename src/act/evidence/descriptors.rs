//! What a process has open: its descriptors, each with what it is, and its sockets.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::sockets::{self, Socket};
use super::{Subject, lack, plain};
use crate::kernel::{Descriptor, Look};
use crate::model::{Evidence, printable};

/// Most descriptors that are looked at.
const MOST: usize = 20_000;
/// Of so many all is asked: position, flags, size.
const TOLD: usize = 4_000;
/// Most bytes of a path that are kept: there may be 20,000 of them, of 4096 each.
const PATH: usize = 300;
/// Most rows of a table.
const ROWS: usize = 4_000;
/// Most rows of what there is how often.
const SUMMARY: usize = 50;

pub(super) fn collect(look: &Look, subject: &Subject, evidence: &mut Evidence) {
    let mut all: Vec<Descriptor> = Vec::new();
    let listed = look.descriptors(TOLD, &mut |mut one| {
        shorten(&mut one.target);
        all.push(one);
        all.len() < MOST
    });
    if let Err(error) = listed {
        // The folder of a zombie belongs to root: whoever is not root is denied what is merely gone.
        let error = if subject.process.has_exited() { crate::kernel::Error::Gone } else { error };
        lack(evidence, "descriptors and sockets", error);
        if all.is_empty() {
            return;
        }
    }
    all.sort_by_key(|one| one.number);
    if all.len() >= MOST {
        evidence.lacks(format!("descriptors beyond the first {MOST}"), "no more are looked at");
    }
    let inodes: BTreeSet<u64> = all.iter().filter_map(|one| socket_inode(&one.target)).collect();
    let sockets = sockets::find(look, &inodes, &subject.peers, evidence);
    evidence.counts.insert("descriptors".to_owned(), all.len() as u64);
    for socket in sockets.values() {
        *evidence.counts.entry(format!("{} {}", socket.kind, socket.state)).or_default() += 1;
    }
    evidence.file("descriptors.txt", "what it has open, by kind and one by one", table(&all, &sockets));
    if !inodes.is_empty() {
        evidence.file("sockets.txt", "its sockets with peers, states and queues", socket_table(&all, &sockets));
    }
}

/// Leaves beginning and end of a long path: at the end stands whether the file was deleted.
fn shorten(target: &mut Vec<u8>) {
    if target.len() > PATH {
        let end = target.len() - PATH / 2;
        target.splice(PATH / 2..end, *b"...");
        target.shrink_to_fit();
    }
}

fn socket_inode(target: &[u8]) -> Option<u64> {
    let digits = target.strip_prefix(b"socket:[")?.strip_suffix(b"]")?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

fn table(all: &[Descriptor], sockets: &BTreeMap<u64, Socket>) -> String {
    let mut out = plain::count(all.len(), "descriptor") + "\n\n";
    out += &plain::tally(all.iter().map(|one| group(one, sockets)), SUMMARY);
    plain::heading(&mut out, "one by one: number, access, what, more");
    for one in all.iter().take(ROWS) {
        // Writing into a String cannot fail.
        let _ = writeln!(out, "{:>6}  {:<3}  {}{}", one.number, access(&one.info), what(one, sockets), more(one));
    }
    if let beyond @ 1.. = all.len().saturating_sub(ROWS) {
        let _ = writeln!(out, "and {beyond} more");
    }
    out
}

/// What it is, without what tells it from others of its kind.
fn group(one: &Descriptor, sockets: &BTreeMap<u64, Socket>) -> String {
    if one.target.starts_with(b"pipe:[") { "pipe".to_owned() } else { what(one, sockets) }
}

fn what(one: &Descriptor, sockets: &BTreeMap<u64, Socket>) -> String {
    let target = &one.target[..];
    if let Some(inode) = socket_inode(target) {
        return sockets.get(&inode).map_or_else(|| "socket of another kind".to_owned(), Socket::what);
    }
    if let Some(kind) = target.strip_prefix(b"anon_inode:") {
        let kind = kind.strip_prefix(b"[").and_then(|kind| kind.strip_suffix(b"]")).unwrap_or(kind);
        return if kind == b"eventpoll" { "epoll".to_owned() } else { printable(kind, 100) };
    }
    if target.starts_with(b"pipe:[") {
        return format!("pipe {}", printable(&target[5..], 40));
    }
    if target.starts_with(b"/memfd:") {
        return format!("memfd {}", printable(target.strip_suffix(b" (deleted)").unwrap_or(target), 300));
    }
    let kind = one.behind.map_or("file", |behind| behind.kind);
    let deleted = kind == "file" && one.behind.is_some_and(|behind| behind.links == 0);
    let kind = if deleted { "deleted file" } else { kind };
    format!("{kind} {}", printable(target, PATH + 3))
}

/// `rw`, `r`, `w` by the access mode in `flags` of `fdinfo` (octal).
fn access(info: &[u8]) -> &'static str {
    match flags(info).map(|flags| flags & 0o3) {
        Some(0) => "r",
        Some(1) => "w",
        Some(2) => "rw",
        Some(_) => "-",
        None => "?",
    }
}

fn flags(info: &[u8]) -> Option<u64> {
    let text = fields(info).find(|(name, _)| *name == "flags")?.1;
    u64::from_str_radix(text, 8).ok()
}

fn fields(info: &[u8]) -> impl Iterator<Item = (&str, &str)> {
    let lines = info.split(|byte| *byte == b'\n').filter_map(|line| std::str::from_utf8(line).ok());
    lines.filter_map(|line| line.split_once(':')).map(|(name, value)| (name, value.trim()))
}

/// What else there is to say: size and position of a file, the count of an eventfd, what an epoll watches.
fn more(one: &Descriptor) -> String {
    let mut parts = Vec::new();
    let file = one.behind.filter(|behind| behind.kind == "file");
    if let Some(behind) = file {
        parts.push(format!("{} bytes", behind.size));
    }
    let kept = |name: &str| !["flags", "mnt_id", "ino", "lock", "scm_fds"].contains(&name);
    for (name, value) in fields(&one.info).filter(|(name, _)| kept(name)) {
        if name == "pos" {
            if value != "0" {
                parts.push(format!("at {value}"));
            }
        } else {
            parts.push(format!("{name} {}", value.split_ascii_whitespace().collect::<Vec<_>>().join(" ")));
        }
    }
    if flags(&one.info).is_some_and(|flags| flags & 0o4000 != 0) {
        parts.push("nonblocking".to_owned());
    }
    if parts.is_empty() { String::new() } else { printable(format!("; {}", parts.join(", ")).as_bytes(), 300) }
}

fn socket_table(all: &[Descriptor], sockets: &BTreeMap<u64, Socket>) -> String {
    let mut numbers = BTreeMap::<u64, Vec<u64>>::new();
    for (inode, number) in all.iter().filter_map(|one| Some((socket_inode(&one.target)?, one.number))) {
        numbers.entry(inode).or_default().push(number);
    }
    let mut out = plain::count(numbers.len(), "socket") + "\n\n";
    let what = |inode: &u64| sockets.get(inode).map_or_else(|| "socket of another kind".to_owned(), Socket::what);
    out += &plain::tally(numbers.keys().map(what), SUMMARY);
    plain::heading(&mut out, "one by one: descriptors, kind and state, own side, other side, peer, unsent, unread");
    for (inode, numbers) in numbers.iter().take(ROWS) {
        let numbers = numbers.iter().map(u64::to_string).collect::<Vec<_>>().join(",");
        let row = sockets.get(inode).map_or_else(|| "of another kind, or closed meanwhile".to_owned(), row);
        let _ = writeln!(out, "{numbers:>6}  {row}");
    }
    if let beyond @ 1.. = numbers.len().saturating_sub(ROWS) {
        let _ = writeln!(out, "and {beyond} more");
    }
    out
}

fn row(socket: &Socket) -> String {
    let or_none = |text: &str| if text.is_empty() { "-".to_owned() } else { text.to_owned() };
    let Socket { kind, state, local, remote, peer, queues } = socket;
    let (unsent, unread) = queues.map_or_else(|| ("-".into(), "-".into()), |(a, b)| (a.to_string(), b.to_string()));
    format!(
        "{kind:<14} {state:<12} {:<28} {:<28} {:<10} {unsent:>7} {unread:>7}",
        or_none(local),
        or_none(remote),
        or_none(peer)
    )
}
