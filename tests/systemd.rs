//! Proves the service under a real systemd that is booted for it: tests/systemd/run has the steps.
//! Needs root, and the Debian packages that tests/run installs.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use asnmeter::units::NANOS_PER_SECOND;
use std::path::Path;
use std::process::Command;
use support::START;
use support::desk::Desk;
use support::frames::Media;
use support::program::{PROGRAM, outcome};

/// Streams of 80 kbit/s each: together twice the tenth of 8 Mbit/s.
const STREAMS: u8 = 20;

/// Packets of each, one in 20 ms: 40 s, longer than three reloads.
const PACKETS: u64 = 2000;

#[test]
fn systemd_starts_reloads_watches_and_stops_it() {
    let desk = Desk::new();
    let mut shots = Vec::new();
    for place in 1..=STREAMS {
        let (src, dst) = (
            format!("203.0.113.{place}:10000"),
            format!("198.51.100.{place}:10000"),
        );
        let stream = Media::g711(&src, &dst, u32::from(place));
        let times = (0..PACKETS).map(|packet| START * NANOS_PER_SECOND + packet * 20_000_000);
        shots.extend(stream.shots(times));
    }
    shots.sort();
    let capture = desk.capture("traffic.pcap", &shots);
    // Beside the tools that tests/run keeps: made once, 250 MB.
    let target = Path::new(PROGRAM).ancestors().nth(2).unwrap();
    let root = target.join("tools/debian");
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let outcome = outcome(
        Command::new(here.join("tests/systemd/run"))
            .args([PROGRAM, &capture, &shots.len().to_string()])
            .arg(root),
    );
    assert_eq!(
        outcome.code,
        Some(0),
        "{}{}",
        outcome.stdout,
        outcome.stderr
    );
}
