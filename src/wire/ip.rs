//! IPv4 and IPv6 headers, up to the first octet of the transport.
//!
//! pnet's views read the fields; the lengths are checked here, because the views trust them. A header
//! that claims more octets than were on the wire is [`Discard::Malformed`]: otherwise a sender could
//! inflate the accounted octets.

use super::octets::ByteReader;
use crate::discard::Discard;
use crate::units::Address;
use pnet::packet::ip::{IpNextHeaderProtocol, IpNextHeaderProtocols as Protocol};
use pnet::packet::ipv4::Ipv4Packet;
use pnet::packet::ipv6::Ipv6Packet;

/// Most IPv6 extension headers before the transport. RFC 8200 §4.1 lists seven.
const MAX_EXTENSIONS: usize = 8;

/// Assumed length of a packet of which only the first fragment is known: the maximum (RFC 791 §3.1).
const MAX_PACKET: usize = 65_535;

/// The lowest of the three IPv4 flags.
const MORE_FRAGMENTS: u8 = 1;

/// An IP packet: header values and payload.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct IpPacket<'a> {
    pub(super) src: Address,
    pub(super) dst: Address,
    /// IP total length (IPv6: 40 + payload length).
    pub(super) bytes: u32,
    /// Identification of IPv4; 0 in IPv6.
    pub(super) identification: u16,
    /// Protocol of `payload`.
    pub(super) protocol: IpNextHeaderProtocol,
    /// Whether this is the first fragment: `payload` is incomplete and its wire length unknown.
    pub(super) fragment: bool,
    pub(super) payload: ByteReader<'a>,
}

