//! Settled verdicts against a judge who knew everything in time.

use super::*;
use crate::attribution::scopes::ScopePlan;
use crate::judge::commitment_judge::CommitmentJudge;
use crate::meter::asn_counts::AsnCounts;
use crate::sla::Role;
use crate::sla::commitment::example;
use crate::sla::policy::Policy;
use crate::snapshot::evidence::Amendment;
use crate::stream::tally::LossCounts;
use crate::units::Asn;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::mem::take;
use std::num::NonZeroU32;
use std::sync::Arc;

/// The first second.
const BEGIN: u64 = 1_795_651_050;

/// How many there are.
const SECONDS: u64 = 120;

const SUBJECT: (Role, Asn) = (Role::Origin, Asn(64_500));

fn policy() -> Arc<Policy> {
    let mut commitment = example("voice");
    commitment.window = NonZeroU32::new(10).unwrap();
    let scopes = [&commitment.scope];
    Arc::new(Policy {
        scopes: ScopePlan::new(scopes, &ScopePlan::default()).into(),
        commitments: vec![commitment],
        ..Policy::default()
    })
}

fn counts(lost: i64) -> AsnCounts {
    AsnCounts {
        from: 10_000,
        to: 10_000,
        packets: 100,
        sent: LossCounts::certain(50, lost),
        ..AsnCounts::default()
    }
}

/// Passes judgements on with what came late.
struct Late<'a> {
    settler: &'a mut Settler,
    amendments: Vec<Amendment>,
}

impl JudgementObserver for Late<'_> {
    fn judged(&mut self, judgement: &Judgement) {
        let amendments = take(&mut self.amendments);
        self.settler.judged(&Judgement {
            amendments,
            ..judgement.clone()
        });
    }

    fn second_judged(&mut self, judged: JudgedSecond<'_>) {
        self.settler.second_judged(judged);
    }
}

/// Counts seconds, and no more.
#[derive(Default)]
struct Counter(SettledSeconds);

impl JudgementObserver for Counter {
    fn judged(&mut self, judgement: &Judgement) {
        self.0.count(judgement);
    }

    fn second_judged(&mut self, judged: JudgedSecond<'_>) {
        self.0.pass(judged.second);
    }
}

proptest! {
    #[test]
    fn settled_is_what_a_judge_says_who_knew_everything_in_time(
        lost in prop::collection::vec(0_i64..3, usize::try_from(SECONDS).unwrap()),
        late in prop::collection::vec((0..SECONDS, 1_u64..60, -1_i64..9), 0..30),
        gaps in prop::collection::vec((0..SECONDS, 0_u64..5, 1_u64..60, prop::option::of(1_u64..50)), 0..4),
    ) {
        let mut settler = Settler::new(1_000);
        let (mut judge, mut knowing) =
            (CommitmentJudge::new(policy()), CommitmentJudge::new(policy()));
        let mut counter = Counter::default();
        judge.restart(Second(BEGIN));
        knowing.restart(Second(BEGIN));
        settler.restarted(Second(BEGIN), None);
        let late: Vec<_> = late.into_iter().filter(|(at, delay, _)| at + delay < SECONDS).collect();
        let gaps: Vec<_> = gaps.into_iter().filter(|(at, _, delay, _)| at + delay < SECONDS).collect();
        for (now, lost) in (0..SECONDS).zip(lost) {
            let second = Second(BEGIN + now);
            for &(at, length, delay, at_most) in &gaps {
                let range = IncompleteRange {
                    first: Second(BEGIN + at),
                    last: Second(BEGIN + at + length),
                    at_most,
                };
                if at == now {
                    knowing.mark_incomplete(range);
                }
                if at + delay == now {
                    judge.mark_incomplete(range);
                    settler.incomplete(range);
                }
            }
            let mut known = counts(lost);
            for (_, _, lost) in late.iter().filter(|(at, _, _)| *at == now) {
                known.sent.lost += lost;
            }
            judge.add_counted("voice", second, SUBJECT, &counts(lost).into());
            knowing.add_counted("voice", second, SUBJECT, &known.into());
            let mut amendments = BTreeMap::<u64, i64>::new();
            for (at, _, lost) in late.iter().filter(|(at, delay, _)| at + delay == now) {
                *amendments.entry(BEGIN + at).or_default() += lost;
            }
            let amendments = amendments.into_iter().map(|(at, lost)| {
                let sent = LossCounts { lost, ..LossCounts::default() };
                let counts = AsnCounts { sent, ..AsnCounts::default() };
                Amendment { second: Second(at), counts: counts.into() }
            });
            let mut listener = Late { settler: &mut settler, amendments: amendments.collect() };
            judge.judge(second, |_, _| false, &mut listener);
            knowing.judge(second, |_, _| false, &mut counter);
        }
        prop_assert_eq!(settler.finish(), counter.0);
    }
}

#[test]
fn with_too_little_room_seconds_wait_less_long_and_what_comes_later_is_counted() {
    let mut settler = Settler::new(5);
    let mut judge = CommitmentJudge::new(policy());
    judge.restart(Second(BEGIN));
    settler.restarted(Second(BEGIN), None);
    for now in 0..30 {
        judge.add_counted("voice", Second(BEGIN + now), SUBJECT, &counts(0).into());
        let amendments = [20, 26, 29].contains(&now).then(|| Amendment {
            second: Second(BEGIN + 19),
            counts: counts(1).into(),
        });
        let mut listener = Late {
            settler: &mut settler,
            amendments: amendments.into_iter().collect(),
        };
        judge.judge(Second(BEGIN + now), |_, _| false, &mut listener);
    }
    let shared = settler.shared();
    let until = shared.lock().unwrap().until;
    assert!(
        until > Some(Second(BEGIN + 15)),
        "{until:?} is settled so far"
    );
    let settled = settler.finish();
    assert_eq!(settled.until, Some(Second(BEGIN + 29)));
    assert_eq!(settled.late, 2);
}
