//! Settled verdicts beside the given ones, live and in a replay: what the judge says becomes leaves, these wait
//! for what is told late ([`super::amended`]), and are judged again (MODEL §11.7).
//!
//! Belongs to the judge's thread; what is settled is shared with whoever shows it.

use super::amended::AmendedLeaves;
use super::leaf::{CountingTerms, Leaf};
use super::record::{LeafSink, Recorder, SecondLeaves};
use super::rejudge::LeafJudge;
use crate::meter::second::IncompleteRange;
use crate::sla::Verdict;
use crate::sla::measure::PerMeasure;
use crate::snapshot::evidence::{JudgedSecond, Judgement, JudgementObserver};
use crate::snapshot::{GuaranteeRow, Snapshot};
use crate::units::{Asn, Second};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// ASNs under contracts of which settled seconds are counted.
pub const MAX_SETTLED: usize = 20_000;

/// Seconds of each verdict, in the order of [`Verdict::ALL`].
pub type VerdictSeconds = [u64; Verdict::ALL.len()];

/// What is settled so far.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SettledSeconds {
    seconds: BTreeMap<(Arc<str>, Asn), PerMeasure<VerdictSeconds>>,
    /// The last second that is settled.
    until: Option<Second>,
    /// ASNs under contracts that found no room.
    pub left_out: u64,
    /// Counts that came too late.
    pub late: u64,
}

impl SettledSeconds {
    /// Counts a judgement.
    pub(super) fn count(&mut self, judgement: &Judgement) {
        let given = &judgement.verdicts.given;
        if given.iter().all(|(_, verdict)| verdict.is_none()) {
            return;
        }
        let subject = (judgement.commitment.clone(), judgement.asn);
        if !self.seconds.contains_key(&subject) && self.seconds.len() >= MAX_SETTLED {
            self.left_out += 1;
            return;
        }
        let seconds = self.seconds.entry(subject).or_default();
        for (measure, verdict) in given.iter() {
            let of_verdict = verdict.and_then(|it| seconds.get_mut(measure).get_mut(it as usize));
            if let Some(of_verdict) = of_verdict {
                *of_verdict += 1;
            }
        }
    }

    /// A second has been judged.
    pub(super) fn pass(&mut self, second: Second) {
        self.until = Some(second);
    }

    /// Sets it beside what was given.
    pub fn fill(&self, snapshot: &mut Snapshot) {
        for row in &mut snapshot.commitments {
            row.settled_until = self.until;
            for asn in &mut row.asns {
                let subject = (row.name.clone(), asn.asn);
                let seconds = self.seconds.get(&subject).copied().unwrap_or_default();
                asn.guarantees = PerMeasure::from_fn(|measure| {
                    let row = (*asn.guarantees.get(measure))?;
                    let settled = Some(*seconds.get(measure));
                    Some(GuaranteeRow { settled, ..row })
                });
            }
        }
    }
}

/// What is settled, for whoever shows it.
pub type SharedSettled = Arc<Mutex<SettledSeconds>>;

/// Sets what is settled beside what was given.
pub fn fill(settled: &SharedSettled, snapshot: &mut Snapshot) {
    let settled = settled.lock().unwrap_or_else(PoisonError::into_inner);
    settled.fill(snapshot);
}

/// Judges again what waits no longer.
#[derive(Debug)]
struct Settling {
    amended: AmendedLeaves,
    judge: LeafJudge,
    shared: SharedSettled,
}

impl Settling {
    fn judge(&mut self, leaves: Vec<Leaf>) {
        for leaf in leaves {
            // What our own judge has said cannot be wrong; where it is, nothing more is settled.
            let _ = self.judge.take(0, leaf);
        }
        self.judge.take_said();
        self.publish();
    }

    fn publish(&self) {
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(settled) = self.judge.settled() {
            shared.clone_from(settled);
        }
        shared.late = self.amended.late();
    }
}

impl LeafSink for Settling {
    fn accept(&mut self, second: SecondLeaves) {
        let mut passed = Vec::new();
        for leaf in &second.leaves {
            self.amended.take(leaf, &mut passed);
        }
        if !passed.is_empty() {
            self.judge(passed);
        }
    }
}

/// Listens to the judge and settles what it said.
#[derive(Debug)]
pub struct Settler {
    recorder: Recorder<Settling>,
    shared: SharedSettled,
}

impl Settler {
    /// One that has heard nothing, with room for so many counts that wait.
    pub fn new(most: usize) -> Self {
        let shared = SharedSettled::default();
        let settling = Settling {
            amended: AmendedLeaves::new(most),
            judge: LeafJudge::settling(),
            shared: shared.clone(),
        };
        Self {
            recorder: Recorder::new(settling, CountingTerms::default()),
            shared,
        }
    }

    /// What is settled, at any time.
    pub fn shared(&self) -> SharedSettled {
        self.shared.clone()
    }

    /// No more comes: all that waits is settled as it is known now.
    pub fn finish(self) -> SettledSeconds {
        let mut settling = self.recorder.into_sink();
        let mut passed = Vec::new();
        settling.amended.finish(&mut passed);
        settling.judge(passed);
        let _ = settling.judge.finish();
        settling.publish();
        let shared = settling
            .shared
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        shared.clone()
    }
}

impl JudgementObserver for Settler {
    fn judged(&mut self, judgement: &Judgement) {
        self.recorder.judged(judgement);
    }

    fn second_judged(&mut self, judged: JudgedSecond<'_>) {
        self.recorder.second_judged(judged);
    }

    fn incomplete(&mut self, range: IncompleteRange) {
        self.recorder.incomplete(range);
    }

    fn not_counted(&mut self, commitment: &str, second: Second) {
        self.recorder.not_counted(commitment, second);
    }

    fn resumed(&mut self, _last: Second, first: Second) {
        // It knows nothing of what was before.
        self.recorder.restarted(first, None);
    }

    fn restarted(&mut self, from: Second, stepped_from: Option<Second>) {
        self.recorder.restarted(from, stepped_from);
    }
}

#[cfg(test)]
mod tests;
