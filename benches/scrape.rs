//! How long a scrape, the JSON and the page take for the largest state the defaults allow.

#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "a bench that fails may panic"
)]

#[path = "../tests/export/example.rs"]
mod example;

use asnmeter::export::{collector, json};
use criterion::{Criterion, criterion_group, criterion_main};

fn scrape(bench: &mut Criterion) {
    let published = example::large();
    bench.bench_function("metrics of 500 asns, 3 commitments", |run| {
        run.iter(|| collector::encode(&published).unwrap().len());
    });
    bench.bench_function("json of 500 asns, 3 commitments", |run| {
        run.iter(|| json::live(&published).unwrap().len());
    });
    bench.bench_function("page of 500 asns, 3 commitments", |run| {
        run.iter(|| json::page::state(&published).unwrap().len());
    });
}

criterion_group!(benches, scrape);
criterion_main!(benches);
