//! The one judge: takes the seconds of all workers, slides the windows, gives the verdicts, and
//! has the state that a snapshot shows.
//!
//! It is told everything; it reads no clock and owns no channel. A verdict that was given stands.

pub mod assembly;
pub mod case;
mod cells;
mod docket;
pub mod history;
pub mod intervals;
pub mod taints;
pub mod totals;
pub mod track;
mod transit;

use crate::asn::Origin;
use crate::attribution::scopes::ScopePlan;
use crate::judge::totals::Totals;
use crate::meter::second::{Slot, WorkerState};
use crate::sla::terms::Terms;
use crate::snapshot::evidence::Evidence;
use crate::snapshot::{Capture, InterfaceRow, Snapshot};
use crate::units::{Asn, Second};
use assembly::Merged;
use case::Case;
use std::collections::BTreeMap;
use std::sync::Arc;
use taints::Taints;
use track::Notice;

/// The longest window, in seconds: how far back taints matter.
pub const MAX_WINDOW: u64 = 3600;

/// The judge.
#[derive(Debug)]
pub struct Judge {
    terms: Arc<Terms>,
    cases: Vec<Case>,
    totals: Totals,
    taints: Taints,
    tainted_seconds: u64,
    last_tainted: Option<Second>,
    judged: Option<Second>,
    seen_since: Second,
    workers: BTreeMap<usize, WorkerState>,
    notices: Vec<Notice>,
    transit_left_out: u64,
}

impl Judge {
    /// A judge under some terms; `named` ASNs are shown from the start, up to `max_asns` in all.
    pub fn new(terms: Arc<Terms>, max_asns: usize, named: &[Asn]) -> Self {
        let mut judge = Self {
            terms: Arc::default(),
            cases: Vec::new(),
            totals: Totals::new(max_asns, named),
            taints: Taints::default(),
            tainted_seconds: 0,
            last_tainted: None,
            judged: None,
            seen_since: Second::default(),
            workers: BTreeMap::new(),
            notices: Vec::new(),
            transit_left_out: 0,
        };
        judge.revise(terms);
        judge
    }

    /// New terms, from the next second on.
    pub fn revise(&mut self, terms: Arc<Terms>) {
        let next = self.judged.map_or(self.seen_since, Second::next);
        let mut old: BTreeMap<_, _> = self
            .cases
            .drain(..)
            .map(|case| (case.commitment.name.clone(), case))
            .collect();
        for commitment in &terms.commitments {
            let Some(scope) = terms.scopes.id(&commitment.scope) else {
                continue;
            };
            let commitment = commitment.clone();
            self.cases.push(match old.remove(&commitment.name) {
                Some(case) => case.revised(commitment, scope, next, &mut self.notices),
                None => Case::new(commitment, scope, next),
            });
        }
        self.terms = terms;
    }

    /// Takes a second with everything that came for it, then judges it and the idle ones after.
    pub fn take(&mut self, merged: Merged, evidence: &mut dyn Evidence) {
        match merged {
            Merged::Opened(second) | Merged::Stepped(second) => self.restart(second),
            Merged::Second {
                second,
                through,
                parts,
            } => {
                for part in &parts {
                    for (first, last) in &part.tainted {
                        self.taint(*first, *last);
                    }
                }
                self.totals.begin_second();
                for part in parts {
                    for (amended, slot) in part.amendments {
                        self.add(amended, slot, &part.scopes);
                    }
                    self.add(second, part.slot, &part.scopes);
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
        self.last_tainted = None;
        self.taints = Taints::default();
        self.cases.iter_mut().for_each(|case| case.restart(second));
    }

    fn taint(&mut self, first: Second, last: Second) {
        if let Some(judged) = self.judged
            && first <= judged
        {
            // Verdicts given stand, but the second counts as tainted from now on.
            let last = last.min(judged);
            self.tainted_seconds += (last.0 + 1 - first.0) - self.taints.count(first, last);
            self.last_tainted = self.last_tainted.max(Some(last));
        }
        self.taints.add(first, last);
    }

    /// Adds what was counted in a second. Loss in a second that we did not see whole may be our
    /// own: it is nobody's.
    fn add(&mut self, second: Second, mut slot: Slot, scopes: &ScopePlan) {
        if self.taints.any(second, second) {
            slot.usage
                .values_mut()
                .for_each(|usage| usage.continuity.lost = 0);
        }
        for case in &mut self.cases {
            match scopes.bit(case.scope) {
                Some(bit) => case.add(second, &slot, bit, self.judged),
                None => case.miss(second),
            }
        }
        self.totals.add(&slot);
    }

    fn judge(&mut self, second: Second, evidence: &mut dyn Evidence) {
        let (taints, totals) = (&self.taints, &mut self.totals);
        for case in &mut self.cases {
            case.judge(
                second,
                |a, b| taints.any(a, b),
                |role, asn| totals.is_admitted(role, asn),
                evidence,
                &mut self.notices,
            );
        }
        for case in &mut self.cases {
            case.out_of_sla()
                .for_each(|(role, asn)| totals.admit(role, asn));
            self.transit_left_out += case.take_left_out();
        }
        if self.taints.any(second, second) {
            self.tainted_seconds += 1;
            self.last_tainted = Some(second);
        }
        self.judged = Some(second);
        self.taints
            .forget(Second(second.0.saturating_sub(MAX_WINDOW)));
    }

    /// Idle seconds after a judged one: once every window has run empty there is nothing to judge,
    /// so a jump costs no more than a window.
    fn judge_idle(&mut self, last: Second, through: Second, evidence: &mut dyn Evidence) {
        let longest = self
            .cases
            .iter()
            .map(|case| u64::from(case.commitment.window.get()))
            .max();
        let until = through.0.min(last.0 + longest.unwrap_or(0));
        for second in last.0 + 1..=until {
            self.totals.begin_second();
            self.judge(Second(second), evidence);
        }
        if through.0 > until {
            self.totals.begin_second();
            self.tainted_seconds += self.taints.count(Second(until + 1), through);
            self.judged = Some(through);
        }
    }

    /// Starts and ends of times out of SLA since the last call.
    pub fn take_notices(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.notices)
    }

    /// The last second judged.
    pub fn judged(&self) -> Option<Second> {
        self.judged
    }

    /// Everything there is to show.
    pub fn snapshot(&self) -> Snapshot {
        let origins = &self.terms.origins;
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
            clock_steps: self
                .workers
                .values()
                .map(|worker| worker.clock_steps)
                .max()
                .unwrap_or(0),
            tainted_seconds: self.tainted_seconds,
            last_tainted: self.last_tainted,
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
            disputed: self.disputed(),
            asns: self.totals.rows(|origin| match origin {
                Origin::As(asn) => name(asn),
                Origin::Local => None,
            }),
            transit: self.totals.transit_rows(name),
            transit_left_out: self.transit_left_out,
            commitments: self
                .cases
                .iter()
                .map(|case| case.row(self.judged, admitted, name))
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

    fn capture(&self) -> Capture {
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
        Capture {
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
