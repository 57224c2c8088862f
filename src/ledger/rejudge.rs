//! Judges again what the leaves say was counted, and holds the recorded verdicts and intervals to it.
//!
//! The judge is the live one ([`CommitmentJudge`]), what it says becomes leaves the way it did
//! ([`Recorder`]): the two lists must be the same, bit for bit. After seconds that could not be
//! written, and where a ledger's first days are gone, the windows are not known for as long as a window
//! is: there the recorded verdicts are taken, and counted as taken.

mod comparison;
mod observer;
mod order;

use super::leaf::{
    CommitmentTerms, CountedLeaf, CountingTerms, GapLeaf, GapReason, Leaf, PartTerms, PolicyLeaf,
    RULES, StartLeaf, TableTerms, VerdictLeaf,
};
use super::record::{Recorder, StandingVerdicts};
pub use super::second_group::LeafFault;
use super::second_group::{SecondGroup, entered, is_judgement};
use super::settled::SettledSeconds;
use crate::attribution::scopes::ScopePlan;
use crate::judge::IDLE_TOLD;
use crate::judge::commitment_judge::CommitmentJudge;
use crate::meter::second::IncompleteRange;
use crate::sla::measure::Measure;
use crate::sla::policy::Policy;
use crate::snapshot::evidence::JudgementObserver;
use crate::units::Second;
use observer::{CollectedLeaves, RejudgeObserver};
use order::check_gaps;
use std::collections::BTreeMap;
use std::mem::take;
use std::sync::Arc;

/// How much was judged again.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct RejudgeCounts {
    /// Verdict leaves that follow from the leaves before them.
    pub verdicts: u64,
    /// Interval leaves that do.
    pub intervals: u64,
    /// Leaves of both kinds that were taken as they are: what they rest on is not all there.
    pub taken: u64,
    /// Leaves of both kinds by other rules than ours, and the version of those rules.
    pub other_rules: Option<(u64, u32)>,
}

/// What a meter goes on with after a stop.
#[derive(Debug)]
pub struct ResumedJudge {
    /// The judge, as it was after the last second.
    pub judge: CommitmentJudge,
    /// The verdicts that stand.
    pub standing: StandingVerdicts,
    /// The last second.
    pub last: Second,
    /// Of a fleet: what its last second was made of.
    pub made_of: Vec<PartTerms>,
    /// The ASN tables in use.
    pub tables: Option<Vec<TableTerms>>,
}

/// Judges the leaves of a ledger, in their order: from its first one on, or from the first of a day;
/// then windows are not known at first.
#[derive(Debug)]
pub struct LeafJudge {
    judge: CommitmentJudge,
    recorder: Recorder<CollectedLeaves>,
    group: SecondGroup,
    /// Behind the leaves of the second stands what people entered.
    is_entered: bool,
    counting: Option<CountingTerms>,
    /// The first of the seconds that are all there, while windows still hold others.
    whole_from: Option<Second>,
    /// What began up to this second is not all known.
    unknown_until: Option<Second>,
    /// The verdicts that stand by what is recorded.
    recorded: BTreeMap<(String, u32), VerdictLeaf>,
    day: Option<u64>,
    /// The rules of the leaves that come.
    rules: u32,
    /// The first leaf is not the ledger's.
    begins_late: bool,
    made_of: Vec<PartTerms>,
    tables: Option<Vec<TableTerms>>,
    done: RejudgeCounts,
    /// Instead of comparing: the leaves with what the judge says of them.
    judged: Option<Vec<Leaf>>,
    /// Seconds by verdict, where they are asked for.
    settled: Option<SettledSeconds>,
}

impl Default for LeafJudge {
    fn default() -> Self {
        Self {
            judge: CommitmentJudge::default(),
            recorder: Recorder::new(CollectedLeaves::default(), CountingTerms::default()),
            group: SecondGroup::default(),
            is_entered: false,
            counting: None,
            whole_from: None,
            unknown_until: None,
            recorded: BTreeMap::new(),
            day: None,
            rules: RULES,
            begins_late: false,
            made_of: Vec::new(),
            tables: None,
            done: RejudgeCounts::default(),
            judged: None,
            settled: None,
        }
    }
}

impl LeafJudge {
    /// A judge that holds nothing to what is recorded: [`Self::take_judged`] has the leaves with what it
    /// says in place of that.
    pub fn judging_anew() -> Self {
        Self {
            judged: Some(Vec::new()),
            ..Self::default()
        }
    }

