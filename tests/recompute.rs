//! Proves that the evidence is enough: from the lines of `replay --seconds` and the contract alone
//! an obvious and slow model here gives every window, every `exceeds` and every verdict again, and
//! from these the intervals and sums of the JSON document; and that the octets in the lines are
//! those of the frames.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

#[path = "recompute/contracts.rs"]
mod contracts;
#[path = "recompute/frames.rs"]
mod frames;
#[path = "recompute/lines.rs"]
mod lines;
#[path = "recompute/model.rs"]
mod model;

use contracts::{Contract, contracts};
use lines::{Line, MEASURES};
use model::Model;
use std::collections::{BTreeMap, BTreeSet};
use support::START;
use support::desk::Desk;
use support::frames::{Media, Shot, pcapng, udp};
use support::program::{list, number, replay, text};

/// Replays frames under all contracts: the document, and the lines. In some seconds frames were dropped.
fn judged(shots: &[Shot], drops: &BTreeMap<u64, u64>) -> (serde_json::Value, Vec<Line>) {
    let desk = Desk::new();
    let config = desk.file("asnmeter.toml", contracts::configuration());
    desk.file("far.tsv", frames::PREFIXES);
    let capture = if drops.is_empty() {
        desk.capture("calls.pcap", shots)
    } else {
        desk.file("calls.pcapng", pcapng(shots, drops))
    };
    let seconds = desk.name("seconds");
    let run = |workers| {
        let words = ["--config", &config, "--seconds", &seconds, &capture];
        let document = replay(&[&words[..], &["--workers", workers]].concat());
        (document, desk.read("seconds"))
    };
    let (document, written) = run("1");
    assert!(run("3") == (document.clone(), written), "on three workers");
    let lines = desk.read("seconds").lines().map(Line::parse).collect();
    (document, lines)
}

/// The lines of each contract and ASN by second, from and to.
type ByAsn = BTreeMap<(String, u64), BTreeMap<u64, [Line; 2]>>;

fn by_asn(lines: Vec<Line>) -> ByAsn {
    let mut sorted = ByAsn::new();
    let mut lines = lines.into_iter();
    while let Some(from) = lines.next() {
        let to = lines.next().unwrap();
        assert_eq!(
            (from.direction.as_str(), to.direction.as_str()),
            ("from", "to")
        );
        let whose = |line: &Line| (line.second, line.commitment.clone(), line.asn);
        assert_eq!(whose(&from), whose(&to));
        let place = sorted
            .entry((from.commitment.clone(), from.asn))
            .or_default();
        let twice = place.insert(from.second, [from, to]);
        assert!(twice.is_none(), "a second judged twice: {twice:?}");
    }
    sorted
}

/// Checks every line of a capture and everything in its document that rests on them.
fn verify(shots: &[Shot]) -> ByAsn {
    verify_with(shots, &BTreeMap::new())
}

/// The same of one that says in which seconds frames were dropped, and how many.
fn verify_with(shots: &[Shot], drops: &BTreeMap<u64, u64>) -> ByAsn {
    let (document, lines) = judged(shots, drops);
    let sorted = by_asn(lines);
    let first = shots.iter().map(|shot| shot.nanos).min().unwrap();
    let last = shots.iter().map(Shot::second).max().unwrap();
    let contracts = contracts();
    for ((commitment, asn), lines) in &sorted {
        let contract = contracts
            .iter()
            .find(|contract| contract.name == commitment)
            .unwrap();
        let mut model = Model::new(contract, first, drops);
        for second in lines.keys().next().copied().unwrap()..=last {
            match lines.get(&second) {
                Some(lines) => model.check(lines),
                None => model.is_silent(second),
            }
        }
        compare(contract, &document, *asn, &model);
    }
    let mut shown = BTreeSet::new();
    for commitment in list(&document, "/commitments") {
        for asn in list(commitment, "/asns") {
            shown.insert((text(commitment, "name").to_owned(), number(asn, "/asn")));
        }
    }
    assert_eq!(shown, sorted.keys().cloned().collect(), "judged ASNs");
    octets_are_those_of_the_frames(shots, &contracts, &sorted);
    sorted
}

