//! An ASN in one role against a threshold: when it was over, for how long, how far.

use crate::judge::intervals::{Change, Intervals};
use crate::meter::paths::MAX_LISTED;
use crate::meter::window::Cell;
use crate::sla::Role;
use crate::sla::commitment::{Commitment, DirectionRule};
use crate::sla::verdict::{Excess, excess, measured, share};
use crate::snapshot::{CommitmentAsnRow, Interval, PerDirection, Samples};
use crate::units::{Asn, Second};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The start or end of a time out of SLA, for the operator's log.
#[derive(Clone, PartialEq, Debug)]
pub struct Notice {
    /// The commitment.
    pub commitment: Arc<str>,
    /// The ASN.
    pub asn: Asn,
    /// What it was over for.
    pub role: Role,
    /// `from`, `to` or `sum`.
    pub direction: &'static str,
    /// What changed.
    pub change: Change,
    /// The share at its peak.
    pub peak_share: f64,
}

impl Notice {
    /// What changed for an ASN under a commitment.
    pub(super) fn new(
        terms: &Commitment,
        (role, asn): (Role, Asn),
        (direction, change): (&'static str, Change),
    ) -> Self {
        let (Change::Began(over) | Change::Ended(over)) = &change;
        let peak_share = share(over.peak, terms.committed_rate, terms.window);
        Self {
            commitment: terms.name.as_str().into(),
            asn,
            role,
            direction,
            change,
            peak_share,
        }
    }
}

/// What the two directions are called under a commitment.
const fn directions(rule: DirectionRule) -> (&'static str, &'static str) {
    match rule {
        DirectionRule::Either | DirectionRule::From | DirectionRule::To => ("from", "to"),
        DirectionRule::Sum => ("sum", "to"),
    }
}

/// One ASN in one role.
#[derive(Clone, Debug, Default)]
pub(super) struct Track {
    excess: Excess,
    seconds_out: u64,
    peak: (u64, u64),
    from: Intervals,
    to: Intervals,
    /// Every transit ASN that an exclusion of this one has covered: a series, once shown, stays.
    covered: BTreeSet<Asn>,
}

impl Track {
    /// Holds a second's window against the threshold; what changed with it. `transit` is what lies
    /// on the ASN's paths, for an origin that is over; it is told how many found no room.
    pub(super) fn judge(
        &mut self,
        commitment: &Commitment,
        second: Second,
        window: &Cell,
        transit: impl IntoIterator<Item = Asn>,
    ) -> (Vec<(&'static str, Change)>, u64) {
        let (from, to) = measured(commitment.direction, window);
        self.peak = (self.peak.0.max(from), self.peak.1.max(to));
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
        let names = directions(commitment.direction);
        let (mut changes, mut left_out) = (Vec::new(), 0);
        for (direction, intervals, over, bytes) in [
            (names.0, &mut self.from, self.excess.from, from),
            (names.1, &mut self.to, self.excess.to, to),
        ] {
            let (change, more) = intervals.judge(second, over, bytes, &covered);
            changes.extend(change.map(|change| (direction, change)));
            left_out += more;
        }
        (changes, left_out)
    }

    /// Ends what is open.
    pub(super) fn close(
        &mut self,
        commitment: &Commitment,
    ) -> impl Iterator<Item = (&'static str, Change)> {
        let (from, to) = directions(commitment.direction);
        let ended = [(from, self.from.close()), (to, self.to.close())];
        let changed = |(direction, change): (_, Option<_>)| Some((direction, change?));
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
        window: &Cell,
        commitment: &Commitment,
    ) -> CommitmentAsnRow {
        let share_of = |bytes| share(bytes, commitment.committed_rate, commitment.window);
        let (from, to) = measured(commitment.direction, window);
        let names = directions(commitment.direction);
        let track = |direction, intervals: &Intervals| {
            let of = intervals.iter().map(move |(over, open)| Interval {
                direction,
                from: over.from,
                last: over.last,
                open,
                peak_window_bytes: over.peak,
                peak_share: share_of(over.peak),
                transit: over.transit.iter().copied().collect(),
            });
            of.collect::<Vec<_>>()
        };
        let mut intervals = track(names.0, &self.from);
        intervals.extend(track(names.1, &self.to));
        intervals.sort_by_key(|interval| interval.from);
        CommitmentAsnRow {
            asn,
            name,
            window_bytes: PerDirection { from, to },
            peak_window_bytes: PerDirection {
                from: self.peak.0,
                to: self.peak.1,
            },
            share: PerDirection {
                from: share_of(from),
                to: share_of(to),
            },
            peak_share: PerDirection {
                from: share_of(self.peak.0),
                to: share_of(self.peak.1),
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
pub(super) const fn nearest(rule: DirectionRule, window: &Cell) -> u64 {
    let (from, to) = measured(rule, window);
    match rule {
        DirectionRule::Either if to > from => to,
        DirectionRule::Either | DirectionRule::From | DirectionRule::Sum => from,
        DirectionRule::To => to,
    }
}
