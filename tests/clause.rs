//! Proves that docs/CLAUSE.md tells the truth: every table that says so is recomputed by the
//! arithmetic of the verdicts, and every configuration in it is one.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use asnmeter::config::checked::Config;
use asnmeter::meter::asn_counts::{AsnCounts, SampleCounts};
use asnmeter::sla::Verdict;
use asnmeter::sla::commitment::Commitment;
use asnmeter::sla::limit::Limit;
use asnmeter::sla::measure::{Measure, PerMeasure};
use asnmeter::sla::unseen::Unseen;
use asnmeter::sla::verdict::{Exceeds, WindowContext, excess, may_exceed, measured, verdicts};
use asnmeter::stream::tally::{Layer, LossCounts, TrafficCounts};
use std::fs;
use std::path::Path;

/// Packets of G.711 with 20 ms packets in a second, and octets of each in an IPv4 packet.
const PACKETS: u64 = 50;
const IP_OCTETS: u32 = 200;

fn page() -> String {
    fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/CLAUSE.md")).unwrap()
}

/// The rows of a table behind its mark, cell by cell, with digits together.
fn table(mark: &str) -> Vec<Vec<String>> {
    let page = page();
    let (_, rest) = page
        .split_once(&format!("<!-- recomputed: {mark} -->\n"))
        .unwrap();
    let lines = rest
        .lines()
        .take_while(|line| line.starts_with('|'))
        .skip(2);
    let cells = |line: &str| line.trim_matches('|').split('|').map(counts).collect();
    let rows: Vec<_> = lines.map(cells).collect();
    assert!(rows.len() >= 4, "{mark}: {} rows", rows.len());
    rows
}

fn counts(text: &str) -> String {
    let text = text.trim();
    if text.chars().all(|c| c.is_ascii_digit() || c == ' ') {
        text.replace(' ', "")
    } else {
        text.to_owned()
    }
}

/// A contract from the configuration's own words; what a table does not say is the page's first.
fn contract(more: &str) -> Commitment {
    let text = format!("[[commitment]]\nname = \"x\"\n{more}\n");
    let config = Config::parse(&text, Path::new("CLAUSE.md")).unwrap();
    config.commitments[0].clone()
}

fn number(counts: &str) -> u64 {
    counts
        .parse()
        .unwrap_or_else(|_| panic!("no number: {counts}"))
}

fn state(contract: &Commitment, window: &AsnCounts) -> &'static str {
    if excess(contract, window).any() {
        "out of SLA"
    } else {
        "within"
    }
}

fn percent(contract: &Commitment, bytes: u64) -> String {
    let share = Limit::from(contract).share(bytes);
    format!("{:.2}", share * 100.0)
}

fn from(bytes: u64) -> AsnCounts {
    AsnCounts {
        from: bytes,
        packets: 1,
        ..AsnCounts::default()
    }
}

#[test]
fn what_exceeds() {
    for row in table("exceeds") {
        let [rate, threshold, window, bytes, share, expected] = &row[..] else {
            panic!("{row:?}")
        };
        let contract = contract(&format!(
            "committed_rate = \"{rate} Mbps\"\nthreshold = \"{threshold}%\"\nwindow = \"{window}s\""
        ));
        let bytes = number(bytes);
        assert_eq!(&percent(&contract, bytes), share, "{row:?}");
        assert_eq!(state(&contract, &from(bytes)), expected, "{row:?}");
    }
}

#[test]
fn how_many_calls() {
    for row in table("calls") {
        let [calls, layer, octets, bytes, share, expected] = &row[..] else {
            panic!("{row:?}")
        };
        let contract = contract(&format!(
            "committed_rate = \"100 Mbps\"\nlayer = \"{layer}\""
        ));
        let on_layer = TrafficCounts::packet(IP_OCTETS).on(contract.layer);
        assert_eq!(on_layer, number(octets), "{row:?}");
        let in_window = number(calls) * PACKETS * on_layer * u64::from(contract.window.get());
        assert_eq!(in_window, number(bytes), "{row:?}");
        assert_eq!(&percent(&contract, in_window), share, "{row:?}");
        assert_eq!(state(&contract, &from(in_window)), expected, "{row:?}");
    }
    let more =
        |layer| TrafficCounts::packet(IP_OCTETS).on(layer) * 100 / u64::from(IP_OCTETS) - 100;
    assert_eq!((more(Layer::Ethernet), more(Layer::Wire)), (9, 19));
}

#[test]
fn from_or_to() {
    for row in table("direction") {
        let [direction, from, to, held, expected] = &row[..] else {
            panic!("{row:?}")
        };
        let contract = contract(&format!(
            "committed_rate = \"100 Mbps\"\ndirection = \"{direction}\""
        ));
        let window = AsnCounts {
            from: number(from),
            to: number(to),
            ..AsnCounts::default()
        };
        let measured = measured(&window);
        let judged = measured.of(contract.direction.judged());
        let most = judged.map(|(_, bytes)| *bytes).max();
        assert_eq!(most, Some(number(held)), "{row:?}");
        assert_eq!(state(&contract, &window), expected, "{row:?}");
    }
}

