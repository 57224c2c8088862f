//! The leaves of one second, which are judged together.

use super::Fault;
use crate::ledger::leaf::{GapLeaf, Leaf};
use crate::units::Second;

/// What is judged, and not counted.
pub(super) fn is_judgement(leaf: &Leaf) -> bool {
    matches!(leaf, Leaf::Interval(_) | Leaf::Verdict(_))
}

/// What people entered: it counts nothing, and no verdict follows from it.
pub(super) const fn entered(leaf: &Leaf) -> Option<Second> {
    match leaf {
        Leaf::Exclusion(leaf) => Some(leaf.entered),
        Leaf::Revision(leaf) => Some(leaf.entered),
        _ => None,
    }
}

/// The leaves of one second, with the number of the first.
#[derive(Debug, Default)]
pub(in super::super) struct SecondGroup {
    pub(in super::super) number: u64,
    pub(in super::super) leaves: Vec<Leaf>,
}

impl SecondGroup {
    pub(super) fn fault(&self, place: usize, reason: impl Into<String>) -> Fault {
        Fault {
            number: self.number + place as u64,
            reason: reason.into(),
        }
    }

    /// Whether a leaf is of another second, or of another turn of this one.
    pub(in super::super) fn ends_before(&self, leaf: &Leaf) -> bool {
        let Some(last) = self.leaves.last() else {
            return false;
        };
        let is_other = |second: Second| last.second().is_some_and(|last| last != second);
        leaf.second().is_some_and(is_other) || rank(leaf) < rank(last)
    }

    pub(in super::super) fn gaps(&self) -> impl Iterator<Item = &GapLeaf> {
        self.leaves.iter().filter_map(|leaf| match leaf {
            Leaf::Gap(gap) => Some(gap),
            _ => None,
        })
    }
}

/// The place of a kind of leaf within a second (docs/EVIDENCE.md §2).
const fn rank(leaf: &Leaf) -> u8 {
    match leaf {
        Leaf::Day(_) => 0,
        Leaf::Start(_) => 1,
        Leaf::Policy(_) => 2,
        Leaf::Table(_) => 3,
        Leaf::Gap(_) => 4,
        Leaf::Amendment(_) => 5,
        Leaf::Second(_) => 6,
        Leaf::Interval(_) => 7,
        Leaf::Verdict(_) => 8,
        Leaf::Exclusion(_) => 9,
        Leaf::Revision(_) => 10,
        Leaf::Stop(_) => 11,
    }
}
