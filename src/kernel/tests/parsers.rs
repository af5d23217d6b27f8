use procfs::process::LimitValue;
use proptest::prelude::*;

use super::Victim;
use crate::kernel::{Cgroups, Error, Proc, Stat, Status, max_open_files, resident_pages};

/// A line as the kernel prints it, with any name.
fn line(comm: &[u8]) -> Vec<u8> {
    let head = b"4242 (";
    let tail = b") S 17 4242 4242 34816 4242 4194560 1 2 3 4 5 6 7 8 20 0 3 0 987654 9 10 184467 \
        94000000000000 94000000001000 140700000000000 0 0 0 1 2 3 0 0 0 17 1 0 0 0 0 0 1 2 3 4 5 6 7 0\n";
    [&head[..], comm, tail].concat()
}

#[test]
fn a_name_cannot_shift_the_fields() {
    for comm in [&b"sleep"[..], b") R 1 (", b"a b) Z 1 1 1", b"\n", b"\xff\xfe", b"", b"((", b")", b"))))"] {
        let stat = Stat::parse(&line(comm)).unwrap();
        assert_eq!(stat.comm.as_bytes(), comm);
        assert_eq!((stat.pid, stat.state, stat.ppid, stat.threads), (4242, b'S', 17, 3));
        assert_eq!((stat.start_ticks, stat.flags), (987_654, 4_194_560));
        assert!(stat.exec_generation.is_some());
    }
}

#[test]
fn a_cut_line_is_malformed_wherever_it_was_cut() {
    let whole = line(b"x) y");
    for end in 0..whole.len() {
        assert!(Stat::parse(&whole[..end]).is_err(), "cut at {end}");
    }
    let status = std::fs::read("/proc/self/status").unwrap();
    for end in 0..status.len() {
        if let Ok(parsed) = Status::parse(&status[..end]) {
            // Cut at the end of a line behind all that is needed: nothing is missing.
            assert_eq!(Ok(parsed), Status::parse(&status));
        }
    }
    let limits = std::fs::read("/proc/self/limits").unwrap();
    for end in 0..limits.len() {
        if let Ok(limit) = max_open_files(&limits[..end]) {
            assert_eq!(Ok(limit), max_open_files(&limits));
        }
    }
}

#[test]
fn the_generation_is_unknown_where_the_kernel_hides_it() {
    let hidden = String::from_utf8(line(b"x")).unwrap();
    let hidden = hidden.replace("94000000000000 94000000001000 140700000000000", "1 1 0");
    assert_eq!(Stat::parse(hidden.as_bytes()).unwrap().exec_generation, None);
}

#[test]
fn a_thread_is_told_from_a_process_by_the_signal_of_its_end() {
    let process = String::from_utf8(line(b"x")).unwrap();
    let thread = process.replace(" 17 1 0 0 0", " -1 1 0 0 0");
    let is_thread = |line: &str| Stat::parse(line.as_bytes()).unwrap().is_thread;
    assert!(is_thread(&thread) && !is_thread(&process));
}

#[test]
fn memory_lines_come_together_or_not_at_all() {
    let text = |memory: &str| {
        format!(
            "Name:\tx\nState:\tS (sleeping)\nUid:\t1\t2\t3\t4\n{memory}Threads:\t5\n\
             SigBlk:\t0000000000000001\nSigIgn:\t0000000000000002\nSigCgt:\t0000000000000200\n"
        )
    };
    let whole = Status::parse(text("VmRSS:\t    12 kB\nVmExe:\t 4 kB\nVmSwap:\t       3 kB\n").as_bytes()).unwrap();
    let expected = Status {
        state: b'S',
        rss: Some(12 << 10),
        swap: Some(3 << 10),
        code: Some(4 << 10),
        threads: 5,
        uids: (1, 2),
        caught: 0x200,
        blocked: 1,
        ignored: 2,
    };
    assert_eq!(whole, expected);
    assert_eq!(Status::parse(text("").as_bytes()).unwrap().rss, None);
    for broken in ["VmRSS:\t12 kB\n", "VmRSS:\t12 MB\nVmSwap:\t1 kB\n", "VmRSS:\t-1 kB\nVmSwap:\t1 kB\n", "VmRSS:\n"] {
        assert!(matches!(Status::parse(text(broken).as_bytes()), Err(Error::Malformed(_))), "{broken}");
    }
}

#[test]
fn both_hierarchies_are_found() {
    let text = b"9:name=systemd:/system.slice/a:b.service\n4:memory:/other\n0::/system.slice/c.service\n";
    let cgroups = Cgroups::parse(text).unwrap();
    assert_eq!(cgroups.systemd, Some(&b"/system.slice/a:b.service"[..]));
    assert_eq!(cgroups.unified, Some(&b"/system.slice/c.service"[..]));
    assert_eq!(cgroups.paths().count(), 2);
    for broken in [&b"0::/a"[..], b"0:/a\n", b"x::/a\n", b"0::a\n", b"\n", b""] {
        assert!(Cgroups::parse(broken).is_err(), "{}", broken.escape_ascii());
    }
}

