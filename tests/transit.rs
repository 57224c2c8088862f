//! Proves what is said of transit, on calls over made-up routing tables: what goes through an ASN is
//! counted once per packet and beside the origins; contracts that list it and contracts that judge
//! it; that the lines of `--seconds` are enough to judge it again; and that a reload with another
//! table in between mixes nothing up.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

#[path = "transit/calls.rs"]
mod calls;
#[path = "transit/model.rs"]
mod model;
#[path = "transit/reload.rs"]
mod reload;

use calls::{CONTRACTS, Truth, configuration};
use model::Model;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use support::desk::Desk;
use support::frames::Shot;
use support::program::{asnmeter, list, number, replay, replay_text, text};

/// A capture with its table and its contracts.
struct Replayed {
    desk: Desk,
    config: String,
    capture: String,
    shots: Vec<Shot>,
}

impl Replayed {
    fn new(disorder: bool) -> Self {
        let desk = Desk::new();
        let shots = calls::shots(disorder);
        Self {
            config: desk.file("asnmeter.toml", configuration()),
            capture: desk.capture("calls.pcap", &shots),
            shots,
            desk: {
                desk.file("rib.mrt", calls::table());
                desk
            },
        }
    }

    /// The document, and the lines.
    fn run(&self) -> (Value, Vec<Value>) {
        let seconds = self.desk.name("seconds");
        let document = replay(&[
            "--config",
            &self.config,
            "--seconds",
            &seconds,
            &self.capture,
        ]);
        let lines = self.desk.read("seconds");
        let lines = lines
            .lines()
            .map(|line| serde_json::from_str(line).unwrap());
        (document, lines.collect())
    }
}

fn commitment<'a>(document: &'a Value, name: &str) -> &'a Value {
    let mut commitments = list(document, "/commitments").iter();
    commitments.find(|one| text(one, "name") == name).unwrap()
}

fn asn<'a>(rows: &'a Value, key: &str, asn: u64) -> &'a Value {
    let mut rows = list(rows, key).iter();
    rows.find(|row| row["asn"] == asn).unwrap()
}

#[test]
fn what_goes_through_an_asn_is_counted_once_per_packet_and_beside_the_origins() {
    let replayed = Replayed::new(false);
    let (document, _) = replayed.run();
    let truth = Truth::of(&replayed.shots);
    let mut shown = BTreeMap::new();
    for row in list(&document, "/transit") {
        assert_eq!(text(row, "role"), "transit");
        let counts = ["from", "to"].map(|direction| {
            ["packets", "bytes"].map(|key| number(row, &format!("/{direction}/{key}")))
        });
        shown.insert(number(row, "/asn"), counts);
    }
    assert_eq!(shown, truth.through);
    assert!(shown.len() == 4 && shown.values().flatten().all(|[packets, _]| *packets > 0));
    for direction in ["from", "to"] {
        let asns = list(&document, "/asns").iter();
        let sum: u64 = asns
            .map(|row| number(row, &format!("/{direction}/bytes")))
            .sum();
        assert_eq!(
            sum,
            number(&document, "/voice/bytes"),
            "origins alone make the whole"
        );
    }
}

