use proptest::prelude::*;

use super::*;
use crate::model::Unknown;

const START: Moment = Moment::from_secs(1000);
const SECOND: Duration = Duration::from_secs(1);
const EVERY: Duration = Duration::from_secs(10);
const DENIED: Fault = Fault::new(Unknown::Denied, "denied");

/// Passes once a second; at which of them, counted in seconds, it was read.
fn read_at(place: usize, passes: u32, read: impl Fn(u32) -> Result<u32, Fault>) -> Vec<u32> {
    let (mut thing, mut times) = (Seldom::UNREAD, Vec::new());
    for pass in 0..passes {
        let turn = Turn::once_in(EVERY, START + pass * SECOND, place);
        let _ = thing.refresh(turn, || {
            times.push(pass);
            read(pass)
        });
    }
    times
}

#[test]
fn it_is_read_at_once_and_then_once_a_period() {
    assert_eq!(read_at(0, 35, Ok), [0, 10, 20, 30]);
}

#[test]
fn what_is_read_in_between_does_not_move_its_place() {
    let (mut thing, mut times) = (Seldom::UNREAD, Vec::new());
    for pass in 0..35_u32 {
        let turn = Turn::once_in(EVERY, START + pass * SECOND, 0);
        let turn = if pass % 4 == 3 { turn.and_now() } else { turn };
        let _ = thing.refresh(turn, || {
            times.push(pass);
            Ok(())
        });
    }
    times.retain(|pass| pass % 4 != 3);
    assert_eq!(times, [0, 10, 20, 30]);
}

#[test]
fn no_pass_reads_many_at_once() {
    let mut passes = [0_u32; 40];
    for place in 0..1000 {
        for pass in read_at(place, 40, Ok) {
            passes[pass as usize] += 1;
        }
    }
    assert_eq!(passes[0], 1000, "newcomers are read at once");
    for (pass, reads) in passes.into_iter().enumerate().skip(1) {
        assert!((95..=105).contains(&reads), "{reads} at {pass}");
    }
}

#[test]
fn what_is_refused_counts_as_refused_and_is_tried_seldom() {
    for fault in [DENIED, Fault::MISSING] {
        let (mut thing, mut tries) = (Seldom::<u32>::UNREAD, 0);
        for pass in 0..31 {
            let now = START + pass * SECOND;
            let value = thing.refresh(Turn::always(now), || {
                tries += 1;
                Err(fault)
            });
            let fault = value.unwrap_err();
            assert_eq!(thing.slow(EVERY, |_| Ok(0.0)).at, now, "it is not overdue");
            assert_eq!(fault.is_error(), pass == 0 || pass == 30, "only what was tried is counted");
        }
        assert_eq!(tries, 2);
    }
}

#[test]
fn whatever_else_fails_is_tried_in_the_next_pass() {
    let fail = |pass| if pass % 2 == 0 { Err(Fault::IMPOSSIBLE) } else { Ok(pass) };
    assert_eq!(read_at(0, 13, fail), [0, 1, 11]);
}

#[test]
fn what_is_asked_for_always_is_read_always() {
    let mut thing = Seldom::UNREAD;
    for pass in 0..5 {
        assert_eq!(thing.refresh(Turn::always(START), || Ok(pass)), Ok(pass));
    }
    // A reading at other times may still be young enough.
    let seldom = Turn::once_in(EVERY, START, 3);
    assert_eq!(thing.refresh(seldom, || Ok(9)), Ok(9), "a place is taken by the first who asks for one");
    assert_eq!(thing.refresh(seldom, || Ok(10)), Ok(9));
    assert_eq!(thing.refresh(seldom.and_now(), || Ok(11)), Ok(11));
}

proptest! {
    #[test]
    fn nothing_is_older_than_its_period_and_a_pass(place in any::<usize>(), gaps in prop::collection::vec(1_u64..3000, 1..60)) {
        let (mut thing, mut now) = (Seldom::UNREAD, START);
        let mut before = START;
        for gap in gaps {
            let at = thing.refresh(Turn::once_in(EVERY, now, place), || Ok(now)).unwrap();
            prop_assert!(now.since(at) < EVERY, "{:?}", now.since(at));
            prop_assert!(at >= before);
            before = at;
            now = now + Duration::from_millis(gap);
        }
    }
}
