//! Loss that a meter may overlook, in captures made for it: no verdict hides it.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use serde_json::Value;
use support::START;
use support::desk::Desk;
use support::frames::{Media, Shot, udp};
use support::program::{list, number, replay};

/// An end of our own; the port tells streams apart.
const OURS: &str = "198.51.100.1";
const FAR: &str = "203.0.113.1";
const OTHER: &str = "192.0.2.1";

const CONFIG: &str = r#"
[asn]
sources = [{ prefixes = "asns.tsv" }]
local_prefixes = ["198.51.100.0/24"]
[[commitment]]
name = "voice"
committed_rate = "100 Mbps"
window = "2s"
guarantee = { loss = "0.5%" }
"#;

/// A stream of G.711 from an address to us.
fn stream(from: &str, place: u16) -> Media {
    let (src, dst) = (
        format!("{from}:{}", 30_000 + place),
        format!("{OURS}:{}", 20_000 + 2 * place),
    );
    Media::g711(&src, &dst, 0x1000 + u32::from(place))
}

/// Its packets with these numbers, 20 ms apart from a time on, in milliseconds since the start.
fn sent(media: &Media, begin: u64, numbers: impl IntoIterator<Item = u32>) -> Vec<Shot> {
    let shot = |number: u32| Shot {
        nanos: (START * 1000 + begin + 20 * u64::from(number)) * 1_000_000,
        octets: media.packet(number),
    };
    numbers.into_iter().map(shot).collect()
}

/// What is said of the shots, and the lines about what comes from an ASN.
fn judged(config: &str, mut shots: Vec<Shot>, asn: u64) -> (Value, Vec<Value>) {
    shots.sort();
    let desk = Desk::new();
    let config = desk.file("asnmeter.toml", config);
    desk.file("asns.tsv", "203.0.113.0/24\t64500\n192.0.2.0/24\t64501\n");
    let capture = desk.capture("calls.pcap", &shots);
    let seconds = desk.name("seconds.jsonl");
    let document = replay(&[&capture, "--config", &config, "--seconds", &seconds]);
    let lines = desk.read("seconds.jsonl");
    let lines = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    let of_asn = lines.filter(|line: &Value| line["asn"] == asn && line["direction"] == "from");
    (document, of_asn.collect())
}

/// Totals of an ASN in a direction.
fn total(document: &Value, asn: u64, key: &str) -> u64 {
    let row = list(document, "/asns").iter().find(|row| row["asn"] == asn);
    number(row.unwrap(), &format!("/from/{key}"))
}

fn verdicts(lines: &[Value]) -> Vec<&str> {
    let verdicts = lines.iter().map(|line| line["loss"].as_str().unwrap());
    verdicts.collect()
}

#[test]
fn a_full_table_is_doubt_about_those_it_refused_and_about_nobody_else() {
    let config = format!("[voice]\nmax_streams = 3\n{CONFIG}");
    let mut shots = Vec::new();
    for place in 0..2 {
        shots.extend(sent(&stream(FAR, place), 0, 0..500));
    }
    shots.extend(sent(&stream(OTHER, 7), 0, 0..500));
    // A third one of the first ASN comes after four seconds, and loses a fifth.
    let unseen = sent(
        &stream(FAR, 2),
        4_000,
        (0..300).filter(|number| number % 5 > 0),
    );
    let late = unseen.len() as u64;
    shots.extend(unseen);
    let (document, lines) = judged(&config, shots.clone(), 64_500);
    assert_eq!(
        total(&document, 64_500, "packets"),
        1_000 + late,
        "all count"
    );
    assert_eq!(
        total(&document, 64_500, "expected"),
        1_000,
        "what was followed"
    );
    assert_eq!(total(&document, 64_500, "unfollowed"), late);
    let given = verdicts(&lines);
    let (before, after) = given.split_at(4);
    assert_eq!(before[1..], ["met"; 3], "of a whole window");
    assert!(
        after.iter().all(|verdict| *verdict == "indeterminate"),
        "{after:?}"
    );
    for line in &lines[4..10] {
        assert_eq!(
            (&line["tainted"], &line["seen_whole"]),
            (&true.into(), &false.into())
        );
    }
    let (_, others) = judged(&config, shots, 64_501);
    assert_eq!(
        verdicts(&others)[1..9],
        ["met"; 8],
        "found room, and is judged"
    );
}

