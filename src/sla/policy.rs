//! What is in force: contracts, their scopes, and whose addresses are whose.

use crate::asn::Origins;
use crate::attribution::scopes::ScopePlan;
use crate::sla::commitment::Commitment;
use std::sync::Arc;

/// What is in force, shared by judge and workers; replaced as a whole on reload.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// The contracts.
    pub commitments: Vec<Commitment>,
    /// Their scopes.
    pub scopes: Arc<ScopePlan>,
    /// Whose addresses are whose.
    pub origins: Arc<Origins>,
}
