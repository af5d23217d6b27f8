use std::collections::BTreeMap;
use std::io::Read as _;
use std::os::unix::net::UnixStream;

use super::*;
use crate::record::{Fields, KINDS};

/// The journal's side of the protocol, as its document has it.
fn parsed(mut bytes: &[u8]) -> BTreeMap<String, String> {
    let mut fields = BTreeMap::new();
    while !bytes.is_empty() {
        let end = bytes.iter().position(|byte| *byte == b'\n').expect("a field ends in a newline");
        let (line, rest) = (&bytes[..end], &bytes[end + 1..]);
        let (name, value) = match line.iter().position(|byte| *byte == b'=') {
            Some(at) => {
                bytes = rest;
                (&line[..at], &line[at + 1..])
            }
            None => {
                let (length, rest) = rest.split_at(8);
                let length = usize::try_from(u64::from_le_bytes(length.try_into().unwrap())).unwrap();
                assert_eq!(rest[length], b'\n');
                bytes = &rest[length + 1..];
                (line, &rest[..length])
            }
        };
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        assert!(fields.insert(text(name), text(value)).is_none(), "a field comes once");
    }
    fields
}

fn line(text: &str, fields: Fields) -> Line {
    Line { severity: Severity::Warning, text: text.to_owned(), fields }
}

/// Somebody who is called and speaks as badly as can be.
fn hostile() -> Line {
    let evil = "x\nPRIORITY=0\nMESSAGE_ID=forged\n\n";
    let fields =
        Fields { target: Some(evil.into()), by: Some("=\n\u{1b}".into()), value: Some(655.0), ..Fields::default() };
    line(&format!("two\nlines {}", "long ".repeat(300)), fields)
}

#[test]
fn each_kind_stands_where_its_variant_points_and_has_an_id_of_its_own() {
    let mut ids = std::collections::BTreeSet::new();
    for (index, row) in KINDS.iter().enumerate() {
        assert_eq!(row.kind as usize, index, "{row:?}");
        assert!(
            row.id.len() == 32 && row.id.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)),
            "{row:?}"
        );
        assert!(ids.insert(row.id), "{row:?}");
    }
}

#[test]
fn a_journal_gets_the_fields_and_no_value_forges_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let journal = UnixDatagram::bind(&path).unwrap();
    let (mut aside, fallback) = UnixStream::pair().unwrap();
    let mut writer = Journal::at(&path, fallback);
    writer.write(&hostile());
    let mut buffer = [0; 8192];
    let size = journal.recv(&mut buffer).unwrap();
    let fields = parsed(&buffer[..size]);
    assert_eq!(fields["MESSAGE"], hostile().text);
    assert_eq!(fields["PRIORITY"], "4");
    assert_eq!(fields["MESSAGE_ID"], KINDS[0].id);
    assert_eq!(fields["TRADEDOG_TARGET"], "x\nPRIORITY=0\nMESSAGE_ID=forged\n\n");
    assert_eq!(fields["TRADEDOG_BY"], "=\n\u{1b}");
    assert_eq!(fields["TRADEDOG_VALUE"], "655");
    assert_eq!(fields["SYSLOG_IDENTIFIER"], "tradedog");
    assert_eq!(fields.len(), 7, "what is not known is absent: {fields:?}");
    drop(writer);
    let mut rest = String::new();
    aside.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "", "nothing is said twice");
}

#[test]
fn without_a_journal_the_line_goes_to_stderr_with_its_priority() {
    let (mut aside, fallback) = UnixStream::pair().unwrap();
    let mut writer = Journal::at(Path::new("/nonexistent/journal"), fallback);
    writer.write(&line("one", Fields::default()));
    writer.write(&Line { severity: Severity::Error, ..line("two", Fields::default()) });
    drop(writer);
    let mut rest = String::new();
    aside.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "<4>one\n<3>two\n");
}

#[test]
fn a_journal_that_stands_still_costs_little_and_what_is_lost_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let journal = UnixDatagram::bind(&path).unwrap();
    let (mut aside, fallback) = UnixStream::pair().unwrap();
    let mut writer = Journal::at(&path, fallback);
    // Nobody reads, neither here nor there: far more lines than fit. Were each waited for without a
    // limit, this would never end.
    let many = 3_000;
    for _ in 0..many {
        writer.write(&hostile());
        if writer.lost > 0 {
            break;
        }
    }
    assert!(writer.lost > 0, "both were to be full");
    journal.set_nonblocking(true).unwrap();
    let mut buffer = [0; 8192];
    while journal.recv(&mut buffer).is_ok() {}
    aside.set_nonblocking(true).unwrap();
    while aside.read(&mut buffer).is_ok_and(|size| size > 0) {}
    writer.left_alone = 0;
    writer.write(&line("after", Fields::default()));
    let size = journal.recv(&mut buffer).unwrap();
    assert!(parsed(&buffer[..size])["MESSAGE"].contains("log lines were dropped"));
    let size = journal.recv(&mut buffer).unwrap();
    assert_eq!(parsed(&buffer[..size])["MESSAGE"], "after");
    assert_eq!(writer.lost, 0);
}
