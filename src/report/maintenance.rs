//! Announced maintenance: which seconds it covers, for whom.

use super::seconds::SecondSet;
use crate::ledger::leaf::ExclusionLeaf;
use std::sync::Arc;

/// The seconds of maintenance that hold for an ASN.
#[derive(Debug, Default)]
pub(super) struct Maintenance {
    /// Those that were announced before they began.
    pub(super) announced: SecondSet,
    /// All of them: also those that were entered afterwards.
    pub(super) all: SecondSet,
}

impl Maintenance {
    /// What of some exclusions holds for an ASN; for none: what holds for all of them.
    pub(super) fn of(exclusions: &[ExclusionLeaf], asn: Option<u32>) -> Arc<Self> {
        let mut maintenance = Self::default();
        for exclusion in exclusions {
            let is_named = asn.is_some_and(|asn| exclusion.asns.contains(&asn));
            if !exclusion.asns.is_empty() && !is_named {
                continue;
            }
            let (first, end) = (exclusion.from.0, exclusion.until.0.saturating_add(1));
            maintenance.all.insert(first, end);
            if !exclusion.is_retroactive() {
                maintenance.announced.insert(first, end);
            }
        }
        maintenance.into()
    }
}
