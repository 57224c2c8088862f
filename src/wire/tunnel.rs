//! Tunnel headers between an outer IP packet and the inner frame or packet.
//!
//! Each function removes one tunnel header and returns the payload with its type; [`super::decode`] has
//! the loop. A tunnel over UDP is recognised by its destination port and by a strictly checked header.
//! Any other datagram to such a port remains a UDP datagram.

use super::ip::IpPacket;
use super::link::LinkPayload;
use super::numbers::ethertype::{self, ERSPAN_2, ERSPAN_3};
use super::numbers::port::{GENEVE, GTP_U, VXLAN, VXLAN_GPE, VXLAN_LINUX};
use super::octets::ByteReader;
use crate::discard::Discard;
use pnet::packet::gre::GrePacket;
use pnet::packet::ip::IpNextHeaderProtocols as Protocol;

/// The payload of a tunnel, with the type of its first header.
pub(super) type TunnelPayload<'a> = (LinkPayload, ByteReader<'a>);

/// Most GTP-U extension headers in a packet; networks send one.
const MAX_GTP_EXTENSIONS: usize = 8;

/// The payload of a tunnel directly over IP; `None` if the protocol is not a tunnel.
#[inline]
pub(super) fn over_ip<'a>(packet: &IpPacket<'a>) -> Result<Option<TunnelPayload<'a>>, Discard> {
    match packet.protocol {
        Protocol::Ipv4 | Protocol::Ipv6 => Ok(Some((LinkPayload::Ip, packet.payload))),
        Protocol::Gre => gre(packet.payload).map(Some),
        _ => Ok(None),
    }
}

/// Whether a UDP destination port belongs to a tunnel. One table access, because a chain of comparisons
/// causes branch mispredictions.
#[inline]
pub(super) fn is_port(port: u16) -> bool {
    PORTS.get(slot(port)) == Some(&port)
}

/// The ports of tunnels, each in its slot. Empty slots hold a port that belongs to another slot.
#[expect(clippy::indexing_slicing, reason = "evaluated at compile time")]
const PORTS: [u16; 8] = {
    let mut ports = [VXLAN; 8];
    ports[slot(VXLAN_LINUX)] = VXLAN_LINUX;
    ports[slot(VXLAN_GPE)] = VXLAN_GPE;
    ports[slot(GTP_U)] = GTP_U;
    ports[slot(GENEVE)] = GENEVE;
    ports
};

/// A perfect hash of the tunnel ports.
const fn slot(port: u16) -> usize {
    ((port ^ port >> 8) & 7) as usize
}

