//! The frames in a block, as the kernel laid them out (linux/if_packet.h `tpacket_block_desc`,
//! `tpacket3_hdr`). All of it in the machine's own byte order.
#![forbid(unsafe_code)]

use crate::frame::{Frame, InterfaceId, LinkType};
use crate::units::{NANOS_PER_SECOND, Timestamp};

/// `vlan_tci`: the VLAN ID without priority and drop eligibility.
const VLAN_ID: u32 = 0xfff;

/// A frame by its place in its block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct BlockFrame {
    time: Timestamp,
    place: usize,
    captured: usize,
    length: u32,
    vlan: Option<u16>,
}

impl BlockFrame {
    pub(super) fn frame(self, block: &[u8], link: LinkType, interface: InterfaceId) -> Frame<'_> {
        let octets = block.get(self.place..).unwrap_or_default();
        let octets = octets.get(..self.captured).unwrap_or(octets);
        Frame {
            time: self.time,
            link,
            octets,
            length: self.length,
            interface,
            vlan: self.vlan,
        }
    }
}

/// A walk through the frames of one block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Walk {
    left: u32,
    place: usize,
}

impl Walk {
    /// From the first frame of a block: `num_pkts` and `offset_to_first_pkt`.
    pub(super) fn new(block: &[u8]) -> Self {
        match block.as_chunks().0 {
            &[_version, _private, _status, frames, first, ..] => Self {
                left: u32::from_ne_bytes(frames),
                place: u32::from_ne_bytes(first) as usize,
            },
            _ => Self { left: 0, place: 0 },
        }
    }

    /// The next frame; `None` after the last.
    #[inline]
    pub(super) fn next(&mut self, block: &[u8]) -> Option<BlockFrame> {
        self.left = self.left.checked_sub(1)?;
        let header = block.get(self.place..)?;
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
        let tagged = status & libc::TP_STATUS_VLAN_VALID != 0;
        let found = BlockFrame {
            time: Timestamp::from_nanos(u64::from(seconds) * NANOS_PER_SECOND + u64::from(nanos)),
            place: self.place + usize::from(u16::from_ne_bytes([m0, m1])),
            captured: captured as usize,
            length: length.max(captured),
            vlan: tagged.then_some((vlan & VLAN_ID) as u16),
        };
        self.place += next as usize;
        Some(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A block with frames of (seconds, octets, length on the wire, vlan_tci and whether valid).
    fn block(frames: &[(u32, &[u8], u32, Option<u32>)]) -> Vec<u8> {
        let words = |words: &[u32]| -> Vec<u8> {
            words.iter().flat_map(|word| word.to_ne_bytes()).collect()
        };
        let count = u32::try_from(frames.len()).unwrap();
        let mut block = words(&[3, 48, 1, count, 48]);
        block.resize(48, 0);
        for &(seconds, octets, length, vlan) in frames {
            let captured = u32::try_from(octets.len()).unwrap();
            let next = (80 + captured).next_multiple_of(16);
            let status = 1 | vlan.map_or(0, |_| libc::TP_STATUS_VLAN_VALID);
            let mut frame = words(&[next, seconds, 5, captured, length, status]);
            frame.extend(80_u16.to_ne_bytes());
            frame.extend(94_u16.to_ne_bytes());
            frame.extend(words(&[0, vlan.unwrap_or(0)]));
            frame.resize(80, 0);
            frame.extend(octets);
            frame.resize(next as usize, 0);
            block.extend(frame);
        }
        block
    }

    fn frames(block: &[u8]) -> Vec<Frame<'_>> {
        let mut walk = Walk::new(block);
        std::iter::from_fn(|| walk.next(block))
            .map(|found| found.frame(block, LinkType::Ethernet, InterfaceId(4)))
            .collect()
    }

    #[test]
    fn a_block_gives_its_frames_with_their_tags() {
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
    fn a_block_cut_anywhere_does_not_panic() {
        let block = block(&[(1, b"plain", 5, None), (2, b"tagged", 9, Some(1))]);
        for cut in 0..block.len() {
            assert!(frames(&block[..cut]).len() <= 2);
        }
        assert!(frames(&block[..47]).is_empty());
    }
}
