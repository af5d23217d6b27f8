//! Whose past is whose, and how much of all of them is remembered.

use super::forecasts::{foretelling, leaking};
use super::leases::pausing;
use super::several::{neighbours, workers};
use super::world::{World, target};
use crate::judge::past::size_of;
use crate::model::PastMemory;

/// What the next daemon remembers once everybody was found again.
fn over_a_restart(mut world: World) -> [Vec<PastMemory>; 2] {
    let before = world.state.pasts();
    // At the moment of the last pass: a later one would judge its reading once more.
    world.now = world.now - world.interval;
    world.restart();
    [before, world.state.pasts()]
}

#[test]
fn everybody_has_his_own_past_again() {
    for two in [workers, neighbours] {
        let mut world = two(foretelling());
        for second in 0..400_u32 {
            world.each(&[0.2_f64.mul_add(f64::from(second), 100.0), 200.0]);
        }
        let [before, after] = over_a_restart(world);
        assert_eq!(before.len(), 2);
        assert_ne!(before[0].series, before[1].series);
        assert_eq!(after, before);
    }
}

#[test]
fn whom_nobody_has_found_yet_is_remembered_further() {
    let mut world = leaking("100+0.2x400");
    let before = world.state.pasts();
    for _ in 0..3 {
        world.restart_blind();
        assert_eq!(world.state.pasts(), before);
    }
    // Who did not come is forgotten.
    world.leave(0);
    world.play("_");
    world.state.all_found();
    assert_eq!(world.state.pasts(), []);
}

#[test]
fn of_whom_nothing_is_known_nothing_is_remembered() {
    assert_eq!(World::of(target(), "10x30").state.pasts(), []);
    assert_eq!(World::of(foretelling(), "10x3").state.pasts(), [], "no bucket has closed");
}

#[test]
fn how_a_metric_went_whose_growth_is_to_stop_is_remembered_alone() {
    let [before, after] = over_a_restart(World::of(pausing(), "10+1x90"));
    for pasts in [before, after] {
        let [past] = pasts.as_slice() else { panic!("{pasts:?}") };
        assert!(past.series.is_empty());
        let growth = past.courses[0].1.growth().unwrap();
        assert!((growth - 1.0).abs() < 0.1, "{growth}");
    }
}

/// The room is counted in bytes of the file, more or less.
#[test]
fn what_is_remembered_takes_about_the_room_that_is_counted_for_it() {
    let world = World::of(pausing(), "10.1+1.37x90");
    let course = world.state.pasts().remove(0).courses.remove(0);
    let series = leaking("100+0.2x700").state.pasts().remove(0).series.remove(0);
    for (series_count, courses) in [(1, 0), (3, 0), (0, 1), (0, 5), (2, 4)] {
        let past = PastMemory {
            target: None,
            identity: None,
            series: vec![series.clone(); series_count],
            courses: vec![course.clone(); courses],
        };
        let (counted, written) = (size_of(&past), serde_json::to_string(&past).unwrap().len());
        assert!(counted * 2 > written && counted < written * 2, "{series_count} {courses}: {counted} {written}");
    }
}
