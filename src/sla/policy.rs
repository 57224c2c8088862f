//! What is in force: contracts, their scopes, and whose addresses are whose.

use crate::asn::Origins;
use crate::attribution::scopes::ScopePlan;
use crate::sla::commitment::Commitment;
use crate::units::Ratio;
use std::sync::Arc;

/// Of an ASN's active streams so many have to be silent before what they leave open is judged, where
/// nobody says otherwise (MODEL §11.5).
pub const USUAL_SILENCE_SHARE: Ratio = Ratio::from_ppm(100_000);

/// What is in force, shared by judge and workers; replaced as a whole on reload.
#[derive(Clone, Debug)]
pub struct Policy {
    /// The contracts.
    pub commitments: Vec<Commitment>,
    /// Their scopes.
    pub scopes: Arc<ScopePlan>,
    /// The origins of addresses.
    pub origins: Arc<Origins>,
    /// The share of an ASN's active streams that have to be silent before what they leave open is judged.
    pub silence_share: Ratio,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            commitments: Vec::new(),
            scopes: Arc::default(),
            origins: Arc::default(),
            silence_share: USUAL_SILENCE_SHARE,
        }
    }
}
