//! The one judge: takes the seconds of all workers, slides the windows, gives the verdicts, and
//! has the state that a snapshot shows.
//!
//! It is told everything; it reads no clock and owns no channel. A verdict that was given stands.

pub mod admission;
mod asn_state;
pub mod assembly;
pub mod commitment_judge;
pub mod commitment_state;
pub mod history;
pub mod incomplete;
pub mod intervals;
mod moves;
mod pair_counts;
mod room;
mod silence;
mod tap_gap;
pub mod threshold;
pub mod totals;
mod transit_paths;
mod transit_totals;
mod window;

use crate::asn::Origin;
use crate::attribution::scopes::ScopePlan;
use crate::judge::totals::Totals;
use crate::meter::second::{IncompleteRange, SecondCounts, WorkerState};
use crate::meter::stream_sample::StreamSample;
use crate::sla::policy::Policy;
use crate::sla::unseen::Unseen;
use crate::snapshot::evidence::JudgementObserver;
use crate::snapshot::{CaptureTotals, InterfaceRow, Snapshot};
use crate::stream::rtt::method::RttMethod;
use crate::units::occupancy::{BoundedTable, Occupancy, TableStates};
use crate::units::{Asn, Second};
use assembly::JudgeInput;
use commitment_judge::CommitmentJudge;
use moves::Moves;
use std::collections::BTreeMap;
use std::sync::Arc;
use threshold::ExcessNotice;

/// Idle seconds whose minutes are told to the evidence; a longer jump is no silence that was seen.
pub const IDLE_TOLD: u64 = 86_400;

/// The judge.
#[derive(Debug)]
pub struct Judge {
    commitments: CommitmentJudge,
    totals: Totals,
    incomplete_seconds: u64,
    last_incomplete: Option<Second>,
    workers: BTreeMap<usize, WorkerState>,
    moves: Moves,
    transit_left_out: u64,
    /// Windows that are kept at most; none: there is no bound.
    max_windows: Option<usize>,
}

impl Judge {
    /// A judge under some terms; `named` ASNs are shown from the start, up to `max_asns` in all.
    pub fn new(policy: Arc<Policy>, max_asns: usize, named: &[Asn]) -> Self {
        Self {
            commitments: CommitmentJudge::new(policy),
            totals: Totals::new(max_asns, named),
            incomplete_seconds: 0,
            last_incomplete: None,
            workers: BTreeMap::new(),
            moves: Moves::default(),
            transit_left_out: 0,
            max_windows: None,
        }
    }

    /// Bounds the windows of ASNs, of all commitments and both roles together; what finds no room is in doubt
    /// (MODEL §11.8).
    #[must_use]
    pub fn with_windows(mut self, most: usize) -> Self {
        self.max_windows = Some(most);
        self.bound_windows();
        self
    }

    /// Goes on with windows, intervals and verdicts as they were before a stop, under the terms in force
    /// now.
    pub fn resume(&mut self, mut commitments: CommitmentJudge) {
        commitments.revise(self.commitments.policy().clone());
        self.commitments = commitments;
        self.bound_windows();
    }

    /// New terms, from the next second on.
    pub fn revise(&mut self, policy: Arc<Policy>) {
        self.commitments.revise(policy);
    }

    /// Takes a second with everything that came for it, then judges it and the idle ones after.
    pub fn judge_input(&mut self, input: JudgeInput, observer: &mut dyn JudgementObserver) {
        match input {
            JudgeInput::Opened(second) => self.open(second, observer),
            JudgeInput::Stepped(second) => {
                let last = self.judged().unwrap_or(second);
                self.step_back(last, second, observer);
            }
            JudgeInput::Second {
                second,
                through,
                parts,
            } => {
                if let Some((first, last)) = observer.take_unwritten() {
                    self.mark_incomplete(IncompleteRange {
                        first,
                        last,
                        at_most: None,
                    });
                }
                for part in &parts {
                    for range in &part.incomplete {
                        self.mark_incomplete(*range);
                        observer.incomplete(*range);
                    }
                }
                self.totals.begin_second();
                // Some queue may begin to see before all did: what it brings came for a judged second.
                let before = self.judged().filter(|judged| second <= *judged);
                let next = before.map_or(second, Second::next);
                for mut part in parts {
                    self.moves.note(&mut part.counts, &part.scopes);
                    for (amended, counts) in part.amendments {
                        self.add((amended, next), counts, &part.scopes, observer);
                    }
                    self.add((second, next), part.counts, &part.scopes, observer);
                    self.workers.insert(part.number, part.worker);
                }
                for (moved, counts, scopes) in self.moves.settle(second) {
                    self.add((moved, next), counts, &scopes, observer);
                }
                if before.is_none() {
                    self.judge(second, observer);
                }
                let last = before.unwrap_or(second);
                self.judge_idle(last, through, observer);
            }
        }
    }

