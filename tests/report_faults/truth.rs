//! Holds a report to what is known of the simulated time.

use super::meter::{Truth, Written};
use serde_json::Value;

fn number(document: &Value, pointer: &str) -> u64 {
    let found = document.pointer(pointer).and_then(Value::as_u64);
    found.unwrap_or_else(|| panic!("no number at {pointer} in {document}"))
}

/// Every figure of the report as JSON.
pub(crate) fn compare(document: &Value, written: &Written) {
    let ledger = &document["ledgers"][0];
    let period = number(document, "/period_s");
    let coverage = [
        number(ledger, "/coverage/whole_s"),
        number(ledger, "/coverage/incomplete_s"),
        number(ledger, "/coverage/not_running_s"),
    ];
    let known = [written.whole_s, written.incomplete_s, written.not_running_s];
    assert_eq!(coverage, known, "coverage {}", ledger["coverage"]);
    assert_eq!(coverage.iter().sum::<u64>(), period);
    let commitment = &ledger["commitments"][0];
    let rows = commitment["asns"].as_array().unwrap();
    let mut all = Truth::default();
    assert_eq!(rows.len(), written.networks.len());
    for (row, (asn, truth)) in rows.iter().zip(&written.networks) {
        assert_eq!(number(row, "/asn"), u64::from(*asn));
        compare_row(row, truth, period);
        all.from += truth.from;
        all.out_s += truth.out_s;
        all.given[0][1] += truth.given[0][1];
    }
    let sums = &commitment["all"];
    assert_eq!(number(sums, "/from/bytes"), all.from);
    assert_eq!(number(sums, "/out_of_sla_s"), all.out_s);
    assert_eq!(number(sums, "/given/loss/missed_s"), all.given[0][1]);
}

fn compare_row(row: &Value, truth: &Truth, period: u64) {
    let asn = &row["asn"];
    let octets = [number(row, "/from/bytes"), number(row, "/to/bytes")];
    assert_eq!(octets, [truth.from, truth.to], "octets of {asn}");
    let loss = ["expected", "lost", "maybe_lost"].map(|key| row["from"][key].as_i64().unwrap());
    let known = [truth.expected, truth.lost, truth.maybe_lost];
    assert_eq!(loss, known, "loss of {asn}");
    let samples = [
        number(row, "/latency/samples"),
        number(row, "/latency/over"),
    ];
    assert_eq!(samples, [truth.samples, truth.over], "samples of {asn}");
    let out = [number(row, "/out_of_sla_s"), number(row, "/intervals")];
    assert_eq!(out, [truth.out_s, truth.intervals], "out of SLA of {asn}");
    assert_eq!(
        number(row, "/peak/share_ppm"),
        truth.peak.0,
        "peak of {asn}"
    );
    for (measure, known) in ["loss", "latency"].iter().zip(truth.given) {
        let keys = ["met_s", "missed_s", "void_s", "indeterminate_s", "silent_s"];
        let given = keys.map(|key| number(row, &format!("/given/{measure}/{key}")));
        assert_eq!(given, known, "{measure} of {asn}: {keys:?}");
        assert_eq!(given.iter().sum::<u64>(), period);
    }
}
