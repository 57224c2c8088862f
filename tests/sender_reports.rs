//! What RTCP says of doubt: the sender's own count of packets, and a receiver behind the tap that misses fewer
//! (MODEL §7.12). Nobody's word takes anything off what is lost and may be.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use proptest::prelude::*;
use serde_json::Value;
use support::START;
use support::desk::Desk;
use support::frames::{Media, Shot, udp};
use support::program::{list, number, replay_text};

const FAR: [&str; 2] = ["203.0.113.1:20000", "203.0.113.1:20001"];
const OURS: [&str; 2] = ["198.51.100.1:20000", "198.51.100.1:20001"];
const SSRC: u32 = 1;

const CONFIG: &str = r#"
[asn]
sources = [{ prefixes = "asns.tsv" }]
local_prefixes = ["198.51.100.0/24"]

[[commitment]]
name = "carrier"
committed_rate = "10 Mbps"
window = "5s"
guarantee = { loss = "1 %" }
"#;

fn at(millis: u64) -> u64 {
    (START * 1000 + millis) * 1_000_000
}

/// A packet of the far end's stream: when, and under which number.
fn media(millis: u64, number: u32) -> Shot {
    Shot {
        nanos: at(millis),
        octets: Media::g711(FAR[0], OURS[0], SSRC).packet(number),
    }
}

fn rtcp(millis: u64, [src, dst]: [&str; 2], payload: &[u8]) -> Shot {
    Shot {
        nanos: at(millis),
        octets: udp(src.parse().unwrap(), dst.parse().unwrap(), payload),
    }
}

/// The far end says that it has sent so many packets.
fn sender_report(millis: u64, sent: u32) -> Shot {
    let mut payload = vec![0x80, 200, 0, 6];
    payload.extend(SSRC.to_be_bytes());
    payload.extend((0xe000_0000_0000_0000_u64 + millis).to_be_bytes());
    payload.extend(0_u32.to_be_bytes());
    payload.extend(sent.to_be_bytes());
    payload.extend((160 * sent).to_be_bytes());
    rtcp(millis, [FAR[1], OURS[1]], &payload)
}

/// Our end says up to which number it has received the stream, and how many it has lost.
fn receiver_report(millis: u64, highest: u32, lost: u32) -> Shot {
    let mut payload = vec![0x81, 201, 0, 7];
    payload.extend(2_u32.to_be_bytes());
    payload.extend(SSRC.to_be_bytes());
    payload.extend(lost.to_be_bytes());
    payload.extend(highest.to_be_bytes());
    payload.extend([0; 12]);
    rtcp(millis, [OURS[1], FAR[1]], &payload)
}

/// The whole document on one worker, the same on others.
fn run(mut shots: Vec<Shot>) -> Value {
    shots.sort();
    let desk = Desk::new();
    let config = desk.file("asnmeter.toml", CONFIG);
    desk.file("asns.tsv", "203.0.113.0/24\t64500\n");
    let capture = desk.capture("calls.pcap", &shots);
    let of = |workers| replay_text(&[&capture, "--config", &config, "--workers", workers]);
    let document = of("1");
    assert_eq!(document, of("3"), "on three workers");
    serde_json::from_str(&document).unwrap()
}

/// Of what the far end sent: expected, lost, maybe lost.
fn loss(document: &Value) -> [u64; 3] {
    let far = list(document, "/asns")
        .iter()
        .find(|row| row["asn"] == 64_500);
    ["expected", "lost", "maybe_lost"].map(|key| number(&far.unwrap()["from"], &format!("/{key}")))
}

/// A call of 40 s with a packet every 20 ms and a sender report every second. In gaps of 2 s that begin at these
/// seconds its sender begins a new numbering; whether it sends on meanwhile, which is lost before the tap.
fn restarts(gaps: &[u64], sends_on: bool, reports: bool) -> Vec<Shot> {
    let (mut shots, mut sent, mut base) = (Vec::new(), 0, 0);
    for tick in 0..2_000_u64 {
        let millis = 20 * tick;
        let gap = gaps
            .iter()
            .find(|gap| (**gap * 1000..(**gap + 2) * 1000).contains(&millis));
        if reports && millis % 1000 == 0 && millis > 0 {
            shots.push(sender_report(millis - 5, sent));
        }
        if let Some(gap) = gap {
            // The new numbering has nothing to do with the old one.
            base = u32::try_from(*gap).unwrap() * 7_919;
            sent += u32::from(sends_on);
        } else {
            shots.push(media(millis, base + u32::try_from(tick).unwrap()));
            sent += 1;
        }
    }
    shots
}

#[test]
fn a_restart_that_the_sender_sent_through_is_doubt_and_one_in_which_it_sent_nothing_is_none() {
    let silent = run(restarts(&[20], true, false));
    assert_eq!(
        loss(&silent),
        [1_900, 0, 0],
        "without reports it is excused"
    );
    let honest = run(restarts(&[20], false, true));
    assert_eq!(loss(&honest), [1_900, 0, 0]);
    let told = run(restarts(&[20], true, true));
    assert_eq!(loss(&told), [1_900, 0, 100]);
}

#[test]
fn what_was_sent_in_the_gaps_of_many_restarts_is_doubt() {
    let gaps = [8, 16, 24, 32];
    let silent = run(restarts(&gaps, true, false));
    assert_eq!(loss(&silent), [1_600, 0, 200], "two excused, two in doubt");
    let told = run(restarts(&gaps, true, true));
    assert_eq!(
        loss(&told),
        [1_600, 0, 400],
        "a count may be forged: nothing is lost for certain"
    );
    let honest = run(restarts(&gaps, false, true));
    assert_eq!(
        loss(&honest),
        loss(&silent),
        "nobody takes doubt off by a word"
    );
}

