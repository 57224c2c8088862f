//! Datagrams that hold several packets: what receive offload (UDP GRO) has merged, and what was captured
//! before segmentation (UDP_SEGMENT).
//!
//! One IP and one UDP header, then payloads of one length; only the last may be shorter (Linux
//! Documentation/networking/segmentation-offloads.rst). Each was, or will be, a packet of its own on the
//! wire, with headers of its own. Where the capture does not say so, the RTP headers do: one SSRC, and
//! numbers that go on by one. Pure functions over borrowed octets.

use super::rtp;
use super::{Datagram, DedupKey, Transport};
use crate::frame::Offload;
use std::ops::Range;

/// Most packets in a frame: `UDP_MAX_SEGMENTS` of linux/udp.h.
const MAX_SEGMENTS: u16 = 128;

/// Octets of a fixed RTP header (RFC 3550 §5.1).
const RTP: usize = 12;
/// Least octets of an RTP packet that carries something.
const SHORTEST: usize = RTP + 1;
/// Octets compared at once.
const LANES: usize = 16;

/// Whether a UDP payload is as long as a G.711 or G.722 packet of 20 ms, plain or with the tag of SRTP (RFC
/// 3711 §5.2): no several packets of these codecs add up to it.
#[inline]
const fn is_usual(length: u16) -> bool {
    matches!(length, 172 | 182)
}

/// Longest packet of these codecs that anybody sends, in octets: 60 ms, and a tag.
const LONGEST_G711: u16 = 480 + 16;
/// Octets of 5 ms of these codecs, and of the tags of SRTP behind a packet of them (RFC 3711, RFC 7714).
const G711_UNIT: u16 = 40;
const TAGS: [u16; 5] = [0, 4, 10, 14, 16];

/// Whether the payload type is G.711 or G.722 (RFC 3551 §6): one octet a sample of 8 kHz.
#[inline]
const fn is_g711(payload_type: u8) -> bool {
    matches!(payload_type, 0 | 8 | 9)
}

/// Whether a UDP payload is surely one packet, if it is RTP. Most are told by their type and length; the
/// others are searched for a second header.
#[inline(always)]
#[expect(clippy::inline_always, reason = "a call per frame costs too much")]
pub(super) fn is_single(offload: Offload, payload: &[u8], length: u16) -> bool {
    match offload {
        Offload::Single => true,
        Offload::Segments(_) => false,
        Offload::Unknown => {
            let [_, second, ..] = payload else {
                return true;
            };
            (is_usual(length) && is_g711(second & 0x7f)) || has_no_second(payload, length)
        }
    }
}

/// Whether no second packet is found, or has to be behind what was captured.
#[inline(never)]
fn has_no_second(payload: &[u8], length: u16) -> bool {
    rtp_segment(payload, length).is_none() && !is_cut(payload, length)
}

/// Length of the RTP packets in a UDP payload of `length` octets on the wire; `None` if it is not several
/// of one length.
fn rtp_segment(payload: &[u8], length: u16) -> Option<u16> {
    let header = payload.first_chunk::<RTP>()?;
    let [.., x, y] = *header;
    if header.first()? >> 6 != 2 || rtp::is_rtcp(payload) {
        return None;
    }
    // The last two octets of an SSRC, wherever a second header may end.
    let before = payload.get(SHORTEST + RTP - 2..)?;
    let after = payload.get(SHORTEST + RTP - 1..)?;
    let before = before.get(..after.len())?;
    let ((blocks, rest), (others, _)) = (before.as_chunks::<LANES>(), after.as_chunks::<LANES>());
    let chain = |from: usize, among: Range<usize>| {
        let mut lengths = among.map(|at| SHORTEST + from + at);
        lengths.find(|at| is_chain(header, payload, length, *at))
    };
    for (number, (block, other)) in blocks.iter().zip(others).enumerate() {
        let pairs = block.iter().zip(other);
        let found = pairs.map(|(a, b)| u8::from(*a == x) & u8::from(*b == y));
        if found.fold(0, |any, one| any | one) != 0
            && let Some(found) = chain(number * LANES, 0..LANES)
        {
            return u16::try_from(found).ok();
        }
    }
    let found = chain(blocks.len() * LANES, 0..rest.len())?;
    u16::try_from(found).ok()
}

