//! The way of nearly every frame that is voice, at fixed places: Ethernet with one tag or none, IP
//! without options or extensions, UDP, RTP.
//!
//! [`glance`] and [`Plain::rtp`] give just what [`decode`](super::decode) and [`rtp::parse`] give,
//! without the steps between; a test holds the two together. What it does not know is no verdict: `None`,
//! and the long way tells. Pure functions over borrowed octets.

#![expect(
    clippy::inline_always,
    reason = "a result handed from one function to the next through memory costs more than it is worth"
)]

use super::octets::{lower, upper, words};
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
const UDP_HEADER: u16 = 8;
const UDP: u8 = 17;

const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;
const VLAN: u16 = 0x8100;

/// A UDP datagram in the plainest of frames.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Plain<'a> {
    vlans: Vlans,
    /// Who sent it.
    pub src: Endpoint,
    /// To whom.
    pub dst: Endpoint,
    ip_bytes: u32,
    identification: u16,
    /// UDP payload octets on the wire, and those of them that were captured.
    length: u16,
    payload: &'a [u8],
}

impl Plain<'_> {
    /// The RTP packet that it carries, if it looks like one.
    #[inline(always)]
    pub fn rtp(&self) -> Option<Media> {
        Some(Media {
            vlans: self.vlans,
            src: self.src,
            dst: self.dst,
            ip_bytes: self.ip_bytes,
            identification: self.identification,
            length: self.length,
            header: rtp::parse(self.payload, self.length)?,
        })
    }
}

/// UDP in the plainest of frames, if that is what it is, and no tunnel.
#[inline(always)]
pub fn glance<'a>(frame: &Frame<'a>) -> Option<Plain<'a>> {
    if frame.link != LinkType::Ethernet {
        return None;
    }
    let mut vlans = Vlans::default();
    if let Some(vid) = frame.vlan {
        vlans.push(vid);
    }
    let (ethernet, mut packet) = frame.octets.split_first_chunk::<ETHERNET>()?;
    let mut on_wire = (frame.length as usize).max(frame.octets.len()) - ETHERNET;
    let [.., high, low] = *ethernet;
    let mut ethertype = u16::from_be_bytes([high, low]);
    if ethertype == VLAN {
        let ([t1, t0, high, low], inside) = packet.split_first_chunk::<TAG>()?;
        vlans.push(u16::from_be_bytes([*t1, *t0]) & 0x0fff);
        ethertype = u16::from_be_bytes([*high, *low]);
        (packet, on_wire) = (inside, on_wire - TAG);
    }
    let ip = match ethertype {
        IPV4 => v4(packet)?,
        IPV6 => v6(packet)?,
        _ => return None,
    };
    if ip.length as usize > on_wire {
        return None;
    }
    udp(&ip, vlans)
}

/// What IP says, and what it carries.
struct Ip<'a> {
    ends: [Address; 2],
    /// Of the whole packet.
    length: u32,
    header: u16,
    identification: u16,
    datagram: &'a [u8],
}

/// RFC 791 §3.1 without options, and not fragmented: of flags and offset, the two highest bits may
/// be set, the reserved one and "do not".
#[inline(always)]
fn v4(packet: &[u8]) -> Option<Ip<'_>> {
    const HEADER: u16 = 20;
    let (ip, datagram) = packet.split_first_chunk::<{ HEADER as usize }>()?;
    let [begin, piece, hops, _, _] = words(ip)?;
    let [_, _, _, src, dst] = *ip.as_chunks::<4>().0.first_chunk()?;
    let is_whole = lower(piece) << 2 == 0;
    let is_plain = begin >> 24 == 0x45 && hops >> 16 & 0xff == u32::from(UDP) && is_whole;
    if !is_plain {
        return None;
    }
    Some(Ip {
        ends: [Address::v4(src), Address::v4(dst)],
        length: begin & 0xffff,
        header: HEADER,
        identification: upper(piece),
        datagram,
    })
}

/// RFC 8200 §3 without extension headers.
#[inline(always)]
fn v6(packet: &[u8]) -> Option<Ip<'_>> {
    const HEADER: u16 = 40;
    let (ip, datagram) = packet.split_first_chunk::<{ HEADER as usize }>()?;
    let (begin, ends) = ip.split_first_chunk::<8>()?;
    let [version, payload] = words(begin)?;
    let is_plain = version >> 28 == 6 && payload >> 8 & 0xff == u32::from(UDP);
    if !is_plain {
        return None;
    }
    Some(Ip {
        ends: [
            Address::v6(*ends.first_chunk()?),
            Address::v6(*ends.last_chunk()?),
        ],
        length: u32::from(HEADER) + u32::from(upper(payload)),
        header: HEADER,
        identification: 0,
        datagram,
    })
}

/// RFC 768, inside of IP.
#[inline(always)]
fn udp<'a>(ip: &Ip<'a>, vlans: Vlans) -> Option<Plain<'a>> {
    let (udp, payload) = ip.datagram.split_first_chunk::<{ UDP_HEADER as usize }>()?;
    let [ports, length] = words(udp)?;
    let length = upper(length);
    if u32::from(length) + u32::from(ip.header) > ip.length {
        return None;
    }
    let length = length.checked_sub(UDP_HEADER)?;
    let payload = payload.get(..usize::from(length)).unwrap_or(payload);
    let (src_port, dst_port) = (upper(ports), lower(ports));
    if tunnel::is_port(dst_port) {
        return None;
    }
    let [src, dst] = ip.ends;
    Some(Plain {
        vlans,
        src: Endpoint {
            address: src,
            port: src_port,
        },
        dst: Endpoint {
            address: dst,
            port: dst_port,
        },
        ip_bytes: ip.length,
        identification: ip.identification,
        length,
        payload,
    })
}
