//! What a pass costs behind the sampler: judging it, and showing it.

mod crowd;

use crowd::Crowd;
use divan::counter::ItemsCount;

/// Shows beside the times that a pass without news allocates nothing per process.
#[global_allocator]
static ALLOCATIONS: divan::AllocProfiler = divan::AllocProfiler::system();

fn main() {
    divan::main();
}

/// Everybody is far from every bound.
#[divan::bench(args = [10, 100, 1_000])]
fn judge_a_steady_pass(bencher: divan::Bencher<'_, '_>, members: u32) {
    let mut crowd = Crowd::new(members);
    bencher.counter(ItemsCount::new(members)).bench_local(|| {
        crowd.read();
        crowd.judge()
    });
}

/// Everybody goes from normal to fatal, or back, in each pass.
#[divan::bench(args = [10, 100, 1_000])]
fn judge_a_climbing_pass(bencher: divan::Bencher<'_, '_>, members: u32) {
    let mut crowd = Crowd::new(members);
    let mut high = false;
    bencher.counter(ItemsCount::new(members)).bench_local(|| {
        high = !high;
        crowd.have_open(if high { 850.0 } else { 95.0 });
        crowd.read();
        crowd.judge()
    });
}

/// What the crowd itself needs to read anew: to be taken off the two above.
#[divan::bench(args = [10, 100, 1_000])]
fn read_for_the_bench(bencher: divan::Bencher<'_, '_>, members: u32) {
    let mut crowd = Crowd::new(members);
    bencher.counter(ItemsCount::new(members)).bench_local(|| crowd.read());
}

#[divan::bench(args = [10, 100, 1_000])]
fn publish_a_snapshot(bencher: divan::Bencher<'_, '_>, members: u32) {
    let mut crowd = Crowd::new(members);
    bencher.counter(ItemsCount::new(members)).bench_local(|| crowd.publish());
}
