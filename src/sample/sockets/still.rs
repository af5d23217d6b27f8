//! Where TCP is still, the list of sockets in CLOSE_WAIT is what it was: the kernel need not walk over its
//! tables, which is most of what a pass costs.
//!
//! A socket comes into CLOSE_WAIT by a segment, which is answered by another, and leaves it by one: its
//! own FIN or reset, or one of its peer. So while the kernel has counted none (`kernel::TcpCounts`), the
//! list that was taken after the last look at these counters stands, but
//! - for no longer than [`STANDS`]: a socket that is closed while its peer takes nothing more leaves it without
//!   a segment, which is counted since Linux 6.10 alone, and a file's owner may be changed;
//! - not with a connection in it that waits to be accepted: that happens without a segment.
//!
//! A look costs a twentieth of a list. Where segments come and go all the time it is taken seldom.

use std::time::Duration;

use crate::kernel::TcpCounts;
use crate::kernel::sock_diag::{States, TcpState};
use crate::model::Moment;

/// A list is taken this often in any case.
const STANDS: Duration = Duration::from_secs(10);
/// So many looks in a row at which something had moved are enough to know that it always does.
const BUSY: u32 = 3;
/// Then so many lists are taken without a look.
const LISTS: u32 = 10;

/// Whether the last list still stands.
#[derive(Debug, Default)]
pub(super) struct Still {
    counts: TcpCounts,
    /// When it was taken; none where it cannot stand.
    listed: Option<Moment>,
    /// Looks in a row at which something had moved.
    busy: u32,
    /// Lists to be taken before the next look.
    without: u32,
}

impl Still {
    /// Whether the sockets in CLOSE_WAIT are those of the list that was last given to [`keep`](Self::keep). If not,
    /// that list is forgotten.
    pub(super) fn stands(&mut self, now: Moment) -> bool {
        let stands = !self.have_moved() && self.listed.is_some_and(|listed| now.since(listed) < STANDS);
        if !stands {
            self.forget();
        }
        stands
    }

    /// No list stands.
    pub(super) const fn forget(&mut self) {
        self.listed = None;
    }

    /// Takes in that the kernel has listed in this pass all sockets in the states `listed`, and whether one in
    /// the list `waits` to be accepted.
    pub(super) fn keep(&mut self, now: Moment, (listed, waits): (States, bool)) {
        let may_stand = listed.has(TcpState::CloseWait) && self.without == 0 && !waits;
        self.listed = may_stand.then_some(now);
    }

    fn have_moved(&mut self) -> bool {
        if self.without > 0 {
            self.without -= 1;
            return true;
        }
        let moved = self.counts.have_moved();
        self.busy = if moved { self.busy + 1 } else { 0 };
        if self.busy == BUSY {
            // The look after those compares with nothing new: it takes two to see that all is still.
            (self.without, self.busy) = (LISTS, 1);
        }
        moved
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "a test moves counters in a file of its own")]
mod tests {
    use std::ffi::CString;
    use std::os::unix::ffi::OsStrExt as _;

    use tempfile::TempDir;

    use super::*;

    const CLOSE_WAIT: States = States::of(&[TcpState::CloseWait]);

    /// Lists over counters that a test moves.
    struct Host {
        folder: TempDir,
        segments: u64,
        second: u64,
        still: Still,
        waits: bool,
    }

    impl Host {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let path = CString::new(folder.path().join("snmp").as_os_str().as_bytes()).unwrap();
            let still = Still { counts: TcpCounts::of(Box::leak(path.into_boxed_c_str())), ..Still::default() };
            let mut host = Self { folder, segments: 0, second: 1000, still, waits: false };
            host.pass(1);
            host.pass(0);
            host
        }

        /// A second later and so many segments: whether the list stood.
        fn pass(&mut self, segments: u64) -> bool {
            self.listing(segments, CLOSE_WAIT)
        }

        fn listing(&mut self, segments: u64, listed: States) -> bool {
            self.segments += segments;
            self.second += 1;
            let text = format!("Tcp: InSegs\nTcp: {}\n", self.segments);
            std::fs::write(self.folder.path().join("snmp"), text).unwrap();
            let now = Moment::from_secs(self.second);
            if listed == CLOSE_WAIT && self.still.stands(now) {
                return true;
            }
            self.still.keep(now, (listed, self.waits));
            false
        }
    }

    #[test]
    fn while_nothing_moves_the_list_stands() {
        let mut host = Host::new();
        assert!(host.pass(0));
        assert!(host.pass(0));
        assert!(!host.pass(1), "a segment came");
        assert!(host.pass(0));
    }

    #[test]
    fn no_list_stands_longer_than_ten_seconds() {
        let mut host = Host::new();
        assert!(!host.pass(1));
        let stood: Vec<bool> = (0..21).map(|_| host.pass(0)).collect();
        let anew: Vec<usize> = (0..21).filter(|&second| !stood[second]).collect();
        assert_eq!(anew, [9, 19]);
    }

    #[test]
    fn who_waits_to_be_accepted_may_be_so_without_a_segment() {
        let mut host = Host::new();
        host.waits = true;
        assert!(!host.pass(1));
        assert!(!host.pass(0));
        host.waits = false;
        assert!(!host.pass(0));
        assert!(host.pass(0));
    }

    #[test]
    fn a_list_of_other_states_counts_only_where_these_are_in_it() {
        let mut host = Host::new();
        assert!(host.pass(0));
        assert!(!host.listing(0, CLOSE_WAIT.and(TcpState::Established)));
        assert!(host.pass(0), "it was in it");
        assert!(!host.listing(0, States::of(&[TcpState::Established])));
        assert!(!host.pass(0), "it was not");
    }

    #[test]
    fn where_something_always_moves_it_is_seldom_looked_at_and_calm_is_noticed_all_the_same() {
        let mut host = Host::new();
        for _ in 0..BUSY {
            assert!(!host.pass(1));
        }
        assert_eq!(host.still.without, LISTS);
        let calm = (0..100).take_while(|_| !host.pass(0)).count();
        assert!(calm <= LISTS as usize + 1, "{calm} lists before it is noticed");
        for _ in 0..2 {
            assert!(!host.pass(1));
            assert!(host.pass(0));
        }
    }

    #[test]
    fn where_there_are_no_counters_each_pass_lists() {
        let mut still = Still { counts: TcpCounts::of(c"/proc/self/net/no-such-file"), ..Still::default() };
        for second in 0..100 {
            let now = Moment::from_secs(1000 + second);
            assert!(!still.stands(now));
            still.keep(now, (CLOSE_WAIT, false));
        }
    }
}
