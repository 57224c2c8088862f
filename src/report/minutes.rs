//! What happened to an ASN, minute by minute: the history of docs/EVIDENCE.md §9.
//!
//! The same account as a report's notes it, second by second; so minutes add up to what a report says.

use super::seconds::SecondVerdict;
use crate::ledger::leaf::{CountedLeaf, DirectionLeaf, SampleLeaf};
use crate::sla::limit::Limit;
use crate::sla::measure::Measure;
use serde::Serialize;

/// Seconds in a minute.
pub(super) const SECONDS_IN_MINUTE: u64 = 60;

/// Minutes of one ASN that are noted at most: two days and some. Those before were written down.
const MAX_NOTED: u64 = 3000;

/// Sums of some time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct HistorySums {
    /// The largest window that ended in it, in thousandths of the limit that held.
    pub(super) peak: u64,
    pub(super) out_of_sla_s: u64,
    pub(super) from: DirectionSums,
    pub(super) to: DirectionSums,
    pub(super) latency: SampleSums,
    pub(super) jitter: SampleSums,
    /// For each measure the seconds that were met, missed, void and indeterminate. What is left was silent.
    pub(super) given: [[u64; 4]; Measure::COUNT],
}

/// One direction.
#[derive(Serialize, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct DirectionSums {
    bytes: u64,
    expected: i64,
    lost: i64,
    maybe_lost: i64,
}

/// Samples of a measure by percentile.
#[derive(Serialize, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct SampleSums {
    samples: u64,
    over: u64,
    maybe_over: u64,
}

impl DirectionSums {
    fn add(&mut self, bytes: u64, (expected, lost, maybe_lost): (i64, i64, i64)) {
        self.bytes = self.bytes.saturating_add(bytes);
        self.expected = self.expected.saturating_add(expected);
        self.lost = self.lost.saturating_add(lost);
        self.maybe_lost = self.maybe_lost.saturating_add(maybe_lost);
    }

    fn count(&mut self, leaf: DirectionLeaf) {
        self.add(leaf.bytes, (leaf.expected, leaf.lost, leaf.maybe_lost));
    }
}

impl SampleSums {
    fn add(&mut self, samples: u64, over: u64, maybe_over: u64) {
        self.samples = self.samples.saturating_add(samples);
        self.over = self.over.saturating_add(over);
        self.maybe_over = self.maybe_over.saturating_add(maybe_over);
    }

    fn count(&mut self, leaf: SampleLeaf) {
        self.add(leaf.samples, leaf.over, leaf.maybe_over);
    }
}

impl HistorySums {
    /// Adds those of another time.
    pub(super) fn add(&mut self, other: &Self) {
        self.peak = self.peak.max(other.peak);
        self.out_of_sla_s += other.out_of_sla_s;
        for (sum, one) in [(&mut self.from, other.from), (&mut self.to, other.to)] {
            sum.add(one.bytes, (one.expected, one.lost, one.maybe_lost));
        }
        let samples = [
            (&mut self.latency, other.latency),
            (&mut self.jitter, other.jitter),
        ];
        for (sum, one) in samples {
            sum.add(one.samples, one.over, one.maybe_over);
        }
        let given = self.given.iter_mut().zip(&other.given);
        for (sum, one) in given.flat_map(|(sums, ones)| sums.iter_mut().zip(ones)) {
            *sum += one;
        }
    }
}

impl HistorySums {
    /// As a line of the index has them: all numbers, in the order of the fields.
    pub(super) fn to_numbers(self) -> Vec<i64> {
        let signed = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let mut numbers = vec![signed(self.peak), signed(self.out_of_sla_s)];
        for one in [self.from, self.to] {
            numbers.extend([signed(one.bytes), one.expected, one.lost, one.maybe_lost]);
        }
        for one in [self.latency, self.jitter] {
            numbers.extend([one.samples, one.over, one.maybe_over].map(signed));
        }
        numbers.extend(self.given.iter().flatten().copied().map(signed));
        numbers
    }

    /// Reads that again; nothing where there are others than so many.
    pub(super) fn from_numbers(numbers: &[i64]) -> Option<Self> {
        let mut left = numbers.iter().copied();
        let mut signed = || left.next();
        let number = |next: Option<i64>| next.and_then(|number| u64::try_from(number).ok());
        let (peak, out_of_sla_s) = (number(signed())?, number(signed())?);
        let mut directions = [DirectionSums::default(); 2];
        for one in &mut directions {
            *one = DirectionSums {
                bytes: number(signed())?,
                expected: signed()?,
                lost: signed()?,
                maybe_lost: signed()?,
            };
        }
        let mut samples = [SampleSums::default(); 2];
        for one in &mut samples {
            *one = SampleSums {
                samples: number(signed())?,
                over: number(signed())?,
                maybe_over: number(signed())?,
            };
        }
        let mut given = [[0; 4]; Measure::COUNT];
        for seconds in given.iter_mut().flatten() {
            *seconds = number(signed())?;
        }
        let ([from, to], [latency, jitter]) = (directions, samples);
        left.next().is_none().then_some(Self {
            peak,
            out_of_sla_s,
            from,
            to,
            latency,
            jitter,
            given,
        })
    }
}

