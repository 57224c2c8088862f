//! Whose a packet is where several workers replay one capture: each crosses the same boundaries between
//! seconds at the same places of it, and counts what is between its own pairs of addresses, in their
//! order. What each sees of one stream is then what a single worker would have seen.

use crate::capture::CaptureGap;
use crate::discard::Discard;
use crate::units::Endpoint;
use crate::wire::Datagram;

/// What one worker of several counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shard {
    number: usize,
    of: usize,
}

impl Default for Shard {
    /// Everything.
    fn default() -> Self {
        Self { number: 0, of: 1 }
    }
}

impl Shard {
    /// The shares of so many workers, at least one.
    pub fn split(workers: usize) -> impl Iterator<Item = Self> {
        let of = workers.max(1);
        (0..of).map(move |number| Self { number, of })
    }

    /// Which of so many shares, counted from 0, has what is between these two, both directions alike.
    #[inline]
    pub fn number([src, dst]: [Endpoint; 2], of: usize) -> usize {
        let ([s1, s0], [d1, d0]) = (src.address.halves(), dst.address.halves());
        // Fibonacci hashing: the low bits of addresses are the ones that differ.
        let mixed = (s1 ^ d1 ^ s0 ^ d0).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        ((mixed * of as u64) >> 32) as usize
    }

    /// Whether what is between these two belongs to it.
    #[inline]
    pub fn owns(self, ends: [Endpoint; 2]) -> bool {
        self.of == 1 || Self::number(ends, self.of) == self.number
    }

    /// Whether a frame belongs to it, by what it was decoded to; the first has what cannot be.
    #[inline]
    pub fn owns_decoded(self, decoded: &Result<Datagram<'_>, Discard>) -> bool {
        match decoded {
            Ok(datagram) => self.owns([datagram.src, datagram.dst]),
            Err(_) => self.number == 0,
        }
    }

    /// All must know what was missed; only the first counts it.
    pub fn of_gap(self, unseen: CaptureGap) -> CaptureGap {
        let frames = if self.number == 0 { unseen.frames } else { 0 };
        CaptureGap { frames, ..unseen }
    }
}