    /// The same, which also counts seconds by verdict.
    pub fn counting_settled() -> Self {
        Self {
            settled: Some(SettledSeconds::default()),
            ..Self::judging_anew()
        }
    }

    /// Seconds by verdict; only of one that is [`Self::counting_settled`].
    pub fn settled(&self) -> Option<&SettledSeconds> {
        self.settled.as_ref()
    }

    /// The leaves that were judged since the last call, each second with its intervals and verdicts; only of
    /// one that is [`Self::judging_anew`].
    pub fn take_judged(&mut self) -> Vec<Leaf> {
        self.judged.as_mut().map(take).unwrap_or_default()
    }

    /// The version of other rules by which some leaves are: of these it says nothing.
    pub fn other_rules(&self) -> Option<u32> {
        self.done.other_rules.map(|(_, rules)| rules)
    }

    /// Takes the leaf with this number.
    ///
    /// # Errors
    /// [`LeafFault`]: it, or one of its second, does not follow from those before.
    pub fn take(&mut self, number: u64, leaf: Leaf) -> Result<(), LeafFault> {
        if let Some(entered) = entered(&leaf) {
            return self.enter(number, entered);
        }
        if self.group.ends_before(&leaf) {
            self.judge_group()?;
        } else if take(&mut self.is_entered) && !matches!(leaf, Leaf::Stop(_) | Leaf::Day(_)) {
            let reason = "stands behind what people entered, in the middle of its second";
            return Err(LeafFault {
                number,
                reason: reason.into(),
            });
        }
        self.is_entered = false;
        if self.group.leaves.is_empty() {
            self.group.number = number;
        }
        if self.day.is_none()
            && let Leaf::Day(day) = &leaf
            && day.size > 0
        {
            self.begins_late = true;
        }
        self.group.leaves.push(leaf);
        Ok(())
    }

    /// What people entered stands behind the leaves of a second, and was not entered before it.
    fn enter(&mut self, number: u64, entered: Second) -> Result<(), LeafFault> {
        let last = self.group.leaves.iter().find_map(Leaf::second);
        let last = last.or_else(|| self.judge.judged());
        self.is_entered = !self.group.leaves.is_empty();
        match last.filter(|last| *last > entered) {
            None => Ok(()),
            Some(last) => Err(LeafFault {
                number,
                reason: format!("says that it was entered at {entered}, and stands behind {last}"),
            }),
        }
    }

    /// Judges the last second; how much was judged.
    ///
    /// # Errors
    /// [`LeafFault`], as [`Self::take`].
    pub fn finish(&mut self) -> Result<RejudgeCounts, LeafFault> {
        self.judge_group()?;
        Ok(self.done)
    }

    /// The settings by which was counted, as the last policy leaf has them.
    pub fn counting(&self) -> Option<&CountingTerms> {
        self.counting.as_ref()
    }

    /// What a meter goes on with: none where there is no second, where windows or the beginning of an open
    /// interval are not known, or by other rules.
    pub fn resume(mut self) -> Option<ResumedJudge> {
        let last = self.judge.judged()?;
        let since = self.judge.over_since();
        let is_known = self.whole_from.is_none()
            && since.is_none_or(|since| !self.is_unknown_at(since))
            && self.rules == RULES;
        self.judge.forget_counters();
        is_known.then(|| ResumedJudge {
            judge: self.judge,
            standing: self.recorder.into_standing(),
            last,
            made_of: self.made_of,
            tables: self.tables,
        })
    }

