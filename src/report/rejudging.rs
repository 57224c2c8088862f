//! Ways of judging the leaves of a ledger again, beside the way that they were judged: with all that became
//! known later, by another contract, or both. Each has an account of its own, and a thread.

use super::corrected::CorrectedPolicy;
use super::ledger_account::LedgerAccount;
use crate::ledger::amended::AmendedLeaves;
use crate::ledger::leaf::Leaf;
use crate::ledger::rejudge::LeafJudge;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// Leaves that are handed over at once, at most.
const BATCH: usize = 4096;

/// Counts of an ASN in these: no leaf is added behind so many. Some 500 octets each, so a batch is 4 MB, or a leaf more.
const BATCH_COUNTS: usize = 8192;

/// Batches that wait for a course at most.
const MAX_BATCHES: usize = 16;

/// Some leaves with the number of each.
type Batch = Arc<Vec<(u64, Leaf)>>;

/// One way of judging again.
#[derive(Debug)]
pub(super) struct Rejudging {
    amended: Option<AmendedLeaves>,
    corrected: Option<CorrectedPolicy>,
    judge: LeafJudge,
    account: LedgerAccount,
}

/// What came out of it.
#[derive(Debug)]
pub(super) struct RejudgedAccount {
    pub(super) account: LedgerAccount,
    pub(super) corrected: Option<CorrectedPolicy>,
    /// Counts that came too late to be settled.
    pub(super) late: u64,
    /// Some leaves are by rules that this version does not know.
    pub(super) has_other_rules: bool,
}

impl Rejudging {
    /// Judged by the contracts that were in force or by others, with what became known later or without.
    pub(super) fn new(
        account: LedgerAccount,
        is_settled: bool,
        corrected: Option<CorrectedPolicy>,
    ) -> Self {
        Self {
            amended: is_settled.then(AmendedLeaves::default),
            corrected,
            judge: LeafJudge::judging_anew(),
            account,
        }
    }

    /// Judges all leaves that come.
    ///
    /// # Errors
    /// The number of a leaf, and what is wrong with it.
    pub(super) fn run(
        mut self,
        leaves: &Receiver<Batch>,
    ) -> Result<RejudgedAccount, (u64, String)> {
        let mut number = 0;
        for batch in leaves {
            // Nobody else has it, unless it is judged in several ways.
            for (of_leaf, leaf) in Arc::unwrap_or_clone(batch) {
                number = of_leaf;
                self.take(number, leaf).map_err(|reason| (number, reason))?;
            }
        }
        self.finish(number).map_err(|reason| (number, reason))
    }

    fn take(&mut self, number: u64, leaf: Leaf) -> Result<(), String> {
        let Some(amended) = &mut self.amended else {
            let is_judged = matches!(
                leaf,
                Leaf::Interval(_) | Leaf::Verdict(_) | Leaf::Exclusion(_) | Leaf::Revision(_)
            );
            return if is_judged {
                Ok(())
            } else {
                self.judge(number, leaf)
            };
        };
        let mut passed = Vec::new();
        amended.take(leaf, &mut passed);
        passed
            .into_iter()
            .try_for_each(|leaf| self.judge(number, leaf))
    }

    fn judge(&mut self, number: u64, leaf: Leaf) -> Result<(), String> {
        let leaf = match (leaf, &mut self.corrected) {
            (Leaf::Policy(policy), Some(corrected)) => Leaf::Policy(corrected.correct(&policy)),
            (leaf, _) => leaf,
        };
        let taken = self.judge.take(number, leaf);
        taken.map_err(|fault| fault.reason)?;
        self.account()
    }

    fn account(&mut self) -> Result<(), String> {
        let said = self.judge.take_judged();
        said.iter().try_for_each(|leaf| self.account.take(leaf))
    }

    fn finish(mut self, number: u64) -> Result<RejudgedAccount, String> {
        let mut late = 0;
        if let Some(mut amended) = self.amended.take() {
            let mut passed = Vec::new();
            amended.finish(&mut passed);
            late = amended.late();
            passed
                .into_iter()
                .try_for_each(|leaf| self.judge(number, leaf))?;
        }
        let finished = self.judge.finish();
        finished.map_err(|fault| fault.reason)?;
        self.account()?;
        Ok(RejudgedAccount {
            has_other_rules: self.judge.other_rules().is_some(),
            account: self.account,
            corrected: self.corrected,
            late,
        })
    }
}

/// Hands leaves to all courses.
#[derive(Debug, Default)]
pub(super) struct Rejudgings {
    senders: Vec<SyncSender<Batch>>,
    batch: Vec<(u64, Leaf)>,
    /// Counts of an ASN in it.
    counts: usize,
}

impl Rejudgings {
    /// Where another course takes its leaves from.
    pub(super) fn add(&mut self) -> Receiver<Batch> {
        let (sender, receiver) = sync_channel(MAX_BATCHES);
        self.senders.push(sender);
        receiver
    }

    /// Hands over the next leaf.
    pub(super) fn take(&mut self, number: u64, leaf: &Leaf) {
        self.counts += match leaf {
            Leaf::Second(leaf) => leaf.asns.len(),
            Leaf::Amendment(leaf) => leaf.asns.len(),
            _ => 0,
        };
        self.batch.push((number, leaf.clone()));
        if self.batch.len() >= BATCH || self.counts >= BATCH_COUNTS {
            self.hand_over();
        }
    }

    /// Hands over what is left; no more comes.
    pub(super) fn finish(mut self) {
        self.hand_over();
    }

    fn hand_over(&mut self) {
        let batch = Arc::new(std::mem::take(&mut self.batch));
        self.counts = 0;
        let last = self.senders.pop();
        // a course that has failed takes no more, and says why at the end
        self.senders
            .retain(|sender| sender.send(batch.clone()).is_ok());
        // ours is not kept: a single course has the leaves for itself
        self.senders
            .extend(last.filter(|last| last.send(batch).is_ok()));
    }
}