/// What the document says of an ASN is what its seconds say.
fn compare(contract: &Contract, document: &serde_json::Value, asn: u64, model: &Model) {
    let named = |row: &&serde_json::Value| text(row, "name") == contract.name;
    let row = list(document, "/commitments").iter().find(named).unwrap();
    let row = list(row, "/asns")
        .iter()
        .find(|row| number(row, "/asn") == asn)
        .unwrap();
    // Through text, as the document came: this parser may miss a decimal's nearest double.
    let expected: serde_json::Value = serde_json::from_str(&model.summary().to_string()).unwrap();
    for (key, value) in expected.as_object().unwrap() {
        assert_eq!(&row[key], value, "{} AS{asn} {key}", contract.name);
    }
}

fn octets_are_those_of_the_frames(shots: &[Shot], contracts: &[Contract], sorted: &ByAsn) {
    for contract in contracts {
        let mut truth = frames::octets(shots, contract);
        for ((_, asn), lines) in sorted.iter().filter(|((name, _), _)| name == contract.name) {
            let mut sums = [0; 2];
            for line in lines.values().flatten() {
                sums[usize::from(line.direction == "to")] += line.all_bytes();
            }
            assert_eq!(Some(sums), truth.remove(asn), "{} AS{asn}", contract.name);
        }
        assert_eq!(truth, BTreeMap::new(), "{}: never judged", contract.name);
    }
}

/// How many seconds of a contract and an ASN have a verdict on loss.
fn seconds_with(sorted: &ByAsn, commitment: &str, asn: u64, verdict: &str) -> usize {
    seconds_of(sorted, "loss", commitment, asn, verdict)
}

/// How many seconds of a contract and an ASN have a verdict on a measure.
fn seconds_of(sorted: &ByAsn, measure: &str, commitment: &str, asn: u64, verdict: &str) -> usize {
    let place = MEASURES.iter().position(|(label, _)| *label == measure);
    let lines = &sorted[&(commitment.to_owned(), asn)];
    lines
        .values()
        .filter(|[from, _]| from.verdicts[place.unwrap()].as_deref() == Some(verdict))
        .count()
}

#[test]
fn minutes_of_calls_that_climb_over_and_come_back() {
    let sorted = verify(&frames::calls(START * 1_000_000_000, false));
    // The capture is worth the name: every verdict occurs, and the climb is out and back.
    assert!(seconds_with(&sorted, "clause", 64_500, "void") > 60);
    assert!(seconds_with(&sorted, "clause", 64_500, "missed") > 20);
    assert!(seconds_with(&sorted, "clause", 64_501, "met") > 100);
    assert_eq!(
        seconds_with(&sorted, "clause", 64_501, "indeterminate"),
        59,
        "the first window"
    );
    assert_eq!(seconds_with(&sorted, "clause", 64_501, "void"), 0);
    let jitter = |asn, verdict| seconds_of(&sorted, "jitter", "clause", asn, verdict);
    assert!(jitter(64_501, "missed") > 40 && jitter(64_501, "met") > 20);
    assert!(jitter(64_500, "void") > 60 && jitter(64_502, "indeterminate") > 0);
    assert!(!sorted.keys().any(|(name, _)| name == "elsewhere"));
    let silent = sorted[&("one-second".to_owned(), 64_502)].len();
    assert!(
        (20..60).contains(&silent),
        "it speaks for half a minute: {silent}"
    );
}

#[test]
fn late_frames_become_amendments_and_the_windows_still_add_up() {
    let shots = frames::calls(START * 1_000_000_000, true);
    assert!(!shots.is_sorted_by_key(|shot| shot.nanos));
    let sorted = verify(&shots);
    let lines = sorted.values().flat_map(BTreeMap::values).flatten();
    let amended = lines.filter(|line| !line.amendments.is_empty()).count();
    assert!(amended > 50, "{amended} lines with amendments");
}

