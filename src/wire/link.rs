//! Link layer headers, up to the IP header: Ethernet with tags, MPLS, PPPoE, LLC, cooked captures,
//! loopback, raw IP. Tunnel payloads are decoded here too, so that tags and labels are understood inside
//! tunnels.
//!
//! Pure functions over borrowed octets, bounded by [`MAX_LAYERS`] and [`MAX_LABELS`]. Anything but IP is
//! [`Discard::NotIp`].

use super::Vlans;
use super::numbers::ethertype::{
    self, BRIDGING, IPV4, IPV6, MPLS, MPLS_MULTICAST, PPP, PPPOE, SERVICE_VLAN, STACKED_VLAN, VLAN,
};
use super::octets::ByteReader;
use crate::discard::Discard;
use crate::frame::LinkType;
use pnet::packet::ethernet::{EtherType, EthernetPacket};
use pnet::packet::sll::SLLPacket;
use pnet::packet::sll2::SLL2Packet;
use pnet::packet::vlan::VlanPacket;
use std::num::NonZeroU16;

/// Most headers between the start of a frame or tunnel payload and IP. Provider networks stack two or
/// three tags; a pseudowire adds labels, a control word, Ethernet and its own tags: at most 8 in all.
const MAX_LAYERS: usize = 8;

/// Most MPLS labels in a stack. Routers impose up to 10 or so (segment routing, RFC 8660).
const MAX_LABELS: usize = 16;

/// The type of the next header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum LinkPayload {
    /// An Ethernet header.
    Ethernet,
    /// The payload of this EtherType, or an 802.3 length.
    Type(u16),
    /// An IPv4 or IPv6 header, by its version field.
    Ip,
    /// The PPP protocol field.
    Ppp,
    /// The LLC header of IEEE 802.2.
    Llc,
    /// Linux cooked capture, version 1.
    Cooked,
    /// Linux cooked capture, version 2.
    Cooked2,
    /// A four-octet address family.
    Loopback,
}

impl LinkPayload {
    /// The first header of a frame of a link type.
    #[inline]
    pub(super) fn of(link: LinkType) -> Result<Self, Discard> {
        match link {
            LinkType::Ethernet => Ok(Self::Ethernet),
            LinkType::Cooked => Ok(Self::Cooked),
            LinkType::Cooked2 => Ok(Self::Cooked2),
            LinkType::RawIp => Ok(Self::Ip),
            LinkType::Loopback => Ok(Self::Loopback),
            LinkType::Other(_) => Err(Discard::LinkType),
        }
    }
}

impl Vlans {
    /// Adds the next inner tag.
    #[inline]
    pub(super) fn push(&mut self, vid: u16) {
        let vid = NonZeroU16::new(vid);
        match self.outer {
            None => self.outer = vid,
            Some(_) => self.inner = vid.or(self.inner),
        }
    }
}

/// Decodes the common case without a loop: Ethernet with at most one tag. `None`: use [`network`].
#[inline]
pub(super) fn decode_common(
    octets: ByteReader<'_>,
    vlans: Vlans,
) -> Option<(ByteReader<'_>, Vlans)> {
    let mut vlans = vlans;
    let (mut layer, mut octets) = ethernet(octets).ok()?;
    if layer == LinkPayload::Type(VLAN) {
        (layer, octets) = vlan(octets, &mut vlans).ok()?;
    }
    let octets = match layer {
        LinkPayload::Type(IPV4) => version(octets, 4),
        LinkPayload::Type(IPV6) => version(octets, 6),
        _ => return None,
    };
    Some((octets.ok()?, vlans))
}

