//! Loss is a fact of the network: it stays the same however the capture was made.

use super::line::{Fate, G729, Line, PCMA};
use super::octets::ethernet;
use super::support::desk::Desk;
use super::support::frames::Shot;
use super::support::program::{asnmeter, list, number, replay, text};
use super::way::Way;
use super::{START, hold, listed, rng};
use serde_json::Value;
use std::collections::BTreeMap;

const SEED: u64 = 0x5eed_0bad;
const MILLISECOND: u64 = 1_000_000;

/// Thirty calls in all sorts of weather, with a silence and a new numbering in the middle.
fn calls() -> Vec<Line> {
    let call = |place: usize| {
        let port = 30_000 + 2 * place;
        let v6 = place % 4 == 3;
        let (src, dst) = if v6 {
            (
                format!("[2001:db8::{place:x}]:{port}"),
                format!("[2001:db8:ff::1]:{port}"),
            )
        } else {
            (
                format!("203.0.113.{place}:{port}"),
                format!("198.51.100.1:{port}"),
            )
        };
        let ends = (src.parse().unwrap(), dst.parse().unwrap());
        let way = Way::ALL[place % Way::ALL.len()];
        let codec = [PCMA, G729][place % 2];
        let mut line = Line::new(way, ends, codec, rng(SEED, place as u64).next_u64());
        for _ in 0..2 {
            line.talk_with(500, |_, rng| match rng.next_u64() % 100 {
                0..4 => Fate::Lost,
                // IPv6 has no identification: a copy is known only right behind its packet.
                4.. if v6 => Fate::Arrives,
                4..7 => Fate::SentTwice(3000 + rng.next_u64() % 20_000),
                7..9 => Fate::HeldBack(1 + rng.next_u64() % 20),
                _ => Fate::Arrives,
            });
            line.outage(300);
            line.talk(100);
            line.pass(3_000 * MILLISECOND);
            line.restart();
        }
        line.talk(100);
        line
    };
    (0..30).map(call).collect()
}

/// The frames of all calls; one of nobody stands on the second's stroke, so that the capture begins
/// with a whole second: what is lost in one that is not seen whole would be nobody's.
fn frames(lines: &[Line]) -> Vec<Shot> {
    let stroke = Shot {
        nanos: START,
        octets: ethernet(0x0806, &[0; 46]),
    };
    let mut shots = super::frames(lines);
    shots.insert(0, stroke);
    shots
}

/// Every stream's loss and what should have come, by name.
fn losses(document: &Value) -> BTreeMap<String, Vec<[u64; 2]>> {
    let of = |row: &Value| ["/lost", "/expected"].map(|key| number(row, key));
    let streams = listed(document).into_iter();
    streams
        .map(|(name, rows)| (name, rows.iter().map(of).collect()))
        .collect()
}

/// What is printed of some frames, in this order, with a deduplicating configuration or not.
fn replayed(shots: &[Shot], deduplicate: bool) -> (Value, String) {
    let desk = Desk::new();
    let capture = desk.capture("capture.pcap", shots);
    let config = desk.file(
        "asnmeter.toml",
        format!("[capture]\ndeduplicate = {deduplicate}\n"),
    );
    let arguments = ["--config", &config, &capture];
    let report = asnmeter(["replay"].iter().chain(&arguments)).stdout;
    (replay(&arguments), report)
}

#[test]
fn a_capture_cut_in_two_files_says_the_same_as_the_whole() {
    let (lines, desk) = (calls(), Desk::new());
    let shots = frames(&lines);
    let whole = replay(&[&desk.capture("whole.pcap", &shots)]);
    hold("whole", &lines, &whole);
    let (first, second) = shots.split_at(shots.len() / 3);
    let cut = [
        desk.capture("1.pcap", first),
        desk.capture("2.pcap", second),
    ];
    assert_eq!(replay(&[&cut[0], &cut[1]]), whole);
    assert_eq!(
        replay(&[&cut[1], &cut[0]]),
        whole,
        "in whatever order they are named"
    );
}

#[test]
fn a_capture_shuffled_within_50_ms_has_the_same_loss() {
    println!("seed {SEED:#x}");
    let lines = calls();
    let shots = frames(&lines);
    let truth = losses(&replayed(&shots, false).0);
    let mut rng = rng(SEED, 99);
    // Several queues: times are right, the order is not.
    let mut order = shots.clone();
    order[1..].sort_by_cached_key(|shot| shot.nanos + rng.next_u64() % (50 * MILLISECOND));
    assert_ne!(order, shots);
    assert_eq!(losses(&replayed(&order, false).0), truth, "another order");
    // A path that delays: the times themselves differ.
    for shot in &mut order[1..] {
        shot.nanos += rng.next_u64() % (50 * MILLISECOND);
    }
    order.sort_by_key(|shot| shot.nanos);
    assert_eq!(losses(&replayed(&order, false).0), truth, "other times");
}

/// Every tenth packet again, as a mirror shows it that takes it on both sides of a router.
fn mirrored(lines: &[Line]) -> (Vec<Shot>, u64, u64) {
    let mut rng = rng(SEED, 7);
    let (mut shots, mut copies, mut octets) = (frames(lines), 0, 0);
    for line in lines {
        for arrival in line.streams().values().flatten() {
            if !rng.next_u64().is_multiple_of(10) {
                continue;
            }
            let mut copy = arrival.frames[0].clone();
            if line.way == Way::Plain && line.src.is_ipv4() {
                // Another sender's address, one hop less, the header's checksum one hop more.
                (copy[11], copy[22]) = (9, copy[22] - 1);
                copy[24] = copy[24].wrapping_add(1);
            }
            copies += 1;
            octets += arrival.bytes;
            shots.push(Shot {
                nanos: arrival.nanos + rng.next_u64() % MILLISECOND,
                octets: copy,
            });
        }
    }
    shots.sort_by_key(|shot| shot.nanos);
    (shots, copies, octets)
}

#[test]
fn a_mirror_that_shows_frames_twice_changes_no_loss_and_no_share_if_they_are_taken_out() {
    println!("seed {SEED:#x}");
    let lines = calls();
    let (plain, quiet) = replayed(&frames(&lines), false);
    assert!(
        !quiet.contains("Copies"),
        "a sender's duplicates are no mirror's: {quiet}"
    );
    assert_eq!(number(&plain, "/capture/mirror_copies"), 0);

    let (shots, copies, octets) = mirrored(&lines);
    let (counted, warned) = replayed(&shots, false);
    assert_eq!(losses(&counted), losses(&plain), "off");
    assert_eq!(number(&counted, "/capture/mirror_copies"), copies);
    assert!(warned.contains("inflate every share"), "{warned}");
    let more = number(&counted, "/voice/bytes") - number(&plain, "/voice/bytes");
    assert_eq!(more, octets, "off: every copy is in the share");

    let (taken_out, quiet) = replayed(&shots, true);
    assert_eq!(number(&taken_out, "/discarded/mirror_copy"), copies);
    assert_eq!(number(&taken_out, "/capture/mirror_copies"), copies);
    assert!(!quiet.contains("inflate"), "{quiet}");
    for key in ["voice", "streams", "asns"] {
        assert_eq!(taken_out[key], plain[key], "on: {key}");
    }
    hold("taken out", &lines, &taken_out);
    assert!(copies > 1000 && text(&list(&plain, "/streams")[0], "kind") == "audio");
}
