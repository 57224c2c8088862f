//! Sets of seconds, and how a row's seconds are given.

use serde::Serialize;
use std::collections::BTreeMap;

/// A set of seconds, as ranges that do not touch each other: first second → the one behind the last.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct SecondSet {
    ranges: BTreeMap<u64, u64>,
}

impl SecondSet {
    /// Adds the seconds from `first` on, up to but not with `end`.
    pub(super) fn insert(&mut self, mut first: u64, mut end: u64) {
        if first >= end {
            return;
        }
        if let Some((&before, &behind)) = self.ranges.range(..=first).next_back()
            && behind >= first
        {
            (first, end) = (before, end.max(behind));
        }
        while let Some((&next, &behind)) = self.ranges.range(first..=end).next() {
            end = end.max(behind);
            self.ranges.remove(&next);
        }
        self.ranges.insert(first, end);
    }

    /// The ranges of it between two seconds, cut to these.
    pub(super) fn between(&self, first: u64, end: u64) -> impl Iterator<Item = (u64, u64)> + '_ {
        let before = self.ranges.range(..=first).next_back();
        let from = before.map_or(first, |(&before, _)| before);
        let ranges = self.ranges.range(from..end.max(from));
        let cut = ranges.map(move |(&a, &b)| (a.max(first), b.min(end)));
        cut.filter(|(a, b)| a < b)
    }

    /// The ranges between two seconds that are not in it.
    pub(super) fn missing(&self, first: u64, end: u64) -> Vec<(u64, u64)> {
        let (mut missing, mut from) = (Vec::new(), first);
        for (known, behind) in self.between(first, end) {
            if from < known {
                missing.push((from, known));
            }
            from = behind;
        }
        if from < end {
            missing.push((from, end));
        }
        missing
    }

    /// How many there are between two seconds.
    pub(super) fn count(&self, first: u64, end: u64) -> u64 {
        self.between(first, end).map(|(a, b)| b - a).sum()
    }

    /// All of another set.
    pub(super) fn add(&mut self, other: &Self) {
        for (&first, &end) in &other.ranges {
            self.insert(first, end);
        }
    }
}

/// How a second stands for an ASN and a measure.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum SecondVerdict {
    /// The guarantee was kept.
    Met,
    /// It was not.
    Missed,
    /// None was given: out of SLA.
    Void,
    /// Not enough was seen to say.
    Indeterminate,
    /// Nobody spoke, and everything was seen.
    Silent,
}

impl SecondVerdict {
    /// What a word of a verdict leaf says; nothing for a word that no leaf has.
    pub(super) fn from_word(word: &str) -> Option<Self> {
        Some(match word {
            "met" => Self::Met,
            "missed" => Self::Missed,
            "void" => Self::Void,
            "indeterminate" => Self::Indeterminate,
            "none" => Self::Silent,
            _ => return None,
        })
    }
}

/// The seconds of a row by how they stand. Together they are all seconds of the period in which the
/// measure was guaranteed.
#[derive(Serialize, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct GivenSeconds {
    /// The guarantee was kept.
    pub met_s: u64,
    /// It was not kept.
    pub missed_s: u64,
    /// No guarantee: the ASN was out of SLA.
    pub void_s: u64,
    /// Not enough was seen to say.
    pub indeterminate_s: u64,
    /// Nobody spoke in the window, and all of it was seen.
    pub silent_s: u64,
}

impl GivenSeconds {
    /// All of them.
    pub const fn sum(&self) -> u64 {
        self.met_s + self.missed_s + self.void_s + self.indeterminate_s + self.silent_s
    }

    pub(super) const fn of_mut(&mut self, verdict: SecondVerdict) -> &mut u64 {
        match verdict {
            SecondVerdict::Met => &mut self.met_s,
            SecondVerdict::Missed => &mut self.missed_s,
            SecondVerdict::Void => &mut self.void_s,
            SecondVerdict::Indeterminate => &mut self.indeterminate_s,
            SecondVerdict::Silent => &mut self.silent_s,
        }
    }

    /// Without others that are among them.
    pub(super) const fn less(&self, other: &Self) -> Self {
        Self {
            met_s: self.met_s - other.met_s,
            missed_s: self.missed_s - other.missed_s,
            void_s: self.void_s - other.void_s,
            indeterminate_s: self.indeterminate_s - other.indeterminate_s,
            silent_s: self.silent_s - other.silent_s,
        }
    }

    pub(super) const fn add(&mut self, other: &Self) {
        self.met_s += other.met_s;
        self.missed_s += other.missed_s;
        self.void_s += other.void_s;
        self.indeterminate_s += other.indeterminate_s;
        self.silent_s += other.silent_s;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn a_set_of_ranges_is_the_set_of_its_seconds(
            ranges in prop::collection::vec((0_u64..200, 0_u64..20), 0..30),
            (first, length) in (0_u64..200, 0_u64..60),
        ) {
            let (mut set, mut each) = (SecondSet::default(), BTreeSet::new());
            for (first, length) in ranges {
                set.insert(first, first + length);
                each.extend(first..first + length);
            }
            let asked = first..first + length;
            let expected = each.iter().filter(|second| asked.contains(second)).count();
            prop_assert_eq!(set.count(asked.start, asked.end), expected as u64);
            let missing = set.missing(asked.start, asked.end).into_iter();
            let missing: Vec<u64> = missing.flat_map(|(first, end)| first..end).collect();
            let others: Vec<u64> = asked.filter(|second| !each.contains(second)).collect();
            prop_assert_eq!(missing, others);
            let pairs: Vec<_> = set.ranges.iter().collect();
            for pair in pairs.windows(2) {
                prop_assert!(pair[0].1 < pair[1].0, "ranges touch: {:?}", set);
            }
        }
    }
}
