//! Adds the same second of all probes, and judges it with the one judge.
//!
//! What a probe says of a second that was judged already is an amendment. A probe that is missing makes the
//! second incomplete: it may be void by what came, and is never met or missed on less than all.

mod probe_state;
mod sum;

use super::feed::ProbeSecond;
use crate::judge::admission::most_admitted;
use crate::judge::commitment_judge::CommitmentJudge;
use crate::ledger::leaf::{CommitmentTerms, GapLeaf, GapReason, Leaf, Mode, PolicyLeaf};
use crate::meter::second::IncompleteRange;
use crate::sla::Role;
use crate::sla::policy::Policy;
use crate::snapshot::evidence::{JudgementObserver, SubjectCounts};
use crate::snapshot::{CommitmentRow, Snapshot};
use crate::units::occupancy::{BoundedTable, TableStates};
use crate::units::{Asn, Second};
use probe_state::difference;
pub use probe_state::{Absence, NO_POLICY, ProbePart, ProbeState};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use sum::add;

/// What is counted of an ASN, by commitment and subject.
type Counted = BTreeMap<(String, Role, Asn), SubjectCounts>;

/// Judges a fleet.
#[derive(Debug)]
pub struct FleetJudge {
    judge: CommitmentJudge,
    terms: Vec<CommitmentTerms>,
    probes: Vec<ProbeState>,
    /// The first second.
    first: Option<Second>,
    /// A capture begins with the begin of it.
    is_first_whole: bool,
    /// The last one in which anything was counted.
    counted: Second,
    /// Who has rows; the bound of these.
    admitted: BTreeSet<(Role, Asn)>,
    max_asns: usize,
    incomplete: u64,
    last_incomplete: Option<Second>,
}

impl FleetJudge {
    /// Judges by a policy what probes of these names count; so many ASNs have rows.
    pub fn new(policy: Arc<Policy>, probes: &[Arc<str>], max_asns: usize) -> Self {
        let terms = policy
            .commitments
            .iter()
            .map(CommitmentTerms::from)
            .collect();
        let probes = probes.iter().map(|name| ProbeState {
            name: name.clone(),
            last: None,
            leaves: 0,
            mode: None,
            is_running: false,
            // until it says what it counts by
            differs: policy
                .commitments
                .iter()
                .map(|one| (one.name.as_str().into(), NO_POLICY))
                .collect(),
            absent: 0,
            absence: None,
            repeated: 0,
        });
        Self {
            probes: probes.collect(),
            judge: CommitmentJudge::new(policy),
            terms,
            first: None,
            is_first_whole: false,
            counted: Second::default(),
            admitted: BTreeSet::new(),
            max_asns,
            incomplete: 0,
            last_incomplete: None,
        }
    }

    /// Goes on with windows, intervals and verdicts as they were before a stop.
    pub fn resume(&mut self, mut judge: CommitmentJudge) {
        judge.revise(self.judge.policy().clone());
        self.first = judge.judged();
        self.counted = judge.judged().unwrap_or_default();
        self.judge = judge;
    }

    /// The last second judged.
    pub fn judged(&self) -> Option<Second> {
        self.judge.judged()
    }

    /// The last second after which all windows are empty, as long as nothing is counted.
    pub fn idle_after(&self) -> Second {
        self.judge.empty_after(self.counted)
    }

    /// Bounds the windows of ASNs, as [`Judge::with_windows`](crate::judge::Judge::with_windows) does.
    #[must_use]
    pub fn with_windows(mut self, most: usize) -> Self {
        self.judge.bound_windows(most);
        self
    }

    /// The last second in which anything was counted.
    pub fn counted(&self) -> Second {
        self.counted
    }

    /// The probes, in the order in which they were named.
    pub fn probes(&self) -> &[ProbeState] {
        &self.probes
    }

    /// Starts and ends of times out of SLA since the last call.
    pub fn take_notices(&mut self) -> Vec<crate::judge::threshold::ExcessNotice> {
        self.judge.take_notices()
    }

