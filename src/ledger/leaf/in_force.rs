//! What is in force from a second on: contracts and ASN tables.

use super::times::{optional_second, second};
use super::{CommitmentTerms, CountingTerms};
use crate::units::Second;
use serde::{Deserialize, Serialize};

/// What is in force from a second on.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct PolicyLeaf {
    /// The first second judged by it.
    #[serde(with = "second")]
    pub second: Second,
    /// The contracts, in the order of the file.
    pub commitments: Vec<CommitmentTerms>,
    /// Settings that change what is counted.
    pub counting: CountingTerms,
    /// SHA-256 of the value of `commitments`, a comma and that of `counting`, as they are written.
    pub sha256: String,
}

/// The ASN tables in use from a second on.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct TableLeaf {
    /// The first second that was judged with them.
    #[serde(with = "second")]
    pub second: Second,
    /// In the order of precedence.
    pub sources: Vec<TableTerms>,
}

/// One ASN table.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct TableTerms {
    /// `prefixes`, `mmdb`, `location`, `mrt`, `bmp`, `local`.
    pub kind: String,
    /// A path or an address.
    pub name: String,
    /// The SHA-256 of its file, in lower-case hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// When its data was built, as it says itself; when its routers were last heard of.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "optional_second"
    )]
    pub built: Option<Second>,
    /// Prefixes in it.
    pub prefixes: u64,
}
