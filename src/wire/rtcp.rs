//! RTCP (RFC 3550 §6) with extended reports (RFC 3611), compound or reduced-size (RFC 5506).
//!
//! [`assess`] tells whether a payload is RTCP, and whether it is encrypted; [`packets`] iterates over a
//! clear one, up to the first truncated packet. Of encrypted SRTCP (RFC 3711 §3.4) only the first header
//! and the SSRC of the sender can be read.

mod blocks;
mod voip_metrics;

pub use blocks::{Block, Blocks, LastReport, LastReports, ReportBlock, ReportBlocks, Sources};
pub use voip_metrics::VoipMetrics;

use blocks::REPORT;

const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
const GOODBYE: u8 = 203;
const EXTENDED_REPORT: u8 = 207;

/// Whether the octets after the first SSRC can be read.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Protection {
    /// RTCP, or SRTCP with authentication only.
    Clear,
    /// Encrypted SRTCP: only the first header and its SSRC may be read.
    Encrypted,
}

/// The common header of every RTCP packet.
///
/// ```text
/// |V=2|P|  count  |  packet type  |   length in words, less one   |
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Header {
    padding: bool,
    count: u8,
    kind: u8,
    /// Octets of the packet, including this header.
    length: usize,
}

impl Header {
    fn parse(octets: &[u8]) -> Option<Self> {
        let [first, kind, high, low] = *octets.first_chunk()?;
        // RFC 5761 §4: packet types lie in 192 to 223.
        (first >> 6 == 2 && kind & 0xe0 == 0xc0).then_some(Self {
            padding: first & 0x20 != 0,
            count: first & 0x1f,
            kind,
            length: (usize::from(u16::from_be_bytes([high, low])) + 1) * 4,
        })
    }

    /// Minimum octets of a packet with this type and count.
    fn min_length(self) -> usize {
        let count = usize::from(self.count);
        match self.kind {
            SENDER_REPORT => 28 + REPORT * count,
            RECEIVER_REPORT => 8 + REPORT * count,
            // 202 = source descriptions: at least an SSRC per chunk.
            GOODBYE | 202 => 4 + 4 * count,
            205 | 206 => 12, // RFC 4585 §6.1
            _ => 8,
        }
    }
}

/// Whether a payload of `wire_length` octets is RTCP (RFC 3550 A.2), and whether it can be read.
///
/// The first packet must have a registered type (200 to 213; any, because of RFC 5506), be long enough
/// for its count, fit on the wire, and be padded only if it is the last. The lengths of clear packets
/// add up to the payload length; otherwise it is SRTCP.
pub fn assess(payload: &[u8], wire_length: u16) -> Option<Protection> {
    let wire_length = usize::from(wire_length);
    let first = Header::parse(payload)?;
    if !matches!(first.kind, 200..=213)
        || first.length < first.min_length()
        || first.length > wire_length
        || (first.padding && first.length < wire_length)
    {
        return None;
    }
    let mut end = first.length;
    while end < wire_length {
        let rest = payload.get(end..).unwrap_or_default();
        match Header::parse(rest) {
            Some(next) if end + next.length <= wire_length => end += next.length,
            // The capture ends between packets: the rest is assumed to be clear.
            None if rest.len() < 4 && payload.len() < wire_length => {
                return Some(Protection::Clear);
            }
            _ => return srtcp(rest, wire_length - end),
        }
    }
    Some(Protection::Clear)
}

/// SRTCP: the E flag before the index (RFC 3711 §3.4) tells whether it is encrypted. Its position depends
/// on the authentication tag: first (80 and 32 bits), or last (RFC 7714 §9.1).
fn srtcp(rest: &[u8], length: usize) -> Option<Protection> {
    let index = match length {
        0..8 => return None, // less than an index and the shortest tag
        8 | 14 => rest.first(),
        20 => rest.get(16),
        _ => None,
    };
    match index {
        Some(octet) if octet & 0x80 == 0 => Some(Protection::Clear),
        _ => Some(Protection::Encrypted),
    }
}

/// Whether a payload that [`assess`] takes for RTCP begins as a compound one (RFC 3550 §6.1): with a
/// sender's or receiver's report. A reduced-size one (RFC 5506) does not.
pub fn is_compound(payload: &[u8]) -> bool {
    let first = Header::parse(payload);
    first.is_some_and(|first| matches!(first.kind, SENDER_REPORT | RECEIVER_REPORT))
}

/// The SSRC of the first packet's sender, readable even in SRTCP.
pub fn sender(payload: &[u8]) -> Option<u32> {
    let [_, _, _, _, ssrc @ ..] = *payload.first_chunk::<8>()?;
    Some(u32::from_be_bytes(ssrc))
}

