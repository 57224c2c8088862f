//! What receivers say that they hear, in RTCP XR (RFC 3611): by ASN and direction, shown and never judged
//! (MODEL §7.11); and round trips of receivers that do not send.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use serde_json::{Value, json};
use support::START;
use support::desk::Desk;
use support::frames::{Media, Shot, udp};
use support::program::{list, replay_text};

const FAR: [&str; 2] = ["203.0.113.1:20000", "203.0.113.1:20001"];
const OURS: [&str; 2] = ["198.51.100.1:20000", "198.51.100.1:20001"];

const CONFIG: &str = r#"
[asn]
sources = [{ prefixes = "asns.tsv" }]
local_prefixes = ["198.51.100.0/24"]

[[commitment]]
name = "carrier"
committed_rate = "10 Mbps"
threshold = "10 %"
window = "10s"
guarantee = { loss = "1 %", loss_direction = "both" }
"#;

fn at(millis: u64) -> u64 {
    (START * 1000 + millis) * 1_000_000
}

/// Half a minute of both directions; from the far end 4 of 100 packets are missing.
fn call() -> Vec<Shot> {
    let mut shots = Vec::new();
    for (src, dst, ssrc) in [(FAR[0], OURS[0], 1), (OURS[0], FAR[0], 2)] {
        let media = Media::g711(src, dst, ssrc);
        let keeps = |number: &u32| ssrc == 2 || number % 25 != 7;
        shots.extend((0..1500).filter(keeps).map(|number| Shot {
            nanos: at(20 * u64::from(number)),
            octets: media.packet(number),
        }));
    }
    shots
}

fn rtcp(millis: u64, [src, dst]: [&str; 2], payload: &[u8]) -> Shot {
    Shot {
        nanos: at(millis),
        octets: udp(src.parse().unwrap(), dst.parse().unwrap(), payload),
    }
}

/// An extended report of a reporter, with these blocks.
fn extended(reporter: u32, blocks: &[Vec<u8>]) -> Vec<u8> {
    let body = [&reporter.to_be_bytes()[..], &blocks.concat()].concat();
    let words = u16::try_from(body.len() / 4).unwrap();
    [&[0x80, 207][..], &words.to_be_bytes(), &body].concat()
}

/// A VoIP metrics block: of which source, what is lost and discarded in 1/256, the round trip in ms, MOS-LQ.
fn heard(ssrc: u32, lost: u8, discarded: u8, trip: u16, mos: u8) -> Vec<u8> {
    let mut block = vec![7, 0, 0, 8];
    block.extend(ssrc.to_be_bytes());
    block.extend([lost, discarded, 0, 0, 0, 0, 0, 0]);
    block.extend(trip.to_be_bytes());
    block.extend([
        0, 60, 0, 0, 127, 16, 127, 127, mos, 127, 0, 0, 0, 40, 0, 80, 0, 120,
    ]);
    block
}

fn run(mut shots: Vec<Shot>) -> Value {
    shots.sort();
    let desk = Desk::new();
    let config = desk.file("asnmeter.toml", CONFIG);
    desk.file("asns.tsv", "203.0.113.0/24\t64500\n");
    let capture = desk.capture("calls.pcap", &shots);
    let of = |workers| replay_text(&[&capture, "--config", &config, "--workers", workers]);
    let document = of("1");
    assert_eq!(document, of("2"), "on two workers");
    assert_eq!(document, of("4"), "on four workers");
    serde_json::from_str(&document).unwrap()
}

fn row(document: &Value, asn: impl Into<Value>) -> &Value {
    let asn = asn.into();
    list(document, "/asns")
        .iter()
        .find(|row| row["asn"] == asn)
        .unwrap()
}

