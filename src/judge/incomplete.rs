//! Seconds that were not seen whole.

use crate::units::Second;
use std::collections::VecDeque;

/// Ranges of incomplete seconds, sorted and apart, as far back as any window reaches.
#[derive(Clone, Debug, Default)]
pub struct IncompleteSeconds {
    ranges: VecDeque<(Second, Second)>,
}

impl IncompleteSeconds {
    /// Adds a stretch, first and last second.
    pub fn add(&mut self, first: Second, last: Second) {
        let (mut first, mut last) = (first, last.max(first));
        // What touches or overlaps becomes one stretch.
        self.ranges.retain(|known| {
            let apart = known.1.next() < first || last.next() < known.0;
            if !apart {
                first = first.min(known.0);
                last = last.max(known.1);
            }
            apart
        });
        let place = self.ranges.partition_point(|known| known.0 < first);
        self.ranges.insert(place, (first, last));
    }

    /// Whether any second of a range is incomplete.
    pub fn any(&self, first: Second, last: Second) -> bool {
        self.count(first, last) > 0
    }

    /// How many seconds of a range are incomplete.
    pub fn count(&self, first: Second, last: Second) -> u64 {
        let overlap = |known: &(Second, Second)| {
            (known.1.0.min(last.0) + 1).saturating_sub(known.0.0.max(first.0))
        };
        self.ranges.iter().map(overlap).sum()
    }

    /// Forgets what ended before a second.
    pub fn forget(&mut self, before: Second) {
        while self.ranges.front().is_some_and(|known| known.1 < before) {
            self.ranges.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn agrees_with_a_set_of_seconds(
            ranges in prop::collection::vec((0_u64..60, 0_u64..6), 0..20),
            first in 0_u64..60,
            length in 0_u64..20,
        ) {
            let (mut incomplete, mut model) = (IncompleteSeconds::default(), BTreeSet::new());
            for (from, more) in ranges {
                incomplete.add(Second(from), Second(from + more));
                model.extend(from..=from + more);
            }
            let truth = model.range(first..=first + length).count() as u64;
            prop_assert_eq!(incomplete.count(Second(first), Second(first + length)), truth);
        }
    }
}
