//! The two transports that carry voice and its signalling: UDP and TCP.
//!
//! pnet's views read the fields; the lengths are checked here. Checksums are not checked: a mirrored
//! packet may have been captured before the sender's network card wrote them.

use super::Transport;
use super::ip::IpPacket;
use super::octets::ByteReader;
use super::tunnel::{self, TunnelPayload};
use crate::discard::Discard;
use pnet::packet::ip::IpNextHeaderProtocols as Protocol;
use pnet::packet::tcp::TcpPacket;
use pnet::packet::udp::UdpPacket;

/// The ports and the transport of a packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Ports<'a> {
    pub(super) src: u16,
    pub(super) dst: u16,
    pub(super) checksum: u16,
    pub(super) transport: Transport<'a>,
}

impl<'a> Ports<'a> {
    /// The payload of a tunnel, if this is one.
    #[inline]
    pub(super) fn udp_tunnel(&self) -> Option<TunnelPayload<'a>> {
        match self.transport {
            Transport::Udp {
                payload, length, ..
            } => tunnel::over_udp(self.dst, ByteReader::new(payload, length.into())),
            Transport::Tcp { .. } => None,
        }
    }

    /// Marks the payload as incomplete, if the outer packet is a fragment.
    pub(super) fn cut(mut self, by_fragment: bool) -> Self {
        if let Transport::Udp { fragment, .. } = &mut self.transport {
            *fragment |= by_fragment;
        }
        self
    }
}

/// Parses the transport header.
#[inline]
pub(super) fn parse<'a>(packet: &IpPacket<'a>) -> Result<Ports<'a>, Discard> {
    match packet.protocol {
        Protocol::Udp => udp(packet),
        Protocol::Tcp => tcp(packet.payload),
        _ => Err(Discard::Transport),
    }
}

/// RFC 768. A length of 0 belongs to jumbograms (RFC 2675 §4), which are not supported.
///
/// ```text
/// |          Source Port          |       Destination Port        |
/// |            Length             |           Checksum            |
/// ```
#[inline]
fn udp<'a>(packet: &IpPacket<'a>) -> Result<Ports<'a>, Discard> {
    const HEADER: u16 = 8;
    let octets = packet.payload;
    let header = UdpPacket::new(octets.captured()).ok_or_else(|| octets.missing(HEADER.into()))?;
    let length = header.get_length();
    if length < HEADER || usize::from(length) > octets.length() {
        return Err(Discard::Malformed);
    }
    let transport = Transport::Udp {
        payload: octets.limit(length.into()).skip(HEADER.into())?.captured(),
        length: length - HEADER,
        fragment: packet.fragment,
    };
    Ok(Ports {
        src: header.get_source(),
        dst: header.get_destination(),
        checksum: header.get_checksum(),
        transport,
    })
}

/// RFC 9293 §3.1. If the capture truncated the options, the payload is empty.
#[inline]
fn tcp(octets: ByteReader<'_>) -> Result<Ports<'_>, Discard> {
    const HEADER: usize = TcpPacket::minimum_packet_size();
    let header = TcpPacket::new(octets.captured()).ok_or_else(|| octets.missing(HEADER))?;
    let offset = usize::from(header.get_data_offset()) * 4;
    if offset < HEADER || offset > octets.length() {
        return Err(Discard::Malformed);
    }
    let transport = Transport::Tcp {
        sequence: header.get_sequence(),
        acknowledgment: header.get_acknowledgement(),
        flags: header.get_flags(),
        payload: octets.captured().get(offset..).unwrap_or_default(),
    };
    Ok(Ports {
        src: header.get_source(),
        dst: header.get_destination(),
        checksum: header.get_checksum(),
        transport,
    })
}
