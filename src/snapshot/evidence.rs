//! The inputs of a verdict: enough for somebody else to give it again.

pub use crate::meter::asn_counts::{AsnCounts, SampleCounts};
pub use crate::meter::asn_silence::AsnSilence;
use crate::meter::second::IncompleteRange;
use crate::sla::direction::{Direction, Directions};
use crate::sla::measure::PerMeasure;
use crate::sla::policy::Policy;
use crate::sla::unseen::Unseen;
use crate::sla::{IndeterminateReason, Role, Verdict};
use crate::units::{Asn, Second};
use std::sync::Arc;

/// What was counted over the path with these transit ASNs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OnPath {
    /// Ascending; at least one.
    pub transit: Vec<Asn>,
    /// What was counted.
    pub counted: AsnCounts,
}

impl<L: AsRef<[Asn]>> From<(L, AsnCounts)> for OnPath {
    fn from((transit, counted): (L, AsnCounts)) -> Self {
        let transit = transit.as_ref().to_vec();
        Self { transit, counted }
    }
}

/// What was counted of one ASN in a second.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SubjectCounts {
    /// The counts of all its paths together.
    pub counted: AsnCounts,
    /// The transit ASNs that its packets crossed, ascending.
    pub crossed: Vec<Asn>,
    /// What of this came over a path with transit, where transit is judged.
    pub paths: Vec<OnPath>,
    /// The streams that it sends, where any of them is silent.
    pub silence: AsnSilence,
}

impl From<AsnCounts> for SubjectCounts {
    fn from(counted: AsnCounts) -> Self {
        Self {
            counted,
            ..Self::default()
        }
    }
}

/// What came for a second that had been judged.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Amendment {
    /// The second.
    pub second: Second,
    /// All that came for it.
    pub counts: SubjectCounts,
}

/// The verdicts of a second and what they rest on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Verdicts {
    /// On each measure, if there is one.
    pub given: PerMeasure<Option<Verdict>>,
    /// Why those that are indeterminate are so.
    pub reasons: PerMeasure<Option<IndeterminateReason>>,
    /// Where they are void and not for the ASN's own traffic: the lowest transit ASN out of SLA
    /// that its packets crossed.
    pub void_by_transit: Option<Asn>,
    /// What remains of the window without the packets that crossed a transit ASN out of SLA.
    pub remaining: AsnCounts,
    /// The transit ASNs out of SLA that packets crossed, ascending.
    pub excluded: Vec<Asn>,
}

impl Verdicts {
    /// No guarantee is judged by this window.
    pub fn none(window: AsnCounts) -> Self {
        Self {
            given: PerMeasure::default(),
            reasons: PerMeasure::default(),
            void_by_transit: None,
            remaining: window,
            excluded: Vec::new(),
        }
    }
}

/// One judged second of one ASN in one role under one commitment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Judgement {
    /// The second.
    pub second: Second,
    /// The commitment's name.
    pub commitment: Arc<str>,
    /// The ASN.
    pub asn: Asn,
    /// Its own traffic, or what it carries as transit.
    pub role: Role,
    /// What was counted in this second when it was judged; of the transit ASNs, those that no later packet
    /// has crossed.
    pub counts: SubjectCounts,
    /// What came since the last judgement for seconds judged before, by second.
    pub amendments: Vec<Amendment>,
    /// The window that ends with this second.
    pub window: AsnCounts,
    /// The transit ASNs on its paths in the window, ascending.
    pub transit: Vec<Asn>,
    /// Traffic over the threshold.
    pub over: Directions<bool>,
    /// Frames of this second that were not seen.
    pub unseen: Unseen,
    /// The same of the window.
    pub window_unseen: Unseen,
    /// This second was not seen whole, or a stream of the ASN found no room in it.
    pub incomplete: bool,
    /// Neither holds for any second of the window.
    pub seen_whole: bool,
    /// The verdicts.
    pub verdicts: Verdicts,
}

/// A time out of SLA that has ended with a second.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EndedExcess {
    /// The commitment's name.
    pub commitment: Arc<str>,
    /// The ASN.
    pub asn: Asn,
    /// What it was over for.
    pub role: Role,
    /// Which traffic was over.
    pub direction: Direction,
    /// The first second over the limit.
    pub from: Second,
    /// The last one.
    pub last: Second,
    /// The largest window in it, in octets.
    pub peak_bytes: u64,
    /// The transit ASNs on its paths meanwhile, ascending.
    pub transit: Vec<Asn>,
}

/// What all judgements of a second have in common.
#[derive(Clone, Copy, Debug)]
pub struct JudgedSecond<'a> {
    /// The second.
    pub second: Second,
    /// By what it was judged.
    pub policy: &'a Arc<Policy>,
    /// What came into force since the second before, in order; the last one is that policy.
    pub revised: &'a [Arc<Policy>],
    /// What ended with it.
    pub ended: &'a [EndedExcess],
}

/// Observes every judgement. Only [`Self::judged`] has to be implemented.
pub trait JudgementObserver {
    /// Takes one; seconds come in order, commitments within a second too, and of
    /// each its transit ASNs, then its origins.
    fn judged(&mut self, judgement: &Judgement);

    /// All judgements of a second have come.
    fn second_judged(&mut self, _: JudgedSecond<'_>) {}

    /// First and last second of what could not be kept, since the last call: nobody will be able to
    /// tell what was seen in it.
    fn take_unwritten(&mut self) -> Option<(Second, Second)> {
        None
    }

    /// Seconds were not seen whole.
    fn incomplete(&mut self, _: IncompleteRange) {}

    /// A probe of the fleet is missing in some seconds: nobody knows what of them was not seen.
    fn absent(&mut self, _probe: &str, first: Second, last: Second) {
        self.incomplete(IncompleteRange {
            first,
            last,
            at_most: None,
        });
    }

    /// What the second that is judged next is made of: each probe of the fleet, and the leaves of its ledger
    /// up to which all is taken.
    fn made_of(&mut self, _parts: &[(Arc<str>, u64)]) {}

    /// What a commitment is about was not counted in a second: its windows begin anew.
    fn not_counted(&mut self, _commitment: &str, _: Second) {}

    /// The meter goes on after a stop: its last second before, and the first after it.
    fn resumed(&mut self, _last: Second, _first: Second) {}

    /// Windows begin anew with this second: the meter has just begun to see, or its clock has jumped back
    /// after it had judged a last second.
    fn restarted(&mut self, _: Second, _stepped_from: Option<Second>) {}
}

/// Observes nothing.
impl JudgementObserver for () {
    fn judged(&mut self, _: &Judgement) {}
}
