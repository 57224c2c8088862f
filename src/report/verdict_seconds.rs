//! How the seconds of an ASN stand, measure by measure, and which of them lie in maintenance.

use super::maintenance::Maintenance;
use super::minutes::MinuteLog;
use super::model::{STRIP_PART, VerdictStrip};
use super::period::Period;
use super::seconds::{GivenSeconds, SecondSet, SecondVerdict};
use super::terms_in_force::TermsInForce;
use crate::ledger::leaf::VerdictLeaf;
use crate::sla::measure::Measure;
use std::collections::VecDeque;
use std::sync::Arc;

/// For how long a stretch that was silent is remembered: a gap in it may be told as late as this.
const TOLD_LATE: u64 = 2 * 3600;

/// Silent stretches of an ASN that are remembered at most.
const MAX_STRETCHES: usize = 1024;

/// Seconds by their verdict, and those of them in maintenance.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct SecondSums {
    /// All.
    pub(super) given: GivenSeconds,
    /// In maintenance that was announced before it began.
    pub(super) announced: GivenSeconds,
    /// In maintenance of any kind.
    pub(super) maintenance: GivenSeconds,
}

/// A stretch in which no verdict stood on some measures.
#[derive(Clone, Copy, Debug)]
struct SilentStretch {
    first: u64,
    end: u64,
    measures: [bool; Measure::COUNT],
}

/// The seconds of an ASN.
#[derive(Clone, Debug)]
pub(super) struct AsnSeconds {
    /// The first second that is not counted yet.
    since: u64,
    standing: [SecondVerdict; Measure::COUNT],
    sums: [SecondSums; Measure::COUNT],
    maintenance: Arc<Maintenance>,
    /// What was given as silent lately.
    silent: VecDeque<SilentStretch>,
    /// Any verdict stood.
    is_seen: bool,
    /// What happened in each minute; only for a history.
    minutes: Option<MinuteLog>,
}

impl AsnSeconds {
    /// From a second on.
    pub(super) const fn new(since: u64, maintenance: Arc<Maintenance>) -> Self {
        let none = GivenSeconds {
            met_s: 0,
            missed_s: 0,
            void_s: 0,
            indeterminate_s: 0,
            silent_s: 0,
        };
        let none = SecondSums {
            given: none,
            announced: none,
            maintenance: none,
        };
        Self {
            since,
            standing: [SecondVerdict::Silent; Measure::COUNT],
            sums: [none; Measure::COUNT],
            maintenance,
            silent: VecDeque::new(),
            is_seen: false,
            minutes: None,
        }
    }

    /// Notes what happens in each minute.
    pub(super) fn keep_minutes(&mut self) {
        self.minutes = Some(MinuteLog::default());
    }

    /// What happened in each minute so far, if that is noted.
    pub(super) const fn minutes(&self) -> Option<&MinuteLog> {
        self.minutes.as_ref()
    }

    /// The same, to be noted.
    pub(super) const fn minutes_mut(&mut self) -> Option<&mut MinuteLog> {
        self.minutes.as_mut()
    }

    /// Whether any verdict stands now.
    pub(super) fn has_verdict(&self) -> bool {
        self.standing != [SecondVerdict::Silent; Measure::COUNT]
    }

    /// Whether any verdict stood in the period.
    pub(super) const fn is_seen(&self) -> bool {
        self.is_seen
    }

    /// Seconds of each measure so far.
    pub(super) const fn sums(&self) -> &[SecondSums; Measure::COUNT] {
        &self.sums
    }

    /// Whether some verdict that stands is `void`.
    pub(super) fn is_void(&self) -> bool {
        self.standing.contains(&SecondVerdict::Void)
    }

    /// Counts the seconds before `end` that are not counted yet, under the verdicts that stand.
    pub(super) fn count_until(
        &mut self,
        end: u64,
        terms: &TermsInForce<'_>,
        strip: &mut VerdictStrip,
    ) {
        let Some((first, end)) = self.stretch(end, terms.period) else {
            return;
        };
        let mut measures = [false; Measure::COUNT];
        for (place, sums) in self.sums.iter_mut().enumerate() {
            let (Some(true), Some(&verdict)) =
                (terms.guaranteed.get(place), self.standing.get(place))
            else {
                continue;
            };
            if verdict == SecondVerdict::Silent {
                if let Some(is_silent) = measures.get_mut(place) {
                    *is_silent = true;
                }
                sums.add(verdict, (first, end), &self.maintenance);
                for stretch in terms.unseen.between(first, end) {
                    sums.mark_unseen(stretch, &self.maintenance);
                    note(
                        &mut self.minutes,
                        place,
                        SecondVerdict::Indeterminate,
                        stretch,
                    );
                }
            } else {
                self.is_seen = true;
                sums.add(verdict, (first, end), &self.maintenance);
                note(&mut self.minutes, place, verdict, (first, end));
                mark(strip, verdict, (first, end), terms.period);
            }
        }
        if measures.contains(&true) {
            self.silent.push_back(SilentStretch {
                first,
                end,
                measures,
            });
        }
        let old = end.saturating_sub(TOLD_LATE);
        while self.silent.len() > MAX_STRETCHES
            || self.silent.front().is_some_and(|one| one.end < old)
        {
            self.silent.pop_front();
        }
    }

