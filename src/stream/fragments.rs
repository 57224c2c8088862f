//! Later fragments of IP packets (RFC 791 §3.2, RFC 8200 §4.5): they have no ports, and belong to what the
//! first fragment of their packet is.
//!
//! One [`FragmentTable`] per worker. A packet is remembered for 2 s by source, destination and
//! identification; fragments that come before their first one wait for it. What finds no room is counted.

use crate::units::occupancy::Occupancy;
use crate::units::{Address, Endpoint, Timestamp};
use crate::voice::class::Class;
use crate::voice::stream_key::StreamKey;
use crate::voice::{CapturePoint, Content, Packet};
use crate::wire::Fragment;
use hashbrown::HashMap;
use std::collections::VecDeque;
use std::time::Duration;

/// Most packets remembered; a further one is refused. A gigabit of packets of two fragments is 80 000
/// packets in a second, but of voice there are few.
const MAX_PACKETS: usize = 65_536;
/// Most fragments of one: 64 KiB with the smallest MTU of IPv6 (RFC 8200 §5), and some more.
const MAX_PIECES: usize = 64;
/// Most fragments that wait for their stream to be proven.
const MAX_WAITING: usize = 65_536;
/// How long a packet is remembered. Its fragments leave their sender at once; identifications repeat after
/// 65 536 packets.
const LIFETIME: Duration = Duration::from_secs(2);
/// How long a fragment waits for its stream to be proven: longer than probation lasts.
const PATIENCE: Duration = Duration::from_secs(30);

/// What all fragments of a UDP datagram have in common.
type FragmentKey = (Address, Address, u32);

fn key_of(fragment: &Fragment<'_>) -> FragmentKey {
    (fragment.src, fragment.dst, fragment.identification)
}

/// What the first fragment of a packet is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FragmentOwner {
    /// Media of a stream, which may not be proven yet.
    Stream(StreamKey),
    /// RTCP or SIP.
    Signal(Class, Endpoint, Endpoint, CapturePoint),
}

impl FragmentOwner {
    /// The owner of the later fragments of a packet; none if it does not count itself.
    pub fn of(packet: &Packet<'_>) -> Option<Self> {
        let signal = |class| Self::Signal(class, packet.src, packet.dst, packet.capture_point);
        match packet.content {
            Content::Rtp { header, .. } => {
                let key = StreamKey::new(packet.src, packet.dst, header.ssrc);
                Some(Self::Stream(key))
            }
            Content::Rtcp { .. } => Some(signal(Class::Rtcp)),
            Content::Sip(_) => Some(signal(Class::Sip)),
            Content::SipSegment(_) | Content::Stun(..) => None,
        }
    }
}

/// A later fragment: when it came, and its IP total length.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LaterFragment {
    /// Capture time.
    pub time: Timestamp,
    /// IP total length in octets.
    pub ip_bytes: u32,
}

impl LaterFragment {
    /// The part of a fragment that is counted.
    pub fn of(fragment: &Fragment<'_>) -> Self {
        Self {
            time: fragment.time,
            ip_bytes: fragment.ip_bytes,
        }
    }
}

/// What a later fragment is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FragmentStep {
    /// It belongs to this.
    Owned(FragmentOwner),
    /// A fragment of this offset of its packet has come already.
    Copy,
    /// Its packet is not known (yet), or was no voice, or there is no room for it.
    Unknown,
}

/// A packet of which fragments have come.
#[derive(Debug)]
struct Pieces {
    /// `None` before the first fragment.
    owner: Option<FragmentOwner>,
    /// Offsets of the later ones so far.
    offsets: Vec<u16>,
    /// Those that came before the first.
    early: Vec<LaterFragment>,
}

/// The packets of which fragments come.
#[derive(Debug, Default)]
pub struct FragmentTable {
    packets: HashMap<FragmentKey, (Timestamp, Pieces)>,
    /// The same, in order of their first fragment seen.
    order: VecDeque<(Timestamp, FragmentKey)>,
    /// Fragments of streams that are not proven.
    waiting: Vec<(StreamKey, LaterFragment)>,
    refused: u64,
}

