//! Proves where the line is: traffic of exactly the threshold stays in SLA, one packet more in a
//! window is out, in the second that the arithmetic says and for exactly as many seconds as the
//! window has, for every direction and every layer.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use serde_json::{Value, json};
use support::desk::Desk;
use support::frames::{Media, Shot};
use support::program::{list, replay};
use support::{START, rfc3339};

/// Seconds of the capture.
const LENGTH: u64 = 40;
/// Seconds of the window.
const WINDOW: u64 = 5;
/// Packets of a stream in each second.
const PACKETS: u64 = 50;
/// One packet more in these seconds: once alone, then one a window.
const MORE: [u64; 3] = [12, 20, 25];
/// Seconds out of SLA that follow from it: first, and first one back in.
const OUT: [(u64, u64); 2] = [(12, 17), (20, 30)];

/// An end of our own; the port tells streams apart.
const OURS: &str = "198.51.100.1:20000";
const OURS_TOO: &str = "198.51.100.2:20000";
/// Ends in AS 64500.
const THEIRS: &str = "203.0.113.1:30000";
const THEIRS_TOO: &str = "203.0.113.2:30000";

/// Streams at a constant rate under a commitment that they fill exactly.
#[derive(Debug)]
struct Case {
    direction: &'static str,
    /// What the interval is said to be about.
    named: &'static str,
    /// Streams that count; the first of them sends the packets too many.
    counted: Vec<(&'static str, &'static str)>,
    /// Streams that do not.
    beside: Vec<(&'static str, &'static str)>,
}

fn cases() -> Vec<Case> {
    let (from, to) = ((THEIRS, OURS), (OURS, THEIRS));
    let more = [(THEIRS_TOO, OURS_TOO), (OURS_TOO, THEIRS_TOO)];
    let case = |direction, named, counted: &[_], beside: &[_]| Case {
        direction,
        named,
        counted: counted.to_vec(),
        beside: beside.to_vec(),
    };
    vec![
        case("from", "from", &[from], &[to, more[1]]),
        case("to", "to", &[to], &[from, more[0]]),
        case("either", "from", &[from], &[to]),
        case("either", "to", &[to], &[from]),
        case("sum", "sum", &[from, to], &[]),
        case("sum", "sum", &[to, from], &[]),
        // A packet with both ends in the ASN counts once.
        case("sum", "sum", &[(THEIRS, THEIRS_TOO), from, to], &[]),
        case("from", "from", &[(THEIRS, THEIRS_TOO), from], &[to]),
    ]
}

/// Octets of an IP packet on a layer (MODEL §3.2).
fn octets(layer: &str, ip: u64) -> u64 {
    match layer {
        "ip" => ip,
        "ethernet" => (ip + 18).max(64),
        "wire" => (ip + 18).max(64) + 20,
        other => panic!("no layer {other}"),
    }
}

/// When a stream sends: every 20 ms, and a packet more in the middle of some seconds.
fn times(more: &[u64]) -> Vec<u64> {
    let second = |second: u64| (START + second) * 1_000_000_000;
    let regular = (0..LENGTH).flat_map(|at| (0..PACKETS).map(move |n| second(at) + n * 20_000_000));
    let mut times: Vec<_> = regular
        .chain(more.iter().map(|at| second(*at) + 505_000_000))
        .collect();
    times.sort_unstable();
    times
}

fn shots(case: &Case, payload: usize, more: &[u64]) -> Vec<Shot> {
    let mut shots = Vec::new();
    for (place, (src, dst)) in (0..).zip(case.counted.iter().chain(&case.beside)) {
        let media = Media {
            payload,
            ..Media::g711(src, dst, 0x1000 + place)
        };
        shots.extend(media.shots(times(if place == 0 { more } else { &[] })));
    }
    shots.sort();
    shots
}

