//! Frames: captured octets of a link, with time, interface and link type.
//!
//! Plain values that borrow from the buffer of the source.

use crate::units::Timestamp;
use std::num::NonZeroU16;

/// The link type of a frame: its first header.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum LinkType {
    /// IEEE 802.3 (LINKTYPE_ETHERNET, 1).
    Ethernet,
    /// Linux cooked capture v1 (LINKTYPE_LINUX_SLL, 113).
    Cooked,
    /// Linux cooked capture v2 (LINKTYPE_LINUX_SLL2, 276).
    Cooked2,
    /// Raw IPv4 or IPv6 (LINKTYPE_RAW 101, also 12, 14, 228, 229).
    RawIp,
    /// BSD loopback, address family in either byte order (LINKTYPE_NULL 0, LINKTYPE_LOOP 108).
    Loopback,
    /// A link type that is not decoded, by its number in the pcap registry.
    Other(u32),
}

impl LinkType {
    /// From a number of the pcap registry (`LINKTYPE_*`, <https://www.tcpdump.org/linktypes.html>).
    pub const fn from_registry(number: u32) -> Self {
        match number {
            0 | 108 => Self::Loopback,
            1 => Self::Ethernet,
            // 12 and 14 are DLT_RAW as BSDs and OpenBSD wrote it into files.
            12 | 14 | 101 | 228 | 229 => Self::RawIp,
            113 => Self::Cooked,
            276 => Self::Cooked2,
            other => Self::Other(other),
        }
    }
}

/// An interface of a source; `Event::Interface` of `capture` gives its name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct InterfaceId(pub u16);

/// What the capture knows of the packets in a frame. With receive offload (UDP GRO), or captured before
/// segmentation (UDP_SEGMENT), one frame is several packets: one IP and one UDP header, then their
/// payloads, all of one length but the last, which may be shorter.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Offload {
    /// Nothing: a capture file, or a capture without the kernel's word.
    #[default]
    Unknown,
    /// One packet.
    Single,
    /// Several, each with so many octets of UDP payload.
    Segments(NonZeroU16),
}

/// Octets from a link with capture time and link type. Borrowed from the source's buffer until
/// the next event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Frame<'a> {
    /// Capture time.
    pub time: Timestamp,
    /// Link type of `octets`.
    pub link: LinkType,
    /// Captured octets; the capture may have truncated the frame.
    pub octets: &'a [u8],
    /// Octets on the wire, at least `octets.len()`.
    pub length: u32,
    /// Interface of the capture.
    pub interface: InterfaceId,
    /// A VLAN tag that the kernel removed from the frame, VLAN ID only (0 to 4095).
    pub vlan: Option<u16>,
    /// Whether it holds several packets.
    pub offload: Offload,
}