    /// Begins with a second, where nothing is judged yet.
    pub fn begin(&mut self, second: Second, evidence: &mut dyn JudgementObserver) {
        if self.first.is_none() {
            self.first = Some(second);
            self.judge.restart(second);
            evidence.restarted(second, None);
        }
    }

    /// Leaves of a probe that are taken.
    pub fn taken(&self, place: usize) -> u64 {
        self.probes.get(place).map_or(0, |state| state.leaves)
    }

    /// What was taken before, of a probe with this name: of its ledger so many leaves, the last of a second.
    pub fn restore_progress(&mut self, probe: &str, leaves: u64, last: Second) {
        let state = self.probes.iter_mut().find(|state| *state.name == *probe);
        if let Some(state) = state
            && leaves > 0
        {
            (state.leaves, state.last, state.is_running) = (leaves, Some(last), true);
        }
    }

    /// Leaves that were taken before tell how a probe stands.
    pub fn note_state(&mut self, place: usize, known: &ProbeSecond) {
        for leaf in &known.leaves {
            if let Leaf::Policy(leaf) = leaf {
                self.hold_to_policy(place, leaf);
            }
        }
        if let Some(state) = self.probes.get_mut(place) {
            state.mode = known.starts().or(state.mode);
            state.is_running = !known.stops();
            state.last = state.last.max(Some(known.second));
            state.leaves = state.leaves.max(known.end);
        }
    }

    /// Judges a second with what the probes, in their order, have for it.
    pub fn close(
        &mut self,
        second: Second,
        parts: Vec<ProbePart>,
        evidence: &mut dyn JudgementObserver,
    ) {
        self.begin(second, evidence);
        if let Some((first, last)) = evidence.take_unwritten() {
            self.judge.mark_incomplete(IncompleteRange {
                first,
                last,
                at_most: None,
            });
        }
        // the first packet of one capture came at the very begin of the second
        self.is_first_whole |= self.first == Some(second) && parts.iter().any(begins_whole);
        let mut counted = Counted::new();
        let mut is_incomplete = false;
        let mut skipped = BTreeSet::new();
        for (place, part) in parts.into_iter().enumerate() {
            for taken in part.taken {
                if part.absence == Some(Absence::Rules) {
                    // what its numbers mean nobody here knows
                    self.note_state(place, &taken);
                } else {
                    self.take(place, &taken, second, &mut counted, evidence);
                }
            }
            let Some(state) = self.probes.get_mut(place) else {
                continue;
            };
            state.absence = part.absence;
            if part.absence.is_some() {
                state.absent += 1;
                self.mark(place, (second, second), evidence);
            } else if state.last.is_some() {
                is_incomplete |= !state.differs.is_empty();
                skipped.extend(state.differs.keys().cloned());
            }
        }
        for commitment in skipped {
            self.judge.skip_second(&commitment, second);
            evidence.not_counted(&commitment, second);
        }
        for ((commitment, role, asn), counts) in counted {
            self.admit(role, asn);
            self.judge
                .add_counted(&commitment, second, (role, asn), &counts);
            self.counted = second;
        }
        if is_incomplete || self.judge.incomplete_count(second, second) > 0 {
            self.incomplete += 1;
            self.last_incomplete = Some(second);
        }
        let parts = self.probes.iter();
        let parts: Vec<_> = parts
            .map(|state| (state.name.clone(), state.leaves))
            .collect();
        evidence.made_of(&parts);
        let admitted = &self.admitted;
        self.judge.judge(
            second,
            |role, asn| admitted.contains(&(role, asn)),
            evidence,
        );
        let most = most_admitted(self.max_asns);
        for out in self.judge.out_of_sla() {
            if self.admitted.len() < most {
                self.admitted.insert(out);
            }
        }
    }

    /// Nothing was counted up to this second, and all windows are empty; of some of it probes are missing.
    pub fn pass(&mut self, last: Second, absent: &[usize], evidence: &mut dyn JudgementObserver) {
        let first = self.judged().map_or(last, Second::next);
        for place in absent {
            self.mark(*place, (first, last), evidence);
        }
        self.judge.pass(last);
    }

