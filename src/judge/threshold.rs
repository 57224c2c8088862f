//! An ASN in one role against a threshold: when it was over, for how long, how far.

use crate::judge::intervals::{ExcessChange, ExcessInterval, ExcessIntervals};
use crate::judge::transit_paths::MAX_LISTED;
use crate::judge::window::first_second;
use crate::meter::asn_counts::AsnCounts;
use crate::sla::Role;
use crate::sla::commitment::Commitment;
use crate::sla::direction::{Direction, Directions};
use crate::sla::limit::Limit;
use crate::sla::measure::PerMeasure;
use crate::sla::verdict::{confirmed, excess, held, measured, unconfirmed_excess};
use crate::snapshot::evidence::EndedExcess;
use crate::snapshot::{CommitmentAsnRow, ExcessIntervalRow, SilenceRow};
use crate::units::{Asn, Second};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The start or end of a time out of SLA, for the operator's log.
#[derive(Clone, PartialEq, Debug)]
pub struct ExcessNotice {
    /// The commitment.
    pub commitment: Arc<str>,
    /// The ASN.
    pub asn: Asn,
    /// What it was over for.
    pub role: Role,
    /// Which traffic was over.
    pub direction: Direction,
    /// What changed.
    pub change: ExcessChange,
}

impl ExcessNotice {
    /// What changed for an ASN under a commitment.
    pub(super) fn new(
        commitment: &str,
        (role, asn): (Role, Asn),
        (direction, change): (Direction, ExcessChange),
    ) -> Self {
        Self {
            commitment: commitment.into(),
            asn,
            role,
            direction,
            change,
        }
    }
}

impl ExcessNotice {
    /// What has ended, if it says so.
    pub fn ended(&self) -> Option<EndedExcess> {
        match &self.change {
            ExcessChange::Began(_) => None,
            ExcessChange::Ended(over)
            | ExcessChange::Revised(over)
            | ExcessChange::Stepped(over) => Some(EndedExcess {
                commitment: self.commitment.clone(),
                asn: self.asn,
                role: self.role,
                direction: self.direction,
                from: over.from,
                last: over.last,
                peak_bytes: over.peak,
                transit: over.transit.iter().copied().collect(),
            }),
        }
    }
}

/// What an ASN has in one direction, or in both together. What was under one contract stays so.
#[derive(Clone, Debug, Default)]
struct DirectionTracker {
    /// The octets of the window that was the largest share of its committed rate.
    peak: Option<(u64, Limit)>,
    intervals: ExcessIntervals,
}

impl DirectionTracker {
    fn peak_share(&self) -> f64 {
        self.peak.map_or(0.0, |(bytes, limit)| limit.share(bytes))
    }

    fn raise_peak(&mut self, bytes: u64, limit: Limit) {
        if bytes > 0 && limit.share(bytes) > self.peak_share() {
            self.peak = Some((bytes, limit));
        }
    }
}

/// One ASN in one role.
#[derive(Clone, Debug, Default)]
pub(super) struct ThresholdTracker {
    excess: Directions<bool>,
    seconds_out: u64,
    /// It exceeds only by what nobody answered.
    is_unconfirmed: bool,
    seconds_unconfirmed: u64,
    sides: Directions<DirectionTracker>,
    /// Every transit ASN that an exclusion of this one has covered: a series, once shown, stays.
    covered: BTreeSet<Asn>,
}

