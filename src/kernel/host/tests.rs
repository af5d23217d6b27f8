use proptest::prelude::*;

use super::*;
use crate::kernel::faulty::{Fault, Plan};

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

const VMSTAT: &str = "nr_free_pages 1803868\npswpin 17\npswpout 18446744073709551615\npswpin_huge 3\n";
const PRESSURE: &str =
    "some avg10=12.34 avg60=0.00 avg300=0.00 total=622564\nfull avg10=1.00 avg60=0.00 avg300=0.00 total=359015\n";
const FILE_NR: &str = "590\t0\t2466183\n";

#[test]
fn the_other_files_are_read_as_the_kernel_prints_them() {
    assert_eq!(Swapped::parse(VMSTAT.as_bytes()), Ok(Swapped { pages_in: 17, pages_out: u64::MAX }));
    assert_eq!(some_avg10(PRESSURE.as_bytes()), Ok(0.1234));
    assert_eq!(some_avg10(PRESSURE.replace("12.34", "100.00").as_bytes()), Ok(1.0));
    assert_eq!(some_avg10(PRESSURE.replace("12.34", "0.05").as_bytes()), Ok(0.0005));
    assert_eq!(open_files(FILE_NR.as_bytes()), Ok(590));
}

#[test]
fn what_of_them_is_not_so_is_malformed() {
    for (from, to) in [
        ("pswpin 17", "pswpin"),
        ("pswpin 17", "pswpin -17"),
        ("pswpin 17", "pswpin 17 18"),
        ("\npswpin ", "\npswpon "),
        ("551615", "551616"),
    ] {
        let text = VMSTAT.replace(from, to);
        assert!(matches!(Swapped::parse(text.as_bytes()), Err(Error::Malformed(_))), "{text}");
    }
    for number in [
        "100.01",
        "101.00",
        "-1.00",
        "1",
        "1.",
        "1.0",
        "1.000",
        ".50",
        "1e3",
        "nan",
        "18446744073709551615.00",
        "+1.00",
        "",
    ] {
        let text = PRESSURE.replace("12.34", number);
        assert!(matches!(some_avg10(text.as_bytes()), Err(Error::Malformed(_))), "{text}");
    }
    for (from, to) in [("some", "sum"), ("some avg10=12.34 ", "some "), ("avg10", "avg11")] {
        let text = PRESSURE.replace(from, to);
        assert!(matches!(some_avg10(text.as_bytes()), Err(Error::Malformed(_))), "{text}");
    }
}

#[test]
fn anything_but_three_numbers_is_no_count_of_open_files() {
    for text in [
        "",
        "590",
        "590\n",
        "590\t0\n",
        "590\t0\t2466183",
        "590\t0\t2466183\t1\n",
        "-1\t0\t9\n",
        "a\tb\tc\n",
        "590\t0\t9\n590\t0\t9\n",
    ] {
        assert!(matches!(open_files(text.as_bytes()), Err(Error::Malformed(_))), "{text:?}");
    }
}

/// No text cut short gives another number than the whole one.
#[test]
fn a_text_cut_anywhere_is_what_it_was_or_malformed() {
    for end in 0..VMSTAT.len() {
        let cut = Swapped::parse(&VMSTAT.as_bytes()[..end]);
        assert!(cut.is_err() || cut == Swapped::parse(VMSTAT.as_bytes()), "cut at {end}: {cut:?}");
    }
    for end in 0..PRESSURE.len() {
        let cut = some_avg10(&PRESSURE.as_bytes()[..end]);
        assert!(cut.is_err() || cut == some_avg10(PRESSURE.as_bytes()), "cut at {end}: {cut:?}");
    }
    assert!((0..FILE_NR.len()).all(|end| open_files(&FILE_NR.as_bytes()[..end]).is_err()));
}

#[test]
fn a_failed_reading_opens_the_file_anew() {
    let mut host = HostOs::default();
    let mut text = Vec::new();
    host.read(HostFile::MemInfo, &mut text).unwrap();
    // A descriptor that cannot be read by position: what a reading finds when it goes wrong.
    host.files[HostFile::MemInfo as usize] = Some(rustix::pipe::pipe().unwrap().0);
    assert_eq!(host.read(HostFile::MemInfo, &mut text), Err(Errno::SPIPE));
    host.read(HostFile::MemInfo, &mut text).unwrap();
    assert!(MemInfo::parse(&text).is_ok());
}

