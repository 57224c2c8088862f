//! Scenarios: calls with codecs, times, losses and round trips. Plain values.

use std::net::SocketAddr;
use std::time::Duration;

/// Calls, and the seed of all random values.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Scenario {
    /// The calls.
    pub calls: Vec<Call>,
    /// Seed of losses, first sequence numbers and payloads.
    pub seed: u64,
    /// Time between the sender reports of a stream; RFC 3550 §6.2 requires 5 s at least
    /// for low-bandwidth sessions; the demo reports more often, so that verdicts appear soon.
    pub report_interval: Duration,
    /// Interval at which the scenario repeats, endlessly: new calls between the same phones, with the
    /// same losses. At most two repetitions overlap, so the interval is at least half of the
    /// scenario's length.
    pub repeat: Option<Duration>,
}

impl Scenario {
    /// A scenario that runs once, with reports every 5 s.
    pub fn new(calls: Vec<Call>, seed: u64) -> Self {
        Self {
            calls,
            seed,
            report_interval: Duration::from_secs(5),
            repeat: None,
        }
    }
}

/// One call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Call {
    /// Media address of the caller; RTCP uses the next port. Every other repetition uses ports 1000
    /// higher.
    pub from: SocketAddr,
    /// Media address of the callee, of the same address family as `from`.
    pub to: SocketAddr,
    /// The codec.
    pub codec: Codec,
    /// Time of the first RTP packet, from the start of the scenario.
    pub start: Duration,
    /// Duration of the RTP.
    pub length: Duration,
    /// Packets of `from` withheld at random, per 1000 (0 to 1000); `to` loses none.
    pub loss_per_mille: u16,
    /// SSRC of `from` in the first repetition; `to` uses its complement.
    pub ssrc: u32,
    /// Round trip from the capture point to `from`; `None` without RTCP. `to` is next to the capture
    /// point.
    pub round_trip: Option<Duration>,
    /// Whether `to` sends RTP too. Without it there is no round trip to `from`.
    pub both_ways: bool,
    /// Whether SIP on port 5060 sets up and ends the call.
    pub sip: bool,
}

impl Call {
    /// A bidirectional G.711 call without loss, RTCP and SIP.
    pub fn new(from: SocketAddr, to: SocketAddr, start: Duration, length: Duration) -> Self {
        Self {
            from,
            to,
            codec: Codec::G711A,
            start,
            length,
            loss_per_mille: 0,
            ssrc: u32::from(from.port()) << 16 | u32::from(to.port()),
            round_trip: None,
            both_ways: true,
            sip: false,
        }
    }
}

/// A codec, 20 ms per packet.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Codec {
    /// PCMA, payload type 8, 160 octets: 80 kbit/s with IPv4, UDP and RTP.
    G711A,
    /// G.729, payload type 18, 20 octets.
    G729,
    /// Opus (RFC 7587), payload type 111, 80 octets, clock 48 kHz.
    Opus,
}

impl Codec {
    /// Payload type (RFC 3551 §6).
    pub const fn payload_type(self) -> u8 {
        match self {
            Self::G711A => 8,
            Self::G729 => 18,
            Self::Opus => 111,
        }
    }

    /// Octets of payload in a packet.
    pub const fn payload_octets(self) -> usize {
        match self {
            Self::G711A => 160,
            Self::G729 => 20,
            Self::Opus => 80,
        }
    }

    /// RTP timestamp units in a packet (RFC 3551 §4.5, RFC 7587 §4.1).
    pub const fn timestamp_step(self) -> u32 {
        match self {
            Self::G711A | Self::G729 => 160,
            Self::Opus => 960,
        }
    }

    /// The value of SDP's `rtpmap`.
    pub const fn rtpmap(self) -> &'static str {
        match self {
            Self::G711A => "PCMA/8000",
            Self::G729 => "G729/8000",
            Self::Opus => "opus/48000/2",
        }
    }
}

/// Nanoseconds of a duration; saturates after 584 years.
pub(super) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014):
/// seeded and small, for tests; not cryptographic.
#[derive(Clone, Debug)]
pub struct SplitMix(u64);

impl SplitMix {
    /// A generator with this seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// The next 128 bits.
    pub fn next_u128(&mut self) -> u128 {
        u128::from(self.next_u64()) << 64 | u128::from(self.next_u64())
    }
}
