use crate::example;
use asnmeter::export::{Published, json};
use asnmeter::snapshot::{Snapshot, StreamKind};
use serde_json::{Value, json};
use std::sync::Arc;

fn replay() -> (String, Value) {
    let mut video = example::stream(0);
    video.kind = StreamKind::Video;
    video.codec = "".into();
    (video.jitter_mean_nanos, video.jitter_max_nanos) = (None, None);
    let streams = [example::stream(1), video];
    let mut out = Vec::new();
    json::write_replay(&mut out, &example::published().snapshot, &streams).unwrap();
    let text = String::from_utf8(out).unwrap();
    let value = serde_json::from_str(&text).unwrap();
    (text, value)
}

/// Positions of keys in the text: their order is a promise to whoever reads it by eye.
fn assert_order(text: &str, keys: &[&str]) {
    let mut rest = text;
    for key in keys {
        let mark = format!("\"{key}\":");
        let at = rest
            .find(&mark)
            .unwrap_or_else(|| panic!("{key} in {rest:.300}"));
        rest = &rest[at + mark.len()..];
    }
}

#[test]
fn the_document_has_the_keys_of_the_design_in_their_order() {
    let (text, _) = replay();
    assert_order(
        &text,
        &[
            "capture",
            "frames",
            "bytes",
            "first",
            "last",
            "voice",
            "packets",
            "bytes",
            "discarded",
            "streams",
            "src",
            "dst",
            "ssrc",
            "payload_type",
            "codec",
            "kind",
            "packets",
            "bytes",
            "expected",
            "lost",
            "late",
            "duplicates",
            "reordered",
            "restarts",
            "jitter_mean_ms",
            "jitter_max_ms",
            "src_asn",
            "dst_asn",
            "first",
            "last",
            "asns",
            "asn",
            "name",
            "from",
            "packets",
            "bytes",
            "expected",
            "lost",
            "to",
            "packets",
            "bytes",
            "expected",
            "lost",
            "reported",
            "expected",
            "lost",
            "rtt_ms",
            "rtcp",
            "count",
            "p50",
            "p95",
            "max",
            "commitments",
            "name",
            "committed_bps",
            "threshold",
            "window_s",
            "asns",
            "asn",
            "peak_share",
            "from",
            "to",
            "out_of_sla_seconds",
            "out_of_sla",
            "guarantees",
            "loss",
            "met_s",
            "missed_s",
            "void_s",
            "indeterminate_s",
            "latency",
        ],
    );
    assert!(text.ends_with("}\n") && text.lines().count() == 1);
}

#[test]
fn values_have_the_shapes_of_the_design() {
    let (_, value) = replay();
    assert_eq!(value["capture"]["first"], "2026-01-01T00:00:00.000000001Z");
    assert_eq!(
        value["discarded"],
        json!({"stun": 48000, "not_voice": 1713})
    );
    let [video, audio] = [&value["streams"][0], &value["streams"][1]];
    assert_eq!(
        (&video["kind"], &video["codec"]),
        (&json!("video"), &Value::Null)
    );
    assert_eq!(video["jitter_mean_ms"], Value::Null);
    assert_eq!(audio["src"], "[2003::1]:10001");
    assert_eq!(audio["dst"], "198.51.100.7:20000");
    assert_eq!(audio["ssrc"], "0x00001647");
    assert_eq!(audio["jitter_mean_ms"], json!(1.235));
    assert_eq!(audio["jitter_max_ms"], json!(10.0));
    assert_eq!(
        (&audio["src_asn"], &audio["dst_asn"]),
        (&json!(3320), &json!("local"))
    );
    let asns = value["asns"].as_array().unwrap();
    assert_eq!(asns[0]["asn"], "local");
    assert_eq!(asns[1]["asn"], 0);
    assert_eq!(asns.last().unwrap()["asn"], "other");
    assert_eq!(asns[0]["name"], Value::Null);
    let unheard = asns.iter().find(|row| row["asn"] == 64500).unwrap();
    assert_eq!(unheard["rtt_ms"], json!({}));
    assert_eq!(asns[0]["rtt_ms"]["rtcp"]["max"], json!(192.123));
}

