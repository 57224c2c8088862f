//! The way of nearly every frame that is voice, at fixed places: Ethernet with one tag or none, IP
//! without options or extensions, UDP, RTP.
//!
//! [`glance`] gives just what [`decode`](super::decode) and [`rtp::parse`] give together, without
//! the steps between; a test holds the two together. What it does not know is no verdict: `None`,
//! and the long way tells. Pure functions over borrowed octets.

#![expect(
    clippy::inline_always,
    reason = "a result handed from one function to the next through memory costs more than it is worth"
)]

use super::rtp::{self, RtpHeader};
use super::{Vlans, tunnel};
use crate::capture::{Frame, LinkType};
use crate::units::{Address, Endpoint};

/// An RTP packet and what is around it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Media {
    /// The frame's tags.
    pub vlans: Vlans,
    /// Who sent it.
    pub src: Endpoint,
    /// To whom.
    pub dst: Endpoint,
    /// IP total length in octets.
    pub ip_bytes: u32,
    /// What IPv4 calls the packet; 0 in IPv6.
    pub identification: u16,
    /// UDP payload octets on the wire.
    pub length: u16,
    /// Its header.
    pub header: RtpHeader,
}

const ETHERNET: usize = 14;
const TAG: usize = 4;
const UDP_HEADER: usize = 8;
const UDP: u8 = 17;

/// RTP in the plainest of frames, if that is what it is.
#[inline(always)]
pub fn glance(frame: &Frame<'_>) -> Option<Media> {
    if frame.link != LinkType::Ethernet {
        return None;
    }
    let mut vlans = Vlans::default();
    if let Some(vid) = frame.vlan {
        vlans.push(vid);
    }
    let (ethernet, packet) = frame.octets.split_first_chunk::<ETHERNET>()?;
    let on_wire = (frame.length as usize).max(frame.octets.len()) - ETHERNET;
    let [.., high, low] = *ethernet;
    match [high, low] {
        [0x08, 0x00] => v4(packet, on_wire, vlans),
        [0x86, 0xdd] => v6(packet, on_wire, vlans),
        [0x81, 0x00] => {
            let ([t1, t0, high, low], packet) = packet.split_first_chunk::<TAG>()?;
            vlans.push(u16::from_be_bytes([*t1, *t0]) & 0x0fff);
            match [*high, *low] {
                [0x08, 0x00] => v4(packet, on_wire - TAG, vlans),
                [0x86, 0xdd] => v6(packet, on_wire - TAG, vlans),
                _ => None,
            }
        }
        _ => None,
    }
}

/// RFC 791 §3.1 without options, and not fragmented: the reserved bit and "do not" may be set.
#[inline(always)]
fn v4(packet: &[u8], on_wire: usize, vlans: Vlans) -> Option<Media> {
    const HEADER: usize = 20;
    let (ip, datagram) = packet.split_first_chunk::<HEADER>()?;
    let [
        first,
        _,
        l1,
        l0,
        i1,
        i0,
        f1,
        f0,
        _,
        protocol,
        _,
        _,
        s3,
        s2,
        s1,
        s0,
        d3,
        d2,
        d1,
        d0,
    ] = *ip;
    let ip_bytes = usize::from(u16::from_be_bytes([l1, l0]));
    if first != 0x45
        || protocol != UDP
        || u16::from_be_bytes([f1, f0]) & 0x3fff != 0
        || ip_bytes > on_wire
    {
        return None;
    }
    let (src, dst) = (Address::v4([s3, s2, s1, s0]), Address::v4([d3, d2, d1, d0]));
    udp(
        datagram,
        ip_bytes.checked_sub(HEADER)?,
        (ip_bytes, u16::from_be_bytes([i1, i0])),
        vlans,
        [src, dst],
    )
}

/// RFC 8200 §3 without extension headers.
#[inline(always)]
fn v6(packet: &[u8], on_wire: usize, vlans: Vlans) -> Option<Media> {
    const HEADER: usize = 40;
    let (ip, datagram) = packet.split_first_chunk::<HEADER>()?;
    let [first, _, _, _, l1, l0, next, _, ends @ ..] = ip;
    let ip_bytes = HEADER + usize::from(u16::from_be_bytes([*l1, *l0]));
    if first >> 4 != 6 || *next != UDP || ip_bytes > on_wire {
        return None;
    }
    let (src, dst) = (
        Address::v6(*ends.first_chunk()?),
        Address::v6(*ends.last_chunk()?),
    );
    udp(
        datagram,
        ip_bytes - HEADER,
        (ip_bytes, 0),
        vlans,
        [src, dst],
    )
}

/// RFC 768; `room` is what IP has for the datagram.
#[inline(always)]
fn udp(
    datagram: &[u8],
    room: usize,
    (ip_bytes, identification): (usize, u16),
    vlans: Vlans,
    [src, dst]: [Address; 2],
) -> Option<Media> {
    let ([s1, s0, d1, d0, l1, l0, _, _], _) = datagram.split_first_chunk::<UDP_HEADER>()?;
    let length = usize::from(u16::from_be_bytes([*l1, *l0]));
    if length > room {
        return None;
    }
    let payload = datagram.get(UDP_HEADER..length.min(datagram.len()))?;
    let (src_port, dst_port) = (
        u16::from_be_bytes([*s1, *s0]),
        u16::from_be_bytes([*d1, *d0]),
    );
    if tunnel::is_port(dst_port) {
        return None;
    }
    let length = u16::try_from(length - UDP_HEADER).ok()?;
    Some(Media {
        vlans,
        src: Endpoint {
            address: src,
            port: src_port,
        },
        dst: Endpoint {
            address: dst,
            port: dst_port,
        },
        ip_bytes: u32::try_from(ip_bytes).ok()?,
        identification,
        length,
        header: rtp::parse(payload, length)?,
    })
}