/// The minutes of one ASN, by their number since 1970, ascending. A minute in which nothing was counted or
/// given is not there.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct MinuteLog(Vec<(u64, HistorySums)>);

impl MinuteLog {
    /// The minutes from one on, up to but not with another.
    pub(super) fn between(&self, first: u64, end: u64) -> &[(u64, HistorySums)] {
        let from = self.0.partition_point(|(minute, _)| *minute < first);
        let until = self.0.partition_point(|(minute, _)| *minute < end);
        self.0.get(from..until).unwrap_or_default()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn forget(&mut self, before: u64) {
        self.0.retain(|(minute, _)| *minute >= before);
    }

    /// Takes what was counted in a second.
    pub(super) fn count(&mut self, second: u64, leaf: &CountedLeaf) {
        self.change(second / SECONDS_IN_MINUTE, |sums| {
            sums.from.count(leaf.from);
            sums.to.count(leaf.to);
            sums.latency.count(leaf.latency);
            sums.jitter.count(leaf.jitter);
        });
    }

    /// Takes a window that ends with a second.
    pub(super) fn note_window(&mut self, second: u64, bytes: u64, limit: Limit) {
        let used = u64::from(limit.thousandths(bytes));
        if used > 0 {
            self.change(second / SECONDS_IN_MINUTE, |sums| {
                sums.peak = sums.peak.max(used);
            });
        }
    }

    /// The ASN was out of SLA in a second.
    pub(super) fn note_out_of_sla(&mut self, second: u64) {
        self.change(second / SECONDS_IN_MINUTE, |sums| sums.out_of_sla_s += 1);
    }

    /// Adds the seconds from the first up to the one behind the last, under their verdict on a measure.
    pub(super) fn add_seconds(
        &mut self,
        measure: usize,
        verdict: SecondVerdict,
        (first, end): (u64, u64),
    ) {
        let place = match verdict {
            SecondVerdict::Met => 0,
            SecondVerdict::Missed => 1,
            SecondVerdict::Void => 2,
            SecondVerdict::Indeterminate => 3,
            SecondVerdict::Silent => return,
        };
        let mut begin = first.max(end.saturating_sub(MAX_NOTED * SECONDS_IN_MINUTE));
        while begin < end {
            let minute = begin / SECONDS_IN_MINUTE;
            let until = end.min((minute + 1) * SECONDS_IN_MINUTE);
            self.change(minute, |sums| {
                let given = sums.given.get_mut(measure);
                if let Some(seconds) = given.and_then(|given| given.get_mut(place)) {
                    *seconds += until - begin;
                }
            });
            begin = until;
        }
    }

    /// The sums of a minute, changed.
    fn change(&mut self, minute: u64, change: impl FnOnce(&mut HistorySums)) {
        let place = self.0.partition_point(|one| one.0 < minute);
        if self.0.get(place).is_none_or(|one| one.0 != minute) {
            self.0.insert(place, (minute, HistorySums::default()));
        }
        if let Some((_, sums)) = self.0.get_mut(place) {
            change(sums);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_stretch_is_given_to_each_of_its_minutes() {
        let mut log = MinuteLog::default();
        log.add_seconds(0, SecondVerdict::Missed, (117, 183));
        log.add_seconds(1, SecondVerdict::Silent, (0, 600));
        log.note_out_of_sla(119);
        let minutes: Vec<_> = log.between(0, 10).iter().collect();
        let given: Vec<_> = minutes
            .iter()
            .map(|(at, sums)| (*at, sums.given[0]))
            .collect();
        let missed = |seconds| [0, seconds, 0, 0];
        assert_eq!(given, [(1, missed(3)), (2, missed(60)), (3, missed(3))]);
        assert_eq!(minutes[0].1.out_of_sla_s, 1);
        assert_eq!(log.between(2, 3).len(), 1);
        log.forget(3);
        assert_eq!(log.between(0, 10).len(), 1);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(
            peak: u32, bytes: u32, lost: i32, samples: u32, seconds in 0_u64..3601,
        ) {
            let sums = HistorySums {
                peak: peak.into(),
                from: DirectionSums { bytes: bytes.into(), lost: lost.into(), ..Default::default() },
                jitter: SampleSums { samples: samples.into(), ..Default::default() },
                given: [[seconds; 4]; Measure::COUNT],
                ..HistorySums::default()
            };
            let numbers = sums.to_numbers();
            prop_assert_eq!(HistorySums::from_numbers(&numbers), Some(sums));
            prop_assert_eq!(HistorySums::from_numbers(&numbers[1..]), None);
            prop_assert_eq!(HistorySums::from_numbers(&[&numbers[..], &[0]].concat()), None);
        }
    }
}
