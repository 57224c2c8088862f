//! The leaves of a ledger: one line of JSON each, written in one way only (docs/EVIDENCE.md §2).
//!
//! Integers only; keys in the order of the fields here; what is 0 or empty is left out unless the key
//! is required. A line that is not what its leaf would be written as is no leaf.

mod counts;
mod entered;
mod gap;
mod in_force;
mod judged;
mod key;
mod start;
mod terms;
mod times;

pub use counts::{CountedLeaf, DirectionLeaf, SampleLeaf, SilenceLeaf};
pub use entered::{ExclusionLeaf, RevisionLeaf};
pub use gap::{GapLeaf, GapReason};
pub use in_force::{PolicyLeaf, TableLeaf, TableTerms};
pub use judged::{IntervalLeaf, NO_VERDICT, TransitRole, VerdictLeaf};
pub use key::KeyLeaf;
pub use start::{DayLeaf, Mode, SourceTerms, StartLeaf, StopLeaf};
pub use terms::{
    CommitmentTerms, CountingTerms, CreditTerms, GuaranteedTerms, JitterTerms, LatencyTerms,
    LossTerms, ScopeTerms,
};

use crate::units::Second;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use times::second;

/// The version of the rules by which verdicts follow from leaves: that of docs/MODEL.md.
pub const RULES: u32 = 1;

/// The version of the ledger's form.
pub const FORMAT: u32 = 1;

/// Octets of a line that are read at most: 200 ASNs with 256 transit ASNs each are some 800 KiB.
pub const MAX_LINE: usize = 16 << 20;

/// ASNs that stand in one leaf at most.
pub const MAX_ASNS: usize = 200;

/// One leaf.
#[derive(Serialize, Clone, PartialEq, Eq, Debug)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Leaf {
    /// The meter starts.
    Start(StartLeaf),
    /// The first leaf of a day's file.
    Day(DayLeaf),
    /// Another key signs from here on.
    Key(KeyLeaf),
    /// Contracts, in force from a second on.
    Policy(PolicyLeaf),
    /// ASN tables, in use from a second on.
    Table(TableLeaf),
    /// What was not seen whole.
    Gap(GapLeaf),
    /// What was counted in a second.
    Second(SecondLeaf),
    /// What came for a second that was judged before.
    Amendment(AmendmentLeaf),
    /// A time out of SLA that has ended.
    Interval(IntervalLeaf),
    /// Verdicts that differ from those of the second before.
    Verdict(VerdictLeaf),
    /// Announced maintenance.
    Exclusion(ExclusionLeaf),
    /// A period was judged again under another contract.
    Revision(RevisionLeaf),
    /// The meter stops.
    Stop(StopLeaf),
}

/// What was counted in a second under a commitment.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct SecondLeaf {
    /// The second.
    #[serde(with = "second")]
    pub second: Second,
    /// The contract's name.
    pub commitment: String,
    /// Which leaf of this second it is, from 0 on: there are at most [`MAX_ASNS`] in one.
    #[serde(default, skip_serializing_if = "is_default")]
    pub part: u32,
    /// Of a fleet: what it was made of, in the first leaf of the second.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub made_of: Vec<PartTerms>,
    /// By ASN, transit after origin.
    pub asns: Vec<CountedLeaf>,
}

/// A probe's part of a second of the fleet.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct PartTerms {
    /// The probe.
    pub probe: String,
    /// Leaves of its ledger up to which all is taken.
    pub leaves: u64,
}

/// What came for a second that was judged before.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct AmendmentLeaf {
    /// The second that was judged next.
    #[serde(with = "second")]
    pub second: Second,
    /// The second that it is for.
    #[serde(rename = "for", with = "second")]
    pub amended: Second,
    /// The contract's name.
    pub commitment: String,
    /// By ASN, transit after origin.
    pub asns: Vec<CountedLeaf>,
}

/// Why a line is no leaf.
#[derive(thiserror::Error, Clone, PartialEq, Eq, Debug)]
pub enum LeafError {
    /// Not what the kind of leaf looks like.
    #[error("{0}")]
    Json(String),
    /// A kind that this version does not know.
    #[error("kind {0:?} is not known")]
    Kind(String),
    /// It would be written otherwise.
    #[error("is not written as a leaf is: {0}")]
    Form(String),
}

