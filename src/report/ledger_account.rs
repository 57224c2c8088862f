//! Follows the leaves of one ledger, second by second, and keeps the accounts of its contracts.
//!
//! It judges nothing: verdicts are those of the leaves, which `verify` judges again meanwhile. Which
//! seconds were judged at all is what it finds out: leaves stand only where there was something to say.

use super::changes::Changes;
use super::commitment_account::CommitmentAccount;
use super::coverage::CoverageSets;
use super::model::{ChangeKind, EvidenceSummary, LedgerReport};
use super::period::{Period, ReportZone};
use super::{MAX_RATES, MAX_ROWS, ReportRequest};
use crate::ledger::checkpoint::SignedCheckpoint;
use crate::ledger::leaf::{
    CountedLeaf, ExclusionLeaf, GapLeaf, GapReason, Leaf, PolicyLeaf, RevisionLeaf, StartLeaf,
};
use crate::ledger::verify::Verified;
use crate::sla::measure::Measure;
use crate::units::Second;
use std::mem::take;

/// Seconds in a day.
const DAY: u64 = 86_400;

/// The second whose leaves come.
#[derive(Debug, Default)]
struct OpenSecond {
    second: u64,
    /// What it begins with has been taken, and counts come.
    is_counting: bool,
    policy: Option<PolicyLeaf>,
    gaps: Vec<GapLeaf>,
}

/// The account of one ledger.
#[derive(Debug)]
pub(super) struct LedgerAccount {
    period: Period,
    zone: ReportZone,
    /// Only this contract.
    only: Option<String>,
    /// The names of all contracts that were in force.
    names: Vec<String>,
    commitments: Vec<CommitmentAccount>,
    open: Option<OpenSecond>,
    /// The last second judged; of those that ran twice the later turn.
    judged: Option<u64>,
    /// The first second that was never judged.
    next: u64,
    coverage: CoverageSets,
    changes: Changes,
    /// Announced maintenance.
    exclusions: Vec<ExclusionLeaf>,
    policy_sha256: String,
    /// Rates of 5 minutes that are kept.
    rates: usize,
}

impl LedgerAccount {
    /// For what is asked, with maintenance as it is entered.
    pub(super) fn new(request: &ReportRequest, exclusions: Vec<ExclusionLeaf>) -> Self {
        Self {
            period: request.period,
            zone: request.zone.clone(),
            only: request.commitment.clone(),
            names: Vec::new(),
            commitments: Vec::new(),
            open: None,
            judged: None,
            next: 0,
            coverage: CoverageSets::default(),
            changes: Changes::new(request.period, request.zone.clone()),
            exclusions,
            policy_sha256: String::new(),
            rates: 0,
        }
    }

