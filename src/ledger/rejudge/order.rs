//! Leaves of counts stand in the order of the policy, and say each thing once: a second that stands twice counts
//! once more.

use super::LeafJudge;
use crate::ledger::leaf::{CountedLeaf, Leaf, MAX_ASNS, TransitRole};
use crate::ledger::second_group::{LeafFault, SecondGroup};
use crate::units::Second;

/// What a leaf is about: the commitment's place, the second that was counted, the part, the first ASN.
type Place = (usize, Second, u32, Option<Subject>);

/// An ASN in a role; transit stands behind origin.
type Subject = (Option<u32>, Option<TransitRole>);

const fn subject(counted: &CountedLeaf) -> Subject {
    (counted.asn, counted.role)
}

impl LeafJudge {
    /// Holds the leaves of a second that count something to their order.
    ///
    /// # Errors
    /// [`LeafFault`]: one stands twice or in another place, has an ASN twice, or amends what was not judged.
    pub(super) fn check_order(&self, group: &SecondGroup, second: Second) -> Result<(), LeafFault> {
        let mut last: Option<(u8, Place)> = None;
        for (at, leaf) in group.leaves.iter().enumerate() {
            let (commitment, counted, part, asns) = match leaf {
                Leaf::Second(leaf) => (&leaf.commitment, leaf.second, leaf.part, &leaf.asns),
                Leaf::Amendment(leaf) if leaf.amended >= second => {
                    return Err(group.fault(at, "amends a second that was not judged"));
                }
                Leaf::Amendment(leaf) => (&leaf.commitment, leaf.amended, 0, &leaf.asns),
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
            let place = (place, counted, part, asns.first().map(subject));
            let this = Some((leaf.rank(), place));
            if this <= last {
                return Err(group.fault(at, "stands twice, or not in its place"));
            }
            last = this;
        }
        Ok(())
    }
}
