//! Proves that live capture and replay are one meter: a replay of the frames that a live run saw gives the same
//! leaves of the ledger, over the seconds that both saw whole.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use asnmeter::capture::ring::{RingSettings, RingSource};
use asnmeter::clock;
use asnmeter::frame::InterfaceId;
use asnmeter::units::Second;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use support::desk::Desk;
use support::frames::{Media, Shot};
use support::netns::{self, Told};
use support::program::{replay, sealed_lines, text};
use support::rfc3339;
use support::running::{Running, until};

/// Seconds of sending; from the sixth to the fourteenth there is six times as much.
const SECONDS: u32 = 20;
const MORE: std::ops::Range<u32> = 6..14;

/// The jitter of a loaded machine stays far below a limit of a second: so nothing hangs on who stamped a frame.
const CONFIGURATION: &str = r#"
[capture]
interface = "tap0"
[asn]
sources = [{ prefixes = "far.tsv" }]
local_prefixes = ["198.51.100.0/24"]
[[commitment]]
name = "voice"
committed_rate = "20 Mbps"
window = "2s"
guarantee = { loss = "2%", jitter = "1s" }
[evidence]
origin = "voice.example/fra-1"
"#;

#[test]
fn a_replay_of_what_a_live_run_saw_gives_the_same_leaves() {
    let name = "a_replay_of_what_a_live_run_saw_gives_the_same_leaves";
    netns::inside(name, &[], both);
}

fn both() {
    netns::ip("link set lo up");
    netns::pair();
    let desk = Desk::new();
    desk.file("far.tsv", "203.0.113.0/24\t64500\n192.0.2.0/24\t64501\n");
    let config = desk.file("asnmeter.toml", CONFIGURATION);
    let (live, again) = (desk.name("live"), desk.name("again"));
    let arguments = ["run", "--config", &config, "--evidence", &live];
    let running = Running::start(&desk, "127.0.0.1:0", &arguments);
    until("it is ready", || running.get("/-/ready").0 == 200);
    let settings = RingSettings {
        mib: 64,
        promiscuous: true,
        cut_for: None,
        queue: None,
    };
    let mut source = RingSource::open("tap0", InterfaceId(0), settings, Arc::default()).unwrap();
    let mut told = Told::default();
    let begin = Second(clock::now().second().0 + 2);
    std::thread::scope(|scope| {
        let sending = scope.spawn(|| send(begin));
        while !sending.is_finished() {
            told.listen(&mut source).unwrap();
        }
        told.until_idle(&mut source, clock::now());
    });
    let last = told.frames.last().unwrap().time.second();
    until("all is judged", || {
        running.scrape().sum("judged_second_timestamp_seconds", &[]) > last.0
    });
    assert_eq!(running.end("TERM"), Some(0));
    assert_eq!(
        told.unseen.len(),
        1,
        "only that it began: {:?}",
        told.unseen
    );
    let shots: Vec<Shot> = told
        .frames
        .into_iter()
        .map(|seen| Shot {
            nanos: seen.time.as_nanos(),
            octets: seen.octets,
        })
        .collect();
    let capture = desk.capture("seen.pcap", &shots);
    replay(&[&capture, "--config", &config, "--evidence", &again]);
    // The replay knows nothing before its first frame: a second in part, and a window.
    let both = begin.0 + 4..last.0;
    let (live, again) = (leaves(&live, &both), leaves(&again, &both));
    assert_eq!(live, again);
    for kind in ["second", "interval", "verdict"] {
        assert!(
            live.iter()
                .any(|leaf| leaf.contains(&format!("{{\"kind\":\"{kind}\""))),
            "{kind}"
        );
    }
}

/// The lines of seconds, intervals and verdicts in these seconds.
fn leaves(ledger: &str, seconds: &std::ops::Range<u64>) -> Vec<String> {
    let lines = sealed_lines(ledger);
    let (first, end) = (rfc3339(seconds.start), rfc3339(seconds.end));
    let is_wanted = |line: &&str| {
        let leaf: Value = serde_json::from_str(line).unwrap();
        let kind = text(&leaf, "kind");
        ["second", "interval", "verdict"].contains(&kind)
            && (&*first..&*end).contains(&text(&leaf, "second"))
    };
    lines.lines().filter(is_wanted).map(str::to_owned).collect()
}

/// Sends the calls; one of them loses every tenth packet.
fn send(begin: Second) {
    let mut far = netns::sender("far0");
    let streams: Vec<Media> = (0..60)
        .flat_map(|place: u32| {
            let net = ["203.0.113", "192.0.2"][place as usize % 2];
            let (theirs, ours) = (
                format!("{net}.{}:30000", place + 1),
                format!("198.51.100.{}:20000", place + 1),
            );
            [
                Media::g711(&theirs, &ours, place),
                Media::g711(&ours, &theirs, 100 + place),
            ]
        })
        .collect();
    // No packet is near the edge of a second.
    let first = begin.start().plus(Duration::from_millis(210));
    for number in 0..50 * SECONDS {
        let due = first.plus(Duration::from_millis(20 * u64::from(number)));
        clock::wait(due.since(clock::now()));
        let is_more = MORE.contains(&(number / 50));
        for (place, stream) in streams.iter().enumerate() {
            if (is_more || place < 20) && (place != 0 || number % 10 != 0) {
                netns::send(&mut far, &stream.packet(number));
            }
        }
    }
}
