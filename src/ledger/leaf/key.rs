//! A change of the key that signs a ledger.

use super::times::second;
use crate::units::Second;
use serde::{Deserialize, Serialize};

/// From here on another key signs. Both keys have signed that ([`crate::ledger::key_change`]).
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct KeyLeaf {
    /// The first second that was written under the new key.
    #[serde(with = "second")]
    pub time: Second,
    /// The old public key: the line within its PEM.
    pub before: String,
    /// The new public key.
    pub public: String,
    /// The old key's signature, in base64.
    pub signature: String,
    /// The new key's signature of the same text.
    pub confirmation: String,
}
