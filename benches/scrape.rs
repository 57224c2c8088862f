//! How long a scrape, the JSON and the page take for the largest state the defaults allow.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    missing_docs,
    reason = "a bench that fails may panic"
)]

#[path = "../tests/export/example.rs"]
mod example;

use asnmeter::export::{collector, json};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

fn scrape(bench: &mut Criterion) {
    let published = example::large();
    let text = collector::encode(&published).unwrap();
    let series = text.lines().filter(|line| !line.starts_with('#')).count();
    println!(
        "{series} series, {} octets of text each",
        text.len() / series
    );
    let mut group = bench.benchmark_group("metrics");
    group.throughput(Throughput::Elements(series as u64));
    group.bench_function("500 asns, 3 commitments", |run| {
        run.iter(|| collector::encode(&published).unwrap().len());
    });
    group.finish();
    bench.bench_function("json of 500 asns, 3 commitments", |run| {
        run.iter(|| json::live(&published).unwrap().len());
    });
    bench.bench_function("page of 500 asns, 3 commitments", |run| {
        run.iter(|| json::page::state(&published).unwrap().len());
    });
}

criterion_group!(benches, scrape);
criterion_main!(benches);
