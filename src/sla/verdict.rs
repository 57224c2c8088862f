//! The arithmetic of the clause, in integers: what exceeds, and how a guarantee stands.

use crate::meter::window::{Losses, RoundTrips, WindowCounts};
use crate::sla::Verdict;
use crate::sla::commitment::{
    Commitment, DirectionRule, Guarantee, LatencyGuarantee, LossDirection, LossGuarantee,
};
use crate::sla::limit::Limit;

/// Which traffic of an ASN is over the threshold.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Excess {
    /// What it sends, or both directions together for a commitment on their sum.
    pub from: bool,
    /// What is sent to it.
    pub to: bool,
}

impl Excess {
    /// Out of SLA: the union.
    pub const fn any(self) -> bool {
        self.from || self.to
    }
}

/// The octets held against the threshold, from and to; the sum stands under `from`.
pub const fn measured(direction: DirectionRule, window: &WindowCounts) -> (u64, u64) {
    match direction {
        DirectionRule::Sum => (window.from + window.to - window.both, 0),
        DirectionRule::Either | DirectionRule::From | DirectionRule::To => (window.from, window.to),
    }
}

/// Holds a window against the threshold.
pub fn excess(commitment: &Commitment, window: &WindowCounts) -> Excess {
    let limit = Limit::from(commitment);
    let over = |bytes| limit.is_exceeded(bytes);
    let (from, to) = measured(commitment.direction, window);
    match commitment.direction {
        DirectionRule::Either => Excess {
            from: over(from),
            to: over(to),
        },
        DirectionRule::From | DirectionRule::Sum => Excess {
            from: over(from),
            to: false,
        },
        DirectionRule::To => Excess {
            from: false,
            to: over(to),
        },
    }
}

/// What is known of a window besides its counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WindowContext {
    /// It exceeds the threshold.
    pub out_of_sla: bool,
    /// Every second of it was seen whole.
    pub seen_whole: bool,
    /// All of its packets crossed a transit ASN that is out of SLA: nothing remains to judge.
    pub all_over_transit: bool,
}

/// The verdicts on loss and on latency; none where nothing is guaranteed or nobody spoke. `window`
/// is what remains without the packets that crossed a transit ASN out of SLA.
pub fn verdicts(
    guarantee: &Guarantee,
    window: &WindowCounts,
    context: WindowContext,
) -> (Option<Verdict>, Option<Verdict>) {
    if window.packets == 0 && !context.all_over_transit {
        return (None, None);
    }
    let context = WindowContext {
        seen_whole: context.seen_whole && window.unfollowed == 0,
        ..context
    };
    let loss = guarantee
        .loss
        .as_ref()
        .map(|loss| verdict(context, || loss_kept(loss, window)));
    let latency = guarantee
        .latency
        .as_ref()
        .map(|latency| verdict(context, || latency_kept(latency, window.round_trips)));
    (loss, latency)
}

/// The order of MODEL §11.1: void, indeterminate, missed, met. Void for the sake of transit only where
/// all was seen: an unseen packet might have come another way.
fn verdict(context: WindowContext, kept: impl FnOnce() -> Option<bool>) -> Verdict {
    if context.out_of_sla || (context.seen_whole && context.all_over_transit) {
        return Verdict::Void;
    }
    match context.seen_whole.then(kept).flatten() {
        None => Verdict::Indeterminate,
        Some(false) => Verdict::Missed,
        Some(true) => Verdict::Met,
    }
}

/// Whether the loss is within its limit; none with too few packets to say.
fn loss_kept(guarantee: &LossGuarantee, window: &WindowCounts) -> Option<bool> {
    let kept = |losses: Losses| {
        let within = 1_000_000 * u128::from(losses.lost)
            <= u128::from(guarantee.limit.ppm()) * u128::from(losses.expected);
        (losses.expected >= guarantee.min_packets).then_some(within)
    };
    match guarantee.direction {
        LossDirection::From => kept(window.sent),
        LossDirection::To => kept(window.reported),
        // Missed if either is; met only if both are known to be.
        LossDirection::Both => match (kept(window.sent), kept(window.reported)) {
            (Some(false), _) | (_, Some(false)) => Some(false),
            (Some(true), Some(true)) => Some(true),
            (None, _) | (_, None) => None,
        },
    }
}

