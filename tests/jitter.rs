//! Proves that a jitter guarantee is judged by what RFC 3550 says of the frames: streams whose jitter
//! is known to the frame, replayed, with every verdict that there is.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use serde_json::Value;
use std::collections::BTreeMap;
use std::ops::Range;
use support::START;
use support::desk::Desk;
use support::frames::{Media, Shot};
use support::program::{list, number, replay, text};

/// Seconds of the capture, and of the window.
const LENGTH: u64 = 40;
const WINDOW: u64 = 10;
/// Every other packet comes so late, in nanoseconds, where a stream jitters: J goes to as much.
const LATE: u64 = 15_000_000;
/// The guaranteed jitter in nanoseconds.
const LIMIT: f64 = 8e6;

const CONFIG: &str = "[asn]\nsources = [{ prefixes = \"far.tsv\" }]\n\
    local_prefixes = [\"198.51.100.0/24\"]\n\
    [[commitment]]\nname = \"c\"\ncommitted_rate = \"4 Mbps\"\nwindow = \"10s\"\n\
    guarantee = { jitter = \"8ms\" }\n";

const PREFIXES: &str = "203.0.113.0/28\t64500\n203.0.113.16/28\t64501\n\
    203.0.113.32/28\t64502\n203.0.113.48/28\t64503\n";

/// Streams of an ASN: number, how many, how many of them jitter, and in which seconds.
const SENDERS: [(u64, u32, u32, Range<u64>); 4] = [
    (64_500, 4, 0, 0..0),
    (64_501, 4, 1, 10..20),
    // Ten samples in a window are too few.
    (64_502, 1, 1, 10..20),
    // 0.48 Mbit/s, where a tenth of 4 are allowed.
    (64_503, 6, 6, 0..LENGTH),
];

/// When a stream that jitters in some seconds sends, as seen at the tap.
fn times(jittering: &Range<u64>) -> Vec<u64> {
    let packets = 0..LENGTH * 50;
    let time = |packet: u64| {
        let is_late = packet % 2 == 1 && jittering.contains(&(packet / 50));
        START * 1_000_000_000 + packet * 20_000_000 + if is_late { LATE } else { 0 }
    };
    packets.map(time).collect()
}

/// The seconds at whose end J is over the limit, by RFC 3550 A.8 in floating point.
fn over(times: &[u64]) -> Vec<u64> {
    let (mut j, mut at_end) = (0.0, BTreeMap::new());
    for pair in times.windows(2) {
        let came = f64::from(u32::try_from(pair[1] - pair[0]).unwrap());
        j += ((came - 20e6).abs() - j) / 16.0;
        at_end.insert(pair[1] / 1_000_000_000 - START, j);
    }
    let over = at_end.into_iter().filter(|(_, j)| *j > LIMIT);
    over.map(|(second, _)| second).collect()
}

/// All frames, and of each ASN how many streams are over at the end of which second.
fn capture() -> (Vec<Shot>, BTreeMap<u64, BTreeMap<u64, u64>>) {
    let (mut shots, mut truth) = (Vec::new(), BTreeMap::new());
    for (place, (asn, streams, jittering, seconds)) in (0..).zip(SENDERS) {
        let of_asn: &mut BTreeMap<u64, u64> = truth.entry(asn).or_default();
        for stream in 0..streams {
            let src = format!("203.0.113.{}:30000", 16 * place + 1 + stream);
            let dst = format!("198.51.100.{}:20000", 16 * place + 1 + stream);
            let seconds = if stream < jittering {
                &seconds
            } else {
                &(0..0)
            };
            let times = times(seconds);
            for second in over(&times) {
                *of_asn.entry(second).or_default() += 1;
            }
            shots.extend(Media::g711(&src, &dst, 0x4000 + 16 * place + stream).shots(times));
        }
    }
    shots.sort();
    (shots, truth)
}

/// Seconds with each verdict: met, missed, void, indeterminate.
fn seconds(document: &Value, asn: u64) -> [u64; 4] {
    let rows = list(&document["commitments"][0], "/asns");
    let row = rows.iter().find(|row| number(row, "/asn") == asn).unwrap();
    let of = |verdict| number(row, &format!("/guarantees/jitter/{verdict}_s"));
    ["met", "missed", "void", "indeterminate"].map(of)
}

#[test]
fn a_jitter_guarantee_is_met_missed_void_or_can_not_be_judged() {
    let (shots, truth) = capture();
    // Enough packets for J to pass the limit, and to come back below it, within a second.
    assert!(truth[&64_501].keys().copied().eq(10..20), "{truth:?}");
    let desk = Desk::new();
    let config = desk.file("asnmeter.toml", CONFIG);
    desk.file("far.tsv", PREFIXES);
    let (capture, lines) = (desk.capture("calls.pcap", &shots), desk.name("seconds"));
    let run = |workers: &str| {
        replay(&[
            "--config",
            &config,
            "--workers",
            workers,
            "--seconds",
            &lines,
            &capture,
        ])
    };
    let document = run("1");
    // The first window is whole with its tenth second. Three of 40 stream-seconds are more than
    // 5 %: from the third second of jitter until two of them are left.
    assert_eq!(seconds(&document, 64_500), [31, 0, 0, 9]);
    assert_eq!(seconds(&document, 64_501), [16, 15, 0, 9]);
    assert_eq!(seconds(&document, 64_502), [0, 0, 0, 40]);
    assert_eq!(seconds(&document, 64_503), [0, 0, 32, 8]);
    let lines = desk.read("seconds");
    assert_eq!(run("3"), document);
    assert!(desk.read("seconds") == lines, "three workers");
    let mut seen = 0;
    for line in lines.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let time = humantime::parse_rfc3339(text(&line, "second")).unwrap();
        let second = time
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap()
            .as_secs()
            - START;
        let asn = number(&line, "/asn");
        let (_, streams, ..) = SENDERS.iter().find(|(sender, ..)| *sender == asn).unwrap();
        let over_at = |second: u64| truth[&asn].get(&second).copied().unwrap_or(0);
        let window = (second + 1).saturating_sub(WINDOW)..=second;
        let expected = if line["direction"] == "to" {
            [0; 4]
        } else {
            let length = window.clone().count() as u64;
            let (here, streams) = (over_at(second), u64::from(*streams));
            [streams, here, streams * length, window.map(over_at).sum()]
        };
        let keys = [
            "stream_seconds",
            "over_jitter",
            "window_stream_seconds",
            "window_over_jitter",
        ];
        assert_eq!(
            keys.map(|key| number(&line, &format!("/{key}"))),
            expected,
            "{line}"
        );
        seen += 1;
    }
    assert_eq!(seen, 2 * LENGTH * SENDERS.len() as u64);
}
