//! A datagram of the proc connector with anything in it: events or a loss, never more than there are bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tradedog::kernel::proc_events::{Told, walk};

fuzz_target!(|bytes: &[u8]| {
    let (mut told, mut lost) = (0_usize, 0_usize);
    walk(bytes, &mut |message| match message {
        Told::Lost => lost += 1,
        Told::Event(_) | Told::Named(_) | Told::Answer { .. } => told += 1,
    });
    assert!(told * 16 <= bytes.len(), "a message has a header");
    assert!(lost <= 1 + bytes.len() / 16, "what does not parse is said once");
});
