//! Follows the leaves of one ledger, second by second, and keeps the accounts of its contracts.
//!
//! It judges nothing: verdicts are those of the leaves, which `verify` judges again meanwhile. Which
//! seconds were judged at all is what it finds out: leaves stand only where there was something to say.

mod passing;

use super::ReportRequest;
use super::changes::Changes;
use super::commitment_account::CommitmentAccount;
use super::coverage::CoverageSets;
use super::model::{ChangeKind, LedgerReport};
use super::period::{Period, ReportZone};
use super::room::check_room;
use crate::ledger::leaf::{
    CountedLeaf, ExclusionLeaf, GapLeaf, Leaf, PolicyLeaf, RevisionLeaf, StartLeaf,
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
    /// For a history.
    keeps_minutes: bool,
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
            keeps_minutes: false,
        }
    }

    /// The same, but notes what happens in each minute.
    pub(super) fn of_minutes(request: &ReportRequest) -> Self {
        Self {
            keeps_minutes: true,
            ..Self::new(request, Vec::new())
        }
    }

    /// The accounts of the contracts.
    pub(super) fn commitments(&self) -> &[CommitmentAccount] {
        &self.commitments
    }

    /// The last second judged.
    pub(super) fn judged(&self) -> Option<Second> {
        self.judged.map(Second)
    }

    /// Counts the seconds before `end` that are not counted yet, under the verdicts that stand. They were judged.
    pub(super) fn count_until(&mut self, end: Second) {
        let end = end.0.min(self.next);
        let accounts = self.commitments.iter_mut();
        accounts.for_each(|account| account.count_until(end));
    }

    /// Forgets the minutes before one.
    pub(super) fn forget_minutes(&mut self, before: u64) {
        let accounts = self.commitments.iter_mut();
        accounts.for_each(|account| account.forget_minutes(before));
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
            | Leaf::Key(_)
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
                Some(account) => account.set_verdicts(leaf),
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
            account.count_until(self.next.max(judged + 1));
            account.count_unseen_until(end);
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
            evidence: verified.into(),
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
        check_room(rows, self.rates)
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
        for gap in gaps.iter().filter(|gap| !gap.begins_anew()) {
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
                let mut new =
                    CommitmentAccount::new(&terms.name, since, period, zone, &self.exclusions);
                if self.keeps_minutes {
                    new.keep_minutes();
                }
                self.commitments.push(new);
            }
            let Some(account) = self.account_mut(&terms.name) else {
                continue;
            };
            account.revise(second, since, terms, &leaf.sha256)?;
            if is_first {
                account.count_unseen_until(second);
            }
        }
        Ok(())
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
