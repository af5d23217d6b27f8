//! What is stretched when, and that it keeps the ceiling.

use proptest::prelude::*;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn ms(count: f64) -> Duration {
    Duration::from_secs_f64(count / 1e3)
}

/// A daemon at work: what each part costs, and what it has used.
struct Work {
    ceiling: Ceiling,
    now: Moment,
    used: Duration,
    last: [Moment; 2],
}

impl Work {
    fn new(max_cpu: Option<f64>) -> Self {
        let daemon = Daemon { max_cpu, ..Daemon::default() };
        let now = Moment::from_secs(1000);
        Self { ceiling: Ceiling::new(&daemon), now, used: Duration::ZERO, last: [now; 2] }
    }

    /// For `seconds`, where a pass costs so many milliseconds, a list of CLOSE_WAIT, and one of the rest.
    fn go(&mut self, seconds: u64, [pass, close_wait, states]: [f64; 3]) -> &mut Self {
        let until = self.now + SECOND * u32::try_from(seconds).unwrap();
        while self.now < until {
            let periods = self.ceiling.periods();
            self.spend(Part::Pass, pass);
            let [with_states, alone] = [(0, periods.states), (1, periods.close_wait)]
                .map(|(last, period)| self.now.since(self.last[last]) >= period);
            // One list of all states has those in CLOSE_WAIT, too.
            if with_states {
                self.last = [self.now; 2];
                self.spend(Part::States, states + close_wait);
            } else if alone {
                self.last[1] = self.now;
                self.spend(Part::CloseWait, close_wait);
            }
            self.ceiling.plan(self.now, self.used);
            self.now = self.now + periods.pass;
        }
        self
    }

    fn spend(&mut self, part: Part, cost: f64) {
        if cost > 0.0 {
            self.used += ms(cost);
            self.ceiling.note(part, ms(cost));
        }
    }

    fn periods(&self) -> [u64; 4] {
        let Periods { states, namespaces, close_wait, pass, .. } = self.ceiling.periods();
        [states, namespaces, close_wait, pass].map(|period| period.as_secs())
    }

    /// The share of a processor used in the next 10 minutes.
    fn share(&mut self, costs: [f64; 3]) -> f64 {
        let (before, begun) = (self.used, self.now);
        self.go(600, costs);
        (self.used - before).as_secs_f64() / self.now.since(begun).as_secs_f64()
    }
}

#[test]
fn nothing_is_stretched_that_stays_below_the_ceiling() {
    assert_eq!(Work::new(Some(0.02)).go(120, [3.0, 12.0, 10.0]).periods(), [10, 10, 1, 1]);
    assert_eq!(Work::new(None).go(120, [300.0, 120.0, 100.0]).periods(), [10, 10, 1, 1]);
}

#[test]
fn what_is_missed_least_is_stretched_first() {
    assert_eq!(Work::new(Some(0.02)).go(120, [3.0, 12.0, 55.0]).periods(), [30, 10, 1, 1]);
    // 200,000 sockets: one list takes 17 ms, all of them far more.
    assert_eq!(Work::new(Some(0.02)).go(120, [3.0, 17.0, 100.0]).periods(), [60, 10, 2, 1]);
    assert_eq!(Work::new(Some(0.02)).go(120, [30.0, 17.0, 100.0]).periods(), [60, 10, 6, 3]);
    assert_eq!(Work::new(Some(0.02)).go(120, [30.0, 0.0, 0.0]).periods(), [10, 10, 2, 2]);
}

#[test]
fn it_is_undone_when_that_clearly_fits_again_and_not_before() {
    let mut work = Work::new(Some(0.02));
    work.go(120, [3.0, 18.0, 0.0]);
    assert_eq!(work.periods(), [10, 10, 2, 1]);
    work.go(120, [3.0, 16.0, 0.0]);
    assert_eq!(work.periods(), [10, 10, 2, 1], "19 of 20 ms are no reason to try");
    work.go(120, [3.0, 8.0, 0.0]);
    assert_eq!(work.periods(), [10, 10, 1, 1]);
}

#[test]
fn the_pass_that_opens_everything_is_not_what_a_pass_costs() {
    let mut work = Work::new(Some(0.02));
    work.go(1, [1500.0, 300.0, 0.0]).go(60, [3.0, 5.0, 0.0]);
    assert_eq!(work.periods(), [10, 10, 1, 1]);
}

#[test]
fn whoever_makes_the_rest_of_the_daemon_busy_does_not_blind_it() {
    let mut work = Work::new(Some(0.02));
    for _ in 0..120 {
        work.used += ms(500.0);
        work.go(1, [3.0, 4.0, 0.0]);
    }
    assert_eq!(work.periods(), [10, 10, 1, 1]);
}

#[test]
fn near_a_bound_three_times_the_ceiling_may_be_used() {
    let mut work = Work::new(Some(0.02));
    work.go(120, [3.0, 12.0, 0.0]);
    // 6 % less the 1.5 % that it uses anyway leave 45 ms a second: a list of 12 ms may be made every 0.27 s.
    assert_eq!(work.ceiling.periods().near, ms(100.0));
    assert!((work.ceiling.periods().near_sockets.as_secs_f64() - 0.267).abs() < 0.01);
    work.spend(Part::Near, 0.5);
    work.go(20, [3.0, 0.5, 0.0]);
    assert_eq!(work.ceiling.periods().near, ms(100.0));
}

#[test]
fn it_is_said_what_is_stretched() {
    let mut work = Work::new(Some(0.02));
    let calm = work.ceiling.periods();
    assert!(calm.slower_than(&calm).is_empty());
    work.go(120, [3.0, 17.0, 100.0]);
    let said: Vec<_> = work.ceiling.periods().slower_than(&calm).into_iter().map(|(what, _)| what).collect();
    assert_eq!(said, ["the other states of sockets", "CLOSE_WAIT"]);
}

/// However many there are, what is only shown costs a pass the same; but nobody's grows older than a minute.
#[test]
fn what_is_shown_of_each_process_is_read_of_two_in_a_pass() {
    let each = |members| Periods::unhurried(&Daemon::default()).over(members).each.as_secs();
    assert_eq!([0, 1, 60, 80, 100, 120, 121, 10_000].map(each), [30, 30, 30, 40, 50, 60, 60, 60]);
    let hour = Duration::from_secs(3_600);
    let slow = Periods { pass: hour, each: hour, ..Periods::TEST };
    assert_eq!(slow.over(10_000).each, slow.pass);
}

proptest! {
    #[test]
    fn the_ceiling_is_kept_as_long_as_anything_can_be_stretched(
        pass in 0.1..300.0_f64, close_wait in 0.0..60.0_f64, states in 0.0..300.0_f64, max_cpu in 0.01..0.1_f64,
    ) {
        let costs = [pass, close_wait, states];
        let mut work = Work::new(Some(max_cpu));
        work.go(300, costs);
        let share = work.share(costs);
        prop_assert!(share <= max_cpu * 1.05 || work.periods()[3] == u64::from(MOST), "{share} of {max_cpu}");
    }
}
