//! The pieces of a fragmented UDP packet, for those who put some of them together.
//!
//! Off the fast path: asked only for frames that [`decode`](super::decode) found to be fragments.
//! Fragments inside tunnels are not looked at.

use super::ip::Fragmented;
use super::link::{self, LinkPayload};
use super::octets::ByteReader;
use super::{Vlans, ip};
use crate::frame::Frame;
use crate::units::{Address, Timestamp};
use pnet::packet::ip::IpNextHeaderProtocols as Protocol;

/// A piece of a UDP packet (RFC 791 §3.2, RFC 8200 §4.5).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fragment<'a> {
    /// When it was captured.
    pub time: Timestamp,
    /// Who sends.
    pub src: Address,
    /// To whom.
    pub dst: Address,
    /// What all pieces of one packet share.
    pub identification: u32,
    /// Where the piece stands in the packet, in octets; UDP's header is at 0.
    pub offset: u16,
    /// Whether there are pieces behind it.
    pub more: bool,
    /// The piece, all of it.
    pub octets: &'a [u8],
}

/// The piece that a frame carries; `None` where it is none of UDP, or was cut.
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
