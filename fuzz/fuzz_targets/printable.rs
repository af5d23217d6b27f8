//! Text from outside stays on one line and within its length.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tradedog::model::printable;

fuzz_target!(|bytes: &[u8]| {
    let shown = printable(bytes, 64);
    assert!(!shown.chars().any(char::is_control));
    // The longest escape is `\u{10ffff}`.
    assert!(shown.chars().count() <= 64 * 10 + 1);
});
