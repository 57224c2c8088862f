//! Settled verdicts beside the given ones, live and in a replay: what the judge says becomes leaves, these wait
//! for what is told late ([`super::amended`]), and are judged again (MODEL §11.7).
//!
//! Belongs to the judge's thread; what is settled is shared with whoever shows it.

use super::amended::AmendedLeaves;
use super::leaf::{CountingTerms, Leaf};
use super::record::{LeafSink, Recorder, SecondLeaves};
use super::rejudge::LeafJudge;
use super::settled::{SettledSeconds, SharedSettled};
use crate::meter::second::IncompleteRange;
use crate::snapshot::evidence::{JudgedSecond, Judgement, JudgementObserver};
use crate::units::Second;
use std::sync::PoisonError;

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
        self.judge.take_judged();
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
        for leaf in second.leaves {
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
            judge: LeafJudge::counting_settled(),
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
