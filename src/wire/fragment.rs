//! Fragments of UDP datagrams, for reassembly of SIP.
//!
//! Not on the fast path: used only for frames that [`decode`](super::decode) found to be fragments.
//! Fragments inside tunnels are ignored.

use super::ip::Fragmented;
use super::link::{self, LinkPayload};
use super::octets::ByteReader;
use super::{Vlans, ip};
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
    /// The payload of the fragment, complete.
    pub octets: &'a [u8],
}

/// The fragment in a frame; `None` if it is not UDP, or was truncated.
#[cold]
pub fn fragment(frame: Frame<'_>) -> Option<Fragment<'_>> {
    let octets = ByteReader::new(frame.octets, frame.length as usize);
    let layer = LinkPayload::of(frame.link).ok()?;
    let (octets, _) = link::network(layer, octets, Vlans::default()).ok()?;
    let Fragmented {
        src,
        dst,
        protocol,
        identification,
        offset,
        more,
        payload,
    } = ip::fragmented(octets)?;
    let whole = payload.captured().len() == payload.length();
    (protocol == Protocol::Udp && whole).then_some(Fragment {
        time: frame.time,
        src,
        dst,
        identification,
        offset,
        more,
        octets: payload.captured(),
    })
}
