//! What nobody answers is not confirmed, whoever says what; and what contracts make of it (MODEL §3.4,
//! §6.5).
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use serde_json::Value;
use std::net::SocketAddrV4;
use support::START;
use support::desk::Desk;
use support::frames::{Media, Shot, udp};
use support::program::{asnmeter, assert_verifies, list, number, replay};

const FAR: &str = "203.0.113.1";
const OURS: &str = "198.51.100.1";

/// Three contracts that differ in nothing but what they count. A window of 2 s holds 25 000 octets at the
/// limit: a call of G.711 brings 20 000, two bring 40 000.
fn config() -> String {
    let contract = |count: &str| {
        format!(
            "[[commitment]]\nname = \"{count}\"\ncommitted_rate = \"1 Mbps\"\nwindow = \"2s\"\ncount = \"{count}\"\n\
             guarantee = {{ loss = \"0.5%\" }}\n"
        )
    };
    let asn =
        "[asn]\nsources = [{ prefixes = \"asns.tsv\" }]\nlocal_prefixes = [\"198.51.100.0/24\"]\n";
    let contracts = ["all", "confirmed", "both"].map(contract).concat();
    format!("{asn}{contracts}")
}

/// Packets of a stream from 0 to some seconds.
fn stream(src: &str, dst: &str, ssrc: u32, from_s: u64, seconds: u64) -> Vec<Shot> {
    let media = Media::g711(src, dst, ssrc);
    let begin = (START + from_s) * 1_000_000_000 + u64::from(ssrc % 19) * 1_000_000;
    media.shots((0..50 * seconds).map(|number| begin + number * 20_000_000))
}

fn end(host: &str, port: u16) -> String {
    format!("{host}:{port}")
}

/// Both ways of a call.
fn call(port: u16, ssrc: u32, seconds: u64) -> Vec<Shot> {
    let (far, ours) = (end(FAR, port), end(OURS, port));
    let mut shots = stream(&far, &ours, ssrc, 0, seconds);
    shots.extend(stream(&ours, &far, ssrc + 1, 0, seconds));
    shots
}

struct Run {
    desk: Desk,
    config: String,
    capture: String,
    document: Value,
}

fn run(mut shots: Vec<Shot>) -> Run {
    shots.sort();
    let desk = Desk::new();
    let config = desk.file("asnmeter.toml", config());
    desk.file("asns.tsv", "203.0.113.0/24\t64500\n192.0.2.0/24\t64501\n");
    let capture = desk.capture("calls.pcap", &shots);
    let of = |workers| replay(&[&capture, "--config", &config, "--workers", workers]);
    let document = of("1");
    assert_eq!(document, of("3"), "on three workers");
    Run {
        desk,
        config,
        capture,
        document,
    }
}

impl Run {
    /// Octets from the ASN and to it: all, and confirmed.
    fn bytes(&self) -> [[u64; 2]; 2] {
        let mut rows = list(&self.document, "/asns").iter();
        let row = rows.find(|row| row["asn"] == 64_500).unwrap();
        let of = |pointer: &str| number(row, pointer);
        [
            [of("/from/bytes"), of("/from/confirmed_bytes")],
            [of("/to/bytes"), of("/to/confirmed_bytes")],
        ]
    }

    /// The row of the ASN under the contract that counts so.
    fn judged(&self, count: &str) -> &Value {
        let mut commitments = list(&self.document, "/commitments").iter();
        let commitment = commitments.find(|one| one["name"] == count).unwrap();
        assert_eq!(commitment["count"], count);
        let mut asns = list(commitment, "/asns").iter();
        asns.find(|row| row["asn"] == 64_500).unwrap()
    }

    /// Seconds of the loss guarantee under it: void, and in doubt.
    fn void_and_in_doubt(&self, count: &str) -> [u64; 2] {
        let loss = &self.judged(count)["guarantees"]["loss"];
        [number(loss, "/void_s"), number(loss, "/in_doubt_s")]
    }

    /// The ledger of the same replay holds, also for who judges it again.
    fn verify(&self) -> String {
        let evidence = self.desk.name("evidence");
        let arguments: [&str; 5] = [
            &self.capture,
            "--config",
            &self.config,
            "--evidence",
            &evidence,
        ];
        replay(&arguments);
        assert_verifies(&evidence);
        asnmeter(["evidence", "show", evidence.as_str()]).stdout
    }
}

