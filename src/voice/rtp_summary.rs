//! The values of an RTP packet that are kept while its stream is in probation.

use crate::units::Timestamp;
use crate::voice::CapturePoint;
use crate::wire::rtp::RtpHeader;

/// The values of an RTP packet that are needed to count it later.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct RtpSummary {
    /// Capture time.
    pub time: Timestamp,
    /// Capture point.
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
    /// Identification of IPv4; 0 if not set, and in IPv6.
    pub identification: u16,
}

impl RtpSummary {
    /// The summary of a packet. `payload_bytes` are the octets after the RTP header.
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
