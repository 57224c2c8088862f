//! The last hour of one ASN under one commitment, minute by minute: for people to look at, no
//! verdict rests on it. What a window was of its limit stays, whatever the limit becomes.
//!
//! Bounded: 60 minutes of 32 octets, so 2 kB for each ASN of a commitment at most. A minute in
//! which the window was empty takes none.

use crate::sla::Verdict;
use crate::sla::measure::PerMeasure;
use crate::snapshot::Minute;
use crate::units::Second;

/// Minutes kept.
pub const KEPT: u64 = 60;

const SECONDS: u64 = 60;
const MOST: u8 = 60;

/// The minutes of one ASN.
#[derive(Clone, Debug, Default)]
pub struct History(Vec<Minute>);

impl History {
    /// Takes a judged second: what its window was of the limit, in thousandths, and its verdicts.
    pub fn add(&mut self, second: Second, thousandths: u32, verdicts: PerMeasure<Option<Verdict>>) {
        let start = Second(second.0 - second.0 % SECONDS);
        if self.0.last().is_none_or(|last| last.start != start) {
            // Behind a clock that stepped back, what was later is no longer the past.
            self.0
                .retain(|minute| minute.start < start && minute.start.0 + KEPT * SECONDS > start.0);
            self.0.push(Minute {
                start,
                peak_thousandths: 0,
                verdicts: PerMeasure::default(),
            });
        }
        if let Some(minute) = self.0.last_mut() {
            minute.peak_thousandths = minute.peak_thousandths.max(thousandths);
            for (measure, verdict) in verdicts.iter() {
                let seconds = minute.verdicts.get_mut(measure);
                let seconds = verdict.and_then(|verdict| seconds.get_mut(verdict as usize));
                // Behind a clock that stepped back within the minute a second may come twice.
                if let Some(seconds) = seconds {
                    *seconds = (*seconds + 1).min(MOST);
                }
            }
        }
    }

    /// The minutes of the hour that ends with a second, oldest first.
    pub fn minutes(&self, until: Second) -> Vec<Minute> {
        let of_hour = |minute: &&Minute| minute.start.0 + KEPT * SECONDS > until.0;
        self.0.iter().filter(of_hour).copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sla::measure::Measure;
    use Verdict::{Indeterminate, Met, Missed, Void};

    fn verdicts(loss: Option<Verdict>, latency: Option<Verdict>) -> PerMeasure<Option<Verdict>> {
        let mut verdicts = PerMeasure::default();
        *verdicts.get_mut(Measure::Loss) = loss;
        *verdicts.get_mut(Measure::Latency) = latency;
        verdicts
    }

    fn seconds(minute: &Minute, measure: Measure) -> [u8; 4] {
        *minute.verdicts.get(measure)
    }

    #[test]
    fn a_minute_keeps_its_peak_and_the_seconds_of_each_verdict() {
        let mut history = History::default();
        history.add(Second(120), 5, verdicts(Some(Met), None));
        history.add(Second(150), 9, verdicts(Some(Void), Some(Indeterminate)));
        history.add(Second(179), 7, verdicts(Some(Met), Some(Missed)));
        history.add(Second(180), 1, PerMeasure::default());
        let minutes = history.minutes(Second(180));
        assert_eq!(minutes.len(), 2);
        assert_eq!(minutes[0].start, Second(120));
        assert_eq!(minutes[0].peak_thousandths, 9);
        assert_eq!(seconds(&minutes[0], Measure::Loss), [2, 0, 1, 0]);
        assert_eq!(seconds(&minutes[0], Measure::Latency), [0, 1, 0, 1]);
        assert_eq!(minutes[1].verdicts, PerMeasure::default());
    }

    #[test]
    fn no_more_than_an_hour_is_kept_or_shown() {
        let mut history = History::default();
        for second in 0..20_000 {
            history.add(Second(second), 7, PerMeasure::default());
            assert!(history.0.len() <= 60);
        }
        assert_eq!(history.minutes(Second(19_999)).len(), 60);
        assert_eq!(
            history.minutes(Second(19_999 + 1800)).len(),
            30,
            "silent since"
        );
        assert_eq!(history.minutes(Second(90_000)), []);
    }

    #[test]
    fn a_clock_that_steps_back_leaves_only_what_is_past() {
        let mut history = History::default();
        for second in [60, 120, 180, 60] {
            history.add(Second(second), 1, PerMeasure::default());
        }
        assert_eq!(history.minutes(Second(60)).len(), 1);
    }
}
