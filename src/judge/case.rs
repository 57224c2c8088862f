//! One commitment before the judge: a window, intervals and verdict seconds per ASN.

use crate::asn::Origin;
use crate::attribution::scopes::{ScopeId, ScopeMask};
use crate::judge::history::History;
use crate::judge::intervals::{Change, Intervals};
use crate::meter::second::{Slot, Usage};
use crate::meter::window::{Cell, Losses, RoundTrips, Window, first_second};
use crate::sla::Verdict;
use crate::sla::commitment::{Commitment, DirectionRule};
use crate::sla::verdict::{Excess, Standing, excess, measured, share, verdicts};
use crate::snapshot::evidence::{Evidence, Judgement};
use crate::snapshot::{
    CommitmentAsnRow, CommitmentRow, GuaranteeRow, Interval, PerDirection, Reported, Samples,
};
use crate::units::{Asn, Second};
use crate::voice::class::Class;
use std::collections::BTreeMap;
use std::sync::Arc;

/// One commitment with everything judged by it.
#[derive(Clone, Debug)]
pub struct Case {
    /// What the contract says.
    pub commitment: Commitment,
    name: Arc<str>,
    /// Which scope of the workers' plans is this commitment's.
    pub scope: ScopeId,
    /// The first second that was counted under this scope without a break.
    seen_since: Second,
    asns: BTreeMap<Asn, Docket>,
}

/// One ASN under one commitment.
#[derive(Clone, Debug, Default)]
struct Docket {
    window: Window,
    /// What came for judged seconds and is not yet in the evidence.
    amendments: BTreeMap<Second, Cell>,
    excess: Excess,
    seconds_out: u64,
    peak: (u64, u64),
    from: Intervals,
    to: Intervals,
    loss: GuaranteeRow,
    latency: GuaranteeRow,
    history: History,
}

/// The start or end of a time out of SLA, for the operator's log.
#[derive(Clone, PartialEq, Debug)]
pub struct Notice {
    /// The commitment.
    pub commitment: Arc<str>,
    /// The ASN.
    pub asn: Asn,
    /// `from`, `to` or `sum`.
    pub direction: &'static str,
    /// What changed.
    pub change: Change,
    /// The share at its peak.
    pub peak_share: f64,
}

impl Notice {
    fn new(terms: &Commitment, asn: Asn, direction: &'static str, change: Change) -> Self {
        let (Change::Began(over) | Change::Ended(over)) = change;
        Self {
            commitment: terms.name.as_str().into(),
            asn,
            direction,
            change,
            peak_share: share(over.peak, terms.committed_rate, terms.window),
        }
    }
}

impl Case {
    /// A commitment that counts from a second on.
    pub fn new(commitment: Commitment, scope: ScopeId, seen_since: Second) -> Self {
        let name = commitment.name.as_str().into();
        Self {
            commitment,
            name,
            scope,
            seen_since,
            asns: BTreeMap::new(),
        }
    }

    /// The same case under changed terms: seconds stay where they were counted alike (DESIGN).
    /// Open intervals are closed, and reopened by the next second if it exceeds.
    #[must_use]
    pub fn revised(
        mut self,
        commitment: Commitment,
        scope: ScopeId,
        next: Second,
        notices: &mut Vec<Notice>,
    ) -> Self {
        let old = &self.commitment;
        let counted_alike = old.scope == commitment.scope
            && old.layer == commitment.layer
            && old.classes == commitment.classes
            && old.window == commitment.window;
        let limit = |of: &Commitment| of.guarantee.latency.map(|l| (l.limit, l.methods));
        let same_limit = limit(old) == limit(&commitment);
        let (from, to) = directions(self.commitment.direction);
        for (asn, docket) in &mut self.asns {
            let ended = [(from, docket.from.close()), (to, docket.to.close())];
            for (direction, change) in ended {
                notices.extend(
                    change.map(|change| Notice::new(&self.commitment, *asn, direction, change)),
                );
            }
            if !counted_alike {
                docket.window = Window::default();
            } else if !same_limit {
                docket.window.forget_round_trips();
            }
        }
        if !counted_alike {
            self.seen_since = next;
        }
        Self {
            commitment,
            scope,
            ..self
        }
    }

    /// Nothing is known of any window any more: the next whole second is the first.
    pub fn restart(&mut self, next: Second) {
        self.seen_since = next;
        for docket in self.asns.values_mut() {
            docket.window = Window::default();
            docket.amendments.clear();
        }
    }

    /// A worker did not count this scope in a second.
    pub fn miss(&mut self, second: Second) {
        self.seen_since = self.seen_since.max(second.next());
    }

