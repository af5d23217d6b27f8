//! The rungs of one member, and whether there is anything to do about them: most of the time there is
//! not, and a pass need not look at each.

use std::ops::{Deref, DerefMut};

use super::rung::{Of, Rung, RungState};

/// A list of rungs that knows when it is calm: all of them idle, and none an operator's. Whoever changes one
/// makes it look again.
#[derive(Debug, Default)]
pub(super) struct Rungs {
    list: Vec<Rung>,
    calm: bool,
}

impl Rungs {
    /// Whether nothing is to be done about any of them, whatever the time.
    pub(super) fn are_calm(&mut self) -> bool {
        let idle = |rung: &Rung| rung.state == RungState::Idle && !matches!(rung.of, Of::Operator { .. });
        if !self.calm {
            self.calm = self.list.iter().all(idle);
        }
        self.calm
    }
}

impl From<Vec<Rung>> for Rungs {
    fn from(list: Vec<Rung>) -> Self {
        Self { list, calm: false }
    }
}

impl Deref for Rungs {
    type Target = Vec<Rung>;

    fn deref(&self) -> &Self::Target {
        &self.list
    }
}

impl DerefMut for Rungs {
    fn deref_mut(&mut self) -> &mut Self::Target {
        self.calm = false;
        &mut self.list
    }
}

impl<'a> IntoIterator for &'a Rungs {
    type Item = &'a Rung;
    type IntoIter = std::slice::Iter<'a, Rung>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<'a> IntoIterator for &'a mut Rungs {
    type Item = &'a mut Rung;
    type IntoIter = std::slice::IterMut<'a, Rung>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter_mut()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Level;

    #[test]
    fn whoever_may_have_changed_a_rung_has_them_looked_at_again() {
        let mut rungs = Rungs::from(vec![Rung::new(Of::Ladder(0), Level::Elevated, 0)]);
        assert!(rungs.are_calm());
        rungs[0].make_due();
        assert!(!rungs.are_calm());
        rungs[0].end();
        assert!(rungs.are_calm(), "it is idle again");
        rungs.push(Rung::new(Of::Operator { needs: false }, Level::Normal, 0));
        assert!(!rungs.are_calm(), "an operator's is taken off when it is over");
    }
}
