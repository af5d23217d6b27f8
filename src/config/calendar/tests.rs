//! Sessions on the days that matter: when the clocks change, over lunch, over midnight, around the clock.

use jiff::civil::Weekday::{Friday, Monday, Saturday, Sunday, Thursday, Tuesday, Wednesday};
use proptest::prelude::*;

use super::*;

const WEEK: [Weekday; 5] = [Monday, Tuesday, Wednesday, Thursday, Friday];
const EVERY: [Weekday; 7] = [Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, Sunday];

fn calendar(zone: &str, days: &[Weekday], sessions: &[(&str, u16, u16)]) -> Calendar {
    let session =
        |(name, from, to): &(&str, u16, u16)| Session { name: Arc::from(*name), span: Span { from: *from, to: *to } };
    Calendar {
        name: "market".into(),
        zone: jiff::tz::TimeZoneDatabase::bundled().get(zone).unwrap(),
        days: days.to_vec(),
        sessions: sessions.iter().map(session).collect(),
        holidays: BTreeSet::new(),
        half_days: BTreeMap::new(),
        valid_until: None,
    }
}

fn nyse() -> Calendar {
    calendar("America/New_York", &WEEK, &[("pre", 4 * 60, 9 * 60 + 30), ("open", 9 * 60 + 30, 16 * 60)])
}

