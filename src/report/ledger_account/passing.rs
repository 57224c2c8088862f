//! Seconds that pass without leaves: idle, not judged, not kept; and what was not seen of some.

use super::{DAY, LedgerAccount};
use crate::ledger::leaf::{GapLeaf, GapReason};
use crate::report::commitment_account::CommitmentAccount;
use crate::report::period::Period;
use crate::units::Second;

impl LedgerAccount {
    /// Seconds that were not judged before one. Returns whether those that are left were.
    pub(super) fn take_gaps(&mut self, gaps: &[GapLeaf], second: u64) -> bool {
        let mut may_be_idle = true;
        for gap in gaps {
            match gap.why {
                GapReason::Start | GapReason::Stop => {
                    for account in &mut self.commitments {
                        let last = self.judged.unwrap_or(second);
                        account.end_intervals_apart(last, second);
                    }
                    self.not_judged_until(second, GapReason::Stop);
                    if gap.why == GapReason::Start {
                        self.clear_verdicts();
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
                    self.clear_verdicts();
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
    pub(super) fn take_incomplete(&mut self, gap: &GapLeaf, second: u64) {
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

    /// The recorder says all verdicts that stand again in the first second of a day; what does not
    /// stand any more it does not say.
    pub(super) fn begin_day(&mut self, second: u64) {
        let is_other = self
            .judged
            .is_some_and(|judged| judged / DAY != second / DAY);
        if is_other {
            for account in &mut self.commitments {
                account.count_until(second);
            }
            self.clear_verdicts();
        }
    }

    pub(super) fn clear_verdicts(&mut self) {
        let accounts = self.commitments.iter_mut();
        accounts.for_each(CommitmentAccount::clear_verdicts);
    }

    /// The seconds up to one, which is not among them, were judged, and nothing was counted in them.
    pub(super) fn idle_until(&mut self, end: u64) {
        let Some(judged) = self.judged else { return };
        let midnight = (judged / DAY + 1) * DAY;
        if midnight < end {
            self.idle_within_day(midnight);
            self.begin_day(midnight);
        }
        self.idle_within_day(end);
    }

    pub(super) fn idle_within_day(&mut self, end: u64) {
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
    pub(super) fn not_judged_until(&mut self, end: u64, why: GapReason) {
        let first = self.next;
        if self.judged.is_none() || first >= end {
            return;
        }
        for account in &mut self.commitments {
            account.count_until(first);
            account.count_unseen_until(end);
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

    pub(super) fn judge_windows(&mut self, second: u64) {
        let is_new = second >= self.next;
        self.coverage.repeated_s += u64::from(!is_new && self.period.contains(second));
        for account in &mut self.commitments {
            account.judge_windows(second, is_new);
        }
        self.judged = Some(second);
        self.next = self.next.max(second + 1);
    }
}
