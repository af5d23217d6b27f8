//! Members that are judged together.

use super::*;
use crate::config::Per;
use crate::config::Target;
use crate::discover::{Change, Found};
use crate::model::{GroupSample, Unit};

fn grouped(port: u16) -> Arc<Config> {
    let mut config = (*config(port)).clone();
    config.targets[0].per = Per::Group;
    Arc::new(config)
}

fn in_seat(slot: u32, sleeper: &Sleeper) -> Member {
    member(slot, Process::open(kernel::boot_id().unwrap(), sleeper.pid()).unwrap())
}

fn of_group(sample: &Sample, base: Base) -> Value {
    let [group] = &sample.groups[..] else { panic!("one group: {:?}", sample.groups) };
    group.readings[at(base)].value
}

fn kill(sleeper: &mut Sleeper, member: &Member) {
    sleeper.child.kill().unwrap();
    while !member.process.has_exited() {
        std::thread::yield_now();
    }
}

/// What these come to if nothing is shared.
fn expected(metric: &Metric, parts: [Value; 2]) -> Value {
    let numbers = parts.map(|part| part.number().unwrap());
    // Both are in the cgroup that the test is in.
    Value::Known(if metric.info().scope != Scope::Process {
        numbers[0]
    } else if metric.base == Base::MaxFds {
        numbers[0].min(numbers[1])
    } else if metric.info().unit == Unit::Ratio {
        numbers[0].max(numbers[1])
    } else {
        numbers[0] + numbers[1]
    })
}

/// What not every host tells of the cgroup that a test is in, or of itself.
fn may_be_missing(base: Base) -> bool {
    base == Base::HostMemoryPressure || base.info().scope == Scope::Cgroup
}

#[test]
fn a_group_comes_to_what_its_members_come_to() {
    let (first, second) = (Sleeper::new(), Sleeper::new());
    let members = [in_seat(0, &first), in_seat(1, &second)];
    let mut sampler = Sampler::new(grouped(first.port));
    // What is read seldom is due in the first and the last, a rate is one between the last two.
    for second in [90, 99] {
        sampler.sample(members.iter(), Moment::from_secs(second));
    }
    let now = Moment::from_secs(100);
    let sample = sampler.sample(members.iter(), now).clone();
    let [GroupSample { target: 0, readings }] = &sample.groups[..] else { panic!("{:?}", sample.groups) };
    for (index, metric) in every_metric().iter().enumerate() {
        let parts = [0, 1].map(|member: usize| sample.members[member].readings[index].value);
        if may_be_missing(metric.base) && parts[0].number().is_none() {
            continue;
        }
        let wanted = Reading { at: now, period: SECOND, value: expected(metric, parts) };
        // What is only shown is read seldom, of the group as of its members.
        let newest = sample.members.iter().map(|member| member.readings[index]).max_by_key(|reading| reading.at);
        let Reading { at, period, .. } = newest.unwrap();
        assert_eq!(readings[index], Reading { at, period, ..wanted }, "{metric} of {parts:?}");
        assert!(!metric.base.is_other_state() || (at, period) == (now, 10 * SECOND), "{metric}");
        if metric.info().unit == Unit::Count && metric.info().scope == Scope::Process {
            let fresh = sampler.fresh_group(&[&members[0], &members[1]], index, now);
            assert_eq!((fresh.at, fresh.value), (now, wanted.value), "{metric} anew");
        }
    }
    assert_eq!(of_group(&sample, Base::Sockets), Value::Known(4.0));
    let peer = |base| readings[at_peer(base)].value;
    assert_eq!((peer(Base::CloseWait), peer(Base::Sockets)), (Value::Known(1.0), Value::Known(2.0)));
}

/// Whether the first look gives it of each member, for itself.
fn adds_up(base: Base) -> bool {
    base.info().scope == Scope::Process && base != Base::MajorFaults
}

/// One member of two fails in whatever way: what is said to be known is the truth, and what is not is
/// a lower bound.
#[test]
fn a_failed_read_of_one_member_makes_a_lower_bound() {
    let (healthy, struck) = (Sleeper::new(), Sleeper::new());
    let start = Moment::from_secs(1000);
    let well = in_seat(0, &healthy);
    let truth = {
        let members = [in_seat(0, &healthy), in_seat(1, &struck)];
        Sampler::new(grouped(healthy.port)).sample(members.iter(), start).clone()
    };
    let mut bounds = 0;
    for injected in Injected::ALL {
        for nth in 0.. {
            let plan = Plan::new(injected, nth);
            let Ok(process) = Process::open_faulty(struck.pid(), &plan) else { continue };
            if plan.struck() {
                continue;
            }
            let members = [in_seat(0, &healthy), member(1, process)];
            let mut sampler = Sampler::new(grouped(healthy.port));
            let sample = sampler.sample(members.iter(), start).clone();
            if !plan.struck() {
                break;
            }
            for (index, metric) in every_metric().iter().enumerate().filter(|(_, metric)| adds_up(metric.base)) {
                let [alone, other] = [0, 1].map(|member: usize| sample.members[member].readings[index].value);
                let group = sample.groups[0].readings[index].value;
                let wanted = match other {
                    Value::Unknown(Unknown::Gone) => alone,
                    Value::Unknown(why) if metric.base == Base::MaxFds => Value::Unknown(why),
                    Value::Unknown(_) => Value::AtLeast(alone.number().unwrap()),
                    Value::Known(_) | Value::AtLeast(_) => truth.groups[0].readings[index].value,
                };
                assert_eq!(group, wanted, "{metric}, {injected:?} at read {nth}");
                bounds += usize::from(matches!(group, Value::AtLeast(_)));
            }
        }
    }
    assert!(bounds > 10, "{bounds} lower bounds were seen");
    assert_eq!(Sampler::new(grouped(healthy.port)).fresh_group(&[&well], at(Base::OpenFds), start).at, start);
}