#[test]
fn what_receivers_hear_stands_beside_the_asn_and_changes_no_loss() {
    let plain = run(call());
    assert_eq!(row(&plain, 64_500).get("voip_metrics"), None);
    let mut shots = call();
    for (place, trip) in [(0, 0), (1, 140), (2, 160)] {
        let millis = 5_000 + 5_000 * place;
        // The far end hears our stream well; ours hears the other one badly.
        let far = extended(1, &[heard(2, 0, 13, trip, 42)]);
        shots.push(rtcp(millis, [FAR[1], OURS[1]], &far));
        let ours = extended(2, &[vec![9, 0, 0, 0], heard(1, 255, 0, 0, 12)]);
        shots.push(rtcp(millis + 7, [OURS[1], FAR[1]], &ours));
    }
    let document = run(shots);
    let far = row(&document, 64_500);
    let [from, to] = ["from", "to"].map(|direction| &far["voip_metrics"][direction]);
    assert_eq!((&to["blocks"], &from["blocks"]), (&json!(3), &json!(3)));
    assert_eq!(to["loss_ratio"]["mean"], 0.0);
    assert_eq!(to["discard_ratio"]["mean"], 0.0508);
    assert_eq!(to["mos_lq"]["mean"], 4.2);
    assert_eq!(to.get("mos_cq"), None, "nobody knows it");
    let trips = &to["round_trip_s"];
    assert_eq!((&trips["count"], &trips["mean"]), (&json!(2), &json!(0.15)));
    assert_eq!(
        (&trips["buckets"]["0.15"], &trips["buckets"]["0.3"]),
        (&json!(1), &json!(2))
    );
    assert_eq!(from["loss_ratio"]["mean"], 0.9961);
    assert_eq!(from["mos_lq"]["buckets"]["2.6"], 3);
    // The same for our own side, seen from there.
    let local = row(&document, "local");
    assert_eq!(
        (&local["voip_metrics"]["from"], &local["voip_metrics"]["to"]),
        (to, from)
    );
    // It says that nearly all is lost, and nothing is: nothing else has changed.
    let before = row(&plain, 64_500);
    for key in ["expected", "lost", "maybe_lost"] {
        assert_eq!(far["from"][key], before["from"][key], "{key}");
    }
    assert_eq!(far["from"]["lost"], 60);
    for key in ["received", "loss_path", "rtt_ms"] {
        assert_eq!(far[key], before[key], "{key}");
    }
    assert_eq!(far["to"]["reported"], before["to"]["reported"]);
    let verdict = |document: &Value| {
        document
            .pointer("/commitments/0/asns/0/guarantees/loss")
            .cloned()
    };
    assert!(verdict(&plain).is_some(), "{plain}");
    assert_eq!(verdict(&document), verdict(&plain));
}

#[test]
fn one_reporter_counts_once_a_second_and_a_stranger_not_at_all() {
    let mut shots = call();
    // A hundred in a second, of one reporter.
    let flood = extended(1, &[heard(2, 200, 0, 0, 10)]);
    shots.extend((0..100).map(|place| rtcp(6_000 + 9 * place, [FAR[1], OURS[1]], &flood)));
    // Seven reporters: as many as a stream has room for, less the one above.
    for reporter in 100..107 {
        let one = extended(reporter, &[heard(2, 0, 0, 0, 45)]);
        shots.push(rtcp(8_000 + u64::from(reporter), [FAR[1], OURS[1]], &one));
    }
    // About a source that nobody knows; from a host that has no part in it; cut, and of a wrong length.
    let far = [FAR[1], OURS[1]];
    shots.push(rtcp(9_000, far, &extended(1, &[heard(77, 0, 0, 0, 45)])));
    let stranger = ["192.0.2.66:20001", OURS[1]];
    shots.push(rtcp(
        9_100,
        stranger,
        &extended(1, &[heard(2, 0, 0, 0, 45)]),
    ));
    let mut short = heard(2, 0, 0, 0, 45);
    short.truncate(32);
    short[3] = 7;
    shots.push(rtcp(9_200, far, &extended(1, &[short])));
    let document = run(shots);
    let to = &row(&document, 64_500)["voip_metrics"]["to"];
    assert_eq!(to["blocks"], 1 + 3, "{to}");
    assert_eq!(to["mos_lq"]["buckets"]["2.6"], 1, "the flood");
}

#[test]
fn a_receiver_that_does_not_send_measures_a_round_trip_by_its_reference_time() {
    let mut shots = call();
    shots.retain(|shot| shot.octets[26..30] == [203, 0, 113, 1]);
    for round in 0..30_u64 {
        let stamp = 0xe000_0000_0000_0000 + (round << 32 | 0x8000_0000);
        let reference = [&[4, 0, 0, 2][..], &stamp.to_be_bytes()].concat();
        let asked = extended(9, &[reference]);
        shots.push(rtcp(1_000 * round + 500, [OURS[1], FAR[1]], &asked));
        // Answered 120 ms later, of which 45 ms passed at the sender: 2949/65536 s.
        let mut answer = vec![5, 0, 0, 3];
        answer.extend(9_u32.to_be_bytes());
        let middle = u32::try_from(stamp >> 16 & 0xffff_ffff).unwrap();
        answer.extend(middle.to_be_bytes());
        answer.extend(2_949_u32.to_be_bytes());
        let answer = extended(1, &[answer]);
        shots.push(rtcp(1_000 * round + 620, [FAR[1], OURS[1]], &answer));
    }
    let document = run(shots);
    let trips = &row(&document, 64_500)["rtt_ms"]["rtcp"];
    assert_eq!(trips["count"], 30);
    let max = trips["max"].as_f64().unwrap();
    assert!((74.9..=75.1).contains(&max), "{max}");
}
