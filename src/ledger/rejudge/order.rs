//! Leaves of counts stand in the order of the policy, and say each thing once: a second that stands twice counts
//! once more. Gaps say what can have been.

use super::LeafJudge;
use crate::ledger::leaf::{CountedLeaf, GapReason, Leaf, MAX_ASNS, TransitRole};
use crate::ledger::second_group::{LeafFault, SecondGroup};
use crate::units::Second;

/// What a leaf is about: the commitment's place, and the second that was counted.
type Place = (usize, Second);

/// An ASN in a role; transit stands behind origin.
type Subject = (Option<u32>, Option<TransitRole>);

const fn subject(counted: &CountedLeaf) -> Subject {
    (counted.asn, counted.role)
}

/// The leaf before, of those that count something.
struct Previous<'leaf> {
    /// A second's counts, or what comes late.
    rank: u8,
    place: Place,
    /// Which leaf of its second it is; amendments do not say it.
    part: Option<u32>,
    asns: &'leaf [CountedLeaf],
}

impl Previous<'_> {
    /// Whether it may begin what a commitment says of a second.
    fn is_first(&self) -> bool {
        self.part.is_none_or(|part| part == 0)
    }

    /// Whether a leaf may stand behind it: it goes on where this one was full, or is about what comes later.
    fn may_precede(&self, next: &Previous<'_>) -> bool {
        if (self.rank, self.place) != (next.rank, next.place) {
            return (self.rank, self.place) < (next.rank, next.place) && next.is_first();
        }
        let is_next_part = next.part == self.part.map(|part| part.saturating_add(1));
        let [ends, begins] = [self.asns.last(), next.asns.first()].map(|asn| asn.map(subject));
        self.asns.len() == MAX_ASNS && is_next_part && ends < begins
    }
}

/// Holds the gaps of a second to what a meter writes: it begins anew only with a start, and a clock goes back only
/// to a second that was judged.
///
/// # Errors
/// [`LeafFault`]: a gap says what cannot have been.
pub(super) fn check_gaps(group: &SecondGroup, second: Second) -> Result<(), LeafFault> {
    for (at, leaf) in group.leaves.iter().enumerate() {
        let Leaf::Gap(gap) = leaf else {
            continue;
        };
        let is_possible = match gap.why {
            GapReason::Start => group.has_start() && gap.judged.is_none(),
            GapReason::Clock => gap.judged.is_some_and(|judged| judged >= second),
            GapReason::Stop
            | GapReason::Capture
            | GapReason::Probe
            | GapReason::Policy
            | GapReason::Disk => gap.judged.is_none(),
        };
        if !is_possible {
            return Err(group.fault(at, "is a gap that nothing around it bears out"));
        }
    }
    match group.gaps().filter(|gap| gap.begins_anew()).last() {
        Some(gap) if gap.until >= second => {
            Err(group.fault(0, "is in the gap that it stands behind"))
        }
        _ => Ok(()),
    }
}

impl LeafJudge {
    /// Holds the leaves of a second that count something to their order.
    ///
    /// # Errors
    /// [`LeafFault`]: one stands twice or in another place, has an ASN twice, or amends what was not judged.
    pub(super) fn check_order(&self, group: &SecondGroup, second: Second) -> Result<(), LeafFault> {
        let mut previous: Option<Previous<'_>> = None;
        for (at, leaf) in group.leaves.iter().enumerate() {
            let (commitment, counted, part, asns) = match leaf {
                Leaf::Second(leaf) => (&leaf.commitment, leaf.second, Some(leaf.part), &leaf.asns),
                Leaf::Amendment(leaf) if leaf.amended >= second => {
                    return Err(group.fault(at, "amends a second that was not judged"));
                }
                Leaf::Amendment(leaf) => (&leaf.commitment, leaf.amended, None, &leaf.asns),
                _ => continue,
            };
            let is_sorted = asns.is_sorted_by(|one, next| subject(one) < subject(next));
            if asns.len() > MAX_ASNS || !is_sorted {
                return Err(group.fault(at, "has its ASNs not in order, or one twice"));
            }
            let mut names = self.judge.policy().commitments.iter();
            // One that is in no policy is a fault of its own.
            let Some(place) = names.position(|one| one.name == *commitment) else {
                continue;
            };
            let this = Previous {
                rank: leaf.rank(),
                place: (place, counted),
                part,
                asns,
            };
            let is_in_place = match &previous {
                Some(previous) => previous.may_precede(&this),
                None => this.is_first(),
            };
            if !is_in_place {
                return Err(group.fault(at, "stands twice, or not in its place"));
            }
            previous = Some(this);
        }
        Ok(())
    }
}