/// More lone packets of other SSRCs, or of other kinds, than any table has room for, within 4 s from 4 s on.
const FLOOD: u32 = 70_000;

fn flood(octets: impl Fn(u32) -> Vec<u8>) -> impl Iterator<Item = Shot> {
    (0..FLOOD).map(move |number| Shot {
        nanos: START * 1_000_000_000 + 4_000_000_000 + 50_000 * u64::from(number),
        octets: octets(number),
    })
}

/// Calls of two ASNs for ten seconds, of which nothing is missing.
fn two_calls() -> Vec<Shot> {
    let streams = [stream(FAR, 0), stream(OTHER, 7)];
    let sent = streams.iter().map(|media| sent(media, 0, 0..500));
    sent.flatten().collect()
}

#[test]
fn candidates_that_give_way_in_probation_are_doubt_about_their_own_ends_and_nobody_elses() {
    let mut shots = two_calls();
    shots.extend(flood(|number| {
        let mut lone = stream(FAR, 1);
        lone.ssrc = 0x1000_0000 + number;
        lone.packet(7)
    }));
    let (document, lines) = judged(CONFIG, shots.clone(), 64_500);
    assert_eq!(total(&document, 64_500, "packets"), 500, "what is proven");
    assert_eq!(total(&document, 64_500, "expected"), 500);
    let discarded = number(&document, "/discarded/probation");
    assert_eq!(discarded, u64::from(FLOOD), "each is counted");
    let given = verdicts(&lines);
    assert_eq!(given[1..7], ["met"; 6], "while there is room: {given:?}");
    // The first candidate gives way after 65 536, at 7.28 s.
    assert_eq!(given[7..9], ["indeterminate"; 2], "{given:?}");
    assert_eq!(lines[7]["indeterminate_reason"]["loss"], "unseen");
    assert_eq!(given[9], "met");
    let (_, others) = judged(CONFIG, shots, 64_501);
    assert_eq!(verdicts(&others)[1..10], ["met"; 9]);
}

#[test]
fn later_fragments_that_find_no_room_are_frames_that_were_not_seen() {
    let mut shots = two_calls();
    let config = CONFIG.replace("100 Mbps", "100 Gbps");
    // All within 1.4 s, for they are remembered for two.
    shots.extend(
        flood(|number| {
            let mut octets = udp(
                "203.0.113.1:1".parse().unwrap(),
                "198.51.100.1:1".parse().unwrap(),
                &[0; 40],
            );
            let [_, high, low, _] = (number << 8).to_be_bytes();
            octets[18..20].copy_from_slice(&[high, low]);
            // A later fragment, the last one; two sources, for there are 65,536 identifications.
            octets[20..22].copy_from_slice(&[0, 100]);
            octets[29] = u8::try_from(1 + (number >> 16)).unwrap();
            octets
        })
        .map(|shot| Shot {
            nanos: shot.nanos - (shot.nanos - (START + 4) * 1_000_000_000) * 3 / 5,
            ..shot
        }),
    );
    for asn in [64_500, 64_501] {
        let (document, lines) = judged(&config, shots.clone(), asn);
        assert_eq!(number(&document, "/discarded/fragment"), u64::from(FLOOD));
        let given = verdicts(&lines);
        assert_eq!(given[1..5], ["met"; 4], "{given:?}");
        assert_eq!(given[5..7], ["indeterminate"; 2], "{given:?}");
        assert_eq!(lines[5]["unseen_frames"], u64::from(FLOOD) - 65_536);
        assert_eq!(given[7], "met", "{given:?}");
    }
}

