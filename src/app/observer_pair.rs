//! Hands what the judge says to two observers: the recorder of the ledger and the settler.

use crate::meter::second::IncompleteRange;
use crate::snapshot::evidence::{JudgedSecond, Judgement, JudgementObserver};
use crate::units::Second;
use std::sync::Arc;

/// Tells two, if they are there.
pub(super) struct ObserverPair<'a, A, B>(
    pub(super) Option<&'a mut A>,
    pub(super) Option<&'a mut B>,
);

impl<A: JudgementObserver, B: JudgementObserver> ObserverPair<'_, A, B> {
    fn each(&mut self) -> impl Iterator<Item = &mut dyn JudgementObserver> + '_ {
        let one = self
            .0
            .iter_mut()
            .map(|one| &mut **one as &mut dyn JudgementObserver);
        let other = self
            .1
            .iter_mut()
            .map(|one| &mut **one as &mut dyn JudgementObserver);
        one.chain(other)
    }
}

impl<A: JudgementObserver, B: JudgementObserver> JudgementObserver for ObserverPair<'_, A, B> {
    fn judged(&mut self, judgement: &Judgement) {
        self.each().for_each(|one| one.judged(judgement));
    }

    fn second_judged(&mut self, judged: JudgedSecond<'_>) {
        self.each().for_each(|one| one.second_judged(judged));
    }

    fn take_unwritten(&mut self) -> Option<(Second, Second)> {
        let unwritten = self.0.as_mut().and_then(|one| one.take_unwritten());
        if let (Some((first, last)), Some(other)) = (unwritten, &mut self.1) {
            // Who writes nothing hears that nobody saw it, as the judge does.
            other.incomplete(IncompleteRange {
                first,
                last,
                at_most: None,
            });
        }
        unwritten
    }

    fn incomplete(&mut self, range: IncompleteRange) {
        self.each().for_each(|one| one.incomplete(range));
    }

    fn absent(&mut self, probe: &str, first: Second, last: Second) {
        self.each().for_each(|one| one.absent(probe, first, last));
    }

    fn made_of(&mut self, parts: &[(Arc<str>, u64)]) {
        self.each().for_each(|one| one.made_of(parts));
    }

    fn not_counted(&mut self, commitment: &str, second: Second) {
        self.each()
            .for_each(|one| one.not_counted(commitment, second));
    }

    fn resumed(&mut self, last: Second, first: Second) {
        self.each().for_each(|one| one.resumed(last, first));
    }

    fn restarted(&mut self, from: Second, stepped_from: Option<Second>) {
        self.each()
            .for_each(|one| one.restarted(from, stepped_from));
    }
}
