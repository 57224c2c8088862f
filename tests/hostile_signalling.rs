//! Whatever signalling says while calls run, what is counted of them never gets less: octets, what was
//! expected, and what is lost or may be (MODEL §4.3).
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use proptest::prelude::*;
use serde_json::Value;
use std::net::SocketAddrV4;
use support::START;
use support::desk::Desk;
use support::frames::{Media, Shot, udp};
use support::program::{list, number, replay};

/// Ours, the far end's and a third party's.
const HOSTS: [&str; 3] = ["198.51.100.1", "203.0.113.1", "192.0.2.1"];

/// Ports of media: two calls, a stream each way.
const PORTS: [u16; 2] = [20_000, 20_002];

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

/// A SIP message of anybody to anybody.
#[derive(Clone, Debug)]
struct Message {
    millis: u64,
    ends: (usize, usize),
    start: &'static str,
    method: &'static str,
    call: u8,
    tags: (&'static str, &'static str),
    cseq: u8,
    sdp: Option<Sdp>,
}

#[derive(Clone, Debug)]
struct Sdp {
    address: &'static str,
    port: u16,
    kind: &'static str,
    payload_type: u8,
    map: &'static str,
    direction: &'static str,
}

fn sdp() -> impl Strategy<Value = Sdp> {
    let address = prop::sample::select(vec![HOSTS[0], HOSTS[1], HOSTS[2], "0.0.0.0"]);
    let port = prop::sample::select(vec![PORTS[0], PORTS[1], PORTS[0] + 1, 0]);
    let kind = prop::sample::select(vec!["audio", "video", "image", "application"]);
    let payload_type = prop::sample::select(vec![8_u8, 96, 13, 72, 80]);
    let map = prop::sample::select(vec!["H264/90000", "opus/48000/2", "X/1", "PCMA/16000"]);
    let direction = prop::sample::select(vec!["sendrecv", "sendonly", "recvonly", "inactive"]);
    (address, port, kind, payload_type, map, direction).prop_map(
        |(address, port, kind, payload_type, map, direction)| Sdp {
            address,
            port,
            kind,
            payload_type,
            map,
            direction,
        },
    )
}

fn message() -> impl Strategy<Value = Message> {
    let what = prop::sample::select(vec![
        ("INVITE sip:b@example.net SIP/2.0", "INVITE"),
        ("SIP/2.0 183 Progress", "INVITE"),
        ("SIP/2.0 200 OK", "INVITE"),
        ("SIP/2.0 488 No", "INVITE"),
        ("ACK sip:b@example.net SIP/2.0", "ACK"),
        ("UPDATE sip:b@example.net SIP/2.0", "UPDATE"),
        ("SIP/2.0 200 OK", "UPDATE"),
        ("BYE sip:b@example.net SIP/2.0", "BYE"),
        ("SIP/2.0 200 OK", "BYE"),
    ]);
    let tags = prop::sample::select(vec![("", ""), ("a", ""), ("a", "b"), ("b", "a")]);
    let ends = (0..HOSTS.len(), 0..HOSTS.len());
    let sdp = prop::option::weighted(0.8, sdp());
    (0..12_000_u64, ends, what, 0..2_u8, tags, 1..3_u8, sdp).prop_map(
        |(millis, ends, (start, method), call, tags, cseq, sdp)| Message {
            millis,
            ends,
            start,
            method,
            call,
            tags,
            cseq,
            sdp,
        },
    )
}

/// An offer of one end to the other and its answer, which agree on what anybody likes.
fn agreement() -> impl Strategy<Value = Vec<Message>> {
    (message(), sdp(), sdp(), any::<bool>()).prop_map(|(like, offer, answer, is_ours)| {
        let ends = if is_ours { (0, 1) } else { (1, 0) };
        let invite = Message {
            ends,
            start: "INVITE sip:b@example.net SIP/2.0",
            method: "INVITE",
            sdp: Some(offer),
            ..like
        };
        let accepted = Message {
            millis: invite.millis + 1,
            ends: (ends.1, ends.0),
            start: "SIP/2.0 200 OK",
            sdp: Some(answer),
            ..invite.clone()
        };
        vec![invite, accepted]
    })
}

impl Message {
    fn shot(&self) -> Shot {
        let body = self.sdp.as_ref().map_or(String::new(), |sdp| {
            let Sdp {
                address,
                port,
                kind,
                payload_type,
                map,
                direction,
            } = sdp;
            format!(
                "v=0\r\no=- 1 1 IN IP4 {address}\r\ns=-\r\nc=IN IP4 {address}\r\nt=0 0\r\n\
                 m={kind} {port} RTP/AVP {payload_type}\r\na=rtpmap:{payload_type} {map}\r\n\
                 a={direction}\r\na=rtcp:{port}\r\n"
            )
        });
        let (from, to) = self.tags;
        let text = format!(
            "{}\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK{}\r\nFrom: <sip:a@example.net>;tag={from}\r\n\
             To: <sip:b@example.net>;tag={to}\r\nCall-ID: {}\r\nCSeq: {} {}\r\n\
             Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{body}",
            self.start,
            self.cseq,
            self.call,
            self.cseq,
            self.method,
            body.len()
        );
        let end = |host: usize| {
            format!("{}:5060", HOSTS[host])
                .parse::<SocketAddrV4>()
                .unwrap()
        };
        Shot {
            nanos: (START * 1000 + self.millis) * 1_000_000,
            octets: udp(end(self.ends.0), end(self.ends.1), text.as_bytes()),
        }
    }
}