#[test]
fn over_what_time() {
    // 300 calls for 20 seconds.
    let second = 300 * PACKETS * u64::from(IP_OCTETS);
    for row in table("window") {
        let [window, bytes, share, expected] = &row[..] else {
            panic!("{row:?}")
        };
        let contract = contract(&format!(
            "committed_rate = \"100 Mbps\"\nwindow = \"{window}s\""
        ));
        let fullest = second * number(window).min(20);
        assert_eq!(fullest, number(bytes), "{row:?}");
        assert_eq!(&percent(&contract, fullest), share, "{row:?}");
        assert_eq!(state(&contract, &from(fullest)), expected, "{row:?}");
    }
}

/// The verdicts on a window of which `share` per cent of the committed rate came from the ASN.
fn judged(
    contract: &Commitment,
    share: u64,
    window: AsnCounts,
    unseen: Unseen,
) -> PerMeasure<Option<Verdict>> {
    let full = contract.committed_rate.0 / 8 * u64::from(contract.window.get());
    let mut window = AsnCounts {
        from: full * share / 100,
        packets: 1,
        ..window
    };
    let standing = WindowContext {
        exceeds: Exceeds::of(
            excess(contract, &window).any(),
            may_exceed(contract, &window, unseen),
        ),
        unseen,
        all_over_transit: false,
        is_outage: false,
    };
    let frames = unseen.bound().unwrap_or(0);
    window.sent.doubt(frames.cast_signed(), frames);
    let given = verdicts(&contract.guarantee, &window, standing);
    given.map(|one| one.map(|(verdict, _)| verdict))
}

#[test]
fn packet_loss() {
    for row in table("loss") {
        let [
            expected,
            lost,
            maybe_lost,
            guaranteed,
            share,
            unseen,
            verdict,
        ] = &row[..]
        else {
            panic!("{row:?}")
        };
        let contract = contract(&format!(
            "committed_rate = \"100 Mbps\"\nguarantee = {{ loss = \"{guaranteed}%\" }}"
        ));
        let window = AsnCounts {
            sent: LossCounts {
                expected: number(expected).cast_signed(),
                lost: number(lost).cast_signed(),
                maybe_lost: number(maybe_lost).cast_signed(),
            },
            ..AsnCounts::default()
        };
        let unseen = match unseen.as_str() {
            "0" => Unseen::None,
            "unknown" => Unseen::Unknown,
            frames => Unseen::AtMost(number(frames)),
        };
        let given = judged(&contract, number(share), window, unseen);
        let loss = given.get(Measure::Loss);
        assert_eq!(loss.unwrap().as_str(), verdict, "{row:?}");
    }
}

#[test]
fn latency() {
    for row in table("latency") {
        let [samples, over, percentile, verdict] = &row[..] else {
            panic!("{row:?}")
        };
        let contract = contract(&format!(
            "committed_rate = \"100 Mbps\"\n\
             guarantee = {{ latency = \"150ms\", latency_percentile = {percentile} }}"
        ));
        let window = AsnCounts {
            round_trips: SampleCounts {
                samples: number(samples),
                over: number(over),
                maybe_over: 0,
            },
            ..AsnCounts::default()
        };
        let given = judged(&contract, 4, window, Unseen::None);
        let latency = given.get(Measure::Latency);
        assert_eq!(latency.unwrap().as_str(), verdict, "{row:?}");
    }
}

#[test]
fn jitter() {
    for row in table("jitter") {
        let [samples, over, percentile, verdict] = &row[..] else {
            panic!("{row:?}")
        };
        let contract = contract(&format!(
            "committed_rate = \"100 Mbps\"\n\
             guarantee = {{ jitter = \"30ms\", jitter_percentile = {percentile} }}"
        ));
        let window = AsnCounts {
            stream_seconds: SampleCounts {
                samples: number(samples),
                over: number(over),
                maybe_over: 0,
            },
            ..AsnCounts::default()
        };
        let given = judged(&contract, 4, window, Unseen::None);
        let jitter = given.get(Measure::Jitter);
        assert_eq!(jitter.unwrap().as_str(), verdict, "{row:?}");
    }
}

#[test]
fn every_configuration_on_the_page_is_one() {
    let page = page();
    let blocks: Vec<_> = page.split("```toml\n").skip(1).collect();
    assert_eq!(blocks.len(), 3);
    for block in blocks {
        let (text, _) = block.split_once("```").unwrap();
        Config::parse(text, Path::new("CLAUSE.md")).unwrap();
    }
}

#[test]
fn the_demos_window_on_the_page_is_that_of_the_example() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/EXAMPLE.md");
    let example = fs::read_to_string(path).unwrap();
    assert!(example.contains("\"window_bytes\":1311702"));
    assert!(table("exceeds").iter().any(|row| row[3] == "1311702"));
}
