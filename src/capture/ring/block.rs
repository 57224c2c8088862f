//! Parses the frames of a block (linux/if_packet.h `tpacket_block_desc`, `tpacket3_hdr`). All fields
//! are in host byte order.
#![forbid(unsafe_code)]

use crate::frame::{Frame, InterfaceId, LinkType, Offload};
use crate::units::{NANOS_PER_SECOND, Timestamp};
use std::num::NonZeroU16;

/// Octets of `virtio_net_hdr`, which stands right before a frame if the socket has `PACKET_VNET_HDR`.
const VNET_HEADER: usize = 10;
/// `VIRTIO_NET_HDR_GSO_UDP_L4` of linux/virtio_net.h: several UDP datagrams.
const GSO_UDP_L4: u8 = 5;
/// `VIRTIO_NET_HDR_GSO_ECN`, a flag beside the type.
const GSO_ECN: u8 = 0x80;

/// Mask of the VLAN ID in `vlan_tci`, without priority and drop eligibility.
const VLAN_ID: u32 = 0xfff;

/// A frame by its offset in the block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct BlockFrame {
    time: Timestamp,
    offset: usize,
    captured: usize,
    length: u32,
    vlan: Option<u16>,
    offload: Offload,
}

impl BlockFrame {
    /// The capture time.
    #[inline]
    pub(super) const fn time(self) -> Timestamp {
        self.time
    }

    pub(super) fn frame(self, block: &[u8], link: LinkType, interface: InterfaceId) -> Frame<'_> {
        let octets = block.get(self.offset..).unwrap_or_default();
        let octets = octets.get(..self.captured).unwrap_or(octets);
        Frame {
            time: self.time,
            link,
            octets,
            length: self.length,
            interface,
            vlan: self.vlan,
            offload: self.offload,
        }
    }

    /// Whether the frame holds several packets, and the filter truncated it.
    pub(super) fn is_merged_and_cut(&self) -> bool {
        matches!(self.offload, Offload::Segments(_)) && self.captured < self.length as usize
    }
}

/// Iterates over the frames of one block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct BlockFrames {
    remaining: u32,
    offset: usize,
    /// Whether a `virtio_net_hdr` stands before each frame.
    vnet: bool,
}

impl BlockFrames {
    /// Starts at the first frame of a block: `num_pkts` and `offset_to_first_pkt`.
    pub(super) fn new(block: &[u8], vnet: bool) -> Self {
        let (remaining, offset) = match block.as_chunks().0 {
            &[_version, _private, _status, frames, first, ..] => (
                u32::from_ne_bytes(frames),
                u32::from_ne_bytes(first) as usize,
            ),
            _ => (0, 0),
        };
        Self {
            remaining,
            offset,
            vnet,
        }
    }

    /// The next frame; `None` after the last.
    #[inline]
    pub(super) fn next(&mut self, block: &[u8]) -> Option<BlockFrame> {
        self.remaining = self.remaining.checked_sub(1)?;
        let header = block.get(self.offset..)?;
        let &[
            next,
            seconds,
            nanos,
            captured,
            length,
            status,
            [m0, m1, _, _],
            _hash,
            vlan,
            ..,
        ] = header.first_chunk::<36>()?.as_chunks().0
        else {
            return None;
        };
        let [next, seconds, nanos, captured, length, status, vlan] =
            [next, seconds, nanos, captured, length, status, vlan].map(u32::from_ne_bytes);
        let mac = self.offset + usize::from(u16::from_ne_bytes([m0, m1]));
        let offload = match (self.vnet, mac.checked_sub(VNET_HEADER)) {
            (true, Some(vnet)) => offload(block.get(vnet..).and_then(<[u8]>::first_chunk)),
            _ => Offload::Unknown,
        };
        let tagged = status & libc::TP_STATUS_VLAN_VALID != 0;
        let found = BlockFrame {
            time: Timestamp::from_nanos(u64::from(seconds) * NANOS_PER_SECOND + u64::from(nanos)),
            offset: mac,
            captured: captured as usize,
            length: length.max(captured),
            vlan: tagged.then_some((vlan & VLAN_ID) as u16),
            offload,
        };
        self.offset += next as usize;
        Some(found)
    }
}

