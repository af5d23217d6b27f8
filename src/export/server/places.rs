//! Places for connections: so many, and whoever only sits there makes room for who comes.
//!
//! A client that opens connections and says nothing could otherwise shut out the scrape that tells of it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

/// All places, of all addresses.
#[derive(Debug)]
pub(super) struct Places {
    most: usize,
    /// In the order in which they were taken.
    taken: Mutex<Vec<Arc<Place>>>,
}

/// The place of one connection.
#[derive(Debug, Default)]
pub(super) struct Place {
    /// Whether a whole request has come, ever.
    asked: AtomicBool,
    /// Whether a request is being answered.
    busy: AtomicBool,
    leave: Notify,
}

/// A place as long as it is held.
#[derive(Debug)]
pub(super) struct Taken {
    places: Arc<Places>,
    place: Arc<Place>,
}

impl Places {
    pub(super) fn new(most: usize) -> Self {
        Self { most, taken: Mutex::default() }
    }

    /// A place for who comes; none when everybody who has one is being answered. Where all are taken, one
    /// who is not makes room: who never asked before who did, and the one who has been there longest first.
    pub(super) fn take(self: &Arc<Self>) -> Option<Taken> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.len() >= self.most {
            let idle = taken.iter().enumerate().filter(|(_, place)| !place.busy.load(Ordering::Relaxed));
            let (leaving, _) = idle.min_by_key(|(at, place)| (place.asked.load(Ordering::Relaxed), *at))?;
            taken.remove(leaving).leave.notify_one();
        }
        let place = Arc::<Place>::default();
        taken.push(Arc::clone(&place));
        Some(Taken { places: Arc::clone(self), place })
    }
}

impl Taken {
    /// A whole request has come; it is being answered until what is returned is dropped.
    pub(super) fn answering(&self) -> Answering<'_> {
        self.place.asked.store(true, Ordering::Relaxed);
        self.place.busy.store(true, Ordering::Relaxed);
        Answering(&self.place)
    }

    /// Returns when it must make room.
    pub(super) async fn left(&self) {
        self.place.leave.notified().await;
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let mut taken = self.places.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.retain(|place| !Arc::ptr_eq(place, &self.place));
    }
}

/// A request that is being answered.
#[derive(Debug)]
pub(super) struct Answering<'a>(&'a Place);

impl Drop for Answering<'_> {
    fn drop(&mut self) {
        self.0.busy.store(false, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_told_to_leave(taken: &Taken) -> bool {
        let left = std::pin::pin!(taken.left());
        left.poll(&mut std::task::Context::from_waker(std::task::Waker::noop())).is_ready()
    }

    #[test]
    fn who_never_asked_makes_room_first_then_who_has_been_there_longest() {
        let places = Arc::new(Places::new(3));
        let [first, silent, last] = [(); 3].map(|()| places.take().unwrap());
        drop(first.answering());
        drop(last.answering());
        let new = places.take().unwrap();
        assert!(is_told_to_leave(&silent) && !is_told_to_leave(&first) && !is_told_to_leave(&last));
        drop(new.answering());
        let _newer = places.take().unwrap();
        assert!(is_told_to_leave(&first) && !is_told_to_leave(&last) && !is_told_to_leave(&new));
    }

    #[test]
    fn who_is_being_answered_keeps_the_place() {
        let places = Arc::new(Places::new(2));
        let [one, other] = [(); 2].map(|()| places.take().unwrap());
        let answering = (one.answering(), other.answering());
        assert!(places.take().is_none());
        drop(answering);
        assert!(places.take().is_some());
    }

    #[test]
    fn a_place_that_is_left_is_free() {
        let places = Arc::new(Places::new(1));
        drop(places.take().unwrap());
        let next = places.take().unwrap();
        assert!(!is_told_to_leave(&next));
        // Told to leave and gone: the one who came instead keeps the place.
        let instead = places.take().unwrap();
        assert!(is_told_to_leave(&next));
        drop(next);
        assert_eq!(places.taken.lock().unwrap().len(), 1);
        assert!(!is_told_to_leave(&instead));
    }
}
