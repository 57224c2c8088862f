//! The one judge: takes the seconds of all workers, slides the windows, gives the verdicts, and
//! has the state that a snapshot shows.
//!
//! It is told everything; it reads no clock and owns no channel. A verdict that was given stands.

mod asn_state;
pub mod assembly;
pub mod commitment_state;
pub mod history;
pub mod incomplete;
pub mod intervals;
mod pair_counts;
pub mod threshold;
pub mod totals;
mod transit_totals;

use crate::asn::Origin;
use crate::attribution::scopes::ScopePlan;
use crate::judge::totals::Totals;
use crate::meter::second::{IncompleteRange, SecondCounts, WorkerState};
use crate::meter::stream_sample::StreamSample;
use crate::sla::policy::Policy;
use crate::sla::unseen::Unseen;
use crate::snapshot::evidence::{Evidence, JudgedSecond};
use crate::snapshot::{CaptureTotals, InterfaceRow, Snapshot};
use crate::units::{Asn, Second};
use assembly::Merged;
use commitment_state::CommitmentState;
use incomplete::IncompleteSeconds;
use std::collections::BTreeMap;
use std::sync::Arc;
use threshold::ExcessNotice;

/// The longest window, in seconds: how far back incomplete seconds matter.
pub const MAX_WINDOW: u64 = 3600;

/// The judge.
#[derive(Debug)]
pub struct Judge {
    policy: Arc<Policy>,
    commitments: Vec<CommitmentState>,
    totals: Totals,
    incomplete: IncompleteSeconds,
    incomplete_seconds: u64,
    last_incomplete: Option<Second>,
    judged: Option<Second>,
    seen_since: Second,
    workers: BTreeMap<usize, WorkerState>,
    notices: Vec<ExcessNotice>,
    /// Of these, how many the evidence has.
    notices_told: usize,
    transit_left_out: u64,
}

impl Judge {
    /// A judge under some terms; `named` ASNs are shown from the start, up to `max_asns` in all.
    pub fn new(policy: Arc<Policy>, max_asns: usize, named: &[Asn]) -> Self {
        let mut judge = Self {
            policy: Arc::default(),
            commitments: Vec::new(),
            totals: Totals::new(max_asns, named),
            incomplete: IncompleteSeconds::default(),
            incomplete_seconds: 0,
            last_incomplete: None,
            judged: None,
            seen_since: Second::default(),
            workers: BTreeMap::new(),
            notices: Vec::new(),
            notices_told: 0,
            transit_left_out: 0,
        };
        judge.revise(policy);
        judge
    }

    /// New terms, from the next second on.
    pub fn revise(&mut self, policy: Arc<Policy>) {
        let next = self.judged.map_or(self.seen_since, Second::next);
        let mut old: BTreeMap<_, _> = self
            .commitments
            .drain(..)
            .map(|state| (state.commitment.name.clone(), state))
            .collect();
        for commitment in &policy.commitments {
            let Some(scope) = policy.scopes.id(&commitment.scope) else {
                continue;
            };
            let commitment = commitment.clone();
            self.commitments.push(match old.remove(&commitment.name) {
                Some(state) => state.revised(commitment, scope, next, &mut self.notices),
                None => CommitmentState::new(commitment, scope, next),
            });
        }
        self.policy = policy;
    }

    /// Takes a second with everything that came for it, then judges it and the idle ones after.
    pub fn judge_merged(&mut self, merged: Merged, evidence: &mut dyn Evidence) {
        match merged {
            Merged::Opened(second) => {
                self.restart(second);
                evidence.restarted(second, false);
            }
            Merged::Stepped(second) => {
                self.restart(second);
                evidence.restarted(second, true);
            }
            Merged::Second {
                second,
                through,
                parts,
            } => {
                if let Some((first, last)) = evidence.take_unwritten() {
                    self.mark_incomplete(IncompleteRange {
                        first,
                        last,
                        at_most: None,
                    });
                }
                for part in &parts {
                    for range in &part.incomplete {
                        self.mark_incomplete(*range);
                        evidence.incomplete(*range);
                    }
                }
                self.totals.begin_second();
                for part in parts {
                    for (amended, counts) in part.amendments {
                        self.add(amended, counts, &part.scopes, evidence);
                    }
                    self.add(second, part.counts, &part.scopes, evidence);
                    self.workers.insert(part.number, part.worker);
                }
                self.judge(second, evidence);
                self.judge_idle(second, through, evidence);
            }
        }
    }

