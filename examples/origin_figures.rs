//! Prints what the table of a whole Internet costs: time and memory to load it from the text of
//! `location dump` and from the compiled cache, and time of a lookup.
//!
//! ```sh
//! location dump > location.txt
//! cargo run --release --example origin_figures -- location.txt
//! ```
//!
//! Others on the machine disturb little: loads are the median of five processes, each in CPU time of
//! its thread; lookups the median of batches that are shorter than a time slice.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "a measurement: it prints, and fails by panicking"
)]

use asnmeter::asn::{Origin, OriginSettings, Origins, Source, notation};
use asnmeter::attribution::Attribution;
use asnmeter::attribution::scopes::ScopePlan;
use asnmeter::capture::synthetic::scenario::SplitMix;
use asnmeter::clock;
use asnmeter::files::Load;
use asnmeter::units::{Address, Prefix};
use asnmeter::voice::CapturePoint;
use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

/// Loads of each kind.
const LOADS: usize = 5;

/// Batches of lookups, and addresses in each.
const BATCHES: usize = 1001;
const BATCH: usize = 1000;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.as_slice() {
        [dump] => report(dump),
        [dump, cache, what] if what == "load" => one_load(dump, Path::new(cache)),
        [dump, cache, what] if what == "lookup" => lookups(dump, Path::new(cache)),
        _ => println!("usage: origin_figures LOCATION-DUMP"),
    }
}

fn report(dump: &str) {
    let folder = std::env::temp_dir().join(format!("origin_figures.{}", std::process::id()));
    let no_cache = Path::new("/dev/null/none");
    let _ = run(dump, &folder, "load");
    println!(
        "{:<28} {:>10} {:>14} {:>12}",
        "load", "CPU time", "resident", "at peak"
    );
    for (name, cache) in [("from text", no_cache), ("from compiled cache", &folder)] {
        let mut loads: Vec<[u64; 3]> = (0..LOADS)
            .map(|_| numbers(&run(dump, cache, "load")))
            .collect();
        loads.sort_unstable();
        let [nanos, resident, peak] = loads[LOADS / 2];
        let [seconds, resident, peak] = [
            nanos as f64 / 1e9,
            resident as f64 / 1024.0,
            peak as f64 / 1024.0,
        ];
        println!("{name:<28} {seconds:>8.3} s {resident:>10.1} MiB {peak:>8.1} MiB");
    }
    print!("{}", run(dump, &folder, "lookup"));
    let _ = fs::remove_dir_all(folder);
}

fn run(dump: &str, cache: &Path, what: &str) -> String {
    let program = std::env::current_exe().unwrap();
    let output = Command::new(program)
        .arg(dump)
        .arg(cache)
        .arg(what)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

fn numbers(line: &str) -> [u64; 3] {
    let numbers: Vec<u64> = line
        .split_whitespace()
        .map(|part| part.parse().unwrap())
        .collect();
    numbers.try_into().unwrap()
}

fn load(dump: &str, cache: &Path) -> Origins {
    let settings = OriginSettings {
        sources: vec![Source::Location(dump.into())],
        cache: Some(cache.into()),
        ..OriginSettings::default()
    };
    Origins::load(&settings, None, &Load::default(), clock::now).unwrap()
}

/// CPU time of this thread so far, in nanoseconds.
fn cpu() -> u64 {
    let text = fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split_whitespace().next().unwrap().parse().unwrap()
}

/// Nanoseconds for each lookup of a batch that began then.
fn per_lookup(began: Duration) -> f64 {
    clock::uptime().saturating_sub(began).as_nanos() as f64 / BATCH as f64
}

/// A line of /proc/self/status, in KiB.
fn status(key: &str) -> u64 {
    let text = fs::read_to_string("/proc/self/status").unwrap();
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(key))
        .unwrap();
    line.trim_start_matches(':')
        .trim()
        .trim_end_matches(" kB")
        .parse()
        .unwrap()
}

fn one_load(dump: &str, cache: &Path) {
    let before = cpu();
    let origins = load(dump, cache);
    println!("{} {} {}", cpu() - before, status("VmRSS"), status("VmHWM"));
    black_box(origins);
}

