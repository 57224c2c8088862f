//! The calls, the routing table, the contracts, and what is true of them by the frames alone.

use crate::support::START;
use crate::support::frames::{Shot, jitter, of_scenario};
use crate::support::mrt;
use asnmeter::capture::synthetic::scenario::{Call, Codec, Scenario};
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

/// A prefix of 25 bits, its path with the origin at the end, and the transit ASNs on it.
type Network = ([u8; 4], &'static [u32], &'static [u64]);

/// Whose the far ends are. 64500 is reached over two ways, 64501 over the first of these only,
/// 64502 is a neighbour; 64503 is reached over one of the others, and one more.
const NETWORKS: [Network; 5] = [
    ([203, 0, 113, 0], &[64_510, 64_500], &[64_510]),
    (
        [203, 0, 113, 128],
        &[64_511, 64_511, 64_512, 64_500, 64_500],
        &[64_511, 64_512],
    ),
    ([192, 0, 2, 0], &[64_510, 64_501], &[64_510]),
    ([233, 252, 0, 0], &[64_502], &[]),
    (
        [233, 252, 0, 128],
        &[64_501, 64_512, 64_503],
        &[64_501, 64_512],
    ),
];

/// The table as a routing daemon would dump it.
pub(crate) fn table() -> Vec<u8> {
    let named = NETWORKS.map(|([a, b, c, d], path, _)| (format!("{a}.{b}.{c}.{d}/25"), path));
    let routes: Vec<_> = named
        .iter()
        .map(|(prefix, path)| (prefix.as_str(), *path))
        .collect();
    mrt::table(&routes)
}

/// A contract of the test; what is not here is 4 Mbit/s, 10 %, 0.5 % loss.
#[derive(Clone, Debug)]
pub(crate) struct Contract {
    pub(crate) name: &'static str,
    pub(crate) bps: u64,
    pub(crate) window: u64,
    pub(crate) direction: &'static str,
    pub(crate) layer: &'static str,
    pub(crate) transit: Option<&'static str>,
    pub(crate) loss_direction: &'static str,
}

const USUAL: Contract = Contract {
    name: "list",
    bps: 4_000_000,
    window: 10,
    direction: "either",
    layer: "ip",
    transit: None,
    loss_direction: "from",
};

const JUDGE: Contract = Contract {
    name: "judge",
    transit: Some("judge"),
    ..USUAL
};

pub(crate) const CONTRACTS: [Contract; 5] = [
    USUAL,
    JUDGE,
    Contract {
        name: "judge-sum",
        bps: 10_000_000,
        window: 20,
        direction: "sum",
        layer: "wire",
        ..JUDGE
    },
    Contract {
        name: "judge-to",
        window: 5,
        direction: "to",
        loss_direction: "both",
        ..JUDGE
    },
    Contract {
        name: "judge-second",
        window: 1,
        ..JUDGE
    },
];

/// Loss in parts per million, expected packets, round trips and stream-seconds that every contract
/// has.
pub(crate) const LOSS_PPM: u64 = 5000;
pub(crate) const MIN_PACKETS: u64 = 50;
pub(crate) const MIN_ROUND_TRIPS: u64 = 2;
pub(crate) const MIN_STREAM_SECONDS: u64 = 10;

pub(crate) fn configuration() -> String {
    let mut file =
        "[asn]\nsources = [{ mrt = \"rib.mrt\" }]\nlocal_prefixes = [\"198.51.100.0/24\"]\n"
            .to_owned();
    for contract in &CONTRACTS {
        let Contract {
            name,
            bps,
            window,
            direction,
            layer,
            loss_direction,
            ..
        } = contract;
        let transit = contract
            .transit
            .map(|rule| format!("transit = \"{rule}\"\n"));
        let commitment = format!(
            "[[commitment]]\nname = \"{name}\"\ncommitted_rate = \"{bps} bps\"\n\
             window = \"{window}s\"\ndirection = \"{direction}\"\nlayer = \"{layer}\"\n{}\
             guarantee = {{ loss = \"0.5%\", loss_direction = \"{loss_direction}\", \
             latency = \"150ms\", latency_percentile = 50, jitter = \"1ms\", \
             jitter_percentile = 50, min_samples = {{ packets = {MIN_PACKETS}, \
             round_trips = {MIN_ROUND_TRIPS}, stream_seconds = {MIN_STREAM_SECONDS} }} }}\n",
            transit.unwrap_or_default(),
        );
        file.push_str(&commitment);
    }
    file
}

