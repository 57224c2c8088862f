//! Compares what a ledger recorded with what the judge says.

use super::LeafJudge;
use crate::ledger::leaf::{IntervalLeaf, Leaf};
use crate::ledger::second_group::{LeafFault, SecondGroup, is_judgement};
use crate::units::Second;

impl LeafJudge {
    /// Holds what is recorded of a second to what the judge says of it.
    pub(super) fn compare(
        &mut self,
        group: &SecondGroup,
        judged: &[Leaf],
    ) -> Result<(), LeafFault> {
        let recorded = group.leaves.iter().enumerate();
        let recorded: Vec<_> = recorded.filter(|(_, leaf)| is_judgement(leaf)).collect();
        for (place, leaf) in &recorded {
            match leaf {
                Leaf::Verdict(verdict) => {
                    let subject = (verdict.commitment.clone(), verdict.asn);
                    self.recorded.insert(subject, verdict.clone());
                }
                Leaf::Interval(interval) if interval.until < interval.from => {
                    return Err(group.fault(*place, "ends before it begins"));
                }
                _ => {}
            }
        }
        if let Some(from) = self.whole_from {
            self.done.taken += recorded.len() as u64;
            return self.end_unknown(group, from);
        }
        for place in 0..recorded.len().max(judged.len()) {
            match (recorded.get(place), judged.get(place)) {
                (Some((_, leaf)), Some(judged)) if self.follows(leaf, judged) => self.count(judged),
                (Some((at, _)), Some(judged)) => {
                    let reason = format!("does not follow: the judge says {}", judged.to_line());
                    return Err(group.fault(*at, reason));
                }
                (Some((at, _)), None) => {
                    return Err(group.fault(*at, "does not follow: the judge says nothing"));
                }
                (None, Some(judged)) => {
                    let reason = format!("behind it is missing {}", judged.to_line());
                    return Err(group.fault(group.leaves.len().saturating_sub(1), reason));
                }
                (None, None) => {}
            }
        }
        Ok(())
    }

    /// Whether a leaf is what the judge says. An interval that began before all was known may have begun earlier and
    /// have had a higher peak; what transit it crossed then is not known either.
    fn follows(&self, leaf: &Leaf, judged: &Leaf) -> bool {
        match (leaf, judged) {
            (Leaf::Interval(leaf), Leaf::Interval(judged)) if self.began_unknown(judged) => {
                let known = IntervalLeaf {
                    from: judged.from,
                    peak_bytes: judged.peak_bytes,
                    transit: judged.transit.clone(),
                    ..leaf.clone()
                };
                let may_precede = leaf.from <= judged.from && leaf.peak_bytes >= judged.peak_bytes;
                known == *judged && may_precede
            }
            _ => leaf == judged,
        }
    }

    /// Counts a leaf that is what the judge says.
    fn count(&mut self, judged: &Leaf) {
        match judged {
            Leaf::Interval(interval) if self.began_unknown(interval) => self.done.taken += 1,
            Leaf::Interval(_) => self.done.intervals += 1,
            _ => self.done.verdicts += 1,
        }
    }

    /// Once all windows hold only what is there, the judge must say what is recorded.
    fn end_unknown(&mut self, group: &SecondGroup, from: Second) -> Result<(), LeafFault> {
        let Some(judged) = self.judge.judged() else {
            return Ok(());
        };
        if self.judge.known_after(from) > judged.next() {
            return Ok(());
        }
        (self.whole_from, self.unknown_until) = (None, Some(judged));
        self.recorded.retain(|_, leaf| leaf.has_verdict());
        let standing = self.recorder.standing();
        let recorded = self.recorded.values();
        let differs = recorded
            .zip(standing.values())
            .find(|(one, other)| !one.is_same_as(other));
        let at_end = group.leaves.len().saturating_sub(1);
        if let Some((recorded, standing)) = differs {
            let reason = format!(
                "behind it stands {}, but the judge says {}",
                Leaf::Verdict(recorded.clone()).to_line(),
                Leaf::Verdict(standing.clone()).to_line()
            );
            return Err(group.fault(at_end, reason));
        }
        if self.recorded.len() != standing.len() {
            let reason = format!(
                "behind it {} verdicts stand, but by the judge {}",
                self.recorded.len(),
                standing.len()
            );
            return Err(group.fault(at_end, reason));
        }
        Ok(())
    }

    fn began_unknown(&self, interval: &IntervalLeaf) -> bool {
        self.is_unknown_at(interval.from)
    }

    /// Whether what began with a second is not all known.
    pub(super) fn is_unknown_at(&self, from: Second) -> bool {
        self.unknown_until.is_some_and(|unknown| from <= unknown)
    }
}
