//! Proves the daemon as an operator runs it: in a network of its own it captures a million RTP
//! frames from a link, counts every one for its ASN, gives its verdict in the second that the
//! arithmetic says, takes a new configuration and refuses a wrong one on the way without losing a
//! frame, and ends when it is told to. That a reload changes nothing of what was judged before it. And
//! that the demo does what it promises.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use asnmeter::clock;
use asnmeter::units::Second;
use serde_json::Value;
use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;
use support::desk::Desk;
use support::frames::Media;
use support::netns;
use support::program::{list, number};
use support::rfc3339;
use support::running::{Running, until};

/// Packets of each stream, one in 20 ms: 20 s.
const PACKETS: u32 = 1000;

/// Networks of the far ends: prefix, ASN as it is labelled, streams. Together 1000.
const NETWORKS: [(&str, &str, u32); 4] = [
    ("203.0.113", "64500", 400),
    ("192.0.2", "64501", 300),
    ("233.252.0", "64502", 150),
    ("100.64.0", "0", 150),
];

const PREFIXES: &str = "203.0.113.0/24\t64500\n192.0.2.0/24\t64501\n233.252.0.0/24\t64502\n";

/// Octets of IP in a packet.
const OCTETS: u64 = 200;

/// Seconds in the window of `clause`.
const WINDOW: u64 = 5;

/// Octets that AS 64500 may have in a window: a tenth of 160 Mbit/s over 5 s. It sends 4 million
/// octets a second.
const LIMIT: u64 = 10_000_000;

/// The configuration, with another rate for the second commitment.
fn configuration(rate: &str) -> String {
    format!(
        "[capture]\ninterface = \"tap0\"\n\
         [asn]\nsources = [{{ prefixes = \"far.tsv\" }}]\nlocal_prefixes = [\"198.51.100.0/24\"]\n\
         [[commitment]]\nname = \"clause\"\ncommitted_rate = \"160 Mbps\"\nwindow = \"{WINDOW}s\"\n\
         guarantee = {{ loss = \"0.5%\" }}\n\
         [[commitment]]\nname = \"changing\"\ncommitted_rate = \"{rate}\"\n"
    )
}

fn streams() -> Vec<Media> {
    let mut streams = Vec::new();
    for (network, _, count) in NETWORKS {
        for place in 0..count {
            let (host, port) = (1 + place % 250, 10_000 + 2 * (place / 250));
            let near = 1 + streams.len() % 250;
            let (src, dst) = (
                format!("{network}.{host}:{port}"),
                format!("198.51.100.{near}:{port}"),
            );
            let ssrc = 0x00aa_0000 + u32::try_from(streams.len()).unwrap();
            streams.push(Media::g711(&src, &dst, ssrc));
        }
    }
    streams
}

/// Sends so many packets of every stream, all of one number every 20 ms; how many of each stream in
/// each second. Begins 205 ms into a second, so that no packet is near the edge of one.
fn send(streams: &[Media], begin: Second, numbers: Range<u32>) -> BTreeMap<u64, u64> {
    let mut far = netns::sender("far0");
    let first = begin.start().plus(Duration::from_millis(205));
    let mut sent = BTreeMap::new();
    for (place, packet) in (0..).zip(numbers) {
        let due = first.plus(Duration::from_millis(20 * place));
        let frames: Vec<_> = streams.iter().map(|stream| stream.packet(packet)).collect();
        clock::wait(due.since(clock::now()));
        *sent.entry(clock::now().second().0).or_default() += 1;
        for frame in &frames {
            netns::send(&mut far, frame);
        }
    }
    sent
}

/// What is on `/metrics` must add up whenever anybody looks.
fn adds_up(running: &Running) {
    let scrape = running.scrape();
    let counted = scrape.sum("voice_packets_total", &[("direction", "from")])
        + scrape.sum("discarded_frames_total", &[])
        + scrape.sum("pending_frames", &[]);
    assert_eq!(scrape.sum("capture_frames_total", &[]), counted);
    let side = |side| scrape.sum("voice_bytes_total", &[("direction", side)]);
    assert_eq!(side("from"), side("to"));
}

