//! Host names: which texts are meant to be one, and whether they can be.

use super::{Wrong, wrong};

/// The longest name that fits into a question to DNS, written without the dot at its end (RFC 1035, 2.3.4).
const LONGEST: usize = 253;
/// The longest part between two dots.
const LONGEST_LABEL: usize = 63;

/// Whether a text that is not `*` is meant to be a name, and not an address or a network.
pub(super) fn is_meant(text: &str) -> bool {
    let letter = |c: char| c.is_alphabetic();
    // fd00::1 and [::1] have letters too, a network has its prefix behind a slash.
    !text.contains(['[', ']', ':']) && (text.contains(letter) || !text.is_ascii()) || text.contains("://")
}

/// The name, in lower case and without the dot that may end it.
pub(super) fn parse(text: &str) -> Result<String, Wrong> {
    if let Some((_, rest)) = text.split_once("://") {
        let host = rest.split('/').next().unwrap_or(rest);
        return Err(wrong("is a URL", format!("write the host name and the port alone: \"{host}:443\"")));
    }
    if !text.is_ascii() {
        return Err(wrong("is no host name that DNS knows", "write it as DNS has it, with xn-- (punycode)"));
    }
    let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
    if name.len() > LONGEST {
        return Err(wrong("is too long for a host name", format!("a host name has at most {LONGEST} characters")));
    }
    if name.contains('/') {
        return Err(wrong("has a prefix behind a host name", "a network is written with its address: 10.0.5.0/24"));
    }
    if name.contains('*') {
        return Err(wrong("has a * in a host name", "* stands alone and means every address; name each host"));
    }
    for label in name.split('.') {
        self::label(label)?;
    }
    let last = name.rsplit('.').next().unwrap_or(&name);
    // The C library takes such for an address in an old notation (inet_aton(3)): 0x7f.1 is 127.0.0.1.
    let number = last.strip_prefix("0x").map_or(last, |hex| hex.trim_start_matches(|c: char| c.is_ascii_hexdigit()));
    if number.chars().all(|c| c.is_ascii_digit()) {
        return Err(wrong("ends in a number, as no host name does", "write an address as 10.0.5.10"));
    }
    Ok(name)
}

/// A part between two dots: letters, digits, hyphens inside; underscores too, which DNS has for services and
/// some hosts' names.
fn label(label: &str) -> Result<(), Wrong> {
    if label.is_empty() {
        return Err(wrong(
            "has an empty part in its host name",
            "between two dots stands at least one letter or digit",
        ));
    }
    if label.len() > LONGEST_LABEL {
        let help = format!("between two dots stand at most {LONGEST_LABEL} characters");
        return Err(wrong("has a part in its host name that is too long", help));
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if !label.chars().all(allowed) || label.starts_with('-') || label.ends_with('-') {
        let help = "a host name has letters, digits, dots, and hyphens inside: db-1.example.com";
        return Err(wrong("is no host name", help));
    }
    Ok(())
}
