//! From a frame to the datagram inside: link layer, tags, tunnels, IP, and the transport header.
//!
//! Pure functions over borrowed octets: no state, no clock, no allocation, and no index that can
//! panic. What is not an IP packet with a transport we follow ends as a [`Discard`].

mod fields;
mod fragment;
mod ip;
mod link;
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
use tunnel::Inside;
use udp::Ports;

/// Tunnels inside each other. Mirrored mobile traffic nests four (ERSPAN, VXLAN, GTP-U, 6in4);
/// twice that is a loop or an attack.
const MAX_TUNNELS: usize = 8;

/// Up to two VLAN IDs of a frame, outermost first; `None` where there is no tag. A priority tag
/// (VLAN ID 0) names no VLAN and is none (IEEE 802.1Q §9.6).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Vlans {
    /// The outermost tag.
    pub outer: Option<NonZeroU16>,
    /// The innermost tag, if there are at least two.
    pub inner: Option<NonZeroU16>,
}

impl Vlans {
    /// Both IDs, outermost first; 0 where there is no tag.
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

/// What stays the same however often one packet is captured, and differs between two packets with
/// the same content.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct DedupKey {
    /// IPv4's identification (RFC 6864); 0 where the sender does not use it, and in IPv6.
    pub identification: u16,
    /// The transport's checksum, as sent; 0 where there is none.
    pub checksum: u16,
}

/// The innermost IP packet of a frame, with its transport.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Datagram<'a> {
    /// Capture time of the frame.
    pub time: Timestamp,
    /// Where the frame was captured.
    pub interface: InterfaceId,
    /// Its VLAN tags (of the frame, not of what a tunnel carries).
    pub vlans: Vlans,
    /// Source address and port; the port is 0 where there is none.
    pub src: Endpoint,
    /// Destination address and port.
    pub dst: Endpoint,
    /// IP total length of the innermost packet (IPv6: 40 + payload length), in octets.
    pub ip_bytes: u32,
    /// What tells it from another packet with the same content.
    pub dedup_key: DedupKey,
    /// The transport.
    pub transport: Transport<'a>,
}

/// What the innermost IP packet carries. Payloads may be cut by the capture.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Transport<'a> {
    /// UDP (RFC 768).
    Udp {
        /// Captured payload octets.
        payload: &'a [u8],
        /// Payload octets on the wire by the UDP header, at least `payload.len()`.
        length: u16,
        /// First fragment of a larger packet: `payload` ends early.
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
/// The [`Discard`] reason where there is no such packet.
#[inline]
pub fn decode(frame: Frame<'_>) -> Result<Datagram<'_>, Discard> {
    let mut vlans = Vlans::default();
    if let Some(vid) = frame.vlan {
        vlans.push(vid);
    }
    let octets = ByteReader::new(frame.octets, frame.length as usize);
    match plain(&frame, octets, vlans) {
        Some(datagram) => Ok(datagram),
        None => descend(&frame, octets, vlans),
    }
}

/// The way of nearly every frame: Ethernet, IP, UDP or TCP, with nothing in between that needs a
/// loop; values that a loop carries stay in memory, and that costs more than the decoding. `None`
/// is no verdict: [`descend`] gives the same datagram, or the reason.
#[inline]
fn plain<'a>(frame: &Frame<'a>, octets: ByteReader<'a>, vlans: Vlans) -> Option<Datagram<'a>> {
    if frame.link != LinkType::Ethernet {
        return None;
    }
    let (octets, vlans) = link::plain(octets, vlans)?;
    let packet = ip::header(octets).ok()?;
    let ports = udp::parse(&packet).ok()?;
    if tunnel::is_port(ports.dst) {
        return None;
    }
    Some(Datagram::new(frame, vlans, &packet, &ports))
}

/// The whole way, whatever is in between.
#[inline(never)]
fn descend<'a>(
    frame: &Frame<'a>,
    octets: ByteReader<'a>,
    vlans: Vlans,
) -> Result<Datagram<'a>, Discard> {
    let (octets, vlans) = link::network(LinkPayload::of(frame.link)?, octets, vlans)?;
    let packet = ip::parse(octets)?;
    let (packet, ports) = match open(&packet)? {
        Opened::Transport(ports) => (packet, ports),
        Opened::Tunnel(inside) => innermost(inside, packet.fragment, None)?,
        Opened::UdpTunnel(inside, ports) => {
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

/// What an IP packet carries.
enum Opened<'a> {
    /// UDP or TCP.
    Transport(Ports<'a>),
    /// A tunnel.
    Tunnel(Inside<'a>),
    /// What looks like a tunnel over UDP, and the datagram that it is if it is not.
    UdpTunnel(Inside<'a>, Ports<'a>),
}

#[inline]
fn open<'a>(packet: &IpPacket<'a>) -> Result<Opened<'a>, Discard> {
    if let Some(inside) = tunnel::over_ip(packet)? {
        return Ok(Opened::Tunnel(inside));
    }
    let ports = udp::parse(packet)?;
    Ok(match ports.udp_tunnel() {
        Some(inside) => Opened::UdpTunnel(inside, ports),
        None => Opened::Transport(ports),
    })
}

/// Opens tunnels until there is none. What a UDP port promised and the octets do not keep is the
/// UDP datagram `around` it, so that voice on a tunnel's port is not lost.
fn innermost<'a>(
    mut inside: Inside<'a>,
    mut fragment: bool,
    mut around: Option<(IpPacket<'a>, Ports<'a>)>,
) -> Result<(IpPacket<'a>, Ports<'a>), Discard> {
    for _ in 0..MAX_TUNNELS {
        let (layer, octets) = inside;
        let opened = link::network(layer, octets, Vlans::default())
            .and_then(|(octets, _)| ip::parse(octets))
            .and_then(|packet| Ok((packet, open(&packet)?)));
        let (mut packet, opened) = match (opened, around) {
            (Ok(opened), _) => opened,
            (Err(Discard::Malformed | Discard::Truncated | Discard::NotIp), Some(around)) => {
                return Ok(around);
            }
            (Err(reason), _) => return Err(reason),
        };
        // A fragment of the outer packet cuts what it carries.
        fragment |= packet.fragment;
        packet.fragment = fragment;
        match opened {
            Opened::Transport(ports) => return Ok((packet, ports.cut(fragment))),
            Opened::Tunnel(next) => inside = next,
            Opened::UdpTunnel(next, ports) => {
                inside = next;
                around = Some((packet, ports.cut(fragment)));
            }
        }
    }
    Err(Discard::TooDeep)
}

#[cfg(test)]
mod tests;