/// Parses the IP header of either version, with extension headers.
#[inline]
pub(super) fn parse(octets: ByteReader<'_>) -> Result<IpPacket<'_>, Discard> {
    extensions(header(octets)?)
}

/// Parses the IP header without extension headers.
#[inline]
pub(super) fn header(octets: ByteReader<'_>) -> Result<IpPacket<'_>, Discard> {
    match octets.header::<1>()? {
        [0x40..=0x4f] => v4(octets),
        [0x60..=0x6f] => v6(octets),
        _ => Err(Discard::Malformed),
    }
}

/// RFC 791 §3.1.
#[inline]
fn v4(octets: ByteReader<'_>) -> Result<IpPacket<'_>, Discard> {
    let header = Ipv4Packet::new(octets.captured())
        .ok_or_else(|| octets.missing(Ipv4Packet::minimum_packet_size()))?;
    let header_length = usize::from(header.get_header_length()) * 4;
    let total_length = match usize::from(header.get_total_length()) {
        // Captured before segmentation offload (TSO): the network card writes the length.
        0 => octets.length(),
        total_length => total_length,
    };
    if header_length < Ipv4Packet::minimum_packet_size()
        || total_length < header_length
        || total_length > octets.length()
    {
        return Err(Discard::Malformed);
    }
    if header.get_fragment_offset() != 0 {
        return Err(Discard::Fragment);
    }
    let fragment = header.get_flags() & MORE_FRAGMENTS != 0;
    let payload = octets.limit(total_length).skip(header_length)?;
    Ok(IpPacket {
        src: Address::v4(header.get_source().octets()),
        dst: Address::v4(header.get_destination().octets()),
        bytes: u32::try_from(total_length).unwrap_or(u32::MAX),
        identification: header.get_identification(),
        protocol: header.get_next_level_protocol(),
        fragment,
        payload: if fragment {
            payload.extend(MAX_PACKET)
        } else {
            payload
        },
    })
}

/// RFC 8200 §3. A payload length of 0 is a jumbogram (RFC 2675) or an empty packet: no voice.
#[inline]
fn v6(octets: ByteReader<'_>) -> Result<IpPacket<'_>, Discard> {
    const HEADER: usize = Ipv6Packet::minimum_packet_size();
    let header = Ipv6Packet::new(octets.captured()).ok_or_else(|| octets.missing(HEADER))?;
    let length = HEADER + usize::from(header.get_payload_length());
    if length == HEADER || length > octets.length() {
        return Err(Discard::Malformed);
    }
    // pnet's getters assemble addresses word by word, which is the slowest part of the decoder.
    let addresses = octets.skip(8)?;
    let (src, dst) = (*addresses.header()?, *addresses.skip(16)?.header()?);
    Ok(IpPacket {
        src: Address::v6(src),
        dst: Address::v6(dst),
        bytes: u32::try_from(length).unwrap_or(u32::MAX),
        identification: 0,
        protocol: header.get_next_header(),
        fragment: false,
        payload: octets.limit(length).skip(HEADER)?,
    })
}

/// Skips extension headers (RFC 8200 §4) and an authentication header (RFC 4302 §2).
///
/// ```text
/// |  Next Header  |  Hdr Ext Len  |                               |
/// |  Next Header  |   Reserved    |      Fragment Offset    |Res|M|
/// ```
fn extensions(mut packet: IpPacket<'_>) -> Result<IpPacket<'_>, Discard> {
    for _ in 0..=MAX_EXTENSIONS {
        let fragment = packet.protocol == Protocol::Ipv6Frag;
        let unit = match packet.protocol {
            Protocol::Hopopt | Protocol::Ipv6Route | Protocol::Ipv6Opts => 8,
            Protocol::Ah => 4,
            Protocol::Ipv6Frag => 0,
            _ => return Ok(packet),
        };
        let [next, length, offset @ ..] = *packet.payload.header::<4>()?;
        let length = match packet.protocol {
            Protocol::Ah => (usize::from(length) + 2) * unit,
            _ => usize::from(length) * unit + 8,
        };
        packet.payload = packet.payload.skip(length)?;
        packet.protocol = IpNextHeaderProtocol(next);
        if fragment {
            let offset = u16::from_be_bytes(offset);
            if offset >> 3 != 0 {
                return Err(Discard::Fragment);
            }
            // RFC 6946: an atomic fragment is a whole packet.
            if offset & 1 == 1 {
                packet.fragment = true;
                packet.payload = packet.payload.extend(MAX_PACKET);
            }
        }
    }
    Err(Discard::TooDeep)
}

/// A fragment of any offset: header values and payload.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Fragmented<'a> {
    pub(super) src: Address,
    pub(super) dst: Address,
    pub(super) protocol: IpNextHeaderProtocol,
    pub(super) identification: u32,
    /// In octets.
    pub(super) offset: u16,
    pub(super) more: bool,
    /// IP total length.
    pub(super) bytes: u32,
    pub(super) payload: ByteReader<'a>,
}

/// Parses the headers of a fragment; `None` if the packet is not a fragment.
pub(super) fn fragmented(octets: ByteReader<'_>) -> Option<Fragmented<'_>> {
    match octets.header::<1>().ok()? {
        [0x40..=0x4f] => v4_fragmented(octets),
        [0x60..=0x6f] => v6_fragmented(octets),
        _ => None,
    }
}

fn v4_fragmented(octets: ByteReader<'_>) -> Option<Fragmented<'_>> {
    let header = Ipv4Packet::new(octets.captured())?;
    let header_length = usize::from(header.get_header_length()) * 4;
    let total_length = usize::from(header.get_total_length());
    let more = header.get_flags() & MORE_FRAGMENTS != 0;
    let offset = header.get_fragment_offset().checked_mul(8)?;
    if header_length < Ipv4Packet::minimum_packet_size()
        || !(header_length..=octets.length()).contains(&total_length)
        || (offset == 0 && !more)
    {
        return None;
    }
    Some(Fragmented {
        src: Address::v4(header.get_source().octets()),
        dst: Address::v4(header.get_destination().octets()),
        protocol: header.get_next_level_protocol(),
        identification: header.get_identification().into(),
        offset,
        more,
        bytes: u32::try_from(total_length).unwrap_or(u32::MAX),
        payload: octets.limit(total_length).skip(header_length).ok()?,
    })
}

/// Only if the fragment header comes first: the headers before it are for routers (RFC 8200 §4.1), and
/// no host sends SIP with them.
fn v6_fragmented(octets: ByteReader<'_>) -> Option<Fragmented<'_>> {
    let packet = v6(octets).ok()?;
    if packet.protocol != Protocol::Ipv6Frag {
        return None;
    }
    let [next, _, o1, o0, i3, i2, i1, i0] = *packet.payload.header::<8>().ok()?;
    let offset = u16::from_be_bytes([o1, o0]);
    Some(Fragmented {
        src: packet.src,
        dst: packet.dst,
        protocol: IpNextHeaderProtocol(next),
        identification: u32::from_be_bytes([i3, i2, i1, i0]),
        offset: offset & !7,
        more: offset & 1 == 1,
        bytes: packet.bytes,
        payload: packet.payload.skip(8).ok()?,
    })
}
