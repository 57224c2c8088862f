//! Whatever a meter goes through, what it writes follows from what it wrote before; and where one leaf
//! is another, it does not.

#![expect(clippy::cast_possible_truncation, reason = "small numbers")]

mod forged;
mod steps;

use super::super::key::PrivateKey;
use super::super::key::tests::private_pem;
use super::super::leaf::{Mode, StartLeaf, StopLeaf};
use super::super::record::{LeafSink, SecondLeaves};
use super::super::verify::{Verified, VerifyError, VerifyRequest, verify};
use super::super::writer::{Durability, LedgerSettings, LedgerWriter};
use super::*;
use crate::asn::Origin;
use crate::attribution::PairKey;
use crate::attribution::scopes::{Scope, ScopeMask};
use crate::attribution::transit::Transit;
use crate::judge::Judge;
use crate::judge::assembly::{JudgeInput, WorkerPart};
use crate::meter::second::{PairCounts, RoundTrip, SecondCounts, WorkerState};
use crate::sla::commitment::{Commitment, DirectionRule, TransitRule, example};
use crate::stream::rtt::method::RttMethod;
use crate::stream::silence::SilenceCounts;
use crate::stream::tally::{LossCounts, TrafficCounts};
use crate::units::{Asn, Ratio};
use crate::voice::class::Class;
use proptest::prelude::*;
use std::num::NonZeroU32;
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;

/// 2026-11-25T23:58:00Z.
const BEGIN: u64 = 1_795_651_080;

/// xorshift64*: what happens, from one number.
struct Fate(u64);

impl Fate {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % bound
    }

    /// Once in so many times.
    fn once_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }
}

/// A disk: what is written, and what a full one has not taken.
#[derive(Debug, Default)]
struct Disk {
    leaves: Vec<Leaf>,
    is_full: bool,
    unwritten: Option<(Second, Second)>,
    start: bool,
}

impl LeafSink for Disk {
    fn accept(&mut self, second: SecondLeaves) {
        if self.is_full {
            let (first, last) = self.unwritten.unwrap_or((second.second, second.second));
            self.unwritten = Some((first.min(second.second), last.max(second.second)));
            return;
        }
        if std::mem::take(&mut self.start) {
            self.leaves.push(start(second.second));
        }
        self.leaves.extend(second.leaves);
    }

    fn take_unwritten(&mut self) -> Option<(Second, Second)> {
        self.unwritten.take()
    }
}

fn start(time: Second) -> Leaf {
    Leaf::Start(StartLeaf {
        time,
        mode: Mode::Live,
        version: String::new(),
        revision: String::new(),
        rules: RULES,
        measures: Measure::ALL.map(|measure| measure.as_str().into()).into(),
        sources: Vec::new(),
    })
}

fn commitments(fate: &mut Fate) -> Vec<Commitment> {
    let mut all: Vec<_> = ["b", "a", "c"].into_iter().map(example).collect();
    for one in &mut all {
        one.window = NonZeroU32::new([3, 5, 12][fate.below(3) as usize]).unwrap();
        one.threshold = Ratio::from_ppm([100, 400][fate.below(2) as usize]);
        if fate.once_in(2) {
            one.transit = TransitRule::Judge;
        }
        if fate.once_in(3) {
            one.direction = DirectionRule::Sum;
        }
        if let Some(loss) = &mut one.guarantee.loss {
            loss.min_packets = 10;
        }
    }
    all[1].scope = Scope {
        vlans: vec![7],
        ..Scope::default()
    };
    if fate.once_in(3) {
        all.pop();
    }
    all
}

fn policy(commitments: Vec<Commitment>, previous: &ScopePlan) -> Arc<Policy> {
    let scopes = commitments.iter().map(|one| &one.scope);
    Arc::new(Policy {
        scopes: ScopePlan::new(scopes, previous).into(),
        commitments,
        ..Policy::default()
    })
}