/// The second in which a window of these packets first exceeds the limit, and the first one back.
fn out_of_sla(sent: &BTreeMap<u64, u64>, streams: u64) -> (u64, u64, u64) {
    let over = |last: u64| {
        let packets: u64 = sent
            .range(last + 1 - WINDOW..=last)
            .map(|(_, packets)| packets)
            .sum();
        let octets = packets * streams * OCTETS;
        // A packet late by some ms must not decide.
        assert!(
            octets.abs_diff(LIMIT) > LIMIT / 20,
            "{octets} octets: this run cannot tell"
        );
        octets > LIMIT
    };
    let (first, last) = (*sent.keys().next().unwrap(), *sent.keys().last().unwrap());
    let out: Vec<_> = (first..last + WINDOW)
        .filter(|second| over(*second))
        .collect();
    (out[0], out[out.len() - 1] + 1, out.len() as u64)
}

/// An ASN's row under a commitment, null before it has one.
fn judged(document: &Value, commitment: &str, asn: u64) -> Value {
    let row = list(document, "/commitments")
        .iter()
        .find(|row| row["name"] == commitment)
        .unwrap();
    let row = list(row, "/asns").iter().find(|row| row["asn"] == asn);
    row.cloned().unwrap_or_default()
}

/// Reloads twice while frames come: a changed rate is taken, a wrong one is refused.
fn reload(running: &Running, desk: &Desk) {
    let rate = |running: &Running| {
        running
            .scrape()
            .sum("commitment_bytes_per_second", &[("commitment", "changing")])
    };
    let taken = |running: &Running| running.scrape().sum("config_last_reload_successful", &[]);
    assert_eq!((rate(running), taken(running)), (1_000_000, 1));
    desk.file("asnmeter.toml", configuration("16 Mbps"));
    running.signal("HUP");
    until("the new rate is in force", || rate(running) == 2_000_000);
    assert_eq!(taken(running), 1);
    adds_up(running);

    desk.file("asnmeter.toml", configuration("24 Mpbs"));
    running.signal("HUP");
    until("the wrong rate is refused", || taken(running) == 0);
    assert_eq!(rate(running), 2_000_000, "all of the old stays");
    adds_up(running);
    let line = "asnmeter.toml:13: commitment.committed_rate: \"24 Mpbs\": ";
    until("the log says why", || running.log().contains(line));

    desk.file("asnmeter.toml", configuration("24 Mbps"));
    running.signal("HUP");
    until("the rate, corrected, is in force", || {
        rate(running) == 3_000_000
    });
    assert_eq!(taken(running), 1);
}

#[test]
fn a_million_frames_are_counted_and_judged_while_the_configuration_changes() {
    netns::inside(
        "a_million_frames_are_counted_and_judged_while_the_configuration_changes",
        &[],
        million,
    );
}

