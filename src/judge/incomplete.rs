//! Seconds that were not seen whole, and how many of their frames were not seen.

use crate::meter::second::IncompleteRange;
use crate::sla::unseen::Unseen;
use crate::units::Second;
use std::collections::{BTreeMap, VecDeque};

/// Ranges of seconds of which it is remembered how many frames were not seen, an hour of two a second;
/// beyond it the oldest two become one.
pub const MAX_COUNTED: usize = 8192;

/// Incomplete seconds, as far back as any window reaches.
#[derive(Clone, Debug, Default)]
pub struct IncompleteSeconds {
    all: SecondRanges,
    /// Those of which nobody knows how many frames were not seen.
    unknown: SecondRanges,
    /// How many were not seen at most, by the first and the last second that they may be of.
    counted: BTreeMap<(Second, Second), u64>,
}

impl IncompleteSeconds {
    /// Adds a range.
    pub fn add(&mut self, range: IncompleteRange) {
        let ends = (range.first, range.last.max(range.first));
        self.all.add(ends);
        let Some(frames) = range.at_most else {
            return self.unknown.add(ends);
        };
        let known = self.counted.entry(ends).or_default();
        *known = known.saturating_add(frames);
        if self.counted.len() > MAX_COUNTED
            && let Some((oldest, frames)) = self.counted.pop_first()
            && let Some((next, more)) = self.counted.pop_first()
        {
            let ends = (oldest.0, oldest.1.max(next.1));
            self.counted.insert(ends, frames.saturating_add(more));
        }
    }

    /// What of a range of seconds was not seen.
    pub fn unseen(&self, first: Second, last: Second) -> Unseen {
        if self.count(first, last) == 0 {
            return Unseen::None;
        }
        if self.unknown.count(first, last) > 0 {
            return Unseen::Unknown;
        }
        let some_of_it = self.counted.range(..=(last, Second(u64::MAX)));
        let some_of_it = some_of_it.filter(|((_, end), _)| *end >= first);
        Unseen::AtMost(some_of_it.fold(0, |sum: u64, (_, frames)| sum.saturating_add(*frames)))
    }

    /// How many seconds of a range are incomplete.
    pub fn count(&self, first: Second, last: Second) -> u64 {
        self.all.count(first, last)
    }

    /// Of a range those seconds of which some frames were not seen, and how many at most.
    pub fn each(&self, first: Second, last: Second) -> impl Iterator<Item = (Second, u64)> + '_ {
        let seconds = self.all.overlaps(first, last).flatten().map(Second);
        seconds.filter_map(|second| Some((second, self.unseen(second, second).bound()?)))
    }

    /// Forgets what ended before a second.
    pub fn forget(&mut self, before: Second) {
        self.all.forget(before);
        self.unknown.forget(before);
        self.counted.retain(|(_, last), _| *last >= before);
    }
}

/// Ranges of seconds, first and last, sorted and apart.
#[derive(Clone, Debug, Default)]
struct SecondRanges(VecDeque<(Second, Second)>);

impl SecondRanges {
    fn add(&mut self, (mut first, mut last): (Second, Second)) {
        // What touches or overlaps becomes one range.
        self.0.retain(|known| {
            let apart = known.1.next() < first || last.next() < known.0;
            if !apart {
                first = first.min(known.0);
                last = last.max(known.1);
            }
            apart
        });
        let place = self.0.partition_point(|known| known.0 < first);
        self.0.insert(place, (first, last));
    }

    /// What of a range lies in them.
    fn overlaps(
        &self,
        first: Second,
        last: Second,
    ) -> impl Iterator<Item = std::ops::RangeInclusive<u64>> + '_ {
        let overlap =
            move |known: &(Second, Second)| known.0.0.max(first.0)..=known.1.0.min(last.0);
        self.0.iter().map(overlap)
    }

    fn count(&self, first: Second, last: Second) -> u64 {
        let length = |overlap: std::ops::RangeInclusive<u64>| {
            (*overlap.end() + 1).saturating_sub(*overlap.start())
        };
        self.overlaps(first, last).map(length).sum()
    }

    fn forget(&mut self, before: Second) {
        while self.0.front().is_some_and(|known| known.1 < before) {
            self.0.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn agrees_with_a_list_of_ranges(
            ranges in prop::collection::vec((0_u64..60, 0_u64..6, prop::option::of(0_u64..9)), 0..20),
            first in 0_u64..60,
            length in 0_u64..20,
        ) {
            let ranges = ranges.into_iter().map(|(from, more, at_most)| IncompleteRange {
                first: Second(from),
                last: Second(from + more),
                at_most,
            });
            let ranges: Vec<_> = ranges.collect();
            let mut incomplete = IncompleteSeconds::default();
            for range in &ranges {
                incomplete.add(*range);
            }
            let (first, last) = (Second(first), Second(first + length));
            let unseen = |first: Second, last: Second| {
                let touched = ranges.iter().filter(|range| range.first <= last && range.last >= first);
                let touched: Vec<_> = touched.map(|range| range.at_most).collect();
                match touched.iter().copied().sum::<Option<u64>>() {
                    None => Unseen::Unknown,
                    Some(_) if touched.is_empty() => Unseen::None,
                    Some(frames) => Unseen::AtMost(frames),
                }
            };
            prop_assert_eq!(incomplete.unseen(first, last), unseen(first, last));
            let seconds = (first.0..=last.0).map(Second).map(|second| (second, unseen(second, second)));
            let seconds: Vec<_> = seconds.filter(|(_, unseen)| !unseen.is_none()).collect();
            prop_assert_eq!(incomplete.count(first, last), seconds.len() as u64);
            let counted = seconds.into_iter().filter_map(|(second, unseen)| Some((second, unseen.bound()?)));
            prop_assert_eq!(incomplete.each(first, last).collect::<Vec<_>>(), counted.collect::<Vec<_>>());
        }
    }

    #[test]
    fn beyond_the_bound_frames_not_seen_are_of_a_wider_range_and_none_is_forgotten() {
        let mut incomplete = IncompleteSeconds::default();
        let ranges = (0..=MAX_COUNTED as u64).map(|second| IncompleteRange {
            first: Second(2 * second),
            last: Second(2 * second),
            at_most: Some(1),
        });
        for range in ranges {
            incomplete.add(range);
        }
        let all = incomplete.unseen(Second(0), Second(100_000));
        assert_eq!(all, Unseen::AtMost(MAX_COUNTED as u64 + 1));
        assert_eq!(incomplete.unseen(Second(2), Second(2)), Unseen::AtMost(2));
        assert_eq!(incomplete.unseen(Second(4), Second(4)), Unseen::AtMost(1));
        incomplete.forget(Second(4));
        assert_eq!(incomplete.unseen(Second(0), Second(3)), Unseen::None);
    }
}
