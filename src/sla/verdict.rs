//! The arithmetic of the clause, in integers: what exceeds, and how a guarantee stands.

use crate::meter::asn_counts::AsnCounts;
use crate::sla::commitment::{Commitment, CountRule};
use crate::sla::direction::Directions;
use crate::sla::limit::Limit;
use crate::sla::measure::{Guarantee, Measure, PerMeasure};
use crate::sla::unseen::Unseen;
use crate::sla::{IndeterminateReason, Verdict};
use crate::stream::tally::TrafficCounts;

/// The octets of a window that may be held against the threshold.
pub const fn measured(window: &AsnCounts) -> Directions<u64> {
    Directions {
        from: window.from,
        to: window.to,
        sum: window.from + window.to - window.both,
    }
}

/// The confirmed octets among them (MODEL §3.4).
pub const fn confirmed(window: &AsnCounts) -> Directions<u64> {
    let of = window.confirmed;
    Directions {
        from: of.from,
        to: of.to,
        sum: of.from + of.to - of.both,
    }
}

/// The octets of a window that are held against the threshold.
pub const fn held(commitment: &Commitment, window: &AsnCounts) -> Directions<u64> {
    match commitment.count {
        CountRule::All => measured(window),
        CountRule::Confirmed | CountRule::Both => confirmed(window),
    }
}

/// The directions in which so many octets exceed the threshold, of those that are judged.
fn exceeded(commitment: &Commitment, bytes: &Directions<u64>) -> Directions<bool> {
    let limit = Limit::from(commitment);
    let mut excess = Directions::default();
    for (direction, bytes) in bytes.of(commitment.direction.judged()) {
        *excess.get_mut(direction) = limit.is_exceeded(*bytes);
    }
    excess
}

/// Holds a window against the threshold: the directions that exceed it, of those that are judged.
pub fn excess(commitment: &Commitment, window: &AsnCounts) -> Directions<bool> {
    exceeded(commitment, &held(commitment, window))
}

/// Whether a window exceeds the threshold in a direction that is judged only by what nobody answered,
/// whatever the contract holds against it.
pub fn unconfirmed_excess(commitment: &Commitment, window: &AsnCounts) -> bool {
    let all = exceeded(commitment, &measured(window));
    let answered = exceeded(commitment, &confirmed(window));
    all.any() && !answered.any()
}

/// The largest IP packet (RFC 791 §3.1): receive offload makes one of many.
const LARGEST_PACKET: u32 = 65_535;

/// Whether a window may exceed the threshold: with the frames that were not seen, each as large as a frame
/// can be; and where both is counted, with what nobody answered.
pub fn may_exceed(commitment: &Commitment, window: &AsnCounts, unseen: Unseen) -> bool {
    let Some(frames) = unseen.bound() else {
        return true;
    };
    let largest = TrafficCounts::packet(LARGEST_PACKET).on(commitment.layer);
    let more = frames.saturating_mul(largest);
    if commitment.count == CountRule::Confirmed && unseen.is_none() {
        return excess(commitment, window).any();
    }
    // What was not seen may have been the answer to all the rest.
    let limit = Limit::from(commitment);
    let measured = measured(window);
    let mut judged = measured.of(commitment.direction.judged());
    judged.any(|(_, bytes)| limit.is_exceeded(bytes.saturating_add(more)))
}

/// Whether a window exceeds the threshold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Exceeds {
    /// It does not, whatever was not seen.
    No,
    /// It may, or its packets may have crossed a transit ASN out of SLA, with what was not seen, or with what
    /// nobody answered where both is counted.
    Maybe,
    /// It does, by what was seen.
    Yes,
}

impl Exceeds {
    /// By what was seen, and by what may be.
    pub const fn of(does: bool, may: bool) -> Self {
        match (does, may) {
            (true, _) => Self::Yes,
            (false, true) => Self::Maybe,
            (false, false) => Self::No,
        }
    }
}

/// What is known of a window besides its counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WindowContext {
    /// Whether it exceeds the threshold.
    pub exceeds: Exceeds,
    /// Frames of it that were not seen.
    pub unseen: Unseen,
    /// All of its packets crossed a transit ASN that is out of SLA: nothing remains to judge.
    pub all_over_transit: bool,
    /// Streams of the ASN fell silent together in it: their loss is not known.
    pub is_outage: bool,
}

/// The verdict on each measure, with the reason of one that is indeterminate; none where nothing is
/// guaranteed or nobody spoke. `window` is what remains without the packets that crossed a transit ASN
/// out of SLA; what of its loss may be our own is maybe lost.
pub fn verdicts(
    guarantee: &Guarantee,
    window: &AsnCounts,
    context: WindowContext,
) -> PerMeasure<Option<(Verdict, Option<IndeterminateReason>)>> {
    if window.packets == 0 && !context.all_over_transit {
        return PerMeasure::default();
    }
    let is_all_known = context.unseen.is_none() && window.unfollowed == 0;
    PerMeasure::from_fn(|measure| {
        let guaranteed = guarantee.get(measure)?;
        let kept = || match guaranteed.is_kept(window, context.unseen) {
            Ok(true) | Err(IndeterminateReason::FewSamples)
                if context.is_outage && measure == Measure::Loss =>
            {
                Err(IndeterminateReason::InDoubt)
            }
            kept => kept,
        };
        Some(verdict(context, is_all_known, kept))
    })
}

/// The order of MODEL §11.1. Void for the sake of transit only where
/// all was seen: an unseen packet might have come another way.
fn verdict(
    context: WindowContext,
    is_all_known: bool,
    kept: impl FnOnce() -> Result<bool, IndeterminateReason>,
) -> (Verdict, Option<IndeterminateReason>) {
    if context.exceeds == Exceeds::Yes || (is_all_known && context.all_over_transit) {
        return (Verdict::Void, None);
    }
    let kept = if context.exceeds == Exceeds::Maybe {
        // Where all was seen it is what nobody answered.
        Err(if is_all_known {
            IndeterminateReason::InDoubt
        } else {
            IndeterminateReason::Unseen
        })
    } else {
        kept()
    };
    match kept {
        Err(reason) => (Verdict::Indeterminate, Some(reason)),
        Ok(false) => (Verdict::Missed, None),
        Ok(true) => (Verdict::Met, None),
    }
}

#[cfg(test)]
mod tests;