/// An RTCP packet.
#[derive(Clone, Debug)]
pub enum RtcpPacket<'a> {
    /// SR (RFC 3550 §6.4.1).
    SenderReport {
        /// SSRC of the reporter.
        ssrc: u32,
        /// NTP timestamp: seconds in the upper, fraction in the lower 32 bits.
        ntp: u64,
        /// Packets sent since the beginning.
        packets: u32,
        /// Reception reports of the sender.
        reports: ReportBlocks<'a>,
    },
    /// RR (RFC 3550 §6.4.2).
    ReceiverReport {
        /// SSRC of the reporter.
        ssrc: u32,
        /// Its reception reports.
        reports: ReportBlocks<'a>,
    },
    /// BYE (RFC 3550 §6.6).
    Goodbye(Sources<'a>),
    /// XR (RFC 3611 §2).
    Extended {
        /// SSRC of the reporter.
        ssrc: u32,
        /// The report blocks.
        blocks: Blocks<'a>,
    },
    /// Source descriptions, feedback, application-defined packets.
    Other,
}

/// The packets of a clear RTCP payload.
#[derive(Clone, Debug)]
pub struct Packets<'a>(&'a [u8]);

/// Iterates over the packets of a [`Protection::Clear`] payload. Ends at the first truncated or invalid
/// packet, so a trailer of SRTCP is not read.
pub fn packets(payload: &[u8]) -> Packets<'_> {
    Packets(payload)
}

/// The report blocks of a clear payload, each with the SSRC of its reporter.
pub fn reports(payload: &[u8]) -> impl Iterator<Item = (u32, ReportBlock)> + '_ {
    let reports = packets(payload).filter_map(|packet| match packet {
        RtcpPacket::SenderReport { ssrc, reports, .. }
        | RtcpPacket::ReceiverReport { ssrc, reports } => Some((ssrc, reports)),
        RtcpPacket::Goodbye(_) | RtcpPacket::Extended { .. } | RtcpPacket::Other => None,
    });
    reports.flat_map(|(ssrc, blocks)| blocks.map(move |block| (ssrc, block)))
}

/// Packets that senders say that they have sent, of a clear payload, each with its SSRC.
pub fn sent(payload: &[u8]) -> impl Iterator<Item = (u32, u32)> + '_ {
    packets(payload).filter_map(|packet| match packet {
        RtcpPacket::SenderReport { ssrc, packets, .. } => Some((ssrc, packets)),
        RtcpPacket::ReceiverReport { .. }
        | RtcpPacket::Goodbye(_)
        | RtcpPacket::Extended { .. }
        | RtcpPacket::Other => None,
    })
}

/// The VoIP metrics of a clear payload, each with the SSRC of its reporter.
pub fn voip_metrics(payload: &[u8]) -> impl Iterator<Item = (u32, VoipMetrics)> + '_ {
    let extended = packets(payload).filter_map(|packet| match packet {
        RtcpPacket::Extended { ssrc, blocks } => Some((ssrc, blocks)),
        RtcpPacket::SenderReport { .. }
        | RtcpPacket::ReceiverReport { .. }
        | RtcpPacket::Goodbye(_)
        | RtcpPacket::Other => None,
    });
    extended.flat_map(|(ssrc, blocks)| {
        blocks.filter_map(move |block| match block {
            Block::Voip(metrics) => Some((ssrc, metrics)),
            Block::ReceiverReferenceTime(_) | Block::Dlrr(_) | Block::Other => None,
        })
    })
}

impl<'a> Iterator for Packets<'a> {
    type Item = RtcpPacket<'a>;

    fn next(&mut self) -> Option<RtcpPacket<'a>> {
        let header = Header::parse(self.0)?;
        let (packet, rest) = self.0.split_at_checked(header.length)?;
        if header.length < header.min_length() {
            return None;
        }
        self.0 = rest;
        parse(header, packet)
    }
}

fn parse(header: Header, packet: &[u8]) -> Option<RtcpPacket<'_>> {
    let body = packet.get(4..)?;
    Some(match header.kind {
        SENDER_REPORT => {
            let (ssrc, rest) = body.split_first_chunk()?;
            let (ntp, rest) = rest.split_first_chunk()?;
            let (_rtp, rest) = rest.split_first_chunk::<4>()?;
            let (packets, rest) = rest.split_first_chunk()?;
            let (_octets, rest) = rest.split_first_chunk::<4>()?;
            RtcpPacket::SenderReport {
                ssrc: u32::from_be_bytes(*ssrc),
                ntp: u64::from_be_bytes(*ntp),
                packets: u32::from_be_bytes(*packets),
                reports: ReportBlocks::new(rest, header.count),
            }
        }
        RECEIVER_REPORT => {
            let (ssrc, rest) = body.split_first_chunk()?;
            RtcpPacket::ReceiverReport {
                ssrc: u32::from_be_bytes(*ssrc),
                reports: ReportBlocks::new(rest, header.count),
            }
        }
        GOODBYE => RtcpPacket::Goodbye(Sources::new(body, header.count)),
        EXTENDED_REPORT => {
            let (ssrc, rest) = body.split_first_chunk()?;
            RtcpPacket::Extended {
                ssrc: u32::from_be_bytes(*ssrc),
                blocks: Blocks::new(rest),
            }
        }
        _ => RtcpPacket::Other,
    })
}

#[cfg(test)]
mod tests;