impl ThresholdTracker {
    /// Holds a second's window against the threshold; what changed with it. `transit` is what lies
    /// on the ASN's paths, for an origin that is over; it is told how many found no room.
    pub(super) fn judge(
        &mut self,
        commitment: &Commitment,
        second: Second,
        window: &AsnCounts,
        transit: impl IntoIterator<Item = Asn>,
    ) -> (Vec<(Direction, ExcessChange)>, u64) {
        let limit = Limit::from(commitment);
        let (measured, held) = (measured(window), held(commitment, window));
        self.excess = excess(commitment, window);
        self.seconds_out += u64::from(self.excess.any());
        self.is_unconfirmed = unconfirmed_excess(commitment, window);
        self.seconds_unconfirmed += u64::from(self.is_unconfirmed);
        let covered: Vec<Asn> = if self.excess.any() {
            transit.into_iter().collect()
        } else {
            Vec::new()
        };
        let room = MAX_LISTED - self.covered.len();
        let new = covered.iter().filter(|asn| !self.covered.contains(asn));
        let new: Vec<Asn> = new.take(room).copied().collect();
        self.covered.extend(new);
        let (mut changes, mut left_out) = (Vec::new(), 0);
        for (direction, bytes) in measured.of(commitment.direction.shown()) {
            let side = self.sides.get_mut(direction);
            let ends = (first_second(second, commitment.window), second);
            let before = side.intervals.end_unjudged(ends);
            changes.extend(before.map(|change| (direction, change)));
            side.raise_peak(*bytes, limit);
            let over = *self.excess.get(direction);
            let held = *held.get(direction);
            let (change, more) = side.intervals.judge(second, limit, over, held, &covered);
            changes.extend(change.map(|change| (direction, change)));
            left_out += more;
        }
        (changes, left_out)
    }

    /// Ends what is open, before another contract holds or the clock goes back: `why` says which.
    pub(super) fn end(
        &mut self,
        why: fn(ExcessInterval) -> ExcessChange,
    ) -> Vec<(Direction, ExcessChange)> {
        let mut ended = Vec::new();
        for direction in Direction::ALL {
            let over = self.sides.get_mut(direction).intervals.close();
            ended.extend(over.map(|over| (direction, why(over))));
        }
        ended
    }

    /// Since when it is over in the direction in which it has been for the longest time.
    pub(super) fn over_since(&self) -> Option<Second> {
        let sides = self.sides.iter();
        sides
            .filter_map(|(_, side)| side.intervals.open().map(|over| over.from))
            .min()
    }

    /// What was judged before is not counted again.
    pub(super) fn forget_counters(&mut self) {
        (self.seconds_out, self.seconds_unconfirmed) = (0, 0);
        for direction in Direction::ALL {
            self.sides.get_mut(direction).peak = None;
        }
    }

    /// How the last judged window stood.
    pub(super) fn excess(&self) -> Directions<bool> {
        self.excess
    }

    /// The row to show, without guarantees and without what lies on the ASN's paths now.
    pub(super) fn row(
        &self,
        asn: Asn,
        name: Option<Arc<str>>,
        window: &AsnCounts,
        commitment: &Commitment,
    ) -> CommitmentAsnRow {
        let limit = Limit::from(commitment);
        let window_bytes = measured(window);
        let mut intervals = Vec::new();
        for (direction, side) in self.sides.iter() {
            let of = side.intervals.iter().map(|(over, open)| ExcessIntervalRow {
                direction,
                from: over.from,
                last: over.last,
                open,
                peak_window_bytes: over.peak,
                peak_share: over.peak_share(),
                limit: over.limit,
                transit: over.transit.iter().copied().collect(),
            });
            intervals.extend(of);
        }
        intervals.sort_by_key(|interval| interval.from);
        CommitmentAsnRow {
            asn,
            name,
            window_bytes,
            confirmed_window_bytes: confirmed(window),
            confirmed_share: confirmed(window).map(|bytes| limit.share(*bytes)),
            unconfirmed_excess: self.is_unconfirmed,
            unconfirmed_excess_seconds: self.seconds_unconfirmed,
            share: window_bytes.map(|bytes| limit.share(*bytes)),
            peak_share: self.sides.map(DirectionTracker::peak_share),
            out_of_sla: self.excess.any(),
            out_of_sla_seconds: self.seconds_out,
            out_of_sla_intervals: intervals,
            transit: Vec::new(),
            covered: self.covered.iter().copied().collect(),
            guarantees: PerMeasure::default(),
            silence: SilenceRow::default(),
            remaining: AsnCounts::default(),
            last_hour: Vec::new(),
        }
    }
}
