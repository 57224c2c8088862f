//! Fragments of UDP datagrams: what they belong to, and for reassembly of SIP.
//!
//! Not on the fast path: used only for frames that [`decode`](super::decode) found to be fragments.

use super::ip::Fragmented;
use super::link::{self, LinkPayload};
use super::octets::ByteReader;
use super::{IpContent, MAX_TUNNELS, Vlans, classify, ip};
use crate::frame::Frame;
use crate::units::{Address, Timestamp};
use pnet::packet::ip::IpNextHeaderProtocols as Protocol;

/// A fragment of a UDP datagram (RFC 791 §3.2, RFC 8200 §4.5).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fragment<'a> {
    /// Capture time.
    pub time: Timestamp,
    /// Source address.
    pub src: Address,
    /// Destination address.
    pub dst: Address,
    /// Identification that all fragments of a packet share.
    pub identification: u32,
    /// Offset in the IP payload, in octets; the UDP header is at 0.
    pub offset: u16,
    /// Whether further fragments follow.
    pub more: bool,
    /// The captured octets of its payload.
    pub octets: &'a [u8],
    /// Octets of its payload on the wire.
    pub length: usize,
    /// IP total length in octets.
    pub ip_bytes: u32,
}

impl Fragment<'_> {
    /// Whether all of its payload was captured.
    pub fn is_whole(&self) -> bool {
        self.octets.len() == self.length
    }
}

/// The fragment in a frame, in tunnels too: that of the innermost packet which is one. `None` if none is,
/// or if it is not UDP. Where the packet of a tunnel is in fragments, its first one has the whole inner
/// header; so the inner packet is no fragment.
#[cold]
pub fn fragment(frame: Frame<'_>) -> Option<Fragment<'_>> {
    let octets = ByteReader::new(frame.octets, frame.length as usize);
    let layer = LinkPayload::of(frame.link).ok()?;
    let (mut octets, _) = link::network(layer, octets, Vlans::default()).ok()?;
    for _ in 0..=MAX_TUNNELS {
        let found = ip::fragmented(octets).filter(|found| found.more || found.offset > 0);
        let inside = match ip::parse(octets).and_then(|packet| classify(&packet)) {
            Ok(IpContent::Tunnel(inside) | IpContent::UdpTunnel(inside, _)) => inside,
            Ok(IpContent::Transport(_)) | Err(_) => return udp_fragment(&frame, found?),
        };
        match link::network(inside.0, inside.1, Vlans::default()) {
            Ok((inner, _)) => octets = inner,
            Err(_) => return udp_fragment(&frame, found?),
        }
    }
    None
}

fn udp_fragment<'a>(frame: &Frame<'a>, found: Fragmented<'a>) -> Option<Fragment<'a>> {
    (found.protocol == Protocol::Udp).then_some(Fragment {
        time: frame.time,
        src: found.src,
        dst: found.dst,
        identification: found.identification,
        offset: found.offset,
        more: found.more,
        octets: found.payload.captured(),
        length: found.payload.length(),
        ip_bytes: found.bytes,
    })
}
