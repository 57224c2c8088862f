//! One subject of judgement under one commitment, an origin or transit: its window, what it did on
//! each path, and its verdicts.

use crate::judge::history::History;
use crate::judge::pair_counts::Contribution;
use crate::judge::silence::SilenceState;
use crate::judge::tap_gap::NetworkSecond;
use crate::judge::threshold::ThresholdTracker;
use crate::judge::transit_paths::TransitPaths;
use crate::judge::window::{SlidingWindow, first_second};
use crate::meter::asn_counts::AsnCounts;
use crate::meter::asn_silence::AsnSilence;
use crate::sla::commitment::Commitment;
use crate::sla::limit::Limit;
use crate::sla::measure::PerMeasure;
use crate::sla::unseen::Unseen;
use crate::sla::verdict::{Exceeds, WindowContext, held, may_exceed, verdicts};
use crate::sla::{Role, Verdict};
use crate::snapshot::evidence::{Amendment, Judgement, OnPath, SubjectCounts, Verdicts};
use crate::snapshot::{CommitmentAsnRow, GuaranteeRow};
use crate::stream::tally::LossCounts;
use crate::units::{Asn, Ratio, Second};
use std::collections::{BTreeMap, BTreeSet};
use std::mem::take;
use std::num::NonZeroU32;
use std::sync::Arc;

/// What came for a judged second.
#[derive(Clone, Debug, Default)]
struct Amended {
    counted: AsnCounts,
    crossed: BTreeSet<Asn>,
    by_path: BTreeMap<Box<[Asn]>, AsnCounts>,
}

/// One subject of judgement under one commitment. Transit has no paths and no verdicts.
#[derive(Clone, Debug, Default)]
pub(super) struct AsnState {
    pub(super) window: SlidingWindow,
    pub(super) paths: TransitPaths,
    pub(super) threshold: ThresholdTracker,
    pub(super) silence: SilenceState,
    /// What came for judged seconds and is not yet in the evidence.
    amendments: BTreeMap<Second, Amended>,
    guarantees: PerMeasure<GuaranteeRow>,
    /// What the last verdicts rest on.
    remaining: AsnCounts,
    history: History,
    /// The last second of which a leaf says something: a window behind it is a new one.
    told: Option<Second>,
    /// It found no room in the second that is judged.
    is_refused: bool,
}

/// How far a window was seen.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct WindowCoverage {
    /// Its frames that were not seen.
    pub(super) unseen: Unseen,
    /// The same of each second of which some were not, if they are known in all.
    pub(super) seconds: Vec<(Second, u64)>,
    /// The seconds in which the tap may have failed.
    pub(super) tap_gap: Vec<Second>,
    /// The transit ASNs out of SLA in it.
    pub(super) out: BTreeSet<Asn>,
    /// Those that may be, with the frames that were not seen.
    pub(super) maybe_out: BTreeSet<Asn>,
    /// Where some transit ASN found no room in it: those of which all was counted. Any other may be out.
    pub(super) known_transit: Option<BTreeSet<Asn>>,
}

/// A second of a commitment, for all of its subjects.
#[derive(Clone, Copy, Debug)]
pub(super) struct SecondContext<'a> {
    pub(super) second: Second,
    pub(super) commitment: &'a Arc<str>,
    /// Its frames that were not seen.
    pub(super) unseen: Unseen,
}

/// What remains of a window without the packets that crossed a transit ASN out of SLA.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Remaining {
    counts: AsnCounts,
    /// The transit ASNs out of SLA that packets crossed.
    excluded: BTreeSet<Asn>,
}

impl AsnState {
    /// Adds what was counted in a second; over the path, where what a path does is kept.
    pub(super) fn add(&mut self, second: Second, counts: AsnCounts, path: Option<&[Asn]>) {
        self.window.add(second, counts);
        if let Some(transit) = path {
            self.paths.add(second, transit, over_path(counts));
        }
    }