#[test]
fn an_asn_out_of_sla_lists_the_transit_asns_that_the_exclusion_covers() {
    let replayed = Replayed::new(false);
    let (document, lines) = replayed.run();
    let listed = commitment(&document, "list");
    assert_eq!(listed["judges_transit"], false);
    assert_eq!(list(listed, "/transit"), &[] as &[Value]);
    let climber = asn(listed, "/asns", 64_500);
    let intervals = list(climber, "/out_of_sla");
    assert!(intervals.len() == 2, "from and to: {intervals:?}");
    for interval in intervals {
        assert_eq!(interval["transit"], json!([64_510, 64_511, 64_512]));
    }
    // In a line stands what the frames of its window crossed.
    let truth = Truth::of(&replayed.shots);
    let of_climber = |line: &&Value| line["commitment"] == "list" && line["asn"] == 64_500;
    for line in lines.iter().filter(of_climber) {
        let second = model::second(line);
        let expected = truth.crossed(64_500, second - 9..=second);
        let crossed: Vec<u64> = serde_json::from_value(line["transit"].clone()).unwrap_or_default();
        assert_eq!(crossed, expected, "{line}");
        assert!(line["paths"].is_null() && line["role"].is_null(), "{line}");
    }
    let outcome = asnmeter(["replay", "--config", &replayed.config, &replayed.capture]);
    let covers = "in the window); covers transit AS64510, AS64511, AS64512\n";
    assert!(outcome.stdout.contains(covers), "{}", outcome.stdout);
    assert!(
        outcome
            .stdout
            .contains("\n  transit AS64510: out of SLA (sum)")
    );
    assert!(
        outcome
            .stderr
            .contains("; covers transit AS64510, AS64511, AS64512 for its traffic")
    );
    assert!(
        outcome
            .stderr
            .contains("judge: transit AS64510 out of SLA (from) since")
    );
}

#[test]
fn the_lines_are_enough_to_judge_transit_again() {
    for disorder in [false, true] {
        let replayed = Replayed::new(disorder);
        let (document, lines) = replayed.run();
        let mut models: Vec<_> = CONTRACTS.iter().map(Model::new).collect();
        for line in &lines {
            let mut models = models.iter_mut();
            let model = models.find(|model| model.contract.name == text(line, "commitment"));
            model.unwrap().read(line);
        }
        for model in &models {
            model.verify(commitment(&document, model.contract.name));
        }
        let amended = lines
            .iter()
            .filter(|line| line["amendments"].is_array())
            .count();
        assert_eq!(amended > 20, disorder, "{amended} lines with amendments");
    }
}

#[test]
fn transit_that_goes_over_takes_its_packets_out_of_loss_and_jitter_and_voids_what_has_no_other_way()
{
    let (document, _) = Replayed::new(false).run();
    let judge = commitment(&document, "judge");
    assert_eq!(judge["judges_transit"], true);
    let wide = asn(judge, "/transit", 64_510);
    assert_eq!(text(wide, "role"), "transit");
    assert!(number(wide, "/out_of_sla_seconds") > 25, "{wide}");
    assert_eq!(
        number(asn(judge, "/transit", 64_501), "/out_of_sla_seconds"),
        0
    );
    for measure in ["loss", "jitter"] {
        let seconds = |name: &str, number_of: u64, verdict: &str| {
            let row = asn(commitment(&document, name), "/asns", number_of);
            number(row, &format!("/guarantees/{measure}/{verdict}_s"))
        };
        // 64501 has no other way; 64500 has, and neither loses nor jitters there.
        assert_eq!(seconds("list", 64_501, "void"), 0);
        assert!(seconds("judge", 64_501, "void") > 25);
        assert!(seconds("list", 64_500, "missed") > 40, "{measure}");
        let kept = seconds("judge", 64_500, "met") - seconds("list", 64_500, "met");
        assert!(kept > 20, "{measure}: {kept} seconds more are met");
        for verdict in ["met", "missed", "void", "indeterminate"] {
            let direct = |name| seconds(name, 64_502, verdict);
            assert_eq!(direct("judge"), direct("list"), "64502 crosses nothing");
        }
    }
}

#[test]
fn any_number_of_workers_prints_the_same() {
    let replayed = Replayed::new(true);
    let run = |workers: &str| {
        let seconds = replayed.desk.name("seconds");
        let (config, capture) = (&replayed.config, &replayed.capture);
        let more = ["--seconds", &seconds, "--workers", workers, capture];
        let document = replay_text(&[&["--config", config][..], &more].concat());
        (document, replayed.desk.read("seconds"))
    };
    let one = run("1");
    for workers in ["2", "5"] {
        assert!(run(workers) == one, "{workers} workers");
    }
}
