//! What a stream counts: packets with their octets on each layer, what happened to their numbers,
//! and what the far end reports. Additive, in integers.

use crate::stream::booking::{Certainty, LossReason};

/// Which octets of a packet count towards the share; computed from the IP length, tags ignored.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Layer {
    /// IP total length.
    #[default]
    Ip,
    /// The Ethernet frame with FCS: max(64, ip + 18) (IEEE 802.3 §3.1).
    Ethernet,
    /// Ethernet and preamble and inter-packet gap: 20 more.
    Wire,
}

impl Layer {
    /// The value in metrics and JSON, and in the configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ip => "ip",
            Self::Ethernet => "ethernet",
            Self::Wire => "wire",
        }
    }
}

/// Smallest Ethernet frame with FCS, in octets (IEEE 802.3 §3.2.7).
const ETHERNET_MINIMUM: u32 = 64;
/// Ethernet header and FCS around an IP packet, without tags.
const ETHERNET_OVERHEAD: u32 = 18;
/// Preamble, start delimiter and inter-packet gap.
const WIRE_OVERHEAD: u64 = 20;

/// Packets with their octets on each layer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct TrafficCounts {
    /// Packets.
    pub packets: u64,
    /// IP total lengths.
    pub ip: u64,
    /// Ethernet frames with FCS.
    pub ethernet: u64,
    /// Later fragments: no packets, but frames of their own.
    pub fragments: u64,
}

impl TrafficCounts {
    /// One packet of `ip` octets.
    pub fn packet(ip: u32) -> Self {
        Self {
            packets: 1,
            ip: u64::from(ip),
            ethernet: u64::from(ethernet_octets(ip)),
            fragments: 0,
        }
    }

    /// One later fragment of `ip` octets.
    pub fn fragment(ip: u32) -> Self {
        Self {
            packets: 0,
            fragments: 1,
            ..Self::packet(ip)
        }
    }

    /// Adds more.
    pub fn add(&mut self, other: &Self) {
        self.packets += other.packets;
        self.ip += other.ip;
        self.ethernet += other.ethernet;
        self.fragments += other.fragments;
    }

    /// Octets on a layer.
    pub fn on(&self, layer: Layer) -> u64 {
        match layer {
            Layer::Ip => self.ip,
            Layer::Ethernet => self.ethernet,
            Layer::Wire => self.ethernet + WIRE_OVERHEAD * (self.packets + self.fragments),
        }
    }
}

/// Octets of the Ethernet frame around an IP packet: max(64, ip + 18), tags ignored (MODEL §3.2).
#[inline]
pub const fn ethernet_octets(ip: u32) -> u32 {
    let framed = ip.saturating_add(ETHERNET_OVERHEAD);
    if framed < ETHERNET_MINIMUM {
        ETHERNET_MINIMUM
    } else {
        framed
    }
}

/// What happened to the sequence numbers of RTP streams. A second and its amendments add up: what is
/// missing is booked in the second in which it was due, and given back if it still comes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SequenceCounts {
    /// Numbers whose packets are missing for certain.
    pub lost: i64,
    /// Numbers that may have been lost, and nobody can tell.
    pub maybe_lost: i64,
    /// Packets that came when their number was not waited for any more: what was said of it stands.
    pub late: u64,
    /// Packets whose number had already come.
    pub duplicates: u64,
    /// Packets out of order but in time.
    pub reordered: u64,
    /// Numbers that were not counted as lost for certain, by the reason ([`LossReason::ALL`]); those of
    /// them that may have been lost stand in `maybe_lost` too.
    pub excused: [i64; LossReason::ALL.len()],
}

impl SequenceCounts {
    /// What is booked for so many numbers.
    pub fn booked(certainty: Certainty, count: i64) -> Self {
        let mut booked = Self::default();
        let excuse = match certainty {
            Certainty::Lost => {
                booked.lost = count;
                return booked;
            }
            Certainty::MaybeLost(excuse) => {
                booked.maybe_lost = count;
                excuse
            }
            Certainty::Excused(excuse) => excuse,
        };
        for (sum, each) in booked.excused.iter_mut().zip(LossReason::ALL) {
            *sum = if each == excuse { count } else { 0 };
        }
        booked
    }

