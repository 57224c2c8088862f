//! A month of 200 networks with all that happens to a meter, written and reported; every figure is held to
//! what is known of it. Prints how long each took and the most memory.
//!
//! `cargo run --release --example report_month -- DIR [NETWORKS [DAYS]]`; DIR must be new.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a measurement for the desk"
)]

use asnmeter::report::period::{Period, ReportZone};
use asnmeter::report::{ReportRequest, html, json, report};
use asnmeter::units::Second;
use meter::{Schedule, write};
use std::path::PathBuf;
use std::time::Instant;

#[path = "../tests/report_faults/meter.rs"]
mod meter;
#[path = "../tests/report_faults/truth.rs"]
mod truth;

/// What happens in a month: stops, kills, gaps and full disks, and in the middle another contract.
fn schedule(period: Period, networks: u32) -> Schedule {
    let (begin, end) = (period.from.0, period.until.0);
    let at = |part: u64| begin + (end - begin) / 100 * part;
    Schedule {
        period: (begin, end),
        networks,
        quiet: 40,
        start: begin - 900,
        stop: end + 60,
        stops: vec![(at(10), at(10) + 700), (at(60), at(60) + 5000)],
        kills: vec![(at(30), at(30) + 90)],
        gaps: (11..29)
            .map(|part| (at(part), at(part) + part, (part % 2 == 0).then_some(part)))
            .collect(),
        disk: vec![(at(40), at(40) + 33)],
        late_gaps: (61..69)
            .map(|part| (at(part), at(part) + part, at(part) + 1000 + part))
            .collect(),
        doubled: Some(at(50)),
        maintenance: vec![
            (at(2), at(20), at(20) + 7200, Vec::new()),
            (at(26), at(25), at(25) + 7200, Vec::new()),
            (
                at(70),
                at(75),
                at(75) + 14_400,
                vec![64_500, 64_507, 64_514],
            ),
        ],
    }
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let directory = PathBuf::from(
        arguments
            .next()
            .expect("usage: report_month DIR [NETWORKS [DAYS]]"),
    );
    let number = |text: Option<String>, usual| text.map_or(usual, |text| text.parse().unwrap());
    let networks = number(arguments.next(), 200);
    let zone = ReportZone::new("Europe/Paris").unwrap();
    let mut period = Period::month("2026-10", &zone).unwrap();
    if let Some(days) = arguments.next() {
        let days: u64 = days.parse().unwrap();
        // the last ones: with the change of the clocks
        period = Period::new(Second(period.until.0 - days * 86_400), period.until).unwrap();
    }
    let begin = Instant::now();
    let schedule = schedule(period, u32::try_from(networks).unwrap());
    let written = write(&directory, &schedule);
    println!(
        "{} s: written, {} ASN-seconds",
        begin.elapsed().as_secs(),
        written.counted
    );
    let request = ReportRequest {
        period,
        zone,
        commitment: None,
        with: Vec::new(),
    };
    let begin = Instant::now();
    let report = report(std::slice::from_ref(&directory), &request).unwrap();
    println!(
        "{} s: verified and reported, {} s of traffic",
        begin.elapsed().as_secs(),
        period.seconds()
    );
    let mut document = Vec::new();
    json::write(&mut document, &report).unwrap();
    let document = serde_json::from_slice(&document).unwrap();
    truth::compare(&document, &written);
    println!("every figure is what is known");
    let mut page = Vec::new();
    html::write(&mut page, &report).unwrap();
    std::fs::write(directory.with_extension("html"), page).unwrap();
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let most = status
        .lines()
        .find(|line| line.starts_with("VmHWM"))
        .unwrap();
    println!("{most}");
}