/// A STUN message with a header only (RFC 8489 §5).
fn stun(kind: u16, transaction: u32) -> Vec<u8> {
    let mut octets = kind.to_be_bytes().to_vec();
    octets.extend([0, 0, 0x21, 0x12, 0xa4, 0x42]);
    octets.extend([0; 8]);
    octets.extend(transaction.to_be_bytes());
    octets
}

#[test]
fn questions_that_a_full_table_forgets_may_have_taken_any_time() {
    let config = CONFIG.replace("loss = \"0.5%\"", "latency = \"150ms\"");
    let mut shots = two_calls();
    let ends = |far: &str, place: u32| {
        let ours = format!("{OURS}:{}", 40_000 + place % 20_000);
        let far = format!("{far}:{}", 50_000 + place / 20_000);
        (ours.parse().unwrap(), far.parse().unwrap())
    };
    // 20 round trips of 20 ms a second with each.
    for far in [FAR, OTHER] {
        for place in 0..200 {
            let (ours, theirs) = ends(far, 100_000 + place);
            let asked = (START * 1_000 + 50 * u64::from(place)) * 1_000_000;
            for (kind, src, dst, nanos) in [
                (0x0001, ours, theirs, asked),
                (0x0101, theirs, ours, asked + 20_000_000),
            ] {
                let octets = udp(src, dst, &stun(kind, place));
                shots.push(Shot { nanos, octets });
            }
        }
    }
    let latency = |shots: &[Shot], asn| {
        let (_, lines) = judged(&config, shots.to_vec(), asn);
        let given = lines
            .iter()
            .map(|line| line["latency"].as_str().unwrap().to_owned());
        given.collect::<Vec<_>>()
    };
    assert_eq!(latency(&shots, 64_500)[1..9], ["met"; 8]);
    shots.extend(flood(|number| {
        let (ours, theirs) = ends(FAR, number);
        udp(ours, theirs, &stun(0x0001, number))
    }));
    let given = latency(&shots, 64_500);
    assert_eq!(given[1..7], ["met"; 6], "while there is room: {given:?}");
    assert_eq!(given[7..9], ["indeterminate"; 2], "{given:?}");
    assert_eq!(latency(&shots, 64_501)[1..9], ["met"; 8], "of nobody else");
}

#[test]
fn a_stream_is_not_over_while_the_other_side_goes_on() {
    let config = CONFIG.replace("\"2s\"", "\"60s\"");
    let config = format!("[voice]\nstream_timeout = \"10s\"\n{config}");
    let (there, back) = (stream(FAR, 0), stream(FAR, 0));
    let back = Media {
        src: back.dst,
        dst: back.src,
        ..back
    };
    // Thirty seconds of it never come.
    let numbers = (0..200).chain(1_700..2_000);
    let mut shots = sent(&there, 0, numbers);
    let (document, _) = judged(&config, shots.clone(), 64_500);
    assert_eq!(total(&document, 64_500, "lost"), 0, "two streams");
    shots.extend(sent(&back, 5, 0..2_000));
    let (document, lines) = judged(&config, shots, 64_500);
    assert_eq!(total(&document, 64_500, "lost"), 1_500);
    // In the seconds in which they were due, told of all at once; the last of them is still open.
    let told = lines.iter().filter(|line| line["amendments"].is_array());
    let told: Vec<_> = told.map(|line| list(line, "/amendments")).collect();
    assert_eq!(told.len(), 1);
    let lost: Vec<_> = told[0].iter().map(|of| number(of, "/lost")).collect();
    assert_eq!(lost, [50; 29]);
}

#[test]
fn a_way_on_which_senders_begin_anew_again_and_again_may_hide_loss() {
    // Three seconds of each, and 520 ms from the last packet to the first of the next: 25 packets.
    let changes = |ssrcs: &[u32]| {
        let mut shots = Vec::new();
        for (place, ssrc) in (0..).zip(ssrcs) {
            let media = Media {
                ssrc: *ssrc,
                ..stream(FAR, 0)
            };
            shots.extend(sent(&media, 3_500 * place, 0..150));
        }
        judged(CONFIG, shots, 64_500).0
    };
    for (kind, ssrcs) in [("new_ssrc", [1, 2, 3, 4, 5, 6]), ("restart", [7; 6])] {
        for (senders, excused, maybe) in [(2, 25, 0), (3, 50, 0), (6, 125, 75)] {
            let document = changes(&ssrcs[..senders]);
            let total = |key: &str| total(&document, 64_500, key);
            assert_eq!(
                total(&format!("excused/{kind}")),
                excused,
                "{kind} {senders}"
            );
            assert_eq!(total("maybe_lost"), maybe, "{kind} {senders}");
            assert_eq!((total("lost"), total("late")), (0, 0), "{kind} {senders}");
        }
    }
}