    /// Judges the leaves of one second, and the idle seconds before it.
    fn judge_group(&mut self) -> Result<(), LeafFault> {
        let group = take(&mut self.group);
        for leaf in &group.leaves {
            if let Leaf::Start(start) = leaf {
                self.rules = rules(start);
            }
        }
        if self.rules != RULES {
            let judgements = group
                .leaves
                .iter()
                .filter(|leaf| is_judgement(leaf))
                .count();
            let (sum, _) = self.done.other_rules.unwrap_or_default();
            self.done.other_rules = Some((sum + judgements as u64, self.rules));
            return Ok(());
        }
        let Some(second) = group.leaves.iter().find_map(Leaf::second) else {
            return Ok(());
        };
        let is_end = |leaf: &Leaf| matches!(leaf, Leaf::Gap(_) | Leaf::Stop(_));
        if group.leaves.iter().all(is_end) && matches!(group.leaves.last(), Some(Leaf::Stop(_))) {
            // Nothing was judged here; what could not be written before was.
            group.gaps().for_each(|gap| self.take_gap(gap));
            if let Some(judged) = &mut self.judged {
                judged.extend(group.leaves);
            }
            return Ok(());
        }
        if take(&mut self.begins_late) {
            self.whole_from = Some(second);
        }
        if self.judged.is_none() {
            check_gaps(&group, second)?;
        }
        let goes_on = |gap: &GapLeaf| !gap.begins_anew() && gap.why != GapReason::Stop;
        for last in group.gaps().filter_map(|gap| gap.judged) {
            // Idle seconds before the clock was set back.
            self.judge_idle(&group, last.next())?;
        }
        // Where a meter began on a full disk, it is not written since when nothing was judged.
        let unwritten = group.gaps().find(|gap| gap.why == GapReason::Disk);
        let is_unknown = unwritten.is_some() && group.has_start();
        if group.gaps().all(goes_on) && !is_unknown {
            self.judge_idle(&group, second)?;
        }
        let steps_back = self.judge.judged().is_some_and(|judged| second <= judged);
        if let Some(gap) = unwritten.filter(|_| steps_back) {
            // What judged so was not written.
            self.judge.restart(gap.from.min(second));
        } else if steps_back && !group.gaps().any(GapLeaf::begins_anew) {
            return Err(group.fault(0, "is of a second before, though no gap says why"));
        }
        self.take_counts(&group, second)?;
        if self.judged.is_none() {
            self.check_order(&group, second)?;
        }
        let judged = self.judge_second(second);
        if let Some(all) = &mut self.judged {
            let counted = group.leaves.into_iter().filter(|leaf| !is_judgement(leaf));
            let (stop, rest): (Vec<_>, Vec<_>) =
                counted.partition(|leaf| matches!(leaf, Leaf::Stop(_)));
            all.extend(rest.into_iter().chain(judged).chain(stop));
            return Ok(());
        }
        self.compare(&group, &judged)?;
        if group.gaps().any(GapLeaf::begins_anew) {
            // What was open before has ended here at the latest.
            self.unknown_until = None;
        }
        Ok(())
    }

    /// Seconds before `second` in which nothing was counted say nothing either, but for the last of each minute.
    fn judge_idle(&mut self, group: &SecondGroup, second: Second) -> Result<(), LeafFault> {
        let Some(last) = self.judge.judged().filter(|last| *last < second) else {
            return Ok(());
        };
        let until = second.previous();
        let is_unwritten = |second: u64| {
            let mut disk = group.gaps().filter(|gap| gap.why == GapReason::Disk);
            disk.any(|gap| gap.from.0 <= second && second <= gap.until.0)
        };
        for idle in last.0 + 1..=until.min(self.judge.empty_after(last)).0 {
            let judged = self.judge_second(Second(idle));
            if let Some(all) = &mut self.judged {
                all.extend(judged);
            } else if let Some(missing) = judged.first()
                && self.whole_from.is_none()
                && !is_unwritten(idle)
            {
                let reason = format!("before it is missing {}", missing.to_line());
                return Err(group.fault(0, reason));
            }
        }
        self.judge.pass(until);
        let is_told =
            until.0 - last.0 <= IDLE_TOLD / 2 && !self.judge.policy().commitments.is_empty();
        if self.judged.is_some() || !is_told {
            return Ok(());
        }
        let mut ends = (last.0 + 1..=until.0).filter(|second| second % 60 == 59);
        match ends.find(|second| !is_unwritten(*second)) {
            Some(end) => {
                let reason = format!("before it is missing the second {}", Second(end));
                Err(group.fault(0, reason))
            }
            None => Ok(()),
        }
    }