impl Leaf {
    /// The word for its kind.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Start(_) => "start",
            Self::Day(_) => "day",
            Self::Key(_) => "key",
            Self::Policy(_) => "policy",
            Self::Table(_) => "table",
            Self::Gap(_) => "gap",
            Self::Second(_) => "second",
            Self::Amendment(_) => "amendment",
            Self::Interval(_) => "interval",
            Self::Verdict(_) => "verdict",
            Self::Exclusion(_) => "exclusion",
            Self::Revision(_) => "revision",
            Self::Stop(_) => "stop",
        }
    }

    /// The place of its kind within a second (docs/EVIDENCE.md §2).
    pub const fn rank(&self) -> u8 {
        match self {
            Self::Day(_) => 0,
            Self::Start(_) => 1,
            Self::Key(_) => 2,
            Self::Policy(_) => 3,
            Self::Table(_) => 4,
            Self::Gap(_) => 5,
            Self::Amendment(_) => 6,
            Self::Second(_) => 7,
            Self::Interval(_) => 8,
            Self::Verdict(_) => 9,
            Self::Exclusion(_) => 10,
            Self::Revision(_) => 11,
            Self::Stop(_) => 12,
        }
    }

    /// The second that it belongs to, where it is written with one.
    pub fn second(&self) -> Option<Second> {
        match self {
            Self::Start(leaf) => Some(leaf.time),
            Self::Key(leaf) => Some(leaf.time),
            Self::Policy(leaf) => Some(leaf.second),
            Self::Table(leaf) => Some(leaf.second),
            Self::Second(leaf) => Some(leaf.second),
            Self::Amendment(leaf) => Some(leaf.second),
            Self::Verdict(leaf) => Some(leaf.second),
            Self::Gap(leaf) => Some(leaf.second),
            Self::Interval(leaf) => Some(leaf.second),
            Self::Stop(leaf) => Some(leaf.time),
            Self::Day(_) | Self::Exclusion(_) | Self::Revision(_) => None,
        }
    }

    /// Without what would be left out.
    fn shortest(&self) -> Cow<'_, Self> {
        let asns = match self {
            Self::Policy(leaf)
                if !(leaf.commitments.iter().all(CommitmentTerms::is_shortest)
                    && leaf.counting.is_shortest()) =>
            {
                let mut leaf = leaf.clone();
                leaf.counting.shorten();
                leaf.commitments
                    .iter_mut()
                    .for_each(CommitmentTerms::shorten);
                return Cow::Owned(Self::Policy(leaf));
            }
            Self::Second(leaf) => &leaf.asns,
            Self::Amendment(leaf) => &leaf.asns,
            _ => return Cow::Borrowed(self),
        };
        if asns.iter().all(CountedLeaf::is_shortest) {
            return Cow::Borrowed(self);
        }
        let mut leaf = self.clone();
        if let Self::Second(SecondLeaf { asns, .. }) | Self::Amendment(AmendmentLeaf { asns, .. }) =
            &mut leaf
        {
            asns.iter_mut().for_each(CountedLeaf::shorten);
        }
        Cow::Owned(leaf)
    }

    /// The line, without a newline.
    pub fn to_line(&self) -> String {
        // strings, integers and lists: nothing in it can fail
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads a line.
    ///
    /// # Errors
    /// [`LeafError`].
    pub fn from_line(line: &str) -> Result<Self, LeafError> {
        let kind = line.strip_prefix(r#"{"kind":""#);
        let kind = kind.and_then(|rest| rest.split_once('"'));
        let (kind, _) = kind.ok_or_else(|| LeafError::Json("does not begin with a kind".into()))?;
        let leaf = match kind {
            "start" => read(line).map(Self::Start),
            "day" => read(line).map(Self::Day),
            "key" => read(line).map(Self::Key),
            "policy" => read(line).map(Self::Policy),
            "table" => read(line).map(Self::Table),
            "gap" => read(line).map(Self::Gap),
            "second" => read(line).map(Self::Second),
            "amendment" => read(line).map(Self::Amendment),
            "interval" => read(line).map(Self::Interval),
            "verdict" => read(line).map(Self::Verdict),
            "exclusion" => read(line).map(Self::Exclusion),
            "revision" => read(line).map(Self::Revision),
            "stop" => read(line).map(Self::Stop),
            _ => return Err(LeafError::Kind(kind.to_owned())),
        }?;
        let written = leaf.shortest().to_line();
        if written == line {
            Ok(leaf)
        } else {
            Err(LeafError::Form(written))
        }
    }
}

fn read<'a, T: Deserialize<'a>>(line: &'a str) -> Result<T, LeafError> {
    serde_json::from_str(line).map_err(|error| LeafError::Json(error.to_string()))
}

/// Whether a value is what it is where nothing is written.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
