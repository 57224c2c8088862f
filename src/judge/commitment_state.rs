//! One commitment before the judge: a window, intervals and verdict seconds per ASN.
//!
//! An ASN is judged as an origin by its own traffic and, where the contract says so, as transit by
//! what goes through it: two windows that know nothing of each other.

use crate::attribution::scopes::{ScopeId, ScopeMask};
use crate::judge::asn_state::{AsnState, SecondContext, WindowCoverage};
use crate::judge::incomplete::IncompleteSeconds;
use crate::judge::intervals::ExcessChange;
use crate::judge::pair_counts::{Contribution, end_counts, judged_asn, transit_counts};
use crate::judge::room::{RefusedWindows, WindowRoom, give_room};
use crate::judge::tap_gap::TapGaps;
use crate::judge::threshold::ExcessNotice;
use crate::judge::window::first_second;
use crate::meter::asn_counts::AsnCounts;
use crate::meter::second::{RoundTrip, SecondCounts};
use crate::sla::Role;
use crate::sla::commitment::{Commitment, TransitRule};
use crate::sla::direction::Direction;
use crate::sla::limit::Limit;
use crate::sla::measure::Measure;
use crate::sla::unseen::Unseen;
use crate::sla::verdict::may_exceed;
use crate::snapshot::CommitmentRow;
use crate::snapshot::evidence::{JudgementObserver, SubjectCounts, Verdicts};
use crate::units::{Asn, Ratio, Second};
use std::collections::{BTreeMap, BTreeSet};
use std::mem::take;
use std::ops::RangeInclusive;
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
    /// Every origin, and where transit is judged what goes through each transit ASN. Boxed: a node of the
    /// map has room for 11, and uses two thirds of it.
    subjects: BTreeMap<(Role, Asn), Box<AsnState>>,
    /// Paths of all origins together.
    paths: usize,
    /// Times that transit was not noted, since a bound was reached.
    left_out: u64,
    tap_gaps: TapGaps,
    /// When windows last found no room.
    refused: RefusedWindows,
}

/// When something comes, seen from the second that it is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Lateness {
    /// Before it is judged.
    InTime,
    /// Later, while a window holds it.
    Amends,
    /// When no window does any more.
    BeyondWindow,
}

/// What changed for an ASN, as notices.
fn notices_of(
    commitment: &str,
    subject: (Role, Asn),
    changes: Vec<(Direction, ExcessChange)>,
) -> impl Iterator<Item = ExcessNotice> {
    let changes = changes.into_iter();
    changes.map(move |change| ExcessNotice::new(commitment, subject, change))
}