#[test]
fn files_are_kept_open() {
    let mut host = HostOs::default();
    let mut text = Vec::new();
    let mut numbers = |host: &mut HostOs| {
        HostFile::ALL.map(|file| {
            host.read(file, &mut text).ok();
            host.files[file as usize].as_ref().map(std::os::fd::AsRawFd::as_raw_fd)
        })
    };
    let first = numbers(&mut host);
    assert!(first[HostFile::MemInfo as usize].is_some() && first[HostFile::VmStat as usize].is_some());
    assert_eq!(numbers(&mut host), first);
}

type Reading = fn(&mut HostFiles) -> Result<(), Error>;

/// Whatever read fails in whatever way, there is an error, and never a number.
#[test]
fn a_failed_read_is_an_error_and_the_next_one_is_not() {
    for fault in Fault::ALL {
        let readings: [Reading; 3] =
            [|host| host.memory().map(drop), |host| host.swapped().map(drop), |host| host.open_files().map(drop)];
        for reading in readings {
            let mut host = HostFiles::faulty(&Plan::new(fault, 0));
            let wanted = match fault {
                Fault::Gone => Error::Os(libc::ENOENT),
                Fault::Denied => Error::Denied,
                Fault::Truncated | Fault::Emptied => Error::Malformed(""),
            };
            let error = reading(&mut host).unwrap_err();
            assert!(
                matches!((error, wanted), (Error::Malformed(_), Error::Malformed(_))) || error == wanted,
                "{error:?}"
            );
            assert_eq!(reading(&mut host), Ok(()));
        }
    }
}

#[test]
fn a_kernel_without_pressure_says_that_it_has_none() {
    assert_eq!(HostFiles::saying(|_| None).memory_pressure(), Ok(None));
    assert_eq!(HostFiles::saying(|_| Some(PRESSURE.to_owned())).memory_pressure(), Ok(Some(0.1234)));
    assert_eq!(HostFiles::faulty(&Plan::new(Fault::Denied, 0)).memory_pressure(), Err(Error::Denied));
    assert!(matches!(HostFiles::faulty(&Plan::new(Fault::Emptied, 0)).memory_pressure(), Err(Error::Malformed(_))));
}

#[test]
fn pages_pressure_and_files_agree_with_another_reader() {
    use procfs::Current;
    let mut ours = HostFiles::new();
    let vmstat = procfs::vmstat().unwrap();
    let swapped = ours.swapped().unwrap();
    let later = procfs::vmstat().unwrap();
    let between = |name: &str, value: u64| {
        let (value, before, after) = (i64::try_from(value).unwrap(), vmstat[name], later[name]);
        assert!(before <= value && value <= after, "{name}: {before} {value} {after}");
    };
    between("pswpin", swapped.pages_in);
    between("pswpout", swapped.pages_out);
    let known = ours.memory_pressure().unwrap();
    let pressure = procfs::MemoryPressure::current();
    assert_eq!(known.is_some(), pressure.is_ok());
    if let (Some(known), Ok(pressure)) = (known, pressure) {
        // It moves every two seconds.
        assert!((known - f64::from(pressure.some.avg10) / 100.0).abs() < 0.2, "{known} {pressure:?}");
    }
    let most = procfs::sys::fs::file_max().unwrap();
    let open = ours.open_files().unwrap();
    assert!(open > 0 && open < u64::try_from(most).unwrap(), "{open} of {most}");
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
        let _ = Swapped::parse(&text);
        let _ = open_files(&text);
        if let Ok(share) = some_avg10(&text) {
            prop_assert!((0.0..=1.0).contains(&share));
        }
    }

    #[test]
    fn every_pressure_reads_back(hundredths in 0_u32..=10_000, rest in "[^\n]{0,40}") {
        let text = format!("some avg10={}.{:02} {rest}\n", hundredths / 100, hundredths % 100);
        prop_assert_eq!(some_avg10(text.as_bytes()), Ok(f64::from(hundredths) / 10_000.0));
    }

    #[test]
    fn every_count_of_pages_reads_back(pages_in: u64, pages_out: u64, name in "[a-z_]{1,20}") {
        prop_assume!(name != "pswpin" && name != "pswpout");
        let text = format!("{name} 5\npswpin {pages_in}\npswpout {pages_out}\n");
        prop_assert_eq!(Swapped::parse(text.as_bytes()), Ok(Swapped { pages_in, pages_out }));
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

#[test]
fn swap_is_in_use_where_the_totals_say_so() {
    let known = || HostFiles::new().memory().unwrap();
    let (before, in_use, after) = (known(), swap_in_use(), known());
    if before.swap_free == after.swap_free {
        assert_eq!(in_use, before.swap_free != before.swap_total);
    }
}
