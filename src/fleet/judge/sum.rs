//! Adds what several probes counted of one ASN.

use crate::snapshot::evidence::{OnPath, SubjectCounts};
use crate::units::Asn;
use std::collections::BTreeSet;

/// Adds what another probe counted of the same ASN in the same second.
pub(super) fn add(sum: &mut SubjectCounts, more: SubjectCounts) {
    sum.counted.add(more.counted);
    let crossed: BTreeSet<Asn> = sum.crossed.drain(..).chain(more.crossed).collect();
    sum.crossed = crossed.into_iter().collect();
    for path in more.paths {
        let known = sum
            .paths
            .iter_mut()
            .find(|known| known.transit == path.transit);
        match known {
            Some(OnPath { counted, .. }) => counted.add(path.counted),
            None => sum.paths.push(path),
        }
    }
    sum.silence.active += more.silence.active;
    sum.silence.counts.add(&more.silence.counts);
}
