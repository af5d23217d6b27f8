use proptest::prelude::*;

use super::*;

const SECOND: Duration = Duration::from_secs(1);
const START: Moment = Moment::from_secs(100);

const fn counts(pages_in: u64, pages_out: u64) -> [u64; 2] {
    [pages_in, pages_out]
}

fn span() -> Span {
    Span::of(SECOND, SECOND)
}

#[test]
fn a_rate_takes_two_counts_and_the_first_one_is_not_0() {
    let mut counted = Counted::NOTHING;
    assert_eq!(counted.rates(span(), START, counts(500, 70)), Err(Fault::FIRST));
    counted.keep(span(), START, counts(500, 70));
    assert_eq!(counted.rates(span(), START + SECOND, counts(700, 70)), Ok([200.0, 0.0]));
    assert_eq!(counted.rates(span(), START + 2 * SECOND, counts(700, 90)), Ok([100.0, 10.0]));
}

#[test]
fn a_count_that_fell_is_no_rate_and_the_next_one_is() {
    let mut counted = Counted::NOTHING;
    counted.keep(span(), START, counts(500, 70));
    for fallen in [counts(499, 80), counts(600, 69), counts(0, 0)] {
        assert_eq!(counted.rates(span(), START + SECOND, fallen), Err(Fault::IMPOSSIBLE));
    }
    counted.keep(span(), START + SECOND, counts(0, 0));
    assert_eq!(counted.rates(span(), START + 2 * SECOND, counts(10, 0)), Ok([10.0, 0.0]));
}

/// The proof before a measure comes in the same tick as the pass, or just after.
#[test]
fn a_reading_right_after_a_pass_starts_from_the_pass_before() {
    let mut counted = Counted::NOTHING;
    counted.keep(span(), START, counts(0, 0));
    assert_eq!(counted.rates(span(), START, counts(1, 1)), Err(Fault::FIRST), "there is no span");
    counted.keep(span(), START + SECOND, counts(1000, 0));
    let now = START + SECOND;
    assert_eq!(counted.rates(span(), now, counts(1002, 0)), Ok([1002.0, 0.0]));
    let now = now + Duration::from_millis(250);
    assert_eq!(counted.rates(span(), now, counts(1002, 0)), Ok([1002.0 / 1.25, 0.0]));
    let now = START + SECOND + Duration::from_millis(500);
    assert_eq!(counted.rates(span(), now, counts(1002, 0)), Ok([4.0, 0.0]), "half an interval says enough");
}

#[test]
fn passes_in_quick_succession_do_not_shorten_the_span() {
    let mut counted = Counted::NOTHING;
    counted.keep(span(), START, counts(0, 0));
    for milli in 1..=10 {
        counted.keep(span(), START + Duration::from_millis(milli), counts(5000, 0));
    }
    assert_eq!(counted.rates(span(), START + SECOND, counts(5000, 0)), Ok([5000.0, 0.0]));
}

#[test]
fn a_gap_makes_a_new_beginning() {
    let mut counted = Counted::NOTHING;
    counted.keep(span(), START, counts(0, 0));
    assert_eq!(counted.rates(span(), START + 3 * SECOND, counts(300, 0)), Ok([100.0, 0.0]));
    assert_eq!(counted.rates(span(), START + 4 * SECOND, counts(300, 0)), Err(Fault::FIRST));
    let (mut quick, often) = (Counted::NOTHING, Span::of(Duration::from_millis(100), Duration::from_millis(100)));
    quick.keep(often, START, counts(0, 0));
    assert_eq!(
        quick.rates(often, START + 2 * SECOND, counts(300, 0)),
        Ok([150.0, 0.0]),
        "a gap is two seconds at least"
    );
    assert_eq!(quick.rates(often, START + 3 * SECOND, counts(300, 0)), Err(Fault::FIRST));
}

proptest! {
    /// Passes at any times, with counts that only grow: a rate is never negative nor infinite, and
    /// there is one as long as passes come about as often as they should.
    #[test]
    fn rates_are_finite(steps in proptest::collection::vec((0_u64..4000, 0_u64..1 << 40), 1..40)) {
        let mut counted = Counted::NOTHING;
        let (mut now, mut pages) = (START, 0);
        for (millis, more) in steps {
            now = now + Duration::from_millis(millis);
            pages += more;
            match counted.rates(span(), now, counts(pages, pages)) {
                Ok([a, b]) => prop_assert!(a.is_finite() && a >= 0.0 && (a - b).abs() < 1e-9),
                Err(fault) => prop_assert_eq!(fault, Fault::FIRST),
            }
            counted.keep(span(), now, counts(pages, pages));
        }
    }
}
