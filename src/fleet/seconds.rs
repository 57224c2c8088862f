//! Puts the seconds of all probes together, in their order, and hands them to the judge.
//!
//! Pure. Who decides that a second is closed is the caller: when all have passed it, or up to which leaves
//! of each.

use super::feed::ProbeFeed;
use super::judge::{Absence, FleetJudge, Part};
use crate::judge::IDLE_TOLD;
use crate::ledger::leaf::{GapLeaf, GapReason, Leaf, Mode, RULES};
use crate::snapshot::evidence::Evidence;
use crate::units::Second;

/// The probes of a fleet and their judge.
#[derive(Debug)]
pub struct Fleet {
    /// What comes of each, in the order in which they were named.
    pub feeds: Vec<ProbeFeed>,
    /// Who judges.
    pub judge: FleetJudge,
}

impl Fleet {
    /// The probe that the others wait for; none where all are over.
    pub fn slowest(&self, is_over: impl Fn(usize) -> bool) -> Option<usize> {
        let waiting = (0..self.feeds.len()).filter(|place| !is_over(*place));
        waiting.min_by_key(|place| self.feeds.get(*place).and_then(ProbeFeed::through))
    }

    /// The last second that all probes have passed, but for those that are over: the last of all where every one
    /// is.
    pub fn passed(&self, is_over: impl Fn(usize) -> bool) -> Option<Second> {
        let all = self.feeds.iter().enumerate();
        let mut waiting = all.filter(|(place, _)| !is_over(*place)).peekable();
        if waiting.peek().is_none() {
            return self.feeds.iter().filter_map(ProbeFeed::through).max();
        }
        waiting.map(|(_, feed)| feed.through()).min().flatten()
    }

    /// The first second that is not judged: where nothing is, the earliest that any probe has.
    pub fn next(&self) -> Option<Second> {
        if let Some(judged) = self.judge.judged() {
            return Some(judged.next());
        }
        let fronts = self.feeds.iter().filter_map(ProbeFeed::front);
        fronts.map(|front| front.second).min()
    }

    /// Judges all seconds up to this one with the leaves of each probe before a number, and all of those
    /// where there is none.
    pub fn close(&mut self, last: Second, leaves: Option<&[u64]>, evidence: &mut dyn Evidence) {
        while let Some(second) = self.next().filter(|second| *second <= last) {
            if !self.skip_idle(second, last, evidence) {
                self.close_one(second, leaves, evidence);
            }
        }
    }

    fn close_one(&mut self, second: Second, leaves: Option<&[u64]>, evidence: &mut dyn Evidence) {
        let mut parts = Vec::new();
        for (place, feed) in self.feeds.iter_mut().enumerate() {
            let most = leaves.map_or(u64::MAX, |leaves| {
                leaves.get(place).copied().unwrap_or_default()
            });
            let mut part = Part::default();
            while let Some(front) = feed.front()
                && front.second <= second
                && front.end <= most
                && let Some(next) = feed.pop()
            {
                part.taken.push(next);
            }
            part.absence = self.judge.probes().get(place).and_then(|state| {
                let last = part.taken.last();
                let starts = part.taken.iter().rev().find_map(super::feed::ProbeSecond::starts);
                let is_replay = starts.or(state.mode) == Some(Mode::Replay);
                let has_begun = state.last.is_some() || last.is_some();
                let is_running = last.map_or(state.is_running, |last| !last.stops());
                absence(feed, second, (has_begun, is_running, is_replay))
            });
            parts.push(part);
        }
        self.judge.close(second, parts, evidence);
    }

    /// Goes over seconds in which nothing was counted, once all windows are empty; false if this is none.
    fn skip_idle(&mut self, second: Second, last: Second, evidence: &mut dyn Evidence) -> bool {
        let judged = self.judge.judged();
        if judged.is_none_or(|judged| judged < self.judge.idle_after()) {
            return false;
        }
        let fronts = self.feeds.iter().filter_map(ProbeFeed::front);
        let next = fronts.map(|front| front.second).min();
        let mut target = next.map_or(last, |next| next.previous().min(last));
        let is_told = target.0 - self.judge.counted().0 <= IDLE_TOLD;
        if is_told {
            // the last second of each minute is judged
            target = target.min(Second(second.0 / 60 * 60 + 58));
        }
        if target < second {
            return false;
        }
        let absent: Vec<usize> = (0..self.feeds.len())
            .filter(|place| {
                let state = self.judge.probes().get(*place);
                state.is_some_and(|state| state.mode != Some(Mode::Replay) || !state.is_running)
                    && state.is_some_and(|state| state.absence.is_some())
            })
            .collect();
        self.judge.pass(target, &absent, evidence);
        true
    }
}

/// Why a probe is missing in a second; its leaves up to it are taken.
fn absence(
    feed: &mut ProbeFeed,
    second: Second,
    (has_begun, is_running, is_replay): (bool, bool, bool),
) -> Option<Absence> {
    if feed.rules().is_some_and(|rules| rules != RULES) {
        return Some(Absence::Rules);
    }
    let has_passed = feed.through().is_some_and(|through| through >= second);
    if !has_begun {
        // what a capture file had before its first packet is nothing
        let begins = feed.front().and_then(super::feed::ProbeSecond::starts);
        return match begins {
            Some(Mode::Replay) => None,
            _ if feed.has_fault() => Some(Absence::Fault),
            _ => Some(Absence::NotBegun),
        };
    }
    if !is_running {
        return (!is_replay).then_some(Absence::Stopped);
    }
    if feed.has_fault() && !has_passed {
        return Some(Absence::Fault);
    }
    if !has_passed {
        return Some(Absence::Late);
    }
    let next = feed.front().map(|front| front.leaves.as_slice());
    let mut gaps = next.unwrap_or_default().iter().filter_map(|leaf| match leaf {
        Leaf::Gap(gap) => Some(gap),
        _ => None,
    });
    // what comes next says that it did not run
    let did_not_run = |gap: &GapLeaf| {
        matches!(gap.why, GapReason::Start | GapReason::Stop)
            && gap.from <= second
            && second <= gap.until
    };
    if gaps.any(did_not_run) {
        return Some(Absence::Stopped);
    }
    feed.is_uncertain(second).then_some(Absence::Clock)
}