    /// Takes what was in force, what was not seen, and what was counted.
    fn take_counts(&mut self, group: &SecondGroup, second: Second) -> Result<(), LeafFault> {
        if self.day.replace(second.0 / 86_400) != Some(second.0 / 86_400) {
            // all that stand are told again
            self.recorded.clear();
        }
        let mut is_changed = false;
        for (place, leaf) in group.leaves.iter().enumerate() {
            match leaf {
                Leaf::Policy(leaf) => {
                    let policy = policy(leaf).map_err(|reason| group.fault(place, reason))?;
                    is_changed |= policy.commitments != self.judge.policy().commitments;
                    self.judge.revise(policy.into());
                    self.counting = Some(leaf.counting.clone());
                }
                Leaf::Gap(gap) => {
                    self.take_gap(gap);
                    if gap.why == GapReason::Disk && is_changed {
                        // When it changed was not written.
                        self.whole_from = Some(second);
                    }
                }
                Leaf::Amendment(leaf) => {
                    let (commitment, amended) = (&leaf.commitment, leaf.amended);
                    let added = self.add(commitment, amended, &leaf.asns);
                    added.map_err(|reason| group.fault(place, reason))?;
                }
                Leaf::Second(leaf) => {
                    if !leaf.made_of.is_empty() {
                        self.made_of.clone_from(&leaf.made_of);
                    }
                    let added = self.add(&leaf.commitment, second, &leaf.asns);
                    added.map_err(|reason| group.fault(place, reason))?;
                }
                Leaf::Table(leaf) => self.tables = Some(leaf.sources.clone()),
                // These count nothing.
                Leaf::Start(_)
                | Leaf::Day(_)
                | Leaf::Key(_)
                | Leaf::Stop(_)
                | Leaf::Interval(_)
                | Leaf::Verdict(_)
                | Leaf::Exclusion(_)
                | Leaf::Revision(_) => {}
            }
        }
        Ok(())
    }

    fn add(
        &mut self,
        commitment: &str,
        second: Second,
        asns: &[CountedLeaf],
    ) -> Result<(), String> {
        for counted in asns {
            let subject = counted.subject().ok_or("names no ASN")?;
            let counts = counted.subject_counts(second);
            if !self.judge.add_counted(commitment, second, subject, &counts) {
                return Err(format!("no contract is named {commitment:?}"));
            }
        }
        Ok(())
    }

    fn take_gap(&mut self, gap: &GapLeaf) {
        let range = IncompleteRange {
            first: gap.from,
            last: gap.until,
            at_most: gap.frames,
        };
        match gap.why {
            GapReason::Start => {
                // another judge than before
                self.judge = CommitmentJudge::new(self.judge.policy().clone());
                self.judge.restart(gap.until.next());
                self.recorder.forget_standing();
                self.recorded.clear();
                self.whole_from = None;
            }
            GapReason::Clock => {
                let first = gap.until.next();
                self.judge.restart(first);
                // All windows begin here.
                self.whole_from = self.whole_from.map(|_| first);
            }
            GapReason::Stop | GapReason::Capture | GapReason::Probe => {
                self.judge.mark_incomplete(range);
            }
            GapReason::Policy => {
                let commitment = gap.commitment.as_deref().unwrap_or_default();
                self.judge.skip_second(commitment, gap.until);
            }
            GapReason::Disk => {
                self.judge.mark_incomplete(range);
                self.recorder.sink_mut().unwritten = Some((gap.from, gap.until));
                self.recorder.take_unwritten();
                self.recorded.clear();
                // A clock that was set back meanwhile goes on before the end of the gap.
                self.whole_from = Some(gap.until.next().min(gap.second));
            }
        }
    }

    /// What the judge says of a second.
    fn judge_second(&mut self, second: Second) -> Vec<Leaf> {
        let mut listener = RejudgeObserver {
            recorder: &mut self.recorder,
            settled: self.settled.as_mut(),
        };
        self.judge.judge(second, |_, _| false, &mut listener);
        self.judge.take_notices();
        take(&mut self.recorder.sink_mut().leaves)
    }
}

/// The rules of the leaves behind a start; 0: not even the measures are ours.
fn rules(start: &StartLeaf) -> u32 {
    let ours = Measure::ALL.map(Measure::as_str);
    let same = start.measures.iter().map(String::as_str).eq(ours);
    if same { start.rules } else { 0 }
}

/// The contracts of a leaf, with nobody's addresses.
fn policy(leaf: &PolicyLeaf) -> Result<Policy, String> {
    let commitments = leaf.commitments.iter().map(CommitmentTerms::commitment);
    let commitments: Vec<_> = commitments
        .collect::<Result<_, _>>()
        .map_err(|error| error.to_string())?;
    let scopes = commitments.iter().map(|commitment| &commitment.scope);
    Ok(Policy {
        scopes: ScopePlan::new(scopes, &ScopePlan::default()).into(),
        commitments,
        origins: Arc::default(),
        silence_share: leaf.counting.silence_share(),
    })
}

#[cfg(test)]
mod tests;
