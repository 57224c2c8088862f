//! Proves that frames count as what they are on the wire: several packets in one (receive offload), one
//! packet in several (fragments, in tunnels too), and the same in two files; and that it is the same for any
//! number of workers.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use serde_json::Value;
use support::START;
use support::desk::Desk;
use support::frames::{Media, Shot, udp};
use support::program::{list, number, replay_text};

const MILLISECOND: u64 = 1_000_000;

const CONFIG: &str = r#"
[asn]
sources = [{ prefixes = "list.tsv" }]
local_prefixes = ["198.51.100.0/24"]

[[commitment]]
name = "c"
committed_rate = "10 Mbps"
window = "5s"
guarantee = { loss = "0.5%" }
"#;

fn media(ssrc: u32, payload: usize) -> Media {
    let port = 20_000 + ssrc;
    Media {
        payload,
        ..Media::g711(
            &format!("203.0.113.1:{port}"),
            &format!("198.51.100.2:{port}"),
            ssrc,
        )
    }
}

fn at(millis: u64) -> u64 {
    START * 1_000_000_000 + millis * MILLISECOND
}

/// The document of a replay on one, two and four workers, which has to be the same.
fn replayed(desk: &Desk, captures: &[String]) -> Value {
    desk.file("list.tsv", "203.0.113.0/24\t64500\n");
    let config = desk.file("a.toml", CONFIG);
    let run = |workers: &str| {
        let mut arguments: Vec<&str> = captures.iter().map(String::as_str).collect();
        arguments.extend(["--config", &config, "--workers", workers]);
        replay_text(&arguments)
    };
    let one = run("1");
    assert_eq!(run("2"), one);
    assert_eq!(run("4"), one);
    let document: Value = serde_json::from_str(&one).unwrap();
    let sum = number(&document, "/capture/frames") + number(&document, "/capture/merged_packets");
    let discards = document["discarded"].as_object().unwrap().values();
    let discarded: u64 = discards.filter_map(Value::as_u64).sum();
    assert_eq!(sum, number(&document, "/voice/packets") + discarded);
    document
}

/// Packets, octets and lost packets from AS 64500.
fn from_there(document: &Value) -> [u64; 3] {
    let mut rows = list(document, "/asns").iter();
    let row = rows.find(|row| row["asn"] == 64500).unwrap();
    ["packets", "bytes", "lost"].map(|what| row["from"][what].as_u64().unwrap())
}

/// Frames of `together` packets each.
fn merged(media: Media, packets: u32, together: u32) -> Vec<Shot> {
    let frames = (0..packets).step_by(together as usize).map(|first| {
        let last = packets.min(first + together);
        let payload = (first..last).flat_map(|number| media.packet(number)[42..].to_vec());
        let payload: Vec<u8> = payload.collect();
        Shot {
            nanos: at(u64::from(last) * 20 + u64::from(media.ssrc)),
            octets: udp(media.src, media.dst, &payload),
        }
    });
    frames.collect()
}

fn in_order(mut shots: Vec<Shot>) -> Vec<Shot> {
    shots.sort_by_key(|shot| shot.nanos);
    shots
}

#[test]
fn each_packet_of_a_frame_counts_with_headers_of_its_own() {
    let desk = Desk::new();
    // 20 and 30 ms of G.711, and payloads as small as those of G.729.
    let kinds = [
        (1, 160, 4),
        (2, 240, 3),
        (3, 20, 7),
        (4, 160, 1),
        (5, 33, 2),
    ];
    let shots = kinds.map(|(ssrc, payload, together)| merged(media(ssrc, payload), 500, together));
    let capture = desk.capture("merged.pcap", &in_order(shots.concat()));
    let document = replayed(&desk, &[capture]);
    let octets = kinds.map(|(_, payload, _)| 500 * (40 + payload as u64));
    assert_eq!(from_there(&document), [2500, octets.iter().sum(), 0]);
    assert!(number(&document, "/capture/merged_packets") > 1000);
    assert_eq!(number(&document, "/capture/unsplit_frames"), 0);
}

/// An IPv4 packet of an Ethernet frame in fragments of so many octets of payload.
fn fragments(frame: &[u8], identification: u16, octets: usize) -> Vec<Vec<u8>> {
    let (head, payload) = (&frame[..34], &frame[34..]);
    let pieces = payload.chunks(octets).enumerate();
    let fragments = pieces.map(|(number, piece)| {
        let mut fragment = head.to_vec();
        let offset = u16::try_from(number * octets / 8).unwrap();
        let more = (number + 1) * octets < payload.len();
        let length = u16::try_from(20 + piece.len()).unwrap();
        fragment[16..18].copy_from_slice(&length.to_be_bytes());
        fragment[18..20].copy_from_slice(&identification.to_be_bytes());
        fragment[20..22].copy_from_slice(&(offset | u16::from(more) << 13).to_be_bytes());
        fragment.extend(piece);
        fragment
    });
    fragments.collect()
}

/// The frame in a VXLAN tunnel between two switches.
fn tunnelled(frame: &[u8]) -> Vec<u8> {
    let payload = [&[8, 0, 0, 0, 0, 0, 5, 0][..], frame].concat();
    let ends = ["192.0.2.1:50000", "192.0.2.2:4789"].map(|end| end.parse().unwrap());
    udp(ends[0], ends[1], &payload)
}

#[test]
fn the_octets_of_later_fragments_count_where_the_first_one_does() {
    for (is_reversed, is_tunnelled) in [(false, false), (true, false), (false, true)] {
        let desk = Desk::new();
        let mut shots = Vec::new();
        for number in 0..300 {
            let packet = media(1, 1000).packet(number);
            let mut frames = fragments(&packet, u16::try_from(number + 1).unwrap(), 304);
            assert_eq!(frames.len(), 4);
            if is_reversed {
                frames.reverse();
            }
            for (later, frame) in (0..).zip(frames) {
                let octets = if is_tunnelled {
                    tunnelled(&frame)
                } else {
                    frame
                };
                let nanos = at(u64::from(number) * 20) + later * 100_000;
                shots.push(Shot { nanos, octets });
            }
        }
        // Later fragments of something else are nobody's.
        let stray = fragments(&media(2, 1000).packet(0), 7, 304).swap_remove(1);
        shots.push(Shot {
            nanos: at(6100),
            octets: stray,
        });
        let capture = desk.capture("fragments.pcap", &shots);
        let document = replayed(&desk, &[capture]);
        let octets = 300 * (4 * 20 + 8 + 12 + 1000);
        assert_eq!(
            from_there(&document),
            [300, octets, 0],
            "{is_reversed} {is_tunnelled}"
        );
        assert_eq!(number(&document, "/discarded/fragment"), 901);
    }
}

#[test]
fn files_are_one_capture_whatever_their_order_and_what_lies_between_is_not_loss() {
    let desk = Desk::new();
    let shots = media(1, 160).shots((0..3000).map(|number| at(number * 20)));
    let part = |name: &str, from: usize, until: usize| desk.capture(name, &shots[from..until]);
    let (first, second) = (part("1.pcap", 0, 1000), part("2.pcap", 600, 1500));
    let third = part("3.pcap", 2000, 3000);
    let document = replayed(&desk, &[third, first, second]);
    assert_eq!(from_there(&document), [2500, 2500 * 200, 0]);
    let verdicts = &document["commitments"][0]["asns"][0]["guarantees"]["loss"];
    assert_eq!(verdicts["missed_s"], 0);
    assert!(verdicts["met_s"].as_u64().unwrap() > 20, "{verdicts}");
}
