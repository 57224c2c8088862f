//! The RTP header (RFC 3550 §5.1), and the demultiplexing of protocols on a voice port (RFC 7983, RFC
//! 5761).
//!
//! Pure functions over the captured payload, of which 12 octets suffice. The header of SRTP (RFC 3711
//! §3.1) is not encrypted and is read the same way, so no field that SRTP encrypts is used, such as the
//! padding count. A packet is refused by the rules of RFC 3550 A.1 for a single packet; the rules that
//! need several packets belong to probation.

use super::octets::{lower, words};

/// Octets of the fixed header.
const FIXED: usize = 12;

/// The header of an RTP packet.
///
/// ```text
/// |V=2|P|X|  CC   |M|     PT      |       sequence number         |
/// |                           timestamp                           |
/// |           synchronization source (SSRC) identifier            |
/// |            contributing source (CSRC) identifiers …           |
/// |     defined by profile        |   length (of the extension)   |
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RtpHeader {
    /// M: for audio, the first packet after silence.
    pub marker: bool,
    /// PT, 0 to 127.
    pub payload_type: u8,
    /// The sequence number.
    pub sequence: u16,
    /// The timestamp, in units of the codec's clock.
    pub timestamp: u32,
    /// The synchronization source.
    pub ssrc: u32,
    /// Octets before the media, including the extension, unless the capture truncated it.
    pub header_len: usize,
    /// P: the payload ends with padding (its count is encrypted in SRTP and not checked).
    pub padding: bool,
}

/// Parses the header of a payload of `wire_length` octets, the first 12 of which must have been
/// captured. `None` if it cannot be RTP (RFC 3550 A.1): another version, an RTCP packet
/// type, or contributing sources and extension longer than the payload.
#[inline(always)]
#[expect(
    clippy::inline_always,
    reason = "the caller uses single fields of the result"
)]
pub fn parse(payload: &[u8], wire_length: u16) -> Option<RtpHeader> {
    read(payload, wire_length, is_rtcp_type)
}

/// The same for any payload type: one of 64 to 95 with the marker has the second octet of RTCP, and is
/// told from it by the whole form (RFC 5761 §4, [`rtcp::assess`](super::rtcp::assess)).
#[inline(always)]
#[expect(
    clippy::inline_always,
    reason = "the caller uses single fields of the result"
)]
pub fn parse_any(payload: &[u8], wire_length: u16) -> Option<RtpHeader> {
    read(payload, wire_length, |_| false)
}

#[inline(always)]
#[expect(
    clippy::inline_always,
    reason = "the caller uses single fields of the result"
)]
fn read(payload: &[u8], wire_length: u16, is_refused: impl Fn(u8) -> bool) -> Option<RtpHeader> {
    let [begin, timestamp, ssrc] = words(payload.first_chunk::<FIXED>()?)?;
    let [first, second, ..] = begin.to_be_bytes();
    if first >> 6 != 2 || is_refused(second) {
        return None;
    }
    let mut header_len = FIXED + usize::from(first & 0x0f) * 4;
    if first & 0x10 != 0 {
        header_len += 4 + extension(payload, header_len);
    }
    if header_len > usize::from(wire_length) {
        return None;
    }
    Some(RtpHeader {
        marker: second & 0x80 != 0,
        payload_type: second & 0x7f,
        sequence: lower(begin),
        timestamp,
        ssrc,
        header_len,
        padding: first & 0x20 != 0,
    })
}

/// Octets of the extension after its own four (RFC 3550 §5.3.1); 0 if truncated.
#[inline]
fn extension(payload: &[u8], offset: usize) -> usize {
    match payload.get(offset..).and_then(<[u8]>::first_chunk) {
        Some([_, _, high, low]) => usize::from(u16::from_be_bytes([*high, *low])) * 4,
        None => 0,
    }
}

/// Whether a payload that shares its port with RTP is RTCP (RFC 5761 §4): version 2 and a packet
/// type of 192 to 223, which as RTP would be payload types 64 to 95 with the marker.
#[inline]
pub fn is_rtcp(payload: &[u8]) -> bool {
    matches!(payload, [0x80..=0xbf, second, ..] if is_rtcp_type(*second))
}

#[inline]
const fn is_rtcp_type(octet: u8) -> bool {
    octet & 0xe0 == 0xc0
}

/// The protocol of a UDP payload on a shared port, by its first octet (RFC 7983 §7, with QUIC by RFC
/// 9443 §3).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum FirstOctet {
    /// 0 to 3: STUN (RFC 8489), TURN's messages included.
    Stun,
    /// 16 to 19: ZRTP (RFC 6189).
    Zrtp,
    /// 20 to 63: DTLS (RFC 9147).
    Dtls,
    /// 64 to 79: TURN ChannelData (RFC 8656).
    TurnChannel,
    /// 80 to 127 and 192 to 255: QUIC (RFC 9000). SIP starts with a letter and is here too.
    Quic,
    /// 128 to 191: RTP or RTCP.
    RtpOrRtcp,
    /// 4 to 15, or an empty payload.
    Other,
}

