//! Proves what a real Prometheus says of the real daemon: Debian's server, with the scrape job and
//! the rules of deploy/, scrapes it while known calls cross a link. Counters, shares and alerts are
//! compared with what was sent.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]
#![allow(clippy::cast_precision_loss, reason = "all far below 2^53")]

mod support;

use asnmeter::clock;
use asnmeter::units::Second;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use support::desk::Desk;
use support::frames::Media;
use support::netns;
use support::program::outcome;
use support::running::{Running, until};

/// Packets of each stream, one in 20 ms: 12 s.
const PACKETS: u64 = 600;
/// Octets of IP in a packet.
const OCTETS: u64 = 200;
/// Streams of AS 64500: 1.6 Mbit/s, a fifth of the committed rate.
const OVER: u64 = 20;
/// Streams of AS 64501: a twentieth.
const WITHIN: u64 = 5;
/// Packets that the first of them loses, in the sixth second: 0.8 % of its window's.
const LOST: std::ops::Range<u64> = 300..310;
/// Seconds in the window.
const WINDOW: u64 = 5;

const CONFIG: &str = "[capture]\ninterface = \"tap0\"\n\
    [asn]\nsources = [{ prefixes = \"far.tsv\" }]\nlocal_prefixes = [\"198.51.100.0/24\"]\n\
    [[commitment]]\nname = \"clause\"\ncommitted_rate = \"8 Mbps\"\nwindow = \"5s\"\n\
    guarantee = { loss = \"0.5%\" }\n";

/// The server; it ends with the test.
struct Prometheus(Child);

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Prometheus {
    /// Starts it with the files of deploy/prometheus, four times a minute made once a second.
    fn start(desk: &Desk) -> Self {
        let deploy = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/prometheus");
        let job = std::fs::read_to_string(format!("{deploy}/scrape.yml")).unwrap();
        let job = job.replace("scrape_interval: 15s", "scrape_interval: 1s");
        let job = job.replace("scrape_timeout: 10s", "scrape_timeout: 1s");
        assert!(job.contains("scrape_interval: 1s\n") && job.contains("scrape_timeout: 1s\n"));
        let rules = format!(
            "global: {{ evaluation_interval: 1s }}\nrule_files:\n  \
             - {deploy}/recording.rules.yml\n  - {deploy}/alerts.rules.yml\n"
        );
        let config = desk.file("prometheus.yml", rules + &job);
        let child = Command::new("prometheus")
            .arg(format!("--config.file={config}"))
            .arg(format!("--storage.tsdb.path={}", desk.name("tsdb")))
            .arg("--web.listen-address=127.0.0.1:9090")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(desk.path("prometheus.log")).unwrap())
            .spawn()
            .unwrap();
        let server = Self(child);
        until("Prometheus is ready", || get("/-/ready", "").is_some());
        server
    }
}

/// What an HTTP path of Prometheus' answers, with a query where one is given.
fn get(path: &str, query: &str) -> Option<String> {
    let mut command = Command::new("curl");
    command.args(["-sfG", "--data-urlencode"]);
    command.arg(format!("query={query}"));
    command.arg(format!("http://127.0.0.1:9090{path}"));
    let answer = outcome(&mut command);
    (answer.code == Some(0)).then_some(answer.stdout)
}

/// The series that a query gives.
fn series(query: &str) -> Vec<Value> {
    let answer: Value = serde_json::from_str(&get("/api/v1/query", query).unwrap()).unwrap();
    answer["data"]["result"].as_array().unwrap().clone()
}

/// The number that a query gives; none without a series, and never two.
fn number(query: &str) -> Option<f64> {
    let found = series(query);
    assert!(found.len() <= 1, "{query}: {found:?}");
    let value = found.first()?["value"][1].as_str().unwrap();
    Some(value.parse().unwrap())
}

fn streams(network: &str, count: u64) -> Vec<Media> {
    let one = |host| {
        let (src, dst) = (
            format!("{network}.{host}:10000"),
            format!("198.51.100.{host}:10000"),
        );
        let ssrc = u32::try_from(host).unwrap() + network.bytes().map(u32::from).sum::<u32>() * 256;
        Media::g711(&src, &dst, ssrc)
    };
    (1..=count).map(one).collect()
}

/// Sends the calls; how many packets of each stream in each second.
fn send(begin: Second) -> BTreeMap<u64, u64> {
    let mut far = netns::sender("far0");
    let (over, within) = (streams("203.0.113", OVER), streams("192.0.2", WITHIN));
    let first = begin.start().plus(Duration::from_millis(205));
    let mut sent = BTreeMap::new();
    for packet in 0..PACKETS {
        let due = first.plus(Duration::from_millis(20 * packet));
        clock::wait(due.since(clock::now()));
        *sent.entry(clock::now().second().0).or_default() += 1;
        let lossy = usize::from(LOST.contains(&packet));
        for stream in over.iter().chain(within.iter().skip(lossy)) {
            netns::send(&mut far, &stream.packet(u32::try_from(packet).unwrap()));
        }
    }
    sent
}

/// Octets of AS 64500 in the window that ends with each second.
fn windows(sent: &BTreeMap<u64, u64>) -> BTreeMap<u64, u64> {
    let (first, last) = (*sent.keys().next().unwrap(), *sent.keys().last().unwrap());
    let octets = |end: u64| {
        let packets: u64 = sent
            .range(end + 1 - WINDOW..=end)
            .map(|(_, sent)| sent)
            .sum();
        (end, packets * OVER * OCTETS)
    };
    (first..last + WINDOW).map(octets).collect()
}