fn million() {
    netns::ip("link set lo up");
    netns::pair();
    let desk = Desk::new();
    desk.file("far.tsv", PREFIXES);
    let config = desk.file("asnmeter.toml", configuration("8 Mbps"));
    let address = "127.0.0.1:10179";
    let running = Running::start(&desk, address, &["run", "--config", &config]);
    until("it is ready", || running.get("/-/ready").0 == 200);
    assert_eq!(running.get("/-/healthy"), (200, "healthy\n".into()));
    assert_eq!(running.get("/nowhere").0, 404);

    let streams = streams();
    let begin = Second(clock::now().second().0 + 2);
    let sent = std::thread::scope(|scope| {
        let sending = scope.spawn(|| send(&streams, begin, 0..PACKETS));
        until("frames come", || {
            running.scrape().sum("capture_frames_total", &[]) > 100_000
        });
        reload(&running, &desk);
        while !sending.is_finished() {
            adds_up(&running);
            clock::wait(Duration::from_millis(500));
        }
        sending.join().unwrap()
    });
    let last = *sent.keys().last().unwrap();
    until("the window has run empty", || {
        running.scrape().sum("judged_second_timestamp_seconds", &[]) > last + WINDOW
    });

    let scrape = running.scrape();
    adds_up(&running);
    let everything = u64::from(PACKETS) * streams.len() as u64;
    assert_eq!(everything, 1_000_000);
    assert_eq!(
        scrape.sum("capture_frames_total", &[("interface", "tap0")]),
        everything
    );
    assert_eq!(scrape.sum("capture_dropped_frames_total", &[]), 0);
    assert_eq!(scrape.sum("discarded_frames_total", &[]), 0);
    for (_, asn, count) in NETWORKS {
        let packets = u64::from(count * PACKETS);
        let from = [("asn", asn), ("direction", "from")];
        assert_eq!(scrape.sum("voice_packets_total", &from), packets, "AS{asn}");
        assert_eq!(
            scrape.sum("voice_bytes_total", &from),
            packets * OCTETS,
            "AS{asn}"
        );
        assert_eq!(
            scrape.sum("rtp_expected_packets_total", &from),
            packets,
            "AS{asn}"
        );
        assert_eq!(scrape.sum("rtp_lost_packets_total", &from), 0, "AS{asn}");
    }
    let local = [("asn", "local"), ("direction", "to"), ("class", "rtp")];
    assert_eq!(scrape.sum("voice_packets_total", &local), everything);

    let (status, body) = running.get("/api/v1/asns");
    let document: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(status, 200);
    assert_eq!(number(&document, "/voice/packets"), everything);
    assert_eq!(number(&document, "/capture/frames"), everything);
    let climber = judged(&document, "clause", 64_500);
    let (from, until, seconds) = out_of_sla(&sent, 400);
    // The reloads said nothing new of this contract.
    let intervals = list(&climber, "/out_of_sla");
    assert_eq!(intervals.len(), 1, "{climber}");
    assert_eq!(intervals[0]["from"], rfc3339(from));
    assert_eq!(intervals[0]["until"], rfc3339(until));
    assert_eq!(climber["out_of_sla_seconds"], seconds);
    assert_eq!(
        climber["over"], false,
        "back in SLA when nobody speaks any more"
    );
    assert_eq!(intervals[0]["open"], false);
    assert_eq!(judged(&document, "clause", 64_502)["out_of_sla_seconds"], 0);

    let log = running.log();
    assert!(log.contains("AS64500 out of SLA"), "{log}");
    assert_eq!(running.end("TERM"), Some(0));
}

/// One contract at a rate, over a window of 2 s.
fn clause(mbps: u64) -> String {
    let rest = configuration("1 Mbps");
    let (before, _) = rest.split_once("[[commitment]]").unwrap();
    format!(
        "{before}[[commitment]]\nname = \"clause\"\ncommitted_rate = \"{mbps} Mbps\"\n\
         window = \"2s\"\nguarantee = {{ loss = \"0.5%\" }}\n"
    )
}

/// Takes another rate, and waits for a second that is judged by it.
fn at_rate(running: &Running, desk: &Desk, mbps: u64) {
    desk.file("asnmeter.toml", clause(mbps));
    running.signal("HUP");
    until("the new rate is in force", || {
        let document: Value = serde_json::from_str(&running.get("/api/v1/asns").1).unwrap();
        let row = &list(&document, "/commitments")[0];
        row["committed_bps"] == mbps * 1_000_000
    });
}

/// How AS 64500 stands, and what the page draws of its last hour: what each minute was of the limit.
fn standing(running: &Running) -> (Value, Vec<u64>) {
    let read = |path| serde_json::from_str::<Value>(&running.get(path).1).unwrap();
    let detail = read("/api/v1/asns/64500");
    let minutes = list(&detail, "/commitments/0/row/last_hour").iter();
    let minutes = minutes.filter_map(Value::as_u64).filter(|part| *part > 0);
    let minutes = minutes.collect();
    (judged(&read("/api/v1/asns"), "clause", 64_500), minutes)
}

