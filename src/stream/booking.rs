//! What is missing of a stream, booked in the seconds in which it was due.
//!
//! A number is booked as soon as a later one shows that it is missing. If its packet still comes,
//! the same second is given it back: bookings are signed. A second is judged 100 ms after its end. So a
//! packet that is late by less than that is not lost in any verdict.

use crate::units::{Second, Timestamp};
use std::time::Duration;

/// Beyond this a stretch of time is not spread over its seconds: an hour, as long as verdicts can
/// still be settled. What was due before is booked in its first second.
const LONGEST: Duration = Duration::from_secs(3_600);

/// Why numbers that may be missing are not lost for certain.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum LossReason {
    /// The sender began a new numbering after a gap (RFC 3550 §A.1).
    Restart,
    /// A new SSRC began on the same flow after a gap.
    NewSsrc,
    /// Numbers and timestamps ran on together, but not with arrival: the sender was held up.
    Stalled,
    /// So many numbers as are missing went on the same flow under another SSRC.
    OtherSsrc,
    /// Neither the timestamp nor the time between arrivals left room for so many.
    NoRoom,
    /// We did not see all of the time in which they were due.
    CaptureGap,
    /// An answered dialog had forbidden the direction when they were due.
    Hold,
    /// The sender moved to another transport address over a long gap.
    Move,
    /// A receiver behind the tap misses fewer.
    Received,
    /// A sender report counts them as sent, while nothing comes.
    Sent,
}

impl LossReason {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Restart,
        Self::NewSsrc,
        Self::Stalled,
        Self::OtherSsrc,
        Self::NoRoom,
        Self::CaptureGap,
        Self::Hold,
        Self::Move,
        Self::Received,
        Self::Sent,
    ];

    /// The value in metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Restart => "restart",
            Self::NewSsrc => "new_ssrc",
            Self::Stalled => "stalled",
            Self::OtherSsrc => "other_ssrc",
            Self::NoRoom => "no_room",
            Self::CaptureGap => "unseen",
            Self::Hold => "hold",
            Self::Move => "move",
            Self::Received => "received",
            Self::Sent => "sent",
        }
    }
}

/// What is said of missing numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Certainty {
    /// Lost for certain.
    Lost,
    /// They may have been lost, and nobody can tell.
    MaybeLost(LossReason),
    /// Counted as excused, and as nothing else.
    Excused(LossReason),
}

/// Numbers due in a stretch of time, spread evenly; fewer than none: given back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Booking {
    /// What is said of them.
    pub certainty: Certainty,
    /// How many; what is given back was due at one moment.
    pub count: i64,
    /// The last that came before them.
    pub from: Timestamp,
    /// The first that came after them.
    pub until: Timestamp,
}

impl Booking {
    /// Of numbers that were due between two packets.
    pub fn between(certainty: Certainty, count: u64, from: Timestamp, until: Timestamp) -> Self {
        Self {
            certainty,
            count: i64::try_from(count).unwrap_or(i64::MAX),
            from: from.max(until.minus(LONGEST)).min(until),
            until,
        }
    }

    /// Of one number due at a moment, given back.
    pub const fn back(certainty: Certainty, due: Timestamp) -> Self {
        Self {
            certainty,
            count: -1,
            from: due,
            until: due,
        }
    }

    /// Those due before a moment, and the others.
    pub fn split(self, at: Timestamp) -> (Self, Self) {
        let at = at.clamp(self.from, self.until);
        let before = if at == self.until {
            self.count
        } else {
            self.due_before(at)
        };
        let (mut early, mut late) = (self, self);
        (early.count, early.until) = (before, at);
        (late.count, late.from) = (self.count - before, at);
        (early, late)
    }

    /// How many of them were due in each second, oldest first; seconds without any are left out.
    pub fn by_second(self) -> impl Iterator<Item = (Second, i64)> {
        let seconds = self.from.second().0..=self.until.second().0;
        let mut before = 0;
        seconds.filter_map(move |second| {
            let second = Second(second);
            let due = if second == self.until.second() {
                self.count
            } else {
                self.due_before(second.end())
            };
            let here = due - std::mem::replace(&mut before, due);
            (here != 0).then_some((second, here))
        })
    }

    /// How many were due before a moment inside the stretch: number k of n is due k ÷ (n + 1) of the
    /// way ([`due`]).
    fn due_before(&self, moment: Timestamp) -> i64 {
        let whole = self.until.since(self.from).as_nanos().max(1);
        let part = moment.since(self.from).as_nanos();
        let numbers = u128::from(self.count.unsigned_abs());
        let due = (part * (numbers + 1)).div_ceil(whole).saturating_sub(1);
        i64::try_from(due.min(numbers)).unwrap_or(i64::MAX)
    }
}

/// When the `place`th (from 1) of `count` missing numbers was due.
pub fn due(place: u64, count: u64, from: Timestamp, until: Timestamp) -> Timestamp {
    let whole = until.since(from).as_nanos();
    let part = whole * u128::from(place) / (u128::from(count) + 1);
    from.plus(Duration::from_nanos(
        u64::try_from(part).unwrap_or(u64::MAX),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #[test]
        fn each_number_is_booked_in_the_second_in_which_it_was_due(
            from in 0_u64..3_000_000_000,
            gone in 0_u64..9_000_000_000,
            count in 1_u64..400,
        ) {
            let (from, until) = (Timestamp::from_nanos(from), Timestamp::from_nanos(from + gone));
            let mut truth = BTreeMap::new();
            for place in 1..=count {
                *truth.entry(due(place, count, from, until).second()).or_insert(0) += 1;
            }
            let booking = Booking::between(Certainty::Lost, count, from, until);
            prop_assert_eq!(booking.by_second().collect::<BTreeMap<_, _>>(), truth);
        }
    }

    proptest! {
        #[test]
        fn what_is_split_is_all_there(
            from in 0_u64..3_000_000_000,
            gone in 0_u64..9_000_000_000,
            count in 1_u64..400,
            at in 0_u64..13_000_000_000,
        ) {
            let (from, until) = (Timestamp::from_nanos(from), Timestamp::from_nanos(from + gone));
            let at = Timestamp::from_nanos(at);
            let (early, late) = Booking::between(Certainty::Lost, count, from, until).split(at);
            prop_assert_eq!(early.count + late.count, count.cast_signed());
            prop_assert!(early.count >= 0 && late.count >= 0);
            let truth = (1..=count).filter(|place| due(*place, count, from, until) < at).count();
            prop_assert!(early.count.abs_diff(i64::try_from(truth).unwrap()) <= 1);
            prop_assert!(from <= early.until && early.until == late.from && late.from <= until);
        }
    }

    #[test]
    fn a_year_is_spread_over_its_last_hour() {
        let until = Second(100_000_000).start();
        let booking = Booking::between(Certainty::Lost, 7_200, Timestamp::default(), until);
        let seconds: Vec<_> = booking.by_second().collect();
        assert_eq!(seconds.len(), 3_600);
        assert_eq!(seconds.iter().map(|(_, count)| count).sum::<i64>(), 7_200);
    }

    #[test]
    fn what_is_given_back_is_given_to_one_second() {
        let due = Timestamp::from_nanos(5_999_999_999);
        let booking = Booking::back(Certainty::Lost, due);
        assert_eq!(booking.by_second().collect::<Vec<_>>(), [(Second(5), -1)]);
    }
}
