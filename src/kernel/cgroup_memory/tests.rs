//! The parsers on captured and on hostile bytes, and the trees of this host.

use proptest::prelude::*;

use super::*;

#[test]
fn numbers_are_whole_or_not_at_all() {
    assert_eq!(bytes(b"1760000000\n"), Ok(1_760_000_000));
    assert_eq!((max(b"max\n"), max(b"0\n")), (Ok(None), Ok(Some(0))));
    assert_eq!(limit_in_bytes(b"9223372036854771712\n"), Ok(None), "pages of 4 KiB");
    assert_eq!(limit_in_bytes(b"9223372036854710272\n"), Ok(None), "pages of 64 KiB");
    assert_eq!(limit_in_bytes(b"536870912\n"), Ok(Some(536_870_912)));
    for text in
        [&b""[..], b"\n", b"1", b"-1\n", b"ma", b"max", b"1 2\n", b"0x10\n", b"\xff\n", b"18446744073709551616\n"]
    {
        assert!(bytes(text).is_err() && max(text).is_err() && limit_in_bytes(text).is_err(), "{}", text.escape_ascii());
    }
}

#[test]
fn a_stat_is_read_by_the_names_of_its_tree() {
    let v1 = b"inactive_file 1\nswap 2\nhierarchical_memory_limit 9\ntotal_swap 30\ntotal_inactive_file 40\n";
    assert_eq!(MemoryStat::parse_v1(v1), Ok(MemoryStat { inactive_file: 40, swap: Some(30) }));
    let unaccounted = b"inactive_file 1\ntotal_inactive_file 40\n";
    assert_eq!(MemoryStat::parse_v1(unaccounted), Ok(MemoryStat { inactive_file: 40, swap: None }));
    let v2 = b"anon 5\nworkingset_inactive_file 7\ninactive_file 6\nslab 1\n";
    assert_eq!(MemoryStat::parse_v2(v2), Ok(MemoryStat { inactive_file: 6, swap: None }));
    for text in
        [&b""[..], b"anon 5\n", b"inactive_file\n", b"inactive_file 6", b"inactive_file x\n", b"inactive_file 6 7\n"]
    {
        assert!(MemoryStat::parse_v2(text).is_err(), "{}", text.escape_ascii());
    }
}

#[test]
fn a_working_set_is_never_nothing_of_something() {
    let stat = MemoryStat { inactive_file: 40, swap: None };
    // The counts are of two moments: as docker stats does, the larger one is shown then.
    let shown = [100, 41, 40, 39, 0].map(|current| stat.working_set(current));
    assert_eq!(shown, [60, 1, 40, 39, 0]);
}

proptest! {
    #[test]
    fn no_bytes_are_too_much(text in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = (bytes(&text), max(&text), limit_in_bytes(&text));
        let _ = (MemoryStat::parse_v1(&text), MemoryStat::parse_v2(&text));
    }

    /// Wherever a text is cut: what is read of it is what is read of the whole, or nothing.
    #[test]
    fn a_cut_text_says_the_same_or_nothing(used in 0_u64..1 << 50, cut in 0_usize..80) {
        let text = format!("total_swap {used}\ntotal_inactive_file {used}\ntotal_active_file 5\n");
        let part = &text.as_bytes()[..cut.min(text.len())];
        if let Ok(stat) = MemoryStat::parse_v1(part) {
            prop_assert_eq!(stat, MemoryStat { inactive_file: used, swap: Some(used) });
        }
    }
}

#[test]
fn this_hosts_roots_have_no_account_of_their_own() {
    let trees = MemoryTrees::mounted();
    let mut buffer = Vec::new();
    for (tree, mount) in [(Tree::Memory, &trees.memory), (Tree::Unified, &trees.unified)] {
        if mount.is_none() {
            continue;
        }
        let mut root = trees.open(tree, b"/").unwrap();
        // In a container the root may be that of a namespace, which is an ordinary group.
        if root.is_root() {
            let all = (root.current(&mut buffer), root.stat(&mut buffer), root.limit(&mut buffer));
            assert_eq!(all, (Ok(None), Ok(None), Ok(None)));
            assert_eq!((root.swap(&mut buffer), root.pressure(&mut buffer)), (Ok(None), Ok(None)));
        }
        assert_eq!(trees.open(tree, b"/no/such/group").map(drop), Err(Error::Gone));
        assert_eq!(trees.open(tree, b"/../x").map(drop), Err(Error::Denied));
        assert!(trees.open(tree, b"/a\0b").is_err());
    }
}