/// What some calls did in a second.
fn counts(fate: &mut Fate, now: u64) -> SecondCounts {
    let mut counts = SecondCounts::default();
    for _ in 0..fate.below(4) {
        let far = Origin::As(Asn(64_500 + fate.below(3) as u32));
        let over: Vec<_> = (1..=3).filter(|_| fate.once_in(3)).map(Asn).collect();
        let (is_from, scopes) = (fate.once_in(2), ScopeMask(1 + fate.below(3)));
        let pair = PairKey {
            src: if is_from { far } else { Origin::Local },
            dst: if is_from { Origin::Local } else { far },
            transit: if is_from {
                Transit::new(&over, &[])
            } else {
                Transit::new(&[], &over)
            },
            scopes,
        };
        let packets = fate.below(60);
        let mut usage = PairCounts::default();
        *usage.class_mut(Class::Rtp) = TrafficCounts {
            packets,
            ip: 200 * packets,
            ethernet: 214 * packets,
            fragments: 0,
        };
        if fate.once_in(3) {
            usage.continuity.lost = fate.below(4).cast_signed();
            usage.continuity.maybe_lost = fate.below(3).cast_signed();
        }
        usage.unfollowed = u64::from(fate.once_in(40)).min(packets);
        usage.reports = LossCounts {
            expected: packets.cast_signed(),
            ..LossCounts::default()
        };
        usage.streams = fate.below(5);
        if fate.once_in(4) {
            let silent = fate.below(4);
            usage.silence = Some(Box::new(SilenceCounts {
                open: 50 * silent,
                silent,
                recent: fate.below(silent + 1),
                quiet: silent + fate.below(2),
                ended: fate.below(3) * fate.below(100),
                stopped: (silent > 0)
                    .then(|| (Second(now - fate.below(9)), silent + fate.below(3)))
                    .into_iter()
                    .collect(),
            }));
        }
        counts.add(&pair, &usage);
        if fate.once_in(3) {
            counts.add_stream(&pair, Some(Duration::from_millis(fate.below(60))));
            counts.round_trips.push(RoundTrip {
                pair: pair.clone(),
                method: RttMethod::Rtcp,
                shortest: Duration::from_millis(100 + fate.below(200)),
                longest: Duration::from_millis(300),
            });
        }
    }
    counts
}

/// A meter, and what it has written.
struct Meter {
    judge: Judge,
    recorder: Recorder<Disk>,
    policy: Arc<Policy>,
    now: u64,
    /// Windows that it has room for.
    room: usize,
}

impl Meter {
    fn new(fate: &mut Fate) -> Self {
        let policy = policy(commitments(fate), &ScopePlan::default());
        let disk = Disk {
            start: true,
            ..Disk::default()
        };
        let room = [1, 3, 8, 500][fate.below(4) as usize];
        let mut meter = Self {
            judge: Judge::new(policy.clone(), 500, &[]).with_windows(room),
            recorder: Recorder::new(disk, CountingTerms::default()),
            policy,
            now: BEGIN,
            room,
        };
        meter.take(JudgeInput::Opened(Second(BEGIN)));
        meter
    }

    fn take(&mut self, merged: JudgeInput) {
        self.judge.judge_input(merged, &mut self.recorder);
        self.judge.take_notices();
    }

    fn second(&mut self, fate: &mut Fate) {
        let part = |number, fate: &mut Fate, now: u64, policy: &Policy| {
            let mut incomplete = Vec::new();
            if fate.once_in(30) {
                incomplete.push(IncompleteRange {
                    first: Second(now - fate.below(3)),
                    last: Second(now),
                    at_most: [None, Some(0), Some(1), Some(50)][fate.below(4) as usize],
                });
            }
            let mut amendments = Vec::new();
            if fate.once_in(5) {
                let before = now - 1 - fate.below(20);
                amendments.push((Second(before), counts(fate, before)));
            }
            WorkerPart {
                number,
                counts: counts(fate, now),
                amendments,
                incomplete,
                scopes: policy.scopes.clone(),
                worker: WorkerState::default(),
            }
        };
        let parts = (0..=fate.below(2) as usize)
            .map(|number| part(number, fate, self.now, &self.policy))
            .collect();
        let idle = match fate.below(30) {
            0 => 90,
            1 => 8,
            _ => 0,
        };
        self.take(JudgeInput::Second {
            second: Second(self.now),
            through: Second(self.now + idle),
            parts,
        });
        self.now += 1 + idle;
    }