fn shanghai() -> Calendar {
    calendar("Asia/Shanghai", &WEEK, &[("morning", 570, 690), ("afternoon", 780, 900)])
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// The changes from `from` on, in UTC.
fn changes(calendar: &Calendar, session: Option<usize>, (from, count): (&str, usize)) -> Vec<String> {
    let next = |at: &Timestamp| calendar.changes(session, *at);
    let all = std::iter::successors(next(&at(from)), next).take(count);
    all.map(|at| at.strftime("%m-%d %H:%M").to_string()).collect()
}

#[test]
fn new_york_opens_an_hour_earlier_by_utc_once_its_clocks_went_forward() {
    // Friday before and Monday after 2026-03-08.
    let open = changes(&nyse(), Some(1), ("2026-03-06T12:00:00Z", 4));
    assert_eq!(open, ["03-06 14:30", "03-06 21:00", "03-09 13:30", "03-09 20:00"]);
    // ... and 2026-11-01.
    let open = changes(&nyse(), Some(1), ("2026-10-30T12:00:00Z", 4));
    assert_eq!(open, ["10-30 13:30", "10-30 20:00", "11-02 14:30", "11-02 21:00"]);
    assert!(!nyse().is_held(Some(1), at("2026-03-09T13:29:59Z")));
    assert!(nyse().is_held(Some(1), at("2026-03-09T13:30:00Z")));
    assert!(!nyse().is_held(Some(1), at("2026-03-09T20:00:00Z")));
}

#[test]
fn hong_kong_and_shanghai_change_no_clocks_and_have_lunch() {
    let hong_kong = calendar("Asia/Hong_Kong", &WEEK, &[("morning", 570, 720), ("afternoon", 780, 960)]);
    for day in ["2026-03-09", "2026-11-02", "2026-06-15"] {
        let all = changes(&hong_kong, None, (&format!("{day}T00:00:00Z"), 4));
        let day = &day[5..];
        assert_eq!(
            all,
            [format!("{day} 01:30"), format!("{day} 04:00"), format!("{day} 05:00"), format!("{day} 08:00")]
        );
    }
    let all = changes(&shanghai(), None, ("2026-11-20T00:00:00Z", 5));
    assert_eq!(all, ["11-20 01:30", "11-20 03:30", "11-20 05:00", "11-20 07:00", "11-23 01:30"]);
    assert!(!shanghai().is_held(None, at("2026-11-20T04:00:00Z")), "lunch");
}

#[test]
fn sessions_that_meet_are_one_stretch_of_the_calendar() {
    let all = changes(&nyse(), None, ("2026-11-20T00:00:00Z", 2));
    assert_eq!(all, ["11-20 09:00", "11-20 21:00"]);
}

#[test]
fn a_market_that_never_closes_never_changes() {
    for zone in ["UTC", "America/New_York", "Australia/Lord_Howe"] {
        let market = calendar(zone, &EVERY, &[("all", 0, DAY)]);
        for hour in ["2026-03-08T07:00:00Z", "2026-11-01T05:59:59Z", "2026-11-01T06:30:00Z", "2026-07-01T00:00:00Z"] {
            assert!(market.is_held(None, at(hour)), "{zone} {hour}");
            assert_eq!(market.changes(None, at(hour)), None, "{zone} {hour}");
        }
    }
}

#[test]
fn a_session_over_midnight_belongs_to_the_day_on_which_it_begins() {
    // Futures: from Sunday 18:00 to Friday 17:00 with an hour's pause each day.
    let days = [Sunday, Monday, Tuesday, Wednesday, Thursday];
    let futures = calendar("America/Chicago", &days, &[("day", 17 * 60, 16 * 60 + DAY)]);
    let all = changes(&futures, None, ("2026-03-06T12:00:00Z", 5));
    // It closes on Friday at 16:00 -6 and opens on Sunday at 17:00 -5: the clocks went forward that morning.
    assert_eq!(all, ["03-06 22:00", "03-08 22:00", "03-09 21:00", "03-09 22:00", "03-10 21:00"]);
    assert!(!futures.is_held(None, at("2026-03-07T18:00:00Z")), "Saturday");
    let mut holiday = futures;
    holiday.holidays.insert("2026-03-09".parse().unwrap());
    assert!(holiday.is_held(None, at("2026-03-09T12:00:00Z")), "it began on Sunday");
    assert!(!holiday.is_held(None, at("2026-03-10T12:00:00Z")), "it would have begun on Monday");
}

#[test]
fn the_session_that_comes_next() {
    let next = |calendar: &Calendar, now: &str| {
        calendar.next(at(now)).map(|(session, begins)| (session.name.to_string(), calendar.shown(begins)))
    };
    let of = |name: &str, begins: &str| Some((name.to_owned(), begins.to_owned()));
    let shanghai = shanghai();
    assert_eq!(next(&shanghai, "2026-11-20T01:00:00Z"), of("morning", "Fri 2026-11-20 09:30"));
    assert_eq!(next(&shanghai, "2026-11-20T02:00:00Z"), of("afternoon", "Fri 2026-11-20 13:00"));
    assert_eq!(next(&shanghai, "2026-11-20T04:00:00Z"), of("afternoon", "Fri 2026-11-20 13:00"), "lunch");
    assert_eq!(next(&shanghai, "2026-11-20T06:00:00Z"), of("morning", "Mon 2026-11-23 09:30"));
    let market = calendar("UTC", &EVERY, &[("all", 0, DAY)]);
    assert_eq!(next(&market, "2026-11-20T06:00:00Z"), None, "it has begun, and does not end");
}

#[test]
fn hours_that_are_skipped_or_come_twice() {
    // 2026-03-08 02:00 to 03:00 is not on the wall of New York; 2026-11-01 01:00 to 02:00 is twice.
    let night = calendar("America/New_York", &EVERY, &[("a", 90, 150), ("b", 150, 195)]);
    assert_eq!(changes(&night, Some(0), ("2026-03-08T05:00:00Z", 2)), ["03-08 06:30", "03-08 07:00"]);
    assert_eq!(changes(&night, Some(1), ("2026-03-08T05:00:00Z", 2)), ["03-08 07:00", "03-08 07:15"]);
    assert_eq!(changes(&night, Some(0), ("2026-11-01T05:00:00Z", 2)), ["11-01 05:30", "11-01 07:30"]);
    assert_eq!(changes(&night, None, ("2026-11-01T05:00:00Z", 2)), ["11-01 05:30", "11-01 08:15"]);
}

#[test]
fn holidays_and_half_days() {
    let mut nyse = nyse();
    nyse.holidays.insert("2026-11-26".parse().unwrap());
    nyse.half_days.insert("2026-11-27".parse().unwrap(), vec![(1, Span { from: 570, to: 780 })]);
    let open = changes(&nyse, Some(1), ("2026-11-25T22:00:00Z", 3));
    assert_eq!(open, ["11-27 14:30", "11-27 18:00", "11-30 14:30"]);
    assert!(!nyse.is_held(Some(0), at("2026-11-27T12:00:00Z")), "what is not named is not held on that day");
}

#[test]
fn it_is_out_of_date_when_its_last_day_is_over_in_its_own_zone() {
    let nyse = Calendar { valid_until: Some("2026-12-31".parse().unwrap()), ..nyse() };
    assert_eq!(nyse.doubt(at("2027-01-01T04:59:59Z")), None);
    assert_eq!(nyse.doubt(at("2027-01-01T05:00:00Z")), Some(Doubt::OutOfDate));
    assert_eq!(nyse.doubt(at("1970-01-01T00:10:00Z")), Some(Doubt::NoClock));
    assert_eq!(nyse.doubt(Timestamp::MAX), Some(Doubt::NoClock));
    assert!(!nyse.is_held(None, Timestamp::MAX) && nyse.changes(None, Timestamp::MIN).is_none());
}

#[test]
fn shown_as_it_is_written() {
    assert_eq!(Span { from: 570, to: 960 }.to_string(), "09:30-16:00");
    assert_eq!(Span { from: 1080, to: 1020 + DAY }.to_string(), "18:00-17:00");
    assert_eq!(Span { from: 0, to: DAY }.to_string(), "00:00-24:00");
    assert_eq!(nyse().shown(at("2026-11-30T14:30:00Z")), "Mon 2026-11-30 09:30");
}

fn any_calendar() -> impl Strategy<Value = Calendar> {
    let zone = prop::sample::select(&[
        "America/New_York",
        "Asia/Hong_Kong",
        "Asia/Shanghai",
        "Europe/London",
        "Australia/Lord_Howe",
        "Africa/Casablanca",
        "UTC",
    ]);
    let days = prop::collection::btree_set(0_usize..7, 1..=7);
    // Three instants of a day in order: two sessions that meet or do not, perhaps over midnight.
    let marks = prop::collection::btree_set(0_u16..DAY, 4);
    (zone, days, marks, any::<bool>()).prop_map(|(zone, days, marks, meet)| {
        let marks: Vec<u16> = marks.into_iter().collect();
        let second = if meet { marks[1] } else { marks[2] };
        let days: Vec<Weekday> = days.into_iter().map(|day| EVERY[day]).collect();
        calendar(zone, &days, &[("a", marks[0], marks[1]), ("b", second, marks[3].max(second + 1))])
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Nothing changes before the change that is foretold, and at it something does; two sessions are never
    /// held at once; and asking twice gives the same.
    #[test]
    fn what_is_foretold_is_what_comes(calendar in any_calendar(), second in 1_700_000_000_i64..1_900_000_000) {
        let now = Timestamp::from_second(second).unwrap();
        for session in [None, Some(0), Some(1)] {
            let held = calendar.is_held(session, now);
            prop_assert_eq!(held, calendar.clone().is_held(session, now));
            let Some(next) = calendar.changes(session, now) else { continue };
            prop_assert!(next > now);
            prop_assert_ne!(calendar.is_held(session, next), held);
            let span = next.as_second() - now.as_second();
            for part in 0..20 {
                let between = Timestamp::from_second(now.as_second() + span * part / 20).unwrap();
                prop_assert_eq!(calendar.is_held(session, between), held, "{}", between);
            }
        }
        prop_assert!(!(calendar.is_held(Some(0), now) && calendar.is_held(Some(1), now)));
        let either = calendar.is_held(Some(0), now) || calendar.is_held(Some(1), now);
        prop_assert_eq!(calendar.is_held(None, now), either);
    }
}
