//! Proves, on captures of which everything is known because they are written here, that the
//! program counts packets, octets, losses, duplicates, reordering and late packets exactly, and
//! measures jitter and round trips within 1 % or 0.1 ms: each case alone and all of them mixed,
//! over IPv4, IPv6, tags, tunnels and fragments; the same when the capture is cut in two files,
//! shuffled, or shown twice by a mirror port.
//!
//! The truth is kept by those who send ([`line`]) and by a slow obvious model of what was to
//! arrive ([`model`]), never by the program. Everything random comes from a seed that is printed.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::match_bool,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a test fails by panicking, and its numbers are small"
)]

mod continuity;
mod line;
mod model;
mod octets;
mod round_trips;
mod same_loss;
#[path = "../support/mod.rs"]
mod support;
mod way;

use asnmeter::capture::synthetic::scenario::SplitMix;
use line::Line;
use model::Arrival;
use serde_json::Value;
use std::collections::BTreeMap;
use support::desk::Desk;
use support::frames::Shot;
use support::program::{list, number, replay, text};

/// Where all captures begin, in nanoseconds.
const START: u64 = support::START * 1_000_000_000;

/// Streams by name, as the program lists them: each name once or, after a long silence, more
/// often.
fn listed(document: &Value) -> BTreeMap<String, Vec<Value>> {
    let mut streams = BTreeMap::<_, Vec<_>>::new();
    for stream in list(document, "/streams") {
        let [src, dst, ssrc] = ["src", "dst", "ssrc"].map(|key| text(stream, key));
        let name = format!("{src} > {dst} {ssrc}");
        streams.entry(name).or_default().push(stream.clone());
    }
    streams
}

/// The frames of some lines, in the order of capture.
fn frames(lines: &[Line]) -> Vec<Shot> {
    let mut shots: Vec<_> = lines.iter().flat_map(Line::shots).collect();
    shots.sort_by_key(|shot| shot.nanos);
    shots
}

/// Replays some lines and holds every stream against its truth.
fn prove(what: &str, lines: &[Line], arguments: &[&str]) -> Value {
    let desk = Desk::new();
    let shots = frames(lines);
    let capture = desk.capture("truth.pcap", &shots);
    let document = replay(&[arguments, &[&capture]].concat());
    assert_eq!(number(&document, "/capture/frames"), shots.len() as u64);
    hold(what, lines, &document);
    document
}

/// Holds every stream of some lines against its truth.
fn hold(what: &str, lines: &[Line], document: &Value) {
    let mut found = listed(document);
    for line in lines {
        for (name, arrivals) in line.streams() {
            let rows = found.remove(&name).unwrap_or_default();
            let what = format!("{what}: {:?} {name}", line.way);
            model::assert_stream(&what, &arrivals, &rows);
        }
    }
    assert!(found.is_empty(), "{what}: nobody sent {:?}", found.keys());
}

/// Those who sent under one name.
type Sent = BTreeMap<String, Vec<Arrival>>;

/// Randomness of a case under a seed.
fn rng(seed: u64, case: u64) -> SplitMix {
    SplitMix::new(seed ^ (case << 32))
}