/// The keys of all subjects in a role.
fn all_of(role: Role) -> RangeInclusive<(Role, Asn)> {
    (role, Asn(0))..=(role, Asn(u32::MAX))
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
            subjects: BTreeMap::new(),
            paths: 0,
            left_out: 0,
            tap_gaps: TapGaps::default(),
            refused: RefusedWindows::default(),
        }
    }

    /// The same commitment under a changed contract: seconds stay where they were counted alike (MODEL §6.4). What
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
        let stale: Vec<_> = Measure::ALL
            .map(Measure::properties)
            .into_iter()
            .filter(|it| !(it.counts_alike)(&old.guarantee, &commitment.guarantee))
            .map(|it| it.forget)
            .collect();
        let held_alike = counted_alike
            && Limit::from(old) == Limit::from(&commitment)
            && old.direction == commitment.direction
            && old.count == commitment.count;
        for ((role, asn), asn_state) in &mut self.subjects {
            let is_judged = *role == Role::Origin || judges_transit;
            if !(held_alike && is_judged) {
                let ended = asn_state.threshold.end(ExcessChange::Revised);
                notices.extend(notices_of(&self.name, (*role, *asn), ended));
            }
            if !(counted_alike && is_judged) {
                asn_state.forget_window();
            }
            for what in &stale {
                asn_state.forget_of_each(*what);
            }
            if !judges_transit {
                asn_state.paths.keep_list_only();
            }
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

    /// The contract is gone: what is held against it ends.
    pub fn end(mut self, notices: &mut Vec<ExcessNotice>) {
        for (subject, asn_state) in &mut self.subjects {
            let ended = asn_state.threshold.end(ExcessChange::Revised);
            notices.extend(notices_of(&self.name, *subject, ended));
        }
    }

    /// Nothing is known of any window any more: the next whole second is the first. What is out of SLA ends with
    /// the last second that was judged: the next one may lie before it.
    pub fn restart(&mut self, next: Second, notices: &mut Vec<ExcessNotice>) {
        self.seen_since = next;
        self.refused = RefusedWindows::default();
        for (subject, asn_state) in &mut self.subjects {
            asn_state.forget();
            let ended = asn_state.threshold.end(ExcessChange::Stepped);
            notices.extend(notices_of(&self.name, *subject, ended));
        }
        self.tap_gaps.clear();
    }

    /// A worker did not count this scope in a second.
    pub fn skip_second(&mut self, second: Second) {
        self.seen_since = self.seen_since.max(second.next());
    }

    fn judges_transit(&self) -> bool {
        self.commitment.transit == TransitRule::Judge
    }

    /// Adds what was counted in a second. `next` is the one that is judged next: what is for one before
    /// is an amendment.
    pub fn add(&mut self, second: Second, counts: &SecondCounts, bit: ScopeMask, next: Second) {
        let arrival = if second < first_second(next, self.commitment.window) {
            Lateness::BeyondWindow
        } else if second < next {
            Lateness::Amends
        } else {
            Lateness::InTime
        };
        for (pair, usage) in &counts.usage {
            if !pair.scopes.contains(bit) {
                continue;
            }
            let end_counts = end_counts(&self.commitment, pair, usage);
            for one in end_counts.into_iter().flatten() {
                self.contribute(second, &one, arrival);
            }
            if self.judges_transit() {
                for one in transit_counts(&self.commitment, pair, usage) {
                    self.contribute(second, &one, arrival);
                }
            }
        }
        for trip in &counts.round_trips {
            if trip.pair.scopes.contains(bit)
                && let Some(one) = self.round_trip(trip)
            {
                self.contribute(second, &one, arrival);
            }
        }
    }

    /// What a round trip is to the ASN of its endpoint, if it is one that counts.
    fn round_trip<'a>(&self, trip: &'a RoundTrip) -> Option<Contribution<'a>> {
        let asn = judged_asn(trip.pair.src)?;
        let counts = self.commitment.guarantee.latency?.sample(trip)?;
        let transit = trip.pair.transit.src().into();
        Some(Contribution::to_origin(asn, counts, transit))
    }

    fn contribute(&mut self, second: Second, one: &Contribution<'_>, lateness: Lateness) {
        let judges_transit = self.judges_transit();
        let asn_state = self.subjects.entry((one.role, one.asn)).or_default();
        if lateness == Lateness::BeyondWindow {
            // No window reaches it any more; the evidence does.
            return asn_state.amend(second, one, None);
        }
        let mut path = None;
        if !one.transit.is_empty() {
            if one.counts.packets > 0 {
                self.left_out += asn_state.paths.note_crossed(second, &one.transit);
            }
            if judges_transit {
                let known = asn_state.paths.knows(&one.transit);
                if known || self.paths < MAX_PATHS {
                    self.paths += usize::from(!known);
                    path = Some(&*one.transit);
                } else {
                    self.left_out += 1;
                }
            }
        }
        asn_state.add(second, one.counts, path);
        if lateness == Lateness::InTime {
            let (with_packets, quiet) = one.streams;
            asn_state.silence.next.add(with_packets, quiet);
        }
        if lateness == Lateness::Amends {
            asn_state.amend(second, one, path);
        }
    }

    /// Adds what is said to have been counted of an ASN in a second; what is left out of that was so when
    /// it was counted.
    pub fn add_counted(&mut self, second: Second, subject: (Role, Asn), counts: &SubjectCounts) {
        let asn_state = self.subjects.entry(subject).or_default();
        asn_state.add_counted(second, counts);
        if counts.silence.is_silent() {
            asn_state.silence.next = counts.silence.clone();
        }
    }

    /// Adds what is said to have been counted of an ASN in a second that was judged before `next`: to the
    /// window, while it holds that second, and to the evidence.
    pub fn amend_counted(
        &mut self,
        (second, next): (Second, Second),
        subject: (Role, Asn),
        counts: &SubjectCounts,
    ) {
        let is_held = second >= first_second(next, self.commitment.window);
        let asn_state = self.subjects.entry(subject).or_default();
        if is_held {
            asn_state.add_counted(second, counts);
        }
        asn_state.amend_counted(second, counts);
    }

    /// What of some seconds was not seen: all of those in which this scope was not counted.
    fn unseen(&self, first: Second, last: Second, incomplete: &IncompleteSeconds) -> Unseen {
        if first < self.seen_since {
            Unseen::Unknown
        } else {
            incomplete.unseen(first, last)
        }
    }

    /// The windows that go on in a second: how many seconds are in each.
    pub(super) fn standing(&self, second: Second) -> impl Iterator<Item = usize> + '_ {
        let first = first_second(second, self.commitment.window);
        let all = self.subjects.values();
        let standing = all.filter(move |asn_state| asn_state.goes_on(first));
        standing.map(|asn_state| asn_state.window.len())
    }

    /// Slides on to a second, and gives room to the windows that begin in it, or refuses it.
    pub(super) fn give_room(&mut self, second: Second, room: &mut WindowRoom) {
        let commitment = &self.commitment;
        let first = first_second(second, commitment.window);
        for asn_state in self.subjects.values_mut() {
            asn_state.slide(second, commitment.window);
        }
        let is_bounded = room.is_bounded();
        let new = self.subjects.iter_mut().filter(|(_, asn_state)| {
            let is_new = !asn_state.goes_on(first) && !asn_state.window.is_empty();
            asn_state.says_refused(second) || (is_bounded && is_new)
        });
        let (ends, refused) = ((first, second), &mut self.refused);
        give_room(commitment, ends, new, room, refused);
    }

    /// Judges a second. Of an ASN's active streams `silence_share` have to be silent for that to count;
    /// `admitted` tells which ASNs keep their counts when they fall silent.
    pub fn judge(
        &mut self,
        second: Second,
        incomplete: &IncompleteSeconds,
        silence_share: Ratio,
        admitted: impl Fn(Role, Asn) -> bool,
        observer: &mut dyn JudgementObserver,
        notices: &mut Vec<ExcessNotice>,
    ) {
        let first = first_second(second, self.commitment.window);
        let mut coverage = self.coverage((first, second), incomplete);
        self.paths = 0;
        // What is left of an origin depends on which transit is out of SLA.
        for role in [Role::Transit, Role::Origin] {
            self.judge_role(
                role,
                second,
                (&mut coverage, incomplete),
                silence_share,
                observer,
                notices,
            );
            if role == Role::Transit && self.refused.touches(role, first) {
                coverage.known_transit = Some(self.known_transit());
            }
        }
        self.subjects.retain(|(role, asn), asn_state| {
            if asn_state.take_refused() {
                asn_state.forget();
            }
            if asn_state.window.is_empty() {
                asn_state.silence.forget_judged();
            }
            !asn_state.window.is_empty() || admitted(*role, *asn)
        });
    }

    /// How far a window was seen, before it is known which transit is out of SLA.
    fn coverage(
        &mut self,
        (first, second): (Second, Second),
        incomplete: &IncompleteSeconds,
    ) -> WindowCoverage {
        let networks = self.subjects.range(all_of(Role::Origin));
        let networks = networks.map(|(_, asn_state)| asn_state.network_second(second));
        self.tap_gaps.judge((first, second), networks);
        let mut coverage = WindowCoverage {
            unseen: self.unseen(first, second, incomplete),
            tap_gap: self.tap_gaps.seconds_since(first).collect(),
            ..WindowCoverage::default()
        };
        if let Unseen::AtMost(_) = coverage.unseen {
            coverage.seconds.extend(incomplete.each(first, second));
        }
        coverage
    }

    /// The transit ASNs in the window of which all was counted.
    fn known_transit(&self) -> BTreeSet<Asn> {
        let all = self.subjects.range(all_of(Role::Transit));
        let known = all.filter(|(_, asn_state)| asn_state.has_counts() && !asn_state.is_in_doubt());
        known.map(|((_, asn), _)| *asn).collect()
    }

    /// Judges all subjects in a role. Notes which transit is out of SLA, or may be.
    fn judge_role(
        &mut self,
        role: Role,
        second: Second,
        (coverage, incomplete): (&mut WindowCoverage, &IncompleteSeconds),
        silence_share: Ratio,
        observer: &mut dyn JudgementObserver,
        notices: &mut Vec<ExcessNotice>,
    ) {
        let context = SecondContext {
            second,
            commitment: &self.name.clone(),
            unseen: self.unseen(second, second, incomplete),
        };
        let commitment = &self.commitment;
        let mut in_doubt = None;
        for ((_, asn), asn_state) in self.subjects.range_mut(all_of(role)) {
            self.paths += asn_state.paths.len();
            let window = *asn_state.window.sum();
            // Of one that is refused no window is kept: what was open before ends.
            let held = if asn_state.is_refused() {
                AsnCounts::default()
            } else {
                window
            };
            let transit = asn_state.paths.transit();
            let threshold = &mut asn_state.threshold;
            let (changes, left_out) = threshold.judge(commitment, second, &held, transit);
            self.left_out += left_out;
            notices.extend(notices_of(&self.name, (role, *asn), changes));
            let counts = asn_state.counts_of(second);
            let unseen = if asn_state.is_in_doubt() {
                Unseen::Unknown
            } else {
                coverage.unseen
            };
            let verdicts = match role {
                Role::Origin => {
                    let seen = if unseen == coverage.unseen {
                        &*coverage
                    } else {
                        in_doubt.get_or_insert_with(|| WindowCoverage {
                            unseen,
                            ..coverage.clone()
                        })
                    };
                    asn_state.give_verdicts(commitment, second, seen, silence_share)
                }
                Role::Transit => {
                    if asn_state.threshold.excess().any() {
                        coverage.out.insert(*asn);
                    } else if may_exceed(commitment, &window, unseen) {
                        coverage.maybe_out.insert(*asn);
                    }
                    Verdicts::none(window)
                }
            };
            if asn_state.is_empty() && !counts.silence.is_silent() {
                continue;
            }
            let given = (verdicts, unseen);
            observer.judged(&asn_state.judgement(context, (role, *asn), counts, given));
        }
    }

    /// Times that transit was not noted since the last call, since a bound was reached.
    pub fn take_left_out(&mut self) -> u64 {
        take(&mut self.left_out)
    }

    /// ASNs out of SLA in the last judged second, and what for.
    pub fn out_of_sla(&self) -> impl Iterator<Item = (Role, Asn)> + '_ {
        let out = self.subjects.iter();
        let out = out.filter(|(_, asn_state)| asn_state.threshold.excess().any());
        out.map(|(subject, _)| *subject)
    }

    /// Since when the ASN is out of SLA that has been for the longest time.
    pub fn over_since(&self) -> Option<Second> {
        let each = self.subjects.values();
        each.filter_map(|asn_state| asn_state.threshold.over_since())
            .min()
    }

    /// What was judged before is not counted again.
    pub fn forget_counters(&mut self) {
        self.left_out = 0;
        self.tap_gaps.forget_counters();
        let all = self.subjects.values_mut();
        all.for_each(|asn_state| asn_state.forget_counters());
    }

    /// The row to show, of the ASNs that are admitted; `last` is the last second judged.
    pub fn row(
        &self,
        last: Option<Second>,
        admitted: impl Fn(Role, Asn) -> bool,
        name: impl Fn(Asn) -> Option<Arc<str>>,
    ) -> CommitmentRow {
        let commitment = &self.commitment;
        let rows = |of| {
            let all = self.subjects.range(all_of(of));
            let shown = all.filter(|((role, asn), _)| admitted(*role, *asn));
            let rows = shown.map(|(subject, asn_state)| {
                asn_state.row(*subject, name(subject.1), commitment, last)
            });
            rows.collect()
        };
        CommitmentRow {
            name: self.name.clone(),
            committed_rate: commitment.committed_rate,
            threshold: commitment.threshold,
            window_seconds: commitment.window.get(),
            direction: commitment.direction,
            count: commitment.count,
            layer: commitment.layer,
            guarantee: commitment.guarantee.clone(),
            since: self.since,
            asns: rows(Role::Origin),
            transit_rule: commitment.transit,
            tap_gap_seconds: self.tap_gaps.seconds(),
            transit: rows(Role::Transit),
            settled_until: None,
        }
    }
}
