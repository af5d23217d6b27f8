//! `match.container`: the id of a container, or the name of one whose runtime writes names.

use super::super::super::Container;
use super::super::super::problem::Report;
use super::super::super::reader::Value;
use super::super::super::text::{capped, quoted};

/// Longest name: that of a folder, less what runtimes write around it.
const NAME: usize = 200;
/// A mixture of digits and letters from here on is meant as an id; shorter ones (`db1`) are names.
const SHORT: usize = 6;

pub(super) fn read(value: Value<'_>, report: &mut Report) -> Option<Container> {
    let text = value.text("4f2c9a1b7d3e", report)?;
    match container(text) {
        Ok(container) => Some(container),
        Err((what, help)) => {
            report.error(value.place, format!("{} {what}", quoted(text))).help(help);
            None
        }
    }
}

/// What is meant, or why it can be neither id nor name, and what to write.
fn container(text: &str) -> Result<Container, (&'static str, String)> {
    let is_hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let has = |kind: fn(&u8) -> bool| text.as_bytes().iter().any(kind);
    let mixed = has(u8::is_ascii_digit) && has(u8::is_ascii_alphabetic);
    if is_hex(text) && text.len() >= Container::FEWEST {
        return id(text);
    }
    if is_hex(text) && mixed && text.len() >= SHORT {
        return Err((
            "is too short for the id of a container",
            "write at least 12 digits, as `docker ps` shows".into(),
        ));
    }
    if let Some(id) = inner_id(text) {
        return Err((
            "is more than the id of a container",
            format!("write the id alone: \"{}\"", &id[..Container::FEWEST]),
        ));
    }
    if text.contains('/') {
        return Err(("is a path, not a container", "write its id or name alone, or match by `cgroup`".into()));
    }
    if text.contains(['*', '?', '[']) {
        return Err(("is a pattern, not a container", "write the whole name, or match by `cgroup`".into()));
    }
    let starts_well = text.starts_with(|first: char| first.is_ascii_alphanumeric());
    let legal = starts_well && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte));
    if !legal || text.len() > NAME {
        let help = "write at least 12 digits of its id, or its name as `machinectl` or `lxc-ls` shows it".into();
        return Err(("is neither the id nor the name of a container", help));
    }
    Ok(Container::Name(text.to_owned()))
}

fn id(text: &str) -> Result<Container, (&'static str, String)> {
    if text.len() > Container::WHOLE {
        return Err(("is longer than the id of a container", "write 12 to 64 digits".into()));
    }
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        let help = format!("write \"{}\"", capped(&text.to_ascii_lowercase()));
        return Err(("is an id in capitals, which no runtime writes", help));
    }
    Ok(Container::Id(text.to_owned()))
}

/// A whole id within something longer: the name of a cgroup, a reference.
fn inner_id(text: &str) -> Option<&str> {
    text.split(|c: char| !c.is_ascii_alphanumeric()).find(|part| {
        part.len() == Container::WHOLE && part.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    })
}