impl FirstOctet {
    /// Classifies a payload.
    #[inline]
    pub fn of(payload: &[u8]) -> Self {
        match payload.first() {
            Some(128..=191) => Self::RtpOrRtcp,
            Some(0..=3) => Self::Stun,
            Some(64..=79) => Self::TurnChannel,
            Some(20..=63) => Self::Dtls,
            Some(16..=19) => Self::Zrtp,
            Some(80..=127 | 192..=255) => Self::Quic,
            Some(4..=15) | None => Self::Other,
        }
    }
}

/// Whether a payload is a DTLS record (RFC 6347 §4.1, RFC 9147 §4): a known content type, a DTLS
/// version, and a length that fits.
///
/// ```text
/// |  ContentType  |        version (1's complement)       | epoch…
/// | …sequence number (48)                 |     length (16)       |
/// ```
///
/// The unified header of DTLS 1.3 (001x xxxx) carries no version; it follows a handshake that
/// does, and is left to [`FirstOctet::Dtls`].
pub fn is_dtls(payload: &[u8], wire_length: u16) -> bool {
    let Some([kind, major, minor, .., high, low]) = payload.first_chunk::<13>() else {
        return false;
    };
    // 20 to 26: change cipher spec, alert, handshake, application, heartbeat, cid, ack.
    matches!(kind, 20..=26)
        && *major == 0xfe
        && matches!(minor, 0xff | 0xfd | 0xfc)
        && usize::from(u16::from_be_bytes([*high, *low])) + 13 <= usize::from(wire_length)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACKET: [u8; 12] = [0x80, 0x88, 0, 7, 0, 0, 0, 160, 0xde, 0xad, 0xbe, 0xef];

    fn with_first(first: u8, rest: &[u8]) -> Vec<u8> {
        let mut packet = PACKET.to_vec();
        packet[0] = first;
        packet.extend_from_slice(rest);
        packet
    }

    #[test]
    fn the_fixed_header_is_read_whole() {
        let header = RtpHeader {
            marker: true,
            payload_type: 8,
            sequence: 7,
            timestamp: 160,
            ssrc: 0xdead_beef,
            header_len: 12,
            padding: false,
        };
        assert_eq!(parse(&PACKET, 172), Some(header));
        assert_eq!(parse(&PACKET[..11], 172), None);
    }

    #[test]
    fn sources_and_extension_must_fit_on_the_wire_but_not_in_the_capture() {
        // (first octet, octets after the fixed header, wire length, header length)
        let table: [(u8, &[u8], u16, Option<usize>); 8] = [
            (0x82, &[0; 8], 20, Some(20)),
            (0x82, &[], 20, Some(20)),
            (0x82, &[], 19, None),
            (0x90, &[0xbe, 0xde, 0, 1, 0, 0, 0, 0], 20, Some(20)),
            (0x90, &[0xbe, 0xde, 0, 2, 0, 0, 0, 0], 20, None),
            (0x90, &[0xbe, 0xde], 40, Some(16)),
            (0x9f, &[], 75, None),
            (0xa0, &[0xff], 13, Some(12)),
        ];
        for (first, rest, wire_length, expected) in table {
            let header = parse(&with_first(first, rest), wire_length);
            assert_eq!(
                header.map(|header| header.header_len),
                expected,
                "{first:#x} {rest:?}"
            );
        }
    }

    #[test]
    fn other_versions_and_rtcp_types_are_not_rtp() {
        for first in [0x00, 0x40, 0x7f, 0xc0, 0xff] {
            assert_eq!(parse(&with_first(first, &[]), 12), None);
        }
        for second in 0..=255_u8 {
            let mut packet = PACKET;
            packet[1] = second;
            let rtcp = (192..=223).contains(&second);
            assert_eq!(is_rtcp(&packet), rtcp);
            assert_eq!(parse(&packet, 12).is_none(), rtcp);
        }
    }

    #[test]
    fn the_first_octet_gives_the_protocol_on_a_shared_port() {
        for (first, expected) in [
            (0, FirstOctet::Stun),
            (3, FirstOctet::Stun),
            (4, FirstOctet::Other),
            (15, FirstOctet::Other),
            (16, FirstOctet::Zrtp),
            (19, FirstOctet::Zrtp),
            (20, FirstOctet::Dtls),
            (63, FirstOctet::Dtls),
            (64, FirstOctet::TurnChannel),
            (79, FirstOctet::TurnChannel),
            (80, FirstOctet::Quic),
            (127, FirstOctet::Quic),
            (128, FirstOctet::RtpOrRtcp),
            (191, FirstOctet::RtpOrRtcp),
            (192, FirstOctet::Quic),
            (255, FirstOctet::Quic),
        ] {
            assert_eq!(FirstOctet::of(&[first]), expected, "{first}");
        }
        assert_eq!(FirstOctet::of(&[]), FirstOctet::Other);
    }

    #[test]
    fn dtls_needs_type_version_and_a_length_that_fits() {
        let mut record = [22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 1, 2, 3, 4];
        assert!(is_dtls(&record, 17));
        assert!(is_dtls(&record[..13], 17));
        assert!(!is_dtls(&record, 16));
        assert!(!is_dtls(&record[..12], 17));
        record[1] = 3;
        assert!(!is_dtls(&record, 17));
    }
}
