use super::*;
use crate::asn::Origin;
use crate::attribution::PairKey;
use crate::attribution::scopes::{ScopeMask, ScopePlan};
use crate::attribution::transit::Transit;
use crate::judge::Judge;
use crate::judge::assembly::{JudgeInput, WorkerPart};
use crate::meter::second::{PairCounts, SecondCounts, WorkerState};
use crate::sla::commitment::{TransitRule, example};
use crate::sla::measure::Measure;
use crate::sla::policy::Policy;
use crate::sla::{IndeterminateReason, Verdict};
use crate::snapshot::evidence::{Judgement, JudgementObserver};
use crate::stream::tally::{SequenceCounts, TrafficCounts};
use crate::voice::class::Class;
use Verdict::{Indeterminate, Met, Missed, Void};
use std::num::NonZeroU32;
use std::sync::Arc;

#[derive(Default)]
struct Record(Vec<Judgement>);

impl JudgementObserver for Record {
    fn judged(&mut self, judgement: &Judgement) {
        self.0.push(judgement.clone());
    }
}

/// The clause over a window of 5 s: more than 6 250 000 octets in it are too many.
struct Bench {
    judge: Judge,
    scopes: Arc<ScopePlan>,
    second: u64,
}

/// What an ASN sends in a second: so many octets, in as many packets of 100, over these ASNs.
type Sent<'a> = (u32, u64, &'a [Asn]);

impl Bench {
    fn new(room: usize, transit: TransitRule) -> Self {
        let commitment = Commitment {
            window: NonZeroU32::new(5).unwrap(),
            transit,
            ..example("c")
        };
        let scopes: Arc<_> = ScopePlan::new([&commitment.scope], &ScopePlan::default()).into();
        let policy = Policy {
            commitments: vec![commitment],
            scopes: scopes.clone(),
            ..Policy::default()
        };
        let mut judge = Judge::new(policy.into(), 500, &[]).with_windows(room);
        judge.judge_input(JudgeInput::Opened(Second(1)), &mut ());
        Self {
            judge,
            scopes,
            second: 0,
        }
    }

