//! What verdicts follow from: the windows of all commitments, and which seconds were not seen whole.
//!
//! A function of what the leaves of a ledger say: live, replay and `verify` feed the same one. The
//! live judge counts for it, [`ledger::rejudge`](crate::ledger::rejudge) reads to it.

use super::commitment_state::CommitmentState;
use super::incomplete::IncompleteSeconds;
use super::room::WindowRoom;
use super::silence::DECIDED;
use super::threshold::ExcessNotice;
use crate::attribution::scopes::ScopePlan;
use crate::meter::second::{IncompleteRange, SecondCounts};
use crate::sla::Role;
use crate::sla::commitment::MAX_WINDOW;
use crate::sla::policy::Policy;
use crate::sla::unseen::Unseen;
use crate::snapshot::CommitmentRow;
use crate::snapshot::evidence::{EndedExcess, JudgedSecond, JudgementObserver, SubjectCounts};
use crate::units::occupancy::Occupancy;
use crate::units::{Asn, Second};
use std::collections::BTreeMap;
use std::mem::take;
use std::sync::Arc;

/// Judges by all commitments.
#[derive(Debug, Default)]
pub struct CommitmentJudge {
    policy: Arc<Policy>,
    /// What came into force since the last judged second, in order.
    revised: Vec<Arc<Policy>>,
    states: Vec<CommitmentState>,
    incomplete: IncompleteSeconds,
    judged: Option<Second>,
    seen_since: Second,
    notices: Vec<ExcessNotice>,
    /// Of these, how many the evidence has, or waits for.
    notices_told: usize,
    /// What the evidence waits for: it is told with the next second.
    ended: Vec<EndedExcess>,
    /// Windows of ASNs at most; none: whoever was counted has one.
    max_windows: Option<usize>,
    /// How full the room for them was with the last judged second.
    windows: Occupancy,
}

impl CommitmentJudge {
    /// A judge under some terms that has judged nothing.
    pub fn new(policy: Arc<Policy>) -> Self {
        let mut judge = Self::default();
        judge.revise(policy);
        judge
    }

    /// Bounds the windows of ASNs, of all commitments and both roles together.
    pub fn bound_windows(&mut self, most: usize) {
        self.max_windows = Some(most);
    }

    /// How full the room for windows is. Refused is a count for each second.
    pub fn occupancy(&self) -> Occupancy {
        self.windows
    }

    /// New terms, from the next second on.
    pub fn revise(&mut self, policy: Arc<Policy>) {
        let next = self.judged.map_or(self.seen_since, Second::next);
        let mut old: BTreeMap<_, _> = self
            .states
            .drain(..)
            .map(|state| (state.commitment.name.clone(), state))
            .collect();
        for commitment in &policy.commitments {
            let Some(scope) = policy.scopes.id(&commitment.scope) else {
                continue;
            };
            let commitment = commitment.clone();
            self.states.push(match old.remove(&commitment.name) {
                Some(state) => state.revised(commitment, scope, next, &mut self.notices),
                None => CommitmentState::new(commitment, scope, next),
            });
        }
        for gone in old.into_values() {
            gone.end(&mut self.notices);
        }
        self.revised.push(policy.clone());
        self.policy = policy;
    }

    /// What is in force.
    pub fn policy(&self) -> &Arc<Policy> {
        &self.policy
    }

    /// From this second on we see; what we knew of earlier ones says nothing about it, and what is out of
    /// SLA ends before it.
    pub fn restart(&mut self, second: Second) {
        self.seen_since = second;
        self.judged = None;
        self.incomplete = IncompleteSeconds::default();
        for state in &mut self.states {
            state.restart(second, &mut self.notices);
        }
    }

    /// Seconds were not seen whole. Verdicts given stand.
    pub fn mark_incomplete(&mut self, range: IncompleteRange) {
        self.incomplete.add(range);
    }

    /// Seconds of a range that were not seen whole.
    pub fn incomplete_count(&self, first: Second, last: Second) -> u64 {
        self.incomplete.count(first, last)
    }

    /// What of a range was not seen.
    pub fn unseen(&self, first: Second, last: Second) -> Unseen {
        self.incomplete.unseen(first, last)
    }

    /// Adds what a worker counted in a second; `next` is judged next.
    pub fn add(
        &mut self,
        (second, next): (Second, Second),
        counts: &SecondCounts,
        scopes: &ScopePlan,
        observer: &mut dyn JudgementObserver,
    ) {
        for state in &mut self.states {
            if let Some(bit) = scopes.bit(state.scope) {
                state.add(second, counts, bit, next);
            } else {
                state.skip_second(second);
                observer.not_counted(&state.commitment.name, second);
            }
        }
    }