    /// Counts the seconds before `end` that are not counted yet, as not seen.
    pub(super) fn count_unseen_until(
        &mut self,
        end: u64,
        terms: &TermsInForce<'_>,
        strip: &mut VerdictStrip,
    ) {
        let Some((first, end)) = self.stretch(end, terms.period) else {
            return;
        };
        let verdict = SecondVerdict::Indeterminate;
        for (place, (sums, guaranteed)) in self.sums.iter_mut().zip(terms.guaranteed).enumerate() {
            if guaranteed {
                sums.add(verdict, (first, end), &self.maintenance);
                note(&mut self.minutes, place, verdict, (first, end));
            }
        }
        mark(strip, verdict, (first, end), terms.period);
    }

    /// The windows of some seconds were not seen whole, which becomes known only now: the seconds without a
    /// verdict become indeterminate.
    pub(super) fn mark_unseen(&mut self, (first, end): (u64, u64)) {
        let late = self.silent.iter().rev();
        for one in late.take_while(|one| one.end > first) {
            let (first, end) = (first.max(one.first), end.min(one.end));
            if first >= end {
                continue;
            }
            for (place, (sums, is_silent)) in self.sums.iter_mut().zip(one.measures).enumerate() {
                if is_silent {
                    let stretch = (first, end);
                    sums.mark_unseen(stretch, &self.maintenance);
                    note(
                        &mut self.minutes,
                        place,
                        SecondVerdict::Indeterminate,
                        stretch,
                    );
                }
            }
        }
    }

    /// Leaves out the seconds up to one: the contract is not in force.
    pub(super) fn skip(&mut self, end: u64) {
        self.since = self.since.max(end);
    }

    /// The seconds before `end`, as far as they lie in the period and are not counted yet.
    fn stretch(&mut self, end: u64, period: Period) -> Option<(u64, u64)> {
        let first = self.since.max(period.from.0);
        self.skip(end);
        let end = end.min(period.until.0);
        (first < end).then_some((first, end))
    }

    /// Sets the verdicts that stand from now on.
    pub(super) fn set_verdicts(&mut self, leaf: &VerdictLeaf) -> Result<(), String> {
        if leaf.verdicts.len() != Measure::COUNT {
            return Err(format!("has {} verdicts", leaf.verdicts.len()));
        }
        for (standing, word) in self.standing.iter_mut().zip(&leaf.verdicts) {
            let verdict = SecondVerdict::from_word(word);
            *standing = verdict.ok_or_else(|| format!("verdict {word:?} is not known"))?;
        }
        Ok(())
    }

    /// No verdict stands any more.
    pub(super) const fn clear_verdicts(&mut self) {
        self.standing = [SecondVerdict::Silent; Measure::COUNT];
    }
}

impl SecondSums {
    fn add(&mut self, verdict: SecondVerdict, stretch: (u64, u64), maintenance: &Maintenance) {
        let (first, end) = stretch;
        *self.given.of_mut(verdict) += end - first;
        *self.announced.of_mut(verdict) += maintenance.announced.count(first, end);
        *self.maintenance.of_mut(verdict) += maintenance.all.count(first, end);
    }

    /// Moves seconds from those without a verdict to the indeterminate ones.
    fn mark_unseen(&mut self, stretch: (u64, u64), maintenance: &Maintenance) {
        let (first, end) = stretch;
        let count = |set: &SecondSet| set.count(first, end);
        let each = [
            (&mut self.given, end - first),
            (&mut self.announced, count(&maintenance.announced)),
            (&mut self.maintenance, count(&maintenance.all)),
        ];
        for (sums, seconds) in each {
            sums.silent_s = sums.silent_s.saturating_sub(seconds);
            sums.indeterminate_s += seconds;
        }
    }
}

/// Notes the minutes of a stretch, if anybody wants them.
fn note(
    minutes: &mut Option<MinuteLog>,
    measure: usize,
    verdict: SecondVerdict,
    stretch: (u64, u64),
) {
    if let Some(minutes) = minutes {
        minutes.add_seconds(measure, verdict, stretch);
    }
}

/// Notes in which quarters of an hour a verdict stood.
pub(super) fn mark(
    strip: &mut VerdictStrip,
    verdict: SecondVerdict,
    (first, end): (u64, u64),
    period: Period,
) {
    let quarter = |second: u64| usize::try_from((second - period.from.0) / STRIP_PART);
    let (Ok(from), Ok(until)) = (quarter(first), quarter(end - 1)) else {
        return;
    };
    let quarters = strip.quarters.iter_mut().take(until + 1).skip(from);
    for seen in quarters {
        let seen = match verdict {
            SecondVerdict::Met => &mut seen.met,
            SecondVerdict::Missed => &mut seen.missed,
            SecondVerdict::Void => &mut seen.void,
            SecondVerdict::Indeterminate => &mut seen.indeterminate,
            SecondVerdict::Silent => continue,
        };
        *seen = true;
    }
}
