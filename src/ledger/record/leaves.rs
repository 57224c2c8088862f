//! Leaves made of what the judge says.

use crate::ledger::leaf::{
    CommitmentTerms, CountedLeaf, CountingTerms, IntervalLeaf, Leaf, MAX_ASNS, PartTerms,
    PolicyLeaf, SecondLeaf, TableTerms, TransitRole,
};
use crate::ledger::tree::Hash;
use crate::sla::Role;
use crate::sla::policy::Policy;
use crate::snapshot::evidence::EndedExcess;
use crate::units::{Asn, Second};

/// What is counted of an ASN in one role, by commitment and second.
pub(super) type CountedSubjects = Vec<((u32, Option<TransitRole>), CountedLeaf)>;

fn numbers(asns: &[Asn]) -> Vec<u32> {
    asns.iter().map(|asn| asn.0).collect()
}

/// The leaves of a second under one commitment: at least one in the last second of each minute, so
/// that silence can be told from absence.
pub(super) fn second_leaves(
    second: Second,
    commitment: &str,
    mut asns: CountedSubjects,
    made_of: &[PartTerms],
) -> Vec<Leaf> {
    let leaf = |part, asns: Vec<CountedLeaf>| {
        Leaf::Second(SecondLeaf {
            second,
            commitment: commitment.to_owned(),
            part,
            made_of: if part == 0 {
                made_of.to_vec()
            } else {
                Vec::new()
            },
            asns,
        })
    };
    if asns.is_empty() {
        // that of a fleet says how much of each probe is taken
        let is_told = second.0 % 60 == 59 || !made_of.is_empty();
        return is_told.then(|| leaf(0, Vec::new())).into_iter().collect();
    }
    asns.sort_by_key(|(subject, _)| *subject);
    let mut rest = asns.into_iter().map(|(_, counted)| counted).peekable();
    let mut leaves = Vec::new();
    for part in 0.. {
        if rest.peek().is_none() {
            break;
        }
        leaves.push(leaf(part, rest.by_ref().take(MAX_ASNS).collect()));
    }
    leaves
}

/// A time out of SLA that has ended.
pub(super) fn interval_leaf(second: Second, ended: &EndedExcess) -> IntervalLeaf {
    IntervalLeaf {
        second,
        commitment: ended.commitment.to_string(),
        role: (ended.role == Role::Transit).then_some(TransitRole::Transit),
        asn: ended.asn.0,
        direction: ended.direction.as_str().into(),
        from: ended.from,
        until: ended.last,
        peak_bytes: ended.peak_bytes,
        transit: numbers(&ended.transit),
    }
}

/// What is in force.
pub(super) fn policy_leaf(second: Second, policy: &Policy, counting: &CountingTerms) -> PolicyLeaf {
    let commitments: Vec<CommitmentTerms> = policy.commitments.iter().map(Into::into).collect();
    let counting = counting.clone().with_silence_share(policy.silence_share);
    // strings, integers and lists: nothing in them can fail
    let written = [
        serde_json::to_string(&commitments).unwrap_or_default(),
        serde_json::to_string(&counting).unwrap_or_default(),
    ];
    PolicyLeaf {
        second,
        commitments,
        counting,
        sha256: Hash::of(written.join(",").as_bytes()).to_string(),
    }
}

/// Whether tables are others than before. What routers announce changes all the time: once a minute
/// is enough for that.
pub(super) fn have_changed(old: &[TableTerms], new: &[TableTerms], second: Second) -> bool {
    let files = |of: &[TableTerms]| {
        let each = of.iter().filter(|table| table.kind != "bmp");
        each.cloned().collect::<Vec<_>>()
    };
    files(old) != files(new) || (old != new && second.0 % 60 == 59)
}

/// The ASN tables in use.
pub(super) fn tables(policy: &Policy) -> Vec<TableTerms> {
    let sources = policy.origins.sources().map(|source| TableTerms {
        kind: source.kind.into(),
        name: source.name.to_string(),
        sha256: source.provenance.sha256.map(|hash| Hash(hash).to_string()),
        built: source.provenance.built.map(crate::units::Timestamp::second),
        prefixes: source.prefixes as u64,
    });
    sources.collect()
}
