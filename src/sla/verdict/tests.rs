use super::*;
use crate::meter::asn_counts::SampleCounts;
use crate::sla::IndeterminateReason::{FewSamples, InDoubt};
use crate::sla::Verdict::{Indeterminate, Met, Missed, Void};
use crate::sla::commitment::{DirectionRule, example};
use crate::sla::direction::Direction;
use crate::sla::measure::Measure;
use crate::sla::measure::jitter::JitterGuarantee;
use crate::sla::unseen::Unseen::{AtMost, None as Whole, Unknown};
use crate::stream::tally::LossCounts;
use proptest::prelude::*;
use std::time::Duration;

#[test]
fn a_direction_rule_says_which_octets_count() {
    let mut commitment = example("c");
    let counts = AsnCounts {
        from: 50_000_000,
        to: 75_000_001,
        both: 50_000_000,
        ..AsnCounts::default()
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

/// Exactly on the threshold: 10 % of 100 Mbps over 60 s.
const FULL: u64 = 75_000_000;

/// 0.5 % loss, 95 of 100 round trips within 150 ms, at least 100 packets and 20 samples.
fn guarantee() -> Guarantee {
    Guarantee {
        jitter: Some(JitterGuarantee::new(Duration::from_millis(30))),
        ..example("c").guarantee
    }
}

/// Loss, round trips and octets from an ASN: what is certain, and what may be.
fn window(
    octets: u64,
    (expected, lost, maybe_lost): (i64, i64, i64),
    (samples, over, maybe_over): (u64, u64, u64),
) -> AsnCounts {
    let samples = SampleCounts {
        samples,
        over,
        maybe_over,
    };
    AsnCounts {
        from: octets,
        packets: 1,
        sent: LossCounts {
            expected,
            lost,
            maybe_lost,
        },
        round_trips: samples,
        stream_seconds: samples,
        ..AsnCounts::default()
    }
}

/// The verdicts on a window, of the example's rate: 100 Mbps over 60 s.
fn judged(window: &AsnCounts, unseen: Unseen) -> [(Verdict, Option<IndeterminateReason>); 3] {
    let commitment = example("c");
    let context = WindowContext {
        exceeds: Exceeds::of(
            excess(&commitment, window).any(),
            may_exceed(&commitment, window, unseen),
        ),
        unseen,
        all_over_transit: false,
        is_outage: false,
    };
    let mut window = *window;
    let frames = unseen.bound().unwrap_or(0);
    let all = i64::try_from(frames).unwrap();
    window.sent.doubt(all, frames);
    let given = verdicts(&guarantee(), &window, context);
    Measure::ALL.map(|measure| given.get(measure).unwrap())
}

/// A verdict, or why there is none.
type Said = Result<Verdict, IndeterminateReason>;

/// Octets, loss, round trips, frames not seen; what is said of loss and of latency.
type Row = (u64, (i64, i64, i64), (u64, u64, u64), Unseen, Said, Said);

const BLIND: Said = Err(IndeterminateReason::Unseen);
const MANY: (u64, u64, u64) = (20, 0, 0);

const ROWS: [Row; 19] = [
    // 1. What is certain is over the threshold, whatever else was there.
    (FULL + 1, (1000, 900, 0), MANY, Whole, Ok(Void), Ok(Void)),
    (
        FULL + 1,
        (0, 0, 900),
        (0, 0, 0),
        Unknown,
        Ok(Void),
        Ok(Void),
    ),
    // 2. It may be over it: a frame not seen may have been of 65,535 octets.
    (FULL, (1000, 900, 0), MANY, AtMost(1), BLIND, BLIND),
    (
        FULL - 65_535,
        (1000, 900, 0),
        MANY,
        AtMost(1),
        Ok(Missed),
        Ok(Met),
    ),
    (0, (1000, 900, 0), MANY, Unknown, BLIND, BLIND),
    // 3. What is certain is worse than guaranteed.
    (
        FULL,
        (1000, 6, 0),
        (20, 2, 0),
        Whole,
        Ok(Missed),
        Ok(Missed),
    ),
    (
        0,
        (1000, 6, 900),
        (20, 2, 18),
        Whole,
        Ok(Missed),
        Ok(Missed),
    ),
    (
        0,
        (1000, 8, 0),
        (20, 3, 0),
        AtMost(1),
        Ok(Missed),
        Ok(Missed),
    ),
    // 4. With what may be it is not.
    (FULL, (1000, 5, 0), (20, 1, 0), Whole, Ok(Met), Ok(Met)),
    (0, (1000, 0, 5), (20, 0, 1), Whole, Ok(Met), Ok(Met)),
    (0, (100, 0, 0), MANY, Whole, Ok(Met), Ok(Met)),
    (0, (1000, 0, 0), (40, 0, 0), AtMost(2), Ok(Met), Ok(Met)),
    // 5. None of these, and why.
    (
        0,
        (1000, 0, 6),
        (20, 1, 1),
        Whole,
        Err(InDoubt),
        Err(InDoubt),
    ),
    (0, (1000, 6, 0), (20, 2, 0), AtMost(1), BLIND, Ok(Missed)),
    (0, (1000, 0, 0), (20, 0, 0), AtMost(6), BLIND, BLIND),
    (
        0,
        (99, 99, 0),
        (19, 19, 0),
        Whole,
        Err(FewSamples),
        Err(FewSamples),
    ),
    (
        0,
        (99, 0, 0),
        (0, 0, 0),
        Whole,
        Err(FewSamples),
        Err(FewSamples),
    ),
    (0, (99, 0, 1), (19, 0, 1), Whole, Err(InDoubt), Err(InDoubt)),
    (0, (99, 0, 0), (0, 0, 0), AtMost(1), BLIND, BLIND),
];

#[test]
fn the_order_is_void_maybe_void_missed_met_and_a_reason_for_none_of_them() {
    for (octets, loss, trips, frames, of_loss, of_latency) in ROWS {
        let counts = window(octets, loss, trips);
        let said = |(verdict, reason): (Verdict, _)| match reason {
            Some(reason) => {
                assert_eq!(verdict, Indeterminate);
                Err(reason)
            }
            None => Ok(verdict),
        };
        let [of_this, of_that, of_jitter] = judged(&counts, frames).map(said);
        let row = format!("{octets} {loss:?} {trips:?} {frames:?}");
        assert_eq!(of_this, of_loss, "{row}");
        assert_eq!((of_that, of_jitter), (of_latency, of_latency), "{row}");
    }
}

#[test]
fn a_stream_that_found_no_room_leaves_a_certain_loss_and_no_guarantee_that_is_met() {
    let context = WindowContext {
        exceeds: Exceeds::No,
        unseen: Unseen::None,
        all_over_transit: false,
        is_outage: false,
    };
    let unseen = Some(IndeterminateReason::Unseen);
    for (lost, unfollowed, expected) in [
        (0, 1, (Indeterminate, unseen)),
        (6, 199, (Missed, None)),
        // They came: 6 of 1200 are not over 0.5 %.
        (6, 200, (Indeterminate, unseen)),
    ] {
        let counts = AsnCounts {
            unfollowed,
            ..window(0, (1000, lost, 0), (20, 0, 0))
        };
        let given = verdicts(&guarantee(), &counts, context);
        assert_eq!(given.get(Measure::Loss), &Some(expected), "{lost}");
        assert_eq!(given.get(Measure::Latency), &Some((Indeterminate, unseen)));
        let all_over_transit = WindowContext {
            all_over_transit: true,
            ..context
        };
        let given = verdicts(&guarantee(), &counts, all_over_transit);
        assert_ne!(given.get(Measure::Loss), &Some((Void, None)), "another way");
    }
}

#[test]
fn nobody_who_spoke_and_nothing_that_is_guaranteed_have_no_verdict() {
    let context = WindowContext {
        exceeds: Exceeds::No,
        unseen: Unseen::None,
        all_over_transit: false,
        is_outage: false,
    };
    let none = PerMeasure::default();
    assert_eq!(verdicts(&guarantee(), &AsnCounts::default(), context), none);
    let counts = window(0, (9, 9, 9), (9, 9, 0));
    assert_eq!(verdicts(&Guarantee::default(), &counts, context), none);
}

/// Numbers around those that decide: a few, or many.
fn around() -> impl Strategy<Value = i64> {
    prop_oneof![3 => 0_i64..30, 1 => 0_i64..2_000]
}

proptest! {
    #[test]
    fn a_verdict_is_that_of_every_window_that_may_have_been(
        octets in prop_oneof![Just(FULL - 200_000), FULL - 800_000..FULL + 1_000],
        (came, lost, maybe_lost) in (prop_oneof![60_i64..140, 900_i64..4_000], around(), around()),
        (within, over, maybe_over) in (prop_oneof![10_u64..40, 300_u64..600], 0_u64..40, 0_u64..6),
        frames in prop_oneof![2 => Just(0_u64), 2 => 1_u64..4, 1 => 4_u64..60],
        // What was true, of a thousand.
        [really_lost, really_over, size, seen_as_media, seen_as_sample] in prop::array::uniform5(0_u64..=1000),
    ) {
        let part = |most: u64, share: u64| (most * share).div_ceil(1000);
        let samples = within + over + maybe_over;
        let counts = window(octets, (came + lost, lost, maybe_lost), (samples, over, maybe_over));
        let unseen = if frames > 0 { Unseen::AtMost(frames) } else { Unseen::None };
        // Some of the frames not seen were media that came, and some of the numbers that are missing were
        // theirs.
        let media = part(frames, seen_as_media).cast_signed();
        let theirs = media.min(lost);
        let lost_in_truth = lost - theirs + part(maybe_lost.cast_unsigned(), really_lost).cast_signed();
        let more_samples = part(frames, seen_as_sample);
        let truth = window(
            octets + part(frames * u64::from(LARGEST_PACKET), size),
            (came + media + lost_in_truth, lost_in_truth, 0),
            (samples + more_samples, over + part(maybe_over + more_samples, really_over), 0),
        );
        for (given, truth) in judged(&counts, unseen).into_iter().zip(judged(&truth, Unseen::None)) {
            prop_assert!(given.0 == Indeterminate || given.0 == truth.0, "{:?} {:?}", given, truth);
        }
    }

    #[test]
    fn more_doubt_never_makes_another_verdict(
        (came, lost, maybe_lost, more) in (90_i64..4_000, around(), around(), around()),
        (within, over, maybe_over) in (10_u64..60, 0_u64..10, 0_u64..6),
        frames in 0_u64..20,
    ) {
        let samples = within + over + maybe_over;
        let surer = window(0, (came + lost, lost, maybe_lost), (samples, over, maybe_over / 2));
        let less_sure = window(0, (came + lost, lost, maybe_lost + more), (samples, over, maybe_over));
        let unseen = if frames > 0 { Unseen::AtMost(frames) } else { Unseen::None };
        for (surer, less_sure) in judged(&surer, Unseen::None).into_iter().zip(judged(&less_sure, unseen)) {
            prop_assert!(less_sure.0 == Indeterminate || less_sure.0 == surer.0, "{:?} {:?}", surer, less_sure);
        }
    }
}
