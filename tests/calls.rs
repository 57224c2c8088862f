//! Calls as their signalling shows them, by ASN and direction; one-way audio; and on which side of the tap
//! packets are lost (MODEL §17).
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use serde_json::{Value, json};
use std::net::SocketAddrV4;
use support::START;
use support::desk::Desk;
use support::frames::{Media, Shot, udp};
use support::program::{list, number, replay_text};

const FAR: &str = "203.0.113.1";
const OURS: &str = "198.51.100.1";

const CONFIG: &str = r#"
[asn]
sources = [{ prefixes = "asns.tsv" }]
local_prefixes = ["198.51.100.0/24"]
"#;

fn run(mut shots: Vec<Shot>) -> (Value, String) {
    shots.sort();
    let desk = Desk::new();
    let config = desk.file("asnmeter.toml", CONFIG);
    desk.file("asns.tsv", "203.0.113.0/24\t64500\n192.0.2.0/24\t64501\n");
    let capture = desk.capture("calls.pcap", &shots);
    let of = |workers| replay_text(&[&capture, "--config", &config, "--workers", workers]);
    let document = of("1");
    assert_eq!(document, of("2"), "on two workers");
    assert_eq!(document, of("4"), "on four workers");
    (serde_json::from_str(&document).unwrap(), document)
}

fn row(document: &Value, asn: impl Into<Value>) -> Value {
    let asn = asn.into();
    let mut rows = list(document, "/asns").iter();
    rows.find(|row| row["asn"] == asn).unwrap().clone()
}

/// What is sent in one call.
struct Dialog {
    id: String,
    caller: &'static str,
    called: &'static str,
    sdp: Option<u16>,
}

impl Dialog {
    fn new(id: &(impl ToString + ?Sized), caller: &'static str, called: &'static str) -> Self {
        Self {
            id: id.to_string(),
            caller,
            called,
            sdp: None,
        }
    }

    fn message(
        &self,
        millis: u64,
        is_forward: bool,
        start: &str,
        cseq: &str,
        to_tag: &str,
    ) -> Shot {
        let (src, dst) = if is_forward {
            (self.caller, self.called)
        } else {
            (self.called, self.caller)
        };
        let body = self.sdp.map_or(String::new(), |port| {
            format!(
                "v=0\r\no=- 1 1 IN IP4 {src}\r\ns=-\r\nc=IN IP4 {src}\r\nt=0 0\r\nm=audio {port} RTP/AVP 8\r\n"
            )
        });
        let text = format!(
            "{start}\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK{millis}\r\n\
             From: <sip:+49301234567@secret.example>;tag=a\r\nTo: <sip:+33100000000@secret.example>{to_tag}\r\n\
             Call-ID: {}@secret.example\r\nCSeq: {cseq}\r\nContent-Type: application/sdp\r\n\
             Content-Length: {}\r\n\r\n{body}",
            self.id,
            body.len()
        );
        let of = |host: &str| format!("{host}:5060").parse::<SocketAddrV4>().unwrap();
        Shot {
            nanos: (START * 1000 + millis) * 1_000_000,
            octets: udp(of(src), of(dst), text.as_bytes()),
        }
    }

    fn invite(&self, millis: u64, cseq: u8) -> Shot {
        let start = "INVITE sip:+33100000000@secret.example SIP/2.0";
        self.message(millis, true, start, &format!("{cseq} INVITE"), "")
    }

    fn response(&self, millis: u64, code: u16, cseq: u8) -> Shot {
        let start = format!("SIP/2.0 {code} Some Reason");
        self.message(millis, false, &start, &format!("{cseq} INVITE"), ";tag=b")
    }

    fn bye(&self, millis: u64, is_forward: bool) -> Shot {
        let start = "BYE sip:x@secret.example SIP/2.0";
        self.message(millis, is_forward, start, "7 BYE", ";tag=b")
    }
}

/// Something that happens later, so that time passes.
fn later(millis: u64) -> Shot {
    Media::g711("192.0.2.9:9000", "192.0.2.8:9000", 9).shots([(START * 1000 + millis) * 1_000_000])
        [0]
    .clone()
}