    /// Notes for the evidence what was added to a second judged before.
    pub(super) fn amend(&mut self, second: Second, one: &Contribution<'_>, path: Option<&[Asn]>) {
        let amended = self.amendments.entry(second).or_default();
        amended.counted.add(one.counts);
        if one.counts.packets > 0 {
            let listed = one.transit.iter().filter(|asn| self.paths.crosses(**asn));
            amended.crossed.extend(listed);
        }
        if let Some(transit) = path {
            let by_path = amended.by_path.entry(transit.into()).or_default();
            by_path.add(over_path(one.counts));
        }
    }

    /// Notes for the evidence what is said to have been counted in a second judged before.
    pub(super) fn amend_counted(&mut self, second: Second, counts: &SubjectCounts) {
        let amended = self.amendments.entry(second).or_default();
        amended.counted.add(counts.counted);
        amended.crossed.extend(&counts.crossed);
        for path in &counts.paths {
            let by_path = amended.by_path.entry(path.transit.as_slice().into());
            by_path.or_default().add(path.counted);
        }
    }

    /// Slides on, so that the window ends with `last`.
    pub(super) fn slide(&mut self, last: Second, width: NonZeroU32) {
        self.window.slide(last, width);
        self.paths.slide(last, width);
    }

    /// Nothing is known of the window any more.
    pub(super) fn forget(&mut self) {
        self.forget_window();
        self.amendments.clear();
    }

    /// The window begins anew.
    pub(super) fn forget_window(&mut self) {
        self.window = SlidingWindow::default();
        self.paths = TransitPaths::default();
        self.silence = SilenceState::default();
        self.told = None;
    }

    /// Whether its window goes on from before, in a window that begins with this second.
    pub(super) fn goes_on(&self, first: Second) -> bool {
        self.told.is_some_and(|told| told >= first)
    }

    /// Whether what is said to have been counted says that there was no room for it.
    pub(super) fn says_refused(&self, second: Second) -> bool {
        self.window.second(second).refused > 0
    }

    /// There is no room for its window: this second is judged by itself, and nothing of it is kept.
    pub(super) fn refuse(&mut self, second: Second) {
        self.is_refused = true;
        if !self.says_refused(second) {
            let refused = AsnCounts {
                refused: 1,
                ..AsnCounts::default()
            };
            self.window.add(second, refused);
        }
    }

    /// Its window begins, and may lack what it did before, without room.
    pub(super) fn begin_late(&mut self, second: Second) {
        let begun_late = AsnCounts {
            begun_late: 1,
            ..AsnCounts::default()
        };
        self.window.add(second, begun_late);
    }

    /// Whether some of its traffic in its window may be in no window.
    pub(super) fn is_in_doubt(&self) -> bool {
        let window = self.window.sum();
        window.refused > 0 || window.begun_late > 0
    }

    /// Whether anything was counted in its window.
    pub(super) fn has_counts(&self) -> bool {
        *self.window.sum() != AsnCounts::default()
    }

    /// Whether it found no room in the second that was judged; from now on that is over.
    pub(super) fn take_refused(&mut self) -> bool {
        take(&mut self.is_refused)
    }

    /// Whether it found no room in the second that is judged.
    pub(super) fn is_refused(&self) -> bool {
        self.is_refused
    }

    /// What a second has of it, for the evidence.
    pub(super) fn counts_of(&mut self, second: Second) -> SubjectCounts {
        let counts = SubjectCounts {
            counted: self.window.second(second),
            crossed: self.paths.crossed_last_in(second).collect(),
            paths: self.paths.second(second).map(OnPath::from).collect(),
            silence: self.silence.next.recorded(),
        };
        let says_something = counts.counted != AsnCounts::default()
            || !counts.crossed.is_empty()
            || counts.silence.is_silent();
        if says_something {
            self.told = Some(second);
        }
        counts
    }

