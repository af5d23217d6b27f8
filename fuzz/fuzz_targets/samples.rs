//! A block of samples with anything in it: refused, or rows that can be made into one.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tradedog::record::samples::{Folding, Unpacking};

fuzz_target!(|bytes: &[u8]| {
    let Ok(mut unpacking) = Unpacking::of(bytes) else { return };
    let metrics = unpacking.metrics();
    let whole = loop {
        match unpacking.next_row() {
            Ok(Some(_)) => assert!(unpacking.members().all(|(_, values)| values.count() == metrics)),
            Ok(None) => break true,
            Err(_) => break false,
        }
    };
    let mut folding = Folding::of(metrics, 0);
    assert_eq!(folding.add(0, bytes).is_ok(), whole, "both read the same");
    let Some((_, folded)) = folding.finish() else { return };
    let mut unpacking = Unpacking::of(&folded).expect("what is written can be read");
    assert_eq!(unpacking.next_row(), Ok(Some(0)));
    assert_eq!(unpacking.next_row(), Ok(None));
});
