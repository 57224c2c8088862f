//! What was judged: verdicts where they change, and times out of SLA.

use super::times::second;
use crate::sla::Role;
use crate::units::Second;
use serde::{Deserialize, Serialize};

/// A time out of SLA that has ended.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct IntervalLeaf {
    /// The first second after it that was judged.
    #[serde(with = "second")]
    pub second: Second,
    /// The contract's name.
    pub commitment: String,
    /// `transit`, if what goes through the ASN was over the limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<TransitRole>,
    /// The ASN.
    pub asn: u32,
    /// `from`, `to`, `sum`.
    pub direction: String,
    /// The first second over the limit.
    #[serde(with = "second")]
    pub from: Second,
    /// The last one.
    #[serde(with = "second")]
    pub until: Second,
    /// The largest window in it, in octets.
    pub peak_bytes: u64,
    /// The transit ASNs on its paths meanwhile.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub transit: Vec<u32>,
}

/// An ASN that lies between.
#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[serde(rename_all = "lowercase")]
pub enum TransitRole {
    /// What goes through the ASN.
    Transit,
}

impl From<TransitRole> for Role {
    fn from(TransitRole::Transit: TransitRole) -> Self {
        Self::Transit
    }
}

/// Verdicts on an ASN that are others than those of the second before.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct VerdictLeaf {
    /// The first second with these.
    #[serde(with = "second")]
    pub second: Second,
    /// The contract's name.
    pub commitment: String,
    /// The ASN.
    pub asn: u32,
    /// One for each measure of the start leaf: `met`, `missed`, `void`, `indeterminate`, `none`.
    pub verdicts: Vec<String>,
    /// Why, of each measure that is `indeterminate`; empty words otherwise. Left out if all are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<String>,
    /// The transit ASN out of SLA for which it is void.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub void_by_transit: Option<u32>,
}

/// The word for no verdict.
pub const NO_VERDICT: &str = "none";

impl VerdictLeaf {
    /// Whether it equals another one but for the second.
    pub fn is_same_as(&self, other: &Self) -> bool {
        let key = |of: &Self| (of.commitment.clone(), of.asn, of.void_by_transit);
        key(self) == key(other)
            && (&self.verdicts, &self.reasons) == (&other.verdicts, &other.reasons)
    }

    /// Whether there is any verdict.
    pub fn has_verdict(&self) -> bool {
        self.verdicts.iter().any(|verdict| verdict != NO_VERDICT)
    }
}