/// What it costs a worker that a new table comes into force: the exchange, and each of its streams
/// that asks again, at its own next packet.
fn swaps(origins: Origins, random: &mut SplitMix, prefixes: &[Prefix]) {
    let (origins, scopes) = (Arc::new(origins), Arc::new(ScopePlan::default()));
    let mut attribution = Attribution::default();
    let mut costs = Vec::new();
    for _ in 0..BATCHES {
        let next = (origins.clone(), scopes.clone());
        let began = clock::uptime();
        attribution.replace(next.0, next.1);
        costs.push(clock::uptime().saturating_sub(began).as_nanos() as f64);
    }
    costs.sort_by(f64::total_cmp);
    println!(
        "{:<28} {:>7.1} ns",
        "a swap, for a worker",
        costs[BATCHES / 2]
    );
    let mut asks = Vec::new();
    for _ in 0..BATCHES {
        let ends: Vec<Address> = (0..2 * BATCH)
            .map(|_| {
                let chosen = random.next_u64() as usize % prefixes.len();
                inside(prefixes[chosen], random)
            })
            .collect();
        let began = clock::uptime();
        for ends in ends.as_chunks::<2>().0 {
            black_box(attribution.resolve(ends[0], ends[1], CapturePoint::default()));
        }
        asks.push(per_lookup(began));
    }
    asks.sort_by(f64::total_cmp);
    let ask = asks[BATCHES / 2];
    println!("{:<28} {ask:>7.1} ns", "  and each of its streams");
    println!("{:<28} {:>7.3} ms", "  1000 streams together", ask / 1e3);
}

fn inside(prefix: Prefix, random: &mut SplitMix) -> Address {
    let (first, last) = prefix.range();
    let hosts = last.number() ^ first.number();
    Address::from_number(first.number() | (random.next_u128() & hosts))
}

fn lookups(dump: &str, cache: &Path) {
    let origins = load(dump, cache);
    let text = fs::read_to_string(dump).unwrap();
    let mut block = (None, false);
    let mut prefixes: Vec<Prefix> = Vec::new();
    for line in text.lines() {
        match line.split_once(':') {
            Some(("net", prefix)) => block.0 = notation::prefix(prefix.trim()).ok(),
            Some(("aut-num", _)) => block.1 = true,
            None if line.is_empty() => {
                if let (Some(prefix), true) = std::mem::take(&mut block) {
                    prefixes.push(prefix);
                }
            }
            _ => {}
        }
    }
    drop(text);
    println!(
        "{:<28} {:>10} {:>14} {:>12}",
        "lookup of a random address", "median", "best tenth", "in a chain"
    );
    for (family, is_v4) in [("IPv4", true), ("IPv6", false)] {
        let of_family = prefixes
            .iter()
            .filter(|prefix| prefix.range().0.is_v4() == is_v4);
        let of_family: Vec<Prefix> = of_family.copied().collect();
        let mut random = SplitMix::new(7);
        let addresses: Vec<Address> = (0..BATCHES * BATCH)
            .map(|_| {
                let chosen = random.next_u64() as usize % of_family.len();
                inside(of_family[chosen], &mut random)
            })
            .collect();
        let mut apart: Vec<f64> = addresses
            .chunks_exact(BATCH)
            .map(|addresses| {
                let began = clock::uptime();
                for address in addresses {
                    black_box(origins.origin(black_box(*address)));
                }
                per_lookup(began)
            })
            .collect();
        let mut chained: Vec<f64> = addresses
            .chunks_exact(BATCH)
            .map(|addresses| {
                let began = clock::uptime();
                let mut place = 0;
                while let Some(address) = addresses.get(place) {
                    // the next address is not known before this one's origin is
                    let origin = origins.origin(*address);
                    place += 1 + usize::from(origin == Origin::Local);
                }
                per_lookup(began)
            })
            .collect();
        apart.sort_by(f64::total_cmp);
        chained.sort_by(f64::total_cmp);
        println!(
            "{:<28} {:>7.1} ns {:>11.1} ns {:>9.1} ns",
            format!("{family}, {} prefixes", of_family.len()),
            apart[BATCHES / 2],
            apart[BATCHES / 10],
            chained[BATCHES / 2],
        );
    }
    swaps(origins, &mut SplitMix::new(8), &prefixes);
}
