//! Minutes of calls in which AS 64500 climbs over its threshold and comes back, and how many
//! octets each ASN has in them, read from the frames themselves.

use crate::contracts::Contract;
use crate::support::START;
use crate::support::frames::{Shot, jitter, of_scenario, tagged};
use asnmeter::capture::synthetic::scenario::{Call, Codec, Scenario};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

/// Whose the far ends are; 233.252.0.0/24 is nobody's, 198.51.100.0/24 ours.
pub(crate) const PREFIXES: &str =
    "203.0.113.0/24\t64500\tClimber\n192.0.2.0/24\t64501\n233.252.0.128/25\t64502\n";

/// Frames to a far end with an even last octet are tagged with this VLAN.
const VLAN: u16 = 7;

/// Seconds of the capture; the last ones are quiet in most places.
const LENGTH: u64 = 220;

/// The calls: far end's network, how many, codec, first second, seconds, loss per mille.
const CALLS: [(&str, u16, Codec, u64, u64, u16); 7] = [
    ("203.0.113", 5, Codec::G711A, 0, LENGTH, 15),
    // The climb: 1.2 Mbit/s each way, where 0.8 are a tenth.
    ("203.0.113", 10, Codec::G711A, 40, 70, 0),
    ("192.0.2", 6, Codec::G711A, 0, 190, 0),
    ("192.0.2", 2, Codec::Opus, 20, 100, 1),
    ("233.252.0", 1, Codec::G729, 90, 30, 200),
    // Nobody's: counted, never judged.
    ("233.252.0", 1, Codec::G729, 10, 30, 0),
    // Both ends in the ASN.
    ("internal", 2, Codec::G711A, 30, 100, 5),
];

fn scenario() -> Scenario {
    let mut calls = Vec::new();
    for (network, count, codec, start, length, loss_per_mille) in CALLS {
        for _ in 0..count {
            let place = u16::try_from(calls.len()).unwrap();
            let high = if start == 90 { 128 } else { 0 };
            let (far, near) = match network {
                "internal" => (format!("203.0.113.{}", 100 + place), "203.0.113.250".into()),
                far => (
                    format!("{far}.{}", high + 1 + place),
                    format!("198.51.100.{}", 1 + place),
                ),
            };
            let end = |ip: String, port: u16| SocketAddr::new(ip.parse().unwrap(), port);
            let (far, near) = (end(far, 10_000 + 4 * place), end(near, 20_000 + 4 * place));
            let length = Duration::from_millis(length * 1000 - 200);
            calls.push(Call {
                codec,
                loss_per_mille,
                round_trip: Some(Duration::from_millis(40 + 20 * u64::from(place))),
                sip: place % 3 == 0,
                ssrc: 0x6000 + u32::from(place),
                ..Call::new(far, near, Duration::from_secs(start), length)
            });
        }
    }
    Scenario::new(calls, 64_500)
}

/// The capture, beginning with a moment of the first second; with disorder one frame in 397 comes
/// 700 ms after its capture time.
pub(crate) fn calls(first: u64, disorder: bool) -> Vec<Shot> {
    let mut shots = of_scenario(&scenario(), START);
    for shot in &mut shots {
        let (src, dst) = (shot.octets[29], shot.octets[33]);
        let is_ours = |at: usize| shot.octets[at..at + 3] == [198, 51, 100];
        let far = if is_ours(26) { dst } else { src };
        if far % 2 == 0 {
            shot.octets = tagged(std::mem::take(&mut shot.octets), VLAN);
        }
    }
    shots.retain(|shot| shot.nanos >= first);
    let ten_seconds = START + 100..START + 110;
    jitter(
        &mut shots,
        |src| src[..3] == [192, 0, 2],
        ten_seconds,
        6_000_000,
    );
    if disorder {
        let mut placed: Vec<_> = shots.into_iter().enumerate().collect();
        let late = |place: usize| if place % 397 == 396 { 700_000_000 } else { 0 };
        placed.sort_by_key(|(place, shot)| shot.nanos + late(*place));
        shots = placed.into_iter().map(|(_, shot)| shot).collect();
    }
    shots
}

fn asn(address: &[u8]) -> Option<u64> {
    match address {
        [203, 0, 113, _] => Some(64_500),
        [192, 0, 2, _] => Some(64_501),
        [233, 252, 0, 128..=255] => Some(64_502),
        _ => None,
    }
}

/// Octets from and to each ASN under a contract: what is written in the frames, those too that came when no
/// window held their second any more.
pub(crate) fn octets(shots: &[Shot], contract: &Contract) -> BTreeMap<u64, [u64; 2]> {
    let mut sums = BTreeMap::<u64, [u64; 2]>::new();
    for Shot { octets, .. } in shots {
        let is_tagged = octets[12..14] == [0x81, 0x00];
        let packet = &octets[if is_tagged { 18 } else { 14 }..];
        let ports = [20, 22].map(|at| u16::from_be_bytes([packet[at], packet[at + 1]]));
        let class = match ports {
            [5060, _] => "sip",
            [port, _] if port % 2 == 1 => "rtcp",
            _ => "rtp",
        };
        let (src, dst) = (&packet[12..16], &packet[16..20]);
        let is_ours = |end: &[u8]| end[..3] == [198, 51, 100] && contract.ours.contains(&end[3]);
        let in_scope = !contract.elsewhere
            && contract.vlan.is_none_or(|vlan| is_tagged && vlan == VLAN)
            && (contract.ours.end == 255 || is_ours(src) || is_ours(dst));
        if !in_scope || !contract.classes.contains(&class) {
            continue;
        }
        let ip = u64::from(u16::from_be_bytes([packet[2], packet[3]]));
        let bytes = match contract.layer {
            "ip" => ip,
            "ethernet" => (ip + 18).max(64),
            _ => (ip + 18).max(64) + 20,
        };
        for (side, end) in [src, dst].into_iter().enumerate() {
            if let Some(asn) = asn(end) {
                sums.entry(asn).or_default()[side] += bytes;
            }
        }
    }
    sums
}
