//! Parses the frames of a block (linux/if_packet.h `tpacket_block_desc`, `tpacket3_hdr`). All fields
//! are in host byte order.
#![forbid(unsafe_code)]

use crate::frame::{Frame, InterfaceId, LinkType};
use crate::units::{NANOS_PER_SECOND, Timestamp};

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
}

impl BlockFrame {
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
        }
    }
}

/// Iterates over the frames of one block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct BlockFrames {
    remaining: u32,
    offset: usize,
}

impl BlockFrames {
    /// Starts at the first frame of a block: `num_pkts` and `offset_to_first_pkt`.
    pub(super) fn new(block: &[u8]) -> Self {
        match block.as_chunks().0 {
            &[_version, _private, _status, frames, first, ..] => Self {
                remaining: u32::from_ne_bytes(frames),
                offset: u32::from_ne_bytes(first) as usize,
            },
            _ => Self {
                remaining: 0,
                offset: 0,
            },
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
        let tagged = status & libc::TP_STATUS_VLAN_VALID != 0;
        let found = BlockFrame {
            time: Timestamp::from_nanos(u64::from(seconds) * NANOS_PER_SECOND + u64::from(nanos)),
            offset: self.offset + usize::from(u16::from_ne_bytes([m0, m1])),
            captured: captured as usize,
            length: length.max(captured),
            vlan: tagged.then_some((vlan & VLAN_ID) as u16),
        };
        self.offset += next as usize;
        Some(found)
    }
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
        let mut frames = BlockFrames::new(block);
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
