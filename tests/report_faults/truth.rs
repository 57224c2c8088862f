//! Holds a report to what is known of the simulated time.

use super::meter::{CREDIT, LENSES, MEASURES, Truth, Written};
use serde_json::Value;

fn number(document: &Value, pointer: &str) -> u64 {
    let found = document.pointer(pointer).and_then(Value::as_u64);
    found.unwrap_or_else(|| panic!("no number at {pointer} in {document}"))
}

/// The keys of the seconds, through each lens.
const GIVEN: [&str; LENSES] = [
    "given",
    "given_without_maintenance",
    "given_without_retroactive",
];
const SETTLED: [&str; LENSES] = [
    "settled",
    "settled_without_maintenance",
    "settled_without_retroactive",
];

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
    assert_eq!(number(ledger, "/settled_late"), 0);
    let commitment = &ledger["commitments"][0];
    let rows = commitment["asns"].as_array().unwrap();
    assert_eq!(rows.len(), written.networks.len());
    let mut sums = Truth::default();
    for (row, (asn, truth)) in rows.iter().zip(&written.networks) {
        assert_eq!(number(row, "/asn"), u64::from(*asn));
        compare_row(row, truth, period);
        assert_eq!(
            number(row, "/from/p95_5min_bps"),
            p95(truth, 0, period),
            "{asn}"
        );
        assert_eq!(
            number(row, "/to/p95_5min_bps"),
            p95(truth, 1, period),
            "{asn}"
        );
        compare_mean(row, truth, written);
        add(&mut sums, truth);
    }
    let all = &commitment["all"];
    compare_row(all, &sums, period * written.networks.len() as u64);
    compare_mean(all, &sums, written);
}

fn add(sums: &mut Truth, truth: &Truth) {
    sums.from += truth.from;
    sums.to += truth.to;
    for (sum, one) in sums.confirmed.iter_mut().zip(truth.confirmed) {
        *sum += one;
    }
    sums.expected += truth.expected;
    sums.lost += truth.lost;
    sums.maybe_lost += truth.maybe_lost;
    sums.out_s += truth.out_s;
    sums.intervals += truth.intervals;
    // of several as large the first
    if truth.peak.0 > sums.peak.0 {
        sums.peak = truth.peak;
    }
    if truth.confirmed_peak.0 > sums.confirmed_peak.0 {
        sums.confirmed_peak = truth.confirmed_peak;
    }
    for (sum, one) in sums.reported.iter_mut().zip(truth.reported) {
        *sum += one;
    }
    for (sums, of) in sums.samples.iter_mut().zip(truth.samples) {
        sums.iter_mut().zip(of).for_each(|(sum, one)| *sum += one);
    }
    for (sums, of) in [
        (&mut sums.given, &truth.given),
        (&mut sums.settled, &truth.settled),
    ] {
        let sums = sums.columns.iter_mut().flatten().flatten();
        sums.zip(of.columns.iter().flatten().flatten())
            .for_each(|(sum, one)| *sum += one);
    }
}

/// The 95th percentile by nearest rank, over all rates of 5 minutes, in bit/s.
fn p95(truth: &Truth, direction: usize, period: u64) -> u64 {
    let all = period.div_ceil(300);
    let rates = (0..all).map(|rate| truth.rates.get(&rate).map_or(0, |rate| rate[direction]));
    let mut rates: Vec<u64> = rates.collect();
    rates.sort_unstable();
    let rank = (all * 95).div_ceil(100);
    rates[usize::try_from(rank).unwrap() - 1] * 8 / 300
}

fn compare_mean(row: &Value, truth: &Truth, written: &Written) {
    for (key, octets) in [
        ("from/mean_share_ppm", truth.from),
        ("to/mean_share_ppm", truth.to),
        ("from/mean_confirmed_ppm", truth.confirmed[0]),
        ("to/mean_confirmed_ppm", truth.confirmed[1]),
    ] {
        let mean = u128::from(octets) * 8_000_000 / written.allowed_bits;
        let said = number(row, &format!("/{key}"));
        assert_eq!(u128::from(said), mean, "mean {key} of {}", row["asn"]);
    }
}

/// The credit by each measure: from that with all indeterminate seconds met to that with all missed.
fn compare_credit(row: &Value, truth: &Truth) {
    let keys = [
        "credit",
        "credit_without_maintenance",
        "credit_without_retroactive",
    ];
    for (lens, key) in keys.into_iter().enumerate() {
        for (measure, columns) in MEASURES.iter().zip(truth.settled.columns[lens]) {
            let [met, missed, _, indeterminate, _] = columns;
            let all = met + missed + indeterminate;
            let said = &row[key][measure.as_str()];
            if all == 0 {
                assert!(said.is_null(), "{key} of {}: {said}", row["asn"]);
                continue;
            }
            let credit = |met: u64| {
                let steps = CREDIT.iter().rev();
                let mut reached = steps.filter(|step| met * 1_000_000 < u64::from(step.0) * all);
                reached.next().map_or(0, |step| u64::from(step.1))
            };
            let known = [credit(met + indeterminate), credit(met)];
            let ends = ["/credit_at_least_ppm", "/credit_at_most_ppm"];
            assert_eq!(
                ends.map(|end| number(said, end)),
                known,
                "{key} of {}",
                row["asn"]
            );
        }
    }
}

fn compare_row(row: &Value, truth: &Truth, period: u64) {
    let asn = &row["asn"];
    let octets = [number(row, "/from/bytes"), number(row, "/to/bytes")];
    assert_eq!(octets, [truth.from, truth.to], "octets of {asn}");
    let confirmed = ["from", "to"].map(|side| number(row, &format!("/{side}/confirmed_bytes")));
    assert_eq!(confirmed, truth.confirmed, "confirmed octets of {asn}");
    let peak = number(row, "/confirmed_peak/share_ppm");
    assert_eq!(peak, truth.confirmed_peak.0, "confirmed peak of {asn}");
    let loss =
        |side: &str| ["expected", "lost", "maybe_lost"].map(|key| row[side][key].as_i64().unwrap());
    let known = [truth.expected, truth.lost, truth.maybe_lost];
    assert_eq!(loss("from"), known, "loss of {asn}");
    assert_eq!(loss("to"), truth.reported, "reported loss of {asn}");
    let samples = ["latency", "jitter"].map(|measure| {
        ["samples", "over", "maybe_over"].map(|key| number(row, &format!("/{measure}/{key}")))
    });
    assert_eq!(samples, truth.samples, "samples of {asn}");
    let out = [number(row, "/out_of_sla_s"), number(row, "/intervals")];
    assert_eq!(out, [truth.out_s, truth.intervals], "out of SLA of {asn}");
    assert_eq!(
        number(row, "/peak/share_ppm"),
        truth.peak.0,
        "peak of {asn}"
    );
    compare_credit(row, truth);
    for (lens, keys) in [GIVEN, SETTLED].iter().enumerate() {
        let seconds = if lens == 0 {
            &truth.given
        } else {
            &truth.settled
        };
        for (key, known) in keys.iter().zip(&seconds.columns) {
            for (measure, known) in MEASURES.iter().zip(known) {
                let columns = ["met_s", "missed_s", "void_s", "indeterminate_s", "silent_s"];
                let measure = measure.as_str();
                let said = columns.map(|column| number(row, &format!("/{key}/{measure}/{column}")));
                assert_eq!(said, *known, "{key} {measure} of {asn}: {columns:?}");
                if keys[0] == *key {
                    assert_eq!(said.iter().sum::<u64>(), period, "{key} {measure} of {asn}");
                }
            }
        }
    }
}