/// Whether the percentile is within its limit; none with too few round trips to say.
fn latency_kept(guarantee: &LatencyGuarantee, trips: RoundTrips) -> Option<bool> {
    let allowed = u128::from(100_u8.saturating_sub(guarantee.percentile));
    let within = 100 * u128::from(trips.over) <= allowed * u128::from(trips.samples);
    (trips.samples >= guarantee.min_round_trips).then_some(within)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sla::Verdict::{Indeterminate, Met, Missed, Void};
    use crate::sla::commitment::example;
    use crate::units::Ratio;

    const SEEN: WindowContext = WindowContext {
        out_of_sla: false,
        seen_whole: true,
        all_over_transit: false,
    };

    #[test]
    fn a_direction_rule_says_which_octets_count() {
        let mut commitment = example("c");
        let counts = WindowCounts {
            from: 50_000_000,
            to: 75_000_001,
            both: 50_000_000,
            ..WindowCounts::default()
        };
        let cases = [
            (
                DirectionRule::Either,
                Excess {
                    from: false,
                    to: true,
                },
            ),
            (DirectionRule::From, Excess::default()),
            (
                DirectionRule::To,
                Excess {
                    from: false,
                    to: true,
                },
            ),
            // 50 and 75 million, of which 50 are the same packets: 75 000 001.
            (
                DirectionRule::Sum,
                Excess {
                    from: true,
                    to: false,
                },
            ),
        ];
        for (rule, expected) in cases {
            commitment.direction = rule;
            assert_eq!(excess(&commitment, &counts), expected, "{rule:?}");
        }
    }

    #[test]
    fn the_order_of_verdicts_is_void_indeterminate_missed_met() {
        let guarantee = example("c").guarantee;
        let counts = |expected, lost, samples, over| WindowCounts {
            packets: expected,
            sent: Losses { expected, lost },
            round_trips: RoundTrips { samples, over },
            ..WindowCounts::default()
        };
        let unseen = WindowContext {
            seen_whole: false,
            ..SEEN
        };
        let out = WindowContext {
            out_of_sla: true,
            ..unseen
        };
        let cases = [
            (
                "out of SLA, even unseen",
                counts(1000, 900, 20, 20),
                out,
                Void,
                Void,
            ),
            (
                "unseen",
                counts(1000, 900, 20, 20),
                unseen,
                Indeterminate,
                Indeterminate,
            ),
            (
                "too few",
                counts(99, 99, 19, 19),
                SEEN,
                Indeterminate,
                Indeterminate,
            ),
            (
                "exactly at both limits",
                counts(1000, 5, 20, 1),
                SEEN,
                Met,
                Met,
            ),
            ("one worse", counts(1000, 6, 20, 2), SEEN, Missed, Missed),
            ("just enough samples", counts(100, 0, 20, 0), SEEN, Met, Met),
        ];
        for (name, counts, context, loss, latency) in cases {
            assert_eq!(
                verdicts(&guarantee, &counts, context),
                (Some(loss), Some(latency)),
                "{name}"
            );
        }
        assert_eq!(
            verdicts(&guarantee, &WindowCounts::default(), SEEN),
            (None, None),
            "nobody spoke"
        );
        assert_eq!(
            verdicts(&Guarantee::default(), &counts(9, 9, 9, 9), SEEN),
            (None, None)
        );
    }

    #[test]
    fn both_loss_directions_are_missed_by_either_and_met_by_both() {
        let mut guarantee = example("c").guarantee;
        let both = LossGuarantee {
            limit: Ratio::from_ppm(5_000),
            direction: LossDirection::Both,
            min_packets: 100,
        };
        guarantee.loss = Some(both);
        let counts = |sent_lost, expected, lost| WindowCounts {
            packets: 1,
            sent: Losses {
                expected: 1000,
                lost: sent_lost,
            },
            reported: Losses { expected, lost },
            ..WindowCounts::default()
        };
        let loss = |counts| verdicts(&guarantee, &counts, SEEN).0.unwrap();
        assert_eq!(loss(counts(0, 1000, 0)), Met);
        assert_eq!(loss(counts(0, 1000, 6)), Missed);
        assert_eq!(loss(counts(6, 0, 0)), Missed);
        assert_eq!(loss(counts(0, 99, 0)), Indeterminate);
    }
}