/// Decodes up to the IP header. Adds the tags before it to `vlans`, except those after an MPLS label:
/// they belong to the frame in the pseudowire.
pub(super) fn network(
    mut layer: LinkPayload,
    mut octets: ByteReader<'_>,
    mut vlans: Vlans,
) -> Result<(ByteReader<'_>, Vlans), Discard> {
    let mut inner_tags = Vlans::default();
    let mut tags = &mut vlans;
    for _ in 0..MAX_LAYERS {
        (layer, octets) = match layer {
            LinkPayload::Ip => return Ok((octets, vlans)),
            LinkPayload::Type(IPV4) => return Ok((version(octets, 4)?, vlans)),
            LinkPayload::Type(IPV6) => return Ok((version(octets, 6)?, vlans)),
            LinkPayload::Type(VLAN | SERVICE_VLAN | STACKED_VLAN) => vlan(octets, tags)?,
            LinkPayload::Type(MPLS | MPLS_MULTICAST) => {
                tags = &mut inner_tags;
                mpls(octets)?
            }
            LinkPayload::Type(PPPOE) => pppoe(octets)?,
            LinkPayload::Type(PPP) | LinkPayload::Ppp => ppp(octets)?,
            LinkPayload::Type(BRIDGING) => (LinkPayload::Ethernet, octets),
            LinkPayload::Type(length) if length < ethertype::FIRST => {
                (LinkPayload::Llc, octets.limit(length.into()))
            }
            LinkPayload::Type(_) => return Err(Discard::NotIp),
            LinkPayload::Ethernet => ethernet(octets)?,
            LinkPayload::Llc => llc(octets)?,
            LinkPayload::Cooked => cooked(octets)?,
            LinkPayload::Cooked2 => cooked2(octets)?,
            LinkPayload::Loopback => loopback(octets)?,
        };
    }
    Err(Discard::TooDeep)
}

#[inline]
fn version(octets: ByteReader<'_>, expected: u8) -> Result<ByteReader<'_>, Discard> {
    match octets.header::<1>()? {
        [first] if first >> 4 == expected => Ok(octets),
        _ => Err(Discard::Malformed),
    }
}

#[inline]
fn ethernet(octets: ByteReader<'_>) -> Result<(LinkPayload, ByteReader<'_>), Discard> {
    const HEADER: usize = EthernetPacket::minimum_packet_size();
    let header = EthernetPacket::new(octets.captured()).ok_or_else(|| octets.missing(HEADER))?;
    Ok((
        LinkPayload::Type(header.get_ethertype().0),
        octets.skip(HEADER)?,
    ))
}

#[inline]
fn vlan<'a>(
    octets: ByteReader<'a>,
    vlans: &mut Vlans,
) -> Result<(LinkPayload, ByteReader<'a>), Discard> {
    const HEADER: usize = VlanPacket::minimum_packet_size();
    let tag = VlanPacket::new(octets.captured()).ok_or_else(|| octets.missing(HEADER))?;
    vlans.push(tag.get_vlan_identifier());
    Ok((
        LinkPayload::Type(tag.get_ethertype().0),
        octets.skip(HEADER)?,
    ))
}

/// A label stack (RFC 3032 §2.1). It has no payload type; the first nibble of the payload gives it
/// (RFC 4928 §3), and the control word of a pseudowire is defined accordingly (RFC 4385 §3).
///
/// ```text
/// |                Label                  | TC  |S|       TTL     |
/// ```
fn mpls(mut octets: ByteReader<'_>) -> Result<(LinkPayload, ByteReader<'_>), Discard> {
    for _ in 0..MAX_LABELS {
        let [_, _, bottom, _] = octets.header()?;
        octets = octets.skip(4)?;
        if bottom & 1 == 1 {
            return match octets.header::<2>()? {
                [0x40..=0x4f | 0x60..=0x6f, _] => Ok((LinkPayload::Ip, octets)),
                // RFC 4448 §4.6: the control word of an Ethernet pseudowire begins with 16 zero bits.
                [0, 0] => Ok((LinkPayload::Ethernet, octets.skip(4)?)),
                // RFC 4385 §5: the associated channel.
                [0x10..=0x1f, _] => Err(Discard::NotIp),
                // An Ethernet pseudowire without a control word.
                _ => Ok((LinkPayload::Ethernet, octets)),
            };
        }
    }
    Err(Discard::TooDeep)
}

