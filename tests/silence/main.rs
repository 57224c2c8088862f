//! Streams that fall silent: an honest network's day is decided, and a dishonest one's is never `met`
//! where the truth is missed (MODEL §7.9, §7.10, §11.5).
//!
//! The days are made here with the truth beside them ([`day`]), replayed by the program, and each of its
//! verdicts is held against the truth of its window.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "a test fails by panicking, and its numbers are small"
)]

mod day;
#[path = "../support/mod.rs"]
mod support;

use day::{Cut, Day};
use serde_json::Value;
use std::collections::BTreeMap;
use support::desk::Desk;
use support::frames::{Media, Shot};
use support::program::{list, number, replay};
use support::{START, rfc3339};

const CONFIG: &str = r#"
[voice]
stream_timeout = "5m"
[asn]
sources = [{ prefixes = "asns.tsv" }]
local_prefixes = ["198.51.100.0/24"]
[[commitment]]
name = "voice"
committed_rate = "100 Mbps"
window = "10s"
guarantee = { loss = "0.5%" }
"#;

const WINDOW: u64 = 10;

/// What the program says of a capture: its document, and the lines about what comes from the carrier.
fn judged(shots: &[Shot], more: &[&str]) -> (Value, Vec<Value>) {
    let desk = Desk::new();
    let config = desk.file("asnmeter.toml", CONFIG);
    desk.file("asns.tsv", "203.0.113.0/24\t64500\n192.0.2.0/24\t64501\n");
    let capture = desk.capture("calls.pcap", shots);
    let seconds = desk.name("seconds.jsonl");
    let mut arguments = vec![&*capture, "--config", &config, "--seconds", &seconds];
    arguments.extend(more);
    let document = replay(&arguments);
    let lines = desk.read("seconds.jsonl");
    let lines = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    let of_asn = lines.filter(|line: &Value| line["asn"] == 64_500 && line["direction"] == "from");
    (document, of_asn.collect())
}

fn lost(document: &Value) -> u64 {
    let row = list(document, "/asns")
        .iter()
        .find(|row| row["asn"] == 64_500);
    number(row.unwrap(), "/from/lost")
}

/// Verdicts of whole windows against the truth.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Tally {
    seconds: u64,
    met: u64,
    missed: u64,
    in_doubt: u64,
    /// `met` where the truth is missed, `missed` where it is met.
    wrongly_met: u64,
    wrongly_missed: u64,
    /// Seconds in whose window the truth is missed.
    truly_missed: u64,
}

/// A packet on the edge of two seconds may stand in either window.
const EDGE: u64 = 4;

fn held_against_truth(day: &Day) -> Tally {
    let (_, lines) = judged(&day.shots, &[]);
    let by_second: BTreeMap<_, _> = lines
        .iter()
        .map(|line| (line["second"].as_str().unwrap(), line))
        .collect();
    let last = *day.truth.keys().last().unwrap();
    let mut tally = Tally::default();
    for second in WINDOW + 2..last {
        let name = rfc3339(START + second);
        let Some(line) = by_second.get(&*name) else {
            continue;
        };
        let window = day.truth.range(second + 1 - WINDOW..=second);
        let (sent, lost) = window.fold((0, 0), |(sent, lost), (_, truth)| {
            (sent + truth.sent, lost + truth.lost)
        });
        let is_missed = |lost: u64| 1_000 * lost > 5 * sent;
        tally.seconds += 1;
        tally.truly_missed += u64::from(is_missed(lost));
        match line["loss"].as_str() {
            Some("met") => {
                tally.met += 1;
                tally.wrongly_met += u64::from(is_missed(lost.saturating_sub(EDGE)));
            }
            Some("missed") => {
                tally.missed += 1;
                tally.wrongly_missed += u64::from(!is_missed(lost + EDGE));
            }
            Some("indeterminate") if line["indeterminate_reason"]["loss"] == "in_doubt" => {
                tally.in_doubt += 1;
                if std::env::var_os("DIAG").is_some() {
                    eprintln!("D {second} {line}");
                }
            }
            other => panic!("{name}: {other:?} {line}"),
        }
    }
    println!("{tally:?}");
    tally
}

/// In doubt at most so many of a thousand seconds, and nothing wrong.
fn is_decided(tally: Tally, doubtful: u64) {
    assert_eq!(
        (tally.wrongly_met, tally.wrongly_missed),
        (0, 0),
        "{tally:?}"
    );
    assert!(
        tally.in_doubt * 1_000 <= doubtful * tally.seconds,
        "{tally:?}"
    );
}

const MINUTE: u64 = 60_000;

#[test]
fn an_honest_day_of_twenty_calls_is_decided() {
    for (seed, visible) in [(1, 0), (2, 100), (3, 50)] {
        is_decided(
            held_against_truth(&Day::new(seed, 0).mixed(20, 15 * MINUTE, visible)),
            40,
        );
    }
}
#[test]
fn an_honest_day_of_fifty_calls_and_more_is_decided() {
    is_decided(
        held_against_truth(&Day::new(4, 0).mixed(50, 12 * MINUTE, 0)),
        10,
    );
    is_decided(
        held_against_truth(&Day::new(5, 0).mixed(100, 6 * MINUTE, 30)),
        10,
    );
}
#[test]
fn a_day_with_one_percent_of_loss_is_missed_whoever_falls_silent() {
    for seed in [6, 7] {
        is_decided(
            held_against_truth(&Day::new(seed, 10).mixed(50, 8 * MINUTE, 20)),
            10,
        );
    }
}
