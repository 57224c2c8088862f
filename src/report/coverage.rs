//! Which seconds of a period were seen whole, which in part, which not at all, and why.

use super::model::Coverage;
use super::period::Period;
use super::seconds::SecondSet;

/// The seconds by what was seen of them.
#[derive(Debug, Default)]
pub(super) struct CoverageSets {
    pub(super) incomplete_capture: SecondSet,
    pub(super) incomplete_clock: SecondSet,
    /// The seconds at the edges of a stop.
    pub(super) incomplete_stop: SecondSet,
    pub(super) not_before: SecondSet,
    pub(super) not_stop: SecondSet,
    pub(super) not_disk: SecondSet,
    pub(super) not_after: SecondSet,
    pub(super) repeated_s: u64,
}

impl CoverageSets {
    /// What there is to say of a period. A second with two reasons counts under the first.
    pub(super) fn coverage(&self, period: Period) -> Coverage {
        let Period { from, until } = period;
        let count = |set: &SecondSet| set.count(from.0, until.0);
        let mut coverage = Coverage {
            repeated_s: self.repeated_s,
            ..Coverage::default()
        };
        let mut known = SecondSet::default();
        let mut add = |set: &SecondSet| {
            let before = count(&known);
            known.add(set);
            count(&known) - before
        };
        let not_running = [
            ("before", &self.not_before),
            ("stop", &self.not_stop),
            ("disk", &self.not_disk),
            ("after", &self.not_after),
        ];
        for (why, set) in not_running {
            let seconds = add(set);
            coverage.not_running_s += seconds;
            coverage.not_running_by.insert(why, seconds);
        }
        let incomplete = [
            ("clock", &self.incomplete_clock),
            ("stop", &self.incomplete_stop),
            ("capture", &self.incomplete_capture),
        ];
        for (why, set) in incomplete {
            let seconds = add(set);
            coverage.incomplete_s += seconds;
            coverage.incomplete_by.insert(why, seconds);
        }
        coverage.whole_s = period.seconds() - coverage.not_running_s - coverage.incomplete_s;
        coverage
    }
}
