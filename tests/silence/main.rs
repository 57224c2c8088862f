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

use day::{Cut, Day, Situation, Stop};
use serde_json::Value;
use std::collections::BTreeMap;
use support::desk::Desk;
use support::frames::{Media, Shot, udp};
use support::program::{asnmeter, assert_verifies, list, number, replay};
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
#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct Tally {
    seconds: u64,
    met: u64,
    missed: u64,
    in_doubt: u64,
    /// `met` where the truth is missed, `missed` where it is met.
    wrongly_met: Vec<u64>,
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
                if is_missed(lost.saturating_sub(EDGE)) {
                    tally.wrongly_met.push(second);
                }
            }
            Some("missed") => {
                tally.missed += 1;
                tally.wrongly_missed += u64::from(!is_missed(lost + EDGE));
            }
            Some("indeterminate") if line["indeterminate_reason"]["loss"] == "in_doubt" => {
                tally.in_doubt += 1;
            }
            // Nothing came for so long that there is nothing to measure with.
            Some("indeterminate")
                if line["indeterminate_reason"]["loss"] == "few_samples" && sent == lost => {}
            other => panic!("{name}: {other:?} {line}"),
        }
    }
    // What the table of MODEL §11.5 has (`--nocapture`).
    eprintln!("{tally:?}");
    tally
}

