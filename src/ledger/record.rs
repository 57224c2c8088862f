//! What the judge says, as leaves: all that its verdicts rest on, and the verdicts themselves.
//!
//! Belongs to the judge's thread. It keeps the last verdicts of each ASN, so that only a change is
//! written, and what belongs to the second that is not judged yet.

mod leaves;

use super::leaf::{
    AmendmentLeaf, CountedLeaf, CountingTerms, GapLeaf, GapReason, Leaf, MAX_ASNS, NO_VERDICT,
    PartTerms, TableLeaf, TableTerms, TransitRole, VerdictLeaf,
};
use crate::meter::second::IncompleteRange;
use crate::sla::policy::Policy;
use crate::sla::{Role, Verdict};
use crate::snapshot::evidence::{JudgedSecond, Judgement, JudgementObserver};
use crate::units::{Asn, Second};
use leaves::{CountedSubjects, have_changed, interval_leaf, policy_leaf, second_leaves, tables};
use std::collections::{BTreeMap, BTreeSet};
use std::mem::take;
use std::sync::Arc;

/// The leaves of a judged second, in the order in which they are written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SecondLeaves {
    /// The second.
    pub second: Second,
    /// Its leaves; none where nothing is to be said.
    pub leaves: Vec<Leaf>,
}

/// Takes the leaves of each second.
pub trait LeafSink {
    /// Takes one second; they come in order, but for a clock that jumps back. It may wait for room, or
    /// tell of what found none by [`Self::take_unwritten`].
    fn accept(&mut self, leaves: SecondLeaves);

    /// First and last second that could not be written, since the last call.
    fn take_unwritten(&mut self) -> Option<(Second, Second)> {
        None
    }
}

/// What is known of the second that is judged now.
#[derive(Debug, Default)]
struct OpenSecond {
    gaps: Vec<Gap>,
    /// By commitment.
    counted: BTreeMap<Arc<str>, CountedSubjects>,
    /// By commitment and second.
    amendments: BTreeMap<(Arc<str>, Second), CountedSubjects>,
    verdicts: Vec<VerdictLeaf>,
    /// Who was judged.
    judged: BTreeSet<(Arc<str>, Asn)>,
    made_of: Vec<PartTerms>,
}

/// A gap before the second is known that is judged next.
#[derive(PartialEq, Eq, Debug)]
struct Gap {
    commitment: Option<String>,
    from: Second,
    until: Second,
    why: GapReason,
    frames: Option<u64>,
    judged: Option<Second>,
    probe: Option<String>,
}

impl Gap {
    fn new(why: GapReason, from: Second, until: Second) -> Self {
        Self {
            commitment: None,
            from,
            until,
            why,
            frames: None,
            judged: None,
            probe: None,
        }
    }

    fn leaf(self, second: Second) -> Leaf {
        Leaf::Gap(GapLeaf {
            second,
            commitment: self.commitment,
            from: self.from,
            until: self.until,
            why: self.why,
            frames: self.frames,
            judged: self.judged,
            probe: self.probe,
        })
    }
}

/// Makes leaves of judgements.
#[derive(Debug)]
pub struct Recorder<S> {
    sink: S,
    counting: CountingTerms,
    /// That of the last policy leaf.
    policy: Option<Arc<Policy>>,
    /// Those of the last table leaf.
    tables: Option<Vec<TableTerms>>,
    /// Days since 1970, of the last second.
    day: Option<u64>,
    open: OpenSecond,
    standing: StandingVerdicts,
    /// The last gap that could not be written, and the second that tells of it; the first one: it is not
    /// told yet.
    unwritten: Option<((Second, Second), Second)>,
}

/// The verdicts that stand, where there are any, by commitment and ASN.
pub type StandingVerdicts = BTreeMap<(Arc<str>, Asn), VerdictLeaf>;

/// How far before its first second a meter that has just begun knows nothing: the longest window.
const UNKNOWN_BEFORE: u64 = 3600;

impl<S: LeafSink> Recorder<S> {
    /// For a meter that counts by these settings.
    pub fn new(sink: S, counting: CountingTerms) -> Self {
        Self {
            sink,
            counting,
            policy: None,
            tables: None,
            day: None,
            open: OpenSecond::default(),
            standing: StandingVerdicts::new(),
            unwritten: None,
        }
    }

    /// Goes on behind a last second with the verdicts that stand.
    pub fn resume(&mut self, last: Second, standing: StandingVerdicts) {
        (self.day, self.standing) = (Some(day(last)), standing);
    }

    /// What was in force is still, and is not told again: whoever goes on changes nothing.
    pub fn resume_terms(&mut self, policy: Arc<Policy>, tables: Option<Vec<TableTerms>>) {
        (self.policy, self.tables) = (Some(policy), tables);
    }

    /// The verdicts that stand.
    pub fn standing(&self) -> &StandingVerdicts {
        &self.standing
    }

