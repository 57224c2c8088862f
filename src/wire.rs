//! Decodes a frame to its innermost datagram: link layer, tags, tunnels, IP and transport header.
//!
//! Pure functions over borrowed octets: no state, no clock, no allocation, and no index that can panic.
//! A frame without an IP packet of a known transport is a [`Discard`].

mod fields;
mod fragment;
pub mod hep;
mod ip;
mod link;
pub mod merged;
mod multipart;
pub mod numbers;
mod octets;
pub mod plain;
pub mod rtcp;
pub mod rtp;
pub mod sdp;
pub mod sip;
pub mod stun;
mod tunnel;
mod udp;

pub use fragment::{Fragment, fragment};

use crate::discard::Discard;
use crate::frame::{Frame, InterfaceId, LinkType};
use crate::units::{Endpoint, Timestamp};
use ip::IpPacket;
use link::LinkPayload;
use octets::ByteReader;
use std::num::NonZeroU16;
use tunnel::TunnelPayload;
use udp::Ports;

/// Most nested tunnels. Mirrored mobile traffic nests four (ERSPAN, VXLAN, GTP-U, 6in4); twice that is a
/// loop or an attack.
const MAX_TUNNELS: usize = 8;

/// Up to two VLAN IDs of a frame, outermost first; `None` without a tag. A priority tag (VLAN ID 0)
/// names no VLAN and does not count (IEEE 802.1Q §9.6).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Vlans {
    /// The outermost tag.
    pub outer: Option<NonZeroU16>,
    /// The innermost tag, if there are at least two.
    pub inner: Option<NonZeroU16>,
}

impl Vlans {
    /// Both IDs, outermost first; 0 without a tag.
    #[inline]
    pub const fn ids(self) -> [u16; 2] {
        const fn id(tag: Option<NonZeroU16>) -> u16 {
            match tag {
                Some(id) => id.get(),
                None => 0,
            }
        }
        [id(self.outer), id(self.inner)]
    }
}

/// Identifies a packet for deduplication: equal in all copies of one packet, and different in two packets
/// with the same content.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct DedupKey {
    /// Identification of IPv4 (RFC 6864); 0 if the sender does not set it, and in IPv6.
    pub identification: u16,
    /// Checksum of the transport, as sent; 0 without one.
    pub checksum: u16,
}

/// The innermost IP packet of a frame, with its transport.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Datagram<'a> {
    /// Capture time of the frame.
    pub time: Timestamp,
    /// Interface of the frame.
    pub interface: InterfaceId,
    /// VLAN tags of the frame, not of a tunnelled frame.
    pub vlans: Vlans,
    /// Source address and port.
    pub src: Endpoint,
    /// Destination address and port.
    pub dst: Endpoint,
    /// IP total length of the innermost packet (IPv6: 40 + payload length), in octets.
    pub ip_bytes: u32,
    /// Identifies copies of the packet.
    pub dedup_key: DedupKey,
    /// The transport.
    pub transport: Transport<'a>,
}

/// The transport of the innermost IP packet. The capture may truncate its payload.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Transport<'a> {
    /// UDP (RFC 768).
    Udp {
        /// Captured payload octets.
        payload: &'a [u8],
        /// Payload octets on the wire by the UDP header, at least `payload.len()`.
        length: u16,
        /// Whether this is the first fragment of a larger packet: `payload` is incomplete.
        fragment: bool,
    },
    /// TCP (RFC 9293).
    Tcp {
        /// Sequence number of the first payload octet.
        sequence: u32,
        /// The acknowledgment number.
        acknowledgment: u32,
        /// The control bits (FIN 1, SYN 2, RST 4, PSH 8, ACK 16).
        flags: u8,
        /// Captured payload octets.
        payload: &'a [u8],
    },
}

/// Decodes a frame down to its innermost IP packet.
///
/// # Errors
/// The [`Discard`] reason if there is no such packet.
#[inline]
pub fn decode(frame: Frame<'_>) -> Result<Datagram<'_>, Discard> {
    let mut vlans = Vlans::default();
    if let Some(vid) = frame.vlan {
        vlans.push(vid);
    }
    let octets = ByteReader::new(frame.octets, frame.length as usize);
    match decode_common(&frame, octets, vlans) {
        Some(datagram) => Ok(datagram),
        None => decode_any(&frame, octets, vlans),
    }
}

/// Decodes the common case: Ethernet with at most one tag in the frame, IP, UDP or TCP. It has no loop,
/// because values that a loop carries stay in memory, which costs more than the decoding. `None`: use
/// [`decode_any`], which returns the same datagram for such a frame.
#[inline]
fn decode_common<'a>(
    frame: &Frame<'a>,
    octets: ByteReader<'a>,
    vlans: Vlans,
) -> Option<Datagram<'a>> {
    if frame.link != LinkType::Ethernet {
        return None;
    }
    let (octets, vlans) = link::decode_common(octets, vlans)?;
    let packet = ip::header(octets).ok()?;
    let ports = udp::parse(&packet).ok()?;
    if tunnel::is_port(ports.dst) {
        return None;
    }
    Some(Datagram::new(frame, vlans, &packet, &ports))
}

