use proptest::prelude::*;

use super::*;

const TEXT: &str = "MemTotal:       16303428 kB\nMemFree:         1000000 kB\nMemAvailable:    4075857 kB\nBuffers:               0 kB\n\
                    SwapCached:            7 kB\nSwapTotal:       2097148 kB\nSwapFree:        1048574 kB\nHugePages_Total:       0\n";

#[test]
fn shares_are_what_is_not_available() {
    let info = MemInfo::parse(TEXT.as_bytes()).unwrap();
    assert_eq!(info, MemInfo { total: 16_303_428, available: 4_075_857, swap_total: 2_097_148, swap_free: 1_048_574 });
    assert!((info.memory_used() - 0.75).abs() < 1e-9);
    assert!((info.swap_used() - 0.5).abs() < 1e-9);
}

#[test]
fn a_host_without_swap_uses_none() {
    let text = TEXT.replace("2097148", "0").replace("1048574", "0");
    assert!(MemInfo::parse(text.as_bytes()).unwrap().swap_used().abs() < f64::EPSILON);
}

#[test]
fn what_is_missing_or_impossible_is_malformed() {
    let broken = [
        String::new(),
        "MemTotal".into(),
        TEXT.replace("MemAvailable", "MemAvailablf"),
        TEXT.replace("16303428 kB", "16303428 MB"),
        TEXT.replace("16303428 kB", "kB"),
        TEXT.replace("16303428 kB", "16303428"),
        TEXT.replace("16303428 kB", "-16303428 kB"),
        TEXT.replace("16303428 kB", "+16303428 kB"),
        TEXT.replace("16303428 kB", "16303428 kB kB"),
        TEXT.replace("16303428 kB", "99999999999999999999 kB"),
        TEXT.replace("16303428 kB", "0 kB"),
        TEXT.replace("4075857", "16303429"),
        TEXT.replace("1048574", "2097149"),
    ];
    for text in broken {
        assert!(matches!(MemInfo::parse(text.as_bytes()), Err(Error::Malformed(_))), "{text}");
    }
}

#[test]
fn a_text_cut_anywhere_before_its_last_field_is_malformed() {
    let needed = TEXT.find("HugePages").unwrap();
    for end in 0..needed {
        assert!(MemInfo::parse(&TEXT.as_bytes()[..end]).is_err(), "cut at {end}");
    }
    assert!(MemInfo::parse(&TEXT.as_bytes()[..needed]).is_ok());
}

#[test]
fn it_agrees_with_two_other_readers() {
    use procfs::Current;
    let ours = HostFiles::new().memory().unwrap();
    let procfs = procfs::Meminfo::current().unwrap();
    assert_eq!(ours.total * 1024, procfs.mem_total);
    assert_eq!(ours.swap_total * 1024, procfs.swap_total);
    let mut system = sysinfo::System::new().unwrap();
    system.refresh_memory();
    assert_eq!(ours.total * 1024, system.total_memory());
    assert_eq!(ours.swap_total * 1024, system.total_swap());
    // Others on this host come and go between the readings: a tenth of all memory is the slack.
    let apart = (ours.available * 1024).abs_diff(procfs.mem_available.unwrap());
    assert!(apart < procfs.mem_total / 10, "{apart} bytes apart");
    assert!((ours.available * 1024).abs_diff(system.available_memory()) < procfs.mem_total / 10);
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_a_panic_and_shares_stay_shares(text in proptest::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(info) = MemInfo::parse(&text) {
            prop_assert!((0.0..=1.0).contains(&info.memory_used()));
            prop_assert!((0.0..=1.0).contains(&info.swap_used()));
        }
    }

    #[test]
    fn every_possible_host_reads_back(total in 1..u64::MAX, available: u64, swap_total: u64, swap_free: u64) {
        let (available, swap_free) = (available % (total + 1), swap_free.checked_rem(swap_total.saturating_add(1)).unwrap_or(0));
        let text = format!("MemTotal: {total} kB\nMemAvailable: {available} kB\nSwapTotal: {swap_total} kB\nSwapFree: {swap_free} kB\n");
        let info = MemInfo::parse(text.as_bytes()).unwrap();
        prop_assert_eq!(info, MemInfo { total, available, swap_total, swap_free });
        prop_assert!((0.0..=1.0).contains(&info.memory_used()));
        prop_assert!((0.0..=1.0).contains(&info.swap_used()));
    }
}
