use crate::{assert_golden, example};
use asnmeter::export::collector;
use asnmeter::export::metrics::{MetricKind, TABLE, markdown};
use asnmeter::export::{Published, SourceRow};
use asnmeter::snapshot::Snapshot;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::process::{Command, Stdio};

fn scrape(published: &Published) -> String {
    collector::encode(published).unwrap()
}

#[test]
fn the_whole_scrape_is_the_golden_file() {
    assert_golden("tests/golden/metrics.txt", &scrape(&example::published()));
}

#[test]
fn docs_metrics_md_is_printed_from_the_table() {
    assert_golden("docs/METRICS.md", &markdown());
}

#[test]
fn every_row_has_a_series_in_the_example_and_no_series_comes_twice() {
    let text = scrape(&example::published());
    for row in TABLE {
        assert!(text.contains(&format!("# TYPE {} {}\n", row.name, row.kind.as_str())));
    }
    let mut seen = BTreeSet::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (series, value) = line.rsplit_once(' ').unwrap();
        assert!(seen.insert(series), "{series}");
        value.parse::<f64>().unwrap();
    }
}

#[test]
fn names_keep_to_the_rules_of_the_table() {
    let mut names = BTreeSet::new();
    for row in TABLE {
        assert!(row.name.starts_with("asnmeter_") && names.insert(row.name));
        assert_eq!(
            row.name.ends_with("_total"),
            row.kind == MetricKind::Counter,
            "{}",
            row.name
        );
        assert!(
            !row.help.is_empty() && !row.help.ends_with('.'),
            "{}",
            row.name
        );
    }
}

#[test]
fn a_histogram_appears_with_its_first_sample_and_a_verdict_series_with_its_guarantee() {
    let text = scrape(&example::published());
    assert!(text.contains("asnmeter_rtp_jitter_seconds_count{asn=\"3320\"} 600\n"));
    assert!(!text.contains("asnmeter_rtp_jitter_seconds_count{asn=\"64500\"}"));
    let measured = |line: &str| line.starts_with("asnmeter_round_trip_seconds");
    assert!(
        !text
            .lines()
            .any(|line| measured(line) && line.contains("method=\"stun\""))
    );
    let verdicts = |asn: &str, guarantee: &str| -> Vec<&str> {
        let labels = format!("{{commitment=\"voice-fra\",asn=\"{asn}\",guarantee=\"{guarantee}\"");
        let name = format!("asnmeter_commitment_asn_verdict{labels}");
        text.lines()
            .filter_map(|line| line.strip_prefix(&name)?.rsplit(' ').next())
            .collect()
    };
    assert_eq!(verdicts("3320", "loss"), ["0", "0", "1", "0"]);
    assert_eq!(verdicts("64666", "loss"), ["0"; 4], "no voice, no verdict");
    assert_eq!(verdicts("64666", "latency"), [""; 0], "not guaranteed");
}

#[test]
fn an_asn_without_a_row_has_commitment_series_only_if_it_was_ever_out_of_sla() {
    let mut snapshot = Snapshot::clone(&example::published().snapshot);
    snapshot.asns.clear();
    let text = scrape(&Published {
        snapshot: snapshot.into(),
        ..Published::default()
    });
    assert!(
        text.contains(
            "asnmeter_commitment_asn_out_of_sla{commitment=\"voice-fra\",asn=\"3320\"} 1\n"
        )
    );
    assert!(!text.contains("asn=\"2856\""));
}

#[test]
fn a_commitment_on_both_directions_together_has_one_share() {
    let text = scrape(&example::published());
    let shares: Vec<&str> = text
        .lines()
        .filter(|line| {
            line.starts_with("asnmeter_commitment_asn_share_ratio{commitment=\"voice-\\\"ber")
        })
        .collect();
    assert_eq!(shares.len(), 2, "one for each ASN");
    assert!(shares[0].contains("direction=\"sum\"} 0.0971"));
}

#[test]
fn bytes_of_all_asns_are_conserved_from_the_snapshot_to_the_scrape() {
    let published = example::published();
    let text = scrape(&published);
    let mut sums = BTreeMap::new();
    for direction in ["from", "to"] {
        let wanted = format!("direction=\"{direction}\"");
        let lines = text.lines().filter(|line| {
            line.starts_with("asnmeter_voice_bytes_total{") && line.contains(&wanted)
        });
        let sum: u64 = lines
            .map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap())
            .sum();
        sums.insert(direction, sum);
    }
    let rows = &published.snapshot.asns;
    assert_eq!(
        sums["from"],
        rows.iter().map(|row| row.from.total().bytes).sum::<u64>()
    );
    assert_eq!(
        sums["to"],
        rows.iter().map(|row| row.to.total().bytes).sum::<u64>()
    );
}

#[test]
fn ready_means_a_second_is_judged_and_every_source_is_loaded() {
    let published = example::published();
    assert!(published.is_ready());
    assert!(!Published::default().is_ready());
    let mut daemon = (*published.daemon).clone();
    daemon.sources.push(SourceRow {
        name: "/later".into(),
        ..SourceRow::default()
    });
    let waiting = Published {
        daemon: daemon.into(),
        ..published
    };
    assert!(!waiting.is_ready());
    assert!(!scrape(&waiting).contains("loaded_timestamp_seconds{source=\"/later\"}"));
}

#[test]
fn promtool_finds_nothing_to_say_about_the_scrape() {
    let mut promtool = match Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
    {
        Ok(child) => child,
        Err(error) => {
            let in_ci = std::env::var_os("CI").is_some();
            assert!(
                !in_ci,
                "promtool is needed in CI (Debian package prometheus): {error}"
            );
            return;
        }
    };
    let text = scrape(&example::published());
    promtool
        .stdin
        .take()
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
    let output = promtool.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert!(
        output.status.success() && said.is_empty(),
        "{}",
        String::from_utf8_lossy(&said)
    );
}
