//! One commitment before the judge: a window, intervals and verdict seconds per ASN.
//!
//! An ASN is judged as an origin by its own traffic and, where the contract says so, as transit by
//! what goes through it: two windows that know nothing of each other.

use crate::attribution::scopes::{ScopeId, ScopeMask};
use crate::judge::asn_state::AsnState;
use crate::judge::pair_counts::{PairEnd, end_counts, judged_asn, transit_counts};
use crate::judge::threshold::{ExcessNotice, ThresholdTracker};
use crate::meter::second::{RoundTrip, SecondCounts};
use crate::meter::window::{RoundTrips, SlidingWindow, WindowCounts, first_second};
use crate::sla::Role;
use crate::sla::commitment::{Commitment, TransitRule};
use crate::sla::limit::Limit;
use crate::snapshot::CommitmentRow;
use crate::snapshot::evidence::{Amendment, Evidence, Judgement, OnPath, Verdicts};
use crate::units::{Asn, Second};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::mem::take;
use std::sync::Arc;

/// Paths of all origins together of which it is kept what they do, where transit is judged. The
/// full table has some 200,000 between any origin and us; far fewer carry voice in one window.
pub const MAX_PATHS: usize = 1 << 18;

/// One commitment with everything judged by it.
#[derive(Clone, Debug)]
pub struct CommitmentState {
    /// What the contract says.
    pub commitment: Commitment,
    /// The first second that is judged by these words; none: all were.
    since: Option<Second>,
    name: Arc<str>,
    /// Which scope of the workers' plans is this commitment's.
    pub scope: ScopeId,
    /// The first second that was counted under this scope without a break.
    seen_since: Second,
    asns: BTreeMap<Asn, AsnState>,
    /// What goes through each transit ASN, where that is judged.
    transit: BTreeMap<Asn, TransitState>,
    /// Paths in all dockets.
    paths: usize,
    /// Times that transit was not noted, since a bound was reached.
    left_out: u64,
}

/// One transit ASN under one commitment.
#[derive(Clone, Debug, Default)]
struct TransitState {
    window: SlidingWindow,
    threshold: ThresholdTracker,
    /// What came for judged seconds and is not yet in the evidence.
    amendments: BTreeMap<Second, WindowCounts>,
}

/// How a second was seen.
#[derive(Clone, Copy)]
struct SecondView {
    second: Second,
    incomplete: bool,
    /// The whole window was.
    whole: bool,
}

impl CommitmentState {
    /// A commitment that counts from a second on.
    pub fn new(commitment: Commitment, scope: ScopeId, seen_since: Second) -> Self {
        let name = commitment.name.as_str().into();
        Self {
            commitment,
            since: None,
            name,
            scope,
            seen_since,
            asns: BTreeMap::new(),
            transit: BTreeMap::new(),
            paths: 0,
            left_out: 0,
        }
    }

    /// The same case under changed terms: seconds stay where they were counted alike (MODEL §6.4). What
    /// is held against another limit from the next second on ends here and keeps the old one; if
    /// that second exceeds the new one, it begins another interval.
    #[must_use]
    pub fn revised(
        mut self,
        commitment: Commitment,
        scope: ScopeId,
        next: Second,
        notices: &mut Vec<ExcessNotice>,
    ) -> Self {
        let old = &self.commitment;
        let judges_transit = commitment.transit == TransitRule::Judge;
        let counted_alike = old.scope == commitment.scope
            && old.layer == commitment.layer
            && old.classes == commitment.classes
            && old.window == commitment.window
            // what a path does was not kept while transit was only listed
            && (old.transit == commitment.transit || !judges_transit);
        let limit = |of: &Commitment| of.guarantee.latency.map(|l| (l.limit, l.methods));
        let same_limit = limit(old) == limit(&commitment);
        let held_alike = counted_alike
            && Limit::from(old) == Limit::from(&commitment)
            && old.direction == commitment.direction;
        let origins = self.asns.iter_mut();
        let origins =
            origins.map(|(asn, asn_state)| (Role::Origin, *asn, &mut asn_state.threshold));
        let transit = self.transit.iter_mut();
        let transit =
            transit.map(|(asn, transit_state)| (Role::Transit, *asn, &mut transit_state.threshold));
        for (role, asn, threshold) in origins.chain(transit) {
            if held_alike && (role == Role::Origin || judges_transit) {
                continue;
            }
            let ended = threshold.revise();
            notices.extend(ended.map(|change| ExcessNotice::new(&self.name, (role, asn), change)));
        }
        for asn_state in self.asns.values_mut() {
            if !counted_alike {
                asn_state.window = SlidingWindow::default();
                asn_state.paths.clear();
            } else if !same_limit {
                asn_state.forget_round_trips();
            }
            if !judges_transit {
                asn_state.paths.keep_list_only();
            }
        }
        if !counted_alike || !judges_transit {
            self.transit
                .values_mut()
                .for_each(|transit_state| transit_state.window = SlidingWindow::default());
        }
        if !counted_alike {
            self.seen_since = next;
        }
        let changed = (*old != commitment && next > Second::default()).then_some(next);
        Self {
            since: changed.or(self.since),
            commitment,
            scope,
            ..self
        }
    }