    /// From this second on we see: windows go on behind a stop, or begin.
    fn open(&mut self, second: Second, observer: &mut dyn JudgementObserver) {
        match self.judged() {
            Some(last) if last < second => {
                // Of both only a part was seen.
                self.mark_incomplete(IncompleteRange {
                    first: last,
                    last: second,
                    at_most: None,
                });
                observer.resumed(last, second);
            }
            // The clock was set back while nobody ran.
            Some(last) => self.step_back(last, second, observer),
            None => {
                self.commitments = CommitmentJudge::new(self.commitments.policy().clone());
                self.bound_windows();
                self.restart(second);
                observer.restarted(second, None);
            }
        }
    }

    fn bound_windows(&mut self) {
        if let Some(most) = self.max_windows {
            self.commitments.bound_windows(most);
        }
    }

    /// The clock was set back to a second, behind the last one that was judged.
    fn step_back(&mut self, last: Second, second: Second, observer: &mut dyn JudgementObserver) {
        self.restart(second);
        observer.restarted(second, Some(last));
    }

    /// From this second on we see; what we knew of earlier ones says nothing about it.
    fn restart(&mut self, second: Second) {
        self.last_incomplete = None;
        self.moves = Moves::default();
        self.commitments.restart(second);
    }

    fn mark_incomplete(&mut self, range: IncompleteRange) {
        if range.at_most == Some(0) {
            return;
        }
        if let Some(judged) = self.judged()
            && range.first <= judged
        {
            // Verdicts given stand, but the second counts as incomplete from now on.
            let (first, last) = (range.first, range.last.min(judged));
            self.incomplete_seconds +=
                (last.0 + 1 - first.0) - self.commitments.incomplete_count(first, last);
            self.last_incomplete = self.last_incomplete.max(Some(last));
        }
        self.commitments.mark_incomplete(range);
    }

    /// Adds what was counted in a second. A window takes off what frames that were not seen may explain
    /// when it is judged; the totals do it here.
    fn add(
        &mut self,
        (second, next): (Second, Second),
        mut counts: SecondCounts,
        scopes: &ScopePlan,
        observer: &mut dyn JudgementObserver,
    ) {
        self.commitments
            .add((second, next), &counts, scopes, observer);
        if let Unseen::AtMost(frames) = self.commitments.unseen(second, second) {
            let each = counts.usage.values_mut();
            each.for_each(|usage| usage.continuity.doubt(frames));
        }
        self.totals.add(&counts);
    }

    fn judge(&mut self, second: Second, observer: &mut dyn JudgementObserver) {
        let totals = &mut self.totals;
        let admitted = |role, asn| totals.is_admitted(role, asn);
        self.commitments.judge(second, admitted, observer);
        for (role, asn) in self.commitments.out_of_sla() {
            totals.admit(role, asn);
        }
        self.transit_left_out += self.commitments.take_left_out();
        if self.commitments.incomplete_count(second, second) > 0 {
            self.incomplete_seconds += 1;
            self.last_incomplete = Some(second);
        }
    }

    /// Idle seconds after a judged one: once every window has run empty there is nothing to judge but
    /// the ends of minutes, for the evidence; so a jump costs no more than a window and a day of these.
    fn judge_idle(&mut self, last: Second, through: Second, observer: &mut dyn JudgementObserver) {
        let until = through.min(self.commitments.empty_after(last));
        for second in last.0 + 1..=until.0 {
            self.totals.begin_second();
            self.judge(Second(second), observer);
        }
        if through > until {
            self.totals.begin_second();
            self.incomplete_seconds += self.commitments.incomplete_count(until.next(), through);
            if through.0 - last.0 <= IDLE_TOLD {
                let ends = (until.0 + 1..=through.0).filter(|second| second % 60 == 59);
                for second in ends {
                    self.commitments
                        .judge(Second(second), |_, _| true, observer);
                }
            }
            self.commitments.pass(through);
        }
    }

    /// Starts and ends of times out of SLA since the last call.
    pub fn take_notices(&mut self) -> Vec<ExcessNotice> {
        self.commitments.take_notices()
    }

    /// The last second judged.
    pub fn judged(&self) -> Option<Second> {
        self.commitments.judged()
    }

    /// All that was counted.
    pub fn totals(&self) -> &Totals {
        &self.totals
    }

