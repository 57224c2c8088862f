//! The leaves of one second, which are judged together.

use super::leaf::{GapLeaf, Leaf};
use crate::units::Second;

/// A leaf that does not follow from those before it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LeafFault {
    /// The number of the leaf.
    pub number: u64,
    /// What is wrong with it.
    pub reason: String,
}

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
pub(super) struct SecondGroup {
    pub(super) number: u64,
    pub(super) leaves: Vec<Leaf>,
}

impl SecondGroup {
    pub(super) fn fault(&self, place: usize, reason: impl Into<String>) -> LeafFault {
        LeafFault {
            number: self.number + place as u64,
            reason: reason.into(),
        }
    }

    /// Whether a leaf is of another second, or of another turn of this one.
    pub(super) fn ends_before(&self, leaf: &Leaf) -> bool {
        let Some(last) = self.leaves.last() else {
            return false;
        };
        let is_other = |second: Second| last.second().is_some_and(|last| last != second);
        leaf.second().is_some_and(is_other) || leaf.rank() < last.rank()
    }

    /// Whether the meter begins in it.
    pub(super) fn has_start(&self) -> bool {
        let is_start = |leaf: &Leaf| matches!(leaf, Leaf::Start(_));
        self.leaves.iter().any(is_start)
    }

    pub(super) fn gaps(&self) -> impl Iterator<Item = &GapLeaf> {
        self.leaves.iter().filter_map(|leaf| match leaf {
            Leaf::Gap(gap) => Some(gap),
            _ => None,
        })
    }
}
