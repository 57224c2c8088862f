mod excess;
mod policy;
mod transit;

use super::assembly::WorkerPart;
use super::intervals::ExcessChange;
use super::*;
use crate::attribution::PairKey;
use crate::attribution::scopes::ScopeMask;
use crate::attribution::transit::Transit;
use crate::meter::second::{PairCounts, RoundTrip};
use crate::sla::IndeterminateReason;
use crate::sla::Role;
use crate::sla::Verdict::{self, Indeterminate, Met, Missed, Void};
use crate::sla::commitment::{Commitment, example};
use crate::sla::measure::Measure;
use crate::sla::unseen::Unseen;
use crate::snapshot::evidence::Judgement;
use crate::snapshot::{CommitmentAsnRow, Label};
use crate::stream::rtt::method::RttMethod;
use crate::stream::tally::TrafficCounts;
use crate::voice::class::Class;
use std::num::NonZeroU32;
use std::time::Duration;

const FAR: Asn = Asn(64_500);

/// Keeps every judgement.
#[derive(Default)]
struct Record(Vec<Judgement>);

impl JudgementObserver for Record {
    fn judged(&mut self, judgement: &Judgement) {
        self.0.push(judgement.clone());
    }
}

/// The clause over a window of 5 s: more than 6 250 000 octets in it are too many.
fn commitment() -> Commitment {
    Commitment {
        window: NonZeroU32::new(5).unwrap(),
        ..example("c")
    }
}

fn policy(commitments: Vec<Commitment>, previous: &ScopePlan) -> Arc<Policy> {
    let scopes = ScopePlan::new(commitments.iter().map(|one| &one.scope), previous).into();
    Arc::new(Policy {
        commitments,
        scopes,
        ..Policy::default()
    })
}

struct Bench {
    judge: Judge,
    policy: Arc<Policy>,
    record: Record,
}

impl Bench {
    fn new(commitments: Vec<Commitment>) -> Self {
        let policy = policy(commitments, &ScopePlan::default());
        let mut judge = Judge::new(policy.clone(), 500, &[]);
        let mut record = Record::default();
        judge.judge_input(JudgeInput::Opened(Second(1)), &mut record);
        Self {
            judge,
            policy,
            record,
        }
    }

    /// A second in which the ASN sends so many octets in 1000 packets, some lost.
    fn second(&mut self, second: u64, through: u64, octets: u64, lost: u64) -> &mut Self {
        self.part(
            second,
            through,
            counts(octets, lost),
            Vec::new(),
            Vec::new(),
        )
    }

    fn part(
        &mut self,
        second: u64,
        through: u64,
        counts: SecondCounts,
        amendments: Vec<(Second, SecondCounts)>,
        incomplete: Vec<IncompleteRange>,
    ) -> &mut Self {
        let scopes = self.policy.scopes.clone();
        let worker = WorkerState::default();
        let part = WorkerPart {
            number: 0,
            counts,
            amendments,
            incomplete,
            scopes,
            worker,
        };
        let (second, through) = (Second(second), Second(through));
        self.judge.judge_input(
            JudgeInput::Second {
                second,
                through,
                parts: vec![part],
            },
            &mut self.record,
        );
        self
    }

    fn row(&self) -> CommitmentAsnRow {
        let snapshot = self.judge.snapshot();
        snapshot.commitments[0]
            .asns
            .iter()
            .find(|row| row.asn == FAR)
            .unwrap()
            .clone()
    }

    fn loss(&self) -> Vec<Option<Verdict>> {
        self.record
            .0
            .iter()
            .map(|judgement| *judgement.verdicts.given.get(Measure::Loss))
            .collect()
    }
}

fn counts(octets: u64, lost: u64) -> SecondCounts {
    let mut counts = SecondCounts::default();
    if octets > 0 {
        let mut usage = PairCounts::default();
        *usage.class_mut(Class::Rtp) = TrafficCounts {
            packets: 1000,
            ip: octets,
            ethernet: octets,
            fragments: 0,
        };
        usage.continuity.lost = lost.cast_signed();
        let pair = PairKey {
            scopes: ScopeMask(1),
            src: Origin::As(FAR),
            dst: Origin::Local,
            transit: Transit::default(),
        };
        counts.add(&pair, &usage);
    }
    counts
}