    /// The verdicts that stand, at the end.
    pub fn into_standing(self) -> StandingVerdicts {
        self.standing
    }

    /// No verdict stands any more.
    pub fn forget_standing(&mut self) {
        self.standing.clear();
    }

    /// Who takes the leaves, at the end.
    pub fn into_sink(self) -> S {
        self.sink
    }

    /// Who takes the leaves.
    pub fn sink_mut(&mut self) -> &mut S {
        &mut self.sink
    }

    /// Before the first judgement of a second: whoever has a day needs none before it.
    fn begin_day(&mut self, second: Second) {
        if self.day.replace(day(second)) != Some(day(second)) {
            (self.policy, self.tables) = (None, None);
            self.standing.clear();
        }
    }

    /// What is in force, if it is something else than before.
    fn policy_leaves(&mut self, second: Second, policy: &Arc<Policy>) -> Vec<Leaf> {
        let old = self.policy.replace(policy.clone());
        let is =
            |what: fn(&Policy, &Policy) -> bool| old.as_ref().is_some_and(|old| what(old, policy));
        let mut leaves = Vec::new();
        if !is(|old, new| old.commitments == new.commitments) {
            leaves.push(Leaf::Policy(policy_leaf(second, policy, &self.counting)));
        }
        let tables = tables(policy);
        if self
            .tables
            .as_ref()
            .is_none_or(|old| have_changed(old, &tables, second))
        {
            self.tables = Some(tables.clone());
            leaves.push(Leaf::Table(TableLeaf {
                second,
                sources: tables,
            }));
        }
        leaves
    }

    /// Verdicts on an ASN, if they are others than those that stand.
    fn change(&mut self, new: VerdictLeaf, commitment: &Arc<str>) {
        let subject = (commitment.clone(), Asn(new.asn));
        let is_told = match self.standing.get(&subject) {
            Some(old) => old.is_same_as(&new),
            None => !new.has_verdict(),
        };
        if is_told {
            return;
        }
        if new.has_verdict() {
            self.standing.insert(subject, new.clone());
        } else {
            self.standing.remove(&subject);
        }
        self.open.verdicts.push(new);
    }

    /// No window holds anything of these any more.
    fn end_verdicts(&mut self, second: Second) {
        let gone = self.standing.iter();
        let gone = gone.filter(|(subject, _)| !self.open.judged.contains(subject));
        let gone: Vec<_> = gone
            .map(|(subject, old)| (subject.0.clone(), old.clone()))
            .collect();
        for (commitment, old) in gone {
            let ended = VerdictLeaf {
                second,
                verdicts: vec![NO_VERDICT.into(); old.verdicts.len()],
                reasons: Vec::new(),
                void_by_transit: None,
                ..old
            };
            self.change(ended, &commitment);
        }
    }
}

impl<S: LeafSink> JudgementObserver for Recorder<S> {
    fn judged(&mut self, judgement: &Judgement) {
        self.begin_day(judgement.second);
        let role = match judgement.role {
            Role::Origin => None,
            Role::Transit => Some(TransitRole::Transit),
        };
        let subject = (judgement.asn.0, role);
        let commitment = &judgement.commitment;
        let counted = CountedLeaf::of(subject, judgement.second, &judgement.counts);
        if !counted.is_empty() {
            let of_commitment = self.open.counted.entry(commitment.clone()).or_default();
            of_commitment.push((subject, counted));
        }
        for amendment in &judgement.amendments {
            let counted = CountedLeaf::of(subject, amendment.second, &amendment.counts);
            if !counted.is_empty() {
                let key = (commitment.clone(), amendment.second);
                let of_second = self.open.amendments.entry(key).or_default();
                of_second.push((subject, counted));
            }
        }
        if judgement.role == Role::Origin {
            self.open.judged.insert((commitment.clone(), judgement.asn));
            let given = &judgement.verdicts.given;
            let words = given
                .iter()
                .map(|(_, verdict)| verdict.map_or(NO_VERDICT, Verdict::as_str));
            let reasons = judgement.verdicts.reasons;
            let reasons = if reasons.iter().all(|(_, reason)| reason.is_none()) {
                Vec::new()
            } else {
                let words = reasons
                    .iter()
                    .map(|(_, reason)| reason.map_or("", |it| it.as_str()));
                words.map(str::to_owned).collect()
            };
            let verdict = VerdictLeaf {
                second: judgement.second,
                commitment: commitment.to_string(),
                asn: judgement.asn.0,
                verdicts: words.map(str::to_owned).collect(),
                reasons,
                void_by_transit: judgement.verdicts.void_by_transit.map(|asn| asn.0),
            };
            self.change(verdict, commitment);
        }
    }