#[test]
fn each_call_counts_once_with_what_became_of_it_for_both_ends() {
    let mut shots = Vec::new();
    // Answered after a challenge, each message sent twice; the delay is that of the second request.
    let call = Dialog::new("one", FAR, OURS);
    for again in [0, 400] {
        shots.push(call.invite(10 + again, 1));
    }
    shots.push(call.response(450, 401, 1));
    shots.push(call.invite(1_000, 2));
    shots.push(call.response(1_010, 100, 2));
    shots.extend([1_300, 1_400].map(|at| call.response(at, 180, 2)));
    shots.extend([3_000, 3_500].map(|at| call.response(at, 200, 2)));
    shots.extend([63_000, 63_500].map(|at| call.bye(at, false)));
    // Refused, each in its way.
    for (place, code) in (0..).zip([486, 503, 503, 502, 302, 604, 499]) {
        let call = Dialog::new(&format!("refused {place}"), FAR, OURS);
        shots.extend([
            call.invite(5_000 + place, 1),
            call.response(5_100 + place, code, 1),
        ]);
        shots.push(call.response(5_200 + place, code, 1));
        shots.push(call.invite(5_050 + place, 1));
    }
    // Nobody answers one, and nobody takes up a challenge.
    shots.push(Dialog::new("unanswered", OURS, FAR).invite(6_000, 1));
    let challenged = Dialog::new("challenged", OURS, FAR);
    shots.extend([
        challenged.invite(6_000, 1),
        challenged.response(6_050, 407, 1),
    ]);
    // What began before, and what is within a dialog, is no request.
    let before = Dialog::new("before", FAR, OURS);
    shots.extend([before.response(7_000, 200, 1), before.bye(7_100, true)]);
    shots.push(before.message(
        7_200,
        true,
        "INVITE sip:x@secret.example SIP/2.0",
        "9 INVITE",
        ";tag=b",
    ));
    shots.extend((0..80).map(|second| later(1_000 * second)));
    let (document, text) = run(shots);
    assert!(!text.contains("secret"), "nothing of who calls whom leaves");
    let far = row(&document, 64_500);
    let from = &far["calls"]["from"];
    assert_eq!(from["attempts"], 8);
    assert_eq!((&from["answered"], &from["failed"]), (&json!(1), &json!(6)));
    let responses = json!({"486": 1, "502": 1, "503": 2, "2xx": 1, "3xx": 1, "4xx": 1, "6xx": 1});
    assert_eq!(from["responses"], responses);
    assert_eq!(from["session_establishment_ratio"], json!(1.0 / 7.0));
    assert_eq!(
        (
            &from["request_delay"]["count"],
            &from["request_delay"]["sum_s"]
        ),
        (&json!(1), &json!(0.3))
    );
    assert_eq!(
        (
            &from["session_duration"]["count"],
            &from["session_duration"]["sum_s"]
        ),
        (&json!(1), &json!(60.0))
    );
    assert_eq!(from["session_duration"]["buckets"]["60"], 1);
    assert_eq!(from["session_duration"]["buckets"]["32"], 0);
    let to = &far["calls"]["to"];
    assert_eq!(to["responses"], json!({"407": 1, "none": 1}));
    let local = row(&document, "local");
    assert_eq!((&local["calls"]["to"], &local["calls"]["from"]), (from, to));
}

#[test]
fn a_call_of_another_host_is_another_call() {
    let shots = [FAR, "203.0.113.2"].map(|caller| Dialog::new("same", caller, OURS).invite(10, 1));
    let (document, _) = run(shots.to_vec());
    assert_eq!(row(&document, 64_500)["calls"]["from"]["attempts"], 2);
}

/// A stream of some seconds, without the packets whose number a function refuses.
fn stream(ends: [&str; 2], ssrc: u32, seconds: u32, keeps: impl Fn(u32) -> bool) -> Vec<Shot> {
    let media = Media::g711(ends[0], ends[1], ssrc);
    let numbers = (0..50 * seconds).filter(|number| keeps(*number));
    numbers
        .map(|number| Shot {
            nanos: (START * 1000 + 100 + 20 * u64::from(number)) * 1_000_000,
            octets: media.packet(number),
        })
        .collect()
}