fn sip(
    millis: u64,
    [src, dst]: [&str; 2],
    start: &str,
    tag: &str,
    sdp: Option<(&str, u16)>,
) -> Shot {
    let body = sdp.map_or(String::new(), |(address, port)| {
        format!(
            "v=0\r\no=- 1 1 IN IP4 {address}\r\ns=-\r\nc=IN IP4 {address}\r\nt=0 0\r\n\
             m=audio {port} RTP/AVP 8\r\n"
        )
    });
    let text = format!(
        "{start}\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\r\nFrom: <sip:a@example.net>;tag=a\r\n\
         To: <sip:b@example.net>{tag}\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n\
         Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let of = |host: &str| format!("{host}:5060").parse::<SocketAddrV4>().unwrap();
    Shot {
        nanos: (START * 1000 + millis) * 1_000_000,
        octets: udp(of(src), of(dst), text.as_bytes()),
    }
}

/// INVITE of a host to another with its answer from a third.
fn dialog(asker: &str, asked: &str, answerer: &str) -> Vec<Shot> {
    let (invite, ok) = ("INVITE sip:b@example.net SIP/2.0", "SIP/2.0 200 OK");
    vec![
        sip(1, [asker, asked], invite, "", Some((FAR, 20_000))),
        sip(2, [answerer, asker], ok, ";tag=b", Some((OURS, 20_000))),
    ]
}

/// A receiver's report from our end on a stream.
fn report(millis: u64, [src, dst]: [&str; 2], ssrc: u32, highest: u32) -> Shot {
    let mut rtcp = vec![0x81, 201, 0, 7];
    rtcp.extend(7_u32.to_be_bytes());
    rtcp.extend(ssrc.to_be_bytes());
    rtcp.extend([0; 4]);
    rtcp.extend(highest.to_be_bytes());
    rtcp.extend([0; 12]);
    Shot {
        nanos: (START * 1000 + millis) * 1_000_000,
        octets: udp(src.parse().unwrap(), dst.parse().unwrap(), &rtcp),
    }
}

#[test]
fn a_call_of_both_sides_is_confirmed_whole() {
    let run = run(call(20_000, 1, 6));
    assert_eq!(run.bytes(), [[60_000; 2]; 2]);
    assert!(
        !run.verify().contains("confirmed_"),
        "left out where it is all"
    );
}

#[test]
fn streams_that_nobody_answers_void_the_words_of_the_clause_and_nothing_else() {
    // A call, and twenty streams in its ASN's name from other ports.
    let mut shots = call(20_000, 1, 6);
    for forged in 0..20 {
        let src = end(FAR, 30_000 + forged);
        shots.extend(stream(
            &src,
            &end(OURS, 20_000),
            100 + u32::from(forged),
            0,
            6,
        ));
    }
    let run = run(shots);
    assert_eq!(run.bytes(), [[1_260_000, 60_000], [60_000; 2]]);
    let [void, _] = run.void_and_in_doubt("all");
    assert!(void >= 5, "{void}");
    assert_eq!(run.void_and_in_doubt("confirmed"), [0, 0]);
    let [void, in_doubt] = run.void_and_in_doubt("both");
    assert!(void == 0 && in_doubt >= 4, "{void} {in_doubt}");
    for count in ["all", "confirmed", "both"] {
        let row = run.judged(count);
        assert_eq!(row["unconfirmed_excess"], true, "{count}");
        assert!(number(row, "/unconfirmed_excess_seconds") >= 5);
        assert_eq!(row["over"], count == "all");
    }
    let leaves = run.verify();
    assert!(
        leaves.contains(r#""from":{"bytes":210000,"confirmed_bytes":10000,"#),
        "{leaves}"
    );
    assert!(leaves.contains(r#""direction":"either","count":"both","layer""#));
}

#[test]
fn another_ssrc_on_the_ports_of_a_call_adds_nothing() {
    let mut shots = call(20_000, 1, 6);
    for ssrc in [50, 60] {
        shots.extend(stream(&end(FAR, 20_000), &end(OURS, 20_000), ssrc, 1, 4));
    }
    assert_eq!(run(shots).bytes(), [[140_000, 60_000], [60_000; 2]]);
}

#[test]
fn a_new_ssrc_of_a_call_is_confirmed_once_the_old_one_has_stopped() {
    let (far, ours) = (end(FAR, 20_000), end(OURS, 20_000));
    let mut shots = stream(&ours, &far, 2, 0, 10);
    shots.extend(stream(&far, &ours, 1, 0, 3));
    shots.extend(stream(&far, &ours, 3, 3, 7));
    let [[all, confirmed], _] = run(shots).bytes();
    assert_eq!(all, 100_000);
    assert!((80_000..100_000).contains(&confirmed), "{confirmed}");
}

#[test]
fn more_confirmed_traffic_than_the_limit_is_void_whatever_is_counted() {
    let run = run([call(20_000, 1, 6), call(20_002, 11, 6)].concat());
    for count in ["all", "confirmed", "both"] {
        let [void, in_doubt] = run.void_and_in_doubt(count);
        assert!(void >= 5 && in_doubt == 0, "{count}: {void} {in_doubt}");
        assert_eq!(run.judged(count)["unconfirmed_excess"], false);
    }
}

#[test]
fn one_way_is_confirmed_by_an_answered_dialog_and_by_reports_of_its_receiver() {
    let (far, ours) = (end(FAR, 20_000), end(OURS, 20_000));
    let one_way = || stream(&far, &ours, 1, 0, 6);
    let rtp = |shots| {
        let [[_, confirmed], _] = run(shots).bytes();
        confirmed
    };
    assert_eq!(rtp(one_way()), 0);
    let answered = [one_way(), dialog(FAR, OURS, OURS)].concat();
    assert!(rtp(answered) >= 60_000);
    let reported = (1..6).map(|second| {
        let millis = 1_000 * second + 500;
        report(
            millis,
            [&end(OURS, 20_001), &end(FAR, 20_001)],
            1,
            50 * u32::try_from(second).unwrap(),
        )
    });
    assert_eq!(rtp(one_way().into_iter().chain(reported).collect()), 50_000);
}

#[test]
fn the_answer_of_a_third_party_and_a_report_from_elsewhere_confirm_nothing() {
    let (far, ours) = (end(FAR, 20_000), end(OURS, 20_000));
    let mut shots = stream(&far, &ours, 1, 0, 6);
    shots.extend(dialog(FAR, OURS, "192.0.2.1"));
    shots.extend(dialog("192.0.2.1", FAR, FAR));
    shots.push(report(
        2_500,
        ["192.0.2.1:20001", &end(FAR, 20_001)],
        1,
        100,
    ));
    let [[_, confirmed], [_, to]] = run(shots).bytes();
    assert_eq!((confirmed, to), (0, 0));
}
