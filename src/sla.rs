//! Commitments and verdicts: pure arithmetic in integers. Whoever calls it brings the counts.
//!
//! Nothing here reads a clock or a configuration; the rules are those of MODEL §6 and §11, to the letter.

pub mod commitment;
pub mod credit;
pub mod direction;
pub mod limit;
pub mod measure;
pub mod policy;
pub mod unseen;
pub mod verdict;

/// What an ASN is held against the threshold for. One that is both has a window for each.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Role {
    /// What comes from it and goes to it.
    Origin,
    /// What goes through it.
    Transit,
}

/// How a guarantee stands in a second.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Verdict {
    /// Kept.
    Met,
    /// Not kept.
    Missed,
    /// Out of SLA: no guarantee was given.
    Void,
    /// We did not see enough to decide.
    Indeterminate,
}

/// Why a verdict is indeterminate.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum IndeterminateReason {
    /// The meter did not see everything.
    Unseen,
    /// What is certain and what may be would give different verdicts.
    InDoubt,
    /// Too little to measure with.
    FewSamples,
}

impl IndeterminateReason {
    /// Every reason, in the order of the enum: the first that holds is given.
    pub const ALL: [Self; 3] = [Self::Unseen, Self::InDoubt, Self::FewSamples];

    /// The value in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unseen => "unseen",
            Self::InDoubt => "in_doubt",
            Self::FewSamples => "few_samples",
        }
    }
}

impl Verdict {
    /// Every verdict, in the order of the enum.
    pub const ALL: [Self; 4] = [Self::Met, Self::Missed, Self::Void, Self::Indeterminate];

    /// The label value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::Missed => "missed",
            Self::Void => "void",
            Self::Indeterminate => "indeterminate",
        }
    }
}