    /// So many frames were not seen: as many of the numbers lost may have been among them.
    pub fn doubt(&mut self, frames: u64) {
        let frames = i64::try_from(frames).unwrap_or(i64::MAX);
        let moved = self.lost.clamp(0, frames);
        self.lost -= moved;
        self.add(&Self::booked(
            Certainty::MaybeLost(LossReason::CaptureGap),
            moved,
        ));
    }

    /// Adds more.
    pub fn add(&mut self, other: &Self) {
        self.lost += other.lost;
        self.maybe_lost += other.maybe_lost;
        self.late += other.late;
        self.duplicates += other.duplicates;
        self.reordered += other.reordered;
        for (mine, theirs) in self.excused.iter_mut().zip(other.excused) {
            *mine += theirs;
        }
    }

    /// What is missing where `packets` came: expected are packets − duplicates − late + lost.
    pub fn loss(&self, packets: u64) -> LossCounts {
        let came = packets.cast_signed() - self.duplicates.cast_signed() - self.late.cast_signed();
        LossCounts {
            expected: came + self.lost,
            lost: self.lost,
            maybe_lost: self.maybe_lost,
        }
    }
}

/// Packets that should have come, and those that did not. Signed: an amendment may give back what was
/// booked before; a second with all its amendments is never less than none.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct LossCounts {
    /// Should have come.
    pub expected: i64,
    /// Of these, did not, for certain.
    pub lost: i64,
    /// Besides: may have been lost, and nobody can tell.
    pub maybe_lost: i64,
}

/// The same, as it is shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ShownLoss {
    /// Should have come.
    pub expected: u64,
    /// Of these, did not, for certain.
    pub lost: u64,
    /// Besides: may have been lost.
    pub maybe_lost: u64,
}

/// A signed sum as it is shown: never less than none, though what gives back may have come before what
/// it gives back.
pub fn shown(sum: i64) -> u64 {
    sum.max(0).cast_unsigned()
}

impl ShownLoss {
    /// The larger of each number.
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        Self {
            expected: self.expected.max(other.expected),
            lost: self.lost.max(other.lost),
            maybe_lost: self.maybe_lost.max(other.maybe_lost),
        }
    }
}

impl LossCounts {
    /// Nothing in doubt.
    pub const fn certain(expected: i64, lost: i64) -> Self {
        Self {
            expected,
            lost,
            maybe_lost: 0,
        }
    }

    /// So many that nobody can tell of.
    pub const fn maybe(count: i64) -> Self {
        Self {
            expected: 0,
            lost: 0,
            maybe_lost: count,
        }
    }

    /// So many that were maybe lost are lost for certain; less than none: the other way round.
    pub const fn confirmed(count: i64) -> Self {
        Self {
            expected: count,
            lost: count,
            maybe_lost: -count,
        }
    }

    /// Adds more.
    pub fn add(&mut self, other: Self) {
        self.expected += other.expected;
        self.lost += other.lost;
        self.maybe_lost += other.maybe_lost;
    }

    /// Takes off what was added before.
    pub fn subtract(&mut self, other: Self) {
        self.expected -= other.expected;
        self.lost -= other.lost;
        self.maybe_lost -= other.maybe_lost;
    }

    /// So many frames were not seen. Of those lost so many may have been among them: they are maybe lost.
    /// What else was among them may have been lost before.
    pub fn doubt(&mut self, lost: i64, frames: u64) {
        let frames = i64::try_from(frames).unwrap_or(i64::MAX);
        let lost = lost.min(frames).min(self.lost).max(0);
        self.lost -= lost;
        self.expected -= lost;
        self.maybe_lost = self.maybe_lost.saturating_add(frames);
    }

    /// What is shown.
    pub fn shown(self) -> ShownLoss {
        ShownLoss {
            expected: shown(self.expected),
            lost: shown(self.lost),
            maybe_lost: shown(self.maybe_lost),
        }
    }
}
