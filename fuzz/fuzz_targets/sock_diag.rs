//! A datagram of the kernel with anything in it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tradedog::kernel::sock_diag::walk;

fuzz_target!(|bytes: &[u8]| {
    for sequence in [0, 1] {
        let mut sockets = 0_usize;
        let _ = walk(bytes, sequence, &mut |_| sockets += 1);
        assert!(sockets <= bytes.len(), "a socket takes bytes");
    }
});
