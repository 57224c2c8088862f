//! Every way to measure a round trip, to both sides of the tap, with values known beforehand; what
//! gives no sample; and what the far end reports lost.

use super::line::{Fate, Line, PCMA};
use super::model::is_close;
use super::octets::{ip, tcp, udp};
use super::support::desk::Desk;
use super::support::frames::Shot;
use super::support::program::{list, number, replay};
use super::way::Way;
use super::{START, frames, rng};
use asnmeter::capture::synthetic::scenario::SplitMix;
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::SocketAddr;

const MILLISECOND: u64 = 1_000_000;
const SEED: u64 = 0xfeed;

/// Round trips in milliseconds, by whose end (an ASN, or `local`) and method.
type Truth = BTreeMap<(String, &'static str), Vec<f64>>;

/// A far end in an ASN, a near end of ours, and what goes between them.
struct Scene {
    way: Way,
    far: SocketAddr,
    near: SocketAddr,
    asn: String,
    /// Nanoseconds from START.
    now: u64,
    rng: SplitMix,
    identification: u16,
    shots: Vec<Shot>,
    truth: Truth,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum End {
    Far,
    Near,
}
use End::{Far, Near};

impl End {
    fn other(self) -> Self {
        match self {
            Far => Near,
            Near => Far,
        }
    }
}

impl Scene {
    fn new(way: Way, v6: bool, place: usize) -> Self {
        let (far, near) = match v6 {
            false => (
                format!("203.0.{place}.7:4000"),
                "198.51.100.7:6000".to_owned(),
            ),
            true => (
                format!("[2001:db8:{place:x}::7]:4000"),
                "[2001:db8:ff::7]:6000".to_owned(),
            ),
        };
        Self {
            way,
            far: far.parse().unwrap(),
            near: near.parse().unwrap(),
            asn: (64_500 + place).to_string(),
            now: 2_000 * MILLISECOND,
            rng: rng(SEED, place as u64),
            identification: 0,
            shots: Vec::new(),
            truth: Truth::new(),
        }
    }

    /// The transport addresses from one end to the other, on these ports.
    fn ends(&self, from: End, ports: (u16, u16)) -> (SocketAddr, SocketAddr) {
        let (mut far, mut near) = (self.far, self.near);
        far.set_port(ports.0);
        near.set_port(ports.1);
        match from {
            Far => (far, near),
            Near => (near, far),
        }
    }

    /// Puts a packet on the wire.
    fn put(&mut self, (src, dst): (SocketAddr, SocketAddr), protocol: u8, payload: &[u8]) {
        self.identification += 1;
        let packet = ip(src.ip(), dst.ip(), protocol, self.identification, payload);
        self.shots.push(Shot {
            nanos: START + self.now,
            octets: self.way.frame(&packet),
        });
    }

    fn put_udp(&mut self, from: End, ports: (u16, u16), payload: &[u8]) {
        let (src, dst) = self.ends(from, ports);
        self.put((src, dst), 17, &udp(src, dst, payload));
    }

    /// RTCP, on the ports behind those of the media.
    fn put_rtcp(&mut self, from: End, payload: &[u8]) {
        self.put_udp(from, (4001, 6001), payload);
    }

    fn pass(&mut self, millis: u64) {
        self.now += millis * MILLISECOND;
    }

    /// A round trip goes by: between 2 and 300 ms.
    fn travel(&mut self, to: End, method: &'static str) {
        let micros = 2_000 + self.rng.next_u64() % 298_000;
        self.now += micros * 1000;
        let whose = match to {
            Far => self.asn.clone(),
            Near => "local".to_owned(),
        };
        let of_all = self.truth.entry((whose, method)).or_default();
        of_all.push(micros as f64 / 1e3);
    }

    /// A call both ways, so that the RTCP beside it is that of audio.
    fn call(&mut self) {
        for from in [Far, Near] {
            let mut line = Line::new(self.way, self.ends(from, (4000, 6000)), PCMA, 5);
            line.talk(600);
            self.shots.extend(frames(&[line]));
        }
    }
}

fn sender_report(ssrc: u32, ntp: u64) -> Vec<u8> {
    let mut out = vec![0x80, 200, 0, 6];
    out.extend(ssrc.to_be_bytes());
    out.extend(ntp.to_be_bytes());
    out.extend([0; 12]);
    out
}

/// A receiver report of somebody about a source.
fn receiver_report(about: u32, (lost, highest): (u32, u32), stamp: u32, delay: u32) -> Vec<u8> {
    let mut out = vec![0x81, 201, 0, 7, 0, 0, 0, 77];
    out.extend(about.to_be_bytes());
    out.extend(
        [lost, highest, 0, stamp, delay]
            .map(u32::to_be_bytes)
            .concat(),
    );
    out
}

/// An empty receiver report with an extended report behind it (RFC 3611 §2).
fn extended_report(ssrc: u32, kind: u8, block: &[u8]) -> Vec<u8> {
    let words = u16::try_from(block.len() / 4).unwrap();
    let mut out = vec![0x80, 201, 0, 1];
    out.extend(ssrc.to_be_bytes());
    out.extend([0x80, 207]);
    out.extend((words + 2).to_be_bytes());
    out.extend(ssrc.to_be_bytes());
    out.extend([kind, 0]);
    out.extend(words.to_be_bytes());
    out.extend(block);
    out
}

const fn middle(ntp: u64) -> u32 {
    (ntp >> 16) as u32
}

/// In 1/65536 s.
const fn delay(millis: u64) -> u32 {
    (millis * 65_536 / 1000) as u32
}

/// Delays are multiples of 125 ms: whole in both units.
fn rtcp(scene: &mut Scene) {
    scene.call();
    for (place, asker) in [Far, Near, Near, Far, Far, Near, Far]
        .into_iter()
        .enumerate()
    {
        let answerer = asker.other();
        // Whatever clock the sender has: the tap has no part in it.
        let ntp = scene.rng.next_u64();
        let ssrc = 0xa000 + place as u32;
        scene.put_rtcp(asker, &sender_report(ssrc, ntp));
        scene.pass(125);
        // No report has come yet: nothing is answered.
        scene.put_rtcp(answerer, &receiver_report(ssrc, (0, 9), 0, 0));
        scene.pass(250);
        let began = scene.now;
        scene.travel(answerer, "rtcp");
        let answer = receiver_report(ssrc, (0, 9), middle(ntp), delay(375));
        scene.put_rtcp(answerer, &answer);
        // A later report answers the same again, with its own delay: one sample for each sender report
        // and reporter.
        scene.now = began;
        scene.pass(1030);
        let again = receiver_report(ssrc, (0, 9), middle(ntp), delay(1375));
        scene.put_rtcp(answerer, &again);
        // Longer there than has gone by: refused.
        let absurd = receiver_report(ssrc, (0, 9), middle(ntp), delay(60_000));
        scene.put_rtcp(answerer, &absurd);
    }
    // More than 10 s: refused.
    scene.put_rtcp(Far, &sender_report(0xb000, 99 << 16));
    scene.pass(10_001);
    scene.put_rtcp(Near, &receiver_report(0xb000, (0, 9), 99, 0));
}

/// RFC 3611 §4.4, §4.5: those who send no media ask too.
fn extended(scene: &mut Scene) {
    scene.call();
    for (place, asker) in [Far, Near, Far, Near, Near].into_iter().enumerate() {
        let (ssrc, ntp) = (0xc000 + place as u32, scene.rng.next_u64());
        scene.put_rtcp(asker, &extended_report(ssrc, 4, &ntp.to_be_bytes()));
        scene.pass(500);
        scene.travel(asker.other(), "rtcp");
        let answer = [ssrc, middle(ntp), delay(500)]
            .map(u32::to_be_bytes)
            .concat();
        scene.put_rtcp(asker.other(), &extended_report(1, 5, &answer));
        scene.pass(100);
    }
}

/// Consent checks (RFC 7675): requests both ways, one of three asked again.
fn stun(scene: &mut Scene) {
    for place in 0..12_u8 {
        let asker = [Far, Near][usize::from(place % 2)];
        let message = |kind: u16| {
            let mut out = kind.to_be_bytes().to_vec();
            out.extend([
                0, 0, 0x21, 0x12, 0xa4, 0x42, place, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11,
            ]);
            out
        };
        scene.put_udp(asker, (4000, 6000), &message(0x0001));
        if place % 3 == 2 {
            scene.pass(500);
            scene.put_udp(asker, (4000, 6000), &message(0x0001));
            scene.pass(30);
        } else {
            scene.travel(asker.other(), "stun");
        }
        scene.put_udp(asker.other(), (4000, 6000), &message(0x0101));
        scene.pass(1);
        scene.put_udp(asker.other(), (4000, 6000), &message(0x0101));
        scene.pass(5_000);
    }
}

/// Request to first answer, and the answer to INVITE to its ACK; later answers, a second ACK, and requests sent
/// again give nothing.
fn sip(scene: &mut Scene) {
    for place in 0..9_u8 {
        let asker = [Near, Far][usize::from(place % 2)];
        let method = ["INVITE", "OPTIONS", "REGISTER"][usize::from(place % 3)];
        let rest = format!(
            "Via: SIP/2.0/UDP h.example;branch=z9hG4bK{place}\r\nFrom: <sip:a@b>;tag=1\r\n\
             To: <sip:c@d>\r\nCall-ID: {place}\r\nCSeq: {place} {method}\r\nContent-Length: 0\r\n\r\n"
        );
        let request = format!("{method} sip:c@d SIP/2.0\r\n{rest}");
        scene.put_udp(asker, (5060, 5060), request.as_bytes());
        if place >= 7 {
            scene.pass(500);
            scene.put_udp(asker, (5060, 5060), request.as_bytes());
            scene.pass(40);
        } else {
            scene.travel(asker.other(), "sip");
        }
        for status in ["100 Trying", "180 Ringing", "200 OK"] {
            let answer = format!("SIP/2.0 {status}\r\n{rest}");
            scene.put_udp(asker.other(), (5060, 5060), answer.as_bytes());
            if status == "200 OK" && method == "INVITE" {
                // Acknowledged in a transaction of its own, and once more.
                let acknowledged = rest
                    .replace("branch=z9hG4bK", "branch=z9hG4bKa")
                    .replace(" INVITE\r\n", " ACK\r\n");
                let ack = format!("ACK sip:c@d SIP/2.0\r\n{acknowledged}");
                scene.travel(asker, "sip");
                scene.put_udp(asker, (5060, 5060), ack.as_bytes());
                scene.pass(20);
                scene.put_udp(asker, (5060, 5060), ack.as_bytes());
            }
            scene.pass(900);
        }
    }
}

/// The handshake of SIP over TLS: to the server, and to the client.
fn handshake(scene: &mut Scene) {
    for place in 0..8_u16 {
        let client = [Far, Near][usize::from(place % 2)];
        let server = client.other();
        let ports = match client {
            Far => (40_000 + place, 5061),
            Near => (5061, 40_000 + place),
        };
        let put = |scene: &mut Scene, from: End, numbers| {
            let ends = scene.ends(from, ports);
            scene.put(ends, 6, &tcp(ends, numbers, b""));
        };
        let (x, y) = (1000 * u32::from(place), u32::MAX - u32::from(place));
        put(scene, client, (x, 0, 0x02));
        if place % 4 == 3 {
            // Asked again: nobody knows which of the two is answered (Karn).
            scene.pass(1000);
            put(scene, client, (x, 0, 0x02));
            scene.pass(20);
        } else {
            scene.travel(server, "tcp");
        }
        put(scene, server, (y, x + 1, 0x12));
        if place % 4 == 2 {
            scene.pass(1000);
            put(scene, server, (y, x + 1, 0x12));
            scene.pass(20);
        } else {
            scene.travel(client, "tcp");
        }
        put(scene, client, (x + 1, y.wrapping_add(1), 0x10));
        scene.pass(1);
        put(scene, client, (x + 1, y.wrapping_add(1), 0x18));
        scene.pass(300);
    }
}

type Case = (&'static str, fn(&mut Scene));

const CASES: [Case; 5] = [
    ("rtcp", rtcp),
    ("rtcp xr", extended),
    ("stun", stun),
    ("sip", sip),
    ("tcp", handshake),
];

/// Replays with an ASN for each far end.
fn measured(mut shots: Vec<Shot>, workers: &str) -> Value {
    let desk = Desk::new();
    shots.sort_by_key(|shot| shot.nanos);
    let prefixes: Vec<_> = (0..200)
        .map(|place| {
            let asn = 64_500 + place;
            format!("203.0.{place}.0/24\t{asn}\n2001:db8:{place:x}::/48\t{asn}\n")
        })
        .collect();
    desk.file("far.tsv", prefixes.concat());
    let config = desk.file(
        "asnmeter.toml",
        "[asn]\nsources = [{ prefixes = \"far.tsv\" }]\n\
         local_prefixes = [\"198.51.100.0/24\", \"2001:db8:ff::/48\"]\n",
    );
    let capture = desk.capture("round_trips.pcap", &shots);
    replay(&["--workers", workers, "--config", &config, &capture])
}

fn row<'a>(document: &'a Value, whose: &str) -> &'a Value {
    let rows = list(document, "/asns").iter();
    let named = |row: &&Value| match &row["asn"] {
        Value::String(name) => name == whose,
        asn => *asn.to_string() == *whose,
    };
    rows.clone()
        .find(named)
        .unwrap_or_else(|| panic!("no ASN {whose}"))
}

/// Holds what was measured against the truth: how many, the largest, and the one in the middle.
fn assert_measured(what: &str, document: &Value, truth: &Truth) {
    let known: u64 = truth.values().map(|samples| samples.len() as u64).sum();
    let counts = list(document, "/asns").iter().flat_map(|row| {
        let methods = row["rtt_ms"].as_object().unwrap().values();
        methods.map(|samples| number(samples, "/count"))
    });
    assert_eq!(counts.sum::<u64>(), known, "{what}: {}", document["asns"]);
    for ((whose, method), samples) in truth {
        let ours = &row(document, whose)["rtt_ms"][*method];
        let mut samples = samples.clone();
        samples.sort_by(f64::total_cmp);
        assert_eq!(
            number(ours, "/count"),
            samples.len() as u64,
            "{what}: {whose} {method}"
        );
        let middle = samples[(samples.len() - 1) / 2];
        for (key, truth) in [("max", samples[samples.len() - 1]), ("p50", middle)] {
            let ours = ours[key].as_f64().unwrap();
            assert!(
                is_close(ours, truth),
                "{what}: {whose} {method} {key} {ours}, not {truth}"
            );
        }
    }
}

#[test]
fn each_method_measures_both_segments_over_every_way() {
    for (name, case) in CASES {
        for way in Way::ALL {
            for v6 in [false, true] {
                let mut scene = Scene::new(way, v6, 3);
                case(&mut scene);
                let document = measured(scene.shots, "1");
                assert_measured(&format!("{name} {way:?} v6 {v6}"), &document, &scene.truth);
            }
        }
    }
}

#[test]
fn all_of_them_at_once_are_told_apart_by_any_number_of_workers() {
    println!("seed {SEED:#x}");
    let (mut shots, mut truth) = (Vec::new(), Truth::new());
    for place in 0..60 {
        let mut scene = Scene::new(Way::ALL[place % Way::ALL.len()], place % 4 == 1, place);
        CASES[place % CASES.len()].1(&mut scene);
        shots.extend(scene.shots);
        for (key, samples) in scene.truth {
            truth.entry(key).or_default().extend(samples);
        }
    }
    for workers in ["1", "3"] {
        assert_measured(
            &format!("{workers} workers"),
            &measured(shots.clone(), workers),
            &truth,
        );
    }
}

/// What the far end reports lost, less what had not come past the tap.
#[test]
fn what_the_far_end_reports_is_its_loss_less_our_own() {
    for (place, way) in Way::ALL.into_iter().enumerate() {
        let mut scene = Scene::new(way, place % 2 == 1, place);
        let ends = scene.ends(Near, (4000, 6000));
        let mut line = Line::new(way, ends, PCMA, SEED + place as u64).beginning_at(65_400);
        line.noise_ms = 0;
        let (mut ours, mut theirs, mut truth) = (0, 0, [0, 0]);
        line.talk(50);
        for turn in 0..8_u32 {
            line.talk_with(100, |_, rng| match rng.next_u64() % 20 {
                0 => Fate::Lost,
                _ => Fate::Arrives,
            });
            let missed = line.withheld() - ours;
            ours += missed;
            let beyond = scene.rng.next_u64() % 7;
            theirs += u32::try_from(missed + beyond).unwrap();
            // They have counted three cycles more than we saw, and lost 40 before we looked.
            let highest = line.highest() + (3 << 16);
            scene.now = line.now;
            let report = receiver_report(line.ssrc(), (40 + theirs, highest), 0, 0);
            scene.put_rtcp(Far, &report);
            // The first report only says where the next interval begins.
            if turn > 0 {
                truth = [truth[0] + 100, truth[1] + beyond];
            }
        }
        line.talk(10);
        scene.shots.extend(frames(&[line]));
        let document = measured(scene.shots, "1");
        let reported = &row(&document, &scene.asn)["to"]["reported"];
        let found = ["/expected", "/lost"].map(|key| number(reported, key));
        assert_eq!(found, truth, "{way:?}: {document}");
    }
}