#[test]
fn resident_memory_is_the_second_of_seven_numbers() {
    assert_eq!(resident_pages(b"5763 1432 921 1 0 4501 0\n"), Ok(Some(1432)));
    assert_eq!(resident_pages(b"18446744073709551615 18446744073709551615 0 0 0 0 0\n"), Ok(Some(u64::MAX)));
    assert_eq!(resident_pages(b"5763 0 0 1 0 4501 0\n"), Ok(Some(0)), "it has memory, but none of it is resident");
    assert_eq!(resident_pages(b"0 0 0 0 0 0 0\n"), Ok(None));
    let whole = b"5763 1432 921 1 0 4501 0\n";
    for end in 0..whole.len() {
        assert!(resident_pages(&whole[..end]).is_err(), "cut at {end}");
    }
    for hostile in [
        &b"\n"[..],
        b"0\n",
        b"1 2 3 4 5 6\n",
        b"1 2 3 4 5 6 7 8\n",
        b"1 -2 3 4 5 6 7\n",
        b"1 18446744073709551616 3 4 5 6 7\n",
        b"1 0x2 3 4 5 6 7\n",
        b"1 2 3 4 5 6 7\n\n",
        b"1 2 3\n4 5 6 7\n",
        b"1 2 3 4 5 6 7\0\n",
    ] {
        assert!(resident_pages(hostile).is_err(), "{}", hostile.escape_ascii());
    }
}

proptest! {
    #[test]
    fn no_bytes_make_a_parser_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = (Stat::parse(&bytes), Status::parse(&bytes), Cgroups::parse(&bytes), max_open_files(&bytes));
        let _ = resident_pages(&bytes);
    }

    #[test]
    fn no_change_of_one_byte_makes_a_parser_panic(at in 0_usize..5000, byte in any::<u8>()) {
        for file in ["stat", "status", "cgroup", "limits"] {
            let mut text = std::fs::read(format!("/proc/self/{file}")).unwrap();
            let at = at % text.len();
            text[at] = byte;
            let _ = (Stat::parse(&text), Status::parse(&text), Cgroups::parse(&text), max_open_files(&text));
        }
    }

    #[test]
    fn a_byte_that_is_no_digit_and_no_blank_spoils_statm(at in 0_usize..40, byte in any::<u8>()) {
        let mut text = std::fs::read("/proc/self/statm").unwrap();
        let at = at % (text.len() - 1);
        text[at] = byte;
        let harmless = byte.is_ascii_digit() || matches!(byte, b' ' | b'\t');
        prop_assert!(harmless || resident_pages(&text).is_err(), "{}", text.escape_ascii());
    }

    #[test]
    fn any_seven_numbers_are_read_back(fields in prop::array::uniform7(any::<u64>())) {
        let line = fields.map(|field| field.to_string()).join(" ") + "\n";
        let resident = Some(fields[1]).filter(|_| fields.iter().any(|field| *field != 0));
        prop_assert_eq!(resident_pages(line.as_bytes()), Ok(resident));
    }

    #[test]
    fn any_name_is_read_back(comm in prop::collection::vec(1_u8.., 0..15)) {
        let stat = Stat::parse(&line(&comm)).unwrap();
        prop_assert_eq!(stat.comm.as_bytes(), &comm[..]);
    }
}

/// Everything that is alive, read by us and by the procfs crate, which knows these files well.
#[test]
fn we_agree_with_procfs_about_every_live_process() {
    let _victims = [Victim::sleeping(), Victim::python("import threading; threading.Thread(target=input).start")];
    let (proc, mut pids, mut text) = (Proc::live().unwrap(), Vec::new(), Vec::new());
    proc.pids(&mut pids).unwrap();
    let mut compared = 0;
    for pid in pids {
        let Ok(theirs) = procfs::process::Process::new(pid.get()) else { continue };
        let (Ok(entry), Ok(stat)) = (proc.entry(pid), theirs.stat()) else { continue };
        let Ok(ours) = entry.stat(&mut text) else { continue };
        // Names of other encodings are theirs to misread.
        assert_eq!(String::from_utf8_lossy(ours.comm.as_bytes()), stat.comm);
        assert_eq!((ours.pid, ours.ppid, ours.start_ticks), (stat.pid, stat.ppid, stat.starttime));
        assert_eq!(ours.is_kernel_thread(), stat.flags & 0x0020_0000 != 0);
        let (Ok(status), Ok(ours)) = (theirs.status(), entry.status(&mut text)) else { continue };
        assert_eq!(ours.uids, (status.ruid, status.euid));
        assert_eq!((ours.caught, ours.ignored), (status.sigcgt, status.sigign));
        assert_eq!(ours.code, status.vmexe.map(|kib| kib * 1024));
        assert_eq!(ours.rss.is_some(), status.vmrss.is_some());
        let (Ok(pages), Ok(ours)) = (theirs.statm(), entry.resident(&mut text)) else { continue };
        assert_eq!(ours.is_some(), status.vmrss.is_some());
        // It runs meanwhile, and the kernel counts in batches.
        let near = ours.unwrap_or(0).abs_diff(pages.resident * procfs::page_size());
        assert!(near <= ours.unwrap_or(0) / 2 + (64 << 20), "{ours:?} {pages:?}");
        let (Ok(limits), Ok(ours)) = (theirs.limits(), entry.max_fds(&mut text)) else { continue };
        let limit = match limits.max_open_files.soft_limit {
            LimitValue::Unlimited => None,
            LimitValue::Value(limit) => Some(limit),
        };
        assert_eq!(ours, limit);
        let (Ok(groups), Ok(ours)) = (theirs.cgroups(), entry.cgroups(&mut text)) else { continue };
        let unified = groups.into_iter().find(|group| group.hierarchy == 0).map(|group| group.pathname);
        assert_eq!(ours.unified.map(|path| String::from_utf8_lossy(path).into_owned()), unified);
        compared += 1;
    }
    assert!(compared >= 3, "compared {compared}");
}