/// What is said of AS 64500, and each second's `exceeds` in the case's direction.
fn judged(case: &Case, layer: &str, payload: usize, more: &[u64]) -> (Value, Vec<u64>) {
    let desk = Desk::new();
    let per_second = PACKETS * case.counted.len() as u64 * octets(layer, 40 + payload as u64);
    // The threshold is a tenth: eighty times the octets of a second, in bits.
    let config = desk.file(
        "asnmeter.toml",
        format!(
            "[asn]\nsources = [{{ prefixes = \"far.tsv\" }}]\nlocal_prefixes = [\"198.51.100.0/24\"]\n\
             [[commitment]]\nname = \"c\"\ncommitted_rate = \"{} bps\"\nthreshold = \"10%\"\n\
             window = \"{WINDOW}s\"\ndirection = \"{}\"\nlayer = \"{layer}\"\n",
            per_second * 80,
            case.direction,
        ),
    );
    desk.file("far.tsv", "203.0.113.0/24\t64500\n");
    let capture = desk.capture("calls.pcap", &shots(case, payload, more));
    let document = replay(&[
        "--config",
        &config,
        "--seconds",
        &desk.name("seconds"),
        &capture,
    ]);
    let asns = list(&document, "/commitments/0/asns");
    assert_eq!(asns.len(), 1, "{case:?}");
    let line = |line: &str| serde_json::from_str::<Value>(line).unwrap();
    // The sum stands in the line `from`.
    let direction = if case.named == "to" { "to" } else { "from" };
    let seconds = desk.read("seconds");
    let over = seconds
        .lines()
        .map(line)
        .filter(|line| line["direction"] == direction && line["exceeds"] == true);
    let second = |line: Value| {
        let text = line["second"].as_str().unwrap().to_owned();
        (0..LENGTH).find(|at| rfc3339(START + at) == text).unwrap()
    };
    (asns[0].clone(), over.map(second).collect())
}

fn each(mut check: impl FnMut(&Case, &str, usize)) {
    for case in cases() {
        for layer in ["ip", "ethernet", "wire"] {
            // 200 octets, and 44, which Ethernet pads.
            for payload in [160, 4] {
                check(&case, layer, payload);
            }
        }
    }
}

#[test]
fn exactly_the_threshold_is_in_sla() {
    each(|case, layer, payload| {
        let (asn, over) = judged(case, layer, payload, &[]);
        let at = format!("{case:?} {layer} {payload}");
        assert_eq!(asn["out_of_sla"], json!([]), "{at}");
        assert_eq!(asn["out_of_sla_seconds"], 0, "{at}");
        assert_eq!(asn["peak_share"][case.named], 0.1, "{at}");
        assert_eq!(over, [0; 0], "{at}");
    });
}

#[test]
fn one_packet_more_in_a_window_is_out_until_it_has_left_the_window() {
    each(|case, layer, payload| {
        let (asn, over) = judged(case, layer, payload, &MORE);
        let at = format!("{case:?} {layer} {payload}");
        let packet = octets(layer, 40 + payload as u64);
        let peak = WINDOW * PACKETS * case.counted.len() as u64 * packet + packet;
        let expected = OUT.map(|(from, until)| {
            (
                case.named,
                rfc3339(START + from),
                rfc3339(START + until),
                false,
                peak,
            )
        });
        let interval = |interval: &Value| {
            let text = |key: &str| interval[key].as_str().unwrap().to_owned();
            let named = if text("direction") == case.named {
                case.named
            } else {
                "another"
            };
            let peak = interval["peak_window_bytes"].as_u64().unwrap();
            (
                named,
                text("from"),
                text("until"),
                interval["open"].as_bool().unwrap(),
                peak,
            )
        };
        let intervals: Vec<_> = list(&asn, "/out_of_sla").iter().map(interval).collect();
        assert_eq!(intervals, expected, "{at}");
        let seconds: Vec<_> = OUT
            .into_iter()
            .flat_map(|(from, until)| from..until)
            .collect();
        assert_eq!(asn["out_of_sla_seconds"], seconds.len(), "{at}");
        assert_eq!(over, seconds, "{at}");
    });
}
