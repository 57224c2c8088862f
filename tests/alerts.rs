//! Proves that the rules for Prometheus are valid, that every alert fires when it must and not when
//! it must not (promtool's own tests in deploy/prometheus/tests), that each has its place in the
//! runbook, and that neither a rule nor a dashboard names a metric which does not exist.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(ROOT).join(path)).unwrap()
}

fn promtool(arguments: &[&str]) {
    let output = Command::new("promtool")
        .args(arguments)
        .current_dir(Path::new(ROOT).join("deploy/prometheus"))
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "promtool {arguments:?}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(Path::new(ROOT).join(folder)).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .filter(|path| path.to_string_lossy().ends_with(ending))
        .collect()
}

#[test]
fn promtool_finds_the_rules_valid_and_their_cases_as_they_should_be() {
    promtool(&[
        "check",
        "rules",
        "recording.rules.yml",
        "alerts.rules.yml",
        "fleet.rules.yml",
    ]);
    let cases = files("deploy/prometheus/tests", ".yml");
    assert!(cases.len() >= 5, "{cases:?}");
    for case in cases {
        promtool(&["test", "rules", case.to_str().unwrap()]);
    }
}

#[test]
fn every_alert_has_its_place_in_the_runbook_and_the_other_way_round() {
    let rules = read("deploy/prometheus/alerts.rules.yml");
    let of = |text: &str, mark: &str| -> BTreeSet<String> {
        let lines = text
            .lines()
            .filter_map(|line| line.trim().strip_prefix(mark));
        lines.map(str::to_owned).collect()
    };
    let alerts = of(&rules, "- alert: ");
    assert!(alerts.len() >= 10);
    assert_eq!(alerts, of(&read("docs/RUNBOOK.md"), "## "));
    let urls = of(&rules, "runbook_url: ");
    let anchors = urls.iter().map(|url| {
        let (place, anchor) = url.split_once('#').unwrap();
        // The meter serves its runbook itself, unless it is the meter that does not answer, or a witness
        // who says it.
        let is_elsewhere = anchor == "asnmetertargetdown" || anchor.starts_with("asnmeterwitness");
        let own = if is_elsewhere {
            "file:///usr/share/doc/asnmeter/docs/RUNBOOK.md"
        } else {
            "http://{{ $labels.instance }}/docs/runbook"
        };
        assert_eq!(place, own, "{anchor}");
        let id = format!(" id=\"{anchor}\"");
        assert!(asnmeter::export::page::RUNBOOK.contains(&id), "{anchor}");
        anchor.to_owned()
    });
    let anchors: BTreeSet<String> = anchors.collect();
    let lower: BTreeSet<_> = alerts.iter().map(|alert| alert.to_lowercase()).collect();
    assert_eq!(anchors, lower);
}

/// Names that begin with `asnmeter_`, and those of recording rules, which have it behind a colon.
fn names(text: &str) -> BTreeSet<&str> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    text.split(|c| !is_part(c))
        .filter(|word| word.contains("asnmeter_"))
        .map(|word| word.trim_end_matches(':'))
        .collect()
}

/// The metrics of `asnmeter evidence witness`.
const WITNESS: [&str; 3] = [
    "asnmeter_witness_disagrees",
    "asnmeter_witness_leaves",
    "asnmeter_witness_seen_timestamp_seconds",
];

#[test]
fn no_rule_and_no_dashboard_names_a_metric_that_does_not_exist() {
    let table = read("docs/METRICS.md");
    let rules = read("deploy/prometheus/recording.rules.yml");
    let mut known: BTreeSet<_> = names(&table).into_iter().collect();
    // what a witness writes for node_exporter; tests/witness.rs reads it
    known.extend(WITNESS);
    let recorded: BTreeSet<_> = rules
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- record: "))
        .collect();
    assert!(known.len() > 30 && recorded.len() > 9);
    let mut paths = files("deploy/prometheus", ".yml");
    paths.extend(files("grafana/dashboards", ".json"));
    paths.extend(files("grafana/source", ".mjs"));
    assert!(paths.len() >= 12, "{paths:?}");
    for path in paths {
        let text = fs::read_to_string(&path).unwrap();
        for name in names(&text) {
            let of_histogram = name.strip_suffix("_bucket").unwrap_or(name);
            assert!(
                known.contains(of_histogram) || recorded.contains(name),
                "{}: {name}",
                path.display()
            );
        }
    }
}
