//! Address to value in a table as large as the whole Internet's: 968 000 IPv4 and 178 000 IPv6
//! prefixes (2026), lengths as in the real one, addresses at random inside of them.

#![allow(clippy::indexing_slicing, reason = "a benchmark, not the daemon")]

use asnmeter::asn::table::{PrefixTable, PrefixTableBuilder};
use asnmeter::capture::synthetic::scenario::SplitMix;
use asnmeter::units::{Address, Prefix};
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use std::hint::black_box;

fn v4(numbers: &mut SplitMix) -> Prefix {
    // six in ten are /24, the others mostly /16 to /23
    let length = match numbers.next_u64() % 10 {
        0..6 => 24,
        _ => 16 + (numbers.next_u64() % 8),
    };
    let bits = (numbers.next_u64() >> 32).to_be_bytes();
    let address = Address::v4([bits[4] % 223 + 1, bits[5], bits[6], bits[7]]);
    Prefix::new(address, 96 + u8::try_from(length).unwrap_or(24))
}

fn v6(numbers: &mut SplitMix) -> Prefix {
    // most of IPv6 lies in a few /12
    let blocks = [0x2400, 0x2600, 0x2800, 0x2a00, 0x2c00];
    let block = blocks[usize::try_from(numbers.next_u64() % 5).unwrap_or(0)];
    let high = u128::from(block + numbers.next_u64() % 16) << 112;
    let address = high | u128::from(numbers.next_u64()) << 48;
    let length = if numbers.next_u64().is_multiple_of(2) {
        48
    } else {
        32
    };
    Prefix::new(Address::from_number(address), length)
}

fn prefixes() -> Vec<Prefix> {
    let mut numbers = SplitMix::new(1);
    let mut prefixes: Vec<Prefix> = (0..968_000).map(|_| v4(&mut numbers)).collect();
    prefixes.extend((0..178_000).map(|_| v6(&mut numbers)));
    prefixes
}

fn table(prefixes: &[Prefix]) -> PrefixTable {
    let mut builder = PrefixTableBuilder::default();
    for (value, prefix) in (0_u32..).zip(prefixes) {
        builder.insert(*prefix, value % 80_000);
    }
    builder.build()
}

fn lookup(criterion: &mut Criterion) {
    let prefixes = prefixes();
    let table = table(&prefixes);
    let mut numbers = SplitMix::new(2);
    let (v4, v6) = prefixes.split_at(968_000);
    for (family, prefixes) in [("ipv4", v4), ("ipv6", v6)] {
        criterion.bench_function(&format!("lookup/{family}"), |bencher| {
            bencher.iter_batched(
                || {
                    let place = usize::try_from(numbers.next_u64()).unwrap_or(0) % prefixes.len();
                    let inside = prefixes[place].range().0.number();
                    Address::from_number(inside | u128::from(numbers.next_u64() % 256))
                },
                |address| table.lookup(black_box(address)),
                BatchSize::LargeInput,
            );
        });
    }
}

fn build(criterion: &mut Criterion) {
    let prefixes = prefixes();
    let mut group = criterion.benchmark_group("build");
    group.sample_size(10);
    group.bench_function("full table", |bencher| {
        bencher.iter(|| table(black_box(&prefixes)));
    });
    group.finish();
}

criterion_group!(benches, lookup, build);
criterion_main!(benches);