#[test]
fn an_asn_goes_out_in_the_second_that_exceeds_and_comes_back_when_it_has_left_the_window() {
    let mut bench = Bench::new(vec![commitment()]);
    for second in 1..=5 {
        bench.second(second, second, 1_250_000, 0);
    }
    assert!(!bench.row().out_of_sla, "exactly the threshold");
    bench.second(6, 6, 1_250_001, 0);
    assert!(bench.row().out_of_sla, "one octet more");
    bench.second(7, 20, 1_250_000, 0);
    // Seconds 6 to 10 hold second 6; what remains after it is at most the threshold.
    let row = bench.row();
    assert_eq!(
        row.out_of_sla_seconds, 2,
        "seconds 6 and 7; then idle seconds only take away"
    );
    let interval = &row.out_of_sla_intervals[0];
    assert_eq!(
        (interval.from, interval.last, interval.open),
        (Second(6), Second(7), false)
    );
    assert_eq!(interval.peak_window_bytes, 6_250_001);
    assert_eq!(bench.judge.take_notices().len(), 2);
}

#[test]
fn a_window_that_began_before_we_looked_is_indeterminate_but_void_if_it_exceeds() {
    let mut bench = Bench::new(vec![commitment()]);
    bench.second(1, 1, 1000, 100).second(2, 2, 7_000_000, 0);
    bench.second(3, 8, 1000, 0).second(9, 9, 1000, 100);
    // Seconds 1 to 9. The window of second 5 is the first that was seen whole.
    let expected = [Indeterminate, Void, Void, Void, Void, Void, Met, Met];
    assert_eq!(
        bench.loss()[..7],
        expected[..7].iter().copied().map(Some).collect::<Vec<_>>()
    );
    assert_eq!(
        bench.loss().last().unwrap(),
        &Some(Missed),
        "100 of 1100 lost"
    );
}

fn range(first: u64, last: u64, at_most: Option<u64>) -> IncompleteRange {
    IncompleteRange {
        first: Second(first),
        last: Second(last),
        at_most,
    }
}

#[test]
fn a_second_of_which_nobody_knows_what_was_not_seen_makes_every_window_that_holds_it_indeterminate()
{
    let mut bench = Bench::new(vec![commitment()]);
    for second in 1..=6 {
        bench.second(second, second, 1000, 0);
    }
    bench.part(7, 7, counts(1000, 500), Vec::new(), vec![range(7, 7, None)]);
    for second in 8..=12 {
        bench.second(second, second, 1000, 0);
    }
    let verdicts = bench.loss();
    let whole: Vec<_> = verdicts[4..]
        .iter()
        .map(|verdict| verdict.unwrap())
        .collect();
    let i = Indeterminate;
    assert_eq!(whole, [Met, Met, i, i, i, i, i, Met]);
    let snapshot = bench.judge.snapshot();
    assert_eq!(snapshot.incomplete_seconds, 1);
    let far = snapshot
        .asns
        .iter()
        .find(|row| row.label == Label::Origin(Origin::As(FAR)));
    assert_eq!(far.unwrap().from.loss.lost, 500, "as they were booked");
    let reasons = bench.record.0[7..].iter().filter_map(|judgement| {
        let reason = *judgement.verdicts.reasons.get(Measure::Loss);
        assert_eq!(judgement.window_unseen == Unseen::Unknown, reason.is_some());
        reason
    });
    let reasons: Vec<_> = reasons.collect();
    assert_eq!(reasons, [IndeterminateReason::Unseen; 4]);
}