/// Network, how many, first second, seconds, loss per mille. One in four sets up by SIP.
const CALLS: [(usize, u16, u64, u64, u16); 8] = [
    (0, 2, 0, 110, 30),
    (1, 1, 0, 110, 0),
    (2, 2, 0, 110, 10),
    (3, 2, 0, 110, 8),
    (4, 1, 10, 60, 0),
    // Seconds 20 to 50: 0.48 Mbit/s over 64510, where 0.4 are a tenth; no origin has that much.
    (0, 1, 20, 30, 0),
    (2, 1, 20, 30, 0),
    // Seconds 65 to 85: 64500 itself is over, on both of its ways.
    (1, 4, 65, 20, 0),
];

/// The frames in the order of capture; with disorder one in 397 comes 700 ms late.
pub(crate) fn shots(disorder: bool) -> Vec<Shot> {
    let mut calls = Vec::new();
    for (network, count, start, length, loss_per_mille) in CALLS {
        for _ in 0..count {
            let place = u16::try_from(calls.len()).unwrap();
            let [a, b, c, d] = NETWORKS[network].0;
            let far = format!(
                "{a}.{b}.{c}.{}:{}",
                u16::from(d) + 1 + place,
                10_000 + 4 * place
            );
            let near = format!("198.51.100.{}:{}", 1 + place, 20_000 + 4 * place);
            let [far, near]: [SocketAddr; 2] = [far, near].map(|end| end.parse().unwrap());
            calls.push(Call {
                codec: Codec::G711A,
                loss_per_mille,
                round_trip: Some(Duration::from_millis(130 + 10 * u64::from(place % 4))),
                sip: place % 4 == 0,
                ssrc: 0x7000 + u32::from(place),
                ..Call::new(
                    far,
                    near,
                    Duration::from_secs(start),
                    Duration::from_millis(length * 1000 - 200),
                )
            });
        }
    }
    let scenario = Scenario {
        report_interval: Duration::from_secs(2),
        ..Scenario::new(calls, 64_510)
    };
    let mut shots = of_scenario(&scenario, START);
    // From 64500 over 64510, and not over its other way.
    let over_64510 = |src: &[u8]| src[..3] == [203, 0, 113] && src[3] < 128;
    jitter(&mut shots, over_64510, START..u64::MAX, 3_000_000);
    if !disorder {
        return shots;
    }
    let late = |place: usize| if place % 397 == 396 { 700_000_000 } else { 0 };
    let mut placed: Vec<_> = shots.into_iter().enumerate().collect();
    placed.sort_by_key(|(place, shot)| shot.nanos + late(*place));
    placed.into_iter().map(|(_, shot)| shot).collect()
}

/// What the frames say, by prefix and path.
#[derive(Debug, Default)]
pub(crate) struct Truth {
    /// Packets and octets from and to, by transit ASN.
    pub(crate) through: BTreeMap<u64, [[u64; 2]; 2]>,
    /// Transit ASNs by origin and second.
    crossed: BTreeMap<(u64, u64), BTreeSet<u64>>,
}

impl Truth {
    pub(crate) fn of(shots: &[Shot]) -> Self {
        let mut truth = Self::default();
        for shot in shots {
            let packet = &shot.octets[14..];
            let bytes = u64::from(u16::from_be_bytes([packet[2], packet[3]]));
            for (side, end) in [&packet[12..16], &packet[16..20]].into_iter().enumerate() {
                let holds =
                    |(prefix, ..): &&Network| end[..3] == prefix[..3] && end[3] & 0x80 == prefix[3];
                let Some((_, path, transit)) = NETWORKS.iter().find(holds) else {
                    continue;
                };
                for asn in *transit {
                    let [packets, octets] = &mut truth.through.entry(*asn).or_default()[side];
                    (*packets, *octets) = (*packets + 1, *octets + bytes);
                }
                let origin = u64::from(*path.last().unwrap());
                let crossed = truth.crossed.entry((origin, shot.second())).or_default();
                crossed.extend(*transit);
            }
        }
        truth
    }

    /// The transit ASNs that an origin's packets crossed in some seconds.
    pub(crate) fn crossed(&self, origin: u64, seconds: RangeInclusive<u64>) -> Vec<u64> {
        let in_these = self
            .crossed
            .range((origin, *seconds.start())..=(origin, *seconds.end()));
        let all: BTreeSet<u64> = in_these.flat_map(|(_, crossed)| crossed).copied().collect();
        all.into_iter().collect()
    }
}
