//! What parsing costs the sampler, without the kernel. What the kernel costs with it is in `floor`.
#![expect(clippy::unwrap_used, reason = "a bench fails by panicking")]

use divan::counter::ItemsCount;
use tradedog::kernel::host::{MemInfo, Swapped};
use tradedog::kernel::sock_diag::walk;

/// Shows beside the times that nothing is allocated.
#[global_allocator]
static ALLOCATIONS: divan::AllocProfiler = divan::AllocProfiler::system();

fn main() {
    divan::main();
}

/// A datagram of the size that the kernel sends, with the attributes that it adds unasked.
fn datagram(sockets: u32) -> Vec<u8> {
    let mut out = Vec::new();
    for number in 0..sockets {
        let mut body = vec![0; 72];
        (body[0], body[1]) = (2, 8);
        body[44..48].copy_from_slice(&number.to_ne_bytes());
        body[68..72].copy_from_slice(&(number + 1).to_ne_bytes());
        for (kind, value) in [(8_u16, &[0][..]), (15, &[0; 4]), (21, &[1; 8]), (22, &[0; 2])] {
            body.extend(u16::try_from(value.len() + 4).unwrap().to_ne_bytes());
            body.extend(kind.to_ne_bytes());
            body.extend(value);
            body.resize(body.len().next_multiple_of(4), 0);
        }
        out.extend(u32::try_from(16 + body.len()).unwrap().to_ne_bytes());
        out.extend([18, 0, 2, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
        out.extend(body);
    }
    out
}

#[divan::bench]
fn parse_a_datagram_of_250_sockets(bencher: divan::Bencher<'_, '_>) {
    let bytes = datagram(250);
    bencher.counter(ItemsCount::new(250_u32)).bench_local(|| {
        let mut sum = 0;
        walk(&bytes, 1, &mut |socket| sum += socket.cookie).unwrap();
        sum
    });
}

#[divan::bench]
fn parse_meminfo(bencher: divan::Bencher<'_, '_>) {
    #[expect(clippy::disallowed_methods, reason = "the bench reads what it then parses")]
    let text = std::fs::read("/proc/meminfo").unwrap();
    bencher.bench_local(|| MemInfo::parse(&text).unwrap());
}

#[divan::bench]
fn parse_vmstat(bencher: divan::Bencher<'_, '_>) {
    #[expect(clippy::disallowed_methods, reason = "the bench reads what it then parses")]
    let text = std::fs::read("/proc/vmstat").unwrap();
    bencher.bench_local(|| Swapped::parse(&text).unwrap());
}