#[test]
fn frames_that_were_not_seen_and_are_counted_leave_the_verdicts_that_they_cannot_change() {
    // Of 1000 packets a second ten frames were not seen in second 7; window 5 s, limit 0.5 %.
    let judged = |lost: u64, lost_in_it: u64| {
        let mut bench = Bench::new(vec![commitment()]);
        for second in 1..=6 {
            bench.second(second, second, 1000, lost);
        }
        let unseen = vec![range(7, 7, Some(10))];
        bench.part(7, 7, counts(1000, lost_in_it), Vec::new(), unseen);
        for second in 8..=12 {
            bench.second(second, second, 1000, lost);
        }
        let judgement = &bench.record.0[10];
        assert_eq!(
            (judgement.unseen, judgement.window_unseen),
            (Unseen::None, Unseen::AtMost(10))
        );
        assert!(!judgement.seen_whole && !judgement.incomplete);
        let snapshot = bench.judge.snapshot();
        let mut rows = snapshot.asns.iter();
        let far = rows.find(|row| row.label == Label::Origin(Origin::As(FAR)));
        let ours = lost_in_it.min(10);
        let shown = far.unwrap().from.loss;
        assert_eq!(
            (shown.lost, shown.maybe_lost),
            (
                (11 * lost + lost_in_it - ours).cast_signed(),
                ours.cast_signed()
            )
        );
        let verdicts = bench.loss();
        let given = verdicts[6].unwrap();
        assert_eq!(
            verdicts[6..11],
            [Some(given); 5],
            "second 7 and the four after it"
        );
        given
    };
    assert_eq!(judged(0, 0), Met);
    assert_eq!(judged(0, 10), Met, "ours, all of them or less");
    assert_eq!(judged(0, 30), Indeterminate, "20 of 5030, or 30");
    assert_eq!(judged(100, 100), Missed);
    assert_eq!(judged(6, 6), Indeterminate);
}

#[test]
fn frames_that_were_not_seen_may_have_been_traffic_over_the_limit() {
    let mut bench = Bench::new(vec![commitment()]);
    let almost = 6_250_000 - 65_535;
    for second in 1..=4 {
        bench.second(second, second, 1000, 0);
    }
    let unseen = |second, at_most| vec![range(second, second, Some(at_most))];
    bench.part(5, 5, counts(almost - 4000, 100), Vec::new(), unseen(5, 1));
    // As long as the window holds both.
    bench.part(6, 6, counts(1000, 0), Vec::new(), unseen(6, 1));
    bench.part(11, 11, counts(6_250_001, 0), Vec::new(), unseen(11, 1));
    let of = |second: u64| {
        let mut judged = bench.record.0.iter();
        let judgement = judged.find(|judgement| judgement.second == Second(second));
        let verdicts = &judgement.unwrap().verdicts;
        (
            verdicts.given.get(Measure::Loss).unwrap(),
            *verdicts.reasons.get(Measure::Loss),
        )
    };
    let unseen = Some(IndeterminateReason::Unseen);
    assert_eq!(of(5), (Missed, None), "exactly the limit is within it");
    assert_eq!(of(6), (Indeterminate, unseen));
    assert_eq!(of(11), (Void, None), "for certain");
}

#[test]
fn of_a_gap_over_several_seconds_a_window_holds_each_frame_once() {
    let mut bench = Bench::new(vec![commitment()]);
    for second in 1..=6 {
        bench.second(second, second, 1000, 0);
    }
    bench.part(
        7,
        7,
        counts(1000, 0),
        Vec::new(),
        vec![range(6, 8, Some(10))],
    );
    bench.second(8, 8, 1000, 0).second(9, 9, 1000, 0);
    let unseen: Vec<_> = bench
        .record
        .0
        .iter()
        .map(|it| (it.unseen, it.window_unseen))
        .collect();
    let ten = Unseen::AtMost(10);
    assert_eq!(unseen[6..], [(ten, ten), (ten, ten), (Unseen::None, ten)]);
    assert_eq!(bench.judge.snapshot().incomplete_seconds, 3);
}

