//! Questions that wait for their answer, by a 64-bit hash of all that the answer must repeat. Two
//! that collide, once in 10^14 pairs of a full table, cost a sample or give one wrong one.

use super::method::RttMethod;
use crate::units::occupancy::Occupancy;
use crate::units::{Address, Timestamp};
use hashbrown::HashMap;
use std::collections::VecDeque;
use std::time::Duration;

/// Questions waiting at a time; the oldest leaves for the next. 10 000 calls ask 4 000 a second.
const MAX_WAITING: usize = 65_536;

/// A question is forgotten after so long: RTCP reports come every 5 s and more (RFC 3550 §6.2),
/// and a later report may still answer an earlier one.
const PATIENCE: Duration = Duration::from_secs(30);

/// Most reporters whose answer to one sender report is a sample: more receive no voice stream by themselves.
const MAX_REPORTERS: usize = 4;

/// When a question went by: once, or again before its answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct QuestionTimes {
    /// The first time.
    pub(super) first: Timestamp,
    /// The last time.
    pub(super) last: Timestamp,
}

/// What a question is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct QuestionSubject {
    /// Who asked, and who was asked.
    pub(super) ends: [Address; 2],
    /// How its answer gives a round trip.
    pub(super) method: RttMethod,
}

#[derive(Clone, Copy, Debug)]
struct Question {
    asked: QuestionTimes,
    of: QuestionSubject,
    /// A hash of its octets: a question that is asked again is the same message.
    content: u64,
    /// Another message had the same identification: nobody knows which one an answer belongs to.
    is_ambiguous: bool,
    /// It went by more than once.
    repeated: bool,
    /// Who has answered, as many as `answers` says.
    reporters: [u32; MAX_REPORTERS],
    answers: u8,
}

/// Questions by their hash.
#[derive(Debug, Default)]
pub(super) struct PendingRequests {
    waiting: HashMap<u64, Question>,
    order: VecDeque<(Timestamp, u64)>,
    forgotten: u64,
    /// Those that nobody answered in time, by method.
    unanswered: [u64; RttMethod::ALL.len()],
}

impl PendingRequests {
    /// A question goes by, with a hash of its octets. Returns the one that had to leave for it, if its
    /// answer may still come within `longest` of the question.
    pub(super) fn ask(
        &mut self,
        (key, content): (u64, u64),
        of: QuestionSubject,
        now: Timestamp,
        longest: Duration,
    ) -> Option<QuestionSubject> {
        if let Some(question) = self.waiting.get_mut(&key) {
            question.repeated = true;
            question.is_ambiguous |= question.content != content;
            question.asked.last = question.asked.last.max(now);
            return None;
        }
        let mut left = None;
        if self.order.len() >= MAX_WAITING
            && let Some((_, oldest)) = self.order.pop_front()
        {
            let oldest = self.waiting.remove(&oldest);
            let awaited = oldest.filter(|question| {
                question.answers == 0 && now.since(question.asked.last) <= longest
            });
            left = awaited.map(|question| question.of);
            self.forgotten += 1;
        }
        self.order.push_back((now, key));
        let asked = QuestionTimes {
            first: now,
            last: now,
        };
        self.waiting.insert(
            key,
            Question {
                asked,
                of,
                content,
                is_ambiguous: false,
                repeated: false,
                reporters: [0; MAX_REPORTERS],
                answers: 0,
            },
        );
        left
    }

    /// An answer goes by, the only one: when it was asked for. Nobody knows which of several questions
    /// it answers (Karn and Partridge, 1987): one of the first to the last.
    pub(super) fn answer_once(&mut self, key: u64) -> Option<QuestionTimes> {
        let question = self.waiting.get_mut(&key)?;
        let is_first = std::mem::replace(&mut question.answers, 1) == 0;
        (is_first && !question.is_ambiguous).then_some(question.asked)
    }

    /// A reporter's answer goes by after a stated delay: when it was asked for. One sample for each
    /// reporter; none for a time that stood in several reports, because the delay may be since any of
    /// them.
    pub(super) fn answer_report(&mut self, key: u64, reporter: u32) -> Option<Timestamp> {
        let question = self.waiting.get_mut(&key)?;
        let answers = usize::from(question.answers);
        let has_answered = question.reporters.iter().take(answers);
        if question.repeated || has_answered.into_iter().any(|known| *known == reporter) {
            return None;
        }
        *question.reporters.get_mut(answers)? = reporter;
        question.answers += 1;
        Some(question.asked.first)
    }

    /// Forgets what has waited too long.
    pub(super) fn expire(&mut self, now: Timestamp) {
        let before = now.minus(PATIENCE);
        while let Some((asked, key)) = self.order.front().copied()
            && asked < before
        {
            self.order.pop_front();
            match self.waiting.get(&key) {
                // Asked again since: what stands in it is still a repetition.
                Some(question) if question.repeated && question.asked.last >= before => {
                    self.order.push_back((question.asked.last, key));
                }
                _ => self.forget(key),
            }
        }
    }

    /// Nobody answers a question any more.
    fn forget(&mut self, key: u64) {
        let Some(question) = self.waiting.remove(&key) else {
            return;
        };
        if question.answers == 0
            && let Some(count) = self.unanswered.get_mut(question.of.method as usize)
        {
            *count += 1;
        }
    }

    /// Questions that nobody has answered in time, by method.
    pub(super) const fn unanswered(&self) -> [u64; RttMethod::ALL.len()] {
        self.unanswered
    }

    /// How full it is.
    pub(super) fn occupancy(&self) -> Occupancy {
        Occupancy::new(self.order.len(), MAX_WAITING, self.forgotten)
    }

    pub(super) fn clear(&mut self) {
        self.waiting.clear();
        self.order.clear();
    }
}
