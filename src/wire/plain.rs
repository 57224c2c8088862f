//! Fast decoder for plain RTP frames, with all headers at fixed offsets: Ethernet with at most one tag in
//! the frame, IP without options or extensions, UDP, RTP. Nearly every voice frame is plain.
//!
//! [`decode_plain`] and [`PlainUdp::rtp`] return the same values as [`decode`](super::decode) and
//! [`rtp::parse`]; a test compares them. For any other frame they return `None`, and the caller uses the
//! general decoder. Pure functions over borrowed octets.
//!
//! Headers are checked first and read later, with separate code per IP version, so that only references
//! to the headers stay in registers.

#![expect(
    clippy::inline_always,
    reason = "results returned through memory cost more than the decoding"
)]

use super::numbers::ethertype::{IPV4, IPV6, VLAN};
use super::numbers::{ETHERNET_HEADER, UDP_HEADER, VLAN_TAG, protocol};
use super::rtp::{self, RtpHeader};
use super::{Vlans, merged, tunnel};
use crate::frame::{Frame, LinkType, Offload};
use crate::units::{Address, Endpoint};

/// An RTP packet with the values of its outer headers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PlainRtp {
    /// VLAN tags of the frame.
    pub vlans: Vlans,
    /// Source address and port.
    pub src: Endpoint,
    /// Destination address and port.
    pub dst: Endpoint,
    /// IP total length in octets.
    pub ip_bytes: u32,
    /// Identification of IPv4; 0 in IPv6.
    pub identification: u16,
    /// UDP payload octets on the wire.
    pub length: u16,
    /// The RTP header.
    pub header: RtpHeader,
}

/// An IP header without options or extensions.
pub trait Ip: Copy {
    /// Octets of the header.
    const LENGTH: u16;
    /// Source and destination.
    fn ends(self) -> [Address; 2];
    /// Total length of the packet in octets.
    fn length(self) -> u32;
    /// Identification of IPv4; 0 in IPv6.
    fn identification(self) -> u16;
}

/// An IPv4 header without options (RFC 791 §3.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct V4<'a>(&'a [u8; 20]);

/// An IPv6 header without extensions (RFC 8200 §3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct V6<'a>(&'a [u8; 40]);

/// A UDP datagram in a plain frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PlainUdp<'a, I> {
    vlans: Vlans,
    ip: I,
    /// The UDP header (RFC 768).
    udp: &'a [u8; UDP_HEADER as usize],
    /// Octets of its payload on the wire, and those of them that were captured.
    length: u16,
    payload: &'a [u8],
}

/// A plain datagram, by IP version.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PlainDatagram<'a> {
    /// UDP over IPv4.
    V4(PlainUdp<'a, V4<'a>>),
    /// UDP over IPv6.
    V6(PlainUdp<'a, V6<'a>>),
}

/// Decodes a plain frame with UDP; `None` for any other frame, and for a tunnel.
#[inline(always)]
pub fn decode_plain<'a>(frame: &Frame<'a>) -> Option<PlainDatagram<'a>> {
    if frame.link != LinkType::Ethernet {
        return None;
    }
    let mut vlans = Vlans::default();
    if let Some(vid) = frame.vlan {
        vlans.push(vid);
    }
    let (ethernet, mut packet) = frame.octets.split_first_chunk::<ETHERNET_HEADER>()?;
    let mut on_wire = (frame.length as usize).max(frame.octets.len()) - ETHERNET_HEADER;
    let [.., high, low] = *ethernet;
    let mut ethertype = u16::from_be_bytes([high, low]);
    if ethertype == VLAN {
        let ([t1, t0, high, low], inside) = packet.split_first_chunk::<VLAN_TAG>()?;
        vlans.push(u16::from_be_bytes([*t1, *t0]) & 0x0fff);
        ethertype = u16::from_be_bytes([*high, *low]);
        (packet, on_wire) = (inside, on_wire - VLAN_TAG);
    }
    match ethertype {
        IPV4 => {
            let (ip, datagram) = packet.split_first_chunk()?;
            PlainUdp::new(V4::check(ip)?, datagram, on_wire, vlans).map(PlainDatagram::V4)
        }
        IPV6 => {
            let (ip, datagram) = packet.split_first_chunk()?;
            PlainUdp::new(V6::check(ip)?, datagram, on_wire, vlans).map(PlainDatagram::V6)
        }
        _ => None,
    }
}

