//! Finds out whether the own prefixes (`asn.local_prefixes`) are right: a minute after the first stream,
//! each worker looks once whether any of its streams has an own address. Where no worker's has, the log
//! names the prefixes that most streams have in common.

use crate::asn::Origin;
use crate::events;
use crate::stream::Streams;
use crate::stream::record::Stream;
use crate::units::Address;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

/// Seconds with streams before a worker looks.
const SECONDS: u32 = 60;

/// Prefixes that are counted at most.
const MAX_PREFIXES: usize = 1024;

/// Prefixes that are named.
const NAMED: usize = 3;

/// What all workers have found so far.
#[derive(Debug)]
struct LocalSearch {
    workers_left: usize,
    has_local: bool,
    /// Streams by the network of one of their ends.
    prefixes: BTreeMap<String, u64>,
}

/// A worker's part of the check.
#[derive(Debug)]
pub(super) struct LocalCheck {
    found: Arc<Mutex<LocalSearch>>,
    seconds_left: u32,
}

/// For so many workers.
pub(super) fn for_workers(workers: usize) -> Vec<LocalCheck> {
    let found = Arc::new(Mutex::new(LocalSearch {
        workers_left: workers,
        has_local: false,
        prefixes: BTreeMap::new(),
    }));
    let check = |_| LocalCheck {
        found: found.clone(),
        seconds_left: SECONDS,
    };
    (0..workers).map(check).collect()
}

impl LocalCheck {
    /// A second has closed. Returns whether the check is over.
    pub(super) fn check(&mut self, streams: &Streams) -> bool {
        if streams.iter().next().is_none() {
            return false;
        }
        self.seconds_left = self.seconds_left.saturating_sub(1);
        if self.seconds_left > 0 {
            return false;
        }
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        found.count(streams.iter());
        if let Some(likely) = found.likely() {
            events::no_local_traffic(&likely);
        }
        true
    }
}

impl LocalSearch {
    fn count<'s>(&mut self, streams: impl Iterator<Item = &'s Stream>) {
        for stream in streams {
            let pair = stream.pair();
            self.has_local |= pair.src == Origin::Local || pair.dst == Origin::Local;
            for end in [stream.key.src(), stream.key.dst()] {
                let network = network(end.address);
                if self.prefixes.len() < MAX_PREFIXES || self.prefixes.contains_key(&network) {
                    *self.prefixes.entry(network).or_default() += 1;
                }
            }
        }
        self.workers_left = self.workers_left.saturating_sub(1);
    }

    /// Once all workers have looked and none found an own address: the networks with most streams.
    fn likely(&self) -> Option<String> {
        if self.has_local || self.workers_left > 0 {
            return None;
        }
        let mut ranked: Vec<_> = self.prefixes.iter().collect();
        ranked.sort_by_key(|(_, streams)| std::cmp::Reverse(**streams));
        let named = ranked.iter().take(NAMED);
        let named: Vec<_> = named
            .map(|(prefix, streams)| match streams {
                1 => format!("{prefix} (1 stream)"),
                _ => format!("{prefix} ({streams} streams)"),
            })
            .collect();
        Some(named.join(", "))
    }
}

/// The network of an address: 24 bits of IPv4, 64 of IPv6.
fn network(address: Address) -> String {
    match address.ip() {
        IpAddr::V4(ip) => format!("{}/24", Ipv4Addr::from(u32::from(ip) & !0xff)),
        IpAddr::V6(ip) => {
            let first = u128::from(ip) >> 64 << 64;
            format!("{}/64", Ipv6Addr::from(first))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(workers_left: usize, has_local: bool) -> LocalSearch {
        let counted = [
            ("198.51.100.0/24", 9),
            ("192.0.2.0/24", 1),
            ("203.0.113.0/24", 4),
        ];
        LocalSearch {
            workers_left,
            has_local,
            prefixes: counted
                .map(|(prefix, streams)| (prefix.to_owned(), streams))
                .into(),
        }
    }

    #[test]
    fn likely_prefixes_are_named_once_every_worker_has_looked_in_vain() {
        let likely = found(0, false).likely();
        let expected =
            "198.51.100.0/24 (9 streams), 203.0.113.0/24 (4 streams), 192.0.2.0/24 (1 stream)";
        assert_eq!(likely.as_deref(), Some(expected));
        assert_eq!(found(1, false).likely(), None);
        assert_eq!(found(0, true).likely(), None);
    }

    #[test]
    fn a_network_is_24_bits_of_ipv4_and_64_of_ipv6() {
        let of = |text: &str| network(Address::from(text.parse::<IpAddr>().unwrap()));
        assert_eq!(of("198.51.100.77"), "198.51.100.0/24");
        assert_eq!(of("2001:db8:1:2:3::4"), "2001:db8:1:2::/64");
    }
}