    fn seconds(&mut self, fate: &mut Fate, count: u64) {
        for _ in 0..count {
            self.second(fate);
        }
    }

    /// Three seconds in which the disk is full.
    fn unwritten(&mut self, fate: &mut Fate) {
        self.recorder.sink_mut().is_full = true;
        self.seconds(fate, 3);
        self.recorder.sink_mut().is_full = false;
    }

    /// The process ends, and another begins.
    fn restart(self, fate: &mut Fate) -> Self {
        let mut leaves = self.recorder.into_sink().leaves;
        if fate.once_in(2) {
            let time = Second(self.now - 1);
            leaves.push(Leaf::Stop(StopLeaf { time }));
        }
        let mut before = LeafJudge::default();
        for (number, leaf) in (0..).zip(&leaves) {
            before.take(number, leaf.clone()).unwrap_or_else(|fault| {
                let near = &leaves[fault.number.saturating_sub(6) as usize..=number as usize];
                let lines: Vec<_> = near.iter().map(Leaf::to_line).collect();
                panic!("{fault:?}\n{}", lines.join("\n"))
            });
        }
        before.finish().unwrap();
        let mut next = Self::new(fate);
        next.recorder.sink_mut().leaves = leaves;
        next.now = self.now + fate.below(8);
        if fate.once_in(4) {
            // the clock was set back meanwhile
            next.now -= 20 + fate.below(20);
        }
        let policy = policy(
            if fate.once_in(2) {
                self.policy.commitments.clone()
            } else {
                commitments(fate)
            },
            &ScopePlan::default(),
        );
        next.judge = Judge::new(policy.clone(), 500, &[]).with_windows(next.room);
        next.policy = policy;
        next.recorder = Recorder::new(
            Disk {
                start: true,
                ..next.recorder.into_sink()
            },
            CountingTerms::default(),
        );
        if let Some(resumed) = before.resume() {
            next.recorder.resume(resumed.last, resumed.standing);
            next.judge.resume(resumed.judge);
        }
        next.take(JudgeInput::Opened(Second(next.now)));
        next
    }
}

/// All leaves of some hundred seconds in which everything happens.
fn life(seed: u64) -> Vec<Leaf> {
    let mut fate = Fate(seed | 1);
    let mut meter = Meter::new(&mut fate);
    for _ in 0..300 {
        match fate.below(200) {
            0 => {
                let changed = commitments(&mut fate);
                meter.policy = policy(changed, &meter.policy.scopes);
                meter.judge.revise(meter.policy.clone());
            }
            1 => {
                meter.now -= 10 + fate.below(20);
                meter.take(JudgeInput::Stepped(Second(meter.now)));
            }
            2 => meter.recorder.sink_mut().is_full = true,
            3 => meter = meter.restart(&mut fate),
            _ => meter.second(&mut fate),
        }
        if fate.once_in(3) {
            meter.recorder.sink_mut().is_full = false;
        }
    }
    meter.recorder.into_sink().leaves
}