    fn admit(&mut self, role: Role, asn: Asn) {
        if self.admitted.len() < self.max_asns {
            self.admitted.insert((role, asn));
        }
    }

    /// A probe was not seen whole, and nobody knows how much of it.
    fn mark(
        &mut self,
        place: usize,
        (first, last): (Second, Second),
        evidence: &mut dyn JudgementObserver,
    ) {
        let Some(state) = self.probes.get(place) else {
            return;
        };
        self.judge.mark_incomplete(IncompleteRange {
            first,
            last,
            at_most: None,
        });
        evidence.absent(&state.name, first, last);
    }

    /// Takes leaves of a probe for the second that is judged now.
    fn take(
        &mut self,
        place: usize,
        taken: &ProbeSecond,
        second: Second,
        counted: &mut Counted,
        evidence: &mut dyn JudgementObserver,
    ) {
        let Some(state) = self.probes.get_mut(place) else {
            return;
        };
        let before = state.last;
        let has_counts = |leaf: &Leaf| matches!(leaf, Leaf::Second(_));
        let is_repeated =
            before.is_some_and(|last| taken.second <= last) && taken.leaves.iter().any(has_counts);
        let starts = taken.starts();
        if starts.is_some() {
            state.mode = starts;
        }
        let (is_replay, stops) = (state.mode == Some(Mode::Replay), taken.stops());
        state.is_running = !stops;
        state.last = state.last.max(Some(taken.second));
        state.leaves = taken.end;
        state.repeated += u64::from(is_repeated);
        if is_repeated || (stops && !is_replay) {
            // of the last one only a part was seen
            self.mark(place, (taken.second, taken.second), evidence);
        }
        for leaf in &taken.leaves {
            match leaf {
                Leaf::Policy(leaf) => self.hold_to_policy(place, leaf),
                Leaf::Gap(gap) => {
                    // Before the first packet of a capture file, and in a part of that second, there was
                    // nothing: as when one meter reads all files.
                    let is_edge = is_replay
                        && starts.is_some()
                        && (gap.why == GapReason::Start || is_edge(gap, taken.second))
                        && (self.is_first_whole
                            || self.first.is_some_and(|first| first < taken.second));
                    if !is_edge {
                        self.take_gap(place, gap, before, evidence);
                    }
                }
                Leaf::Amendment(leaf) if leaf.amended < second => {
                    if self.counts_alike(place, &leaf.commitment) {
                        self.amend(&leaf.commitment, (leaf.amended, second), &leaf.asns);
                    }
                }
                Leaf::Second(leaf)
                    if !is_repeated && self.counts_alike(place, &leaf.commitment) =>
                {
                    if taken.second < second {
                        self.amend(&leaf.commitment, (taken.second, second), &leaf.asns);
                        continue;
                    }
                    for one in &leaf.asns {
                        let Some((role, asn)) = one.subject() else {
                            continue;
                        };
                        let sum = counted.entry((leaf.commitment.clone(), role, asn));
                        add(sum.or_default(), one.subject_counts(second));
                    }
                }
                // These count nothing, or are judged here.
                Leaf::Start(_)
                | Leaf::Day(_)
                | Leaf::Key(_)
                | Leaf::Table(_)
                | Leaf::Amendment(_)
                | Leaf::Second(_)
                | Leaf::Interval(_)
                | Leaf::Verdict(_)
                | Leaf::Exclusion(_)
                | Leaf::Revision(_)
                | Leaf::Stop(_) => {}
            }
        }
    }

    fn amend(
        &mut self,
        commitment: &str,
        (amended, next): (Second, Second),
        asns: &[crate::ledger::leaf::CountedLeaf],
    ) {
        for one in asns {
            let Some((role, asn)) = one.subject() else {
                continue;
            };
            self.admit(role, asn);
            let counts = one.subject_counts(amended);
            self.judge
                .amend_counted(commitment, (amended, next), (role, asn), &counts);
            self.counted = self.counted.max(amended);
        }
    }