#[test]
fn silence_gives_no_verdict_and_counts_no_second() {
    let mut bench = Bench::new(vec![commitment()]);
    bench.second(10, 1_000_000, 1000, 0);
    let row = bench.row();
    assert_eq!(
        row.guarantees
            .get(Measure::Loss)
            .unwrap()
            .seconds
            .iter()
            .sum::<u64>(),
        5,
        "the five windows that hold it"
    );
    assert_eq!(row.guarantees.get(Measure::Loss).unwrap().verdict, None);
    assert_eq!(bench.judge.judged(), Some(Second(1_000_000)));
}

#[test]
fn an_amendment_counts_in_the_windows_to_come_and_leaves_verdicts_as_they_are() {
    let mut bench = Bench::new(vec![commitment()]);
    bench.second(5, 5, 6_250_000, 0);
    let amended = vec![(Second(5), counts(1, 0)), (Second(0), counts(77, 0))];
    bench.part(6, 6, SecondCounts::default(), amended, Vec::new());
    let row = bench.row();
    assert_eq!(
        row.out_of_sla_seconds, 1,
        "second 6 exceeds, second 5 stays as it was"
    );
    let judgement = bench.record.0.last().unwrap();
    assert_eq!(judgement.window.from, 6_250_001);
    let amended: Vec<_> = judgement
        .amendments
        .iter()
        .map(|one| one.second.0)
        .collect();
    assert_eq!(
        amended,
        [0, 5],
        "observer has what has left every window too"
    );
    assert_eq!(bench.judge.snapshot().asns.len(), 2);
}

#[test]
fn a_clock_that_was_set_back_restarts_the_windows_as_unseen() {
    let mut bench = Bench::new(vec![commitment()]);
    for second in 100..=110 {
        bench.second(second, second, 1000, 0);
    }
    bench
        .judge
        .judge_input(JudgeInput::Stepped(Second(50)), &mut ());
    for second in 50..=55 {
        bench.second(second, second, 1000, 0);
    }
    let verdicts: Vec<_> = bench.loss()[11..]
        .iter()
        .map(|verdict| verdict.unwrap())
        .collect();
    let i = Indeterminate;
    assert_eq!(
        verdicts,
        [i, i, i, i, Met, Met],
        "the second of the step was not seen whole"
    );
}

#[test]
fn round_trips_count_by_method_and_against_the_limit() {
    let mut bench = Bench::new(vec![commitment()]);
    for second in 1..=5 {
        let mut counts = counts(1000, 0);
        for index in 0..10 {
            let method = if index < 8 {
                RttMethod::Rtcp
            } else {
                RttMethod::Sip
            };
            let time = Duration::from_millis(if index == 0 { 151 } else { 150 });
            let pair = PairKey {
                scopes: ScopeMask(1),
                src: Origin::As(FAR),
                ..PairKey::UNKNOWN
            };
            counts.round_trips.push(RoundTrip {
                pair,
                method,
                shortest: time,
                longest: time,
            });
        }
        bench.part(second, second, counts, Vec::new(), Vec::new());
    }
    let judgement = bench.record.0.last().unwrap();
    assert_eq!(
        (
            judgement.window.round_trips.samples,
            judgement.window.round_trips.over
        ),
        (40, 5)
    );
    // 5 of 40 are more than 5 in 100.
    assert_eq!(
        *judgement.verdicts.given.get(Measure::Latency),
        Some(Missed)
    );
}

#[test]
fn a_scope_that_a_worker_did_not_count_is_unseen_for_that_second() {
    let mut bench = Bench::new(vec![commitment()]);
    for second in 1..=6 {
        bench.second(second, second, 1000, 0);
    }
    let known = std::mem::replace(&mut bench.policy, policy(Vec::new(), &ScopePlan::default()));
    bench.second(7, 7, 1000, 0);
    bench.policy = known;
    for second in 8..=12 {
        bench.second(second, second, 1000, 0);
    }
    let met = |judgement: &&Judgement| *judgement.verdicts.given.get(Measure::Loss) == Some(Met);
    let seconds = bench
        .record
        .0
        .iter()
        .filter(met)
        .map(|judgement| judgement.second.0);
    assert_eq!(seconds.collect::<Vec<_>>(), [5, 6, 12]);
}
