//! Which leaves somebody asks for.

use super::leaf::{CountedLeaf, Leaf};
use crate::units::Second;

/// What a leaf must be about; all of it where nothing is said.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct LeafFilter {
    /// The first second.
    pub from: Option<Second>,
    /// The second behind the last.
    pub until: Option<Second>,
    /// A contract; leaves that name none are about all.
    pub commitment: Option<String>,
    /// An ASN; only leaves that name it.
    pub asn: Option<u32>,
}

impl LeafFilter {
    /// Whether a leaf is one of these.
    pub fn takes(&self, leaf: &Leaf) -> bool {
        self.takes_time(leaf) && self.takes_commitment(leaf) && self.takes_asn(leaf)
    }

    fn takes_time(&self, leaf: &Leaf) -> bool {
        let (first, last) = match leaf {
            Leaf::Gap(gap) => (gap.from, gap.until),
            Leaf::Interval(interval) => (interval.from, interval.until),
            Leaf::Amendment(amendment) => (amendment.amended, amendment.amended),
            // It says what went before, whatever is asked for.
            Leaf::Day(_) => return self == &Self::default(),
            other => match other.second() {
                Some(second) => (second, second),
                None => return true,
            },
        };
        self.from.is_none_or(|from| last >= from) && self.until.is_none_or(|until| first < until)
    }

    fn takes_commitment(&self, leaf: &Leaf) -> bool {
        let named = match leaf {
            Leaf::Second(leaf) => Some(&leaf.commitment),
            Leaf::Amendment(leaf) => Some(&leaf.commitment),
            Leaf::Interval(leaf) => Some(&leaf.commitment),
            Leaf::Verdict(leaf) => Some(&leaf.commitment),
            Leaf::Gap(leaf) => leaf.commitment.as_ref(),
            Leaf::Start(_) | Leaf::Day(_) | Leaf::Policy(_) | Leaf::Table(_) | Leaf::Stop(_) => {
                None
            }
        };
        let asked = self.commitment.as_ref();
        named.is_none_or(|named| asked.is_none_or(|asked| asked == named))
    }

    fn takes_asn(&self, leaf: &Leaf) -> bool {
        let Some(asn) = self.asn else { return true };
        let has = |asns: &[CountedLeaf]| asns.iter().any(|counted| counted.asn == Some(asn));
        match leaf {
            Leaf::Second(leaf) => has(&leaf.asns),
            Leaf::Amendment(leaf) => has(&leaf.asns),
            Leaf::Interval(leaf) => leaf.asn == asn,
            Leaf::Verdict(leaf) => leaf.asn == asn,
            Leaf::Start(_)
            | Leaf::Day(_)
            | Leaf::Policy(_)
            | Leaf::Table(_)
            | Leaf::Gap(_)
            | Leaf::Stop(_) => false,
        }
    }
}
