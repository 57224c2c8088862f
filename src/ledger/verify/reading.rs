//! The leaves of a ledger one after the other, held against its tree, its checkpoints and its days.

use super::ahead::{DayPart, ReadMinute};
use super::signers::Signers;
use super::{Requirement, Verified, VerifyError};
use crate::ledger::checkpoint::SignedCheckpoint;
use crate::ledger::cosignature::WitnessKey;
use crate::ledger::leaf::{DayLeaf, Leaf};
use crate::ledger::read::PartReader;
use crate::ledger::rejudge::{LeafFault, LeafJudge};
use crate::ledger::tree::{CompactTree, Hash};
use std::collections::VecDeque;
use std::path::PathBuf;

/// A checkpoint that has to be met on the way through the leaves.
pub(super) struct Expected {
    pub(super) path: PathBuf,
    pub(super) note: SignedCheckpoint,
    pub(super) is_witness: bool,
}

impl Expected {
    pub(super) fn failed(&self, reason: impl Into<String>) -> VerifyError {
        VerifyError::Checkpoint {
            path: self.path.clone(),
            size: self.note.checkpoint.size,
            reason: reason.into(),
        }
    }
}

/// The state of reading: the leaves so far, and what is checked against them.
pub(super) struct Reading<'a> {
    pub(super) checkpoints: VecDeque<Expected>,
    /// None before the first leaf.
    pub(super) tree: Option<CompactTree>,
    pub(super) signers: Signers,
    /// The day that is read.
    pub(super) day: String,
    /// The next leaf is the first of its day's file.
    pub(super) is_first: bool,
    pub(super) witnesses: &'a [WitnessKey],
    pub(super) judge: LeafJudge,
    /// There are later days, which are not read.
    pub(super) has_later_days: bool,
    /// There may be earlier days, which are not read.
    pub(super) may_skip_days: bool,
    pub(super) each: &'a mut dyn FnMut(u64, &Leaf),
    pub(super) verified: Verified,
}