/// A session packet of PPP over Ethernet (RFC 2516 §4).
///
/// ```text
/// |  VER  | TYPE  |      CODE     |          SESSION_ID           |
/// |            LENGTH             |           payload             ~
/// ```
fn pppoe(octets: ByteReader<'_>) -> Result<(LinkPayload, ByteReader<'_>), Discard> {
    let [version_type, code, _, _, high, low] = *octets.header()?;
    if version_type != 0x11 || code != 0 {
        return Err(Discard::Malformed);
    }
    let length = u16::from_be_bytes([high, low]);
    Ok((LinkPayload::Ppp, octets.skip(6)?.limit(length.into())))
}

/// The PPP protocol field, two octets or one (RFC 1661 §6.5), after an optional address and
/// control field (RFC 1662 §3.1).
fn ppp(octets: ByteReader<'_>) -> Result<(LinkPayload, ByteReader<'_>), Discard> {
    let octets = match octets.header()? {
        [0xff, 0x03] => octets.skip(2)?,
        _ => octets,
    };
    let (protocol, rest) = match *octets.header()? {
        [short] if short & 1 == 1 => (u16::from(short), octets.skip(1)?),
        _ => (u16::from_be_bytes(*octets.header()?), octets.skip(2)?),
    };
    match protocol {
        0x0021 | 0x0057 => Ok((LinkPayload::Ip, rest)),
        0x0281 => Ok((LinkPayload::Type(MPLS), rest)),
        _ => Err(Discard::NotIp),
    }
}

/// LLC (IEEE 802.2): IP in SNAP (RFC 1042), or under its own service access point.
fn llc(octets: ByteReader<'_>) -> Result<(LinkPayload, ByteReader<'_>), Discard> {
    match octets.header()? {
        [0xaa, 0xaa, 0x03] => match *octets.header()? {
            [_, _, _, 0, 0, 0, high, low] => {
                let ethertype = u16::from_be_bytes([high, low]);
                if ethertype < ethertype::FIRST {
                    return Err(Discard::NotIp);
                }
                Ok((LinkPayload::Type(ethertype), octets.skip(8)?))
            }
            _ => Err(Discard::NotIp),
        },
        [0x06, 0x06, 0x03] => Ok((LinkPayload::Ip, octets.skip(3)?)),
        _ => Err(Discard::NotIp),
    }
}

/// Linux cooked capture, version 1 (LINKTYPE_LINUX_SLL).
fn cooked(octets: ByteReader<'_>) -> Result<(LinkPayload, ByteReader<'_>), Discard> {
    let header = SLLPacket::new(octets.header::<16>()?).ok_or(Discard::Malformed)?;
    Ok((cooked_layer(header.get_protocol())?, octets.skip(16)?))
}

/// Linux cooked capture, version 2 (LINKTYPE_LINUX_SLL2).
fn cooked2(octets: ByteReader<'_>) -> Result<(LinkPayload, ByteReader<'_>), Discard> {
    let header = SLL2Packet::new(octets.header::<20>()?).ok_or(Discard::Malformed)?;
    Ok((cooked_layer(header.get_protocol_type())?, octets.skip(20)?))
}

/// The protocol of a cooked capture: an EtherType, or a number of Linux below the first EtherType.
fn cooked_layer(protocol: EtherType) -> Result<LinkPayload, Discard> {
    const ETH_P_802_2: u16 = 4;
    match protocol.0 {
        ETH_P_802_2 => Ok(LinkPayload::Llc),
        0..ethertype::FIRST => Err(Discard::NotIp),
        ethertype => Ok(LinkPayload::Type(ethertype)),
    }
}

/// The address family of BSD loopback, in the byte order of the capturing machine. IPv6 has a
/// different number on each system (LINKTYPE_NULL): 10 Linux, 24 NetBSD and OpenBSD, 28 FreeBSD,
/// 30 macOS.
fn loopback(octets: ByteReader<'_>) -> Result<(LinkPayload, ByteReader<'_>), Discard> {
    let ([0, 0, 0, family] | [family, 0, 0, 0]) = *octets.header()? else {
        return Err(Discard::NotIp);
    };
    match family {
        2 => Ok((LinkPayload::Type(IPV4), octets.skip(4)?)),
        10 | 24 | 28 | 30 => Ok((LinkPayload::Type(IPV6), octets.skip(4)?)),
        _ => Err(Discard::NotIp),
    }
}
