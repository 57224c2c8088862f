//! Holds the leaves of a probe to the heads that it signs, and puts those that hold together by second.

use super::second::{check, starts_anew};
use super::{FeedNotice, MAX_COMPARED, MAX_HEADS, ProbeFeed, ProbeSecond};
use crate::fleet::head::{Head, HeadError};
use crate::ledger::leaf::Leaf;
use crate::ledger::tree::Hash;

impl ProbeFeed {
    /// Takes a head.
    pub fn take_head(&mut self, note: &str) {
        if self.has_fault {
            return;
        }
        let head = Head::from_note(note, self.key);
        let is_ours = |head: &Head| head.fleet == self.fleet && *head.probe == *self.name;
        match head {
            Err(error) => self.notices.push(FeedNotice::Head(error)),
            Ok(head) if !is_ours(&head) => self.notices.push(FeedNotice::Head(HeadError::Form)),
            // It has stopped before it had anything to say.
            Ok(head) if head.size == 0 => {
                self.is_empty = self.tree.is_none();
                (self.rules, self.totals) = (Some(head.rules), head.totals);
            }
            Ok(head) => {
                self.heads.insert(head.size, head);
                while self.heads.len() > MAX_HEADS {
                    self.heads.pop_first();
                }
                self.check_heads();
            }
        }
    }

    /// Checks what waits against the heads whose leaves are all here.
    pub(super) fn check_heads(&mut self) {
        while let Some(next) = self.next()
            && let Some((size, _)) = self.heads.first_key_value()
            && *size <= next
            && !self.has_fault
            && let Some((_, head)) = self.heads.pop_first()
        {
            self.check_head(head);
        }
    }

    fn check_head(&mut self, head: Head) {
        let Some(verified) = &self.tree else { return };
        self.is_empty = false;
        let size = verified.size();
        if head.size < size {
            // what it says is signed again by a later one
            return;
        }
        let mut tree = verified.clone();
        let count = usize::try_from(head.size - size).unwrap_or(usize::MAX);
        let covered = self.pending.iter().take(count);
        let hashes: Vec<_> = covered.map(|line| Hash::leaf(line.as_bytes())).collect();
        for hash in &hashes {
            tree.push(*hash);
        }
        if tree.root() != head.root {
            if count == 0 {
                return self.notices.push(FeedNotice::TwoHistories(size));
            }
            // which of them is forged nobody can tell
            self.notices.push(FeedNotice::Forged(size));
            self.waiting_octets -= self.pending.drain(..).map(|line| line.len()).sum::<usize>();
            self.heads.insert(head.size, head);
            return;
        }
        self.tree = Some(tree);
        self.compared.extend(hashes);
        let surplus = self.compared.len().saturating_sub(MAX_COMPARED);
        self.compared.drain(..surplus);
        let lines: Vec<String> = self.pending.drain(..count).collect();
        for (number, line) in (size..).zip(lines) {
            self.waiting_octets -= line.len();
            if let Err(reason) = self.group(number, &line) {
                self.has_fault = true;
                return self.notices.push(FeedNotice::Fault(number, reason));
            }
        }
        self.advance(&head);
    }

    /// Takes from a verified head up to which second all leaves are here, and how sure its clock is.
    fn advance(&mut self, head: &Head) {
        (self.rules, self.totals) = (Some(head.rules), head.totals);
        let Some(through) = head.through.max(self.through) else {
            return;
        };
        self.through = Some(through);
        if self
            .open
            .as_ref()
            .is_some_and(|open| open.second <= through)
        {
            self.close();
        }
        let is_uncertain = head.is_clock_uncertain();
        match self.uncertain.back_mut() {
            Some((until, known)) if *known == is_uncertain => *until = through.max(*until),
            _ => self.uncertain.push_back((through, is_uncertain)),
        }
    }

    /// Puts a leaf to the others of its second.
    fn group(&mut self, number: u64, line: &str) -> Result<(), String> {
        let leaf = Leaf::from_line(line).map_err(|error| error.to_string())?;
        check(&leaf)?;
        self.is_stopped = matches!(leaf, Leaf::Stop(_));
        let Some(second) = leaf.second() else {
            return Ok(());
        };
        let stops_it =
            |open: &ProbeSecond| open.second == second && !starts_anew(&open.leaves, &leaf);
        if self.open.as_ref().is_some_and(|open| !stops_it(open)) {
            self.close();
        }
        let open = self
            .open
            .get_or_insert_with(|| ProbeSecond::new(second, number, Vec::new()));
        open.end = number + 1;
        open.octets += line.len();
        open.leaves.push(leaf);
        Ok(())
    }

    fn close(&mut self) {
        if let Some(open) = self.open.take() {
            self.ready_octets += open.octets;
            self.ready.push_back(open);
        }
    }
}
