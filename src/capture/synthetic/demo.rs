//! The demo scenario: calls between the local prefix 198.51.100.0/24 (RFC 5737) and subscribers of
//! well-known networks. In each cycle one network exceeds its limit and returns below it.

use super::scenario::{Call, Codec, Scenario};
use crate::units::{Address, Asn, Prefix};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

/// Committed rate of the demo, in bit/s.
pub const DEMO_COMMITTED_BPS: u64 = 10_000_000;

/// Window of the demo, in seconds.
pub const DEMO_WINDOW_SECONDS: u32 = 10;

/// Length of a cycle: whole seconds, so that every cycle has the same figures per second.
const CYCLE: Duration = Duration::from_secs(88);

/// Length of a call that lasts until the next cycle begins, so that the rate is constant.
const LONG: Duration = CYCLE;

/// A prefix with its origin, for the demo's ASN table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DemoPrefix {
    /// The prefix.
    pub prefix: Prefix,
    /// The origin ASN.
    pub asn: Asn,
    /// Name of the network.
    pub name: &'static str,
    /// The transit networks on the path to it, nearest first.
    pub transit: &'static [(Asn, &'static str)],
}

/// The calls with one network.
struct Network {
    asn: u32,
    name: &'static str,
    /// First address and length of one of its prefixes.
    first: [u8; 4],
    length: u8,
    calls: u16,
    codec: Codec,
    loss_per_mille: u16,
    round_trip_ms: u64,
}

const fn network(
    asn: u32,
    name: &'static str,
    (first, length): ([u8; 4], u8),
    (calls, codec): (u16, Codec),
    loss_per_mille: u16,
    round_trip_ms: u64,
) -> Network {
    Network {
        asn,
        name,
        first,
        length,
        calls,
        codec,
        loss_per_mille,
        round_trip_ms,
    }
}

use Codec::{G711A, G729, Opus};

const ARELION: (Asn, &str) = (Asn(1299), "Arelion");
const COGENT: (Asn, &str) = (Asn(174), "Cogent Communications");
const LUMEN: (Asn, &str) = (Asn(3356), "Lumen");
const NTT: (Asn, &str) = (Asn(2914), "NTT America");
const SPARKLE: (Asn, &str) = (Asn(6762), "Telecom Italia Sparkle");
const TELSTRA_GLOBAL: (Asn, &str) = (Asn(4637), "Telstra Global");

/// Transit on the path to each network: invented, but with real transit networks. Networks not listed
/// are direct peers.
const TRANSIT: [(u32, &[(Asn, &str)]); 7] = [
    (3320, &[ARELION]),
    (12322, &[COGENT]),
    (2856, &[ARELION]),
    (3269, &[ARELION, SPARKLE]),
    (7922, &[LUMEN]),
    (4713, &[NTT]),
    (1221, &[LUMEN, TELSTRA_GLOBAL]),
];

/// Prefixes and origins as in the routing table of 2014-05-13 (pyasn's ipasn_20140513.dat from
/// RouteViews); the networks have announced them, or parts of them, for decades. The calls are invented.
const NETWORKS: [Network; 12] = [
    network(
        3320,
        "Deutsche Telekom AG",
        ([80, 128, 0, 0], 11),
        (6, G711A),
        0,
        18,
    ),
    network(12322, "Free SAS", ([82, 224, 0, 0], 11), (9, G711A), 0, 22),
    network(
        2856,
        "British Telecommunications PLC",
        ([86, 128, 0, 0], 10),
        (7, G711A),
        2,
        28,
    ),
    network(
        3303,
        "Swisscom AG",
        ([178, 192, 0, 0], 13),
        (5, G711A),
        0,
        14,
    ),
    network(
        3269,
        "Telecom Italia S.p.A.",
        ([217, 56, 0, 0], 14),
        (5, G711A),
        20,
        33,
    ),
    network(1136, "KPN B.V.", ([188, 200, 0, 0], 13), (4, G711A), 0, 16),
    network(
        8447,
        "A1 Telekom Austria AG",
        ([80, 120, 0, 0], 14),
        (4, Opus),
        0,
        21,
    ),
    network(
        3301,
        "Telia Sverige AB",
        ([90, 224, 0, 0], 12),
        (4, Opus),
        1,
        31,
    ),
    network(
        5617,
        "Orange Polska S.A.",
        ([217, 96, 0, 0], 14),
        (4, G729),
        0,
        36,
    ),
    network(
        7922,
        "Comcast Cable",
        ([173, 160, 0, 0], 13),
        (4, G711A),
        1,
        104,
    ),
    network(
        4713,
        "NTT Communications (OCN)",
        ([153, 128, 0, 0], 11),
        (5, G711A),
        0,
        246,
    ),
    network(1221, "Telstra", ([101, 160, 0, 0], 11), (1, G729), 0, 288),
];

/// The network that exceeds its limit: ten more calls, from second 12 to second 55 of the cycle. With
/// its six calls that is 1.28 Mbit/s per direction, 12.8 % of [`DEMO_COMMITTED_BPS`].
const OVERLOAD: (u32, u16, Duration, Duration) =
    (3320, 10, Duration::from_secs(12), Duration::from_secs(43));

/// The demo's scenario, which repeats endlessly, and the ASN table of its addresses.
pub fn demo() -> (Scenario, Vec<DemoPrefix>) {
    let mut calls = Vec::new();
    for network in &NETWORKS {
        for _ in 0..network.calls {
            push_call(&mut calls, network, Duration::from_millis(500), LONG);
        }
        let (asn, more, start, length) = OVERLOAD;
        if asn == network.asn {
            for _ in 0..more {
                push_call(&mut calls, network, start, length);
            }
        }
    }
    let scenario = Scenario {
        calls,
        seed: 3320,
        report_interval: Duration::from_secs(2),
        repeat: Some(CYCLE),
    };
    let prefixes = NETWORKS.iter().map(|network| DemoPrefix {
        prefix: Prefix::new(Address::v4(network.first), 96 + network.length),
        asn: Asn(network.asn),
        name: network.name,
        transit: TRANSIT
            .iter()
            .find(|(asn, _)| *asn == network.asn)
            .map_or(&[], |(_, transit)| transit),
    });
    (scenario, prefixes.collect())
}

fn push_call(calls: &mut Vec<Call>, network: &Network, start: Duration, length: Duration) {
    // Far fewer than 250 calls: the index gives address and port.
    let index = u8::try_from(calls.len()).unwrap_or(u8::MAX);
    let [a, b, c, _] = network.first;
    let far = Ipv4Addr::new(a, b, c.wrapping_add(index), index.saturating_add(1));
    let near = Ipv4Addr::new(198, 51, 100, index.saturating_add(1));
    let port = 10_000 + 4 * u16::from(index);
    // Calls start 7 ms apart, so that their packets do not form bursts.
    let stagger = Duration::from_millis(7 * u64::from(index));
    calls.push(Call {
        codec: network.codec,
        loss_per_mille: network.loss_per_mille,
        ssrc: network.asn << 8 | u32::from(index),
        round_trip: Some(Duration::from_millis(network.round_trip_ms)),
        sip: true,
        ..Call::new(
            SocketAddr::new(IpAddr::V4(far), port),
            SocketAddr::new(IpAddr::V4(near), port + 2),
            start + stagger,
            length,
        )
    });
}
