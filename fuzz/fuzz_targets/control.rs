//! A line on the control socket with anything in it: what is understood means the same when it is said again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tradedog::export::control::{Reply, Request};

fuzz_target!(|line: &[u8]| {
    if let Ok(request) = serde_json::from_slice::<Request>(line) {
        let again = serde_json::to_vec(&request).expect("what was read can be written");
        assert_eq!(serde_json::from_slice::<Request>(&again).ok(), Some(request));
    }
    let _ = serde_json::from_slice::<Reply>(line);
});