fn judge(leaves: &[Leaf], first: u64) -> Result<RejudgeCounts, LeafFault> {
    let mut judge = LeafJudge::default();
    for (number, leaf) in (first..).zip(leaves) {
        judge.take(number, leaf.clone())?;
    }
    judge.finish()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_a_meter_writes_follows_from_what_it_wrote_before(seed in any::<u64>()) {
        let leaves = life(seed);
        let done = judge(&leaves, 0);
        prop_assert!(done.is_ok(), "{:?}", done.unwrap_err());
        prop_assert!(done.unwrap().verdicts > 0);
    }

    #[test]
    fn a_judgement_that_is_left_out_or_another_one_is_found(seed in any::<u64>(), place in any::<u64>()) {
        let leaves = life(seed);
        let all = judge(&leaves, 0).unwrap();
        let judgements = (0..leaves.len()).filter(|place| is_judgement(&leaves[*place]));
        let judgements: Vec<_> = judgements.collect();
        let place = judgements[(place % judgements.len() as u64) as usize];
        let mut without = leaves.clone();
        without.remove(place);
        let mut other = leaves.clone();
        match &mut other[place] {
            Leaf::Verdict(leaf) => leaf.verdicts[0] = if leaf.verdicts[0] == "met" { "missed" } else { "met" }.into(),
            Leaf::Interval(leaf) => leaf.peak_bytes += 1,
            _ => unreachable!(),
        }
        for changed in [without, other] {
            // What is taken as recorded is not known better.
            let is_found = match judge(&changed, 0) {
                Err(_) => true,
                Ok(done) => done.taken > 0 && all.taken > 0,
            };
            prop_assert!(is_found);
        }
    }
}

/// Writes leaves into a ledger, which is then verified.
fn written(path: &Path, leaves: &[Leaf]) -> Result<Verified, VerifyError> {
    let settings = LedgerSettings {
        origin: "voice.example/fra-1".into(),
        key: Some(PrivateKey::from_pem(&private_pem(7)).unwrap()),
        durability: Durability::EachMinute,
    };
    let mut writer = LedgerWriter::open(path, settings).unwrap();
    for leaves in leaves.chunk_by(|one, other| one.second() == other.second()) {
        let second = SecondLeaves {
            second: leaves[0].second().unwrap(),
            leaves: leaves.to_vec(),
        };
        writer.append(&second).unwrap();
    }
    writer.seal().unwrap();
    verify(path, &VerifyRequest::default())
}

#[test]
fn who_owns_the_key_still_cannot_sign_another_verdict() {
    let mut leaves = life(11);
    let folder = TempDir::new().unwrap();
    let verified = written(&folder.path().join("true"), &leaves).unwrap();
    assert!(verified.rejudged.verdicts > 100, "{:?}", verified.rejudged);
    let missed = leaves.iter_mut().find_map(|leaf| match leaf {
        Leaf::Verdict(leaf) if leaf.verdicts[0] == "missed" => Some(leaf),
        _ => None,
    });
    missed.unwrap().verdicts[0] = "met".into();
    let error = written(&folder.path().join("false"), &leaves).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("does not follow: the judge says"),
        "{error}"
    );
}

#[test]
fn a_day_is_judged_again_without_the_days_before_it() {
    for seed in 1..20 {
        let folder = TempDir::new().unwrap();
        let whole = written(folder.path(), &life(seed)).unwrap();
        assert_eq!(whole.rejudged.other_rules, None);
        let first = folder.path().join("2026-11-25.jsonl.gz");
        if folder.path().join("2026-11-26.jsonl.gz").exists() {
            std::fs::remove_file(first).unwrap();
            let part = verify(folder.path(), &VerifyRequest::default());
            let part = part.unwrap_or_else(|error| panic!("{seed}: {error}"));
            assert!(
                part.rejudged.taken >= 1 && part.rejudged.verdicts > 0,
                "{seed}: {part:?}"
            );
        }
    }
}

#[test]
fn leaves_by_other_rules_are_counted_and_not_judged() {
    let mut leaves = life(11);
    for leaf in &mut leaves {
        if let Leaf::Start(start) = leaf {
            start.rules = RULES + 1;
        }
    }
    let done = judge(&leaves, 0).unwrap();
    assert_eq!((done.verdicts, done.intervals, done.taken), (0, 0, 0));
    let judgements = leaves.iter().filter(|leaf| is_judgement(leaf)).count() as u64;
    assert_eq!(done.other_rules, Some((judgements, RULES + 1)));
}