    /// What is told of a second of it.
    pub(super) fn judgement(
        &mut self,
        context: SecondContext<'_>,
        (role, asn): (Role, Asn),
        counts: SubjectCounts,
        (verdicts, window_unseen): (Verdicts, Unseen),
    ) -> Judgement {
        let unseen = context.unseen;
        let is_cut = counts.counted.unfollowed > 0 || counts.counted.refused > 0;
        Judgement {
            second: context.second,
            commitment: context.commitment.clone(),
            asn,
            role,
            incomplete: !unseen.is_none() || is_cut,
            counts,
            amendments: self.take_amendments(),
            window: *self.window.sum(),
            transit: self.paths.transit().collect(),
            over: self.threshold.excess(),
            unseen,
            window_unseen,
            seen_whole: window_unseen.is_none() && verdicts.remaining.unfollowed == 0,
            verdicts,
        }
    }

    /// What was judged before is not counted again.
    pub(super) fn forget_counters(&mut self) {
        self.threshold.forget_counters();
        self.silence.forget_counters();
        self.guarantees = self.guarantees.map(|row| GuaranteeRow {
            verdict: row.verdict,
            void_by_transit: row.void_by_transit,
            indeterminate_reason: row.indeterminate_reason,
            ..GuaranteeRow::default()
        });
    }

    /// Forgets something of every second: it was held against another limit.
    pub(super) fn forget_of_each(&mut self, what: fn(&mut AsnCounts)) {
        self.window.forget(what);
        self.paths.forget(what);
    }

    /// Whether there is anything to judge, or to tell of.
    pub(super) fn is_empty(&self) -> bool {
        self.window.is_empty() && self.amendments.is_empty()
    }

    /// What came for judged seconds since the last call.
    fn take_amendments(&mut self) -> Vec<Amendment> {
        let amended = take(&mut self.amendments).into_iter();
        let told = amended.map(|(second, amended)| Amendment {
            second,
            counts: SubjectCounts {
                counted: amended.counted,
                crossed: amended.crossed.into_iter().collect(),
                paths: amended.by_path.into_iter().map(OnPath::from).collect(),
                silence: AsnSilence::default(),
            },
        });
        told.collect()
    }

    /// Numbers lost in seconds that were not seen whole, no more of each than frames were not seen: ours, or
    /// the network's. Of what the ASN sent, and of what its end reports.
    fn lost_unseen(&self, coverage: &WindowCoverage) -> [i64; 2] {
        let mut sums = [0_i64; 2];
        for (second, frames) in &coverage.seconds {
            let counts = self.window.second(*second);
            let frames = i64::try_from(*frames).unwrap_or(i64::MAX);
            for (sum, loss) in sums.iter_mut().zip([counts.sent, counts.reported]) {
                *sum += loss.lost.clamp(0, frames);
            }
        }
        sums
    }

    /// What is counted as lost in seconds in which the tap may have failed.
    fn lost_in_tap_gap(&self, coverage: &WindowCoverage) -> i64 {
        let seconds = coverage.tap_gap.iter();
        let lost = seconds.map(|second| self.window.second(*second).sent.lost.max(0));
        lost.sum()
    }

