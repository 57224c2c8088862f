//! What people enter into a ledger: it judges nothing and counts nothing.

use super::terms::CommitmentTerms;
use super::times::second;
use crate::units::Second;
use serde::{Deserialize, Serialize};

/// Announced maintenance: the report shows its seconds apart, the verdicts stand.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct ExclusionLeaf {
    /// When it was entered, by the writer's time: after its first second it is retroactive.
    #[serde(with = "second")]
    pub entered: Second,
    /// Its first second.
    #[serde(with = "second")]
    pub from: Second,
    /// Its last second.
    #[serde(with = "second")]
    pub until: Second,
    /// The contract's name.
    pub commitment: String,
    /// Why, in words.
    pub reason: String,
    /// The ASNs that it is about, ascending; empty: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub asns: Vec<u32>,
}

impl ExclusionLeaf {
    /// Whether it was entered only after it had begun.
    pub fn is_retroactive(&self) -> bool {
        self.entered > self.from
    }
}

/// A period was judged again under another contract; the verdicts stand beside it.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct RevisionLeaf {
    /// When it was entered, by the writer's time.
    #[serde(with = "second")]
    pub entered: Second,
    /// The contracts by which it was judged again, all values of each.
    pub policy: Vec<CommitmentTerms>,
    /// The first second of the period.
    #[serde(with = "second")]
    pub from: Second,
    /// Its last second.
    #[serde(with = "second")]
    pub until: Second,
    /// SHA-256 of the value of `commitments` in the report's document, without white space; in hexadecimal.
    pub sha256: String,
}
