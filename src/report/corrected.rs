//! Another contract to judge the same leaves by, as far as they can answer it.
//!
//! A leaf has what was counted: octets on one layer, of some classes, in one scope; losses; samples above one
//! limit. What another contract asks beyond that is said, and left out.

use crate::ledger::leaf::{CommitmentTerms, GuaranteedTerms, PolicyLeaf};
use crate::sla::commitment::{Commitment, MAX_WINDOW};
use std::collections::{BTreeMap, BTreeSet};

/// Other contracts, and what of them was asked for that no leaf says.
#[derive(Clone, Debug, Default)]
pub(super) struct CorrectedPolicy {
    terms: BTreeMap<String, CommitmentTerms>,
    /// By contract, why.
    unanswered: BTreeMap<String, BTreeSet<String>>,
    /// The contracts as they were judged by.
    judged: BTreeMap<String, CommitmentTerms>,
}

impl CorrectedPolicy {
    /// By these contracts in place of those of the same names.
    pub(super) fn new(commitments: &[Commitment]) -> Self {
        let terms = commitments.iter().map(CommitmentTerms::from);
        Self {
            terms: terms.map(|terms| (terms.name.clone(), terms)).collect(),
            ..Self::default()
        }
    }

    /// A policy leaf with the other contracts in it.
    pub(super) fn correct(&mut self, leaf: &PolicyLeaf) -> PolicyLeaf {
        let commitments = leaf.commitments.iter().map(|terms| {
            let Some(other) = self.terms.get(&terms.name) else {
                return terms.clone();
            };
            let unanswered = self.unanswered.entry(terms.name.clone()).or_default();
            let judged = answerable(terms, other, unanswered);
            self.judged.insert(terms.name.clone(), judged.clone());
            judged
        });
        PolicyLeaf {
            commitments: commitments.collect(),
            ..leaf.clone()
        }
    }

    /// The contract by which was judged, and what of the one that was asked for could not be answered.
    pub(super) fn judged(&self, name: &str) -> Option<(CommitmentTerms, Vec<String>)> {
        let unanswered = self.unanswered.get(name)?;
        let terms = self.judged.get(name)?;
        Some((terms.clone(), unanswered.iter().cloned().collect()))
    }

    /// The names of the other contracts.
    pub(super) fn names(&self) -> impl Iterator<Item = &String> {
        self.terms.keys()
    }
}

/// Of another contract what the leaves counted for one can answer.
fn answerable(
    counted: &CommitmentTerms,
    other: &CommitmentTerms,
    unanswered: &mut BTreeSet<String>,
) -> CommitmentTerms {
    let mut judged = other.clone();
    let mut keep = |key: &str, is_same: bool, was: String| {
        if !is_same {
            unanswered.insert(format!("{key}: the ledger was counted for {was} only"));
        }
    };
    let all = |list: &[String]| {
        if list.is_empty() {
            "all".to_owned()
        } else {
            list.join(", ")
        }
    };
    keep("layer", counted.layer == other.layer, counted.layer.clone());
    keep(
        "classes",
        counted.classes == other.classes,
        all(&counted.classes),
    );
    let scope = &counted.scope;
    let vlans: Vec<_> = scope.vlans.iter().map(ToString::to_string).collect();
    keep(
        "scope",
        *scope == other.scope,
        format!(
            "prefixes {}, interfaces {}, VLANs {}",
            all(&scope.local_prefixes),
            all(&scope.interfaces),
            all(&vlans)
        ),
    );
    keep(
        "transit",
        counted.transit == other.transit,
        counted.transit.clone(),
    );
    keep(
        "window",
        u64::from(other.window) <= MAX_WINDOW,
        format!("windows of up to {MAX_WINDOW} s"),
    );
    judged.layer.clone_from(&counted.layer);
    judged.classes.clone_from(&counted.classes);
    judged.scope.clone_from(&counted.scope);
    judged.transit.clone_from(&counted.transit);
    judged.window = u32::try_from(MAX_WINDOW).map_or(judged.window, |most| judged.window.min(most));
    let GuaranteedTerms {
        latency, jitter, ..
    } = &counted.guarantee;
    if let Some(asked) = &other.guarantee.latency {
        let is_same = latency
            .as_ref()
            .is_some_and(|known| (known.limit, &known.methods) == (asked.limit, &asked.methods));
        if !is_same {
            judged.guarantee.latency = None;
            unanswered.insert(limit(
                "latency",
                asked.limit,
                latency.as_ref().map(|known| known.limit),
            ));
        }
    }
    if let Some(asked) = &other.guarantee.jitter
        && jitter
            .as_ref()
            .is_none_or(|known| known.limit != asked.limit)
    {
        judged.guarantee.jitter = None;
        let known = jitter.as_ref().map(|known| known.limit);
        unanswered.insert(limit("jitter", asked.limit, known));
    }
    judged
}

/// Why a measure cannot be judged by another limit.
fn limit(measure: &str, asked: u64, known: Option<u64>) -> String {
    let asked = super::words::milliseconds(asked);
    match known {
        Some(known) => format!(
            "{measure} {asked}: the ledger says how many samples were above {}, by its methods, and no more",
            super::words::milliseconds(known)
        ),
        None => format!("{measure} {asked}: it was not guaranteed, and no sample was counted"),
    }
}