/// Decodes any encapsulation.
#[inline(never)]
fn decode_any<'a>(
    frame: &Frame<'a>,
    octets: ByteReader<'a>,
    vlans: Vlans,
) -> Result<Datagram<'a>, Discard> {
    let (octets, vlans) = link::network(LinkPayload::of(frame.link)?, octets, vlans)?;
    let packet = ip::parse(octets)?;
    let (packet, ports) = match classify(&packet)? {
        IpContent::Transport(ports) => (packet, ports),
        IpContent::Tunnel(inside) => innermost(inside, packet.fragment, None)?,
        IpContent::UdpTunnel(inside, ports) => {
            innermost(inside, packet.fragment, Some((packet, ports)))?
        }
    };
    Ok(Datagram::new(frame, vlans, &packet, &ports))
}

impl<'a> Datagram<'a> {
    /// Whether this is the first of several fragments.
    #[inline]
    pub const fn is_fragment(&self) -> bool {
        matches!(self.transport, Transport::Udp { fragment: true, .. })
    }

    #[inline]
    fn new(frame: &Frame<'a>, vlans: Vlans, packet: &IpPacket<'a>, ports: &Ports<'a>) -> Self {
        Self {
            time: frame.time,
            interface: frame.interface,
            vlans,
            src: Endpoint {
                address: packet.src,
                port: ports.src,
            },
            dst: Endpoint {
                address: packet.dst,
                port: ports.dst,
            },
            ip_bytes: packet.bytes,
            dedup_key: DedupKey {
                identification: packet.identification,
                checksum: ports.checksum,
            },
            transport: ports.transport,
        }
    }
}

/// The content of an IP packet.
enum IpContent<'a> {
    /// UDP or TCP.
    Transport(Ports<'a>),
    /// A tunnel.
    Tunnel(TunnelPayload<'a>),
    /// A UDP datagram that looks like a tunnel; and the datagram, for the case that it is none.
    UdpTunnel(TunnelPayload<'a>, Ports<'a>),
}

#[inline]
fn classify<'a>(packet: &IpPacket<'a>) -> Result<IpContent<'a>, Discard> {
    if let Some(inside) = tunnel::over_ip(packet)? {
        return Ok(IpContent::Tunnel(inside));
    }
    let ports = udp::parse(packet)?;
    Ok(match ports.udp_tunnel() {
        Some(inside) => IpContent::UdpTunnel(inside, ports),
        None => IpContent::Transport(ports),
    })
}

/// Decapsulates tunnels down to the innermost packet. If the payload of a supposed UDP tunnel cannot be
/// decoded, the result is the datagram `outer`, so that voice on the port of a tunnel is not lost.
fn innermost<'a>(
    mut inside: TunnelPayload<'a>,
    mut fragment: bool,
    mut outer: Option<(IpPacket<'a>, Ports<'a>)>,
) -> Result<(IpPacket<'a>, Ports<'a>), Discard> {
    for _ in 0..MAX_TUNNELS {
        let (layer, octets) = inside;
        let opened = link::network(layer, octets, Vlans::default())
            .and_then(|(octets, _)| ip::parse(octets))
            .and_then(|packet| Ok((packet, classify(&packet)?)));
        let (mut packet, opened) = match (opened, outer) {
            (Ok(opened), _) => opened,
            (Err(Discard::Malformed | Discard::Truncated | Discard::NotIp), Some(outer)) => {
                return Ok(outer);
            }
            (Err(reason), _) => return Err(reason),
        };
        // If the outer packet is a fragment, the inner packet is incomplete.
        fragment |= packet.fragment;
        packet.fragment = fragment;
        match opened {
            IpContent::Transport(ports) => return Ok((packet, ports.cut(fragment))),
            IpContent::Tunnel(next) => inside = next,
            IpContent::UdpTunnel(next, ports) => {
                inside = next;
                outer = Some((packet, ports.cut(fragment)));
            }
        }
    }
    Err(Discard::TooDeep)
}

#[cfg(test)]
mod tests;