#[test]
fn a_capture_that_begins_in_mid_second_taints_that_second() {
    let sorted = verify(&frames::calls(START * 1_000_000_000 + 300_000_000, false));
    let lines = &sorted[&("clause".to_owned(), 64_501)];
    let first = lines.first_key_value().unwrap().1;
    assert!(first[0].tainted);
    assert_eq!(
        seconds_with(&sorted, "clause", 64_501, "indeterminate"),
        60,
        "one more"
    );
}

#[test]
fn what_a_file_says_was_dropped_bounds_what_the_windows_with_it_may_be() {
    let all = frames::calls(START * 1_000_000_000, false);
    let (first, last) = (START + 150, START + 153);
    // Of every 400 frames of these seconds one is not in the file.
    let (mut shots, mut drops, mut place) = (Vec::new(), BTreeMap::new(), 0);
    for shot in all {
        let in_mid_second = (100_000_000..900_000_000).contains(&(shot.nanos % 1_000_000_000));
        if (first..last).contains(&shot.second()) && in_mid_second {
            place += 1;
            if place % 400 == 0 {
                *drops.entry(shot.second()).or_insert(0) += 1;
                continue;
            }
        }
        shots.push(shot);
    }
    let sorted = verify_with(&shots, &drops);
    let reasons = |commitment: &str, asn| {
        let lines = sorted[&(commitment.to_owned(), asn)].range(first..last + 10);
        let count =
            |what: fn(&Line) -> bool| lines.clone().filter(|(_, [line, _])| what(line)).count();
        [
            count(|line| line.verdicts[0].as_deref() == Some("met")),
            count(|line| line.verdicts[0].as_deref() == Some("missed")),
            count(|line| line.reasons[0].as_deref() == Some("unseen")),
        ]
    };
    // 13 windows of ten seconds hold one of these.
    assert!(drops.len() == 3 && drops.values().sum::<u64>() < 12);
    assert_eq!(
        reasons("clause", 64_501),
        [13, 0, 0],
        "they make no difference"
    );
    assert_eq!(reasons("ten-seconds", 64_500), [0, 13, 0], "nor here");
    assert!(reasons("ten-seconds", 64_501)[2] > 4, "here they may");
}

#[test]
fn numbers_that_may_be_lost_decide_whether_a_guarantee_is_met() {
    let media = Media::g711("192.0.2.9:30000", "198.51.100.1:20000", 0x77);
    // It begins anew every two seconds, after a silence of half a second.
    let begun = (0..40).map(|time| (2_000 * u64::from(time), 0x9e37_u32 * (1 + time)));
    let packet = |begin: u64, number: u32, place: u32| Shot {
        nanos: (START * 1000 + begin + 20 * u64::from(place)) * 1_000_000,
        octets: media.packet(number + place),
    };
    let mut shots: Vec<_> = begun
        .flat_map(|(begin, number)| (0..75).map(move |place| packet(begin, number, place)))
        .collect();
    let (src, dst) = ("192.0.2.9:5060", "198.51.100.1:5060");
    let options = b"OPTIONS sip:a SIP/2.0\r\n\r\n";
    shots.push(Shot {
        nanos: (START + 80) * 1_000_000_000,
        octets: udp(src.parse().unwrap(), dst.parse().unwrap(), options),
    });
    let sorted = verify(&shots);
    let lines = &sorted[&("ten-seconds".to_owned(), 64_501)];
    let in_doubt = lines
        .values()
        .filter(|[line, _]| line.reasons[0].as_deref() == Some("in_doubt"));
    assert!(in_doubt.count() > 60);
    let is_certain = |[line, _]: &[Line; 2]| line.window.1[0][1] > 0;
    assert!(
        !lines.values().any(is_certain),
        "not a number is lost for certain"
    );
}
