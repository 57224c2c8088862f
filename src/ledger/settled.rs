//! Seconds by their settled verdicts (MODEL §11.7), of each ASN under each contract.

use crate::sla::Verdict;
use crate::sla::measure::PerMeasure;
use crate::snapshot::evidence::Judgement;
use crate::snapshot::{GuaranteeRow, Snapshot};
use crate::units::{Asn, Second};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// ASNs under contracts of which settled seconds are counted.
pub const MAX_SETTLED: usize = 20_000;

/// Seconds of each verdict, in the order of [`Verdict::ALL`].
pub type VerdictSeconds = [u64; Verdict::ALL.len()];

/// What is settled so far.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SettledSeconds {
    seconds: BTreeMap<(Arc<str>, Asn), PerMeasure<VerdictSeconds>>,
    /// The last second that is settled.
    pub(super) until: Option<Second>,
    /// ASNs under contracts that found no room.
    pub left_out: u64,
    /// Counts that came too late.
    pub late: u64,
}

impl SettledSeconds {
    /// Counts a judgement.
    pub(super) fn count(&mut self, judgement: &Judgement) {
        let given = &judgement.verdicts.given;
        if given.iter().all(|(_, verdict)| verdict.is_none()) {
            return;
        }
        let subject = (judgement.commitment.clone(), judgement.asn);
        if !self.seconds.contains_key(&subject) && self.seconds.len() >= MAX_SETTLED {
            self.left_out += 1;
            return;
        }
        let seconds = self.seconds.entry(subject).or_default();
        for (measure, verdict) in given.iter() {
            let of_verdict = verdict.and_then(|it| seconds.get_mut(measure).get_mut(it as usize));
            if let Some(of_verdict) = of_verdict {
                *of_verdict += 1;
            }
        }
    }

    /// A second has been judged.
    pub(super) fn pass(&mut self, second: Second) {
        self.until = Some(second);
    }

    /// Sets it beside what was given.
    pub fn fill(&self, snapshot: &mut Snapshot) {
        for row in &mut snapshot.commitments {
            row.settled_until = self.until;
            for asn in &mut row.asns {
                let subject = (row.name.clone(), asn.asn);
                let seconds = self.seconds.get(&subject).copied().unwrap_or_default();
                asn.guarantees = PerMeasure::from_fn(|measure| {
                    let row = (*asn.guarantees.get(measure))?;
                    let settled = Some(*seconds.get(measure));
                    Some(GuaranteeRow { settled, ..row })
                });
            }
        }
    }
}

/// What is settled, for whoever shows it.
pub type SharedSettled = Arc<Mutex<SettledSeconds>>;

/// Sets what is settled beside what was given.
pub fn fill(settled: &SharedSettled, snapshot: &mut Snapshot) {
    let settled = settled.lock().unwrap_or_else(PoisonError::into_inner);
    settled.fill(snapshot);
}
