//! What comes of one probe: leaves in their order, held to the heads that it signs. A leaf counts once a
//! verified head covers it; what differs is reported and never counted.
//!
//! Pure: messages in, whole seconds out. All that waits is bounded; what found no room is asked for again.

mod notice;
mod second;

use super::head::{Head, HeadError};
use crate::ledger::key::PublicKey;
use crate::ledger::leaf::{Leaf, MAX_LINE};
use crate::ledger::tree::{CompactTree, Hash};
use crate::units::Second;
pub use notice::FeedNotice;
pub use second::ProbeSecond;
use second::{check, starts_anew};
use std::collections::{BTreeMap, VecDeque};
use std::mem::take;
use std::sync::Arc;

/// Octets of leaves of one probe that wait for a head, or for those before them, at most.
const MAX_WAITING: usize = 64 << 20;

/// Octets of verified leaves of one probe that wait for the other probes at most.
const MAX_READY: usize = 256 << 20;

/// Heads of one probe that wait for their leaves at most: the newest are kept.
const MAX_HEADS: usize = 64;

/// The last leaves of a probe of which the hashes are kept, to compare what comes twice.
const MAX_COMPARED: usize = 4096;

/// What comes of one probe.
#[derive(Debug)]
pub struct ProbeFeed {
    name: Arc<str>,
    fleet: String,
    key: Option<PublicKey>,
    /// Of the leaves that a head covers; none before the first day leaf.
    tree: Option<CompactTree>,
    /// Leaves behind these, in order, that none covers yet.
    pending: VecDeque<String>,
    /// Leaves behind a hole.
    ahead: BTreeMap<u64, String>,
    waiting_octets: usize,
    heads: BTreeMap<u64, Head>,
    /// Hashes of the last leaves that are covered.
    compared: VecDeque<Hash>,
    open: Option<ProbeSecond>,
    ready: VecDeque<ProbeSecond>,
    ready_octets: usize,
    through: Option<Second>,
    /// Up to each second whether the clock was uncertain.
    uncertain: VecDeque<(Second, bool)>,
    rules: Option<u32>,
    totals: Option<Hash>,
    is_stopped: bool,
    /// It has stopped without a single leaf.
    is_empty: bool,
    has_fault: bool,
    refused: u64,
    failed_messages: u64,
    notices: Vec<FeedNotice>,
}

impl ProbeFeed {
    /// Nothing has come of the probe of this name; its heads have to be signed by a key, if there is one.
    pub fn new(name: &str, fleet: &str, key: Option<PublicKey>) -> Self {
        Self {
            name: name.into(),
            fleet: fleet.to_owned(),
            key,
            tree: None,
            pending: VecDeque::new(),
            ahead: BTreeMap::new(),
            waiting_octets: 0,
            heads: BTreeMap::new(),
            compared: VecDeque::new(),
            open: None,
            ready: VecDeque::new(),
            ready_octets: 0,
            through: None,
            uncertain: VecDeque::new(),
            rules: None,
            totals: None,
            is_stopped: false,
            is_empty: false,
            has_fault: false,
            refused: 0,
            failed_messages: 0,
            notices: Vec::new(),
        }
    }

    /// The probe's name.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Whether its heads have to be signed.
    pub fn is_signed(&self) -> bool {
        self.key.is_some()
    }

    /// Leaves that a verified head covers.
    pub fn verified(&self) -> u64 {
        self.tree.as_ref().map_or(0, CompactTree::size)
    }

    /// All its leaves up to this second are here.
    pub fn through(&self) -> Option<Second> {
        self.through
    }

    /// Whether it has said that it stops, and nothing since.
    pub fn is_stopped(&self) -> bool {
        self.is_stopped || self.is_empty
    }

    /// Whether it is that of a capture in which there was nothing.
    pub fn is_empty_replay(&self) -> bool {
        self.is_empty && self.totals.is_some()
    }

    /// Whether a leaf of it cannot be read: nothing more is taken.
    pub fn has_fault(&self) -> bool {
        self.has_fault
    }

    /// By which rules it counts; none before its first head.
    pub fn rules(&self) -> Option<u32> {
        self.rules
    }

    /// The hash of what it counted in all, where it has stopped.
    pub fn totals(&self) -> Option<Hash> {
        self.totals
    }

    /// Leaves that found no room.
    pub fn refused(&self) -> u64 {
        self.refused
    }

    /// What an operator wants to know, since the last call.
    pub fn take_notices(&mut self) -> Vec<FeedNotice> {
        self.failed_messages += self.notices.len() as u64;
        take(&mut self.notices)
    }

    /// Messages that did not hold, as far as they were told of.
    pub fn failed_messages(&self) -> u64 {
        self.failed_messages
    }

    /// The next second that waits, if it is whole.
    pub fn front(&self) -> Option<&ProbeSecond> {
        self.ready.front()
    }

    /// Whether its first day leaf has come.
    pub fn has_begun(&self) -> bool {
        self.tree.is_some()
    }

    /// Leaves up to which all that waits is of a second, or of earlier ones; 0: none waits.
    pub fn end_of(&self, second: Second) -> u64 {
        let of_it = self.ready.iter().take_while(|ready| ready.second <= second);
        of_it.last().map_or(0, |last| last.end)
    }