/// The payload of a tunnel over UDP; `None` if port or header do not match.
#[inline]
pub(super) fn over_udp(port: u16, payload: ByteReader<'_>) -> Option<TunnelPayload<'_>> {
    match port {
        VXLAN | VXLAN_LINUX | VXLAN_GPE => vxlan(payload),
        GTP_U => gtp_u(payload),
        GENEVE => geneve(payload),
        _ => None,
    }
}

/// Generic routing encapsulation: RFC 2784, key and sequence number of RFC 2890, and version 1 of
/// RFC 2637. Source routes (RFC 1701) are refused; pnet's view of them would panic, so only its
/// fixed fields are read.
///
/// ```text
/// |C|R|K|S|s|Recur|A| Flags | Ver |         Protocol Type         |
/// |      Checksum (optional)      |       Reserved (optional)     |
/// |                         Key (optional)                        |
/// |                   Sequence Number (optional)                  |
/// ```
fn gre(octets: ByteReader<'_>) -> Result<TunnelPayload<'_>, Discard> {
    const HEADER: usize = 4;
    let header = GrePacket::new(octets.captured()).ok_or_else(|| octets.missing(HEADER))?;
    let field = |present: u8| usize::from(present) * 4;
    let sequenced = header.get_sequence_present();
    let length = HEADER
        + field(header.get_checksum_present())
        + field(header.get_key_present())
        + field(sequenced);
    match (header.get_version(), header.get_routing_present()) {
        (0, 0) => {}
        (1, 0) => return gre_1(octets),
        _ => return Err(Discard::Malformed),
    }
    let inside = octets.skip(length)?;
    match header.get_protocol_type() {
        // Without a sequence number it is type I, which has no ERSPAN header.
        ERSPAN_2 if sequenced == 0 => Ok((LinkPayload::Ethernet, inside)),
        ERSPAN_2 => Ok((LinkPayload::Ethernet, inside.skip(8)?)),
        ERSPAN_3 => erspan_3(inside),
        // Values below the first EtherType carry no IP (keepalives: 0).
        0..ethertype::FIRST => Err(Discard::NotIp),
        ethertype => Ok((LinkPayload::Type(ethertype), inside)),
    }
}

/// Enhanced GRE of PPTP (RFC 2637 §4.1): the key is payload length and call ID.
fn gre_1(octets: ByteReader<'_>) -> Result<TunnelPayload<'_>, Discard> {
    const SEQUENCE: u8 = 0x10;
    const ACKNOWLEDGMENT: u8 = 0x80;
    let [flags, more, 0x88, 0x0b, high, low, _, _] = *octets.header()? else {
        return Err(Discard::Malformed);
    };
    if flags & SEQUENCE == 0 {
        return Err(Discard::NotIp); // an acknowledgment alone
    }
    let length = if more & ACKNOWLEDGMENT == 0 { 12 } else { 16 };
    let payload = u16::from_be_bytes([high, low]);
    Ok((LinkPayload::Ppp, octets.skip(length)?.limit(payload.into())))
}

/// ERSPAN type III (draft-foschiano-erspan §4.2), with a platform header if the O bit is set.
///
/// ```text
/// |  Ver  |          VLAN         | COS |BSO|T|     Session ID    |
/// |                          Timestamp                            |
/// |             SGT               |P|    FT   |   Hw ID   |D|Gra|O|
/// ```
fn erspan_3(octets: ByteReader<'_>) -> Result<TunnelPayload<'_>, Discard> {
    let [.., kind, platform] = *octets.header::<12>()?;
    let inside = octets.skip(if platform & 1 == 1 { 20 } else { 12 })?;
    match kind >> 2 & 0x1f {
        0 => Ok((LinkPayload::Ethernet, inside)),
        2 => Ok((LinkPayload::Ip, inside)),
        _ => Err(Discard::NotIp),
    }
}

/// VXLAN (RFC 7348 §5), with its group policy and generic protocol extensions. Reserved bits must
/// be zero, which tells it from RTP: that begins with 0x80.
///
/// ```text
/// |G|R|R|R|I|P|R|O|    Reserved / Group Policy    | Next Protocol |
/// |                VXLAN Network Identifier (VNI) |   Reserved    |
/// ```
fn vxlan(payload: ByteReader<'_>) -> Option<TunnelPayload<'_>> {
    let layer = match *payload.header::<8>().ok()? {
        [0x08, 0, 0, 0, _, _, _, 0] => LinkPayload::Ethernet,
        // draft-smith-vxlan-group-policy §2.1: D and A are the only flags of the second octet.
        [0x88, flags, _, _, _, _, _, 0] if flags & !0x48 == 0 => LinkPayload::Ethernet,
        [0x0c, 0, 0, next, _, _, _, _] => match next {
            1 | 2 => LinkPayload::Ip,
            3 => LinkPayload::Ethernet,
            _ => return None,
        },
        _ => return None,
    };
    Some((layer, payload.skip(8).ok()?))
}

/// Geneve (RFC 8926 §3.4); options are skipped.
///
/// ```text
/// |Ver|  Opt Len  |O|C|    Rsvd.  |          Protocol Type        |
/// |        Virtual Network Identifier (VNI)       |    Reserved   |
/// ```
fn geneve(payload: ByteReader<'_>) -> Option<TunnelPayload<'_>> {
    let [first, flags, high, low, _, _, _, reserved] = *payload.header::<8>().ok()?;
    let ethertype = u16::from_be_bytes([high, low]);
    if first >> 6 != 0 || flags & 0x3f != 0 || reserved != 0 || ethertype < ethertype::FIRST {
        return None;
    }
    let options = usize::from(first & 0x3f) * 4;
    Some((
        LinkPayload::Type(ethertype),
        payload.skip(8 + options).ok()?,
    ))
}

/// A user packet of GTP-U (3GPP TS 29.281 §5.1).
///
/// ```text
/// | Ver |1|0|E|S|P| Message Type  |             Length            |
/// |                 Tunnel Endpoint Identifier                    |
/// |    Sequence Number (ESP)      |  N-PDU (ESP)  | Next Ext (ESP)|
/// ```
fn gtp_u(payload: ByteReader<'_>) -> Option<TunnelPayload<'_>> {
    const G_PDU: u8 = 255;
    let [flags, G_PDU, high, low, ..] = *payload.header::<8>().ok()? else {
        return None;
    };
    let length = usize::from(u16::from_be_bytes([high, low]));
    if flags & 0xf8 != 0x30 || length + 8 > payload.length() {
        return None;
    }
    let mut inside = payload.limit(length + 8).skip(8).ok()?;
    if flags & 0x07 != 0 {
        let [.., next] = *inside.header::<4>().ok()?;
        inside = inside.skip(4).ok()?;
        if flags & 0x04 != 0 {
            inside = gtp_extensions(next, inside)?;
        }
    }
    Some((LinkPayload::Ip, inside))
}

/// Extension headers (TS 29.281 §5.2.1): their length counts units of four octets and stands in
/// the first, the type of the next in the last octet.
fn gtp_extensions(mut next: u8, mut inside: ByteReader<'_>) -> Option<ByteReader<'_>> {
    for _ in 0..MAX_GTP_EXTENSIONS {
        if next == 0 {
            return Some(inside);
        }
        let [units] = *inside.header::<1>().ok()?;
        let length = usize::from(units) * 4;
        next = *inside.captured().get(length.checked_sub(1)?)?;
        inside = inside.skip(length).ok()?;
    }
    (next == 0).then_some(inside)
}