/// What a `virtio_net_hdr` says: type and size of the segments, in host byte order (linux
/// net/packet/af_packet.c `tpacket_rcv`).
#[inline]
fn offload(header: Option<&[u8; VNET_HEADER]>) -> Offload {
    let Some([_flags, kind, _, _, s0, s1, ..]) = header else {
        return Offload::Unknown;
    };
    if kind & !GSO_ECN != GSO_UDP_L4 {
        return Offload::Single;
    }
    let segment = NonZeroU16::new(u16::from_ne_bytes([*s0, *s1]));
    segment.map_or(Offload::Single, Offload::Segments)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A block of frames: (seconds, octets, wire length, `vlan_tci` if valid).
    fn block(frames: &[(u32, &[u8], u32, Option<u32>)]) -> Vec<u8> {
        let words = |words: &[u32]| -> Vec<u8> {
            words.iter().flat_map(|word| word.to_ne_bytes()).collect()
        };
        let count = u32::try_from(frames.len()).unwrap();
        let mut block = words(&[3, 48, 1, count, 48]);
        block.resize(48, 0);
        for &(seconds, octets, length, vlan) in frames {
            let captured = u32::try_from(octets.len()).unwrap();
            let next = (96 + captured).next_multiple_of(16);
            let status = 1 | vlan.map_or(0, |_| libc::TP_STATUS_VLAN_VALID);
            let mut frame = words(&[next, seconds, 5, captured, length, status]);
            frame.extend(96_u16.to_ne_bytes());
            frame.extend(110_u16.to_ne_bytes());
            frame.extend(words(&[0, vlan.unwrap_or(0)]));
            frame.resize(86, 0);
            // A virtio_net_hdr of two segments of UDP: no flags, type 5, lengths 0 and 172.
            frame.extend([0, 5, 0, 0]);
            frame.extend(172_u16.to_ne_bytes());
            frame.resize(96, 0);
            frame.extend(octets);
            frame.resize(next as usize, 0);
            block.extend(frame);
        }
        block
    }

    fn frames(block: &[u8]) -> Vec<Frame<'_>> {
        frames_with(block, false)
    }

    fn frames_with(block: &[u8], vnet: bool) -> Vec<Frame<'_>> {
        let mut frames = BlockFrames::new(block, vnet);
        std::iter::from_fn(|| frames.next(block))
            .map(|found| found.frame(block, LinkType::Ethernet, InterfaceId(4)))
            .collect()
    }

    #[test]
    fn a_block_yields_its_frames_with_their_tags() {
        let block = block(&[
            (1, b"plain", 5, None),
            (2, b"tagged", 1500, Some(0xe000 + 77)),
        ]);
        let seen = frames(&block);
        let plain = Frame {
            time: Timestamp::from_nanos(1_000_000_005),
            link: LinkType::Ethernet,
            octets: b"plain",
            length: 5,
            interface: InterfaceId(4),
            vlan: None,
            offload: Offload::Unknown,
        };
        let tagged = Frame {
            time: Timestamp::from_nanos(2_000_000_005),
            octets: b"tagged",
            length: 1500,
            vlan: Some(77),
            ..plain
        };
        assert_eq!(seen, [plain, tagged]);
    }

    #[test]
    fn the_kernel_says_whether_a_frame_holds_several_packets() {
        let mut block = block(&[(1, b"several", 7, None), (2, b"one", 3, None)]);
        let kinds = |block: &[u8]| -> Vec<Offload> {
            let seen = frames_with(block, true);
            seen.into_iter().map(|frame| frame.offload).collect()
        };
        let several = Offload::Segments(NonZeroU16::new(172).unwrap());
        assert_eq!(kinds(&block), [several, several]);
        // TCP, and none at all: one frame each.
        let second = 48 + 112 + 87;
        for kind in [1, 0] {
            block[second] = kind;
            assert_eq!(kinds(&block), [several, Offload::Single]);
        }
    }

    #[test]
    fn a_block_cut_anywhere_does_not_panic() {
        let block = block(&[(1, b"plain", 5, None), (2, b"tagged", 9, Some(1))]);
        for cut in 0..block.len() {
            assert!(frames(&block[..cut]).len() <= 2);
        }
        assert!(frames(&block[..47]).is_empty());
    }
}