/// In doubt at most so many of a thousand seconds, and nothing wrong.
fn is_decided(tally: &Tally, doubtful: u64) {
    assert_eq!(
        (tally.wrongly_met.len(), tally.wrongly_missed),
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
fn honest_days_of_twenty_calls_are_decided_with_and_without_sip() {
    let mut days = Tally::default();
    for (seed, visible) in [(1, 0), (2, 100), (3, 50)] {
        let day = held_against_truth(&Day::new(seed, 0).mixed(20, 15 * MINUTE, visible));
        // Without any SIP and RTCP more is in doubt than on a day as it usually is.
        is_decided(&day, 80);
        days.seconds += day.seconds;
        days.in_doubt += day.in_doubt;
    }
    is_decided(&days, 40);
}

/// Makes a day of a seed.
type MakeDay = Box<dyn Fn(u64) -> Day>;

/// The days of the table of MODEL §11.5, with other random numbers: seconds, of these in doubt, wrongly
/// `met` and wrongly `missed`.
#[test]
#[ignore = "five days of each kind take minutes: `cargo test --test silence -- --ignored --nocapture`"]
fn other_days_of_each_kind_are_decided_as_well() {
    let mixed = |calls, minutes, visible, loss| {
        move |seed| Day::new(seed, loss).mixed(calls, minutes * MINUTE, visible)
    };
    let all = |situation, calls, cut| {
        move |seed| Day::new(seed, 0).cut(cut).all(situation, calls, 3 * MINUTE)
    };
    let pauses = Situation::Pauses { noise: false };
    let honest: [(&str, MakeDay); 6] = [
        ("20 calls, no SIP", Box::new(mixed(20, 15, 0, 0))),
        ("20 calls, half with SIP", Box::new(mixed(20, 15, 50, 0))),
        ("20 calls, all with SIP", Box::new(mixed(20, 15, 100, 0))),
        ("50 calls, no SIP", Box::new(mixed(50, 12, 0, 0))),
        ("100 calls, 30 % with SIP", Box::new(mixed(100, 6, 30, 0))),
        ("50 calls, 1 % of loss", Box::new(mixed(50, 8, 20, 10))),
    ];
    let dishonest: [(&str, u64, MakeDay); 6] = [
        (
            "20 calls dead for 30 s",
            0,
            Box::new(all(Situation::Plain, 20, dead(ALIVE, 100))),
        ),
        (
            "100 calls dead for good",
            0,
            Box::new(all(Situation::Plain, 100, dead(FOREVER, 100))),
        ),
        (
            "40 of 100 dead for good",
            0,
            Box::new(all(Situation::Plain, 100, dead(FOREVER, 40))),
        ),
        (
            "20 behind a hold",
            0,
            Box::new(all(Situation::SaysHold(DEAD), 20, dead(FOREVER, 100))),
        ),
        (
            "20 behind BYE of RTCP",
            0,
            Box::new(all(Situation::SaysGoodbye(DEAD), 20, dead(FOREVER, 100))),
        ),
        (
            "20 that pause, dead for good",
            11,
            Box::new(all(pauses, 20, dead(FOREVER, 100))),
        ),
    ];
    let row = |name: &str, tallies: &[Tally]| {
        let sum = |of: fn(&Tally) -> u64| tallies.iter().map(of).sum::<u64>();
        let each: Vec<_> = tallies.iter().map(|tally| tally.in_doubt).collect();
        println!(
            "| {name} | {} | {each:?} | {} | {} |",
            sum(|tally| tally.seconds),
            sum(|tally| tally.wrongly_met.len() as u64),
            sum(|tally| tally.wrongly_missed)
        );
    };
    for (name, day) in honest {
        let tallies: Vec<_> = (101..=105)
            .map(|seed| held_against_truth(&day(seed)))
            .collect();
        row(name, &tallies);
        assert!(
            tallies
                .iter()
                .all(|tally| tally.wrongly_met.is_empty() && tally.wrongly_missed == 0)
        );
    }
    for (name, pause, day) in dishonest {
        let tallies: Vec<_> = (101..=105)
            .map(|seed| held_against_truth(&day(seed)))
            .collect();
        row(name, &tallies);
        let known = DEAD / 1_000 + 2 + pause;
        let mut wrong = tallies.iter().flat_map(|tally| &tally.wrongly_met);
        assert!(wrong.all(|second| *second < known));
        assert!(tallies.iter().all(|tally| tally.wrongly_missed == 0));
    }
}

#[test]
fn an_honest_day_of_fifty_calls_and_more_is_decided() {
    let mut days = Tally::default();
    for seed in [4, 101, 102, 103] {
        let day = held_against_truth(&Day::new(seed, 0).mixed(50, 12 * MINUTE, 0));
        // Five streams of fifty may fall silent together by chance.
        is_decided(&day, 40);
        days.seconds += day.seconds;
        days.in_doubt += day.in_doubt;
    }
    is_decided(&days, 10);
    is_decided(
        &held_against_truth(&Day::new(5, 0).mixed(100, 6 * MINUTE, 30)),
        10,
    );
}
#[test]
fn a_day_with_one_percent_of_loss_is_missed_whoever_falls_silent() {
    for seed in [6, 7] {
        is_decided(
            &held_against_truth(&Day::new(seed, 10).mixed(50, 8 * MINUTE, 20)),
            10,
        );
    }
}

/// When a carrier goes dead, and until when.
const DEAD: u64 = 2 * MINUTE;
const ALIVE: u64 = DEAD + 30_000;
const FOREVER: u64 = u64::MAX;

const fn dead(until: u64, percent: u64) -> Cut {
    Cut {
        from: DEAD,
        until,
        percent,
    }
}

/// Where the truth is missed it is never `met`, but for the seconds before it can be known: what is
/// not missed for a second yet, and for as long as the streams are known to pause.
fn is_never_wrong(day: &Day, pause: u64) {
    let tally = held_against_truth(day);
    let known = DEAD / 1_000 + 2 + pause;
    assert!(tally.truly_missed > 20, "{tally:?}");
    assert!(
        tally.wrongly_met.iter().all(|second| *second < known),
        "{tally:?}"
    );
    assert_eq!(tally.wrongly_missed, 0, "{tally:?}");
}

#[test]
fn a_carrier_that_is_dead_for_half_a_minute_is_never_met_meanwhile() {
    let day = Day::new(11, 0)
        .cut(dead(ALIVE, 100))
        .all(Situation::Plain, 20, 4 * MINUTE);
    is_never_wrong(&day, 0);
}

#[test]
fn a_carrier_whose_calls_never_come_back_is_never_met_again() {
    for (seed, percent) in [(12, 100), (13, 40)] {
        let day = Day::new(seed, 0).cut(dead(FOREVER, percent));
        is_never_wrong(&day.all(Situation::Plain, 100, 3 * MINUTE), 0);
    }
}

#[test]
fn a_carrier_that_says_hold_or_goodbye_when_it_dies_is_not_met() {
    for (seed, situation) in [
        (14, Situation::SaysHold(DEAD)),
        (15, Situation::SaysGoodbye(DEAD)),
        (17, Situation::SaysBye(DEAD)),
    ] {
        let day = Day::new(seed, 0).cut(dead(FOREVER, 100));
        is_never_wrong(&day.all(situation, 20, 3 * MINUTE), 0);
    }
}

#[test]
fn a_carrier_of_pauses_that_goes_dead_is_not_met_once_no_pause_was_ever_as_long() {
    let situation = Situation::Pauses { noise: false };
    let day = Day::new(16, 0).cut(dead(FOREVER, 100));
    is_never_wrong(&day.all(situation, 20, 3 * MINUTE), 11);
}

#[test]
fn a_silence_has_a_reason_if_one_of_the_two_ends_gives_it_and_the_other_agrees() {
    for (stop, has_reason) in [
        (Stop::Silently, false),
        (Stop::Refer, true),
        (Stop::NotifyAfterRefer, true),
        (Stop::Fax, true),
        (Stop::AnnexB, true),
        (Stop::Amr, true),
        (Stop::ReceiverReport, true),
        (Stop::SenderReport, true),
        // Too long ago.
        (Stop::ReferBefore, false),
        // Nobody agreed.
        (Stop::NotifyAlone, false),
        (Stop::ReferUnanswered, false),
        (Stop::ReferDeclined, false),
        (Stop::FaxUnanswered, false),
        // A third party's word.
        (Stop::ReferOfOthers, false),
        // Seven octets may be anything.
        (Stop::UnnamedAmr, false),
        // It has sent what did not come.
        (Stop::SenderReportOfMore, false),
    ] {
        let day = Day::new(20, 0).two_of_twelve(stop, 30_500, MINUTE);
        let tally = held_against_truth(&day);
        assert_eq!(tally.wrongly_missed, 0, "{stop:?}: {tally:?}");
        assert_eq!(tally.in_doubt == 0, has_reason, "{stop:?}: {tally:?}");
    }
}

#[test]
fn a_carrier_that_dies_behind_any_reason_is_not_met() {
    for stop in [Stop::Refer, Stop::Fax, Stop::AnnexB, Stop::SenderReport] {
        let day = Day::new(21, 0).cut(dead(FOREVER, 100));
        is_never_wrong(
            &day.all(Situation::Stops(stop, DEAD + 30_000), 20, 3 * MINUTE),
            0,
        );
    }
}

/// Twenty calls, of which three fall silent after 10 s, and what is given in each second under `[voice]`
/// with these keys; its ledger is judged alike.
fn three_of_twenty_silent(keys: &str) -> (Vec<String>, String) {
    let mut shots = Vec::new();
    for call in 0..20_u32 {
        let (ours, far) = (
            format!("198.51.100.1:{}", 20_000 + 2 * call),
            format!("203.0.113.1:{}", 30_000 + 2 * call),
        );
        let [there, back] = both_ways(&ours, &far, 0x100 + call);
        shots.extend(numbered(&back, 0..2_500));
        let sent = if call < 3 { 0..500 } else { 0..2_500 };
        shots.extend(numbered(&there, sent));
    }
    shots.sort();
    let desk = Desk::new();
    let written = CONFIG.replace("[voice]", &format!("[voice]\n{keys}"));
    let config = desk.file("asnmeter.toml", written);
    desk.file("asns.tsv", "203.0.113.0/24\t64500\n");
    let capture = desk.capture("calls.pcap", &shots);
    let (ledger, seconds) = (desk.name("evidence"), desk.name("seconds.jsonl"));
    let (evidence, told) = (["--evidence", &ledger], ["--seconds", &seconds]);
    replay(&[&[&*capture, "--config", &config], &evidence[..], &told[..]].concat());
    let verified = asnmeter(["verify", &*ledger]);
    assert_eq!(verified.code, Some(0), "{keys}: {}", verified.stderr);
    let shown = asnmeter(["evidence", "show", &*ledger]).stdout;
    let policy = shown.lines().find(|line| line.contains("\"counting\""));
    let lines = desk.read("seconds.jsonl");
    let lines = lines
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let given = lines
        .filter(|line| line["asn"] == 64_500 && line["direction"] == "from")
        .map(|line| line["loss"].as_str().unwrap().to_owned());
    (given.collect(), policy.unwrap_or_default().to_owned())
}

#[test]
fn how_many_silent_streams_are_judged_and_for_how_long_is_configured() {
    for (keys, doubtful) in [
        ("", 10..21),
        ("silence_share = \"16%\"", 0..0),
        ("silence_share = \"5%\"", 10..49),
        ("silence_limit = \"20s\"", 10..31),
        ("silence_limit = \"1s\"", 10..12),
    ] {
        let (given, policy) = three_of_twenty_silent(keys);
        for second in 9..49 {
            let right = if doubtful.contains(&second) {
                "indeterminate"
            } else {
                "met"
            };
            assert_eq!(given[second], right, "{keys}: {second} of {given:?}");
        }
        for key in ["silence_share", "silence_limit"] {
            assert_eq!(policy.contains(key), keys.contains(key), "{keys}: {policy}");
        }
    }
}

/// A sender report on a stream (RFC 3550 §6.4.1): after so many milliseconds it has sent so many packets.
fn sender_report(ours: u32, far: u32, ssrc: u32, [millis, sent]: [u32; 2]) -> Shot {
    let mut payload = vec![0x80, 200, 0, 6];
    payload.extend(ssrc.to_be_bytes());
    payload.extend(
        [0xe000_0000 + millis, 0, 160 * sent, sent, 160 * sent]
            .map(u32::to_be_bytes)
            .concat(),
    );
    let [src, dst] = [
        format!("203.0.113.1:{}", far + 1),
        format!("198.51.100.1:{}", ours + 1),
    ];
    Shot {
        nanos: START * 1_000_000_000 + 1_000_000 * u64::from(millis),
        octets: udp(src.parse().unwrap(), dst.parse().unwrap(), &payload),
    }
}

#[test]
fn what_a_sender_counts_in_a_silence_takes_no_doubt_from_the_seconds_behind_its_report() {
    let mut shots = Vec::new();
    for call in 0..20_u32 {
        let (our_port, far_port) = (20_000 + 2 * call, 30_000 + 2 * call);
        let (ours, far) = (
            format!("198.51.100.1:{our_port}"),
            format!("203.0.113.1:{far_port}"),
        );
        let [there, back] = both_ways(&ours, &far, 0x100 + call);
        shots.extend(numbered(&back, 0..2_500));
        let is_dead = call < 5;
        shots.extend(numbered(&there, if is_dead { 0..500 } else { 0..2_500 }));
        // So it says what the sender says whose packets do not come.
        let counts = if is_dead {
            &[[5_010, 250], [20_610, 1_030]][..]
        } else {
            &[]
        };
        shots.extend(
            counts
                .iter()
                .map(|count| sender_report(our_port, far_port, 0x100 + call, *count)),
        );
    }
    shots.sort();
    let (_, lines) = judged(&shots, &[]);
    for (second, line) in lines.iter().enumerate().skip(13).take(36) {
        assert_eq!(line["loss"], "indeterminate", "{second}: {line}");
    }
}

/// A stream of the carrier to a port of ours, and the one back.
fn both_ways(ours: &str, far: &str, ssrc: u32) -> [Media; 2] {
    [Media::g711(far, ours, ssrc), Media::g711(ours, far, !ssrc)]
}

/// Packets of a stream with these numbers, 20 ms apart.
fn numbered(media: &Media, numbers: impl IntoIterator<Item = u32>) -> Vec<Shot> {
    let shot = |number: u32| Shot {
        nanos: START * 1_000_000_000 + 20_000_000 * u64::from(number),
        octets: media.packet(number),
    };
    numbers.into_iter().map(shot).collect()
}

fn moved(from: (&str, &str), to: (&str, &str), numbers: [std::ops::Range<u32>; 2]) -> Vec<Shot> {
    let mut shots = Vec::new();
    let [first, second] = numbers;
    for (ends, numbers) in [(from, first), (to, second)] {
        for media in both_ways(ends.0, ends.1, 0x5151) {
            shots.extend(numbered(&media, numbers.clone()));
        }
    }
    shots.sort();
    shots
}

#[test]
fn what_is_lost_while_a_stream_moves_is_lost_wherever_it_moves() {
    let from = ("198.51.100.1:20000", "203.0.113.1:30000");
    for to in [
        ("198.51.100.1:20010", "203.0.113.1:30000"),
        ("198.51.100.77:20010", "203.0.113.1:30000"),
        ("198.51.100.1:20000", "203.0.113.1:30001"),
        ("198.51.100.1:20000", "203.0.113.200:1024"),
    ] {
        let shots = moved(from, to, [0..500, 545..1_100]);
        let told: Vec<_> = ["1", "2", "4"]
            .map(|workers| judged(&shots, &["--workers", workers]))
            .into();
        assert_eq!(lost(&told[0].0), 45, "{to:?}");
        let missed = told[0].1.iter().filter(|line| line["loss"] == "missed");
        assert!(missed.count() > 0, "{to:?}");
        assert!(
            told.iter().all(|other| *other == told[0]),
            "{to:?}: the same for each number of workers"
        );
    }
}

#[test]
fn what_does_not_go_on_is_no_move() {
    let from = ("198.51.100.1:20000", "203.0.113.1:30000");
    let to = ("198.51.100.1:20010", "203.0.113.1:30000");
    // The old one goes on beside the new one.
    let shots = moved(from, to, [0..1_100, 545..1_100]);
    assert_eq!(lost(&judged(&shots, &[]).0), 0);
    // Nothing is missing.
    let shots = moved(from, to, [0..500, 500..1_100]);
    assert_eq!(lost(&judged(&shots, &[]).0), 0);
    // From another origin.
    let shots = moved(from, (to.0, "192.0.2.1:30000"), [0..500, 545..1_100]);
    assert_eq!(lost(&judged(&shots, &[]).0), 0);
    // A long gap is counted and shown.
    let shots = moved(from, to, [0..500, 700..1_400]);
    let (document, _) = judged(&shots, &[]);
    assert_eq!(lost(&document), 0);
    let row = list(&document, "/asns")
        .iter()
        .find(|row| row["asn"] == 64_500);
    assert_eq!(row.unwrap()["from"]["excused"]["move"], 200);
}

#[test]
fn a_silence_that_ends_with_new_numbers_was_doubt() {
    // Five calls are silent for eight seconds each, two at a time, and begin anew.
    let mut shots = Vec::new();
    for call in 0..5_u32 {
        let (ours, far) = (
            format!("198.51.100.1:{}", 20_000 + 2 * call),
            format!("203.0.113.1:{}", 30_000 + 2 * call),
        );
        let [there, back] = both_ways(&ours, &far, 0x100 + call);
        shots.extend(numbered(&back, 0..2_000));
        let silent = if call < 2 { 500..900 } else { 0..0 };
        let before =
            (0..2_000).filter(|number| !silent.contains(number) && *number < 900 || call >= 2);
        shots.extend(numbered(&there, before));
        if call < 2 {
            let anew = Media { ..there };
            let shift = |shot: Shot| Shot {
                nanos: shot.nanos + 900 * 20_000_000,
                ..shot
            };
            shots.extend(numbered(&anew, 0..1_100).into_iter().map(shift));
        }
    }
    shots.sort();
    let (document, lines) = judged(&shots, &[]);
    assert_eq!(lost(&document), 0);
    let given = |second: usize| lines[second]["loss"].as_str().unwrap();
    assert_eq!(given(9), "met");
    for second in 12..26 {
        assert_eq!(given(second), "indeterminate", "{second}");
    }
    assert_eq!(given(30), "met");
}

/// Three calls with each of some networks, whose packets of eight seconds are missing; we go on.
fn stops_at_once(networks: &[&str], goes_on: Option<&str>) -> Vec<Shot> {
    let mut shots = Vec::new();
    let all = networks.iter().chain(&goes_on);
    for (place, network) in (0..).zip(all) {
        for call in 0..3_u32 {
            let ours = format!("198.51.100.{}:{}", place + 1, 20_000 + 2 * call);
            let far = format!("{network}:{}", 30_000 + 2 * call);
            let [there, back] = both_ways(&ours, &far, 0x100 * (place + 1) + call);
            shots.extend(numbered(&back, 0..2_500));
            let missing = if goes_on == Some(*network) {
                0..0
            } else {
                700..1_100
            };
            shots.extend(numbered(
                &there,
                (0..2_500).filter(|number| !missing.contains(number)),
            ));
        }
    }
    shots.sort();
    shots
}

#[test]
fn what_all_networks_lose_at_once_may_be_the_taps_loss() {
    let shots = stops_at_once(&["203.0.113.1", "192.0.2.1"], None);
    let told: Vec<_> = ["1", "2", "4"]
        .map(|workers| judged(&shots, &["--workers", workers]))
        .into();
    assert!(told.iter().all(|other| *other == told[0]));
    let (document, lines) = &told[0];
    assert_eq!(lost(document), 1_200, "it is counted");
    assert!(number(&document["commitments"][0], "/tap_gap_s") >= 5);
    let given = |second: usize| lines[second]["loss"].as_str().unwrap();
    assert!((0..lines.len()).all(|second| given(second) != "missed"));
    for second in 16..31 {
        assert_eq!(given(second), "indeterminate", "{second}");
    }
    assert_eq!(given(35), "met");
}

#[test]
fn what_one_network_of_two_loses_is_lost() {
    let shots = stops_at_once(&["203.0.113.1"], Some("192.0.2.1"));
    let (document, lines) = judged(&shots, &[]);
    assert_eq!(lost(&document), 1_200);
    assert_eq!(document["commitments"][0]["tap_gap_s"], 0);
    let missed = lines.iter().filter(|line| line["loss"] == "missed");
    assert!(missed.count() >= 9);
}

#[test]
fn the_ledger_of_a_tap_that_may_have_failed_gives_the_same_verdicts() {
    let shots = stops_at_once(&["203.0.113.1", "192.0.2.1"], None);
    let desk = Desk::new();
    let config = desk.file("asnmeter.toml", CONFIG);
    desk.file("asns.tsv", "203.0.113.0/24\t64500\n192.0.2.0/24\t64501\n");
    let capture = desk.capture("calls.pcap", &shots);
    let ledger = desk.name("evidence");
    replay(&[&capture, "--config", &config, "--evidence", &ledger]);
    assert_verifies(&*ledger);
}
