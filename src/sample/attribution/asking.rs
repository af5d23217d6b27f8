//! Whose links are read, in which order, and within which bounds.

use super::books::Books;
use super::terms::{ReadLinks, Slot};
use super::{Attribution, CALM_LINKS, Links, MOST_LINKS, Turn};

impl Attribution {
    /// Reads who could explain what is open, then who is in doubt.
    pub(super) fn explain(&mut self, links: &mut ReadLinks<'_>) {
        self.note_wanted();
        self.turns.clear();
        for (slot, books) in self.books.iter().enumerate() {
            let turn = books.as_ref().and_then(|books| self.turn(books));
            self.turns.extend(turn.map(|turn| (turn, slot)));
        }
        self.turns.sort_unstable();
        while let Some((turn, slot)) = self.turns.pop() {
            self.take_turn(turn, slot, links);
        }
        // Of what was open before, whoever was read since then was asked, and whoever was not is in doubt.
        for books in self.books.iter_mut().flatten().filter(|books| books.asked != self.pass) {
            books.in_doubt |= books.holder.may_hold_any(&self.new_uids);
        }
        self.settle_doubts(links);
    }

    fn turn(&self, books: &Books) -> Option<Turn> {
        if books.asked == self.pass {
            return None;
        }
        if books.is_due(self.now) {
            return Some(Turn::Due(books.cost()));
        }
        // Who is in doubt may have opened, just after it was counted, what was new a pass ago.
        let is_asked = books.in_doubt || books.holder.may_hold_any(&self.uids);
        (books.has_moved() && is_asked && books.is_promising()).then(|| Turn::Moved(books.growth()))
    }

    fn take_turn(&mut self, turn: Turn, slot: Slot, links: &mut ReadLinks<'_>) {
        let Some(books) = self.of(slot) else { return };
        let is_wanted = books.in_doubt || books.holder.may_hold_any(&self.uids);
        let most = if is_wanted { MOST_LINKS } else { CALM_LINKS };
        let is_due = matches!(turn, Turn::Due(_));
        let cost = books.cost();
        if !(is_wanted || is_due) || (self.spent > 0 && self.spent + cost > most) {
            return;
        }
        self.spent += cost;
        self.read(slot, !is_due, links);
    }

    /// Keeps of what is wanted what is still open.
    pub(super) fn note_wanted(&mut self) {
        let Self { claims, wanted, uids, news, new_uids, .. } = self;
        for (list, uids) in [(wanted, uids), (news, new_uids)] {
            list.retain(|&at| claims.is_open(at));
            uids.clear();
            uids.extend(list.iter().map(|&at| claims.uid(at)));
            uids.sort_unstable();
            uids.dedup();
        }
    }

    /// Reads who is in doubt, longest unread first, as far as the allowance goes.
    fn settle_doubts(&mut self, links: &mut ReadLinks<'_>) {
        while self.doubts.is_left(self.now) {
            let doubt = |(slot, books): (Slot, &Option<Books>)| {
                let since = books.as_ref()?.doubt(self.now, (self.pass, self.claims.held(slot)))?;
                Some((since, slot))
            };
            let Some((_, slot)) = self.books.iter().enumerate().filter_map(doubt).min() else { return };
            self.doubts.pay(self.of(slot).map_or(0, Books::cost));
            self.read(slot, false, links);
        }
    }

    /// Reads the links of one holder, because its count moved or for another reason.
    fn read(&mut self, slot: Slot, has_moved: bool, links: &mut ReadLinks<'_>) {
        let Some(books) = self.books.get_mut(slot).and_then(Option::as_mut) else { return };
        books.asked = self.pass;
        self.inodes.clear();
        if let Err(fault) = links(books.index, &mut self.inodes) {
            books.links = Links::Failed { at: self.now, fault };
            return;
        }
        self.swap.clear();
        self.swap.extend(self.inodes.iter().filter_map(|&inode| u32::try_from(inode).ok()));
        self.swap.sort_unstable();
        self.swap.dedup();
        books.note_read(self.now, &mut self.swap);
        let found = self.claims.renew(slot, &self.swap, &books.inodes);
        books.note_found(found, has_moved);
        if found > 0 {
            self.note_wanted();
        }
    }
}