    /// Nothing is known of any window any more: the next whole second is the first.
    pub fn restart(&mut self, next: Second) {
        self.seen_since = next;
        self.asns.values_mut().for_each(AsnState::forget);
        for transit_state in self.transit.values_mut() {
            transit_state.window = SlidingWindow::default();
            transit_state.amendments.clear();
        }
    }

    /// A worker did not count this scope in a second.
    pub fn skip_second(&mut self, second: Second) {
        self.seen_since = self.seen_since.max(second.next());
    }

    fn judges_transit(&self) -> bool {
        self.commitment.transit == TransitRule::Judge
    }

    /// Adds what was counted in a second. `judged` is the last second judged: what is for it or
    /// before is an amendment.
    pub fn add(
        &mut self,
        second: Second,
        counts: &SecondCounts,
        bit: ScopeMask,
        judged: Option<Second>,
    ) {
        let is_amendment = judged.is_some_and(|judged| second <= judged);
        if let Some(judged) = judged
            && second < first_second(judged.next(), self.commitment.window)
        {
            return;
        }
        for (pair, usage) in &counts.usage {
            if !pair.scopes.contains(bit) {
                continue;
            }
            let end_counts = end_counts(&self.commitment, pair, usage);
            for end in end_counts.into_iter().flatten() {
                self.add_end(second, &end, is_amendment);
            }
            if self.judges_transit() {
                for (asn, counts) in transit_counts(&self.commitment, pair, usage) {
                    self.add_through(second, asn, counts, is_amendment);
                }
            }
        }
        for trip in &counts.round_trips {
            if trip.pair.scopes.contains(bit)
                && let Some(end) = self.round_trip(trip)
            {
                self.add_end(second, &end, is_amendment);
            }
        }
    }