    /// Adds what is said to have been counted of an ASN; false where no such commitment is.
    pub fn add_counted(
        &mut self,
        commitment: &str,
        second: Second,
        subject: (Role, Asn),
        counts: &SubjectCounts,
    ) -> bool {
        let state = self.state_mut(commitment);
        state
            .map(|state| state.add_counted(second, subject, counts))
            .is_some()
    }

    /// Adds what is said to have been counted of an ASN in a second that was judged before; `next` is judged
    /// next. False where no such commitment is.
    pub fn amend_counted(
        &mut self,
        commitment: &str,
        (second, next): (Second, Second),
        subject: (Role, Asn),
        counts: &SubjectCounts,
    ) -> bool {
        let state = self.state_mut(commitment);
        state
            .map(|state| state.amend_counted((second, next), subject, counts))
            .is_some()
    }

    /// What a commitment is about was not counted in a second.
    pub fn skip_second(&mut self, commitment: &str, second: Second) {
        if let Some(state) = self.state_mut(commitment) {
            state.skip_second(second);
        }
    }

    fn state_mut(&mut self, commitment: &str) -> Option<&mut CommitmentState> {
        let mut states = self.states.iter_mut();
        states.find(|state| state.commitment.name == commitment)
    }

    /// Gives the verdicts of a second. `admitted` tells which ASNs keep their counts when they fall
    /// silent.
    pub fn judge(
        &mut self,
        second: Second,
        admitted: impl Fn(Role, Asn) -> bool,
        observer: &mut dyn JudgementObserver,
    ) {
        let (incomplete, share) = (&self.incomplete, self.policy.silence_share);
        let states = self.states.iter();
        let standing = states.flat_map(|state| state.standing(second));
        let mut room = WindowRoom::new(self.max_windows, standing);
        for state in &mut self.states {
            state.give_room(second, &mut room);
            let notices = &mut self.notices;
            state.judge(second, incomplete, share, &admitted, observer, notices);
        }
        self.windows = room.occupancy(self.windows.refused);
        self.note_ended();
        let ended = take(&mut self.ended);
        observer.second_judged(JudgedSecond {
            second,
            policy: &self.policy,
            revised: &take(&mut self.revised),
            ended: &ended,
        });
        self.judged = Some(second);
        self.incomplete
            .forget(Second(second.0.saturating_sub(MAX_WINDOW)));
    }

    /// The last of the seconds after a judged one that can say something new while nothing comes: then
    /// all windows have run empty.
    pub fn empty_after(&self, last: Second) -> Second {
        let windows = self.states.iter().map(|state| state.commitment.window);
        Second(last.0 + windows.max().map_or(0, |window| window.get().into()))
    }

    /// The first second whose verdicts rest on nothing before `from`: windows, and how silences ended.
    pub fn known_after(&self, from: Second) -> Second {
        Second(self.empty_after(from).0 + DECIDED)
    }

    /// Up to this second there is nothing to judge.
    pub fn pass(&mut self, second: Second) {
        self.judged = Some(second);
    }

    /// Starts and ends of times out of SLA since the last call.
    pub fn take_notices(&mut self) -> Vec<ExcessNotice> {
        self.note_ended();
        self.notices_told = 0;
        take(&mut self.notices)
    }

    fn note_ended(&mut self) {
        let new = self.notices.iter().skip(self.notices_told);
        self.ended.extend(new.filter_map(ExcessNotice::ended));
        self.notices_told = self.notices.len();
    }

    /// The last second judged.
    pub fn judged(&self) -> Option<Second> {
        self.judged
    }

    /// ASNs out of SLA in the last judged second, and what for.
    pub fn out_of_sla(&self) -> impl Iterator<Item = (Role, Asn)> + '_ {
        self.states.iter().flat_map(CommitmentState::out_of_sla)
    }

    /// Since when the ASN is out of SLA that has been for the longest time.
    pub fn over_since(&self) -> Option<Second> {
        self.states
            .iter()
            .filter_map(CommitmentState::over_since)
            .min()
    }

    /// What was judged before is not counted again: windows, intervals and what stands remain.
    pub fn forget_counters(&mut self) {
        let states = self.states.iter_mut();
        states.for_each(CommitmentState::forget_counters);
    }

    /// Times that transit was not noted since the last call, since a bound was reached.
    pub fn take_left_out(&mut self) -> u64 {
        let states = self.states.iter_mut();
        states.map(CommitmentState::take_left_out).sum()
    }

    /// The rows to show, of the ASNs that are admitted.
    pub fn rows(
        &self,
        admitted: impl Fn(Role, Asn) -> bool + Copy,
        name: impl Fn(Asn) -> Option<Arc<str>> + Copy,
    ) -> Vec<CommitmentRow> {
        let states = self.states.iter();
        let rows = states.map(|state| state.row(self.judged, admitted, name));
        rows.collect()
    }
}