    fn second_judged(&mut self, judged: JudgedSecond<'_>) {
        let second = judged.second;
        self.begin_day(second);
        self.end_verdicts(second);
        let in_force = judged.revised.iter().chain([judged.policy]);
        let mut leaves = Vec::new();
        for policy in in_force {
            leaves.extend(self.policy_leaves(second, policy));
        }
        leaves.sort_by_key(|leaf| matches!(leaf, Leaf::Table(_)));
        let mut open = take(&mut self.open);
        if let Some((_, told)) = &mut self.unwritten
            && *told == Second::default()
        {
            *told = second;
        }
        leaves.extend(open.gaps.into_iter().map(|gap| gap.leaf(second)));
        let names = judged
            .policy
            .commitments
            .iter()
            .map(|one| one.name.as_str());
        let names: Vec<&str> = names.collect();
        let mut amendments: Vec<_> = open.amendments.into_iter().collect();
        amendments.sort_by_key(|((commitment, amended), _)| (place(&names, commitment), *amended));
        for ((commitment, amended), mut asns) in amendments {
            asns.sort_by_key(|(subject, _)| *subject);
            leaves.extend(asns.chunks(MAX_ASNS).map(|asns| {
                Leaf::Amendment(AmendmentLeaf {
                    second,
                    amended,
                    commitment: commitment.to_string(),
                    asns: asns.iter().map(|(_, counted)| counted.clone()).collect(),
                })
            }));
        }
        for name in &names {
            let asns = open.counted.remove(*name).unwrap_or_default();
            leaves.extend(second_leaves(second, name, asns, &take(&mut open.made_of)));
        }
        let mut ended: Vec<_> = judged.ended.iter().collect();
        ended.sort_by_key(|one| {
            (
                place(&names, &one.commitment),
                one.role,
                one.asn,
                one.direction,
            )
        });
        leaves.extend(
            ended
                .into_iter()
                .map(|one| Leaf::Interval(interval_leaf(second, one))),
        );
        open.verdicts
            .sort_by_key(|one| (place(&names, &one.commitment), one.asn));
        leaves.extend(open.verdicts.into_iter().map(Leaf::Verdict));
        self.sink.accept(SecondLeaves { second, leaves });
    }

    fn take_unwritten(&mut self) -> Option<(Second, Second)> {
        let (mut from, mut until) = self.sink.take_unwritten()?;
        if let Some(((before, behind), told)) = self.unwritten
            && (from..=until).contains(&told)
        {
            // Nor was what told of the gap before.
            (from, until) = (from.min(before), until.max(behind));
        }
        self.unwritten = Some(((from, until), Second::default()));
        let gap = Gap::new(GapReason::Disk, from, until);
        self.open.gaps.push(gap);
        // What was said in the gap is not in the ledger: all is said again.
        self.standing.clear();
        (self.policy, self.tables) = (None, None);
        Some((from, until))
    }

    fn incomplete(&mut self, range: IncompleteRange) {
        let gap = Gap {
            frames: range.at_most,
            ..Gap::new(GapReason::Capture, range.first, range.last)
        };
        // Every worker of a replay tells of the same gap, and the first of its frames.
        let is_told =
            gap.frames == Some(0) || (gap.frames.is_none() && self.open.gaps.contains(&gap));
        if !is_told {
            self.open.gaps.push(gap);
        }
    }

    fn absent(&mut self, probe: &str, first: Second, last: Second) {
        self.open.gaps.push(Gap {
            probe: Some(probe.to_owned()),
            ..Gap::new(GapReason::Probe, first, last)
        });
    }

    fn made_of(&mut self, parts: &[(Arc<str>, u64)]) {
        let parts = parts.iter().map(|(probe, leaves)| PartTerms {
            probe: probe.to_string(),
            leaves: *leaves,
        });
        self.open.made_of = parts.collect();
    }

    fn not_counted(&mut self, commitment: &str, second: Second) {
        self.open.gaps.push(Gap {
            commitment: Some(commitment.to_owned()),
            ..Gap::new(GapReason::Policy, second, second)
        });
    }

    fn resumed(&mut self, last: Second, first: Second) {
        self.open.gaps.push(Gap::new(GapReason::Stop, last, first));
    }

    fn restarted(&mut self, from: Second, stepped_from: Option<Second>) {
        let why = if stepped_from.is_some() {
            GapReason::Clock
        } else {
            // another judge than before
            self.standing.clear();
            GapReason::Start
        };
        let unknown = Second(from.0.saturating_sub(UNKNOWN_BEFORE));
        self.open.gaps.push(Gap {
            judged: stepped_from,
            ..Gap::new(why, unknown, from.previous())
        });
    }
}

/// Days since 1970.
const fn day(second: Second) -> u64 {
    second.0 / 86_400
}

/// The place of a commitment in the policy; those that are no more in it come last.
fn place(names: &[&str], name: &str) -> usize {
    let found = names.iter().position(|known| *known == name);
    found.unwrap_or(names.len())
}