#[test]
fn audio_is_one_way_five_seconds_after_the_call_was_accepted_and_not_while_on_hold() {
    let (far, ours) = (format!("{FAR}:20000"), format!("{OURS}:20000"));
    let mut call = Dialog::new("one", FAR, OURS);
    call.sdp = Some(20_000);
    let accepted = |code| vec![call.invite(10, 1), call.response(2_050, code, 1)];
    let one_way = |code, opposite: u32| {
        let mut shots = accepted(code);
        shots.extend(stream([&far, &ours], 1, 12, |_| true));
        shots.extend(stream([&ours, &far], 2, opposite, |_| true));
        let (document, _) = run(shots);
        let calls = &row(&document, 64_500)["calls"];
        [
            number(calls, "/from/one_way_seconds"),
            number(calls, "/to/one_way_seconds"),
        ]
    };
    assert_eq!(one_way(200, 12), [0, 0]);
    // Accepted at 2.05 s: the seconds that end at 8 to 13 s; the last packet comes at 12.1 s.
    assert_eq!(one_way(200, 0), [6, 0]);
    assert_eq!(one_way(183, 0), [0, 0], "early media");
    // The opposite stream ends at 4.08 s: the seconds that end at 10 to 13 s.
    assert_eq!(one_way(200, 4), [4, 0]);
}

/// A receiver's report: from whom to whom, on which stream, up to which number, and how many it has lost.
fn report(millis: u64, [src, dst]: [&str; 2], ssrc: u32, highest: u32, lost: u32) -> Shot {
    let mut rtcp = vec![0x81, 201, 0, 7];
    rtcp.extend(7_u32.to_be_bytes());
    rtcp.extend(ssrc.to_be_bytes());
    rtcp.extend(lost.to_be_bytes());
    rtcp.extend(highest.to_be_bytes());
    rtcp.extend([0; 12]);
    Shot {
        nanos: (START * 1000 + millis) * 1_000_000,
        octets: udp(src.parse().unwrap(), dst.parse().unwrap(), &rtcp),
    }
}

#[test]
fn the_side_that_loses_is_named_where_both_are_known() {
    let (far, ours) = (format!("{FAR}:20000"), format!("{OURS}:20000"));
    let (far_rtcp, ours_rtcp) = (format!("{FAR}:20001"), format!("{OURS}:20001"));
    let call = |missing: u32, behind: u32, has_reports: bool| {
        let mut shots = stream([&far, &ours], 1, 30, |number| {
            number % 100 >= missing || number < 100
        });
        shots.extend(stream([&ours, &far], 2, 30, |_| true));
        if has_reports {
            shots.extend((1..6).map(|round| {
                let highest = 250 * round - 1;
                let hundreds: u32 = highest / 100;
                let lost = (missing + behind) * hundreds;
                report(
                    5_000 * u64::from(round) + 150,
                    [&ours_rtcp, &far_rtcp],
                    1,
                    highest,
                    lost,
                )
            }));
        }
        let (document, _) = run(shots);
        row(&document, 64_500)["loss_path"]["from"].clone()
    };
    let said = call(0, 0, true);
    assert_eq!(said["side"], "none", "{said}");
    let said = call(4, 0, false);
    assert_eq!(said["side"], "unknown");
    let text = said["text"].as_str().unwrap();
    assert!(text.ends_with("lost between AS64500 and the tap; what is lost behind it is not known: no reports (RTCP) from there"), "{text}");
    let said = call(0, 5, true);
    assert_eq!(said["side"], "near", "{said}");
    let text = said["text"].as_str().unwrap();
    assert!(
        text.starts_with("nothing lost between AS64500 and the tap; ")
            && text.ends_with(" % lost behind it"),
        "{text}"
    );
    let said = call(4, 0, true);
    assert_eq!(said["side"], "far", "{said}");
}
