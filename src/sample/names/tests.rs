//! Names whose answers a test gives.

use std::net::Ipv4Addr;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use proptest::prelude::*;

use super::*;

const START: Moment = Moment::from_secs(10_000);
const MINUTE: Duration = Duration::from_secs(60);

fn ip(last: u32) -> IpAddr {
    Ipv4Addr::from_bits(0x0a00_0000 + last).into()
}

fn one() -> Names {
    let mut names = Names::default();
    names.follow(vec!["broker".into()]);
    names
}

fn answer(names: &mut Names, found: &[IpAddr], now: Moment) -> bool {
    names.hear(Answer { name: "broker".into(), found: Ok(found.to_vec()) }, now)
}

fn fail(names: &mut Names, now: Moment) {
    assert!(!names.hear(Answer { name: "broker".into(), found: Err("no such host".into()) }, now));
}

fn addresses(names: &Names) -> Option<Vec<IpAddr>> {
    let mut found = vec![ip(99)];
    names.addresses("broker", &mut found).then_some(found)
}

#[test]
fn before_the_first_answer_nothing_is_known_and_then_all_of_it_is() {
    let mut names = one();
    assert_eq!(addresses(&names), None);
    let six: IpAddr = "2001:db8::1".parse().unwrap();
    assert!(answer(&mut names, &[six, ip(2), ip(1), ip(2)], START), "the first answer");
    assert_eq!(addresses(&names), Some(vec![ip(1), ip(2), six]));
    let version = names.version();
    assert!(!answer(&mut names, &[ip(1), six, ip(2)], START + MINUTE));
    assert_eq!(names.version(), version, "the same in another order");
    assert_eq!(names.views().next().unwrap().addresses, Some(3));
    let mut found = Vec::new();
    assert!(!names.addresses("nobody", &mut found));
}

#[test]
fn an_address_that_dns_names_no_more_counts_for_an_hour() {
    let mut names = one();
    answer(&mut names, &[ip(1)], START);
    let mut now = START;
    for _ in 0..59 {
        now = now + MINUTE;
        answer(&mut names, &[ip(2)], now);
        assert_eq!(addresses(&names), Some(vec![ip(1), ip(2)]));
    }
    answer(&mut names, &[ip(2)], now + MINUTE);
    assert_eq!(addresses(&names), Some(vec![ip(2)]));
}

#[test]
fn an_address_that_a_socket_has_stays_as_long_as_the_socket() {
    let mut names = one();
    answer(&mut names, &[ip(1)], START);
    let mut now = START;
    for _ in 0..300 {
        now = now + MINUTE;
        answer(&mut names, &[ip(2)], now);
        names.touch("broker", ip(1), now);
        names.touch("broker", ip(77), now);
    }
    assert_eq!(addresses(&names), Some(vec![ip(1), ip(2)]));
    answer(&mut names, &[ip(2)], now + 61 * MINUTE);
    assert_eq!(addresses(&names), Some(vec![ip(2)]));
}

/// An outage of DNS says nothing about the broker.
#[test]
fn failures_take_no_address_away() {
    let mut names = one();
    answer(&mut names, &[ip(1), ip(2)], START);
    for minute in 1..10_000 {
        fail(&mut names, START + minute * MINUTE);
    }
    assert_eq!(addresses(&names), Some(vec![ip(1), ip(2)]));
    assert_eq!(names.views().next().unwrap().trouble.as_deref(), Some("no such host"));
}

#[test]
fn trouble_is_told_once_and_so_is_its_end() {
    let mut names = one();
    let told =
        |names: &mut Names, now| names.notes(now).into_iter().map(|note| (note.bad, note.text)).collect::<Vec<_>>();
    assert_eq!(told(&mut names, START), [], "nobody was asked yet");
    fail(&mut names, START);
    let [(true, text)] = &told(&mut names, START)[..] else { panic!("one warning") };
    assert!(text.contains("broker") && text.contains("(no such host)") && text.contains("unknown"), "{text}");
    fail(&mut names, START + MINUTE);
    assert_eq!(told(&mut names, START + MINUTE), []);
    answer(&mut names, &[ip(1)], START + 2 * MINUTE);
    assert_eq!(told(&mut names, START + 2 * MINUTE).len(), 1);
    // Once known, a short failure is no news.
    fail(&mut names, START + 3 * MINUTE);
    fail(&mut names, START + 12 * MINUTE);
    assert_eq!(told(&mut names, START + 12 * MINUTE), []);
    fail(&mut names, START + 13 * MINUTE);
    let [(true, text)] = &told(&mut names, START + 13 * MINUTE)[..] else { panic!("one warning") };
    assert!(text.contains("any more") && text.contains("(1)"), "{text}");
    fail(&mut names, START + 14 * MINUTE);
    assert_eq!(told(&mut names, START + 14 * MINUTE), []);
    answer(&mut names, &[ip(1)], START + 15 * MINUTE);
    assert_eq!(
        told(&mut names, START + 15 * MINUTE),
        [(false, "the host name broker of [peers] has 1 address again".into())]
    );
}

#[test]
fn ten_thousand_addresses_are_bounded_and_the_latest_stay() {
    let mut names = one();
    let all: Vec<IpAddr> = (0..10_000).map(ip).collect();
    answer(&mut names, &all, START);
    assert_eq!(addresses(&names).unwrap().len(), MOST);
    let others: Vec<IpAddr> = (20_000..20_010).map(ip).collect();
    answer(&mut names, &others, START + MINUTE);
    let kept = addresses(&names).unwrap();
    assert!(kept.len() == MOST && others.iter().all(|one| kept.contains(one)));
}