#[test]
fn intervals_end_with_the_last_second_over_the_limit() {
    let (_, value) = replay();
    let commitment = &value["commitments"][0];
    assert_eq!(commitment["threshold"], json!(0.1));
    assert_eq!(commitment["committed_bps"], 10_000_000);
    let rows = commitment["asns"].as_array().unwrap();
    let over = rows.iter().find(|row| row["asn"] == 3320).unwrap();
    assert_eq!(over["out_of_sla_seconds"], 43);
    assert_eq!(
        over["out_of_sla"],
        json!([{
            "direction": "from", "from": "2026-01-01T00:09:18Z", "until": "2026-01-01T00:10:01Z",
            "open": true, "peak_share": 0.128 * 1.1, "peak_window_bytes": 1_760_000,
            "committed_bps": 10_000_000, "threshold": 0.1, "window_s": 10, "layer": "ip",
            "transit": [174, 1299],
        }])
    );
    let silent = rows.iter().find(|row| row["asn"] == 64666).unwrap();
    assert_eq!(
        silent["guarantees"]
            .as_object()
            .unwrap()
            .keys()
            .collect::<Vec<_>>(),
        ["loss"]
    );
    assert_eq!(silent["guarantees"]["loss"]["verdict"], Value::Null);
    assert_eq!(silent["name"], example::HOSTILE);
}

#[test]
fn a_commitment_on_both_directions_together_says_sum() {
    let (_, value) = replay();
    let row = &value["commitments"][1]["asns"][0];
    assert_eq!(
        row["share"],
        json!({"from": null, "to": null, "sum": 0.0971})
    );
}

#[test]
fn the_api_is_the_replay_without_streams_and_with_the_judged_second() {
    let published = example::published();
    let live: Value = serde_json::from_str(&json::live(&published).unwrap()).unwrap();
    let (_, replay) = replay();
    for key in ["capture", "voice", "discarded", "asns", "commitments"] {
        assert_eq!(live[key], replay[key], "{key}");
    }
    assert_eq!(live["judged"], "2026-01-01T00:10:00Z");
    assert_eq!(live["meter"]["pending_frames"], 7);
    assert_eq!(live["meter"]["sources"][1]["prefixes"], 1_034_567);
    assert!(live.get("streams").is_none());
}

#[test]
fn nothing_judged_is_null_and_empty_lists() {
    let published = Published {
        snapshot: Arc::new(Snapshot::default()),
        ..Published::default()
    };
    let live: Value = serde_json::from_str(&json::live(&published).unwrap()).unwrap();
    assert_eq!(live["judged"], Value::Null);
    assert_eq!(live["capture"]["first"], Value::Null);
    assert_eq!(
        (&live["asns"], &live["discarded"]),
        (&json!([]), &json!({}))
    );
    assert_eq!(live["meter"]["ready"], false);
}

#[test]
fn transit_stands_beside_the_origins_and_says_what_it_makes_void() {
    let (_, value) = replay();
    let row = &value["transit"][0];
    assert_eq!(
        *row,
        json!({
            "asn": 174, "name": "Cogent Communications", "role": "transit",
            "from": {"packets": 310_000, "bytes": 62_000_000},
            "to": {"packets": 310_005, "bytes": 62_001_000},
        })
    );
    assert_eq!(value["transit"][2]["asn"], "other");
    let [listed, judged] = [0, 1].map(|place| &value["commitments"][place]);
    assert_eq!(
        (&listed["judges_transit"], &listed["transit"]),
        (&json!(false), &json!([]))
    );
    assert_eq!(judged["judges_transit"], true);
    let through = &judged["transit"][0];
    assert_eq!(
        (&through["role"], &through["guarantees"]),
        (&json!("transit"), &json!({}))
    );
    assert_eq!(
        (&through["over"], &through["out_of_sla_seconds"]),
        (&json!(true), &json!(43))
    );
    let around = &judged["asns"][1];
    assert_eq!(around["transit"], json!([174]));
    for guarantee in ["loss", "latency"] {
        let standing = &around["guarantees"][guarantee];
        assert_eq!(
            (&standing["verdict"], &standing["reason"]),
            (&json!("void"), &json!("transit AS174"))
        );
    }
    assert_eq!(judged["asns"][0]["guarantees"]["loss"].get("reason"), None);
}