    /// What a round trip is to the ASN of its endpoint, if it is one that counts.
    fn round_trip<'a>(
        &self,
        RoundTrip { pair, method, time }: &'a RoundTrip,
    ) -> Option<PairEnd<'a>> {
        let latency = self.commitment.guarantee.latency?;
        let asn = judged_asn(pair.src).filter(|_| latency.methods.contains(*method))?;
        let over = u64::from(*time > latency.limit);
        let round_trips = RoundTrips { samples: 1, over };
        let counts = WindowCounts {
            round_trips,
            ..WindowCounts::default()
        };
        let transit = Cow::Borrowed(pair.transit.src());
        Some(PairEnd {
            asn,
            counts,
            transit,
        })
    }

    fn add_end(&mut self, second: Second, end: &PairEnd<'_>, is_amendment: bool) {
        let judges_transit = self.judges_transit();
        let asn_state = self.asns.entry(end.asn).or_default();
        let mut path = None;
        if !end.transit.is_empty() {
            if end.counts.packets > 0 {
                self.left_out += asn_state.paths.note_crossed(second, &end.transit);
            }
            if judges_transit {
                let known = asn_state.paths.knows(&end.transit);
                if known || self.paths < MAX_PATHS {
                    self.paths += usize::from(!known);
                    path = Some(&*end.transit);
                } else {
                    self.left_out += 1;
                }
            }
        }
        asn_state.add(second, end.counts, path);
        if is_amendment {
            asn_state.amend(second, end.counts, path);
        }
    }

    fn add_through(&mut self, second: Second, asn: Asn, counts: WindowCounts, is_amendment: bool) {
        let transit_state = self.transit.entry(asn).or_default();
        transit_state.window.add(second, counts);
        if is_amendment {
            let amended = transit_state.amendments.entry(second).or_default();
            amended.add(counts);
        }
    }

    /// Judges a second. `incomplete_in(first, last)` tells whether any second of a stretch was not
    /// seen whole; `admitted` which ASNs keep their counts when they fall silent.
    pub fn judge(
        &mut self,
        second: Second,
        incomplete_in: impl Fn(Second, Second) -> bool,
        admitted: impl Fn(Role, Asn) -> bool,
        evidence: &mut dyn Evidence,
        notices: &mut Vec<ExcessNotice>,
    ) {
        let first = first_second(second, self.commitment.window);
        let sight = SecondView {
            second,
            incomplete: second < self.seen_since || incomplete_in(second, second),
            whole: first >= self.seen_since && !incomplete_in(first, second),
        };
        let out = self.judge_transit(sight, evidence, notices);
        self.judge_origins(sight, &out, evidence, notices);
        self.asns
            .retain(|asn, asn_state| !asn_state.window.is_empty() || admitted(Role::Origin, *asn));
        self.transit.retain(|asn, transit_state| {
            !transit_state.window.is_empty() || admitted(Role::Transit, *asn)
        });
    }

    /// Judges what goes through each transit ASN; those out of SLA.
    fn judge_transit(
        &mut self,
        sight: SecondView,
        evidence: &mut dyn Evidence,
        notices: &mut Vec<ExcessNotice>,
    ) -> BTreeSet<Asn> {
        let (commitment, second) = (&self.commitment, sight.second);
        let mut out = BTreeSet::new();
        for (asn, transit_state) in &mut self.transit {
            transit_state.window.slide(second, commitment.window);
            let window = *transit_state.window.sum();
            let (changes, _) = transit_state
                .threshold
                .judge(commitment, second, &window, []);
            let notice = |change| ExcessNotice::new(&self.name, (Role::Transit, *asn), change);
            notices.extend(changes.into_iter().map(notice));
            let excess = transit_state.threshold.excess();
            if excess.any() {
                out.insert(*asn);
            }
            let amended = take(&mut transit_state.amendments).into_iter();
            let amendments: Vec<_> = amended.map(Amendment::whole).collect();
            if transit_state.window.is_empty() && amendments.is_empty() {
                continue;
            }
            evidence.judged(&Judgement {
                second,
                commitment: self.name.clone(),
                asn: *asn,
                role: Role::Transit,
                counted: transit_state.window.second(second),
                paths: Vec::new(),
                amendments,
                window,
                transit: Vec::new(),
                over: (excess.from, excess.to),
                incomplete: sight.incomplete,
                seen_whole: sight.whole,
                verdicts: Verdicts::none(window),
            });
        }
        out
    }

    fn judge_origins(
        &mut self,
        sight: SecondView,
        out: &BTreeSet<Asn>,
        evidence: &mut dyn Evidence,
        notices: &mut Vec<ExcessNotice>,
    ) {
        let (commitment, second) = (&self.commitment, sight.second);
        self.paths = 0;
        for (asn, asn_state) in &mut self.asns {
            asn_state.slide(second, commitment.window);
            self.paths += asn_state.paths.len();
            let window = *asn_state.window.sum();
            let (changes, left_out) =
                asn_state
                    .threshold
                    .judge(commitment, second, &window, asn_state.paths.transit());
            self.left_out += left_out;
            let notice = |change| ExcessNotice::new(&self.name, (Role::Origin, *asn), change);
            notices.extend(changes.into_iter().map(notice));
            let verdicts = asn_state.give_verdicts(commitment, second, sight.whole, out);
            if asn_state.is_empty() {
                continue;
            }
            let excess = asn_state.threshold.excess();
            evidence.judged(&Judgement {
                second,
                commitment: self.name.clone(),
                asn: *asn,
                role: Role::Origin,
                counted: asn_state.window.second(second),
                paths: asn_state.paths.second(second).map(OnPath::from).collect(),
                amendments: asn_state.take_amendments(),
                window,
                transit: asn_state.paths.transit().collect(),
                over: (excess.from, excess.to),
                incomplete: sight.incomplete || asn_state.window.second(second).unfollowed > 0,
                seen_whole: sight.whole && verdicts.remaining.unfollowed == 0,
                verdicts,
            });
        }
    }

    /// Times that transit was not noted since the last call, since a bound was reached.
    pub fn take_left_out(&mut self) -> u64 {
        take(&mut self.left_out)
    }

    /// ASNs out of SLA in the last judged second, and what for.
    pub fn out_of_sla(&self) -> impl Iterator<Item = (Role, Asn)> + '_ {
        let origins = self.asns.iter();
        let origins = origins.map(|(asn, asn_state)| (Role::Origin, *asn, &asn_state.threshold));
        let transit = self.transit.iter();
        let transit =
            transit.map(|(asn, transit_state)| (Role::Transit, *asn, &transit_state.threshold));
        let out = origins
            .chain(transit)
            .filter(|(_, _, threshold)| threshold.excess().any());
        out.map(|(role, asn, _)| (role, asn))
    }

    /// The row to show, of the ASNs that are admitted; `last` is the last second judged.
    pub fn row(
        &self,
        last: Option<Second>,
        admitted: impl Fn(Role, Asn) -> bool,
        name: impl Fn(Asn) -> Option<Arc<str>>,
    ) -> CommitmentRow {
        let commitment = &self.commitment;
        let asns = self.asns.iter();
        let asns = asns.filter(|(asn, _)| admitted(Role::Origin, **asn));
        let transit = self.transit.iter();
        let transit = transit.filter(|(asn, _)| admitted(Role::Transit, **asn));
        CommitmentRow {
            name: self.name.clone(),
            committed_rate: commitment.committed_rate,
            threshold: commitment.threshold,
            window_seconds: commitment.window.get(),
            direction: commitment.direction,
            layer: commitment.layer,
            guarantee: commitment.guarantee.clone(),
            since: self.since,
            asns: asns
                .map(|(asn, asn_state)| asn_state.row(*asn, name(*asn), commitment, last))
                .collect(),
            transit_rule: commitment.transit,
            transit: transit
                .map(|(asn, transit_state)| {
                    let window = transit_state.window.sum();
                    transit_state
                        .threshold
                        .row(*asn, name(*asn), window, commitment)
                })
                .collect(),
        }
    }
}