impl<'a> V4<'a> {
    /// Accepts a header without options, with UDP, not fragmented: only the two highest bits of flags and
    /// offset may be set (reserved, and do not fragment).
    #[inline(always)]
    fn check(octets: &'a [u8; 20]) -> Option<Self> {
        let [begin, _, _, _, _, _, f1, f0, _, protocol, ..] = *octets;
        let is_whole = u16::from_be_bytes([f1, f0]) << 2 == 0;
        (begin == 0x45 && protocol == protocol::UDP && is_whole).then_some(Self(octets))
    }
}

impl Ip for V4<'_> {
    const LENGTH: u16 = 20;

    #[inline(always)]
    fn ends(self) -> [Address; 2] {
        let [.., s3, s2, s1, s0, d3, d2, d1, d0] = *self.0;
        [[s3, s2, s1, s0], [d3, d2, d1, d0]].map(Address::v4)
    }

    #[inline(always)]
    fn length(self) -> u32 {
        let [_, _, l1, l0, ..] = *self.0;
        u16::from_be_bytes([l1, l0]).into()
    }

    #[inline(always)]
    fn identification(self) -> u16 {
        let [_, _, _, _, i1, i0, ..] = *self.0;
        u16::from_be_bytes([i1, i0])
    }
}

impl<'a> V6<'a> {
    /// Accepts a header without extension headers, with UDP.
    #[inline(always)]
    fn check(octets: &'a [u8; 40]) -> Option<Self> {
        let [begin, _, _, _, _, _, next, ..] = *octets;
        (begin >> 4 == 6 && next == protocol::UDP).then_some(Self(octets))
    }
}

impl Ip for V6<'_> {
    const LENGTH: u16 = 40;

    #[inline(always)]
    fn ends(self) -> [Address; 2] {
        let [_, _, _, _, _, _, _, _, ends @ ..] = self.0;
        match ends.as_chunks().0 {
            [src, dst] => [Address::v6(*src), Address::v6(*dst)],
            _ => Default::default(),
        }
    }

    #[inline(always)]
    fn length(self) -> u32 {
        let [_, _, _, _, l1, l0, ..] = *self.0;
        u32::from(Self::LENGTH) + u32::from(u16::from_be_bytes([l1, l0]))
    }

    #[inline(always)]
    fn identification(self) -> u16 {
        0
    }
}

impl<'a, I: Ip> PlainUdp<'a, I> {
    /// Checks the lengths of IP and UDP, and that the port is not that of a tunnel.
    #[inline(always)]
    fn new(ip: I, datagram: &'a [u8], on_wire: usize, vlans: Vlans) -> Option<Self> {
        let (udp, payload) = datagram.split_first_chunk::<{ UDP_HEADER as usize }>()?;
        let [_, _, _, _, l1, l0, ..] = *udp;
        let length = u16::from_be_bytes([l1, l0]);
        let total = ip.length();
        if total as usize > on_wire || u32::from(length) + u32::from(I::LENGTH) > total {
            return None;
        }
        let length = length.checked_sub(UDP_HEADER)?;
        let payload = payload.get(..usize::from(length)).unwrap_or(payload);
        let plain = Self {
            vlans,
            ip,
            udp,
            length,
            payload,
        };
        let [_, dst] = plain.ports();
        (!tunnel::is_port(dst)).then_some(plain)
    }

    #[inline(always)]
    fn ports(&self) -> [u16; 2] {
        let [s1, s0, d1, d0, ..] = *self.udp;
        [[s1, s0], [d1, d0]].map(u16::from_be_bytes)
    }

    /// Source and destination.
    #[inline(always)]
    pub fn ends(&self) -> [Endpoint; 2] {
        let ([src, dst], [from, to]) = (self.ip.ends(), self.ports());
        [(src, from), (dst, to)].map(|(address, port)| Endpoint { address, port })
    }

    /// The RTP packet in the datagram, if the header is plausible and no other packet is with it.
    #[inline(always)]
    pub fn rtp(&self, offload: Offload) -> Option<PlainRtp> {
        if !merged::is_single(offload, self.payload, self.length) {
            return None;
        }
        let header = rtp::parse(self.payload, self.length)?;
        let [src, dst] = self.ends();
        Some(PlainRtp {
            vlans: self.vlans,
            src,
            dst,
            ip_bytes: self.ip.length(),
            identification: self.ip.identification(),
            length: self.length,
            header,
        })
    }
}
