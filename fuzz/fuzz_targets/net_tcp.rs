//! /proc/PID/net/tcp with anything in it, in pieces: sockets or an error, and pieces do not matter.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tradedog::kernel::net_tcp::TcpLines;

fn sockets(pieces: &[&[u8]]) -> Option<Vec<String>> {
    let (mut lines, mut found) = (TcpLines::default(), Vec::new());
    for piece in pieces {
        lines.take(piece, &mut |socket| found.push(format!("{socket:?}"))).ok()?;
    }
    lines.end().ok().map(|()| found)
}

fuzz_target!(|input: (&[u8], &[u8])| {
    let (one, other) = input;
    for heading in [&b"  sl  local_address\n"[..], b""] {
        let whole = [heading, one, other].concat();
        let (apart, joined) = (sockets(&[heading, one, other]), sockets(&[&whole]));
        // A line that is too long may be refused before its end is seen.
        assert!(apart == joined || whole.len() > 1024, "{apart:?} {joined:?}");
    }
});
