//! What a stream counts: packets with their octets on each layer, what happened to their numbers,
//! and what the far end reports. Additive, in integers.

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
}

impl TrafficCounts {
    /// One packet of `ip` octets.
    pub fn packet(ip: u32) -> Self {
        Self {
            packets: 1,
            ip: u64::from(ip),
            ethernet: u64::from(ethernet_octets(ip)),
        }
    }

    /// Adds more.
    pub fn add(&mut self, other: &Self) {
        self.packets += other.packets;
        self.ip += other.ip;
        self.ethernet += other.ethernet;
    }

    /// Octets on a layer.
    pub fn on(&self, layer: Layer) -> u64 {
        match layer {
            Layer::Ip => self.ip,
            Layer::Ethernet => self.ethernet,
            Layer::Wire => self.ethernet + WIRE_OVERHEAD * self.packets,
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

/// What happened to the sequence numbers of RTP streams.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SequenceCounts {
    /// Numbers that left the reorder window without their packet.
    pub lost: u64,
    /// Packets that came after that; their numbers stay lost.
    pub late: u64,
    /// Packets whose number had already come.
    pub duplicates: u64,
    /// Packets out of order but in time.
    pub reordered: u64,
}

impl SequenceCounts {
    /// Adds more.
    pub fn add(&mut self, other: &Self) {
        self.lost += other.lost;
        self.late += other.late;
        self.duplicates += other.duplicates;
        self.reordered += other.reordered;
    }

    /// Packets that should have come, of `packets` that did: packets − duplicates − late + lost.
    pub fn expected(&self, packets: u64) -> u64 {
        (packets + self.lost).saturating_sub(self.duplicates + self.late)
    }
}

/// Packets that should have come, and those of them that did not.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct LossCounts {
    /// Should have come.
    pub expected: u64,
    /// Of these, did not.
    pub lost: u64,
}

/// What RTCP report blocks said about packets sent to an ASN: expected by extended highest sequence
/// number, lost of these less our own gaps in the same interval.
pub type Reports = LossCounts;

impl LossCounts {
    /// Makes each number what a function gives of it and another one.
    pub fn combine(&mut self, other: Self, with: impl Fn(u64, u64) -> u64) {
        self.expected = with(self.expected, other.expected);
        self.lost = with(self.lost, other.lost);
    }

    /// Adds more.
    pub fn add(&mut self, other: Self) {
        self.combine(other, |mine, theirs| mine + theirs);
    }
}