#[test]
fn who_counts_what_never_came_where_nothing_is_in_doubt_changes_nothing() {
    let mut shots = restarts(&[], false, true);
    assert_eq!(loss(&run(shots.clone())), [2_000, 0, 0]);
    shots.extend([7, 14, 21].map(|second| sender_report(1000 * second + 500, 25_000)));
    assert_eq!(loss(&run(shots)), [2_000, 0, 0]);
}

/// A call of 40 s with a packet every 20 ms and a sender report every second. From 20 s until another time nothing
/// comes; whether the sender counts on meanwhile, and its numbers run on.
fn falls_silent(until: u64, counts_on: bool, numbers_run_on: bool) -> Vec<Shot> {
    let (mut shots, mut sent, mut number) = (Vec::new(), 0, 0);
    for tick in 0..2_000_u64 {
        let millis = 20 * tick;
        if millis % 1000 == 0 && millis > 0 {
            shots.push(sender_report(millis - 5, sent));
        }
        let is_silent = (20_000..until).contains(&millis);
        if !is_silent {
            shots.push(media(millis, number));
        }
        sent += u32::from(!is_silent || counts_on);
        number += u32::from(!is_silent || numbers_run_on);
    }
    shots
}

#[test]
fn what_a_sender_counts_in_a_silence_is_doubt_until_its_numbers_tell() {
    let dead = run(falls_silent(40_000, true, true));
    assert_eq!(loss(&dead), [1_000, 0, 950], "up to its last report");
    let honest = run(falls_silent(40_000, false, false));
    assert_eq!(loss(&honest), [1_000, 0, 0], "it counts nothing");
    let lost = run(falls_silent(30_000, true, true));
    assert_eq!(loss(&lost), [2_000, 500, 0], "its numbers say the same");
    let pause = run(falls_silent(30_000, false, false));
    assert_eq!(loss(&pause), [1_500, 0, 0]);
    let denied = run(falls_silent(30_000, true, false));
    assert_eq!(loss(&denied), [1_500, 0, 500], "its numbers say otherwise");
}

#[test]
fn who_counts_in_a_silence_what_nobody_can_have_sent_makes_no_more_doubt_than_the_time_has_room_for()
 {
    let mut shots = falls_silent(40_000, false, false);
    shots.push(sender_report(30_000, 25_000));
    let [expected, lost, maybe] = loss(&run(shots));
    assert_eq!((expected, lost), (1_000, 0), "anybody can forge a count");
    assert!((500..600).contains(&maybe), "{maybe}");
}

/// A call of 60 s of which 10 of 100 packets do not pass the tap; our end reports every 5 s, from the first on
/// that it has lost one of 100, or all that the tap misses.
fn tapped(lost_behind: u32) -> Vec<Shot> {
    let passes = |number: &u32| number % 100 >= 10 || *number < 100;
    let mut shots: Vec<_> = (0..3_000)
        .filter(passes)
        .map(|number| media(20 * u64::from(number), number))
        .collect();
    for round in 1..12_u32 {
        let highest = 250 * round - 1;
        let hundreds = highest / 100;
        let whole = lost_behind * hundreds;
        // The last hundred may have begun.
        let some = lost_behind.min(highest % 100 + 1);
        let lost = if hundreds > 0 {
            whole - lost_behind + some
        } else {
            0
        };
        shots.push(receiver_report(5_000 * u64::from(round) + 5, highest, lost));
    }
    shots
}

#[test]
fn what_a_receiver_behind_the_tap_has_is_no_certain_loss() {
    let agreed = run(tapped(10));
    assert_eq!(loss(&agreed), [3_000, 290, 0]);
    let fewer = run(tapped(1));
    let [expected, lost, maybe] = loss(&fewer);
    assert_eq!(
        (expected + maybe, lost + maybe),
        (3_000, 290),
        "nothing is taken off"
    );
    // From the second report on, up to the last that was paid: nine of ten.
    assert!((180..=250).contains(&maybe), "{lost} {maybe}");
    let none = run(tapped(0));
    assert_eq!(
        loss(&none),
        [3_000, 290, 0],
        "who never reported a loss may not count at all"
    );
}

/// What anybody says in RTCP.
fn word() -> impl Strategy<Value = (u64, u8, u32, u32, u32, bool)> {
    (
        1_000..39_000_u64,
        0..3_u8,
        0..4_000_u32,
        any::<u32>(),
        0..3_u32,
        any::<bool>(),
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]
    #[test]
    fn nobody_s_word_takes_anything_off_what_is_lost_and_may_be(
        words in prop::collection::vec(word(), 0..60),
    ) {
        let mut shots = restarts(&[10, 20, 25, 30], true, false);
        // A lossy stretch besides.
        let mut kept = 0;
        shots.retain(|_| { kept += 1; kept % 40 != 7 });
        let [expected, lost, maybe] = loss(&run(shots.clone()));
        for shot in restarts(&[10, 20, 25, 30], true, true) {
            // The true reports.
            if shot.octets.len() < 150 {
                shots.push(shot);
            }
        }
        for (millis, kind, near, any, what, is_wild) in words {
            let value = if is_wild { any } else { near };
            shots.push(match kind {
                0 => sender_report(millis, value % 40_000),
                1 => receiver_report(millis, value, near % (what * 50 + 1)),
                _ => receiver_report(millis, near, value & 0xff_ffff),
            });
        }
        let [more_expected, more_lost, more_maybe] = loss(&run(shots));
        let [before, after] = [lost + maybe, more_lost + more_maybe];
        prop_assert!(after >= before, "{lost} + {maybe}, then {more_lost} + {more_maybe}");
        prop_assert!(more_expected + more_maybe >= expected + maybe);
    }
}