    /// What its streams do in a second.
    pub(super) fn network_second(&self, second: Second) -> NetworkSecond<'_> {
        NetworkSecond {
            silence: &self.silence.next,
            sends: self.window.second(second).sent.expected > 0,
        }
    }

    fn remaining(&self, out: &BTreeSet<Asn>) -> Remaining {
        let (over, excluded) = self.paths.crossing(out);
        let mut counts = *self.window.sum();
        counts.subtract(over);
        Remaining { counts, excluded }
    }

    /// Adds to the window what is said to have been counted in a second.
    pub(super) fn add_counted(&mut self, second: Second, counts: &SubjectCounts) {
        self.paths.note_crossed(second, &counts.crossed);
        self.window.add(second, counts.counted);
        for path in &counts.paths {
            self.paths.add(second, &path.transit, path.counted);
        }
    }

    /// Gives the verdicts of a second, whose window was seen so far.
    pub(super) fn give_verdicts(
        &mut self,
        commitment: &Commitment,
        second: Second,
        coverage: &WindowCoverage,
        silence_share: Ratio,
    ) -> Verdicts {
        let silence = self.silence.judge(second, silence_share);
        if silence.ended > 0 {
            let ended = i64::try_from(silence.ended).unwrap_or(i64::MAX);
            let counts = AsnCounts {
                sent: LossCounts::maybe(ended),
                ..AsnCounts::default()
            };
            self.window.add(second, counts);
        }
        let Remaining { counts, excluded } = self.remaining(&coverage.out);
        let out_of_sla = self.threshold.excess().any();
        let may_be_out = may_exceed(commitment, self.window.sum(), coverage.unseen)
            || !self.paths.crossing(&coverage.maybe_out).1.is_empty()
            || coverage
                .known_transit
                .as_ref()
                .is_some_and(|known| self.paths.crosses_others(known));
        let context = WindowContext {
            exceeds: Exceeds::of(out_of_sla, may_be_out),
            unseen: coverage.unseen,
            all_over_transit: counts.packets == 0 && self.window.sum().packets > 0,
            is_outage: self
                .silence
                .touches_outage(first_second(second, commitment.window)),
        };
        let mut in_doubt = counts;
        let losses = [&mut in_doubt.sent, &mut in_doubt.reported];
        for (loss, lost) in losses.into_iter().zip(self.lost_unseen(coverage)) {
            loss.doubt(lost, coverage.unseen.bound().unwrap_or(0));
        }
        let in_tap_gap = self.lost_in_tap_gap(coverage);
        in_doubt.sent.doubt(in_tap_gap, in_tap_gap.unsigned_abs());
        in_doubt.sent.maybe_lost += i64::try_from(silence.open).unwrap_or(i64::MAX);
        let judged = verdicts(&commitment.guarantee, &in_doubt, context);
        let given = judged.map(|one| one.map(|(verdict, _)| verdict));
        let reasons = judged.map(|one| one.and_then(|(_, reason)| reason));
        let because = |verdict| match verdict {
            Some(Verdict::Void) if !out_of_sla => excluded.first().copied(),
            _ => None,
        };
        for (measure, verdict) in given.iter() {
            let row = self.guarantees.get_mut(measure);
            row.verdict = *verdict;
            row.void_by_transit = because(*verdict);
            row.indeterminate_reason = *reasons.get(measure);
            if let Some(seconds) = verdict.and_then(|given| row.seconds.get_mut(given as usize)) {
                *seconds += 1;
            }
            let reason = row.indeterminate_reason;
            let of_reason = reason.and_then(|it| row.indeterminate.get_mut(it as usize));
            if let Some(seconds) = of_reason {
                *seconds += 1;
            }
        }
        self.remaining = counts;
        if !self.window.is_empty() {
            let held = held(commitment, self.window.sum());
            let judged = held.of(commitment.direction.judged());
            let most = judged.map(|(_, bytes)| *bytes).max().unwrap_or(0);
            let thousandths = Limit::from(commitment).thousandths(most);
            self.history.add(second, thousandths, given);
        }
        Verdicts {
            given,
            reasons,
            void_by_transit: because(given.iter().find_map(|(_, verdict)| *verdict)),
            remaining: counts,
            excluded: excluded.into_iter().collect(),
        }
    }

    /// The row to show.
    pub(super) fn row(
        &self,
        (role, asn): (Role, Asn),
        name: Option<Arc<str>>,
        commitment: &Commitment,
        last: Option<Second>,
    ) -> CommitmentAsnRow {
        // What was judged stays on record when it is no longer guaranteed.
        let guarantees = PerMeasure::from_fn(|measure| {
            let row = *self.guarantees.get(measure);
            let is_guaranteed = role == Role::Origin && commitment.guarantee.get(measure).is_some();
            (is_guaranteed || row.seconds.iter().any(|seconds| *seconds > 0)).then_some(row)
        });
        CommitmentAsnRow {
            transit: self.paths.transit().collect(),
            guarantees,
            silence: self.silence.row(),
            remaining: self.remaining,
            last_hour: last.map_or_else(Vec::new, |second| self.history.minutes(second)),
            ..self.threshold.row(asn, name, self.window.sum(), commitment)
        }
    }
}

/// What of counts stands over a path: that some are in no window is said of the ASN.
fn over_path(counts: AsnCounts) -> AsnCounts {
    AsnCounts {
        begun_late: 0,
        ..counts
    }
}
