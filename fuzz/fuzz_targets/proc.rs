//! The texts of /proc: whatever they hold, a value or an error, and a name never shifts a number.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tradedog::kernel::host::{MemInfo, Swapped, open_files, some_avg10};
use tradedog::kernel::{Cgroups, Stat, Status, max_open_files};

/// What stands behind the name in a line of the kernel.
const TAIL: &[u8] = b") S 17 4242 4242 34816 4242 4194560 1 2 3 4 5 6 7 8 20 0 3 0 987654 9 10 184467 94000000000000 \
    94000000001000 140700000000000 0 0 0 1 2 3 0 0 0 17 1 0 0 0 0 0 1 2 3 4 5 6 7 0\n";

fuzz_target!(|bytes: &[u8]| {
    let _ = Stat::parse(bytes);
    let _ = Cgroups::parse(bytes);
    let _ = max_open_files(bytes);
    let _ = Swapped::parse(bytes);
    let _ = open_files(bytes);
    assert!(some_avg10(bytes).is_ok_and(|share| (0.0..=1.0).contains(&share)) || some_avg10(bytes).is_err());
    if let Ok(status) = Status::parse(bytes) {
        assert_eq!(status.rss.is_some(), status.swap.is_some(), "one of them alone would be taken for the whole");
    }
    if let Ok(memory) = MemInfo::parse(bytes) {
        assert!((0.0..=1.0).contains(&memory.memory_used()) && (0.0..=1.0).contains(&memory.swap_used()));
    }
    let line = [b"4242 (", bytes, TAIL].concat();
    let stat = Stat::parse(&line).expect("any name");
    assert_eq!((stat.pid, stat.state, stat.ppid, stat.threads, stat.start_ticks), (4242, b'S', 17, 3, 987_654));
});
