//! Packets that a mirror port shows twice, told from those that their sender sends twice.
//!
//! A mirror copies a packet: identification and content are the same, and both copies
//! come within moments; only the hops may differ, where a router stands between the mirrored
//! ports. A sender that sends again makes another IP packet: it numbers it anew (RFC 6864 §4.3).
//! Where packets bear no number of their own (IPv6; IPv4 that must not be fragmented, RFC 6864
//! §4.1, often bears 0 or always the same), time alone tells: no codec sends two packets that
//! close, and who repeats on purpose waits, or both would be lost together.
//!
//! One [`Recent`] lives in each stream: it is written for each packet, and read only for one that
//! is not the next in sequence. One [`Signals`] per worker does the same for what has no stream.

use crate::units::{Endpoint, Timestamp};
use crate::voice::Packet;
use hashbrown::DefaultHashBuilder;
use std::hash::BuildHasher;
use std::time::Duration;

/// Between the copies of a packet that bears a number of its own, at most: two mirrored ports and
/// the queues behind them. SIP asks again after 500 ms (RFC 3261 §17.1.1.1), TCP after 200 ms.
const WINDOW: Duration = Duration::from_millis(50);

/// Between a packet that does not and its copy right behind it: below 2.5 ms, the shortest packet time of audio
/// (RFC 6716 §2.1.4).
const MOMENT: Duration = Duration::from_millis(2);

/// Signals remembered at a time, 32 octets each; a newer one takes an older one's place. 10 000
/// calls send 2 000 reports a second, 100 in the window.
const SIGNALS: usize = 1024;

/// What IPv4 calls the last four packets of one stream, the newest in the low bits: small, because
/// every packet writes it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Recent(u64);

impl Recent {
    /// Remembers a packet.
    #[inline]
    pub const fn note(&mut self, identification: u16) {
        self.0 = self.0 << 16 | identification as u64;
    }

    /// Whether a packet whose number has come already is another copy of one that is remembered,
    /// so long `after` the last; `is_newest`: it bears the newest number of the stream.
    pub fn has(self, identification: u16, after: Duration, is_newest: bool) -> bool {
        let lanes = [0, 16, 32, 48].map(|place| self.0 >> place & 0xffff);
        let identification = u64::from(identification);
        let same = lanes.iter().filter(|lane| **lane == identification);
        match (identification, same.count()) {
            (_, 0) => false,
            (1.., 1) => after <= WINDOW,
            _ => is_newest && after <= MOMENT,
        }
    }
}

/// The newest packets that belong to no stream: RTCP, SIP, STUN.
#[derive(Debug)]
pub struct Signals {
    /// Keyed at random: whoever sends can not choose whose place is taken.
    hasher: DefaultHashBuilder,
    /// By the low bits of the hash: all of the hash, and the time.
    seen: Box<[(u64, Timestamp)]>,
}

impl Default for Signals {
    fn default() -> Self {
        Self {
            hasher: DefaultHashBuilder::default(),
            seen: vec![(0, Timestamp::default()); SIGNALS].into(),
        }
    }
}

impl Signals {
    /// Whether a packet is another copy of one seen just before; it is remembered if not. One
    /// without a checksum has nothing to know its content by, and is never taken for a copy.
    pub fn has(&mut self, packet: &Packet<'_>) -> bool {
        let ends: (Endpoint, Endpoint) = (packet.src, packet.dst);
        let hash = self
            .hasher
            .hash_one((ends, packet.ip_bytes, packet.imprint));
        let place = usize::try_from(hash % SIGNALS as u64).unwrap_or(0);
        let Some(seen) = self.seen.get_mut(place) else {
            return false;
        };
        let window = match packet.imprint.identification {
            0 => MOMENT,
            _ => WINDOW,
        };
        let (earlier, later) = (packet.time.min(seen.1), packet.time.max(seen.1));
        let same = seen.0 == hash && packet.imprint.checksum != 0;
        if same && later.since(earlier) <= window {
            return true;
        }
        *seen = (hash, packet.time);
        false
    }
}

#[cfg(test)]
mod tests;
