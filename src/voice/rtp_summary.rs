//! A packet as it is remembered while it is not yet known what it belongs to.

use crate::units::Timestamp;
use crate::voice::CapturePoint;
use crate::wire::rtp::RtpHeader;

/// A held packet: what is needed to account for it later.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct RtpSummary {
    /// Capture time.
    pub time: Timestamp,
    /// Where it was seen.
    pub capture_point: CapturePoint,
    /// IP total length in octets.
    pub ip_bytes: u32,
    /// RTP timestamp.
    pub timestamp: u32,
    /// RTP sequence number.
    pub sequence: u16,
    /// Octets after the RTP header.
    pub payload_bytes: u16,
    /// RTP payload type.
    pub payload_type: u8,
    /// What IPv4 calls it; 0 where it is not called anything.
    pub identification: u16,
}

impl RtpSummary {
    /// What to keep of a packet.
    #[inline]
    pub fn new(
        time: Timestamp,
        capture_point: CapturePoint,
        ip_bytes: u32,
        (header, payload_bytes): (&RtpHeader, u16),
        identification: u16,
    ) -> Self {
        Self {
            time,
            capture_point,
            ip_bytes,
            timestamp: header.timestamp,
            sequence: header.sequence,
            payload_bytes,
            payload_type: header.payload_type,
            identification,
        }
    }
}
