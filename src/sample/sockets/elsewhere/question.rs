//! What a kill waits for: a count of a namespace that was begun after it was asked for.

use crate::model::{Identity, Moment};
use crate::sample::probe::{Column, Seat};

/// Somebody must know anew what these hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Question {
    target: u16,
    /// A member, or none for all of them together, whoever is one meanwhile.
    who: Option<Identity>,
    /// Index of the metric.
    metric: usize,
}

impl Question {
    /// What those in `seats`, who are of one target, hold.
    pub(super) fn of(target: u16, seats: &[&Seat], column: Column) -> Self {
        let who = if let [only] = seats { Some(only.identity) } else { None };
        Self { target, who, metric: column.at }
    }
}

/// What is asked of a namespace.
///
/// A count answers a question that was there before it was begun, and only until the next count: the
/// reading that an order rests on is no proof of itself.
#[derive(Debug, Default)]
pub(super) struct Questions {
    open: Vec<(Question, Moment)>,
    answered: Vec<Question>,
}

impl Questions {
    /// Asks at `now`, unless the last count has answered that and is still `fresh`: says whether it is so.
    pub(super) fn ask(&mut self, question: Question, now: Moment, fresh: bool) -> bool {
        if fresh && self.answered.contains(&question) {
            return true;
        }
        if self.open.iter().all(|(open, _)| *open != question) {
            self.open.push((question, now));
        }
        false
    }

    /// Takes in that a count is there that was begun then.
    pub(super) fn answer(&mut self, begun: Moment) {
        self.answered.clear();
        self.answered.extend(self.open.extract_if(.., |(_, asked)| *asked <= begun).map(|(question, _)| question));
    }

    /// Whether somebody waits.
    pub(super) const fn are_open(&self) -> bool {
        !self.open.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{BootId, Pid};

    fn question(pid: i32, metric: usize) -> Question {
        let pid = Pid::new(pid).unwrap();
        let who = Some(Identity { boot: BootId(1), pid, start_ticks: 1, pidfs_inode: None });
        Question { target: 0, who, metric }
    }

    #[test]
    fn a_count_answers_what_was_asked_before_it_was_begun_until_the_next_count() {
        let (at, asked) = (Moment::from_secs, question(7, 0));
        let mut questions = Questions::default();
        assert!(!questions.ask(asked, at(10), true), "nobody has asked for the last count");
        questions.answer(at(9));
        assert!(questions.are_open() && !questions.ask(asked, at(11), true), "it was under way");
        questions.answer(at(10));
        assert!(!questions.are_open());
        assert!(questions.ask(asked, at(12), true));
        assert!(questions.ask(asked, at(12), true), "as long as it is the last count");
        for other in [question(8, 0), question(7, 1), Question { who: None, ..asked }, Question { target: 1, ..asked }]
        {
            assert!(!questions.ask(other, at(12), true), "others have not asked");
        }
        assert!(!questions.ask(asked, at(13), false), "too old");
        questions.answer(at(13));
        assert!(!questions.are_open());
        questions.answer(at(20));
        assert!(!questions.ask(asked, at(21), true), "a count that nobody asked for proves nothing");
    }
}