#[test]
fn prometheus_answers_what_was_sent() {
    netns::inside("prometheus_answers_what_was_sent", &[], truth);
}

fn truth() {
    netns::ip("link set lo up");
    netns::pair();
    let desk = Desk::new();
    desk.file(
        "far.tsv",
        "203.0.113.0/24\t64500\tOver\n192.0.2.0/24\t64501\tWithin\n",
    );
    let config = desk.file("asnmeter.toml", CONFIG);
    let running = Running::start(&desk, "127.0.0.1:10179", &["run", "--config", &config]);
    let _prometheus = Prometheus::start(&desk);
    let judged = "asnmeter_judged_second_timestamp_seconds";
    until("a whole window is seen before the calls", || {
        number(&format!("{judged} - min_over_time({judged}[1m])")).is_some_and(|it| it > 7.0)
    });
    let sent = send(Second(clock::now().second().0 + 1));
    let last = *sent.keys().last().unwrap();
    until("Prometheus has seen the window run empty", || {
        number(judged).is_some_and(|second| second > (last + WINDOW + 1) as f64)
    });

    expect("up{job=\"asnmeter\"}", 1);
    counters();
    shares(&windows(&sent));
    rules();
    assert_eq!(running.end("TERM"), Some(0));
}

/// A query gives the number that is true.
fn expect(query: &str, truth: u64) {
    assert_eq!(number(query), Some(truth as f64), "{query}");
}

/// What was sent is what was counted.
fn counters() {
    let from = |asn: u64| format!("asn=\"{asn}\", direction=\"from\"");
    let (over, within) = (from(64_500), from(64_501));
    let lost = LOST.end - LOST.start;
    expect(
        &format!("asnmeter_voice_packets_total{{{over}, class=\"rtp\"}}"),
        OVER * PACKETS,
    );
    expect(
        &format!("asnmeter_voice_bytes_total{{{over}, class=\"rtp\"}}"),
        OVER * PACKETS * OCTETS,
    );
    expect(
        &format!("asnmeter_rtp_expected_packets_total{{{within}}}"),
        WITHIN * PACKETS,
    );
    expect(
        &format!("asnmeter_rtp_lost_packets_total{{{within}}}"),
        lost,
    );
    expect(&format!("asnmeter_rtp_lost_packets_total{{{over}}}"), 0);
    expect("sum(asnmeter_capture_dropped_frames_total)", 0);
    expect(
        "asnmeter_capture_frames_total{interface=\"tap0\"}",
        (OVER + WITHIN) * PACKETS - lost,
    );
}

/// Out of SLA above a tenth of 8 Mbit/s over 5 s: 500 000 octets. Every share that a scrape saw is
/// that of some second, and there was a scrape in most.
fn shares(windows: &BTreeMap<u64, u64>) {
    let out = windows.values().filter(|octets| **octets > 500_000).count() as u64;
    expect(
        "asnmeter_commitment_asn_out_of_sla_seconds_total{asn=\"64500\"}",
        out,
    );
    expect(
        "asnmeter_commitment_asn_out_of_sla_seconds_total{asn=\"64501\"}",
        0,
    );

    let shares: BTreeSet<u64> = windows.values().copied().chain([0]).collect();
    let over = "asn=\"64500\", direction=\"from\"";
    let range = format!("asnmeter_commitment_asn_window_bytes{{{over}}}[2m]");
    let seen: Vec<u64> = series(&range)[0]["values"]
        .as_array()
        .unwrap()
        .iter()
        .map(|pair| pair[1].as_str().unwrap().parse().unwrap())
        .collect();
    assert!(
        seen.iter().all(|octets| shares.contains(octets)),
        "{seen:?} of {shares:?}"
    );
    assert!(
        seen.iter().filter(|octets| **octets > 500_000).count() > 5,
        "{seen:?}"
    );
    let share = format!("asnmeter_commitment_asn_share_ratio{{{over}}}");
    let peak = number(&format!("max_over_time({share}[2m])")).unwrap();
    let truth = *seen.iter().max().unwrap() as f64 * 8.0 / WINDOW as f64 / 8e6;
    assert!((peak - truth).abs() < 1e-9, "{peak} and {truth}");
}

/// The rules of deploy/ work on it.
fn rules() {
    // Firing, or waiting for its `for`.
    let fired = |alert: &str| -> BTreeSet<String> {
        let query = format!("max by (asn) (max_over_time(ALERTS{{alertname=\"{alert}\"}}[2m]))");
        let asn = |row: Value| row["metric"]["asn"].as_str().unwrap_or("none").to_owned();
        series(&query).into_iter().map(asn).collect()
    };
    let only = |asn: &str| BTreeSet::from([asn.to_owned()]);
    assert_eq!(fired("AsnmeterAsnOutOfSla"), only("64500"));
    assert_eq!(fired("AsnmeterGuaranteeMissed"), only("64501"));
    // Before the first scrape there is no target, and the alert that says so begins to wait.
    expect("min_over_time(up{job=\"asnmeter\"}[2m])", 1);
    for quiet in ["AsnmeterCaptureDropping", "AsnmeterJudgeStalled"] {
        assert_eq!(fired(quiet), BTreeSet::new(), "{quiet}");
    }
    let rules = get("/api/v1/rules", "").unwrap();
    assert!(
        rules.contains("\"health\":\"ok\"") && !rules.contains("\"health\":\"err\""),
        "{rules}"
    );
    let recorded = "asn_direction:asnmeter_voice_bytes:rate1m{asn=\"64500\", direction=\"from\"}";
    assert!(number(recorded).is_some(), "{recorded}");
}