/// Two calls: every seventh packet to us is lost, and a stretch of both ways; one has a dynamic payload
/// type.
fn calls(outage: std::ops::Range<u32>) -> Vec<Shot> {
    let mut shots = Vec::new();
    for (call, port) in (0..).zip(PORTS) {
        let ends = [
            format!("{}:{port}", HOSTS[1]),
            format!("{}:{port}", HOSTS[0]),
        ];
        for (way, [src, dst]) in (0..).zip([[0, 1], [1, 0]]) {
            let media = Media::g711(&ends[src], &ends[dst], 100 * (call + 1) + way);
            for number in (0..600_u32).filter(|number| !outage.contains(number)) {
                if way == 0 && number % 7 == 5 {
                    continue;
                }
                let mut octets = media.packet(number);
                if call == 1 {
                    octets[14 + 20 + 8 + 1] = 96;
                }
                let nanos = (START * 1000 + 20 * u64::from(number)) * 1_000_000;
                shots.push(Shot { nanos, octets });
            }
        }
    }
    shots
}

/// The row of the far end's ASN.
fn row(mut shots: Vec<Shot>) -> Value {
    shots.sort();
    let desk = Desk::new();
    let config = desk.file("asnmeter.toml", CONFIG);
    desk.file("asns.tsv", "203.0.113.0/24\t64500\n192.0.2.0/24\t64501\n");
    let capture = desk.capture("calls.pcap", &shots);
    let document = replay(&[&capture, "--config", &config]);
    let mut rows = list(&document, "/asns").iter();
    rows.find(|row| row["asn"] == 64_500).unwrap().clone()
}

/// What is counted of it: octets each way, what was expected of it and may have been, and what it lost
/// and may have lost.
fn counted(row: &Value) -> [u64; 4] {
    let of = |pointer: &str| number(row, pointer);
    let maybe = of("/from/maybe_lost");
    [
        of("/from/bytes"),
        of("/to/bytes"),
        of("/from/expected") + maybe,
        of("/from/lost") + maybe,
    ]
}

fn hostile() -> impl Strategy<Value = Vec<Message>> {
    let agreed = prop::collection::vec(agreement(), 0..8);
    let stray = prop::collection::vec(message(), 0..60);
    (agreed, stray).prop_map(|(agreed, stray)| agreed.into_iter().flatten().chain(stray).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn nothing_that_anybody_says_makes_less_of_what_is_counted(
        from in 1_u32..400,
        lasts in 1_u32..190,
        messages in hostile(),
    ) {
        let media = calls(from..from + lasts);
        let alone = counted(&row(media.clone()));
        let messages = messages.iter().map(Message::shot);
        let said = counted(&row(media.into_iter().chain(messages).collect()));
        for (without, with) in alone.into_iter().zip(said) {
            prop_assert!(with >= without, "{alone:?} {said:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn what_others_say_confirms_nothing_that_we_do_not_answer(messages in hostile()) {
        // Streams to us that nothing of ours answers, and no message of ours: whoever speaks for others.
        let to_us: [u8; 4] = [198, 51, 100, 1];
        let media = calls(0..0).into_iter().filter(|shot| shot.octets[30..34] == to_us);
        let others = messages.iter().filter(|message| message.ends.0 != 0).map(Message::shot);
        let row = row(media.chain(others).collect());
        let of = |pointer: &str| number(&row, pointer);
        prop_assert!(of("/from/bytes") >= 2 * 600 * 6 / 7 * 200);
        prop_assert_eq!((of("/from/confirmed_bytes"), of("/to/confirmed_bytes")), (0, 0));
    }

    #[test]
    fn no_more_is_confirmed_than_has_come(messages in hostile()) {
        let said = messages.iter().map(Message::shot);
        let row = row(calls(100..150).into_iter().chain(said).collect());
        for direction in ["from", "to"] {
            let of = |key: &str| number(&row, &format!("/{direction}/{key}"));
            prop_assert!(of("confirmed_bytes") <= of("bytes"), "{}", row);
        }
    }
}

#[test]
fn the_calls_alone_lose_what_was_left_out() {
    let [.., expected, lost] = counted(&row(calls(100..200)));
    let missing = (0..600)
        .filter(|number| (100..200).contains(number) || number % 7 == 5)
        .count();
    assert_eq!((expected, lost), (1_200, 2 * missing as u64));
}

#[test]
fn a_hold_that_both_sides_agreed_on_turns_what_is_missing_into_doubt_and_no_more() {
    let sdp = |host: usize, direction| Sdp {
        address: HOSTS[host],
        port: PORTS[0],
        kind: "audio",
        payload_type: 8,
        map: "PCMA/8000",
        direction,
    };
    let invite = Message {
        millis: 1_900,
        ends: (0, 1),
        start: "INVITE sip:b@example.net SIP/2.0",
        method: "INVITE",
        call: 0,
        tags: ("a", ""),
        cseq: 1,
        sdp: Some(sdp(0, "sendonly")),
    };
    let accepted = Message {
        millis: 1_950,
        ends: (1, 0),
        start: "SIP/2.0 200 OK",
        sdp: Some(sdp(1, "recvonly")),
        ..invite.clone()
    };
    let media = calls(100..200);
    let held = media
        .iter()
        .cloned()
        .chain([invite.shot(), accepted.shot()]);
    let (alone, held) = (row(media.clone()), row(held.collect()));
    assert_eq!(counted(&alone)[2..], counted(&held)[2..]);
    let in_doubt = number(&held, "/from/maybe_lost");
    assert_eq!(number(&alone, "/from/maybe_lost"), 0);
    assert!(
        (100..=101).contains(&in_doubt),
        "of one of the two calls: {in_doubt}"
    );
}
