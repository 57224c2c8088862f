//! Whose a packet is where several workers replay one capture: each sees all of it, in the same
//! order, crosses the same boundaries between seconds, and counts what is between its own pairs of
//! addresses. What each sees of one stream is then what a single worker would have seen, and nothing
//! has to be handed from one to another.

use crate::capture::Unseen;
use crate::discard::Discard;
use crate::units::Endpoint;
use crate::wire::Datagram;
use std::num::NonZeroU64;

/// What one worker of several counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Share {
    number: u64,
    of: NonZeroU64,
}

impl Default for Share {
    /// Everything.
    fn default() -> Self {
        Self {
            number: 0,
            of: NonZeroU64::MIN,
        }
    }
}

impl Share {
    /// The shares of so many workers, at least one.
    pub fn split(workers: usize) -> impl Iterator<Item = Self> {
        let of = NonZeroU64::new(workers as u64).unwrap_or(NonZeroU64::MIN);
        (0..of.get()).map(move |number| Self { number, of })
    }

    /// Whether what is between these two belongs to it, both directions alike.
    #[inline]
    pub fn has(self, [src, dst]: [Endpoint; 2]) -> bool {
        if self.of == NonZeroU64::MIN {
            return true;
        }
        let ([s1, s0], [d1, d0]) = (src.address.halves(), dst.address.halves());
        // Fibonacci hashing: the low bits of addresses are the ones that differ.
        let mixed = (s1 ^ d1 ^ s0 ^ d0).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        (mixed * self.of.get()) >> 32 == self.number
    }

    /// Whether a frame belongs to it, by what it was decoded to; the first has what can not be.
    #[inline]
    pub fn has_decoded(self, decoded: &Result<Datagram<'_>, Discard>) -> bool {
        match decoded {
            Ok(datagram) => self.has([datagram.src, datagram.dst]),
            Err(_) => self.number == 0,
        }
    }

    /// All must know what was missed; only the first counts it.
    pub fn of_unseen(self, unseen: Unseen) -> Unseen {
        let frames = if self.number == 0 { unseen.frames } else { 0 };
        Unseen { frames, ..unseen }
    }
}
