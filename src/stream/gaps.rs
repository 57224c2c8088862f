//! When the gaps began that are still open: a number that is lost now was missing since then, and
//! may have been missed by us.
//!
//! One [`Gaps`] lives in each stream, off the path of expected packets. It knows blocks of numbers,
//! not numbers, and moments, not times: an answer may be too early by a block, and too late by less
//! than a [`CoarseTime`], in which no sender has another packet ready.

use crate::units::Timestamp;
use std::ops::Range;

/// Numbers in a block.
const BLOCK: u64 = 16;

/// Blocks remembered: so many the reorder window of 64 numbers touches.
const BLOCKS: usize = 5;

/// The beginnings of gaps, by blocks of extended numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Gaps {
    began: [CoarseTime; BLOCKS],
    /// The highest block with a gap in it; 2^36 numbers take years.
    marked: u32,
}

impl Gaps {
    /// For a numbering before which, at this moment, all was whole.
    pub(super) const fn new(whole: Timestamp) -> Self {
        Self {
            began: [CoarseTime::of(whole); BLOCKS],
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
                *began = CoarseTime::of(since);
            }
            self.marked = u32::try_from(block).unwrap_or(u32::MAX);
        }
    }

    /// Since when a number is missing that is inside the window, told some time after.
    pub(super) fn began(&self, number: u64, now: Timestamp) -> Timestamp {
        let began = self.began.get(place(number / BLOCK));
        began.map_or(now, |began| began.before(now))
    }
}

/// A time in units of 2^18 ns, a quarter of a millisecond, rounded up, modulo 2^32: thirteen days. A
/// hundred thousand streams hold five of them each. The next packet is due 2.5 ms after the last at
/// the earliest (RFC 6716 §2.1.4).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct CoarseTime(u32);

impl CoarseTime {
    const BITS: u32 = 18;

    #[expect(clippy::cast_possible_truncation, reason = "modulo 2^32 is meant")]
    pub(super) const fn of(time: Timestamp) -> Self {
        Self(Self::count(time) as u32)
    }

    /// The time that it is of, told within thirteen days after.
    pub(super) fn before(self, now: Timestamp) -> Timestamp {
        let gone = Self::of(now).0.wrapping_sub(self.0);
        Timestamp::from_nanos(Self::count(now).saturating_sub(u64::from(gone)) << Self::BITS)
    }

    const fn count(time: Timestamp) -> u64 {
        time.as_nanos().div_ceil(1 << Self::BITS)
    }
}

fn place(block: u64) -> usize {
    usize::try_from(block % BLOCKS as u64).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_nanos(seconds * 1_000_000_000)
    }

    /// So late may be said of it.
    fn latest(seconds: u64) -> Timestamp {
        at(seconds).plus(Duration::from_nanos(1 << CoarseTime::BITS))
    }

    #[test]
    fn each_gap_has_a_beginning_of_its_own_even_if_there_is_always_one() {
        let mut gaps = Gaps::new(at(0));
        // One number of twenty is missing, for ten thousand numbers: the window is never whole.
        for number in (70_000..80_000_u64).step_by(20) {
            gaps.note(number..number + 1, at(number));
            for open in (70_000..=number).rev().step_by(20).take(3) {
                let began = gaps.began(open, at(number));
                assert!(
                    began <= latest(open) && began >= at(open.saturating_sub(BLOCK)),
                    "{open}"
                );
            }
        }
    }

    #[test]
    fn a_long_gap_began_when_it_began() {
        let mut gaps = Gaps::new(at(0));
        gaps.note(65_540..65_540, at(1));
        assert_eq!(gaps.began(65_540, at(1)), at(0), "no number");
        gaps.note(65_600..900_000, at(2));
        for number in [899_999, 899_999 - 63] {
            for now in [2, 20_000, 1_000_000] {
                let began = gaps.began(number, at(now));
                assert!(began >= at(2) && began <= latest(2));
            }
        }
    }
}
