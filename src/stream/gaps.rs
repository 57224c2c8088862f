//! When the numbers were due that are missing: if one still comes, its second is given it back.
//!
//! A stream has one [`MissingNumbers`] from its first gap on, off the path of expected packets. It knows
//! the numbers inside the reorder window by their place modulo 64.

use crate::stream::booking::{Certainty, LossReason, due};
use crate::stream::sequence::WINDOW;
use crate::units::Timestamp;
use std::ops::Range;

/// A number is late for so long: beyond it, it stays lost. Longer than any path reorders.
const LATE: u64 = 2 * TICKS_PER_SECOND;

/// Known a little longer, for what is decided only after it has come. Below 256 ticks, or a due time
/// would be another.
const KNOWN: u64 = 240;

/// Due times are kept in 64ths of a second: a tick never lies in two seconds.
const TICKS_PER_SECOND: u64 = 64;
const NANOS_PER_TICK: u64 = 1_000_000_000 / TICKS_PER_SECOND;

/// Due times of missing numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct MissingNumbers {
    /// In ticks modulo 256.
    due: [u8; 64],
    /// Bit number modulo 64: it is booked as lost.
    lost: u64,
    /// The same: it is booked as maybe lost.
    maybe: u64,
    /// In ticks: no due time is later than this, and none that is known is earlier by 256.
    now: u64,
    /// Why the last ones may be lost.
    excuse: LossReason,
}

/// What is booked for numbers that were skipped, between two packets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Skipped {
    pub(super) certainty: Certainty,
    pub(super) from: Timestamp,
    pub(super) until: Timestamp,
}

impl MissingNumbers {
    /// None is missing.
    pub(super) const fn new() -> Self {
        Self {
            due: [0; 64],
            lost: 0,
            maybe: 0,
            now: 0,
            excuse: LossReason::NoRoom,
        }
    }

    /// These numbers were skipped by the one behind them.
    pub(super) fn note(&mut self, numbers: Range<u64>, skipped: Skipped) {
        let Skipped {
            certainty,
            from,
            until,
        } = skipped;
        self.pass(until);
        let count = numbers.end.saturating_sub(numbers.start);
        let oldest = (numbers.end + 1).saturating_sub(WINDOW).max(numbers.start);
        for number in oldest..=numbers.end {
            let bit = bit(number);
            self.lost &= !bit;
            self.maybe &= !bit;
            if number == numbers.end {
                break;
            }
            let due = ticks(due(number + 1 - numbers.start, count, from, until));
            let place = self.due.get_mut(place(number));
            if let Some(place) = place.filter(|_| due + KNOWN >= self.now) {
                *place = low(due);
                match certainty {
                    Certainty::Lost => self.lost |= bit,
                    Certainty::MaybeLost(excuse) => {
                        self.maybe |= bit;
                        self.excuse = excuse;
                    }
                    Certainty::Excused(_) => {}
                }
            }
        }
    }

    /// When a missing number was due and what was booked for it, if a packet that comes then is in
    /// time.
    pub(super) fn expects(
        &self,
        number: u64,
        arrival: Timestamp,
    ) -> Option<(Certainty, Timestamp)> {
        let certainty = match (self.lost & bit(number) > 0, self.maybe & bit(number) > 0) {
            (true, _) => Certainty::Lost,
            (false, true) => Certainty::MaybeLost(self.excuse),
            (false, false) => return None,
        };
        let due = self.due_of(number);
        let is_late = ticks(arrival).saturating_sub(due) > LATE;
        (!is_late).then(|| (certainty, Timestamp::from_nanos(due * NANOS_PER_TICK)))
    }

    /// The packet of a missing number has come.
    pub(super) fn forget(&mut self, number: u64) {
        self.lost &= !bit(number);
        self.maybe &= !bit(number);
    }