    /// From this second on we see; what we knew of earlier ones says nothing about it.
    fn restart(&mut self, second: Second) {
        self.seen_since = second;
        self.judged = None;
        self.last_incomplete = None;
        self.incomplete = IncompleteSeconds::default();
        self.commitments
            .iter_mut()
            .for_each(|state| state.restart(second));
    }

    fn mark_incomplete(&mut self, range: IncompleteRange) {
        if let Some(judged) = self.judged
            && range.first <= judged
        {
            // Verdicts given stand, but the second counts as incomplete from now on.
            let (first, last) = (range.first, range.last.min(judged));
            self.incomplete_seconds += (last.0 + 1 - first.0) - self.incomplete.count(first, last);
            self.last_incomplete = self.last_incomplete.max(Some(last));
        }
        self.incomplete.add(range);
    }

    /// Adds what was counted in a second. A window takes off what frames that were not seen may explain
    /// when it is judged; the totals do it here.
    fn add(
        &mut self,
        second: Second,
        mut counts: SecondCounts,
        scopes: &ScopePlan,
        evidence: &mut dyn Evidence,
    ) {
        for state in &mut self.commitments {
            if let Some(bit) = scopes.bit(state.scope) {
                state.add(second, &counts, bit, self.judged);
            } else {
                state.skip_second(second);
                evidence.not_counted(&state.commitment.name, second);
            }
        }
        if let Unseen::AtMost(frames) = self.incomplete.unseen(second, second) {
            let each = counts.usage.values_mut();
            each.for_each(|usage| usage.continuity.doubt(frames));
        }
        self.totals.add(&counts);
    }

    fn judge(&mut self, second: Second, evidence: &mut dyn Evidence) {
        let (incomplete, totals) = (&self.incomplete, &mut self.totals);
        for state in &mut self.commitments {
            state.judge(
                second,
                incomplete,
                |role, asn| totals.is_admitted(role, asn),
                evidence,
                &mut self.notices,
            );
        }
        let new = self.notices.iter().skip(self.notices_told);
        let ended: Vec<_> = new.filter_map(ExcessNotice::ended).collect();
        self.notices_told = self.notices.len();
        evidence.second_judged(JudgedSecond {
            second,
            policy: &self.policy,
            ended: &ended,
        });
        for state in &mut self.commitments {
            state
                .out_of_sla()
                .for_each(|(role, asn)| totals.admit(role, asn));
            self.transit_left_out += state.take_left_out();
        }
        if self.incomplete.count(second, second) > 0 {
            self.incomplete_seconds += 1;
            self.last_incomplete = Some(second);
        }
        self.judged = Some(second);
        self.incomplete
            .forget(Second(second.0.saturating_sub(MAX_WINDOW)));
    }

    /// Idle seconds after a judged one: once every window has run empty there is nothing to judge,
    /// so a jump costs no more than a window.
    fn judge_idle(&mut self, last: Second, through: Second, evidence: &mut dyn Evidence) {
        let longest = self
            .commitments
            .iter()
            .map(|state| u64::from(state.commitment.window.get()))
            .max();
        let until = through.0.min(last.0 + longest.unwrap_or(0));
        for second in last.0 + 1..=until {
            self.totals.begin_second();
            self.judge(Second(second), evidence);
        }
        if through.0 > until {
            self.totals.begin_second();
            self.incomplete_seconds += self.incomplete.count(Second(until + 1), through);
            self.judged = Some(through);
        }
    }

    /// Starts and ends of times out of SLA since the last call.
    pub fn take_notices(&mut self) -> Vec<ExcessNotice> {
        self.notices_told = 0;
        std::mem::take(&mut self.notices)
    }

    /// The last second judged.
    pub fn judged(&self) -> Option<Second> {
        self.judged
    }

    /// Everything there is to show.
    pub fn snapshot(&self) -> Snapshot {
        let origins = &self.policy.origins;
        let name = |asn: Asn| origins.name(asn).map(Arc::from);
        let admitted = |role, asn| self.totals.is_admitted(role, asn);
        let frames = &self.totals.frames;
        Snapshot {
            judged: self.judged,
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
            dialogs_refused: self
                .workers
                .values()
                .map(|worker| worker.dialogs_refused)
                .max()
                .unwrap_or(0),
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
            disputed: self.disputed(),
            asns: self.totals.rows(|origin| match origin {
                Origin::As(asn) => name(asn),
                Origin::Local => None,
            }),
            transit: self.totals.transit_rows(name),
            transit_left_out: self.transit_left_out,
            commitments: self
                .commitments
                .iter()
                .map(|state| state.row(self.judged, admitted, name))
                .collect(),
        }
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
