//! An ASN in one role against a threshold: when it was over, for how long, how far.

use crate::judge::intervals::{ExcessChange, ExcessInterval, ExcessIntervals};
use crate::meter::paths::MAX_LISTED;
use crate::meter::window::WindowCounts;
use crate::sla::Role;
use crate::sla::commitment::{Commitment, DirectionRule};
use crate::sla::limit::Limit;
use crate::sla::verdict::{Excess, excess, measured};
use crate::snapshot::{CommitmentAsnRow, ExcessIntervalRow, PerDirection, Samples};
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
    /// `from`, `to` or `sum`.
    pub direction: &'static str,
    /// What changed.
    pub change: ExcessChange,
}

impl ExcessNotice {
    /// What changed for an ASN under a commitment.
    pub(super) fn new(
        commitment: &str,
        (role, asn): (Role, Asn),
        (direction, change): (&'static str, ExcessChange),
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
    excess: Excess,
    seconds_out: u64,
    from: DirectionTracker,
    to: DirectionTracker,
    sum: DirectionTracker,
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
        window: &WindowCounts,
        transit: impl IntoIterator<Item = Asn>,
    ) -> (Vec<(&'static str, ExcessChange)>, u64) {
        let limit = Limit::from(commitment);
        let (from, to) = measured(commitment.direction, window);
        self.excess = excess(commitment, window);
        self.seconds_out += u64::from(self.excess.any());
        let covered: Vec<Asn> = if self.excess.any() {
            transit.into_iter().collect()
        } else {
            Vec::new()
        };
        let room = MAX_LISTED - self.covered.len();
        let new = covered.iter().filter(|asn| !self.covered.contains(asn));
        let new: Vec<Asn> = new.take(room).copied().collect();
        self.covered.extend(new);
        let sides = match commitment.direction {
            DirectionRule::Sum => [Some(("sum", &mut self.sum, self.excess.from, from)), None],
            DirectionRule::Either | DirectionRule::From | DirectionRule::To => [
                Some(("from", &mut self.from, self.excess.from, from)),
                Some(("to", &mut self.to, self.excess.to, to)),
            ],
        };
        let (mut changes, mut left_out) = (Vec::new(), 0);
        for (direction, side, over, bytes) in sides.into_iter().flatten() {
            side.raise_peak(bytes, limit);
            let (change, more) = side.intervals.judge(second, limit, over, bytes, &covered);
            changes.extend(change.map(|change| (direction, change)));
            left_out += more;
        }
        (changes, left_out)
    }

    /// Ends what is open, before another contract holds.
    pub(super) fn revise(&mut self) -> impl Iterator<Item = (&'static str, ExcessChange)> {
        let ended = [
            ("from", self.from.intervals.close()),
            ("to", self.to.intervals.close()),
            ("sum", self.sum.intervals.close()),
        ];
        let changed = |(direction, over): (_, Option<ExcessInterval>)| {
            Some((direction, ExcessChange::Revised(over?)))
        };
        ended.into_iter().filter_map(changed)
    }

    /// How the last judged window stood.
    pub(super) fn excess(&self) -> Excess {
        self.excess
    }

    /// The row to show, without guarantees and without what lies on the ASN's paths now.
    pub(super) fn row(
        &self,
        asn: Asn,
        name: Option<Arc<str>>,
        window: &WindowCounts,
        commitment: &Commitment,
    ) -> CommitmentAsnRow {
        let limit = Limit::from(commitment);
        let (from, to) = measured(commitment.direction, window);
        let mut intervals = Vec::new();
        for (direction, side) in [("from", &self.from), ("to", &self.to), ("sum", &self.sum)] {
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
        let peaks = match commitment.direction {
            DirectionRule::Sum => [Some(&self.sum), None],
            DirectionRule::Either | DirectionRule::From | DirectionRule::To => {
                [Some(&self.from), Some(&self.to)]
            }
        };
        let peak_bytes = |side: &DirectionTracker| side.peak.map_or(0, |(bytes, _)| bytes);
        let [peak_from, peak_to] = peaks;
        CommitmentAsnRow {
            asn,
            name,
            window_bytes: PerDirection { from, to },
            peak_window_bytes: PerDirection {
                from: peak_from.map_or(0, peak_bytes),
                to: peak_to.map_or(0, peak_bytes),
            },
            share: PerDirection {
                from: limit.share(from),
                to: limit.share(to),
            },
            peak_share: PerDirection {
                from: peak_from.map_or(0.0, DirectionTracker::peak_share),
                to: peak_to.map_or(0.0, DirectionTracker::peak_share),
            },
            out_of_sla: self.excess.any(),
            out_of_sla_seconds: self.seconds_out,
            out_of_sla_intervals: intervals,
            transit: Vec::new(),
            covered: self.covered.iter().copied().collect(),
            loss: None,
            latency: None,
            samples: Samples::default(),
            last_hour: Vec::new(),
        }
    }
}

/// Of the octets from and to an ASN those that are nearer to the limit.
pub(super) const fn nearest(rule: DirectionRule, window: &WindowCounts) -> u64 {
    let (from, to) = measured(rule, window);
    match rule {
        DirectionRule::Either if to > from => to,
        DirectionRule::Either | DirectionRule::From | DirectionRule::Sum => from,
        DirectionRule::To => to,
    }
}