#[test]
fn a_reload_keeps_what_is_known_of_the_names_that_stay() {
    let mut names = one();
    answer(&mut names, &[ip(1)], START);
    names.follow(vec!["other".into(), "broker".into()]);
    assert_eq!(addresses(&names), Some(vec![ip(1)]));
    names.follow(vec!["other".into()]);
    assert_eq!(addresses(&names), None);
    assert!(!answer(&mut names, &[ip(1)], START), "an answer that comes too late is nobody's");
    names.follow(vec!["broker".into()]);
    assert_eq!(addresses(&names), None);
}

proptest! {
    /// Whatever is answered when: what DNS named last counts, in order and within bounds.
    #[test]
    fn the_last_answer_always_counts(answers in proptest::collection::vec(
        (0_u64..5_000, proptest::option::of(proptest::collection::vec(0_u32..40, 1..6))), 1..40,
    )) {
        let (mut names, mut now, mut last) = (one(), START, None);
        for (seconds, found) in answers {
            now = now + Duration::from_secs(seconds);
            match found {
                Some(found) => {
                    let found: Vec<IpAddr> = found.into_iter().map(ip).collect();
                    answer(&mut names, &found, now);
                    last = Some(found);
                }
                None => fail(&mut names, now),
            }
            let known = addresses(&names);
            prop_assert_eq!(known.is_some(), last.is_some());
            if let (Some(known), Some(last)) = (known, &last) {
                prop_assert!(last.iter().all(|one| known.contains(one)));
                prop_assert!(known.is_sorted() && known.len() <= 40);
            }
        }
    }
}

/// A resolver for the test, which says what it was asked.
fn asked(answer: impl Fn(&str) -> Result<Vec<IpAddr>, String> + Send + Sync + 'static) -> (Lookup, Receiver<String>) {
    let (tell, told) = channel();
    let tell = Mutex::new(tell);
    let lookup = move |name: &str| {
        tell.lock().unwrap().send(name.to_owned()).unwrap();
        answer(name)
    };
    (Arc::new(lookup), told)
}

/// Long enough for any machine.
const PLENTY: Duration = Duration::from_secs(30);

#[test]
fn each_name_is_asked_for_once_and_the_loop_is_woken() {
    let (lookup, told) = asked(|name| if name == "bad" { Err("no".into()) } else { Ok(vec![ip(1)]) });
    let (wake, woken) = channel();
    let wake: Sender<()> = wake;
    let mut names = Names::default();
    names.follow(vec!["broker".into(), "bad".into()]);
    names.resolve_by(lookup, Arc::new(move || wake.send(()).unwrap_or(())));
    names.wait(PLENTY);
    assert_eq!(addresses(&names), Some(vec![ip(1)]));
    let mut both = [told.recv_timeout(PLENTY).unwrap(), told.recv_timeout(PLENTY).unwrap()];
    both.sort();
    assert_eq!(both, ["bad", "broker"]);
    woken.recv_timeout(PLENTY).unwrap();
    woken.recv_timeout(PLENTY).unwrap();
    // The one that failed is soon tried again, the other one is not.
    assert_eq!(told.recv_timeout(PLENTY).unwrap(), "bad");
}

#[test]
fn a_question_that_hangs_delays_nobody_and_is_not_asked_again() {
    let (hold, held) = channel::<()>();
    let held = Mutex::new(held);
    let (lookup, told) = asked(move |name| {
        if name == "hangs" {
            let _ = held.lock().unwrap().recv();
        }
        Ok(vec![ip(7)])
    });
    let mut names = Names::default();
    names.follow(vec!["hangs".into()]);
    names.resolve_by(lookup, Arc::new(|| {}));
    assert_eq!(told.recv_timeout(PLENTY).unwrap(), "hangs");
    names.follow(vec!["hangs".into(), "broker".into()]);
    assert_eq!(told.recv_timeout(PLENTY).unwrap(), "broker");
    while addresses(&names).is_none() {
        names.take_in(START);
        thread::yield_now();
    }
    let hanging = |names: &Names| names.views().find(|view| &*view.name == "hangs").unwrap();
    assert_eq!(hanging(&names).addresses, None);
    // Its answer counts when it comes after all.
    drop(hold);
    names.wait(PLENTY);
    assert_eq!(hanging(&names).addresses, Some(1));
    assert!(told.try_recv().is_err(), "nobody was asked twice");
}

#[test]
fn an_answer_without_an_address_is_none() {
    let mut names = one();
    names.resolve_by(Arc::new(|_| Ok(Vec::new())), Arc::new(|| {}));
    names.wait(PLENTY);
    assert_eq!(addresses(&names), None);
    assert_eq!(names.views().next().unwrap().trouble.as_deref(), Some("it has no address"));
}

#[test]
fn waiting_ends_when_the_time_is_over() {
    let (hold, held) = channel::<()>();
    let held = Mutex::new(held);
    let mut names = one();
    let hangs: Lookup = Arc::new(move |_| {
        let _ = held.lock().unwrap().recv();
        Err("released".into())
    });
    names.resolve_by(hangs, Arc::new(|| {}));
    names.wait(Duration::from_millis(20));
    assert_eq!((addresses(&names), names.views().next().unwrap().trouble), (None, None));
    drop(hold);
}

#[test]
fn the_c_library_knows_this_host() {
    let found = crate::kernel::resolve("localhost").unwrap();
    assert!(found.iter().all(IpAddr::is_loopback) && !found.is_empty(), "{found:?}");
    assert!(crate::kernel::resolve("no-such-host.invalid").is_err());
}
