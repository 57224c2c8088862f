//! Observes the judge when it judges again.

use crate::ledger::leaf::Leaf;
use crate::ledger::record::{LeafSink, Recorder, SecondLeaves};
use crate::ledger::second_group::is_judgement;
use crate::ledger::settled::SettledSeconds;
use crate::snapshot::evidence::{JudgedSecond, Judgement, JudgementObserver};
use crate::units::Second;

/// Collects what the judge says.
#[derive(Debug, Default)]
pub(super) struct CollectedLeaves {
    pub(super) leaves: Vec<Leaf>,
    pub(super) unwritten: Option<(Second, Second)>,
}

impl LeafSink for CollectedLeaves {
    fn accept(&mut self, second: SecondLeaves) {
        self.leaves
            .extend(second.leaves.into_iter().filter(is_judgement));
    }

    fn take_unwritten(&mut self) -> Option<(Second, Second)> {
        self.unwritten.take()
    }
}

/// Makes leaves of what the judge says, and counts its seconds.
pub(super) struct RejudgeObserver<'a> {
    pub(super) recorder: &'a mut Recorder<CollectedLeaves>,
    pub(super) settled: Option<&'a mut SettledSeconds>,
}

impl JudgementObserver for RejudgeObserver<'_> {
    fn judged(&mut self, judgement: &Judgement) {
        self.recorder.judged(judgement);
        if let Some(settled) = &mut self.settled {
            settled.count(judgement);
        }
    }

    fn second_judged(&mut self, judged: JudgedSecond<'_>) {
        if let Some(settled) = &mut self.settled {
            settled.pass(judged.second);
        }
        self.recorder.second_judged(judged);
    }
}
