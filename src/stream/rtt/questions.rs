//! Questions that wait for their answer, by a 64-bit hash of all that the answer must repeat. Two
//! that collide, once in 10^14 pairs of a full table, cost a sample or give one wrong one.

use crate::units::Timestamp;
use hashbrown::HashMap;
use std::collections::VecDeque;
use std::time::Duration;

/// Questions waiting at a time; the oldest leaves for the next. 10 000 calls ask 4 000 a second.
const MAX_WAITING: usize = 65_536;

/// A question is forgotten after so long: RTCP reports come every 5 s and more (RFC 3550 §6.2),
/// and a later report may still answer an earlier one.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Clone, Copy, Debug)]
struct Question {
    asked: Timestamp,
    /// Asked again, so nobody knows which one an answer answers (Karn and Partridge, 1987).
    repeated: bool,
    /// The delay of the last answer: the same again is a copy of it.
    answered: Option<u32>,
}

/// Questions by their hash.
#[derive(Debug, Default)]
pub(super) struct PendingRequests {
    waiting: HashMap<u64, Question>,
    order: VecDeque<(Timestamp, u64)>,
}

impl PendingRequests {
    /// A question goes by.
    pub(super) fn ask(&mut self, key: u64, now: Timestamp) {
        if let Some(question) = self.waiting.get_mut(&key) {
            question.repeated = true;
            return;
        }
        if self.order.len() >= MAX_WAITING
            && let Some((_, oldest)) = self.order.pop_front()
        {
            self.waiting.remove(&oldest);
        }
        self.order.push_back((now, key));
        self.waiting.insert(
            key,
            Question {
                asked: now,
                repeated: false,
                answered: None,
            },
        );
    }

    /// An answer goes by, the only one: when it was asked for, if that is certain.
    pub(super) fn answer_once(&mut self, key: u64) -> Option<Timestamp> {
        let question = self.waiting.get_mut(&key)?;
        let certain = !question.repeated && question.answered.is_none();
        question.answered = Some(0);
        certain.then_some(question.asked)
    }

    /// An answer goes by after a stated delay; more may come for the same question. A report that
    /// is seen twice is a copy made by a mirror port, not a new report.
    pub(super) fn answer_again(&mut self, key: u64, delay: u32) -> Option<Timestamp> {
        let question = self.waiting.get_mut(&key)?;
        let copy = question.answered.replace(delay) == Some(delay);
        (!copy).then_some(question.asked)
    }

    /// Forgets what has waited too long.
    pub(super) fn expire(&mut self, now: Timestamp) {
        let before = now.minus(PATIENCE);
        while let Some((asked, key)) = self.order.front().copied()
            && asked < before
        {
            self.order.pop_front();
            self.waiting.remove(&key);
        }
    }

    pub(super) fn clear(&mut self) {
        self.waiting.clear();
        self.order.clear();
    }
}
