//! Shards of a replay on several workers. Each worker counts the packets of its own address pairs, in
//! capture order, and all cross the same boundaries of seconds at the same positions. So a worker sees
//! exactly the packets of a stream that a single worker would see.

use crate::capture::CaptureGap;
use crate::discard::Discard;
use crate::units::{Address, Endpoint};
use crate::wire::Datagram;

/// The address pairs that one worker counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shard {
    index: usize,
    count: usize,
}

impl Default for Shard {
    /// All address pairs.
    fn default() -> Self {
        Self { index: 0, count: 1 }
    }
}

impl Shard {
    /// The shards of `workers` workers, at least one.
    pub fn split(workers: usize) -> impl Iterator<Item = Self> {
        let count = workers.max(1);
        (0..count).map(move |index| Self { index, count })
    }

    /// Index from 0 of the shard with this address pair, the same for both directions.
    #[inline]
    pub fn index_of([src, dst]: [Endpoint; 2], count: usize) -> usize {
        let ([s1, s0], [d1, d0]) = (src.address.halves(), dst.address.halves());
        // Fibonacci hashing: addresses differ mostly in their low bits.
        let hash = (s1 ^ d1 ^ s0 ^ d0).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        ((hash * count as u64) >> 32) as usize
    }

    /// Whether the address pair belongs to this shard.
    #[inline]
    pub fn owns(self, ends: [Endpoint; 2]) -> bool {
        self.count == 1 || Self::index_of(ends, self.count) == self.index
    }

    /// Whether packets between two addresses belong to this shard.
    pub fn owns_pair(self, [src, dst]: [Address; 2]) -> bool {
        self.owns([src, dst].map(|address| Endpoint { address, port: 0 }))
    }

    /// Whether a decoded frame belongs to this shard; the first shard has all frames without a datagram.
    #[inline]
    pub fn owns_decoded(self, decoded: &Result<Datagram<'_>, Discard>) -> bool {
        match decoded {
            Ok(datagram) => self.owns([datagram.src, datagram.dst]),
            Err(_) => self.index == 0,
        }
    }

    /// A capture gap as this shard records it: every shard its time, only the first its frames.
    pub fn own_gap(self, gap: CaptureGap) -> CaptureGap {
        if self.index == 0 {
            return gap;
        }
        CaptureGap {
            frames: 0,
            at_most: gap.at_most.map(|_| 0),
            ..gap
        }
    }
}