    /// Judges a second, as two workers saw it, and says the loss verdict of each ASN and the octets of
    /// its window.
    fn second(&mut self, sent: &[Sent<'_>]) -> Vec<(u32, Option<Verdict>, u64)> {
        self.judgements(sent)
            .into_iter()
            .filter(|judgement| judgement.role == Role::Origin)
            .map(|judgement| {
                let verdict = *judgement.verdicts.given.get(Measure::Loss);
                (judgement.asn.0, verdict, judgement.window.from)
            })
            .collect()
    }

    fn judgements(&mut self, sent: &[Sent<'_>]) -> Vec<Judgement> {
        let half = sent.len() / 2;
        self.judgements_of([counts(&sent[half..]), counts(&sent[..half])])
    }

    fn judgements_of(&mut self, counts: [SecondCounts; 2]) -> Vec<Judgement> {
        self.second += 1;
        let parts = counts.into_iter().enumerate();
        let parts = parts.map(|(number, counts)| WorkerPart {
            number,
            counts,
            amendments: Vec::new(),
            incomplete: Vec::new(),
            scopes: self.scopes.clone(),
            worker: WorkerState::default(),
        });
        let (second, through) = (Second(self.second), Second(self.second));
        let mut record = Record::default();
        let parts = parts.collect();
        let input = JudgeInput::Second {
            second,
            through,
            parts,
        };
        self.judge.judge_input(input, &mut record);
        record.0
    }
}

fn counts(sent: &[Sent<'_>]) -> SecondCounts {
    let mut counts = SecondCounts::default();
    for (asn, octets, transit) in sent {
        let pair = PairKey {
            scopes: ScopeMask(1),
            src: Origin::As(Asn(*asn)),
            dst: Origin::Local,
            transit: Transit::new(transit, &[]),
        };
        let mut usage = PairCounts::default();
        *usage.class_mut(Class::Rtp) = TrafficCounts {
            packets: octets / 100,
            ip: *octets,
            ethernet: *octets,
            fragments: 0,
        };
        counts.add(&pair, &usage);
    }
    counts
}

#[test]
fn who_finds_no_room_is_counted_and_indeterminate_and_nobody_else_is() {
    let mut bench = Bench::new(2, TransitRule::List);
    let both: [Sent<'_>; 2] = [(1, 20_000, &[]), (2, 20_000, &[])];
    for _ in 0..5 {
        bench.second(&both);
    }
    let three = [both[0], both[1], (3, 50_000, &[])];
    for refused in 1..=3 {
        let said = bench.second(&three);
        // only of its own second: no window of it is kept
        let third = (3, Some(Indeterminate), 50_000);
        assert_eq!(
            said[..2],
            [(1, Some(Met), 100_000), (2, Some(Met), 100_000)]
        );
        assert_eq!(said[2..], [third]);
        let room = bench.judge.windows();
        assert_eq!((room.entries, room.limit, room.refused), (2, 2, refused));
    }
    let judgement = bench.judgements(&three).pop().unwrap();
    assert_eq!(judgement.counts.counted.refused, 1);
    assert!(judgement.incomplete && !judgement.seen_whole);
    let reason = judgement.verdicts.reasons.get(Measure::Loss);
    assert_eq!(*reason, Some(IndeterminateReason::Unseen));
    let snapshot = bench.judge.snapshot();
    let row = snapshot
        .asns
        .iter()
        .find(|row| row.label.to_string() == "3");
    assert_eq!(
        row.unwrap().from.total().bytes,
        200_000,
        "all are in the totals"
    );
}

#[test]
fn who_gets_room_at_last_is_in_doubt_for_a_whole_window() {
    let mut bench = Bench::new(1, TransitRule::List);
    let (one, other): (Sent<'_>, Sent<'_>) = ((1, 20_000, &[]), (2, 20_000, &[]));
    for _ in 0..5 {
        bench.second(&[one]);
    }
    // Second 6 is the last in which the second one is refused: the window of the first holds the fifth.
    assert_eq!(bench.second(&[one, other])[1].1, Some(Indeterminate));
    for _ in 7..=10 {
        assert_eq!(bench.second(&[other])[1].1, Some(Indeterminate));
    }
    let mut verdicts = Vec::new();
    for _ in 11..=16 {
        verdicts.push(bench.second(&[other]).pop().unwrap());
    }
    let doubt = |octets| (2, Some(Indeterminate), octets);
    assert_eq!(
        verdicts,
        [
            doubt(20_000),
            doubt(40_000),
            doubt(60_000),
            doubt(80_000),
            doubt(100_000),
            (2, Some(Met), 100_000)
        ]
    );
}

#[test]
fn octets_of_candidates_that_gave_way_may_be_over_the_threshold_and_only_of_their_asn() {
    let mut bench = Bench::new(9, TransitRule::List);
    let mut said = |octets: u64, displaced: u64| {
        let mut counts = [counts(&[(1, octets, &[])]), counts(&[(2, 20_000, &[])])];
        let [first, second] = &mut counts;
        let of = |counts: &SecondCounts| counts.usage.keys().next().unwrap().clone();
        let (pair, other) = (of(first), of(second));
        let lossy = PairCounts {
            continuity: SequenceCounts {
                lost: 100,
                ..SequenceCounts::default()
            },
            ..PairCounts::default()
        };
        first.add(&pair, &lossy);
        second.add(&other, &lossy);
        let gave_way = PairCounts {
            displaced,
            ..PairCounts::default()
        };
        first.add(&pair, &gave_way);
        let said = bench.judgements_of(counts);
        let given = said
            .iter()
            .map(|one| *one.verdicts.given.get(Measure::Loss));
        given.map(Option::unwrap).collect::<Vec<_>>()
    };
    (0..5).for_each(|_| drop(said(20_000, 0)));
    assert_eq!(said(20_000, 0), [Missed, Missed]);
    assert_eq!(said(20_000, 3), [Indeterminate, Missed]);
    for _ in 0..4 {
        assert_eq!(said(20_000, 0), [Indeterminate, Missed], "in the window");
    }
    assert_eq!(said(20_000, 0), [Missed, Missed]);
    assert_eq!(said(7_000_000, 1), [Void, Missed], "what is counted stands");
}

#[test]
fn who_sends_most_comes_first_in_whatever_order_workers_tell_of_them() {
    let all: [Sent<'_>; 4] = [(1, 100, &[]), (2, 900, &[]), (3, 300, &[]), (4, 900, &[])];
    for turn in 0..all.len() {
        let mut bench = Bench::new(2, TransitRule::List);
        let mut sent = all;
        sent.rotate_left(turn);
        bench.second(&sent);
        let standing = bench.second(&[]);
        let known: Vec<u32> = standing.iter().map(|(asn, ..)| *asn).collect();
        assert_eq!(known, [2, 4]);
    }
}

#[test]
fn who_exceeds_the_threshold_gets_room_beyond_the_bound() {
    let mut bench = Bench::new(1, TransitRule::List);
    bench.second(&[(1, 100, &[])]);
    let all: [Sent<'_>; 3] = [(1, 100, &[]), (2, 7_000_000, &[]), (3, 8_000_000, &[])];
    let said = bench.second(&all);
    assert_eq!(said[2], (3, Some(Void), 8_000_000));
    // twice the bound is the end of it
    assert_eq!(said[1], (2, Some(Indeterminate), 7_000_000));
    let said = bench.second(&[]);
    assert_eq!(said[1..], [(3, Some(Void), 8_000_000)]);
}

#[test]
fn transit_without_room_may_be_out_for_whoever_crossed_it() {
    let mut bench = Bench::new(3, TransitRule::Judge);
    let known: [Sent<'_>; 2] = [(1, 20_000, &[Asn(7)]), (2, 20_000, &[Asn(7)])];
    for _ in 0..6 {
        bench.second(&known);
    }
    assert!(bench.second(&known).iter().all(|said| said.1 == Some(Met)));
    // one packet crosses another ASN, for which there is no room
    let crossing: [Sent<'_>; 3] = [known[0], known[1], (2, 100, &[Asn(8)])];
    for second in 0..7 {
        let said = bench.second(if second == 0 { &crossing } else { &known });
        let in_doubt = if second < 5 {
            Some(Indeterminate)
        } else {
            Some(Met)
        };
        assert_eq!((said[0].1, said[1].1), (Some(Met), in_doubt), "{second}");
    }
}
