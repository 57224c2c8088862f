//! The VoIP metrics block of extended reports (RFC 3611 §4.7): what a receiver measures of one stream
//! behind its jitter buffer.

/// The block type, and octets of the block behind its header: the constant 8 words.
pub(super) const VOIP_METRICS: u8 = 7;
const BODY: usize = 32;

/// What a receiver says of one source.
///
/// ```text
/// |     BT=7      |   reserved    |       block length = 8        |
/// |                        SSRC of source                         |
/// |   loss rate   | discard rate  | burst density |  gap density  |
/// |       burst duration          |         gap duration          |
/// |     round trip delay          |       end system delay        |
/// | signal level  |  noise level  |     RERL      |     Gmin      |
/// |   R factor    | ext. R factor |    MOS-LQ     |    MOS-CQ     |
/// |   RX config   |   reserved    |          JB nominal           |
/// |          JB maximum           |          JB abs max           |
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct VoipMetrics {
    /// The source that is received.
    pub ssrc: u32,
    /// Of its packets, those lost on the way since reception began, in 1/256.
    pub loss_rate: u8,
    /// Of its packets, those that the receiver's jitter buffer discarded, in 1/256.
    pub discard_rate: u8,
    /// Round trip between the two ends, in milliseconds; none where it is not known yet.
    pub round_trip_ms: Option<u16>,
    /// From a packet's arrival until it is heard, and from the microphone to the next packet, in
    /// milliseconds; none where it is not known.
    pub end_system_delay_ms: Option<u16>,
    /// Listening quality in tenths, 10 to 50 (ITU-T P.800.1); none where it is not known.
    pub mos_lq: Option<u8>,
    /// Conversational quality in tenths, 10 to 50; none where it is not known.
    pub mos_cq: Option<u8>,
}

impl VoipMetrics {
    /// Reads a block without its header; `None` where it has not the length that the RFC gives it.
    pub(super) fn parse(block: &[u8]) -> Option<Self> {
        let block: &[u8; BODY] = block.try_into().ok()?;
        let octets = |at: usize| block.get(at..).and_then(<[u8]>::first_chunk);
        let octet = |at: usize| block.get(at).copied();
        // A round trip of 0 stands for none, and no end system takes no time at all.
        let delay = |at| Some(u16::from_be_bytes(*octets(at)?)).filter(|millis| *millis > 0);
        Some(Self {
            ssrc: u32::from_be_bytes(*block.first_chunk()?),
            loss_rate: octet(4)?,
            discard_rate: octet(5)?,
            round_trip_ms: delay(12),
            end_system_delay_ms: delay(14),
            mos_lq: score(octet(22)?),
            mos_cq: score(octet(23)?),
        })
    }
}

/// A mean opinion score. 127 is none; others than 10 to 50 must not be sent, and are ignored (RFC 3611 §4.7.5).
fn score(tenths: u8) -> Option<u8> {
    (10..=50).contains(&tenths).then_some(tenths)
}