#[test]
fn a_fresh_reading_of_a_group_says_what_it_could_not_read() {
    let (healthy, struck) = (Sleeper::new(), Sleeper::new());
    let well = in_seat(0, &healthy);
    let now = Moment::from_secs(1000);
    let (mut seen, close_wait) = (Vec::new(), at(Base::CloseWait));
    for nth in 0.. {
        let plan = Plan::new(Injected::Denied, nth);
        let Ok(process) = Process::open_faulty(struck.pid(), &plan) else { continue };
        if plan.struck() {
            continue;
        }
        let denied = member(1, process);
        let value = Sampler::new(grouped(healthy.port)).fresh_group(&[&well, &denied], close_wait, now).value;
        if !plan.struck() {
            assert_eq!(value, Value::Known(2.0));
            break;
        }
        seen.push(value);
    }
    assert!(seen.len() >= 2 && seen.iter().all(|value| *value == Value::AtLeast(1.0)), "{seen:?}");
    let nobody = Sampler::new(grouped(healthy.port)).fresh_group(&[], close_wait, now);
    assert_eq!(nobody.value, Value::Unknown(Unknown::Overdue));
    let memory = Sampler::new(grouped(healthy.port)).fresh_group(&[&well], at(Base::HostMemoryUsed), now);
    assert!(matches!(memory.value, Value::Known(_)), "the host is the host's: {memory:?}");
}

#[test]
fn who_is_gone_counts_for_nothing_and_the_last_one_takes_the_group_along() {
    let (mut first, mut second) = (Sleeper::new(), Sleeper::new());
    let members = [in_seat(0, &first), in_seat(1, &second)];
    let mut sampler = Sampler::new(grouped(first.port));
    let mut now = Moment::from_secs(100);
    assert_eq!(of_group(sampler.sample(members.iter(), now), Base::Sockets), Value::Known(4.0));
    kill(&mut first, &members[0]);
    now = now + SECOND;
    let sample = sampler.sample(members.iter(), now);
    let (one, four) = (Value::Known(1.0), Value::Known(4.0));
    assert_eq!([Base::CloseWait, Base::Threads].map(|base| of_group(sample, base)), [one, one]);
    let listed = sample.groups[0].readings[at(Base::Sockets)];
    assert_eq!((listed.at, listed.value), (Moment::from_secs(100), four), "not listed anew, and it says so");
    now = now + 9 * SECOND;
    let sample = sampler.sample(members.iter(), now);
    assert_eq!(of_group(sample, Base::Sockets), Value::Known(2.0));
    assert_eq!(of_group(sample, Base::OpenFds), sample.members[1].readings[at(Base::OpenFds)].value);
    kill(&mut second, &members[1]);
    now = now + SECOND;
    for base in [Base::Sockets, Base::OpenFds, Base::MaxFds, Base::FdUsage, Base::Rss] {
        assert_eq!(of_group(sampler.sample(members.iter(), now), base), Value::Unknown(Unknown::Gone), "{base:?}");
        let fresh = sampler.fresh_group(&[&members[0], &members[1]], at(base), now);
        assert_eq!(fresh.value, Value::Unknown(Unknown::Gone), "{base:?} anew");
    }
    assert_eq!(sampler.sample([].into_iter(), now).groups, []);
}

