//! New terms: what was judged keeps those it was judged by.
#![expect(
    clippy::float_cmp,
    reason = "one division of integers: the same digits each time"
)]

use super::*;
use crate::sla::commitment::DirectionRule;
use crate::sla::direction::Direction;
use crate::sla::limit::Limit;
use crate::sla::measure::jitter::JitterGuarantee;
use crate::stream::tally::Layer;
use crate::units::BitRate;

impl Bench {
    fn revise(&mut self, commitment: Commitment) {
        self.policy = policy(vec![commitment], &self.policy.scopes);
        self.judge.revise(self.policy.clone());
    }

    /// What is shown of an ASN that no second to come may change.
    fn past(&self) -> (Vec<crate::snapshot::ExcessIntervalRow>, u64, Vec<u32>) {
        let row = self.row();
        let minutes = row.last_hour.iter().map(|minute| minute.peak_thousandths);
        (
            row.out_of_sla_intervals,
            row.out_of_sla_seconds,
            minutes.collect(),
        )
    }
}

fn at(mbps: u64) -> Commitment {
    Commitment {
        committed_rate: BitRate(mbps * 1_000_000),
        ..commitment()
    }
}

#[test]
fn what_was_over_keeps_its_percentage_when_the_rate_is_doubled() {
    let mut bench = Bench::new(vec![at(100)]);
    // 12 % of the 62 500 000 octets that 100 Mbps carry in 5 s.
    bench.second(60, 119, 7_500_000, 0);
    let (before, peak) = (bench.past(), bench.row().peak_share);
    assert_eq!(before.0[0].peak_share, 0.12);
    assert_eq!(before.2, [1200,], "thousandths of a tenth");
    bench.revise(at(200));
    // Of 200 Mbps less, though of more octets.
    bench.second(120, 130, 10_000_000, 0);
    assert_eq!((&bench.past().0, bench.past().1), (&before.0, before.1));
    assert_eq!(bench.past().2, [1200, 800]);
    assert_eq!(bench.row().peak_share, peak);
    bench.second(131, 140, 25_000_000, 0);
    let row = bench.row();
    assert_eq!(row.out_of_sla_intervals[0], before.0[0]);
    assert_eq!(row.out_of_sla_intervals[1].peak_share, 0.2);
    assert_eq!(row.peak_share.from, 0.2);
    let limits = row
        .out_of_sla_intervals
        .iter()
        .map(|interval| interval.limit);
    let expected = [Limit::from(&at(100)), Limit::from(&at(200))];
    assert_eq!(limits.collect::<Vec<_>>(), expected);
}

#[test]
fn an_open_interval_ends_with_its_contract_and_begins_anew_if_the_next_second_exceeds() {
    for (mbps, layer, is_over) in [
        (50, Layer::Ip, true),
        (200, Layer::Ip, false),
        // Other octets: nothing is known of the window any more.
        (50, Layer::Wire, false),
    ] {
        let mut bench = Bench::new(vec![at(100)]);
        bench.second(8, 8, 7_500_000, 0);
        assert!(bench.row().out_of_sla);
        bench.judge.take_notices();
        let changed = Commitment { layer, ..at(mbps) };
        bench.revise(changed);
        let notices = bench.judge.take_notices();
        let [notice] = &notices[..] else {
            panic!("{notices:?}")
        };
        assert!(matches!(&notice.change, ExcessChange::Revised(over) if over.peak_share() == 0.12));
        assert_eq!(notice.direction, Direction::From);
        bench.second(9, 9, 1000, 0);
        let row = bench.row();
        assert_eq!(row.out_of_sla, is_over, "{mbps} {layer:?}");
        assert_eq!(row.out_of_sla_seconds, 1 + u64::from(is_over), "{mbps}");
        let shown = row.out_of_sla_intervals.iter();
        let shown = shown.map(|one| (one.from.0, one.last.0, one.open, one.peak_share));
        let shown: Vec<_> = shown.collect();
        assert_eq!(shown[0], (8, 8, false, 0.12));
        let next = is_over.then_some((9, 9, true, 0.240_032));
        assert_eq!(shown.get(1).copied(), next, "{mbps} {layer:?}");
    }
}

