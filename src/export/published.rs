//! How a snapshot gets from the loop to its readers: without a lock, and without copying.

use std::sync::Arc;

use arc_swap::ArcSwap;

use super::Snapshot;

/// The snapshot that readers see now.
#[derive(Debug)]
pub struct Published {
    current: ArcSwap<Snapshot>,
}

impl Published {
    /// The latest snapshot; it stays as it is for as long as it is held.
    pub fn latest(&self) -> Arc<Snapshot> {
        self.current.load_full()
    }
}

/// The writing end, owned by the watch loop.
#[derive(Debug)]
pub struct Publisher {
    published: Arc<Published>,
    spare: Option<Arc<Snapshot>>,
}

impl Publisher {
    /// Begins with `first`.
    pub fn new(first: Snapshot) -> Self {
        let published = Arc::new(Published { current: ArcSwap::from_pointee(first) });
        Self { published, spare: None }
    }

    /// The reading end.
    pub fn published(&self) -> Arc<Published> {
        Arc::clone(&self.published)
    }

    /// Lets `fill` write the next snapshot and shows it to readers. What `fill` gets is emptied but
    /// holds the fields of an older pass: it sets every one. The snapshot before the last is reused
    /// with its room, unless a reader still holds it.
    pub fn publish(&mut self, fill: impl FnOnce(&mut Snapshot)) {
        let mut next = self.spare.take().unwrap_or_else(|| self.published.latest());
        let snapshot = Arc::make_mut(&mut next);
        snapshot.clear();
        fill(snapshot);
        self.spare = Some(self.published.current.swap(next));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::fixture;
    use crate::model::Moment;

    #[test]
    fn a_reader_keeps_what_it_holds_and_room_is_reused() {
        let mut publisher = Publisher::new(fixture::snapshot());
        let published = publisher.published();
        let held = published.latest();
        for second in 1..6 {
            publisher.publish(|next| next.taken = Moment::from_secs(second));
            assert_eq!(published.latest().taken, Moment::from_secs(second));
            assert!(published.latest().members().is_empty(), "what an older pass left must be gone");
        }
        assert_eq!(held.members().len(), fixture::snapshot().members().len());
        let (a, b) = (Arc::as_ptr(&published.latest()), publisher.spare.as_ref().map(Arc::as_ptr));
        publisher.publish(|_| ());
        assert_eq!(Some(Arc::as_ptr(&published.latest())), b, "the spare one is shown next");
        assert_eq!(publisher.spare.as_ref().map(Arc::as_ptr), Some(a));
    }
}