#[test]
fn a_sender_that_begins_anew_with_its_first_numbers_hides_no_loss() {
    for restart in [30, 250, 400] {
        let mut shots = Vec::new();
        let mut lost = 0;
        for place in 0..4 {
            let media = stream(FAR, place);
            shots.extend(sent(&media, 0, 0..restart));
            let again = 20 * u64::from(restart) + 300;
            let numbers = (0..500).filter(|number| number % 10 != 7);
            shots.extend(sent(&media, again, numbers));
            lost += 50;
        }
        let (document, lines) = judged(CONFIG, shots, 64_500);
        assert_eq!(total(&document, 64_500, "lost"), lost, "{restart}");
        let expected = u64::from(restart + 500) * 4;
        assert_eq!(total(&document, 64_500, "expected"), expected, "{restart}");
        let missed = verdicts(&lines)
            .iter()
            .filter(|verdict| **verdict == "missed")
            .count();
        assert!((9..=12).contains(&missed), "{restart}: {missed}");
        let restarts = list(&document, "/streams")
            .iter()
            .map(|row| number(row, "/restarts"));
        assert_eq!(restarts.sum::<u64>(), 4, "{restart}");
    }
}

/// An offer of PCMA at an address, sent by somebody else.
fn offer(media: &Media, begin: u64) -> Shot {
    let description = format!(
        "v=0\r\no=- 1 1 IN IP4 {0}\r\ns=-\r\nc=IN IP4 {0}\r\nt=0 0\r\nm=audio {1} RTP/AVP 8\r\n",
        media.src.ip(),
        media.src.port()
    );
    let invite = format!(
        "INVITE sip:b@{OURS} SIP/2.0\r\nCall-ID: forged\r\nCSeq: 1 INVITE\r\n\
         Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{description}",
        description.len()
    );
    let (src, dst) = (format!("{OTHER}:5060"), format!("{OURS}:5060"));
    Shot {
        nanos: (START * 1000 + begin) * 1_000_000,
        octets: udp(
            src.parse().unwrap(),
            dst.parse().unwrap(),
            invite.as_bytes(),
        ),
    }
}

#[test]
fn lone_packets_of_an_announced_address_put_nothing_in_doubt() {
    let media = stream(FAR, 0);
    let mut shots = sent(&media, 0, 0..500);
    shots.push(offer(&media, 2_000));
    let (_, lines) = judged(CONFIG, shots.clone(), 64_500);
    let before = verdicts(&lines).join(" ");
    // Each in a pause of its own, and of another SSRC.
    for (place, at) in (3_005..9_000).step_by(600).enumerate() {
        let lone = Media {
            ssrc: 0xbad_0000 + u32::try_from(place).unwrap(),
            ..media
        };
        shots.extend(sent(&lone, at, [0]));
    }
    shots.retain(|shot| !(7_000..7_400).contains(&(shot.nanos / 1_000_000 - START * 1000)));
    let (document, lines) = judged(CONFIG, shots, 64_500);
    let packets = total(&document, 64_500, "packets");
    assert_eq!(packets, 480, "nobody has answered the offer");
    assert_eq!(
        total(&document, 64_500, "lost"),
        20,
        "not explained by them"
    );
    for count in ["maybe_lost", "excused/new_ssrc", "excused/other_ssrc"] {
        assert_eq!(total(&document, 64_500, count), 0, "{count}");
    }
    let after = verdicts(&lines).join(" ");
    assert_ne!(before, after, "loss of a twentieth is seen");
}
