//! Puts the seconds of all probes together, in their order, and hands them to the judge.
//!
//! Pure. Who decides that a second is closed is the caller: when all have passed it, or up to which leaves
//! of each.

use super::feed::ProbeFeed;
use super::judge::{Absence, FleetJudge, ProbePart};
use crate::judge::IDLE_TOLD;
use crate::ledger::leaf::{GapLeaf, GapReason, Leaf, Mode, RULES};
use crate::snapshot::evidence::JudgementObserver;
use crate::snapshot::fleet::FleetProbeRow;
use crate::units::Second;

/// How much of a probe is taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ProbePosition {
    /// Leaves of its ledger up to which all is; 0: nothing new.
    pub leaves: u64,
    /// The last second that it has passed.
    pub through: Option<Second>,
    /// It is ahead of everybody's clock.
    pub is_ahead: bool,
}

/// The probes of a fleet and their judge.
#[derive(Debug)]
pub struct Fleet {
    /// What comes of each, in the order in which they were named.
    pub feeds: Vec<ProbeFeed>,
    /// The judge.
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

    /// The same, behind a second that is closed already.
    pub fn next_after(&self, closed: Option<Second>) -> Option<Second> {
        self.next().max(closed.map(Second::next))
    }

    /// Judges all seconds up to this one with all that has come.
    pub fn close(&mut self, last: Second, evidence: &mut dyn JudgementObserver) {
        self.close_up_to(last, None, evidence);
    }

    /// Judges seconds with what is marked, and nothing else. Seconds before them that were not judged nobody knows.
    pub fn close_marked(
        &mut self,
        (first, last): (Second, Second),
        marks: &[ProbePosition],
        evidence: &mut dyn JudgementObserver,
    ) {
        self.drop_taken(first);
        match self.judge.judged() {
            None => self.judge.begin(first, evidence),
            Some(judged) if judged.next() < first => {
                let all: Vec<usize> = (0..self.feeds.len()).collect();
                self.judge.pass(first.previous(), &all, evidence);
            }
            Some(_) => {}
        }
        self.close_up_to(last, Some(marks), evidence);
    }

    /// How each probe stands.
    pub fn rows(&self) -> Vec<FleetProbeRow> {
        let both = self.feeds.iter().zip(self.judge.probes());
        let row = both.map(|(feed, state)| FleetProbeRow {
            name: feed.name().clone(),
            is_signed: feed.is_signed(),
            verified: feed.verified(),
            through: feed.through(),
            absence: state.absence.map(Absence::as_str),
            absent_seconds: state.absent,
            differs: state.differs.clone(),
            refused_messages: feed.failed_messages(),
            refused_leaves: feed.refused(),
        });
        row.collect()
    }

    fn close_up_to(
        &mut self,
        last: Second,
        marks: Option<&[ProbePosition]>,
        evidence: &mut dyn JudgementObserver,
    ) {
        while let Some(second) = self.next().filter(|second| *second <= last) {
            if !self.skip_idle(second, last, evidence) {
                self.close_one(second, marks, evidence);
            }
        }
    }

    /// What was taken before a start of ours, or was before our first second, only tells how its probe stands.
    fn drop_taken(&mut self, first: Second) {
        let begins = self.judge.judged().is_none();
        for (place, feed) in self.feeds.iter_mut().enumerate() {
            while let Some(front) = feed.front()
                && (front.end <= self.judge.taken(place) || (begins && front.second < first))
                && let Some(known) = feed.pop()
            {
                self.judge.note_state(place, &known);
            }
        }
    }

    fn close_one(
        &mut self,
        second: Second,
        marks: Option<&[ProbePosition]>,
        evidence: &mut dyn JudgementObserver,
    ) {
        let mut parts = Vec::new();
        for (place, feed) in self.feeds.iter_mut().enumerate() {
            let mark = marks.map(|marks| marks.get(place).copied().unwrap_or_default());
            let most = mark.map_or(u64::MAX, |mark| mark.leaves);
            let through = mark.map_or(feed.through(), |mark| mark.through);
            let mut part = ProbePart::default();
            while let Some(front) = feed.front()
                && front.second <= second
                && front.end <= most
                && let Some(next) = feed.pop()
            {
                part.taken.push(next);
            }
            part.absence = self.judge.probes().get(place).and_then(|state| {
                let last = part.taken.last();
                let starts = part
                    .taken
                    .iter()
                    .rev()
                    .find_map(super::feed::ProbeSecond::starts);
                let is_replay = starts.or(state.mode) == Some(Mode::Replay);
                let has_begun = state.last.is_some() || last.is_some();
                let is_running = last.map_or(state.is_running, |last| !last.stops());
                if mark.is_some_and(|mark| mark.is_ahead) {
                    return Some(Absence::Clock);
                }
                absence(feed, (second, through), (has_begun, is_running, is_replay))
            });
            parts.push(part);
        }
        self.judge.close(second, parts, evidence);
    }

    /// Goes over seconds in which nothing was counted, once all windows are empty; false if this is none.
    fn skip_idle(
        &mut self,
        second: Second,
        last: Second,
        evidence: &mut dyn JudgementObserver,
    ) -> bool {
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
    (second, through): (Second, Option<Second>),
    (has_begun, is_running, is_replay): (bool, bool, bool),
) -> Option<Absence> {
    if feed.rules().is_some_and(|rules| rules != RULES) {
        return Some(Absence::Rules);
    }
    let has_passed = through.is_some_and(|through| through >= second);
    if !has_begun {
        // what a capture file had before its first packet is nothing
        let begins = feed.front().and_then(super::feed::ProbeSecond::starts);
        return match begins {
            Some(Mode::Replay) => None,
            None if feed.is_empty_replay() => None,
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
    let mut gaps = next
        .unwrap_or_default()
        .iter()
        .filter_map(|leaf| match leaf {
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