    /// Adds what was counted in a second. `judged` is the last second judged: what is for it or
    /// before is an amendment.
    pub fn add(&mut self, second: Second, slot: &Slot, bit: ScopeMask, judged: Option<Second>) {
        for (pair, usage) in &slot.usage {
            if !pair.scopes.contains(bit) {
                continue;
            }
            for (asn, cell) in self.cells(pair.src, pair.dst, usage).into_iter().flatten() {
                self.add_cell(second, asn, cell, judged);
            }
        }
        let Some(latency) = self.commitment.guarantee.latency else {
            return;
        };
        for trip in &slot.round_trips {
            if let Origin::As(asn) = trip.origin
                && trip.origin.is_judged()
                && trip.scopes.contains(bit)
                && latency.methods.contains(trip.method)
            {
                let over = u64::from(trip.time > latency.limit);
                let round_trips = RoundTrips { samples: 1, over };
                self.add_cell(
                    second,
                    asn,
                    Cell {
                        round_trips,
                        ..Cell::default()
                    },
                    judged,
                );
            }
        }
    }

    /// What a pair's usage is to the ASNs at its ends.
    fn cells(&self, src: Origin, dst: Origin, usage: &Usage) -> [Option<(Asn, Cell)>; 2] {
        let counted = Class::ALL
            .into_iter()
            .filter(|class| self.commitment.classes.contains(*class));
        let (mut bytes, mut packets) = (0, 0);
        for class in counted {
            bytes += usage.class(class).on(self.commitment.layer);
            packets += usage.class(class).packets;
        }
        let sent = Losses {
            expected: usage.expected(),
            lost: usage.continuity.lost,
        };
        let reported = Losses {
            expected: usage.reports.expected,
            lost: usage.reports.lost,
        };
        let from = Cell {
            from: bytes,
            packets,
            sent,
            ..Cell::default()
        };
        let to = Cell {
            to: bytes,
            packets,
            reported,
            ..Cell::default()
        };
        match (judged(src), judged(dst)) {
            (Some(src), Some(dst)) if src == dst => {
                let cell = Cell {
                    to: bytes,
                    both: bytes,
                    reported,
                    ..from
                };
                [Some((src, cell)), None]
            }
            (src, dst) => [src.map(|asn| (asn, from)), dst.map(|asn| (asn, to))],
        }
    }

    fn add_cell(&mut self, second: Second, asn: Asn, cell: Cell, judged: Option<Second>) {
        let docket = self.asns.entry(asn).or_default();
        if let Some(judged) = judged
            && second <= judged
        {
            if second < first_second(judged.next(), self.commitment.window) {
                return;
            }
            docket.amendments.entry(second).or_default().add(cell);
        }
        docket.window.add(second, cell);
    }

    /// Judges a second. `tainted_in(first, last)` tells whether any second of a stretch was not
    /// seen whole; `admitted` which ASNs keep their counts when they fall silent.
    pub fn judge(
        &mut self,
        second: Second,
        tainted_in: impl Fn(Second, Second) -> bool,
        admitted: impl Fn(Asn) -> bool,
        evidence: &mut dyn Evidence,
        notices: &mut Vec<Notice>,
    ) {
        let commitment = &self.commitment;
        let first = first_second(second, commitment.window);
        let seen_whole = first >= self.seen_since && !tainted_in(first, second);
        let tainted = second < self.seen_since || tainted_in(second, second);
        for (asn, docket) in &mut self.asns {
            docket.window.slide(second, commitment.window);
            let judged = docket.judge(commitment, second, seen_whole, |direction, change| {
                notices.push(Notice::new(commitment, *asn, direction, change));
            });
            if docket.window.is_empty() && docket.amendments.is_empty() {
                continue;
            }
            evidence.judged(&Judgement {
                second,
                commitment: self.name.clone(),
                asn: *asn,
                counted: docket.window.second(second),
                amendments: std::mem::take(&mut docket.amendments).into_iter().collect(),
                window: *docket.window.sum(),
                over: (docket.excess.from, docket.excess.to),
                tainted,
                seen_whole,
                loss: judged.0,
                latency: judged.1,
            });
        }
        self.asns
            .retain(|asn, docket| !docket.window.is_empty() || admitted(*asn));
    }