    /// Takes the next second.
    pub fn pop(&mut self) -> Option<ProbeSecond> {
        let next = self.ready.pop_front()?;
        self.ready_octets -= next.octets;
        Some(next)
    }

    /// Whether its clock was uncertain in a second; asked in order.
    pub fn is_uncertain(&mut self, second: Second) -> bool {
        while self.uncertain.len() > 1
            && self
                .uncertain
                .front()
                .is_some_and(|(until, _)| *until < second)
        {
            self.uncertain.pop_front();
        }
        let covers = self.uncertain.front().filter(|(until, _)| *until >= second);
        covers.is_some_and(|(_, is_uncertain)| *is_uncertain)
    }

    /// The number of the first leaf that is missing, where later ones or their head are here.
    pub fn first_missing(&self) -> Option<u64> {
        let next = self.next()?;
        let is_behind = self
            .heads
            .keys()
            .next_back()
            .is_some_and(|size| *size > next);
        (!self.has_fault && (is_behind || !self.ahead.is_empty())).then_some(next)
    }

    /// Whether leaves or a head have come, and no day leaf to begin with.
    pub fn needs_day(&self) -> bool {
        self.tree.is_none() && !(self.heads.is_empty() && self.ahead.is_empty())
    }

    /// The number of the leaf that comes next; none before the first day leaf.
    fn next(&self) -> Option<u64> {
        Some(self.tree.as_ref()?.size() + self.pending.len() as u64)
    }

    /// Takes leaves, the first of which has this number.
    pub fn take_leaves(&mut self, first: u64, text: &str) {
        if self.has_fault {
            return;
        }
        for (number, line) in (first..).zip(text.lines()) {
            if line.len() > MAX_LINE {
                return;
            }
            self.take_leaf(number, line);
        }
        self.check_heads();
    }

    fn take_leaf(&mut self, number: u64, line: &str) {
        if self.tree.is_none() && line.starts_with(r#"{"kind":"day""#) {
            self.begin(number, line);
        }
        let Some(next) = self.next() else {
            return self.wait_for_day(number, line);
        };
        if number < next {
            return self.compare(number, line);
        }
        let is_full =
            self.waiting_octets + line.len() > MAX_WAITING || self.ready_octets > MAX_READY;
        if is_full && number > self.verified() {
            self.refused += 1;
            return;
        }
        if number > next {
            self.wait(number, line);
            return;
        }
        self.waiting_octets += line.len();
        self.pending.push_back(line.to_owned());
        while let Some(next) = self.next()
            && let Some(line) = self.ahead.remove(&next)
        {
            self.pending.push_back(line);
        }
    }

    fn wait(&mut self, number: u64, line: &str) {
        self.waiting_octets += line.len();
        if let Some(old) = self.ahead.insert(number, line.to_owned()) {
            self.waiting_octets -= old.len();
        }
    }

    /// A later day leaf may still come; what came before it is of no use.
    fn wait_for_day(&mut self, number: u64, line: &str) {
        self.wait(number, line);
        while self.waiting_octets > MAX_WAITING
            && let Some((_, old)) = self.ahead.pop_first()
        {
            self.waiting_octets -= old.len();
            self.refused += 1;
        }
    }

    /// Begins with a day leaf: it says what went before.
    fn begin(&mut self, number: u64, line: &str) {
        let Ok(Leaf::Day(day)) = Leaf::from_line(line) else {
            return;
        };
        let hashes: Option<Vec<_>> = day.hashes.iter().map(|text| Hash::from_hex(text)).collect();
        let tree = hashes.and_then(|hashes| CompactTree::new(day.size, hashes));
        if let Some(tree) = tree.filter(|tree| tree.size() == number) {
            self.tree = Some(tree);
            self.ahead = self.ahead.split_off(&number);
            self.waiting_octets = self.ahead.values().map(String::len).sum();
            self.heads = self.heads.split_off(&number);
        }
    }

    /// A leaf that is here already has to be the same.
    fn compare(&mut self, number: u64, line: &str) {
        let verified = self.verified();
        let is_same = if number >= verified {
            let place = usize::try_from(number - verified).unwrap_or(usize::MAX);
            let known = self.pending.get_mut(place).filter(|known| *known != line);
            // Which of two is signed a head will tell; who sends again has seen the other one.
            let old = known.map(|known| std::mem::replace(known, line.to_owned()));
            if let Some(old) = &old {
                self.waiting_octets += line.len();
                self.waiting_octets -= old.len();
            }
            old.is_none()
        } else {
            let back = usize::try_from(verified - number).unwrap_or(usize::MAX);
            let place = self.compared.len().checked_sub(back);
            let known = place.and_then(|place| self.compared.get(place));
            known.is_none_or(|known| *known == Hash::leaf(line.as_bytes()))
        };
        if !is_same {
            self.notices.push(FeedNotice::Differs(number));
        }
    }

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

    /// Holds what waits to the heads whose leaves are all here.
    fn check_heads(&mut self) {
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

    /// What a verified head says of time.
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

#[cfg(test)]
mod tests;
