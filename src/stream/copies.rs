//! Packets that a mirror port shows twice, told from those that their sender sends twice.
//!
//! A mirror copies a packet: identification and content are the same, and both copies
//! come within moments; only the hops may differ, where a router stands between the mirrored
//! ports. A sender that sends again makes another IP packet: it numbers it anew (RFC 6864 §4.3).
//! Where packets bear no number of their own (IPv6; IPv4 that must not be fragmented, RFC 6864
//! §4.1, often bears 0 or always the same), time alone tells: no codec sends two packets that
//! close, and who repeats on purpose waits, or both would be lost together.
//!
//! One [`RecentPackets`] lives in each stream: it is written for each packet, and read only for one that
//! is not the next in sequence. One [`SeenSignalling`] per worker does the same for what has no stream.

use crate::units::{Endpoint, Timestamp};
use crate::voice::Packet;
use hashbrown::{DefaultHashBuilder, HashMap};
use std::collections::VecDeque;
use std::hash::BuildHasher;
use std::time::Duration;

/// Between the copies of a packet that bears a number of its own, at most: two mirrored ports and
/// the queues behind them. SIP asks again after 500 ms (RFC 3261 §17.1.1.1), TCP after 200 ms.
const WINDOW: Duration = Duration::from_millis(50);

/// Between a packet that does not and its copy right behind it: below 2.5 ms, the shortest packet
/// time of audio (RFC 6716 §2.1.4).
const MOMENT: Duration = Duration::from_millis(2);

/// Signals are remembered for so long, beyond any step back that is only disorder: what is known
/// then depends on the packets alone, and not on how many workers there are.
const MEMORY: Duration = Duration::from_secs(2);

/// Signals remembered at a time, some 64 octets each; beyond that the oldest are forgotten. 10 000
/// calls send 4 000 reports in two seconds.
const SIGNALS: usize = 65_536;

/// What IPv4 calls the last four packets of one stream, the newest in the low bits: small, because
/// every packet writes it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct RecentPackets(u64);

impl RecentPackets {
    /// Remembers a packet.
    #[inline]
    pub const fn note(&mut self, identification: u16) {
        self.0 = self.0 << 16 | identification as u64;
    }

    /// Whether a packet whose number has come already is another copy of one that is remembered,
    /// so long `after` the last; `is_newest`: it bears the newest number of the stream.
    pub fn has(self, identification: u16, after: Duration, is_newest: bool) -> bool {
        let remembered = [0, 16, 32, 48].map(|place| self.0 >> place & 0xffff);
        let identification = u64::from(identification);
        let same = remembered.iter().filter(|known| **known == identification);
        match (identification, same.count()) {
            (_, 0) => false,
            (1.., 1) => after <= WINDOW,
            _ => is_newest && after <= MOMENT,
        }
    }
}

/// The newest packets that belong to no stream: RTCP, SIP, STUN.
#[derive(Debug, Default)]
pub struct SeenSignalling {
    /// Keyed at random: whoever sends cannot choose which packets are taken for the same.
    hasher: DefaultHashBuilder,
    /// When each was seen, by its hash.
    seen: HashMap<u64, Timestamp>,
    /// The same, in order of arrival.
    order: VecDeque<(Timestamp, u64)>,
}

impl SeenSignalling {
    /// Whether a packet is another copy of one seen just before; it is remembered if not. One
    /// without a checksum has nothing to know its content by, and is never taken for a copy.
    pub fn has(&mut self, packet: &Packet<'_>) -> bool {
        if packet.dedup_key.checksum == 0 {
            return false;
        }
        let ends: (Endpoint, Endpoint) = (packet.src, packet.dst);
        let hash = self
            .hasher
            .hash_one((ends, packet.ip_bytes, packet.dedup_key));
        let window = match packet.dedup_key.identification {
            0 => MOMENT,
            _ => WINDOW,
        };
        if let Some(seen) = self.seen.get(&hash) {
            let (earlier, later) = (packet.time.min(*seen), packet.time.max(*seen));
            if later.since(earlier) <= window {
                return true;
            }
        }
        self.forget(packet.time);
        self.seen.insert(hash, packet.time);
        self.order.push_back((packet.time, hash));
        false
    }

    fn forget(&mut self, now: Timestamp) {
        while let Some((time, hash)) = self.order.front().copied()
            && (now.since(time) > MEMORY || self.order.len() >= SIGNALS)
        {
            self.order.pop_front();
            // Seen again since, it has a later place in the order.
            if self.seen.get(&hash) == Some(&time) {
                self.seen.remove(&hash);
            }
        }
    }

    /// Packet time has jumped: nothing from before is near what comes.
    pub fn clear(&mut self) {
        self.seen.clear();
        self.order.clear();
    }
}

#[cfg(test)]
mod tests;