    /// Everything there is to show.
    pub fn snapshot(&self) -> Snapshot {
        let origins = &self.commitments.policy().origins;
        let name = |asn: Asn| origins.name(asn).map(Arc::from);
        let admitted = |role, asn| self.totals.is_admitted(role, asn);
        let frames = &self.totals.frames;
        Snapshot {
            judged: self.judged(),
            capture: self.capture(),
            voice: (&frames.voice).into(),
            discards: frames.discards,
            pending_frames: u64::try_from(frames.pending).unwrap_or(0),
            late_frames: frames.late,
            merged_packets: frames.merged,
            unsplit_frames: frames.unsplit,
            clock_steps: self
                .workers
                .values()
                .map(|worker| worker.clock_steps)
                .max()
                .unwrap_or(0),
            incomplete_seconds: self.incomplete_seconds,
            last_incomplete: self.last_incomplete,
            streams_refused: self
                .workers
                .values()
                .map(|worker| worker.streams_refused)
                .sum(),
            round_trips_refused: self
                .workers
                .values()
                .map(|worker| worker.round_trips_refused)
                .sum(),
            unmatched_reports: self
                .workers
                .values()
                .map(|worker| worker.unmatched_reports)
                .sum(),
            contradicting_reports: self
                .workers
                .values()
                .map(|worker| worker.contradicting_reports)
                .sum(),
            round_trips_unanswered: self.round_trips_unanswered(),
            dialogs_refused: self
                .workers
                .values()
                .map(|worker| worker.dialogs_refused)
                .max()
                .unwrap_or(0),
            calls_refused: self
                .workers
                .values()
                .map(|worker| worker.calls_refused)
                .sum(),
            announcements_missed: self
                .workers
                .values()
                .map(|worker| worker.announcements_missed)
                .sum(),
            mirror_copies: self
                .workers
                .values()
                .map(|worker| worker.mirror_copies)
                .sum(),
            doubled_packets: StreamSample::common(self.workers.values().map(|it| &it.sample)),
            fragments_refused: self
                .workers
                .values()
                .map(|worker| worker.fragments_refused)
                .sum(),
            tables: self.tables(),
            disputed: self.disputed(),
            asns: self.totals.rows(|origin| match origin {
                Origin::As(asn) => name(asn),
                Origin::Local => None,
            }),
            transit: self.totals.transit_rows(name),
            transit_left_out: self.transit_left_out,
            commitments: self.commitments.rows(admitted, name),
        }
    }

    fn round_trips_unanswered(&self) -> [u64; RttMethod::ALL.len()] {
        let mut sums = [0; RttMethod::ALL.len()];
        for worker in self.workers.values() {
            for (sum, of_worker) in sums.iter_mut().zip(worker.round_trips_unanswered) {
                *sum += of_worker;
            }
        }
        sums
    }

    fn tables(&self) -> TableStates {
        let mut sums = TableStates::default();
        for worker in self.workers.values() {
            for (sum, of_worker) in sums.iter_mut().zip(worker.tables) {
                sum.add(of_worker);
            }
        }
        if let Some(asns) = sums.get_mut(BoundedTable::Asns as usize) {
            *asns = self.windows();
        }
        sums
    }

    /// How full the room for windows of ASNs is. Refused is a count for each ASN and second.
    pub fn windows(&self) -> Occupancy {
        self.commitments.occupancy()
    }

    fn disputed(&self) -> BTreeMap<Arc<str>, u64> {
        let mut sums = BTreeMap::new();
        for worker in self.workers.values() {
            for (name, octets) in &worker.disputed {
                *sums.entry(name.clone()).or_default() += octets;
            }
        }
        sums
    }

    fn capture(&self) -> CaptureTotals {
        let frames = &self.totals.frames;
        let mut interfaces: BTreeMap<Arc<str>, InterfaceRow> = BTreeMap::new();
        for worker in self.workers.values() {
            for (place, name) in worker.interfaces.iter().enumerate() {
                let row = interfaces.entry(name.clone()).or_default();
                row.name = name.clone();
                row.frames += worker.frames.get(place).copied().unwrap_or(0);
                row.dropped += worker.dropped.get(place).copied().unwrap_or(0);
                row.down += worker.down.get(place).copied().unwrap_or(0);
                row.unknown += worker.unknown.get(place).copied().unwrap_or(0);
            }
        }
        CaptureTotals {
            frames: frames.frames(),
            bytes: frames.bytes,
            first: self
                .workers
                .values()
                .filter_map(|worker| worker.first)
                .min(),
            last: self.workers.values().filter_map(|worker| worker.last).max(),
            interfaces: interfaces.into_values().collect(),
        }
    }
}

#[cfg(test)]
mod tests;