    /// Takes the next leaf.
    ///
    /// # Errors
    /// What of it does not fit what came before, or has no room.
    pub(super) fn take(&mut self, leaf: &Leaf) -> Result<(), String> {
        if let Leaf::Revision(leaf) = leaf {
            self.revised(leaf);
        }
        let Some(Second(second)) = leaf.second() else {
            return Ok(());
        };
        let begins = matches!(
            leaf,
            Leaf::Start(_) | Leaf::Policy(_) | Leaf::Table(_) | Leaf::Gap(_)
        );
        let is_same = self
            .open
            .as_ref()
            .is_some_and(|open| open.second == second && !(begins && open.is_counting));
        if !is_same {
            self.close_second()?;
            self.open = Some(OpenSecond {
                second,
                ..OpenSecond::default()
            });
        }
        match leaf {
            Leaf::Start(start) => return self.start(start),
            Leaf::Policy(policy) => {
                if let Some(open) = &mut self.open {
                    open.policy = Some(policy.clone());
                }
                return Ok(());
            }
            Leaf::Gap(gap) => {
                if let Some(open) = &mut self.open {
                    open.gaps.push(gap.clone());
                }
                return Ok(());
            }
            Leaf::Table(table) => {
                self.changes.table(table);
                return Ok(());
            }
            Leaf::Stop(stop) => return self.stop(stop.time.0),
            Leaf::Day(_)
            | Leaf::Second(_)
            | Leaf::Amendment(_)
            | Leaf::Interval(_)
            | Leaf::Verdict(_)
            | Leaf::Exclusion(_)
            | Leaf::Revision(_) => {}
        }
        self.begin_counting()?;
        match leaf {
            Leaf::Second(leaf) => self.count(&leaf.commitment, &leaf.asns, second),
            Leaf::Amendment(leaf) => self.count(&leaf.commitment, &leaf.asns, leaf.amended.0),
            Leaf::Verdict(leaf) => match self.account_mut(&leaf.commitment) {
                Some(account) => account.stand(leaf),
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }

    /// Some of the period was judged again under another contract.
    pub(super) fn revised(&mut self, leaf: &RevisionLeaf) {
        self.changes.revision(leaf);
    }

    /// What follows, once all leaves were taken and verified; none where no second was judged.
    ///
    /// # Errors
    /// As [`Self::take`].
    pub(super) fn finish(mut self, verified: &Verified) -> Result<Option<LedgerReport>, String> {
        self.close_second()?;
        let Some(judged) = self.judged else {
            return Ok(None);
        };
        let end = self.period.until.0;
        let seen = self.next.max(self.period.from.0);
        self.coverage.not_after.insert(seen, end);
        for account in &mut self.commitments {
            account.give(self.next.max(judged + 1));
            account.give_unseen(end);
        }
        let coverage = self.coverage.coverage(self.period);
        let (changes, changes_left_out) = self.changes.into_parts();
        let zone = self.zone;
        let commitments = self.commitments.into_iter();
        let is_there = |only: &String| self.names.contains(only);
        if let Some(only) = self.only.filter(|only| !is_there(only)) {
            let known = self.names.join(", ");
            return Err(format!(
                "no commitment is named {only:?}; there are: {known}"
            ));
        }
        Ok(Some(LedgerReport {
            origin: verified.origin.clone(),
            evidence: evidence(verified),
            coverage,
            changes,
            changes_left_out,
            settled_late: None,
            commitments: commitments.map(|account| account.report(&zone)).collect(),
        }))
    }

    /// The meter starts. Whether it goes on with its windows a gap says.
    fn start(&mut self, start: &StartLeaf) -> Result<(), String> {
        let ours = Measure::ALL.map(Measure::as_str);
        if !start.measures.iter().map(String::as_str).eq(ours) {
            let theirs = start.measures.join(", ");
            return Err(format!(
                "judges {theirs}: this version knows {}",
                ours.join(", ")
            ));
        }
        self.changes.start(start);
        Ok(())
    }

    /// The meter stops after a second.
    fn stop(&mut self, last: u64) -> Result<(), String> {
        let is_judged = self.open.as_ref().is_some_and(|open| open.is_counting);
        if is_judged {
            self.close_second()?;
        } else {
            // Nothing was judged here; what could not be written before is told.
            let gaps = self.open.take().map(|open| open.gaps);
            let gaps = gaps.unwrap_or_default();
            for gap in &gaps {
                self.take_incomplete(gap, last);
            }
            self.take_gaps(&gaps, last);
        }
        self.idle_until(last + 1);
        self.changes.note(last, ChangeKind::Stop);
        Ok(())
    }

    fn account_mut(&mut self, name: &str) -> Option<&mut CommitmentAccount> {
        self.commitments.iter_mut().find(|one| one.name() == name)
    }

    fn count(&mut self, commitment: &str, asns: &[CountedLeaf], second: u64) -> Result<(), String> {
        let now = self.open.as_ref().map_or(second, |open| open.second);
        let room = match self.account_mut(commitment) {
            Some(account) => account.count(asns, second, now)?,
            None => 0,
        };
        self.rates += room;
        let rows: usize = self.commitments.iter().map(CommitmentAccount::len).sum();
        if rows > MAX_ROWS || self.rates > MAX_RATES {
            return Err(format!(
                "more ASNs than a report has room for ({rows} rows): ask for a shorter period, or for one --commitment"
            ));
        }
        Ok(())
    }

    /// What the open second begins with is known now: seconds before it, gaps, contracts.
    fn begin_counting(&mut self) -> Result<(), String> {
        let Some(open) = &mut self.open else {
            return Ok(());
        };
        if open.is_counting {
            return Ok(());
        }
        open.is_counting = true;
        let begins = self.judged.is_none();
        let (second, policy) = (open.second, open.policy.take());
        let gaps = take(&mut open.gaps);
        // What was not seen of seconds before is known before they are given.
        let of_seconds = |gap: &&GapLeaf| !matches!(gap.why, GapReason::Start | GapReason::Clock);
        for gap in gaps.iter().filter(of_seconds) {
            self.take_incomplete(gap, second);
        }
        let may_be_idle = self.take_gaps(&gaps, second);
        if may_be_idle {
            self.idle_until(second);
        }
        self.begin_day(second);
        if let Some(policy) = policy {
            self.policy(&policy)?;
        }
        if begins {
            let accounts = self.commitments.iter_mut();
            accounts.for_each(|account| account.begin_windows(second));
        }
        // Under the contracts that begin here, too.
        for gap in &gaps {
            self.take_incomplete(gap, second);
        }
        Ok(())
    }

    /// Seconds that were not judged before one. Returns whether those that are left were.
    fn take_gaps(&mut self, gaps: &[GapLeaf], second: u64) -> bool {
        let mut may_be_idle = true;
        for gap in gaps {
            match gap.why {
                GapReason::Start | GapReason::Stop => {
                    self.not_judged_until(second, GapReason::Stop);
                    if gap.why == GapReason::Start {
                        self.forget_standing();
                    }
                    may_be_idle = false;
                }
                GapReason::Clock => {
                    if let Some(Second(judged)) = gap.judged {
                        self.idle_until(judged + 1);
                    }
                    self.judged = second.checked_sub(1);
                }
                GapReason::Disk => {
                    self.idle_until(gap.from.0);
                    self.not_judged_until(gap.until.0 + 1, GapReason::Disk);
                    self.forget_standing();
                }
                GapReason::Capture | GapReason::Policy | GapReason::Probe => {}
            }
        }
        if self.judged.is_none() {
            // The ledger, or what is there of it, begins here.
            self.coverage
                .not_before
                .insert(self.period.from.0, second.min(self.period.until.0));
            self.next = self.next.max(second);
            may_be_idle = false;
        } else if second <= self.judged.unwrap_or_default() {
            self.judged = second.checked_sub(1);
        }
        may_be_idle
    }

    /// What was not seen whole, under the contracts that are in force now.
    fn take_incomplete(&mut self, gap: &GapLeaf, second: u64) {
        let (first, end) = (gap.from.0, gap.until.0.saturating_add(1));
        let Period { from, until } = self.period;
        match gap.why {
            GapReason::Start | GapReason::Clock => {
                if gap.why == GapReason::Clock {
                    let behind = self.next.min(until.0);
                    self.coverage
                        .incomplete_clock
                        .insert(second.max(from.0), behind);
                }
                for account in &mut self.commitments {
                    account.begin_windows(second);
                }
            }
            GapReason::Capture | GapReason::Stop | GapReason::Disk | GapReason::Probe => {
                let seconds = match gap.why {
                    GapReason::Stop => &mut self.coverage.incomplete_stop,
                    GapReason::Disk => &mut self.coverage.not_disk,
                    _ => &mut self.coverage.incomplete_capture,
                };
                seconds.insert(first.max(from.0), end.min(until.0));
                for account in &mut self.commitments {
                    account.see_incomplete(first, end);
                }
            }
            GapReason::Policy => {
                let name = gap.commitment.as_deref().unwrap_or_default();
                if let Some(account) = self.account_mut(name) {
                    account.see_incomplete(first, end);
                }
            }
        }
    }

    fn policy(&mut self, leaf: &PolicyLeaf) -> Result<(), String> {
        let second = leaf.second.0;
        let is_first = self.policy_sha256.is_empty();
        if leaf.sha256 != self.policy_sha256 {
            self.policy_sha256.clone_from(&leaf.sha256);
            let sha256 = leaf.sha256.clone();
            if !is_first || self.period.contains(second) {
                self.changes.note(second, ChangeKind::Policy { sha256 });
            }
        }
        // What held before the ledger began nobody knows but from its first word.
        let since = if is_first { self.period.from.0 } else { second };
        for account in &mut self.commitments {
            let is_named = |name: &str| leaf.commitments.iter().any(|terms| terms.name == name);
            if !is_named(account.name()) {
                account.end(second);
            }
        }
        for terms in &leaf.commitments {
            if !self.names.contains(&terms.name) {
                self.names.push(terms.name.clone());
            }
            if self.only.as_ref().is_some_and(|only| *only != terms.name) {
                continue;
            }
            let known = self.account_mut(&terms.name).is_some();
            if !known {
                let (period, zone) = (self.period, &self.zone);
                let new =
                    CommitmentAccount::new(&terms.name, since, period, zone, &self.exclusions);
                self.commitments.push(new);
            }
            let Some(account) = self.account_mut(&terms.name) else {
                continue;
            };
            account.revise(second, since, terms, &leaf.sha256)?;
            if is_first {
                account.give_unseen(second);
            }
        }
        Ok(())
    }

    /// The recorder says all verdicts that stand again in the first second of a day; what does not
    /// stand any more it does not say.
    fn begin_day(&mut self, second: u64) {
        let is_other = self
            .judged
            .is_some_and(|judged| judged / DAY != second / DAY);
        if is_other {
            for account in &mut self.commitments {
                account.give(second);
            }
            self.forget_standing();
        }
    }

    fn forget_standing(&mut self) {
        let accounts = self.commitments.iter_mut();
        accounts.for_each(CommitmentAccount::forget_standing);
    }

    /// The seconds up to one, which is not among them, were judged, and nothing was counted in them.
    fn idle_until(&mut self, end: u64) {
        let Some(judged) = self.judged else { return };
        let midnight = (judged / DAY + 1) * DAY;
        if midnight < end {
            self.idle_within_day(midnight);
            self.begin_day(midnight);
        }
        self.idle_within_day(end);
    }

    fn idle_within_day(&mut self, end: u64) {
        let Some(first) = self.judged.map(|judged| judged + 1) else {
            return;
        };
        if first >= end {
            return;
        }
        let windows = self.commitments.iter().map(CommitmentAccount::window);
        let empty = first + windows.max().unwrap_or(0) + 1;
        for second in first..end.min(empty) {
            self.judge_windows(second);
        }
        let (from, until) = (empty.max(self.period.from.0), end.min(self.period.until.0));
        let from = from.max(self.next);
        for account in &mut self.commitments {
            account.allow(until.saturating_sub(from));
        }
        self.next = self.next.max(end);
        self.judged = Some(end - 1);
    }

    /// The seconds up to one, which is not among them, were not judged, or not kept.
    fn not_judged_until(&mut self, end: u64, why: GapReason) {
        let first = self.next;
        if self.judged.is_none() || first >= end {
            return;
        }
        for account in &mut self.commitments {
            account.give(first);
            account.give_unseen(end);
        }
        let Period { from, until } = self.period;
        let seconds = match why {
            GapReason::Disk => &mut self.coverage.not_disk,
            _ => &mut self.coverage.not_stop,
        };
        seconds.insert(first.max(from.0), end.min(until.0));
        self.next = end;
        if why == GapReason::Disk {
            self.judged = Some(end - 1);
        }
    }

    fn judge_windows(&mut self, second: u64) {
        let is_new = second >= self.next;
        self.coverage.repeated_s += u64::from(!is_new && self.period.contains(second));
        for account in &mut self.commitments {
            account.judge_windows(second, is_new);
        }
        self.judged = Some(second);
        self.next = self.next.max(second + 1);
    }

    /// All leaves of the open second have come.
    fn close_second(&mut self) -> Result<(), String> {
        if self.open.is_none() {
            return Ok(());
        }
        self.begin_counting()?;
        if let Some(open) = self.open.take() {
            self.judge_windows(open.second);
        }
        Ok(())
    }
}

fn evidence(verified: &Verified) -> EvidenceSummary {
    EvidenceSummary {
        first_leaf: verified.first_leaf,
        end_leaf: verified.first_leaf + verified.leaves,
        sealed: verified.sealed,
        signed: verified.signed,
        checkpoint: verified.head.as_ref().map(SignedCheckpoint::to_note),
        verdicts_recomputed: verified.rejudged.verdicts,
        intervals_recomputed: verified.rejudged.intervals,
        taken_as_recorded: verified.rejudged.taken,
        by_other_rules: verified
            .rejudged
            .other_rules
            .map_or(0, |(leaves, _)| leaves),
    }
}