/// Whether a packet of the same stream begins at each multiple of `segment`, with the next number. What
/// was not captured cannot contradict.
fn is_chain(header: &[u8; RTP], payload: &[u8], length: u16, segment: usize) -> bool {
    let length = usize::from(length);
    let [_, _, high, low, ..] = *header;
    let mut number = u16::from_be_bytes([high, low]);
    let mut at = segment;
    let count = length.div_ceil(segment.max(1));
    if count > usize::from(MAX_SEGMENTS) || length < segment + RTP {
        return false;
    }
    while at < length {
        number = number.wrapping_add(1);
        let Some(next) = payload.get(at..).and_then(<[u8]>::first_chunk::<RTP>) else {
            // Behind the second, only a cut capture may hide a header.
            return at > segment && payload.len() < length && length - at >= RTP;
        };
        let same = next.first().map(|first| first >> 6) == Some(2)
            && next.get(2..4) == Some(&number.to_be_bytes())
            && next.get(8..) == header.get(8..);
        if !same {
            return false;
        }
        at += segment;
    }
    true
}

/// Whether a datagram whose end was not captured has to hold several packets: more octets than one packet
/// of the codec, or no number of whole milliseconds of it. Only of codecs of one octet a sample; a merged
/// datagram of another codec that was cut before its second header cannot be told.
fn is_cut(payload: &[u8], length: u16) -> bool {
    if payload.len() >= usize::from(length) {
        return false;
    }
    let Some(header) = rtp::parse(payload, length).filter(|it| is_g711(it.payload_type)) else {
        return false;
    };
    let header_len = u16::try_from(header.header_len).unwrap_or(u16::MAX);
    let octets = length.saturating_sub(header_len);
    octets > LONGEST_G711 || (octets > 4 * G711_UNIT && !TAGS.contains(&(octets % G711_UNIT)))
}

/// What a datagram is that is not one packet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Split<'a> {
    /// Several packets.
    Packets(MergedDatagram<'a>),
    /// Several packets, which lie behind the end of what was captured: how many is not known.
    Cut,
}

/// Splits a datagram; `None` if it is one packet, as far as can be told.
#[inline]
pub fn split<'a>(datagram: &Datagram<'a>, offload: Offload) -> Option<Split<'a>> {
    let Transport::Udp {
        payload,
        length,
        fragment: false,
    } = datagram.transport
    else {
        return None;
    };
    let segment = match offload {
        Offload::Segments(segment) if length > segment.get() => segment.get(),
        Offload::Single | Offload::Segments(_) => return None,
        Offload::Unknown => {
            let Some(segment) = rtp_segment(payload, length) else {
                return is_cut(payload, length).then_some(Split::Cut);
            };
            segment
        }
    };
    // Without a header to read it is one frame of nothing.
    if payload.len() < usize::from(segment).min(RTP) {
        return None;
    }
    Some(Split::Packets(MergedDatagram {
        whole: *datagram,
        payload,
        length,
        segment,
        next: 0,
    }))
}

/// The packets of a datagram, in their order; those of which no header was captured are left out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MergedDatagram<'a> {
    whole: Datagram<'a>,
    payload: &'a [u8],
    length: u16,
    /// Payload octets of each packet but the last; not 0.
    segment: u16,
    next: u16,
}

impl MergedDatagram<'_> {
    /// Number of packets, of those left out too.
    pub fn packets(&self) -> u16 {
        self.length.div_ceil(self.segment.max(1))
    }
}

impl<'a> Iterator for MergedDatagram<'a> {
    type Item = Datagram<'a>;

    /// The next packet, as it is on the wire: the headers stand before each. IPv4 identifications go on by
    /// one (linux net/ipv4/af_inet.c `inet_gso_segment`); the checksum of the whole is nobody's.
    fn next(&mut self) -> Option<Datagram<'a>> {
        let at = self.next.checked_mul(self.segment)?;
        let length = self.length.checked_sub(at).filter(|left| *left > 0)?;
        let length = length.min(self.segment);
        let captured = self.payload.get(usize::from(at)..)?;
        let captured = captured.get(..usize::from(length)).unwrap_or(captured);
        if captured.len() < usize::from(length).min(RTP) {
            return None;
        }
        let identification = match self.whole.dedup_key.identification {
            0 => 0,
            first => first.wrapping_add(self.next),
        };
        self.next += 1;
        Some(Datagram {
            ip_bytes: self.whole.ip_bytes.saturating_sub(self.length.into()) + u32::from(length),
            dedup_key: DedupKey {
                identification,
                checksum: 0,
            },
            transport: Transport::Udp {
                payload: captured,
                length,
                fragment: false,
            },
            ..self.whole
        })
    }
}

#[cfg(test)]
#[path = "merged_tests.rs"]
mod tests;
