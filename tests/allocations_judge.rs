//! A steady pass allocates nothing per process, neither when it is judged nor when it is shown.
//!
//! A test binary of its own: it counts with an allocator of its own.

#[path = "../benches/crowd/mod.rs"]
mod crowd;

use crowd::Crowd;

/// How often the passes of so many members allocate, by what they do, judged and shown.
fn allocations(members: u32) -> (u64, u64) {
    let mut crowd = Crowd::new(members);
    let mut judged = 0;
    let mut shown = 0;
    for _ in 0..10 {
        crowd.read();
        judged += allocation_counter::measure(|| drop(crowd.judge())).count_total;
        shown += allocation_counter::measure(|| crowd.publish()).count_total;
    }
    (judged, shown)
}

#[test]
fn a_steady_pass_allocates_nothing_per_process() {
    assert_eq!(allocations(50), allocations(100));
}

#[test]
fn a_reader_that_holds_a_snapshot_costs_the_loop_its_room_and_no_copy() {
    let mut crowd = Crowd::new(100);
    let published = crowd.publisher.published();
    let held: Vec<_> = (0..4)
        .map(|_| {
            crowd.publish();
            published.latest()
        })
        .collect();
    let some = allocation_counter::measure(|| crowd.publish()).count_total;
    assert!(some < 20, "{some} allocations beside what {} readers hold", held.len());
}

#[test]
fn allocations_are_counted() {
    let mut crowd = Crowd::new(10);
    crowd.have_open(850.0);
    crowd.read();
    assert!(allocation_counter::measure(|| drop(crowd.judge())).count_total >= 10, "everybody has an order");
}