    /// ASNs out of SLA in the last judged second.
    pub fn out_of_sla(&self) -> impl Iterator<Item = Asn> + '_ {
        self.asns
            .iter()
            .filter(|(_, docket)| docket.excess.any())
            .map(|(asn, _)| *asn)
    }

    /// The row to show, of the ASNs that are admitted; `judged` is the last second judged.
    pub fn row(
        &self,
        judged: Option<Second>,
        admitted: impl Fn(Asn) -> bool,
        name: impl Fn(Asn) -> Option<Arc<str>>,
    ) -> CommitmentRow {
        let commitment = &self.commitment;
        let asns = self.asns.iter().filter(|(asn, _)| admitted(**asn));
        CommitmentRow {
            name: self.name.clone(),
            committed_rate: commitment.committed_rate,
            threshold: commitment.threshold,
            window_seconds: commitment.window.get(),
            direction: commitment.direction,
            layer: commitment.layer,
            guarantee: commitment.guarantee.clone(),
            asns: asns
                .map(|(asn, docket)| docket.row(*asn, name(*asn), commitment, judged))
                .collect(),
        }
    }
}

fn judged(origin: Origin) -> Option<Asn> {
    match origin {
        Origin::As(asn) if origin.is_judged() => Some(asn),
        Origin::As(_) | Origin::Local => None,
    }
}

/// What the two directions are called under a commitment.
const fn directions(rule: DirectionRule) -> (&'static str, &'static str) {
    match rule {
        DirectionRule::Either | DirectionRule::From | DirectionRule::To => ("from", "to"),
        DirectionRule::Sum => ("sum", "to"),
    }
}

/// Of the octets from and to an ASN those that are nearer to the limit.
fn nearest(rule: DirectionRule, from: u64, to: u64) -> u64 {
    match rule {
        DirectionRule::Either => from.max(to),
        DirectionRule::From | DirectionRule::Sum => from,
        DirectionRule::To => to,
    }
}

impl Docket {
    fn judge(
        &mut self,
        commitment: &Commitment,
        second: Second,
        seen_whole: bool,
        mut changed: impl FnMut(&'static str, Change),
    ) -> (Option<Verdict>, Option<Verdict>) {
        let window = self.window.sum();
        let (from, to) = measured(commitment.direction, window);
        self.peak = (self.peak.0.max(from), self.peak.1.max(to));
        self.excess = excess(commitment, window);
        self.seconds_out += u64::from(self.excess.any());
        let names = directions(commitment.direction);
        let tracks = [
            (names.0, &mut self.from, self.excess.from, from),
            (names.1, &mut self.to, self.excess.to, to),
        ];
        for (direction, intervals, over, bytes) in tracks {
            if let Some(change) = intervals.judge(second, over, bytes) {
                changed(direction, change);
            }
        }
        let standing = Standing {
            out_of_sla: self.excess.any(),
            seen_whole,
        };
        let (loss, latency) = verdicts(&commitment.guarantee, window, standing);
        for (row, verdict) in [(&mut self.loss, loss), (&mut self.latency, latency)] {
            row.verdict = verdict;
            if let Some(seconds) = verdict.and_then(|given| row.seconds.get_mut(given as usize)) {
                *seconds += 1;
            }
        }
        if !self.window.is_empty() {
            let most = nearest(commitment.direction, from, to);
            self.history.add(second, most, [loss, latency]);
        }
        (loss, latency)
    }

    fn row(
        &self,
        asn: Asn,
        name: Option<Arc<str>>,
        commitment: &Commitment,
        judged: Option<Second>,
    ) -> CommitmentAsnRow {
        let share_of = |bytes| share(bytes, commitment.committed_rate, commitment.window);
        let (from, to) = measured(commitment.direction, self.window.sum());
        let names = directions(commitment.direction);
        let track = |direction, intervals: &Intervals| {
            let of = intervals.iter().map(move |(over, open)| Interval {
                direction,
                from: over.from,
                last: over.last,
                open,
                peak_window_bytes: over.peak,
                peak_share: share_of(over.peak),
            });
            of.collect::<Vec<_>>()
        };
        let mut intervals = track(names.0, &self.from);
        intervals.extend(track(names.1, &self.to));
        intervals.sort_by_key(|interval| interval.from);
        let guarantee = &commitment.guarantee;
        let window = self.window.sum();
        let losses = |of: Losses| Reported {
            expected: of.expected,
            lost: of.lost,
        };
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
            loss: guarantee.loss.map(|_| self.loss),
            latency: guarantee.latency.map(|_| self.latency),
            samples: Samples {
                sent: losses(window.sent),
                reported: losses(window.reported),
                round_trips: window.round_trips.samples,
                over_limit: window.round_trips.over,
            },
            last_hour: judged.map_or_else(Vec::new, |second| self.history.minutes(second)),
        }
    }
}