impl FragmentTable {
    /// Takes the first fragment of a packet. Returns the later ones that came before it.
    pub fn begin(&mut self, fragment: &Fragment<'_>, owner: FragmentOwner) -> Vec<LaterFragment> {
        let key = key_of(fragment);
        self.forget(fragment.time);
        match self.packets.get_mut(&key) {
            Some((_, pieces)) if pieces.owner.is_none() => {
                pieces.owner = Some(owner);
                return std::mem::take(&mut pieces.early);
            }
            // A copy of it changes nothing; another packet with its identification begins anew.
            Some((_, pieces)) if pieces.owner == Some(owner) && pieces.offsets.is_empty() => {}
            _ => self.insert(fragment.time, key, Some(owner)),
        }
        Vec::new()
    }

    /// Takes a later fragment of a packet.
    pub fn continue_with(&mut self, fragment: &Fragment<'_>) -> FragmentStep {
        let key = key_of(fragment);
        self.forget(fragment.time);
        if !self.packets.contains_key(&key) {
            self.insert(fragment.time, key, None);
        }
        let Some((_, pieces)) = self.packets.get_mut(&key) else {
            return FragmentStep::Unknown;
        };
        if pieces.offsets.contains(&fragment.offset) {
            return FragmentStep::Copy;
        }
        if pieces.offsets.len() >= MAX_PIECES {
            self.refused += 1;
            return FragmentStep::Unknown;
        }
        pieces.offsets.push(fragment.offset);
        if let Some(owner) = pieces.owner {
            return FragmentStep::Owned(owner);
        }
        pieces.early.push(LaterFragment::of(fragment));
        FragmentStep::Unknown
    }

    /// What the packet of a fragment is, if that is known.
    pub fn owner(&self, fragment: &Fragment<'_>) -> Option<FragmentOwner> {
        let known = self.packets.get(&key_of(fragment));
        known.and_then(|(_, pieces)| pieces.owner)
    }

    /// Keeps a fragment of a stream that is not proven.
    pub fn wait(&mut self, key: StreamKey, fragment: LaterFragment) {
        if self.waiting.len() < MAX_WAITING {
            self.waiting.push((key, fragment));
        } else {
            self.refused += 1;
        }
    }

    /// Offers every waiting fragment to `take`, which says whether its stream was proven; those that have
    /// waited too long are forgotten.
    pub fn settle(
        &mut self,
        now: Timestamp,
        mut take: impl FnMut(&StreamKey, LaterFragment) -> bool,
    ) {
        self.waiting.retain(|(key, fragment)| {
            !take(key, *fragment) && now.since(fragment.time) <= PATIENCE
        });
    }

    /// How full the table of packets is.
    pub fn occupancy(&self) -> Occupancy {
        Occupancy::new(self.order.len(), MAX_PACKETS, self.refused)
    }

    /// Fragments that found no room.
    pub fn refused(&self) -> u64 {
        self.refused
    }

    /// Packet time has jumped: nothing from before is near what comes.
    pub fn clear(&mut self) {
        self.packets.clear();
        self.order.clear();
        self.waiting.clear();
    }

    fn insert(&mut self, time: Timestamp, key: FragmentKey, owner: Option<FragmentOwner>) {
        let pieces = Pieces {
            owner,
            offsets: Vec::new(),
            early: Vec::new(),
        };
        if self.order.len() >= MAX_PACKETS {
            self.refused += 1;
            return;
        }
        self.packets.insert(key, (time, pieces));
        self.order.push_back((time, key));
    }

    fn forget(&mut self, now: Timestamp) {
        while let Some((time, key)) = self.order.front().copied()
            && now.since(time) > LIFETIME
        {
            self.order.pop_front();
            // Another packet with the same identification has a later place in the order.
            if self
                .packets
                .get(&key)
                .is_some_and(|(began, _)| *began == time)
            {
                self.packets.remove(&key);
            }
        }
    }
}

#[cfg(test)]
#[path = "fragments_tests.rs"]
mod tests;
