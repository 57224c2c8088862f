//! Sessions of real routers, from captures.

use super::*;
use crate::captures;
use std::fs;

/// What a router sent in a capture file: the TCP payloads of the connection, in order. Ethernet,
/// with or without a tag, IPv4 or IPv6, no options that matter.
fn sent(name: &str) -> Vec<u8> {
    let capture = fs::read(captures::path("asn").join(name)).unwrap();
    let is_big = capture[..4] == [0xa1, 0xb2, 0xc3, 0xd4];
    let number = |at: usize| {
        let octets = capture[at..at + 4].try_into().unwrap();
        if is_big {
            u32::from_be_bytes(octets)
        } else {
            u32::from_le_bytes(octets)
        }
    };
    let (mut place, mut streams) = (24, std::collections::BTreeMap::<u32, u8>::new());
    let mut octets = Vec::new();
    while place + 16 <= capture.len() {
        let length = number(place + 8) as usize;
        let frame = &capture[place + 16..place + 16 + length];
        place += 16 + length;
        let mut packet = &frame[14..];
        if frame[12..14] == [0x81, 0] {
            packet = &packet[4..];
        }
        let (header, end) = match packet[0] >> 4 {
            4 => (
                usize::from(packet[0] & 15) * 4,
                usize::from(u16::from_be_bytes([packet[2], packet[3]])),
            ),
            _ => (
                40,
                40 + usize::from(u16::from_be_bytes([packet[4], packet[5]])),
            ),
        };
        let segment = &packet[header..end];
        let payload = &segment[usize::from(segment[12] >> 4) * 4..];
        let sequence = u32::from_be_bytes(segment[4..8].try_into().unwrap());
        if !payload.is_empty() && streams.insert(sequence, 0).is_none() {
            octets.extend_from_slice(payload);
        }
    }
    octets
}

/// Takes whole messages until they end; how many.
fn play(feed: &mut Feed, router: RouterId, mut octets: &[u8]) -> usize {
    let mut messages = 0;
    while let Some(header) = octets.first_chunk() {
        let Some((message, rest)) = octets.split_at_checked(length(*header).unwrap()) else {
            break;
        };
        feed.receive(router, message, at(1));
        (octets, messages) = (rest, messages + 1);
    }
    messages
}

#[test]
fn sessions_of_real_routers_are_heard_whole() {
    // messages and routes as tshark shows them
    for (name, messages, routes, malformed) in [
        ("bmp_akvorado_bmp-init.pcap", 1, 0, 0),
        ("bmp_akvorado_bmp-peers-up.pcap", 7, 0, 0),
        ("bmp_akvorado_bmp-reach.pcap", 17, 10, 0),
        ("bmp_akvorado_bmp-reach-addpath.pcap", 1, 1, 0),
        ("bmp_akvorado_bmp-unreach.pcap", 8, 0, 0),
        ("bmp_akvorado_bmp-eor.pcap", 9, 0, 0),
        ("bmp_akvorado_bmp-l3vpn.pcap", 5, 0, 0),
        ("bmp_akvorado_bmp-terminate.pcap", 1, 0, 0),
    ] {
        let mut feed = feed();
        let router = feed.connected(ROUTER);
        let played = play(&mut feed, router, &sent(name));
        let state = feed.state();
        assert_eq!(
            (played, state.routes, state.stats.malformed),
            (messages, routes, malformed),
            "{name}"
        );
    }
}

#[test]
fn every_session_is_taken_without_harm() {
    let sessions = fs::read_dir(captures::path("asn"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name());
    let sessions: Vec<String> = sessions
        .map(|name| name.into_string().unwrap())
        .filter(|name| name.starts_with("bmp_"))
        .collect();
    assert_eq!(sessions.len(), 14);
    for name in sessions {
        let mut feed = feed();
        let router = feed.connected(ROUTER);
        let messages = play(&mut feed, router, &sent(&name));
        println!("{name}: {messages} messages, {:?}", feed.state());
        assert!(messages > 0, "{name}");
        let _ = origins(&mut feed);
    }
}
