//! The arithmetic of the clause, in integers: what exceeds, and how a guarantee stands.

use crate::meter::window_counts::WindowCounts;
use crate::sla::commitment::Commitment;
use crate::sla::direction::Directions;
use crate::sla::limit::Limit;
use crate::sla::measure::{Guarantee, PerMeasure};
use crate::sla::{IndeterminateReason, Verdict};

/// The octets of a window that may be held against the threshold.
pub const fn measured(window: &WindowCounts) -> Directions<u64> {
    Directions {
        from: window.from,
        to: window.to,
        sum: window.from + window.to - window.both,
    }
}

/// Holds a window against the threshold: the directions that exceed it, of those that are judged.
pub fn excess(commitment: &Commitment, window: &WindowCounts) -> Directions<bool> {
    let limit = Limit::from(commitment);
    let measured = measured(window);
    let mut excess = Directions::default();
    for (direction, bytes) in measured.of(commitment.direction.judged()) {
        *excess.get_mut(direction) = limit.is_exceeded(*bytes);
    }
    excess
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

/// The verdict on each measure, with the reason of one that is indeterminate; none where nothing is guaranteed or nobody spoke. `window` is what
/// remains without the packets that crossed a transit ASN out of SLA.
pub fn verdicts(
    guarantee: &Guarantee,
    window: &WindowCounts,
    context: WindowContext,
) -> PerMeasure<Option<(Verdict, Option<IndeterminateReason>)>> {
    if window.packets == 0 && !context.all_over_transit {
        return PerMeasure::default();
    }
    let is_all_known = context.seen_whole && window.unfollowed == 0;
    PerMeasure::from_fn(|measure| {
        let guaranteed = guarantee.get(measure)?;
        Some(verdict(context, is_all_known, || {
            guaranteed.is_kept(window)
        }))
    })
}

/// The order of MODEL §11.1. Void for the sake of transit only where
/// all was seen: an unseen packet might have come another way.
fn verdict(
    context: WindowContext,
    is_all_known: bool,
    kept: impl FnOnce() -> Result<bool, IndeterminateReason>,
) -> (Verdict, Option<IndeterminateReason>) {
    if context.out_of_sla || (is_all_known && context.all_over_transit) {
        return (Verdict::Void, None);
    }
    let kept = if context.seen_whole {
        kept()
    } else {
        Err(IndeterminateReason::Unseen)
    };
    match kept {
        Err(reason) => (Verdict::Indeterminate, Some(reason)),
        Ok(false) => (Verdict::Missed, None),
        Ok(true) => (Verdict::Met, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meter::window_counts::SampleCounts;
    use crate::sla::Verdict::{Indeterminate, Met, Missed, Void};
    use crate::sla::commitment::{DirectionRule, example};
    use crate::sla::direction::Direction;
    use crate::sla::measure::Measure;
    use crate::stream::tally::LossCounts;

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
        let (from, to, sum) = (Direction::From, Direction::To, Direction::Sum);
        let cases = [
            (DirectionRule::Either, &[from, to][..], Some(to)),
            (DirectionRule::From, &[from, to], None),
            (DirectionRule::To, &[from, to], Some(to)),
            // 50 and 75 million, of which 50 are the same packets: 75 000 001.
            (DirectionRule::Sum, &[sum], Some(sum)),
        ];
        for (rule, shown, expected) in cases {
            commitment.direction = rule;
            assert_eq!(rule.shown(), shown, "{rule:?}");
            let excess = excess(&commitment, &counts);
            let over = excess.iter().filter(|(_, over)| **over);
            let over: Vec<_> = over.map(|(direction, _)| direction).collect();
            assert_eq!(over, Vec::from_iter(expected), "{rule:?}");
            assert_eq!(excess.any(), expected.is_some(), "{rule:?}");
        }
    }

    #[test]
    fn the_order_of_verdicts_is_void_indeterminate_missed_met() {
        let guarantee = example("c").guarantee;
        let counts = |expected: u64, lost, samples, over| WindowCounts {
            packets: expected,
            sent: LossCounts::certain(expected.cast_signed(), lost),
            round_trips: SampleCounts {
                samples,
                over,
                maybe_over: 0,
            },
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
            let given =
                verdicts(&guarantee, &counts, context).map(|one| one.map(|(verdict, _)| verdict));
            assert_eq!(*given.get(Measure::Loss), Some(loss), "{name}");
            assert_eq!(*given.get(Measure::Latency), Some(latency), "{name}");
        }
        let none = PerMeasure::default();
        let silent = verdicts(&guarantee, &WindowCounts::default(), SEEN);
        assert_eq!(silent, none, "nobody spoke");
        let nothing = Guarantee::default();
        assert_eq!(verdicts(&nothing, &counts(9, 9, 9, 9), SEEN), none);
    }
}
