//! Transit: listed, judged, and what is left of an origin without it.

use super::*;
use crate::sla::commitment::TransitRule;
use crate::snapshot::CommitmentRow;

const NEAR: Asn = Asn(64_501);
const WIDE: Asn = Asn(174);
const SLIM: Asn = Asn(1299);

fn judging() -> Commitment {
    Commitment {
        transit: TransitRule::Judge,
        ..commitment()
    }
}

/// An origin sends octets over some transit in 1000 packets, some lost.
struct Sent(Asn, &'static [Asn], u64, u64);

fn seconds(bench: &mut Bench, seconds: std::ops::RangeInclusive<u64>, sent: &[Sent]) {
    for second in seconds {
        let mut sum = SecondCounts::default();
        for Sent(asn, transit, octets, lost) in sent {
            for (mut pair, usage) in counts(*octets, *lost).usage {
                pair.src = Origin::As(*asn);
                pair.transit = Transit::new(transit, &[]);
                sum.add(&pair, &usage);
            }
        }
        bench.part(second, second, sum, Vec::new(), Vec::new());
    }
}

fn commitment_row(bench: &Bench) -> CommitmentRow {
    bench.judge.snapshot().commitments[0].clone()
}

/// The last verdict on an origin's loss, and whether transit made it void.
fn last(bench: &Bench, asn: Asn) -> (Option<Verdict>, Option<Asn>) {
    let of_it = |judgement: &&Judgement| (judgement.asn, judgement.role) == (asn, Role::Origin);
    let judgement = bench.record.0.iter().rev().find(of_it).unwrap();
    (
        *judgement.verdicts.given.get(Measure::Loss),
        judgement.verdicts.void_by_transit,
    )
}

#[test]
fn an_asn_out_of_sla_lists_what_lies_on_its_paths_and_nothing_else_happens_to_that() {
    let mut bench = Bench::new(vec![commitment()]);
    let over = 1_600_000;
    seconds(
        &mut bench,
        1..=1,
        &[Sent(FAR, &[SLIM], 1000, 0), Sent(NEAR, &[WIDE], over, 0)],
    );
    seconds(
        &mut bench,
        2..=8,
        &[Sent(FAR, &[WIDE], over, 0), Sent(NEAR, &[WIDE], 1000, 0)],
    );
    let row = bench.row();
    assert!(row.out_of_sla);
    assert_eq!(row.transit, [WIDE], "the other has left the window");
    assert_eq!(row.covered, [WIDE, SLIM], "for good");
    let [interval] = row.out_of_sla_intervals.as_slice() else {
        panic!("{row:?}");
    };
    assert_eq!(
        (interval.from, &*interval.transit),
        (Second(5), &[WIDE, SLIM][..])
    );
    let policy = commitment_row(&bench);
    assert!(
        policy.transit.is_empty(),
        "not judged: {:?}",
        policy.transit
    );
    assert_eq!(
        last(&bench, NEAR),
        (Some(Met), None),
        "over the same transit"
    );
}

#[test]
fn transit_is_out_by_all_that_goes_through_it_and_its_packets_leave_the_loss() {
    let mut bench = Bench::new(vec![judging()]);
    let both = [
        Sent(FAR, &[WIDE], 800_000, 500),
        Sent(FAR, &[SLIM], 100_000, 0),
        Sent(NEAR, &[WIDE, SLIM], 800_000, 500),
    ];
    seconds(&mut bench, 1..=3, &both);
    assert_eq!(last(&bench, FAR).0, Some(Indeterminate), "not seen whole");
    seconds(&mut bench, 4..=6, &both);
    let policy = commitment_row(&bench);
    assert!(policy.asns.iter().all(|row| !row.out_of_sla));
    let [wide, slim] = policy.transit.as_slice() else {
        panic!("{policy:?}");
    };
    assert_eq!(
        (wide.asn, wide.out_of_sla, wide.window_bytes.from),
        (WIDE, true, 8_000_000)
    );
    assert_eq!(
        wide.out_of_sla_seconds, 3,
        "from the second 4 on, 6.4 of 6.25 million octets"
    );
    assert_eq!(wide.out_of_sla_intervals[0].from, Second(4));
    assert_eq!((slim.asn, slim.out_of_sla), (SLIM, false));
    assert_eq!(
        last(&bench, FAR),
        (Some(Met), None),
        "what came the other way"
    );
    assert_eq!(
        last(&bench, NEAR),
        (Some(Void), Some(WIDE)),
        "nothing remains"
    );
    let loss = bench.row().guarantees.get(Measure::Loss).unwrap();
    assert_eq!((loss.void_by_transit, loss.seconds_of(Met)), (None, 2));
    // As soon as the transit is back, all of the window counts again.
    seconds(&mut bench, 7..=9, &[Sent(FAR, &[SLIM], 1000, 0)]);
    assert_eq!(last(&bench, FAR), (Some(Missed), None));
}

#[test]
fn with_a_second_unseen_nothing_is_void_for_the_sake_of_transit() {
    let mut bench = Bench::new(vec![judging()]);
    let all = [
        Sent(NEAR, &[WIDE], 1_000_000, 0),
        Sent(FAR, &[WIDE], 1_000_000, 0),
    ];
    seconds(&mut bench, 1..=6, &all);
    assert_eq!(last(&bench, FAR), (Some(Void), Some(WIDE)));
    bench.part(
        7,
        7,
        SecondCounts::default(),
        Vec::new(),
        vec![range(7, 7, None)],
    );
    assert_eq!(last(&bench, FAR), (Some(Indeterminate), None));
    let transit = commitment_row(&bench).transit;
    assert!(transit[0].out_of_sla, "what was seen is enough for that");
}

#[test]
fn an_asn_over_its_own_threshold_is_void_for_that_and_not_for_transit() {
    let mut bench = Bench::new(vec![judging()]);
    seconds(&mut bench, 1..=6, &[Sent(FAR, &[WIDE], 2_000_000, 0)]);
    assert_eq!(last(&bench, FAR), (Some(Void), None));
    let judgement = bench.record.0.last().unwrap();
    assert_eq!(judgement.verdicts.excluded, [WIDE], "told all the same");
}

#[test]
fn a_reload_that_begins_to_judge_transit_begins_anew_and_one_that_ends_it_does_not() {
    let mut bench = Bench::new(vec![commitment()]);
    let all = [
        Sent(NEAR, &[WIDE], 1_000_000, 0),
        Sent(FAR, &[WIDE], 1_000_000, 0),
    ];
    seconds(&mut bench, 1..=6, &all);
    bench
        .judge
        .revise(policy(vec![judging()], &bench.policy.scopes));
    seconds(&mut bench, 7..=10, &all);
    assert_eq!(last(&bench, FAR).0, Some(Indeterminate));
    seconds(&mut bench, 11..=11, &all);
    assert_eq!(last(&bench, FAR), (Some(Void), Some(WIDE)));
    bench.judge.take_notices();
    bench
        .judge
        .revise(policy(vec![commitment()], &bench.policy.scopes));
    let notices = bench.judge.take_notices();
    assert!(
        notices
            .iter()
            .all(|notice| (notice.role, notice.asn) == (Role::Transit, WIDE))
    );
    assert_eq!(notices.len(), 1, "{notices:?}");
    seconds(&mut bench, 12..=12, &all);
    assert_eq!(last(&bench, FAR), (Some(Met), None), "the window goes on");
    let transit = commitment_row(&bench).transit;
    assert!(
        !transit[0].out_of_sla && transit[0].out_of_sla_seconds == 2,
        "{transit:?}"
    );
}
