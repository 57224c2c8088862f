//! When the gaps began that are still open: a number that is lost now was missing since then, and
//! may have been missed by us.
//!
//! One [`Gaps`] lives in each stream, off the path of expected packets. It knows blocks of numbers,
//! not numbers: an answer is right or too early by up to a block, never too late.

use crate::units::Timestamp;
use std::ops::Range;

/// Numbers in a block.
const BLOCK: u64 = 16;

/// Blocks remembered: so many the reorder window of 64 numbers touches.
const BLOCKS: usize = 5;

/// The beginnings of gaps, by blocks of extended numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Gaps {
    began: [Moment; BLOCKS],
    /// The highest block with a gap in it; 2^36 numbers take years.
    marked: u32,
}

impl Gaps {
    /// For a numbering before which, at this moment, all was whole.
    pub(super) const fn new(whole: Timestamp) -> Self {
        Self {
            began: [Moment::of(whole); BLOCKS],
            marked: 0,
        }
    }

    /// These numbers did not come after this moment, and have not come yet.
    pub(super) fn note(&mut self, missing: Range<u64>, since: Timestamp) {
        let Some(last) = missing
            .end
            .checked_sub(1)
            .filter(|last| missing.contains(last))
        else {
            return;
        };
        // What is further behind has left the window with this step already.
        let oldest = (last / BLOCK).saturating_sub(BLOCKS as u64 - 1);
        let first = (missing.start / BLOCK)
            .max(u64::from(self.marked) + 1)
            .max(oldest);
        for block in first..=last / BLOCK {
            if let Some(began) = self.began.get_mut(place(block)) {
                *began = Moment::of(since);
            }
            self.marked = u32::try_from(block).unwrap_or(u32::MAX);
        }
    }

    /// Since when a number is missing that is inside the window.
    pub(super) fn began(&self, number: u64) -> Timestamp {
        let began = self.began.get(place(number / BLOCK));
        began.map_or_else(Timestamp::default, |began| began.time())
    }
}

/// A timestamp in two halves, so that four octets beside an odd number of them are not wasted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Moment([u32; 2]);

impl Moment {
    #[expect(clippy::cast_possible_truncation, reason = "the halves are meant")]
    const fn of(time: Timestamp) -> Self {
        let nanos = time.as_nanos();
        Self([(nanos >> 32) as u32, nanos as u32])
    }

    const fn time(self) -> Timestamp {
        let Self([high, low]) = self;
        Timestamp::from_nanos((high as u64) << 32 | low as u64)
    }
}

fn place(block: u64) -> usize {
    usize::try_from(block % BLOCKS as u64).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_nanos(seconds * 1_000_000_000)
    }

    #[test]
    fn each_gap_has_a_beginning_of_its_own_even_if_there_is_always_one() {
        let mut gaps = Gaps::new(at(0));
        // One number of twenty is missing, for ten thousand numbers: the window is never whole.
        for number in (70_000..80_000_u64).step_by(20) {
            gaps.note(number..number + 1, at(number));
            for open in (70_000..=number).rev().step_by(20).take(3) {
                let began = gaps.began(open);
                assert!(
                    began <= at(open) && began >= at(open.saturating_sub(BLOCK)),
                    "{open}"
                );
            }
        }
    }

    #[test]
    fn a_long_gap_began_when_it_began() {
        let mut gaps = Gaps::new(at(0));
        gaps.note(65_540..65_540, at(1));
        assert_eq!(gaps.began(65_540), at(0), "no number");
        gaps.note(65_600..900_000, at(2));
        assert_eq!(gaps.began(899_999), at(2));
        assert_eq!(gaps.began(899_999 - 63), at(2));
    }
}