#[test]
fn a_contract_that_says_of_the_limit_what_it_said_ends_nothing() {
    let mut bench = Bench::new(vec![at(100)]);
    bench.second(8, 8, 7_500_000, 0);
    bench.revise(at(100));
    let mut looser = at(100);
    looser.guarantee.loss.as_mut().unwrap().limit = crate::units::Ratio::from_ppm(10_000);
    bench.revise(looser);
    bench.second(9, 9, 1000, 0);
    let intervals = bench.row().out_of_sla_intervals;
    let [only] = &intervals[..] else {
        panic!("{intervals:?}")
    };
    assert_eq!(
        (only.from, only.last, only.open),
        (Second(8), Second(9), true)
    );
}

#[test]
fn what_was_over_in_one_direction_is_not_shown_as_both_together() {
    let mut bench = Bench::new(vec![at(100)]);
    bench.second(8, 20, 7_500_000, 0);
    let together = Commitment {
        direction: DirectionRule::Sum,
        ..at(100)
    };
    bench.revise(together);
    bench.second(21, 21, 6_300_000, 0);
    let row = bench.row();
    let shown = row.out_of_sla_intervals.iter();
    let shown: Vec<_> = shown.map(|one| (one.direction, one.from.0)).collect();
    assert_eq!(shown, [(Direction::From, 8), (Direction::Sum, 21)]);
    assert_eq!(row.peak_share.sum, 0.1008, "of both together, since then");
    bench.revise(at(100));
    assert_eq!(bench.row().peak_share.from, 0.12);
}

#[test]
fn seconds_judged_by_a_guarantee_outlive_it() {
    let mut bench = Bench::new(vec![at(100)]);
    for second in 1..=6 {
        bench.second(second, second, 1000, 0);
    }
    let mut nothing = at(100);
    nothing.guarantee.loss = None;
    bench.revise(nothing);
    bench.second(7, 7, 1000, 0);
    let loss = bench.row().guarantees.get(Measure::Loss).unwrap();
    assert_eq!((loss.verdict, loss.seconds_of(Met)), (None, 2));
}

#[test]
fn a_contract_tells_since_when_it_holds_if_another_one_did_before() {
    let mut bench = Bench::new(vec![at(100)]);
    let since = |bench: &Bench| bench.judge.snapshot().commitments[0].since;
    bench.second(8, 8, 1000, 0);
    assert_eq!(since(&bench), None);
    bench.revise(at(100));
    assert_eq!(since(&bench), None, "the same words");
    bench.revise(at(200));
    bench.second(9, 9, 1000, 0);
    bench.revise(at(200));
    assert_eq!(since(&bench), Some(Second(9)));
}

#[test]
fn jitter_held_against_another_limit_is_forgotten_and_loss_is_not() {
    let jitter = |millis| {
        let mut commitment = at(100);
        commitment.guarantee.jitter = Some(JitterGuarantee {
            min_stream_seconds: 5,
            ..JitterGuarantee::new(Duration::from_millis(millis))
        });
        commitment
    };
    let mut bench = Bench::new(vec![jitter(30)]);
    let seconds = |bench: &mut Bench, seconds: std::ops::RangeInclusive<u64>| {
        for second in seconds {
            let mut counts = counts(1000, 0);
            for usage in counts.usage.values_mut() {
                usage.jitter = vec![Duration::from_millis(20).into()];
            }
            bench.part(second, second, counts, Vec::new(), Vec::new());
        }
        let given = bench.record.0.last().unwrap().verdicts.given;
        [Measure::Loss, Measure::Jitter].map(|measure| given.get(measure).unwrap())
    };
    assert_eq!(seconds(&mut bench, 1..=6), [Met, Met]);
    bench.revise(jitter(10));
    assert_eq!(seconds(&mut bench, 7..=10), [Met, Indeterminate]);
    assert_eq!(seconds(&mut bench, 11..=11), [Met, Missed]);
}