impl Reading<'_> {
    fn size(&self) -> u64 {
        self.tree.as_ref().map_or(0, CompactTree::size)
    }

    /// Takes the leaves of a minute.
    pub(super) fn take_minute(
        &mut self,
        part: &DayPart,
        minute: ReadMinute,
    ) -> Result<(), VerifyError> {
        if self.day != part.day {
            self.day.clone_from(&part.day);
            self.is_first = true;
        }
        let failed = |fault: LeafFault| VerifyError::Leaf {
            path: part.path.clone(),
            number: fault.number,
            reason: fault.reason,
        };
        for (leaf, hash) in &minute.leaves {
            let number = self.size();
            let placed = self.check_day_start(leaf);
            placed.map_err(|reason| failed(LeafFault { number, reason }))?;
            // the last one of a day that is gone
            self.check_checkpoints()?;
            if let Leaf::Key(change) = leaf {
                let changed = self.signers.change(change, &self.verified.origin);
                changed.map_err(|reason| failed(LeafFault { number, reason }))?;
                self.verified.key_changes += 1;
            }
            self.add_leaf(leaf, *hash);
            self.check_checkpoints()?;
        }
        if let Some(reason) = minute.refused {
            let number = self.size();
            return Err(failed(LeafFault { number, reason }));
        }
        // What is judged again is what was sealed.
        let first = self.size() - minute.leaves.len() as u64;
        for (number, (leaf, _)) in (first..).zip(minute.leaves) {
            (self.each)(number, &leaf);
            self.judge.take(number, leaf).map_err(failed)?;
        }
        Ok(())
    }

    /// A day begins with its day leaf, which stands nowhere else. The error says what is wrong.
    fn check_day_start(&mut self, leaf: &Leaf) -> Result<(), String> {
        match (leaf, self.is_first) {
            (Leaf::Day(first), true) => {
                let day = self.day.clone();
                self.check_day_leaf(&day, first)?;
            }
            (Leaf::Day(_), false) => return Err("a day begins in the middle of a file".into()),
            (_, true) => return Err("is no day leaf, though the first of its day".into()),
            (_, false) => {}
        }
        self.is_first = false;
        Ok(())
    }

    /// Checks that what was read ends as the day leaf of the next day says.
    pub(super) fn check_next_day(&mut self, behind: &DayPart) -> Result<(), VerifyError> {
        if self.tree.is_none() {
            return Ok(());
        }
        let Some(minute) = PartReader::open(&behind.path)?.next_minute()? else {
            return Ok(());
        };
        let line = minute.lines().next().unwrap_or_default();
        let held = match Leaf::from_line(line) {
            Ok(Leaf::Day(first)) => self.check_day_leaf(&behind.day, &first),
            Ok(_) => Err("is no day leaf, though the first of its day".into()),
            Err(error) => Err(error.to_string()),
        };
        held.map_err(|reason| VerifyError::Leaf {
            path: behind.path.clone(),
            number: self.size(),
            reason,
        })
    }

    /// Takes a leaf into the tree.
    fn add_leaf(&mut self, leaf: &Leaf, hash: Hash) {
        *self.verified.kinds.entry(leaf.kind()).or_default() += 1;
        if let Some(second) = leaf.second() {
            let (first, last) = self.verified.seconds.unwrap_or((second, second));
            self.verified.seconds = Some((first.min(second), last.max(second)));
        }
        self.tree.get_or_insert_default().push(hash);
        self.verified.leaves += 1;
    }

    /// The first leaf of a day says what went before: the leaves of the days before, if they are there.
    fn check_day_leaf(&mut self, day: &str, leaf: &DayLeaf) -> Result<(), String> {
        if leaf.day != day {
            return Err(format!("is of {}, in the file of {day}", leaf.day));
        }
        let hashes: Option<Vec<_>> = leaf
            .hashes
            .iter()
            .map(|text| Hash::from_hex(text))
            .collect();
        let stated = hashes.and_then(|hashes| CompactTree::new(leaf.size, hashes));
        let stated = stated.ok_or("does not say a compact range of so many leaves")?;
        match &self.tree {
            Some(tree) if *tree != stated => {
                return Err("says other leaves before it than are there".into());
            }
            Some(_) => {}
            None => {
                self.verified.first_leaf = leaf.size;
                self.signers.begin(leaf.size);
                self.tree = Some(stated);
            }
        }
        Ok(())
    }

    /// Holds the checkpoints up to this size against the tree. Of those before the first day that is
    /// there only the signature can be checked: its compact range holds what they said.
    fn check_checkpoints(&mut self) -> Result<(), VerifyError> {
        let size = self.size();
        while let Some(next) = self.checkpoints.front()
            && next.note.checkpoint.size <= size
            && let Some(next) = self.checkpoints.pop_front()
        {
            self.check_checkpoint(next, size)?;
        }
        Ok(())
    }

    fn check_checkpoint(&mut self, next: Expected, size: u64) -> Result<(), VerifyError> {
        let checkpoint = &next.note.checkpoint;
        if checkpoint.size == size {
            let root = self.tree.as_ref().map(CompactTree::root);
            if root != Some(checkpoint.root) {
                let ours = root.map_or_else(String::new, |root| root.to_string());
                let reason = format!("root {} is not that of the leaves, {ours}", checkpoint.root);
                return Err(next.failed(reason));
            }
        }
        let is_signed = self.signers.check(&next.note);
        let is_signed = is_signed.map_err(|reason| next.failed(reason))?;
        let is_cosigned = self
            .witnesses
            .iter()
            .any(|key| key.seen(&next.note).is_some());
        if next.is_witness && !self.witnesses.is_empty() && !is_cosigned {
            return Err(next.failed("is not cosigned by the witness"));
        }
        let verified = &mut self.verified;
        if next.is_witness {
            verified.witnessed = verified.witnessed.max(checkpoint.size);
            return Ok(());
        }
        verified.checkpoints += 1;
        verified.sealed = checkpoint.size;
        if is_signed {
            verified.signed = checkpoint.size;
        }
        verified.head = Some(next.note);
        Ok(())
    }

    pub(super) fn finish(mut self, require: Option<Requirement>) -> Result<Verified, VerifyError> {
        let size = self.size();
        self.verified.key = self.signers.current();
        // Of a part, checkpoints of what was not read say nothing.
        let is_part = self.has_later_days || (self.may_skip_days && self.tree.is_none());
        if let Some(next) = self.checkpoints.front()
            && !is_part
        {
            return Err(next.failed(format!("only {size} leaves are there")));
        }
        let (held, by) = match require {
            Some(Requirement::Signed) => (self.verified.signed, "a checkpoint that is signed"),
            Some(Requirement::Witnessed) => (
                self.verified.witnessed,
                "a checkpoint that was kept elsewhere",
            ),
            None => return Ok(self.verified),
        };
        if held < size {
            return Err(VerifyError::NotHeld { size, held, by });
        }
        Ok(self.verified)
    }
}