#[test]
fn a_reload_changes_nothing_of_what_was_judged_before_it() {
    let name = "a_reload_changes_nothing_of_what_was_judged_before_it";
    netns::inside(name, &[], past);
}

fn past() {
    netns::ip("link set lo up");
    netns::pair();
    let desk = Desk::new();
    desk.file("far.tsv", PREFIXES);
    let config = desk.file("asnmeter.toml", clause(8));
    let running = Running::start(&desk, "127.0.0.1:0", &["run", "--config", &config]);
    until("it is ready", || running.get("/-/ready").0 == 200);
    // 50 streams are 4 Mbit/s: half of 8, a quarter of 16, an eighth of 32.
    let streams = &streams()[..50];
    let over = || standing(&running).0["over"] == true;
    let soon = || Second(clock::now().second().0 + 2);
    send(streams, soon(), 0..150);
    until("it is silent again", || {
        standing(&running).0["guarantees"]["loss"]["verdict"].is_null()
    });
    let (before, minutes) = standing(&running);
    assert_eq!(before["out_of_sla"][0]["committed_bps"], 8_000_000);
    let near = |share: &Value, part: f64| (share.as_f64().unwrap() / part - 1.0).abs() < 0.05;
    assert!(
        near(&before["out_of_sla"][0]["peak_share"], 0.5),
        "{before}"
    );

    at_rate(&running, &desk, 16);
    let (after, same) = standing(&running);
    for key in [
        "out_of_sla",
        "out_of_sla_seconds",
        "peak_share",
        "guarantees",
    ] {
        assert_eq!(after[key], before[key], "{key}");
    }
    assert_eq!(same, minutes);

    // It is over while the contract changes, by the new one too.
    std::thread::scope(|scope| {
        let sending = scope.spawn(|| send(streams, soon(), 150..500));
        until("it is over again", over);
        clock::wait(Duration::from_secs(2));
        at_rate(&running, &desk, 32);
        assert!(over(), "an eighth is more than a tenth");
        assert!(!sending.is_finished(), "this run cannot tell");
        sending.join().unwrap();
    });
    until("it is back", || !over());
    let (row, _) = standing(&running);
    let [first, old, new] = list(&row, "/out_of_sla") else {
        panic!("{row}")
    };
    assert_eq!(first, &before["out_of_sla"][0]);
    assert_eq!(old["until"], new["from"]);
    for (interval, mbps, share) in [(old, 16, 0.25), (new, 32, 0.125)] {
        assert_eq!(interval["committed_bps"], mbps * 1_000_000);
        assert!(near(&interval["peak_share"], share), "{interval}");
    }
    assert_eq!(row["peak_share"], before["peak_share"]);
    let log = running.log();
    let said = "clause: AS64500 out of SLA (from) by the old contract up to ";
    assert_eq!(log.matches(said).count(), 1, "{log}");
    assert_eq!(running.end("TERM"), Some(0));
}

#[test]
fn the_demo_goes_over_its_limit_and_ends_when_it_is_told_to() {
    let desk = Desk::new();
    let began = clock::now();
    let running = Running::start(&desk, "127.0.0.1:0", &["demo"]);
    until("it is ready", || running.get("/-/ready").0 == 200);
    until("AS3320 is out of SLA", || {
        let document: Value = serde_json::from_str(&running.get("/api/v1/asns").1).unwrap();
        judged(&document, "demo", 3320)["over"] == true
    });
    let took = clock::now().since(began);
    assert!(took < Duration::from_secs(30), "{took:?}");
    let (status, page) = running.get("/");
    assert_eq!(status, 200);
    // Names come with the data, which tests/page draws in a browser.
    assert!(page.contains("/api/v1/live"), "{page}");
    let document: Value = serde_json::from_str(&running.get("/api/v1/asns").1).unwrap();
    for row in list(&document, "/commitments/0/asns")
        .iter()
        .filter(|row| row["asn"] != 3320)
    {
        assert_eq!(row["over"], false, "{row}");
    }
    adds_up(&running);
    assert_eq!(running.end("INT"), Some(0));
}
