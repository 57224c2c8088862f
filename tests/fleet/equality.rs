//! Captures split by address pair over three probes, each published by `replay`; `fleet --once` gives the document
//! of one meter on all of them.

use super::broker::Broker;
use super::support::START;
use super::support::desk::Desk;
use super::support::frames::{Media, Shot, of_scenario};
use super::support::program::{asnmeter, assert_verifies, list, replay, text};
use super::{aggregator_section, configuration, key, probe_section, split, without_streams};
use asnmeter::capture::synthetic::demo;
use serde_json::Value;
use std::process::Command;

const CONTRACTS: &str = r#"
[[commitment]]
name = "demo"
committed_rate = "10 Mbps"
threshold = "10%"
window = "10s"
guarantee = { loss = "0.5%", latency = "150ms", latency_percentile = 95, jitter = "30ms" }
[[commitment]]
name = "sum"
committed_rate = "20 Mbps"
threshold = "10%"
direction = "sum"
window = "5s"
guarantee = { loss = "0.5%", loss_direction = "both" }
"#;

/// Probes of a replay, one after the other; the aggregator's document. With `signed` each has a key.
fn fleet(parts: &[Vec<Shot>], desk: &Desk, broker: &Broker, (name, signed): (&str, bool)) -> Value {
    let mut probes = Vec::new();
    let names: Vec<String> = (0..parts.len()).map(|tap| format!("tap-{tap}")).collect();
    for (probe, shots) in names.iter().zip(parts) {
        let capture = desk.capture(&format!("{probe}.pcap"), shots);
        let mut section = probe_section(name, probe, &broker.address());
        let mut public = None;
        if signed {
            let (private, line) = key(desk, probe);
            let evidence =
                format!("[evidence]\norigin = \"voice.example/{probe}\"\nkey = \"{private}\"\n");
            section.push_str(&evidence);
            public = Some(line);
        }
        let config = desk.file(&format!("{probe}.toml"), configuration(CONTRACTS, &section));
        let outcome = asnmeter(["replay", &capture, "--config", &config, "--format", "json"]);
        assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
        probes.push((probe.as_str(), public));
    }
    let section = aggregator_section(name, &probes, &broker.address());
    let config = desk.file("fleet.toml", configuration(CONTRACTS, &section));
    let ledger = desk.name(&format!("ledger-{name}"));
    let arguments = [
        "fleet",
        "--config",
        &config,
        "--once",
        "--timeout",
        "60s",
        "--format",
        "json",
    ];
    let outcome = asnmeter(arguments.iter().copied().chain(["--evidence", &ledger]));
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert_verifies(&ledger);
    serde_json::from_str(&outcome.stdout).unwrap()
}

fn one_meter(shots: &[Shot], desk: &Desk) -> Value {
    let capture = desk.capture("all.pcap", shots);
    let config = desk.file("one.toml", configuration(CONTRACTS, ""));
    without_streams(replay(&[&capture, "--config", &config]))
}

fn assert_same(ours: &Value, theirs: &Value) {
    for (key, value) in theirs.as_object().unwrap() {
        if key != "commitments" {
            assert_eq!(&ours[key], value, "{key}");
        }
    }
    for (ours, theirs) in list(ours, "/commitments")
        .iter()
        .zip(list(theirs, "/commitments"))
    {
        for (ours, theirs) in list(ours, "/asns").iter().zip(list(theirs, "/asns")) {
            assert_eq!(ours, theirs, "AS{}", theirs["asn"]);
        }
    }
    assert_eq!(ours, theirs);
}

#[test]
fn the_demo_split_over_three_probes_gives_the_document_of_one_meter() {
    let (desk, broker) = (Desk::new(), Broker::start());
    let (mut scenario, prefixes) = demo();
    scenario.repeat = None;
    let lines = prefixes
        .iter()
        .map(|known| format!("{}\t{}\t{}\n", known.prefix, known.asn.0, known.name));
    desk.file("prefixes.tsv", lines.collect::<String>());
    let shots = of_scenario(&scenario, START);
    let expected = one_meter(&shots, &desk);
    let out_of_sla = list(&expected, "/commitments/0/asns").iter();
    assert!(
        out_of_sla
            .filter(|asn| asn["out_of_sla_seconds"] != 0)
            .count()
            > 0
    );
    assert_same(
        &fleet(&split(&shots, 3), &desk, &broker, ("demo", true)),
        &expected,
    );
}