#[test]
fn between_passes_a_group_keeps_its_readings_until_nobody_is_left() {
    let (mut first, mut second) = (Sleeper::new(), Sleeper::new());
    let config = grouped(first.port);
    let mut roster = Roster::new(&config);
    let found = |sleeper: &Sleeper| {
        let Member { process, facts, .. } = in_seat(0, sleeper);
        Change::Found(Found { target: 0, process, facts })
    };
    let now = Moment::from_secs(100);
    roster.apply(&mut vec![found(&first), found(&second)], now, &mut Vec::new());
    let mut sampler = Sampler::new(config);
    let before = sampler.sample(roster.members().iter(), now).groups.clone();
    let dead = in_seat(0, &first);
    kill(&mut first, &dead);
    roster.show_out(now, &mut Vec::new());
    sampler.forget_departed(&roster);
    assert_eq!((sampler.latest().members.len(), &sampler.latest().groups), (1, &before), "nothing is summed anew");
    let after = sampler.sample(roster.members().iter(), now + 10 * SECOND);
    assert_eq!(of_group(after, Base::Sockets), Value::Known(2.0));
    let dead = in_seat(0, &second);
    kill(&mut second, &dead);
    roster.show_out(now, &mut Vec::new());
    sampler.forget_departed(&roster);
    assert_eq!(sampler.latest().groups, []);
}

/// A pass over those that are near a bound makes nobody else's readings newer than they are.
#[test]
fn between_passes_a_group_of_which_nobody_is_read_grows_no_younger() {
    let (first, second) = (Sleeper::new(), Sleeper::new());
    let mut config = (*grouped(first.port)).clone();
    let other = Target { name: "other".into(), ..config.targets[0].clone() };
    config.targets.push(other);
    let (far, mut near) = (in_seat(0, &first), in_seat(0, &second));
    near.key.target = 1;
    let mut sampler = Sampler::new(Arc::new(config));
    let (now, later) = (Moment::from_secs(100), Moment::from_secs(100) + SECOND / 2);
    let before = sampler.sample([&far, &near].into_iter(), now).clone();
    let index = sampler.stats().iter().position(|stats| stats.name == "open_fds").unwrap();
    sampler.seats[1].near[index] = Some(later);
    sampler.sample_near([&far, &near].into_iter(), later);
    let after = sampler.latest();
    assert_eq!(after.groups[0], before.groups[0]);
    let of_near = |sample: &crate::model::Sample| sample.groups[1].readings[at(Base::OpenFds)].at;
    assert_eq!((of_near(&before), of_near(after)), (now, later));
}

/// Who comes later is read in the pass that first sees him: for the group that is no gap.
#[test]
fn a_newcomer_adds_to_the_group_in_his_first_pass() {
    let (first, second) = (Sleeper::new(), Sleeper::new());
    let (a, b) = (in_seat(0, &first), in_seat(1, &second));
    let mut sampler = Sampler::new(grouped(first.port));
    let (start, later) = (Moment::from_secs(100), Moment::from_secs(101));
    assert_eq!(of_group(sampler.sample([&a].into_iter(), start), Base::CloseWait), Value::Known(1.0));
    let sample = sampler.sample([&a, &b].into_iter(), later);
    assert_eq!(of_group(sample, Base::CloseWait), Value::Known(2.0));
    // His rate begins with this pass.
    let known = |base: Base| !may_be_missing(base) && base != Base::MajorFaults && !base.is_other_state();
    let readings = every_metric().into_iter().zip(sample.groups[0].readings.clone());
    let mut readings = readings.filter(|(metric, _)| known(metric.base));
    let is_new = |base: Base, at| at == later || base.info().scope == Scope::Host;
    let known = |value| matches!(value, Value::Known(_));
    assert!(readings.all(|(metric, reading)| is_new(metric.base, reading.at) && known(reading.value)));
    // What was listed before he came is of the others: there may be more.
    assert_eq!(of_group(sample, Base::Sockets), Value::AtLeast(2.0));
    let listed = sampler.sample([&a, &b].into_iter(), start + 10 * SECOND);
    assert_eq!(of_group(listed, Base::Sockets), Value::Known(4.0));
}

#[test]
fn groups_come_by_target_and_only_of_targets_that_are_judged_so() {
    let (first, second) = (Sleeper::new(), Sleeper::new());
    let mut config = (*config(first.port)).clone();
    let target = config.targets[0].clone();
    config.targets =
        [Per::Process, Per::Group, Per::Group, Per::Group].map(|per| Target { per, ..target.clone() }).to_vec();
    let seat = |target, slot, sleeper: &Sleeper| {
        let member = in_seat(slot, sleeper);
        Member { key: MemberKey { target, slot }, ..member }
    };
    // Both are of target 1, one of them is of target 3 too, nobody is of target 2.
    let members = [seat(3, 0, &first), seat(0, 0, &first), seat(1, 0, &first), seat(1, 1, &second)];
    let mut sampler = Sampler::new(Arc::new(config));
    let now = Moment::from_secs(100);
    let sample = sampler.sample(members.iter(), now).clone();
    let sockets = |group: &GroupSample| (group.target, group.readings[at(Base::Sockets)].value);
    let groups: Vec<_> = sample.groups.iter().map(sockets).collect();
    assert_eq!(groups, [(1, Value::Known(4.0)), (3, Value::Known(2.0))]);
    let left: Vec<_> = sampler.sample(members[..2].iter(), now).groups.iter().map(sockets).collect();
    assert_eq!(left, [(3, Value::Known(2.0))]);
}