    fn take_gap(
        &mut self,
        place: usize,
        gap: &GapLeaf,
        before: Option<Second>,
        evidence: &mut dyn JudgementObserver,
    ) {
        match gap.why {
            // It saw nothing since its last second; what was before is here.
            GapReason::Start => {
                let first = before.or(self.first).unwrap_or(gap.from);
                if first <= gap.until {
                    self.mark(place, (first, gap.until), evidence);
                }
            }
            GapReason::Clock => {
                let last = before.or(gap.judged).unwrap_or(gap.until);
                self.mark(place, (gap.until.next().min(last), last), evidence);
            }
            GapReason::Policy => {
                let commitment = gap.commitment.as_deref().unwrap_or_default();
                self.judge.skip_second(commitment, gap.until);
                evidence.not_counted(commitment, gap.until);
            }
            GapReason::Stop | GapReason::Capture | GapReason::Disk | GapReason::Probe => {
                if gap.frames.is_none() {
                    return self.mark(place, (gap.from, gap.until), evidence);
                }
                let range = IncompleteRange {
                    first: gap.from,
                    last: gap.until,
                    at_most: gap.frames,
                };
                self.judge.mark_incomplete(range);
                evidence.incomplete(range);
            }
        }
    }

    /// Whether what a probe counts under a commitment can be added.
    fn counts_alike(&self, place: usize, commitment: &str) -> bool {
        let is_ours = self.terms.iter().any(|terms| terms.name == commitment);
        let state = self.probes.get(place);
        is_ours && state.is_some_and(|state| !state.differs.contains_key(commitment))
    }

    fn hold_to_policy(&mut self, place: usize, theirs: &PolicyLeaf) {
        let differs = self.terms.iter().filter_map(|ours| {
            let same_name = |theirs: &&CommitmentTerms| theirs.name == ours.name;
            let theirs = theirs.commitments.iter().find(same_name);
            let what = theirs.map_or(Some("missing"), |theirs| difference(ours, theirs))?;
            Some((ours.name.as_str().into(), what))
        });
        let differs = differs.collect();
        if let Some(state) = self.probes.get_mut(place) {
            state.differs = differs;
        }
    }

    /// The rows to show, with names of ASNs.
    pub fn rows(&self, name: impl Fn(Asn) -> Option<Arc<str>> + Copy) -> Vec<CommitmentRow> {
        let admitted = |role, asn| self.admitted.contains(&(role, asn));
        self.judge.rows(admitted, name)
    }

    /// Everything there is to show of the judged seconds.
    pub fn snapshot(&self) -> Snapshot {
        let origins = &self.judge.policy().origins;
        let mut tables = TableStates::default();
        if let Some(asns) = tables.get_mut(BoundedTable::Asns as usize) {
            *asns = self.judge.occupancy();
        }
        Snapshot {
            tables,
            judged: self.judged(),
            incomplete_seconds: self.incomplete,
            last_incomplete: self.last_incomplete,
            commitments: self.rows(|asn| origins.name(asn).map(Arc::from)),
            ..Snapshot::default()
        }
    }
}

/// Whether a capture begins with a whole second.
fn begins_whole(part: &ProbePart) -> bool {
    part.taken.iter().any(|taken| {
        let mut gaps = taken.leaves.iter().filter_map(|leaf| match leaf {
            Leaf::Gap(gap) => Some(gap),
            _ => None,
        });
        taken.starts() == Some(Mode::Replay) && !gaps.any(|gap| is_edge(gap, taken.second))
    })
}

/// Whether a gap is that of the part of a second before a file's first packet.
fn is_edge(gap: &GapLeaf, second: Second) -> bool {
    gap.why == GapReason::Capture
        && gap.frames.is_none()
        && (gap.from, gap.until) == (second, second)
}

#[cfg(test)]
mod tests;
