//! Proves the history: over all that can happen to a meter its steps add up to what the report says of the
//! same time, and an index that is made anew, or only in part, gives the same answers.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use asnmeter::report::history::{HistoryIndex, HistoryRequest};
use asnmeter::units::Second;
use meter::{Schedule, write};
use serde_json::Value;
use std::fs;
use std::path::Path;
use support::desk::Desk;
use support::program::{asnmeter, list, number};

#[path = "report_faults/meter.rs"]
#[allow(dead_code, reason = "the truth of the report's own test")]
mod meter;

/// 2026-10-24T00:00:00Z.
const BEGIN: u64 = 1_792_800_000;

const HOUR: u64 = 3600;

/// From a quarter of an hour before that day on, for two days but the last hour.
fn two_days() -> Schedule {
    let at = |hours: u64, seconds: u64| BEGIN + hours * HOUR + seconds;
    Schedule {
        period: (BEGIN, at(48, 0)),
        networks: 5,
        quiet: 40,
        start: BEGIN - 900,
        stop: at(47, 0),
        stops: vec![(at(5, 17), at(5, 620)), (at(23, 3500), at(24, 1800))],
        kills: vec![(at(9, 59), at(9, 200))],
        gaps: vec![
            (at(3, 100), at(3, 102), None),
            (at(3, 130), at(3, 130), Some(5)),
            (at(30, 0), at(30, 299), Some(100_000)),
        ],
        disk: vec![(at(12, 10), at(12, 45)), (at(40, 59), at(40, 61))],
        late_gaps: Vec::new(),
        doubled: Some(at(20, 30)),
        maintenance: Vec::new(),
    }
}

fn index(path: &Path) -> HistoryIndex {
    let mut index = HistoryIndex::open(path, Second(BEGIN + 47 * HOUR)).unwrap();
    while index.advance().unwrap() {}
    index
}

fn request(commitment: &str, asn: u32, hours: (u64, u64), step: u64) -> HistoryRequest {
    HistoryRequest {
        commitment: commitment.to_owned(),
        asn,
        from: Second(BEGIN + hours.0 * HOUR),
        until: Second(BEGIN + hours.1 * HOUR),
        step,
    }
}

fn answer(index: &mut HistoryIndex, request: &HistoryRequest) -> Value {
    serde_json::from_str(&index.answer(request).unwrap()).unwrap()
}

/// The sum of a number over all steps; 0 where a step does not have it.
fn sum(answer: &Value, pointer: &str) -> i64 {
    let steps = list(answer, "/steps").iter();
    steps
        .map(|step| step.pointer(pointer).map_or(0, |one| one.as_i64().unwrap()))
        .sum()
}

const SUMS: [&str; 17] = [
    "/from/bytes",
    "/from/expected",
    "/from/lost",
    "/from/maybe_lost",
    "/to/bytes",
    "/latency/samples",
    "/latency/over",
    "/out_of_sla_s",
    "/given/loss/met_s",
    "/given/loss/missed_s",
    "/given/loss/void_s",
    "/given/loss/indeterminate_s",
    "/given/loss/silent_s",
    "/given/latency/met_s",
    "/given/latency/missed_s",
    "/given/latency/void_s",
    "/given/latency/indeterminate_s",
];

#[test]
fn steps_add_up_to_what_the_report_says_whatever_happens_to_the_meter() {
    let desk = Desk::new();
    write(&desk.path("ledger"), &two_days());
    let ledger = desk.name("ledger");
    let (from, until) = (Second(BEGIN), Second(BEGIN + 46 * HOUR));
    let outcome = asnmeter([
        "report",
        &ledger,
        "--time-zone",
        "UTC",
        "--format",
        "json",
        "--from",
        &from.to_string(),
        "--until",
        &until.to_string(),
    ]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    let report: Value = serde_json::from_str(&outcome.stdout).unwrap();
    let commitment = &list(&report, "/ledgers/0/commitments")[0];
    let name = commitment["name"].as_str().unwrap().to_owned();
    let mut index = index(&desk.path("ledger"));
    let rows = list(commitment, "/asns");
    assert!(rows.len() >= 5, "{} ASNs", rows.len());
    let (mut answers, mut seen) = (Vec::new(), [0_i64; SUMS.len()]);
    for row in rows {
        let asn = u32::try_from(number(row, "/asn")).unwrap();
        for step in [HOUR, 120] {
            let asked = request(&name, asn, (0, 46), step);
            let answer = answer(&mut index, &asked);
            for (pointer, seen) in SUMS.iter().zip(&mut seen) {
                let reported = row.pointer(pointer).and_then(Value::as_i64).unwrap();
                assert_eq!(
                    sum(&answer, pointer),
                    reported,
                    "AS{asn} {pointer} in {step} s"
                );
                *seen += reported;
            }
            let excesses = list(&answer, "/intervals").len() as u64;
            assert!(excesses >= number(row, "/intervals").min(1), "AS{asn}");
            answers.push((asked, answer));
        }
    }
    for (pointer, seen) in SUMS.iter().zip(seen) {
        assert!(seen > 0, "{pointer} is 0 everywhere: it says nothing");
    }
    drop(index);

    // Of an index that was there already only the present day is read again; without it, everything is.
    let minutes = desk.path("ledger").join("minutes");
    assert_eq!(
        fs::read_dir(&minutes).unwrap().count(),
        2,
        "two days are over"
    );
    for is_removed in [false, true] {
        if is_removed {
            fs::remove_dir_all(&minutes).unwrap();
        }
        let mut index = self::index(&desk.path("ledger"));
        for (asked, before) in &answers {
            assert_eq!(
                &answer(&mut index, asked),
                before,
                "{asked:?}, removed: {is_removed}"
            );
        }
    }
}

#[test]
fn what_is_not_known_is_no_verdict_and_a_name_that_is_not_known_is_refused() {
    let desk = Desk::new();
    let schedule = Schedule {
        stop: BEGIN + HOUR + 30,
        stops: Vec::new(),
        kills: Vec::new(),
        gaps: Vec::new(),
        disk: Vec::new(),
        doubled: None,
        ..two_days()
    };
    let written = write(&desk.path("ledger"), &schedule);
    let mut index = index(&desk.path("ledger"));
    let asn = *written.networks.keys().next().unwrap();
    let unknown = index
        .answer(&request("nobody", asn, (0, 1), 60))
        .unwrap_err()
        .to_string();
    let (before, known) = unknown.split_once("; there are: ").unwrap();
    assert_eq!(before, "no commitment is named \"nobody\"");
    let answer = answer(&mut index, &request(known, asn, (0, 2), 60));
    assert_eq!(answer["complete_until"], "2026-10-24T01:00:00Z");
    let steps = list(&answer, "/steps");
    assert_eq!(
        (&steps[59]["known_s"], &steps[60]["known_s"]),
        (&60.into(), &0.into())
    );
    assert_eq!(steps[60]["given"], serde_json::json!({}));
    assert!(steps[60]["peak_thousandths"].is_null());
}

#[test]
fn before_a_minute_is_sealed_nothing_is_known_and_that_is_an_answer() {
    let desk = Desk::new();
    let path = desk.path("ledger");
    fs::create_dir_all(&path).unwrap();
    let mut index = index(&path);
    let answer = answer(&mut index, &request("any", 1, (0, 1), 60));
    assert!(answer["known_from"].is_null() && answer["complete_until"].is_null());
    let steps = list(&answer, "/steps");
    assert_eq!(steps.len(), 60);
    assert!(steps.iter().all(|step| step["known_s"] == 0));
}