/// Calls that begin and end at other times at each tap, lose packets, and fall silent one way: of one network a
/// tenth at one tap only.
fn silent_calls() -> Vec<Shot> {
    let mut shots = Vec::new();
    for call in 0_u64..48 {
        let theirs = match call % 3 {
            0 => format!("203.0.113.{}:30000", call + 1),
            1 => format!("192.0.2.{}:30000", call + 1),
            _ => format!("100.64.0.{}:30000", call + 1),
        };
        let ours = format!("198.51.100.{}:20000", call + 1);
        let ssrc = u32::try_from(10 * call).unwrap();
        let begins = 137 * call;
        let times = |from: u64, until: u64| {
            let times = (from..until).map(|place| 20 * place);
            times.map(move |at| 1_000_000_000 * START + (begins + at) * 1_000_000)
        };
        // its end falls silent for a while, or for good
        let silent = match call % 8 {
            1 => 700..1100,
            5 => 900..2000,
            _ => 0..0,
        };
        let media = Media::g711(&theirs, &ours, ssrc)
            .shots(times(0, 2000))
            .into_iter()
            .enumerate();
        let came = media
            .filter(|(place, _)| !(silent.contains(place) || call % 5 == 0 && place % 97 == 0));
        shots.extend(came.map(|(_, shot)| shot));
        shots.extend(Media::g711(&ours, &theirs, ssrc + 1).shots(times(0, 2000)));
    }
    shots.sort_by_key(|shot| shot.nanos);
    shots
}

#[test]
fn calls_that_fall_silent_are_judged_by_the_share_of_all_probes_streams() {
    let (desk, broker) = (Desk::new(), Broker::start());
    desk.file(
        "prefixes.tsv",
        "203.0.113.0/24\t64500\n192.0.2.0/24\t64501\n100.64.0.0/24\t64502\n",
    );
    let shots = silent_calls();
    let expected = one_meter(&shots, &desk);
    let doubt = list(&expected, "/commitments/0/asns").iter();
    let doubt = doubt.map(|asn| asn["guarantees"]["loss"]["in_doubt_s"].as_u64().unwrap());
    assert!(doubt.sum::<u64>() > 0, "{expected}");
    let mut parts = split(&shots, 3);
    assert!(parts.iter().all(|part| !part.is_empty()));
    // and a tap with nothing on it
    parts.push(Vec::new());
    assert_same(&fleet(&parts, &desk, &broker, ("silent", false)), &expected);
}

#[test]
fn a_fleet_that_is_not_there_is_not_waited_for_longer_than_asked() {
    let (desk, broker) = (Desk::new(), Broker::start());
    desk.file("prefixes.tsv", "203.0.113.0/24\t64500\n");
    let probes = [("tap-0", None), ("tap-1", None)];
    let section = aggregator_section("nobody", &probes, &broker.address());
    let config = desk.file("fleet.toml", configuration(CONTRACTS, &section));
    let outcome = asnmeter(["fleet", "--config", &config, "--once", "--timeout", "1"]);
    assert_eq!(outcome.code, Some(1));
    assert!(
        outcome.stderr.contains("still waiting for tap-0, tap-1"),
        "{}",
        outcome.stderr
    );
    broker.kill();
    let outcome = asnmeter(["fleet", "--config", &config, "--once", "--timeout", "1s"]);
    assert_eq!(outcome.code, Some(1), "{}", outcome.stderr);
}

#[test]
fn who_has_no_place_in_a_fleet_is_told_so() {
    let desk = Desk::new();
    desk.file("prefixes.tsv", "203.0.113.0/24\t64500\n");
    let address = "nats://127.0.0.1:1";
    let cases = [
        (configuration(CONTRACTS, ""), "[fleet] is missing"),
        (
            configuration(CONTRACTS, &probe_section("f", "a", address)),
            "names no probes",
        ),
        (
            configuration("", &aggregator_section("f", &[("a", None)], address)),
            "no [[commitment]]",
        ),
    ];
    for (content, reason) in cases {
        let config = desk.file("fleet.toml", content);
        let outcome = asnmeter(["fleet", "--config", &config, "--once"]);
        assert_eq!(outcome.code, Some(78), "{}", outcome.stderr);
        assert!(outcome.stderr.contains(reason), "{}", outcome.stderr);
    }
    let outcome = super::support::program::outcome(
        Command::new(super::support::program::PROGRAM).args(["fleet", "--once"]),
    );
    assert_eq!(
        outcome.code,
        Some(2),
        "{}",
        text(&serde_json::json!({ "e": outcome.stderr }), "e")
    );
}