    /// Of the newest numbers, so many are only maybe lost, for a reason.
    pub(super) fn doubt(&mut self, numbers: Range<u64>, excuse: LossReason) {
        let oldest = numbers.end.saturating_sub(WINDOW).max(numbers.start);
        for number in oldest..numbers.end {
            self.maybe |= self.lost & bit(number);
            self.lost &= !bit(number);
        }
        self.excuse = excuse;
    }

    /// Time has gone on: what was due too long ago is forgotten.
    fn pass(&mut self, time: Timestamp) {
        let now = ticks(time).max(self.now);
        let mut known = self.lost | self.maybe;
        while known > 0 {
            let number = u64::from(known.trailing_zeros());
            known &= known - 1;
            if self.due_of(number) + KNOWN < now {
                self.forget(number);
            }
        }
        self.now = now;
    }

    /// In ticks.
    fn due_of(&self, number: u64) -> u64 {
        let due = self.due.get(place(number)).copied().unwrap_or(0);
        let ago = low(self.now).wrapping_sub(due);
        self.now.saturating_sub(ago.into())
    }
}

const fn ticks(time: Timestamp) -> u64 {
    time.as_nanos() / NANOS_PER_TICK
}

#[expect(clippy::cast_possible_truncation, reason = "modulo 256 is meant")]
const fn low(ticks: u64) -> u8 {
    ticks as u8
}

const fn bit(number: u64) -> u64 {
    1 << (number % WINDOW)
}

fn place(number: u64) -> usize {
    usize::try_from(number % WINDOW).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_nanos(1_000_000_000_000 + millis * 1_000_000)
    }

    fn lost(from: u64, until: u64) -> Skipped {
        Skipped {
            certainty: Certainty::Lost,
            from: at(from),
            until: at(until),
        }
    }

    #[test]
    fn a_number_is_expected_for_two_seconds_after_it_was_due() {
        let mut missing = MissingNumbers::new();
        missing.note(65_541..65_542, lost(980, 1_020));
        let (certainty, due) = missing.expects(65_541, at(1_500)).unwrap();
        assert_eq!(
            (certainty, due.second()),
            (Certainty::Lost, at(1_000).second())
        );
        assert!(missing.expects(65_541, at(2_990)).is_some());
        assert_eq!(missing.expects(65_541, at(3_050)), None);
        assert_eq!(missing.expects(65_542, at(1_500)), None, "it has come");
        missing.forget(65_541);
        assert_eq!(missing.expects(65_541, at(1_500)), None);
    }

    #[test]
    fn each_gap_has_a_time_of_its_own_even_if_there_is_always_one() {
        let mut missing = MissingNumbers::new();
        // One number of five is missing, every 200 ms, for twenty minutes.
        for gap in 1..6_000_u64 {
            let (number, due) = (70_000 + 5 * gap, 200 * gap);
            missing.note(number..number + 1, lost(due - 40, due + 40));
            for back in (0..9).filter(|back| *back < gap) {
                let (_, known) = missing
                    .expects(number - 5 * back, at(due + 40))
                    .unwrap_or_else(|| panic!("{gap} {back}"));
                let truth = at(due - 200 * back);
                assert!(known <= truth && truth.since(known) < Duration::from_millis(16));
            }
        }
    }

    #[test]
    fn what_was_due_long_ago_is_never_taken_for_something_new() {
        let mut missing = MissingNumbers::new();
        missing.note(65_600..65_610, lost(0, 220));
        for pause in (2_500..60_000).step_by(250) {
            let mut later = missing;
            later.note(65_620..65_621, lost(pause - 40, pause));
            assert_eq!(later.expects(65_605, at(pause)), None, "{pause}");
            assert!(later.expects(65_620, at(pause)).is_some(), "{pause}");
        }
        // An outage is forgotten but for its end.
        let mut missing = MissingNumbers::new();
        missing.note(65_600..66_100, lost(0, 10_000));
        assert_eq!(missing.expects(66_040, at(11_000)), None);
        assert!(missing.expects(66_099, at(11_000)).is_some());
    }
}
