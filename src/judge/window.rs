//! The last W seconds of one ASN under one commitment: the seconds that had something, and their
//! sum, kept as they come and go.

use crate::meter::asn_counts::AsnCounts;
use crate::units::Second;
use std::collections::VecDeque;
use std::num::NonZeroU32;

/// A sliding window.
#[derive(Clone, Debug, Default)]
pub(super) struct SlidingWindow {
    seconds: VecDeque<(Second, AsnCounts)>,
    sum: AsnCounts,
}

impl SlidingWindow {
    /// Adds to a second, whichever; one that has left the window is for the caller not to bring.
    pub(super) fn add(&mut self, second: Second, counts: AsnCounts) {
        if self.seconds.is_empty() {
            // a flood of ASNs with a packet each: no room for four seconds that do not come
            self.seconds.reserve_exact(1);
        }
        self.sum.add(counts);
        let place = self.seconds.partition_point(|(known, _)| *known < second);
        match self.seconds.get_mut(place) {
            Some((known, sum)) if *known == second => sum.add(counts),
            _ => self.seconds.insert(place, (second, counts)),
        }
    }

    /// Slides on, so that it ends with `last`.
    pub(super) fn slide(&mut self, last: Second, width: NonZeroU32) {
        let first = first_second(last, width);
        while let Some((second, counts)) = self.seconds.front().copied()
            && second < first
        {
            self.sum.subtract(counts);
            self.seconds.pop_front();
        }
    }

    /// Forgets something of every second: it was held against another limit.
    pub(super) fn forget(&mut self, what: fn(&mut AsnCounts)) {
        what(&mut self.sum);
        self.seconds.iter_mut().for_each(|(_, counts)| what(counts));
    }

    /// The sum over the window.
    pub(super) fn sum(&self) -> &AsnCounts {
        &self.sum
    }

    /// One second of it.
    pub(super) fn second(&self, second: Second) -> AsnCounts {
        let found = self
            .seconds
            .binary_search_by_key(&second, |(known, _)| *known);
        found
            .ok()
            .and_then(|place| self.seconds.get(place))
            .map_or(AsnCounts::default(), |known| known.1)
    }

    /// Seconds in it that had something.
    pub(super) fn len(&self) -> usize {
        self.seconds.len()
    }

    /// Whether nothing is in it.
    pub(super) fn is_empty(&self) -> bool {
        self.seconds.is_empty()
    }
}

/// The first of the `width` seconds that end with `last`.
pub(super) const fn first_second(last: Second, width: NonZeroU32) -> Second {
    Second((last.0 + 1).saturating_sub(width.get() as u64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_sum_is_always_that_of_the_last_seconds(
            width in 1_u32..20,
            steps in prop::collection::vec((0_u64..4, 0_u64..25, 0_u64..1000), 1..200),
        ) {
            let width = NonZeroU32::new(width).unwrap();
            let (mut window, mut all, mut now) = (SlidingWindow::default(), Vec::new(), Second(1000));
            for (forward, back, from) in steps {
                now = Second(now.0 + forward);
                window.slide(now, width);
                let second = Second(now.0 - back);
                if second >= first_second(now, width) {
                    window.add(second, AsnCounts { from, ..AsnCounts::default() });
                    all.push((second, from));
                }
                let first = first_second(now, width);
                let truth: u64 = all.iter().filter(|(second, _)| *second >= first).map(|(_, from)| from).sum();
                prop_assert_eq!(window.sum().from, truth);
                let here: u64 = all.iter().filter(|(second, _)| *second == now).map(|(_, from)| from).sum();
                prop_assert_eq!(window.second(now).from, here);
            }
        }
    }
}
