//! What the kernel's events of one round come to. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::kernel::proc_events::ProcEvent;
use crate::model::Pid;

/// The news of one round, each process once, however much happened to it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct News {
    /// Whom to look at, and how often each became another program.
    pub(super) seen: BTreeMap<Pid, u32>,
    /// Whose numbers were given back. Who has one of them now is in `seen`.
    pub(super) ended: BTreeSet<Pid>,
}

impl News {
    /// Takes what happened next.
    pub(super) fn take(&mut self, event: ProcEvent) {
        match event {
            ProcEvent::Forked(pid) | ProcEvent::Changed(pid) => {
                self.seen.entry(pid).or_default();
            }
            ProcEvent::Execed(pid) => *self.seen.entry(pid).or_default() += 1,
            // Who came and went costs no look. That its number is given anew before the kernel tells of
            // its end takes all other numbers in between; the next look at everybody would put it right.
            ProcEvent::Exited(pid) => {
                self.seen.remove(&pid);
                self.ended.insert(pid);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn news(events: &[ProcEvent]) -> News {
        let mut news = News::default();
        events.iter().for_each(|event| news.take(*event));
        news
    }

    fn pid(number: i32) -> Pid {
        Pid::new(number).unwrap()
    }

    #[test]
    fn a_process_is_news_once() {
        use ProcEvent::{Changed, Execed, Forked};
        let two = pid(2);
        let news = news(&[Forked(two), Execed(two), Changed(two), Changed(pid(3)), Execed(two)]);
        assert_eq!(news.seen, BTreeMap::from([(two, 2), (pid(3), 0)]));
        assert!(news.ended.is_empty());
    }

    #[test]
    fn who_came_and_went_is_no_news_but_its_successor_is() {
        use ProcEvent::{Execed, Exited, Forked};
        let two = pid(2);
        let gone = news(&[Forked(two), Execed(two), Exited(two)]);
        assert!(gone.seen.is_empty());
        assert!(gone.ended.contains(&two));
        let again = news(&[Execed(two), Exited(two), Forked(two)]);
        assert_eq!(again.seen, BTreeMap::from([(two, 0)]), "the exec was another's");
        assert!(again.ended.contains(&two));
    }
}
