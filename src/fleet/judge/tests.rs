//! What a probe's clock does to the fleet's times out of SLA.

use super::*;
use crate::attribution::scopes::ScopePlan;
use crate::ledger::leaf::{
    CountedLeaf, CountingTerms, DirectionLeaf, RULES, SecondLeaf, StartLeaf,
};
use crate::sla::commitment::{Commitment, example};
use crate::snapshot::evidence::{JudgedSecond, Judgement};
use std::num::NonZeroU32;

const WINDOW: u32 = 5;

/// Keeps first and last second of each time out of SLA, and the seconds in which the probe was not seen whole.
#[derive(Default)]
struct Heard {
    intervals: Vec<(u64, u64)>,
    incomplete: BTreeSet<u64>,
}

impl JudgementObserver for Heard {
    fn judged(&mut self, _: &Judgement) {}

    fn second_judged(&mut self, judged: JudgedSecond<'_>) {
        let ended = judged.ended.iter();
        self.intervals
            .extend(ended.map(|one| (one.from.0, one.last.0)));
    }

    fn absent(&mut self, _: &str, first: Second, last: Second) {
        self.incomplete.extend(first.0..=last.0);
    }
}

fn policy() -> Policy {
    let commitment = Commitment {
        window: NonZeroU32::new(WINDOW).unwrap(),
        ..example("voice")
    };
    Policy {
        scopes: ScopePlan::new([&commitment.scope], &ScopePlan::default()).into(),
        commitments: vec![commitment],
        ..Policy::default()
    }
}

/// A second of the probe in which one ASN sends more than a window may have; `before` stands before its counts.
fn second(second: u64, end: u64, mut before: Vec<Leaf>) -> ProbeSecond {
    let second = Second(second);
    before.push(Leaf::Second(SecondLeaf {
        second,
        commitment: "voice".into(),
        part: 0,
        made_of: Vec::new(),
        asns: vec![CountedLeaf {
            asn: Some(64_500),
            packets: 1000,
            from: DirectionLeaf {
                bytes: 10_000_000,
                expected: 1000,
                ..DirectionLeaf::default()
            },
            ..CountedLeaf::default()
        }],
    }));
    ProbeSecond::new(second, end, before)
}

fn begins(at: u64) -> Vec<Leaf> {
    let start = StartLeaf {
        time: Second(at),
        mode: Mode::Live,
        version: String::new(),
        revision: String::new(),
        rules: RULES,
        measures: Vec::new(),
        sources: Vec::new(),
    };
    let terms = PolicyLeaf {
        second: Second(at),
        commitments: policy()
            .commitments
            .iter()
            .map(CommitmentTerms::from)
            .collect(),
        counting: CountingTerms::default(),
        sha256: String::new(),
    };
    vec![Leaf::Start(start), Leaf::Policy(terms)]
}

#[test]
fn a_probe_whose_clock_was_set_back_makes_no_time_out_of_sla_end_before_it_begins() {
    let mut judge = FleetJudge::new(policy().into(), &["fra-1".into()], 10);
    let mut heard = Heard::default();
    let mut end = 0;
    let mut close = |judge: &mut FleetJudge, at: u64, taken: Option<ProbeSecond>| {
        let part = ProbePart {
            taken: taken.into_iter().collect(),
            absence: None,
        };
        judge.close(Second(at), vec![part], &mut heard);
    };
    let mut next = |at: u64, before: Vec<Leaf>| {
        end += 3;
        Some(second(at, end, before))
    };
    for at in 100..=110 {
        let before = if at == 100 { begins(at) } else { Vec::new() };
        close(&mut judge, at, next(at, before));
    }
    // 111 of ours brings 101 of the probe for the second time
    for at in 111..=120 {
        let of_probe = at - 10;
        let gap = GapLeaf {
            why: GapReason::Clock,
            judged: Some(Second(110)),
            ..GapLeaf::unwritten(Second(of_probe), Second(0), Second(of_probe - 1))
        };
        let before = if at == 111 {
            vec![Leaf::Gap(gap)]
        } else {
            Vec::new()
        };
        close(&mut judge, at, next(of_probe, before));
    }
    for at in 121..=125 {
        close(&mut judge, at, next(at, Vec::new()));
    }
    for at in 126..=135 {
        close(&mut judge, at, None);
    }
    assert_eq!(judge.probes()[0].repeated, 10);
    assert!((101..=110).all(|at| heard.incomplete.contains(&at)));
    let behind = u64::from(WINDOW) - 1;
    assert_eq!(
        heard.intervals,
        [(100, 110 + behind), (121, 125 + behind)],
        "as long as a window holds what was counted once"
    );
}
